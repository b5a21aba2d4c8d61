"""Summary of the pixels of an image set: the baseline that measures compare a model's space with.

Images are averaged to 16 x 16 and projected to as many principal components of the held-out images
as an embedding has numbers, then brought to length 1, so that the space differs from a model's in
its origin alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics import shortcuts

COMPONENTS = 32  # that stand for an image in the space of pixels


@dataclass(frozen=True, eq=False)
class PixelSummary:
    """Colours of the reference images, and the pixel space of the held-out images and of the images
    that probes are fitted on."""

    colour: NDArray[np.floating]  # mean colour of the reference images, (r, 3)
    coarse: NDArray[np.floating]  # the reference images averaged to 16 x 16, (r, 768)
    test: NDArray[np.floating]  # (n, COMPONENTS), unit vectors
    probe: NDArray[np.floating]  # (p, COMPONENTS), p is 0 where no images are for probes


def summarise_pixels(
    pixels: Mapping[str, NDArray[np.uint8]], reference: NDArray[np.int64]
) -> PixelSummary:
    """The summary of images, uint8 (n, S, S, 3) for ``test`` and ``probe``; `reference`
    are positions of the reference images among the former."""
    reference_pixels = pixels["test"][reference]
    probe = shortcuts.coarse(pixels["probe"]) if len(pixels["probe"]) else None
    spaces = reduced_spaces(shortcuts.coarse(pixels["test"]), probe)
    colour, coarse = shortcuts.mean_colour(reference_pixels), shortcuts.coarse(reference_pixels)
    return PixelSummary(colour, coarse, **spaces)


def reduced_spaces(
    test: NDArray[np.floating], probe: NDArray[np.floating] | None
) -> dict[str, NDArray[np.float64]]:
    """Held-out images and images that probes are fitted on, (n, d) and (p, d) or None, by the first
    principal components of the former, as unit vectors: (n, COMPONENTS) and (p, COMPONENTS),
    ``test`` and ``probe``.
    """
    from sklearn.decomposition import PCA  # takes 0.8 s, for which the first page does not wait

    plane = PCA(min(COMPONENTS, *test.shape), svd_solver="covariance_eigh").fit(test)
    spaces = {"test": plane.transform(test), "probe": np.empty((0, plane.n_components_))}
    if probe is not None:
        spaces["probe"] = plane.transform(probe)
    return {
        name: space / np.linalg.norm(space, axis=1, keepdims=True).clip(1e-9)
        for name, space in spaces.items()
    }
