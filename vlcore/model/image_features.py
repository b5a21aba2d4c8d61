"""Features of image sets and of single images under frozen towers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vlcore.data.feature_store import Features, FeatureStore, Pixels, stored_precision
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import measured_rows
from vlcore.experiment.options import RANDOM
from vlcore.metrics.memory import Memory
from vlcore.metrics.shortcuts import reduced_spaces

_remembered = Memory(512)  # images, of 5 kB each


def feature_store(images: ImageSet, tower: str) -> FeatureStore:
    """The feature store of a set under a frozen tower; the network is loaded when some are missing.

    TowerError where its weights are not on this machine.
    """
    from vlcore.model.frozen_towers import open_tower, spec_of

    return FeatureStore(images, spec_of(tower), lambda: open_tower(tower).embed)


def random_space(images: ImageSet, tower: str) -> dict[str, NDArray[np.floating]] | None:
    """The space of the same network with random weights, ``test`` and ``probe``, the control.

    Unit vectors of principal components; None where features are missing, for none are computed.
    """
    store = feature_store(images, tower)
    if store.bundle is not None and store.bundle.random:
        return store.bundle.random
    control = feature_store(images, f"{tower}{RANDOM}")
    test, probe = measured_rows(images, "test"), measured_rows(images, "probe")
    if len(test) == 0 or control.missing([*test, *probe]):
        return None
    return dict(reduced_spaces(control.rows(test), control.rows(probe) if len(probe) else None))


def features_of_images(tower: str, images: Sequence[Pixels]) -> Features:
    """Features of images that are in no set, such as uploads, (n, F), remembered in this process.

    All models on one tower share them.
    """
    from vlcore.model.frozen_towers import open_tower, spec_of

    def embed(image: Pixels) -> Features:
        return stored_precision(open_tower(tower).embed([image]))

    rows = [_remembered.get(partial(embed, image), tower, image) for image in images]
    return np.array(rows, np.float32).reshape(-1, spec_of(tower).features)
