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
