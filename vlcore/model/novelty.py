"""Novelty of new images, in the features of a frozen tower that the images of their set have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from vlcore.data.decoding import square
from vlcore.data.drawn import SIZE
from vlcore.data.imageset import ImageSet
from vlcore.metrics.novelty import Novelty, NoveltyJudge, is_enough, novelty_judge
from vlcore.model.image_features import feature_store, features_of_images

TOWER = "pretrained"  # the one that judges


def judge_of(images: ImageSet) -> NoveltyJudge | None:
    """What judges novelty by all images of a set whose features are there; no other feature is
    computed for it.

    None where they are too few, as on an own set before any model on the pretrained tower is
    trained. TowerError where the weights are not on this machine."""
    if not images.has_pictures:
        return None
    store, every = feature_store(images, TOWER), np.arange(len(images.table))
    rows = np.setdiff1d(every, store.missing(every))
    scenes = images.table["scene"].to_numpy(str)[rows]
    return novelty_judge(store.rows(rows), scenes) if is_enough(scenes) else None


def novelties(
    judge: NoveltyJudge, images: ImageSet, pictures: Sequence[Image.Image]
) -> list[Novelty]:
    """The novelty of each new image beside those of a set, as small as these are: a sharper one is
    not new."""
    size = int(images.about.get("sizes", [SIZE])[0])
    small = [square(picture, min(size, *picture.size)) for picture in pictures]
    features = feature_store(images, TOWER).comparable(features_of_images(TOWER, small))
    return judge.judge(features)
