"""Representational similarity analysis: the shares of object, context and colour in pairwise distances.

How far apart two images lie is regressed on how far apart they are in several simple ways at once, so that "sorted by
context" is not said of a space that is sorted by mean colour (Kriegeskorte et al. 2008).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vlcore.measures.estimate import Estimate, bootstrap

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]
Distances = NDArray[np.float64]  # of all pairs of images, in the order of scipy's `pdist`, (n (n - 1) / 2,)

IMAGES = 200  # what `sample` keeps: 20,000 pairs
FEWEST = 10  # scenes


def sample(scenes: Labels, images: int = IMAGES, seed: int = 0) -> NDArray[np.int64]:
    """Row numbers of at most so many images, sorted: whole scenes drawn at random, all where they are few enough.

    Raises:
        ValueError: when one scene alone has more images than that.
    """
    _, scene, counts = np.unique(scenes, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(counts))
    kept = drawn[counts[drawn].cumsum() <= images]
    if len(kept) == 0:
        raise ValueError(f"A scene with more than {images} images cannot be drawn whole.")
    return np.flatnonzero(np.isin(scene, kept))


def same_label(labels: Labels) -> Distances:
    """0 for two images with the same label and 1 for others, (n,) labels to pairs."""
    first, second = np.triu_indices(len(labels), k=1)
    return np.asarray(labels[first] != labels[second], dtype=np.float64)


def euclidean_distance(features: NDArray[np.floating]) -> Distances:
    """Distance of what `cues.mean_colour` or `cues.coarse` gives of pictures, (n, d) to pairs."""
    from scipy.spatial.distance import pdist

    return np.asarray(pdist(np.asarray(features, dtype=np.float64)))


def rsa(z: Embeddings, models: Mapping[str, Distances], scenes: Labels) -> dict[str, Estimate]:
    """How much of the distances between embeddings each model of distances accounts for beside the others.

    Ranks of cosine distances are regressed on ranks of the models' distances (rank regression, Iman and Conover 1979);
    what comes out are standardised coefficients, 1 for a single model in the same order, 0 for one that adds nothing.
    Intervals are over scenes: a pair counts as often as both its images are drawn, never an image with itself.

    Args:
        z: embeddings, (n, E); choose them with `sample`, for pairs are many.
        models: distances of the same images by name, (n (n - 1) / 2,) each.
        scenes: scene of each image, (n,).

    Raises:
        ValueError: when there are fewer than `FEWEST` scenes, a model has another number of pairs, all distances are
            equal, or a model follows from the others.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import rankdata

    if len(np.unique(scenes)) < FEWEST:
        raise ValueError(f"Distances are compared over at least {FEWEST} scenes.")
    first, second = np.triu_indices(len(z), k=1)
    for name, distances in models.items():
        if len(distances) != len(first):
            raise ValueError(
                f"The distances of {name!r} are of other images: {len(distances)} pairs, not {len(first)}."
            )
    embedded = pdist(np.asarray(z, dtype=np.float64), "cosine")
    if np.ptp(embedded) <= 1e-6:  # what rounding makes of one point
        raise ValueError("All embeddings are equally far apart, so no model accounts for their distances.")
    ranks = np.column_stack([rankdata(distances) for distances in (*models.values(), embedded)])
    ranks -= ranks.mean(axis=0)
    spread = ranks.std(axis=0)
    for name, size in zip(models, spread[:-1], strict=True):
        if size == 0:
            raise ValueError(f"By {name!r} all images are equally far apart, so it accounts for nothing.")
    ranks /= spread
    if np.linalg.matrix_rank(ranks[:, :-1], tol=1e-6 * np.sqrt(len(ranks))) < len(models):
        raise ValueError("One of the models follows from the others; leave one out.")

    def coefficient(column: int, weights: NDArray[np.float64]) -> float:
        pairs = weights[first] * weights[second]
        pairs /= pairs.sum()
        centred = ranks - pairs @ ranks
        covariance = (centred * pairs[:, None]).T @ centred
        slopes = np.linalg.lstsq(covariance[:-1, :-1], covariance[:-1, -1], rcond=1e-9)[0]
        sizes = np.sqrt(np.diagonal(covariance))
        return float(slopes[column] * sizes[column] / sizes[-1])

    return {
        name: bootstrap(lambda weights, column=column: coefficient(column, weights), scenes)  # type: ignore[misc]
        for column, name in enumerate(models)
    }
