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

TOWER = "pretrained"  # whose features are compared


def judge_of(images: ImageSet) -> NoveltyJudge | None:
    """A judge of novelty from the images of a set whose features are stored.

    None where they are too few, as on an imported set before any model on the pretrained tower is
    trained. TowerError where the weights are not on this machine.
    """
    if not images.has_pictures:
        return None
    features = feature_store(images, TOWER)
    all_rows = np.arange(len(images.table))
    rows = np.setdiff1d(all_rows, features.missing(all_rows))
    scenes = images.table["scene"].to_numpy(str)[rows]
    return novelty_judge(features.rows(rows), scenes) if is_enough(scenes) else None


def novelties(
    judge: NoveltyJudge, images: ImageSet, new_images: Sequence[Image.Image]
) -> list[Novelty]:
    """The novelty of new images, shrunk to the size of the set's, as a sharper one is not new."""
    size = int(images.about.get("sizes", [SIZE])[0])
    small = [square(image, min(size, *image.size)) for image in new_images]
    features = feature_store(images, TOWER).comparable(features_of_images(TOWER, small))
    return judge.judge(features)
