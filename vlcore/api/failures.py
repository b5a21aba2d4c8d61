"""Failure directions: what sets the wrong images of an object apart from the correct ones.

Per object, a linear SVM tells wrong from correct held-out images by their features (Jain et al.
2023, "Distilling Model Failures as Directions in Latent Space"). Each image is placed by an SVM
that was fitted without its scene, so that no image is scored by what was fitted on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.models import Model, as_model
from vlcore.data.feature_store import PRETRAINED, Embed, FeatureStore
from vlcore.data.imageset import SOURCE, ImageSet, join_user_columns
from vlcore.experiment.wording import rate_words
from vlcore.metrics.estimate import Estimate, bootstrap

COMPONENTS = 32  # dimensions of the pretrained encoder's features
FEWEST_WRONG = 10  # wrong images, and correct ones, that a direction needs
FOLDS = 5  # of the cross-validation, by scene
BOUND = 0.55  # chance is 0.5; a direction's accuracy is above it with its whole interval
STRENGTH = 0.01  # of the SVM: C, on standardised features
FURTHEST = 48  # images of the wrong end
MOST_VALUES = 12  # of a column that describes the wrong end
MOST_NAMED = 3  # values that describe it
METHOD = (
    "A linear SVM tells wrong from correct held-out images by features of the pretrained image"
    " encoder, or by the model's own embeddings where these features are not stored. Each image is"
    " placed by an SVM that was fitted without its scene (Jain et al. 2023)."
)
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FailureDirection:
    """The direction of one object's failures.

    Attributes:
        object: its name.
        rows: its held-out images, from the correct end to the wrong end, (n,).
        wrong: how many of them are predicted wrong.
        accuracy: balanced accuracy of the SVM; None where too few images are wrong or correct.
        wrong_end: values that the `FURTHEST` images of the wrong end have more often than all: a
            table of ``column``, ``value``, ``share`` and ``usual`` share.
    """

    object: str
    rows: Rows
    wrong: int
    accuracy: Estimate | None
    wrong_end: pd.DataFrame

    @property
    def exists(self) -> bool:
        """Whether wrong images differ from correct ones."""
        return self.accuracy is not None and self.accuracy.low > BOUND

    @property
    def sentence(self) -> str:
        """Whether the failures have a direction, with its accuracy and n."""
        start = (
            f"{self.object.capitalize()}: {self.wrong:,} of {len(self.rows):,} held-out images are"
            " wrong"
        )
        if self.accuracy is None:
            return (
                f"{start}. A direction needs {FEWEST_WRONG} wrong and {FEWEST_WRONG} correct images"
                f" from {FOLDS} scenes each."
            )
        verdict = "a direction" if self.exists else "no clear direction"
        return (
            f"{start}. Their failures have {verdict}: balanced accuracy"
            f" {rate_words(self.accuracy.as_dict())}, chance 50%."
        )


def failures(model: Model | str) -> list[FailureDirection]:
    """Find the direction of each object's failures.

    Raises:
        StoreError: There is no such model.
        ComparisonError: It predicts no object.

    >>> import vlcore as vl
    >>> [part.object for part in vl.failures(vl.train(vl.Condition(bias=0.75, steps=12)))]
    ['camel', 'horse']
    """
    model = as_model(model)
    return find_failures(model.map, model.images)


def find_failures(model: ModelMap, images: ImageSet) -> list[FailureDirection]:
    """Find the directions of the model of a map; see `failures`."""
    stored = model.artifact.embeddings
    if stored.test_correct is None:
        raise ComparisonError("This model's captions name no object, so it makes no errors.")
    rows, is_wrong = stored.rows("test"), ~stored.test_correct
    features = _features(images, rows, stored.test[0])
    objects = images.table["object"].to_numpy(str)[rows]
    directions = []
    for name in sorted(images.grouping.objects):
        inside = objects == name
        directions.append(
            _direction(images, str(name), rows[inside], is_wrong[inside], features[inside])
        )
    return directions


def _direction(
    images: ImageSet, name: str, rows: Rows, is_wrong: NDArray[np.bool_], features: Any
) -> FailureDirection:
    scenes = images.table["scene"].to_numpy(str)[rows]
    accuracy, wrong_end = None, pd.DataFrame()
    sides = is_wrong, ~is_wrong
    has_enough = all(
        side.sum() >= FEWEST_WRONG and len(np.unique(scenes[side])) >= FOLDS for side in sides
    )
    if has_enough:
        scores = _scores(features, is_wrong, scenes)
        hits = ((scores > 0) == is_wrong).astype(float)

        def balanced_accuracy(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            with np.errstate(invalid="ignore"):  # a resample without wrong images
                recalls = [weights @ (hits * side) / (weights @ side) for side in sides]
            return np.asarray(np.mean(recalls, axis=0))

        accuracy = bootstrap(balanced_accuracy, scenes)
        rows = rows[np.argsort(scores, kind="stable")]
        wrong_end = _describe_end(images, rows)
    return FailureDirection(name, rows, int(is_wrong.sum()), accuracy, wrong_end)


def _scores(
    features: Any, is_wrong: NDArray[np.bool_], scenes: NDArray[np.str_]
) -> NDArray[np.float64]:
    """How far each image lies on the wrong side of an SVM that has not seen its scene, (n,)."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=STRENGTH, class_weight="balanced", dual=False, max_iter=10_000)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    return np.asarray(
        cross_val_predict(
            make_pipeline(StandardScaler(), svm),
            features,
            is_wrong,
            groups=scenes,
            cv=folds,
            method="decision_function",
        )
    )


def _describe_end(images: ImageSet, rows: Rows) -> pd.DataFrame:
    """The values that stand out most at the wrong end of ranked images."""
    of_user = images.user_columns.drop(columns=SOURCE).iloc[rows]
    table = join_user_columns(of_user, images.factors(rows), "drawn")
    table.insert(0, "background", images.table["context"].to_numpy()[rows])
    shares = []
    for column in table:
        usual = table[column].value_counts(normalize=True)
        if len(usual) <= MOST_VALUES:
            share = table[column].tail(FURTHEST).value_counts(normalize=True)
            shares += [(column, value, share[value], usual[value]) for value in share.index]
    columns = ["column", "value", "share", "usual"]
    ends = pd.DataFrame(shares, columns=columns).query("share > usual")
    order = (ends["usual"] - ends["share"]).argsort(kind="stable")
    return ends.iloc[order].head(MOST_NAMED).reset_index(drop=True)


def _features(images: ImageSet, rows: Rows, embeddings: NDArray[np.floating]) -> Any:
    """Features to search failures in, (n, d).

    A model's own embedding tells little but its answer: a linear model tells wrong images from
    correct ones in it nearly always, and says nothing of what they show. Jain et al. take CLIP's.
    """
    store = FeatureStore(images, PRETRAINED, _no_encoder)
    if store.missing(rows.tolist()):
        return embeddings
    from sklearn.decomposition import PCA

    features = store.rows(rows)
    count = min(COMPONENTS, *features.shape)
    return PCA(count, svd_solver="randomized", random_state=0).fit_transform(features)


def _no_encoder() -> Embed:
    raise AssertionError("all features are stored")
