"""Readouts of an object from the embedding space: of captions, of a linear probe, or of DFR.

Each says an object for each image, so that `group_accuracy` scores them all alike: a conclusion
that flips with the readout is about the readout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.accuracy import object_scores
from vlcore.metrics.estimate import Embeddings, Labels

PROBE_STRENGTHS = (0.01, 0.1, 1.0)  # of the probe: C, the inverse of its L2 penalty
FOLDS = 3  # in which its strength is chosen
# Of deep feature reweighting: C, the grid of the paper.
DFR_STRENGTHS = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)
SUBSAMPLES = 20  # balanced ones, whose coefficients are averaged


def linear_probe(z_fit: Embeddings, labels_fit: Labels, z: Embeddings) -> Labels:
    """What a linear model says that was fitted on other images, see `fitted_probe`; (m, E), (m,),
    (n, E) to (n,)."""
    return np.asarray(fitted_probe(z_fit, labels_fit).predict(np.asarray(z, dtype=np.float64)))


def fitted_probe(z_fit: Embeddings, labels_fit: Labels) -> Any:
    """Logistic regression on standardised features: a scikit-learn pipeline of the scaler and the
    regression. Its L2 penalty is the one of `PROBE_STRENGTHS` that is right most often in
    `FOLDS`-fold cross-validation over the fitting images, (m, E) and (m,); they should be balanced,
    and in neither the training nor the test set. ValueError when there is one label only, or one
    has fewer images than there are folds."""
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _, counts = np.unique(labels_fit, return_counts=True)
    if len(counts) < 2 or counts.min() < FOLDS:
        raise ValueError(
            f"A probe is fitted on two labels or more with at least {FOLDS} images each."
        )
    z = np.asarray(z_fit, dtype=np.float64)

    def regression(strength: float, scaled: NDArray[np.float64], labels: Labels) -> Any:
        return LogisticRegression(C=strength, max_iter=2000).fit(scaled, labels)

    # Images often come sorted by what they show.
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    accuracies: dict[float, list[float]] = {strength: [] for strength in PROBE_STRENGTHS}
    # A training fits a hundred of these, and half the time of each went into checks of arguments
    # that are our own.
    with config_context(skip_parameter_validation=True):
        for fit, held_out in folds.split(z, labels_fit):
            scaler = StandardScaler().fit(z[fit])
            scaled, scaled_held_out = scaler.transform(z[fit]), scaler.transform(z[held_out])
            for strength in PROBE_STRENGTHS:
                predicted = regression(strength, scaled, labels_fit[fit]).predict(scaled_held_out)
                accuracies[strength].append(float(np.mean(predicted == labels_fit[held_out])))
        best = max(PROBE_STRENGTHS, key=lambda strength: float(np.mean(accuracies[strength])))
        scaler = StandardScaler().fit(z)
        return make_pipeline(scaler, regression(best, scaler.transform(z), labels_fit))


@dataclass(frozen=True, eq=False)
class LastLayer:
    """A replaced last layer: log odds of the second of two objects against the first, ``z @
    direction + shift``. Whatever it was fitted on, it is of the embeddings themselves, so it
    answers for any image, with scores that mean the same as those of captions: differences of log
    probabilities."""

    objects: tuple[str, str]
    direction: NDArray[np.float64]  # (E,)
    shift: float

    def scores(self, z: Embeddings, objects: Sequence[str]) -> NDArray[np.float64]:
        """Log probabilities of the two objects in the order that is given, (n, E) to (n, 2)."""
        odds = np.asarray(z, dtype=np.float64) @ self.direction + self.shift
        scores = np.stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)], axis=1)
        return scores[:, [self.objects.index(name) for name in objects]]


@dataclass(frozen=True, eq=False)
class ObjectReadout:
    """Which object a model predicts, and how surely: by a re-fitted last layer, else by captions.

    Attributes:
        caption_objects: the object that each of the K captions names; empty where it names none.
        layer: the re-fitted last layer; None where captions are the readout.
    """

    caption_objects: Sequence[str]
    layer: LastLayer | None = None

    @property
    def predicts_objects(self) -> bool:
        """False where captions are the readout and one of them names no object."""
        return self.layer is not None or (
            len(self.caption_objects) > 0 and all(self.caption_objects)
        )

    def scores(
        self, objects: Sequence[str], z: Embeddings, caption_scores: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Log scores of the objects in the order given, (n, 2).

        Args:
            objects: the two objects.
            z: unit vectors of images, (n, E); read by a last layer.
            caption_scores: scores of the images with the captions, (n, K); read without one.

        Raises:
            ValueError: no caption names one of the objects.
        """
        if self.layer is not None:
            return self.layer.scores(z, objects)
        return object_scores(caption_scores, self.caption_objects, objects)

    def predicted(
        self, objects: Sequence[str], z: Embeddings, caption_scores: NDArray[np.floating]
    ) -> NDArray[np.str_]:
        """The predicted object of each image, (n,); arguments and errors as in `scores`."""
        return np.asarray(objects)[self.scores(objects, z, caption_scores).argmax(axis=1)]


