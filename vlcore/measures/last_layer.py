"""A replaced last layer: two objects told apart by one direction of the embedding space.

The one idea: whatever a readout was fitted on, the biased training pictures or a few balanced ones, what comes out is a
direction and a threshold on the embeddings themselves. So it answers for any picture, with scores that mean the same as
those of captions: differences of log probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]


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
    """The linear probe of `vlcore.measures.readouts.linear_probe` as a layer: (m, E) and (m,).

    Fitted on the biased training pictures it learns what they teach: what the object is, and what goes with it.

    Raises:
        ValueError: when there are not two labels, or one has too few pictures.
    """
    from vlcore.measures.readouts import fitted_probe

    if len(np.unique(labels_fit)) != 2:
        raise ValueError("A new last layer tells two objects apart; the pictures to fit it on do not show two.")
    scaler, model = fitted_probe(z_fit, labels_fit)
    return of_standardised(model.classes_, scaler.mean_, scaler.scale_, model.coef_[0], model.intercept_[0])


STRENGTHS = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)  # C of scikit-learn, the grid of the paper
SUBSAMPLES = 20  # balanced ones, whose coefficients are averaged


def dfr(z_fit: Embeddings, labels_fit: Labels, groups_fit: Labels, seed: int = 0) -> LastLayer:
    """A readout that is fitted on images of which all groups count alike: (m, E), (m,), (m,).

    C is that of `STRENGTHS` with the best worst-group accuracy on one half of the fitting images when fitted on the
    other; then the coefficients of `SUBSAMPLES` fits on balanced subsamples of all of them are averaged.

    Raises:
        ValueError: when a group has fewer than four images, or there are not two labels.
    """
    from sklearn.preprocessing import StandardScaler

    names, counts = np.unique(groups_fit, return_counts=True)
    if len(np.unique(labels_fit)) != 2 or counts.min() < 4:
        raise ValueError("A new last layer needs two objects and at least four validation pictures of each group.")
    random = np.random.default_rng(seed)
    scaler = StandardScaler().fit(z_fit)
    features = scaler.transform(z_fit)
    halves = [np.concatenate(part) for part in zip(*(_halves(groups_fit, name, random) for name in names), strict=True)]
    best = max(STRENGTHS, key=lambda c: _worst(features, labels_fit, groups_fit, halves[0], halves[1], c))
    everything = np.arange(len(z_fit))
    fits = [_fit(features, labels_fit, _balanced(groups_fit, everything, random), best) for _ in range(SUBSAMPLES)]
    coefficients = np.mean([direction for direction, _ in fits], axis=0)
    intercept = np.mean([shift for _, shift in fits])
    return of_standardised(np.unique(labels_fit).tolist(), scaler.mean_, scaler.scale_, coefficients, float(intercept))


def _halves(groups: Labels, name: str, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    members = random.permutation(np.flatnonzero(groups == name))
    return members[: len(members) // 2], members[len(members) // 2 :]


def _balanced(groups: Labels, among: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """As many of each group as the smallest has."""
    members = [among[groups[among] == name] for name in np.unique(groups)]
    fewest = min(map(len, members))
    return np.concatenate([random.permutation(rows)[:fewest] for rows in members])


def _fit(
    features: NDArray[np.float64], labels: Labels, rows: NDArray[np.int64], c: float
) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression

    # l1_ratio of 1 is the sparse penalty of the paper; liblinear is its solver, and it draws a coordinate order.
    model = LogisticRegression(C=c, l1_ratio=1.0, solver="liblinear", random_state=0, max_iter=1000)
    model.fit(features[rows], labels[rows])
    return model.coef_[0], float(model.intercept_[0])


def _worst(
    features: NDArray[np.float64],
    labels: Labels,
    groups: Labels,
    fit: NDArray[np.int64],
    judged: NDArray[np.int64],
    c: float,
) -> float:
    coefficients, intercept = _fit(features, labels, fit, c)
    said = np.unique(labels)[(features[judged] @ coefficients + intercept > 0).astype(int)]
    right = said == labels[judged]
    return min(float(right[groups[judged] == name].mean()) for name in np.unique(groups))
