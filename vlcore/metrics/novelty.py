"""Novelty of an image: its distance from the images of a set, beside their distances from each
other.

Distances are cosines of centred features to the five nearest images. Of the methods that were tried
(distances without centring or after whitening, local outlier factors, Mahalanobis distances,
residuals of principal components) this one separates scenes of other backgrounds best
(docs/uploads.md)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.metrics.estimate import Embeddings, Estimate, rate

NEAREST = 5  # images that a distance is a mean over
FALSE_ALARMS = 0.05  # share of the set's own images that counts as new
LEAST = 40  # images that a set needs to judge by
JUDGED = 600  # images of a set whose distance to the others is known: more would cost a second
BLOCK = 200  # images at once


@dataclass(frozen=True)
class Novelty:
    """How far an image is from those of a set."""

    distance: float  # mean cosine distance to the nearest images, 0 to 2
    share: Estimate  # of the set's own images that are at least as far from the others

    @property
    def is_new(self) -> bool:
        """Whether it is farther than 95% of the set's own images are from the others."""
        return self.share.value <= FALSE_ALARMS


@dataclass(frozen=True, eq=False)
class NoveltyJudge:
    """The images of a set in a feature space, and the distances of a sample of them from images of
    other scenes."""

    centre: NDArray[np.float32]  # (F,)
    directions: NDArray[np.float32]  # unit vectors of the centred features, (n, F)
    distances: NDArray[np.float32]  # of the sample, (m,)
    scenes: NDArray[np.str_]  # of the sample, (m,)

    def judge(self, features: Embeddings) -> list[Novelty]:
        """The novelty of each image, by its features, (k, F)."""
        similar = _directions(features, self.centre) @ self.directions.T
        return [
            Novelty(float(distance), rate(self.distances >= distance, self.scenes))
            for distance in _distances(similar).tolist()
        ]


def is_enough(scenes: ArrayLike) -> bool:
    """Whether images of these scenes, (n,), are enough to judge novelty by."""
    return len(np.asarray(scenes)) >= LEAST and len(np.unique(np.asarray(scenes))) > NEAREST


def novelty_judge(features: Embeddings, scenes: ArrayLike) -> NoveltyJudge:
    """Judge novelty by the images of a set.

    Args:
        features: of the set's images, (n, F), of which there have to be enough, see `is_enough`.
        scenes: their scenes, (n,); images of one scene are no neighbours of each other.
    """
    names = np.asarray(scenes).astype(str)
    centre = np.asarray(features, np.float32).mean(axis=0)
    directions = _directions(features, centre)
    sample = np.unique(np.linspace(0, len(names) - 1, min(len(names), JUDGED)).astype(int))
    distances = []
    for start in range(0, len(sample), BLOCK):
        block = sample[start : start + BLOCK]
        similar = directions[block] @ directions.T
        similar[names[block][:, None] == names[None]] = -1  # itself and its twins
        distances.append(_distances(similar))
    return NoveltyJudge(centre, directions, np.concatenate(distances), names[sample])


def _directions(features: Embeddings, centre: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = np.asarray(features, np.float32) - centre
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.maximum(lengths, 1e-12)


def _distances(similar: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean distance of each row's nearest, by cosines with all, (k, n) to (k,)."""
    nearest = np.partition(similar, -NEAREST, axis=1)[:, -NEAREST:]
    return np.asarray(1 - nearest.mean(axis=1), np.float32)