def _of_standardised(
    objects: Labels, scaler: Any, direction: NDArray[np.float64], shift: float
) -> LastLayer:
    """The layer that was fitted on what a scaler makes of embeddings, as one on the embeddings
    themselves, (E,)."""
    first, second = objects.tolist()
    shift -= (scaler.mean_ / scaler.scale_) @ direction
    return LastLayer((first, second), direction / scaler.scale_, float(shift))


def probe_layer(z_fit: Embeddings, labels_fit: Labels) -> LastLayer:
    """The linear probe of `fitted_probe` as a layer: (m, E) and (m,), of two labels. Fitted on the
    biased training images it learns what they teach: what the object is, and what goes with it.
    ValueError when a label has too few images."""
    scaler, model = fitted_probe(z_fit, labels_fit)
    return _of_standardised(model.classes_, scaler, model.coef_[0], model.intercept_[0])


def dfr(z_fit: Embeddings, labels_fit: Labels, groups_fit: Labels) -> LastLayer:
    """Deep feature reweighting (Kirichenko et al. 2023): a readout that is fitted on images of
    which all groups count alike, (m, E), (m,), (m,). C is that of `DFR_STRENGTHS` with the best
    worst-group accuracy on one half of the fitting images when fitted on the other; then the
    coefficients of `SUBSAMPLES` fits on balanced subsamples of all of them are averaged. ValueError
    when a group has fewer than four images.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    objects = np.unique(labels_fit)
    names, counts = np.unique(groups_fit, return_counts=True)
    if counts.min() < 4:
        raise ValueError("A new last layer needs at least four validation images of each group.")
    random = np.random.default_rng(0)
    scaler = StandardScaler().fit(z_fit)
    features = scaler.transform(z_fit)

    def fit(rows: NDArray[np.int64], c: float) -> tuple[NDArray[np.float64], float]:
        # l1_ratio of 1 is the sparse penalty of the paper; liblinear is its solver, and it draws a
        # coordinate order.
        model = LogisticRegression(
            C=c, l1_ratio=1.0, solver="liblinear", random_state=0, max_iter=1000
        )
        model.fit(features[rows], labels_fit[rows])
        return model.coef_[0], float(model.intercept_[0])

    members = {name: np.flatnonzero(groups_fit == name) for name in names}
    drawn = [random.permutation(rows) for rows in members.values()]
    first = np.concatenate([rows[: counts.min() // 2] for rows in drawn])
    second = np.concatenate([rows[len(rows) // 2 :] for rows in drawn])

    def worst_group(c: float) -> float:
        coefficients, intercept = fit(first, c)
        is_second = features[second] @ coefficients + intercept > 0
        right = objects[is_second.astype(int)] == labels_fit[second]
        return min(float(right[groups_fit[second] == name].mean()) for name in names)

    best = max(DFR_STRENGTHS, key=worst_group)
    fits = []
    for _ in range(SUBSAMPLES):
        drawn = [random.permutation(rows)[: counts.min()] for rows in members.values()]
        fits.append(fit(np.concatenate(drawn), best))
    directions, shifts = zip(*fits, strict=True)
    return _of_standardised(objects, scaler, np.mean(directions, axis=0), float(np.mean(shifts)))
