"""Summary of the pixels of an image set: what measures compare a model's space with, whoever the
model is.

Images are averaged to 16 x 16 and projected to as many principal components of the held-out ones as
an embedding has numbers, then brought to length 1, so that nothing differs from a model's space but
where it comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics import shortcuts
from vlcore.metrics.memory import Memory

COMPONENTS = 32  # that stand for an image in the space of pixels
_spaces = Memory(4)


@dataclass(frozen=True, eq=False)
class PixelSummary:
    """Colours of the images on the map, and the space of the held-out images and of those that
    probes are fitted on."""

    colour: NDArray[np.floating]  # mean colour of the images on the map, (m, 3)
    coarse: NDArray[np.floating]  # the images on the map averaged to 16 x 16, (m, 768)
    test: NDArray[np.floating]  # (n, COMPONENTS), unit vectors
    probe: NDArray[
        np.floating
    ]  # (p, COMPONENTS), (0, COMPONENTS) where no images are kept for probes


def summarise(pixels: Mapping[str, NDArray[np.uint8]], on_map: NDArray[np.int64]) -> PixelSummary:
    """The summary of images, uint8 (n, S, S, 3) for ``test`` and ``probe``, with the places of the
    map's images in the first."""
    shown = pixels["test"][on_map]
    spaces = _spaces.made(lambda: _unit_spaces(pixels), pixels["test"], pixels["probe"])
    return PixelSummary(shortcuts.mean_colour(shown), shortcuts.coarse(shown), **spaces)


def _unit_spaces(pixels: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.float64]]:
    probe = shortcuts.coarse(pixels["probe"]) if len(pixels["probe"]) else None
    return reduced_spaces(shortcuts.coarse(pixels["test"]), probe)


def reduced_spaces(
    test: NDArray[np.floating], probe: NDArray[np.floating] | None
) -> dict[str, NDArray[np.float64]]:
    """Held-out images and those that probes are fitted on, (n, d) and (p, d) or None, by the first
    principal components of the held-out ones, as unit vectors: (n, COMPONENTS) and (p, COMPONENTS),
    ``test`` and ``probe``.
    """
    from sklearn.decomposition import PCA  # it takes 0.8 s, for which the first page does not wait

    plane = PCA(min(COMPONENTS, *test.shape), svd_solver="covariance_eigh").fit(test)
    spaces = {"test": plane.transform(test), "probe": np.empty((0, plane.n_components_))}
    if probe is not None:
        spaces["probe"] = plane.transform(probe)
    return {
        name: space / np.linalg.norm(space, axis=1, keepdims=True).clip(1e-9)
        for name, space in spaces.items()
    }
