"""Features of image sets under the frozen towers of conditions, and of single images in the memory of this process."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.datasets.features import Features, FeatureStore, Pixels, stored_precision
from vlcore.datasets.imageset import ImageSet
from vlcore.runs.memory import digest_of

MOST_REMEMBERED = 512  # images, of 5 kB each
_remembered: dict[str, NDArray[np.float32]] = {}  # by digest, the latest last


def feature_store(images: ImageSet, tower: str) -> FeatureStore:
    """The store of features of a set under a frozen tower, an architecture of conditions; the network is loaded when
    something is missing. TowerError where its weights are not on this machine."""
    from vlcore.learning.towers import open_tower, spec_of

    return FeatureStore(images, spec_of(tower), lambda: open_tower(tower).embed)


def features_of_images(tower: str, images: Sequence[Pixels]) -> Features:
    """Features of images that are in no set, such as uploads, (n, F); all models on one tower share them. They stay in
    memory only."""
    from vlcore.learning.towers import open_tower

    digests = [digest_of(tower, image) for image in images]
    new = {digest: image for digest, image in zip(digests, images, strict=True) if digest not in _remembered}
    known = dict(_remembered)  # another thread may forget some meanwhile
    if new:
        known.update(zip(new, stored_precision(open_tower(tower).embed(list(new.values()))), strict=True))
        _remembered.update({digest: known[digest] for digest in new})
    while len(_remembered) > MOST_REMEMBERED:
        _remembered.pop(next(iter(_remembered)), None)
    return np.stack([known[digest] for digest in digests])
