"""Where does a model fail?

`fit_direction` fits, per object, a linear SVM between right and wrong embeddings (Jain et al. 2023,
"Distilling Model Failures as Directions in Latent Space"). Failures have no direction where its
cross-validated accuracy is not clearly above chance.

Finders read labelled images and offer slices of them, the worst first, with a name in words and a
score and threshold that apply to fresh images.

- ``clusters``: a mixture over embedding, label and prediction (after Eyuboglu et al. 2022, Domino).
- ``words``: the words that wrong images have more often than right ones (after Kim et al. 2024,
  bias-to-text); here they are factors of drawn scenes, or words of captions.

scikit-learn is imported inside the functions: pages name finders, and must not wait for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from vlcore.metrics.estimate import Estimate, bootstrap
from vlcore.metrics.slices import Cell, Mask, attribute_words, indicators

FEWEST_WRONG = 10  # wrong images of an object, below which no direction is fitted
# The lower end of the interval of the cross-validated accuracy must be above it. Chance is 0.5.
BOUND = 0.55
FOLDS = 5
STRENGTH = 0.01  # of the SVM: C, on standardised embeddings
COMPONENTS, CLUSTERS, LABEL_WEIGHT = 8, 10, 3.0  # of the mixture
SIGNIFICANCE = 0.05  # of a word, over all words (Bonferroni)


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Held-out images as finders see them.

    Attributes:
        z: embeddings, (n, E).
        objects: true objects, (n,).
        predicted: predicted objects, (n,).
        confidence: probability of the predicted object, (n,).
        scenes: images of one scene are not independent, (n,).
        attributes: words by column, a row an image; an empty word is no attribute.
    """

    z: NDArray[np.floating]
    objects: NDArray[np.str_]
    predicted: NDArray[np.str_]
    confidence: NDArray[np.floating]
    scenes: NDArray[np.str_]
    attributes: pd.DataFrame

    @property
    def right(self) -> Mask:
        return self.objects == self.predicted

    def among(self, mask: Mask) -> "LabelledImages":
        """Some of the images."""
        return LabelledImages(**{name: values[mask] for name, values in vars(self).items()})

    def halves(self) -> tuple[Mask, Mask]:
        """Two halves by scene: one to search in, and a fresh one to measure on."""
        scenes, index = np.unique(self.scenes, return_inverse=True)
        order = np.random.default_rng([0, len(scenes)]).permutation(len(scenes))
        first = (order < (len(scenes) + 1) // 2)[index]
        return first, ~first


@dataclass(frozen=True, eq=False)
class OfferedSlice:
    """A slice that a finder offers.

    Attributes:
        cell: its name: what the finder says that its images have in common.
        score: of images, (n,); `threshold` and more belongs to the slice.
    """

    cell: Cell
    score: Callable[[LabelledImages], NDArray[np.float64]]
    threshold: float

    def contains(self, images: LabelledImages) -> Mask:
        return self.score(images) >= self.threshold


Finder = Callable[[LabelledImages, int], list[OfferedSlice]]  # images, and how many slices at most


@dataclass(frozen=True, eq=False)
class Direction:
    """What sets an object's wrong images apart from its right ones in the embedding space.

    Attributes:
        accuracy: balanced accuracy in cross-validation by scene; None where no direction is fitted.
        wrong: number of wrong images it was fitted on.
        n: number of images it was fitted on.
        reason: why no direction is fitted; empty where it is.
    """

    object: str
    accuracy: Estimate | None
    wrong: int
    n: int
    weights: NDArray[np.float64]
    shift: float
    reason: str = ""

    @property
    def exists(self) -> bool:
        """Whether failures have a direction."""
        return self.accuracy is not None and self.accuracy.low > BOUND

    def scores(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far images lie on the wrong side, (n, E) to (n,)."""
        return np.asarray(z, np.float64) @ self.weights + self.shift


def fit_direction(images: LabelledImages, name: str) -> Direction:
    """Fit the direction of one object's failures."""
    inside = images.objects == name
    z, scenes = np.asarray(images.z[inside], np.float64), images.scenes[inside]
    wrong = ~images.right[inside]
    count = int(wrong.sum())
    nothing = np.zeros(z.shape[1])
    if reason := _too_few(wrong, scenes):
        return Direction(name, None, count, len(wrong), nothing, 0.0, reason)
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    predicted = cross_val_predict(balanced_svm(), z, wrong, groups=scenes, cv=folds)
    hits = (predicted == wrong).astype(float)

    def balanced_accuracy(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):  # a resample without wrong images
            recalls = [weights @ (hits * side) / (weights @ side) for side in (wrong, ~wrong)]
        return np.asarray(np.mean(recalls, axis=0))

    accuracy = bootstrap(balanced_accuracy, scenes)
    scaler, svm = balanced_svm().fit(z, wrong)
    weights = svm.coef_[0] / scaler.scale_
    shift = float(svm.intercept_[0] - scaler.mean_ @ weights)
    return Direction(name, accuracy, count, len(wrong), weights, shift)


def _too_few(wrong: Mask, scenes: NDArray[np.str_]) -> str:
    """What a direction lacks; empty where it can be fitted and cross-validated by scene."""
    sides = wrong, ~wrong
    if min(side.sum() for side in sides) < FEWEST_WRONG:
        return f"a direction needs {FEWEST_WRONG} wrong and {FEWEST_WRONG} right ones"
    if min(len(np.unique(scenes[side])) for side in sides) < FOLDS:
        return f"a direction needs wrong ones, and right ones, of {FOLDS} scenes"
    return ""


def balanced_svm() -> Any:
    """A linear SVM on standardised embeddings for which right and wrong count alike."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=STRENGTH, class_weight="balanced", dual=False, max_iter=10_000)
    return make_pipeline(StandardScaler(), svm)


def best_words(
    images: LabelledImages, name: str, scores: NDArray[np.floating], most: int = 2
) -> tuple[str, ...]:
    """The words, of different columns, whose images of an object have the highest scores."""
    inside = images.objects == name
    words = attribute_words(images.attributes)
    if not words or np.ptp(scores[inside]) == 0:
        return ()
    has = indicators(images.attributes[inside], words)
    has = (has - has.mean(axis=0)) / np.maximum(has.std(axis=0), 1e-12)
    correlations = scores[inside] @ has / len(has) / scores[inside].std()
    chosen: dict[str, str] = {}
    for number in np.argsort(-correlations, kind="stable"):
        column, word = words[number]
        # The second is named only where it says nearly as much as the first.
        if correlations[number] <= 0.5 * correlations.max() or len(chosen) == most:
            break
        chosen.setdefault(column, word)
    return tuple(chosen.values())


def by_clusters(images: LabelledImages, most: int) -> list[OfferedSlice]:
    """Clusters with the most errors above the usual rate, of a mixture over embedding, label and
    prediction; a fresh image belongs to a cluster by its embedding and label."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    if len(images.z) < 4 * CLUSTERS or images.right.all():
        return []
    names = np.unique(images.objects)
    space = PCA(min(COMPONENTS, images.z.shape[1]), whiten=True, random_state=0).fit(images.z)

    def described(fresh: LabelledImages) -> NDArray[np.float64]:
        is_object = fresh.objects[:, None] == names
        return np.hstack([space.transform(fresh.z), LABEL_WEIGHT * is_object])

    is_predicted = LABEL_WEIGHT * (images.predicted[:, None] == names)
    mixture = GaussianMixture(CLUSTERS, covariance_type="diag", random_state=0, reg_covar=0.05)
    mixture.fit(np.hstack([described(images), is_predicted]))
    seen = described(images).shape[1]  # what is known of an image before it is predicted
    marginal = GaussianMixture(CLUSTERS, covariance_type="diag")
    marginal.weights_ = mixture.weights_
    marginal.means_ = mixture.means_[:, :seen]
    marginal.covariances_ = mixture.covariances_[:, :seen]
    marginal.precisions_cholesky_ = 1 / np.sqrt(marginal.covariances_)
    share = marginal.predict_proba(described(images))
    wrong = ~images.right
    excess = share.T @ (wrong - wrong.mean())
    offers = []
    for number in np.argsort(-excess)[:most]:
        if excess[number] <= 0:
            break
        wrong_share = [share[wrong & (images.objects == name), number].sum() for name in names]
        name = str(names[int(np.argmax(wrong_share))])

        def score(fresh: LabelledImages, number: int = int(number)) -> NDArray[np.float64]:
            return np.asarray(marginal.predict_proba(described(fresh))[:, number])

        words = best_words(images, name, share[:, number])
        offers.append(OfferedSlice(Cell(name, words), score, 0.5))
    return offers


def by_words(images: LabelledImages, most: int) -> list[OfferedSlice]:
    """Per object, the words that its wrong images have significantly more often than its right
    ones (one-sided test of two shares, Bonferroni over all words), the surest first."""
    words = attribute_words(images.attributes)
    names = [str(name) for name in np.unique(images.objects)]
    sure = ndtri(1 - SIGNIFICANCE / max(1, len(words) * len(names)))
    candidates = []
    for name in names:
        inside = images.objects == name
        wrong = ~images.right[inside]
        if not FEWEST_WRONG <= wrong.sum() < len(wrong):
            continue
        has = indicators(images.attributes[inside], words)
        pooled = has.mean(axis=0)
        error = np.sqrt(pooled * (1 - pooled) * (1 / wrong.sum() + 1 / (~wrong).sum()))
        gaps = (has[wrong].mean(axis=0) - has[~wrong].mean(axis=0)) / np.maximum(error, 1e-12)
        candidates += [
            (gap, Cell(name, (word,))) for gap, (_, word) in zip(gaps, words, strict=True)
        ]
    surest = sorted(candidates, key=lambda candidate: -candidate[0])
    return [offered_cell(cell) for gap, cell in surest[:most] if gap > sure]


def offered_cell(cell: Cell) -> OfferedSlice:
    """A cell as a slice; among its images those that are named less surely come first."""

    def score(images: LabelledImages) -> NDArray[np.float64]:
        return cell.contains(images.objects, images.attributes) * (2 - images.confidence)

    return OfferedSlice(cell, score, 0.5)


FINDERS: dict[str, Finder] = {"clusters": by_clusters, "words": by_words}
