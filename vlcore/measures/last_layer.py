"""A replaced last layer: two objects told apart by one direction of the embedding space.

Whatever a readout was fitted on, it becomes a direction and a threshold on the embeddings themselves, so it answers for
any picture, with scores that mean the same as those of captions: differences of log probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]

STRENGTHS = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)  # C of scikit-learn, the grid of the paper
SUBSAMPLES = 20  # balanced ones, whose coefficients are averaged


@dataclass(frozen=True, eq=False)
class LastLayer:
    """Log odds of the second of two objects against the first: ``z @ direction + shift``."""

    objects: tuple[str, str]
    direction: NDArray[np.float64]  # (E,)
    shift: float

    def log_odds(self, z: Embeddings) -> NDArray[np.float64]:
        """Of the second object, (n, E) to (n,)."""
        return np.asarray(np.asarray(z, dtype=np.float64) @ self.direction + self.shift)

    def names(self, z: Embeddings) -> Labels:
        """The object that is named for each picture, (n, E) to (n,)."""
        return np.asarray(self.objects)[(self.log_odds(z) > 0).astype(int)]

    def scores(self, z: Embeddings, objects: Sequence[str]) -> NDArray[np.float64]:
        """Log probabilities of the objects in the order that is given, (n, E) to (n, 2).

        Raises:
            ValueError: when other objects are asked for than those that the layer tells apart.
        """
        if sorted(objects) != sorted(self.objects):
            raise ValueError(f"This readout tells {' from '.join(self.objects)}, not {' from '.join(objects)}.")
        odds = self.log_odds(z)
        both = dict(zip(self.objects, (-np.logaddexp(0, odds), -np.logaddexp(0, -odds)), strict=True))
        return np.stack([both[name] for name in objects], axis=1)


def of_standardised(
    objects: Sequence[str], mean: NDArray[np.float64], scale: NDArray[np.float64], direction: NDArray[np.float64],
    shift: float,
) -> LastLayer:  # fmt: skip
    """The layer that was fitted on ``(z - mean) / scale``, as one on the embeddings themselves; (E,) each."""
    first, second = (str(name) for name in objects)
    return LastLayer((first, second), direction / scale, float(shift - (mean / scale) @ direction))


def probe_layer(z_fit: Embeddings, labels_fit: Labels) -> LastLayer:
    """The linear probe of `vlcore.measures.readouts.fitted_probe` as a layer: (m, E) and (m,).

    Fitted on the biased training pictures it learns what they teach: what the object is, and what goes with it.

    Raises:
        ValueError: when there are not two labels, or one has too few pictures.
    """
    from vlcore.measures.readouts import fitted_probe

    if len(np.unique(labels_fit)) != 2:
        raise ValueError("A new last layer tells two objects apart; the pictures to fit it on do not show two.")
    scaler, model = fitted_probe(z_fit, labels_fit)
    return of_standardised(model.classes_, scaler.mean_, scaler.scale_, model.coef_[0], model.intercept_[0])


def dfr(z_fit: Embeddings, labels_fit: Labels, groups_fit: Labels, seed: int = 0) -> LastLayer:
    """Deep feature reweighting (Kirichenko et al. 2023): a readout that is fitted on images of which all groups count
    alike, (m, E), (m,), (m,).

    C is that of `STRENGTHS` with the best worst-group accuracy on one half of the fitting images when fitted on the
    other; then the coefficients of `SUBSAMPLES` fits on balanced subsamples of all of them are averaged.

    Raises:
        ValueError: when a group has fewer than four images, or there are not two labels.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    objects = np.unique(labels_fit)
    names, counts = np.unique(groups_fit, return_counts=True)
    if len(objects) != 2 or counts.min() < 4:
        raise ValueError("A new last layer needs two objects and at least four validation pictures of each group.")
    random = np.random.default_rng(seed)
    scaler = StandardScaler().fit(z_fit)
    features = scaler.transform(z_fit)

    def fit(rows: NDArray[np.int64], c: float) -> tuple[NDArray[np.float64], float]:
        # l1_ratio of 1 is the sparse penalty of the paper; liblinear is its solver, and it draws a coordinate order.
        model = LogisticRegression(C=c, l1_ratio=1.0, solver="liblinear", random_state=0, max_iter=1000)
        model.fit(features[rows], labels_fit[rows])
        return model.coef_[0], float(model.intercept_[0])

    members = {name: np.flatnonzero(groups_fit == name) for name in names}
    drawn = [random.permutation(rows) for rows in members.values()]
    first = np.concatenate([rows[: len(rows) // 2] for rows in drawn])
    second = np.concatenate([rows[len(rows) // 2 :] for rows in drawn])

    def worst_group(c: float) -> float:
        coefficients, intercept = fit(first, c)
        right = objects[(features[second] @ coefficients + intercept > 0).astype(int)] == labels_fit[second]
        return min(float(right[groups_fit[second] == name].mean()) for name in names)

    best = max(STRENGTHS, key=worst_group)
    fits = [
        fit(np.concatenate([random.permutation(rows)[: counts.min()] for rows in members.values()]), best)
        for _ in range(SUBSAMPLES)
    ]
    coefficients = np.mean([direction for direction, _ in fits], axis=0)
    intercept = np.mean([shift for _, shift in fits])
    return of_standardised(objects.tolist(), scaler.mean_, scaler.scale_, coefficients, float(intercept))
