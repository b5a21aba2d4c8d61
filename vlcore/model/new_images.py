"""New images as the pretrained tower sees them: how new they are to a set, and what of them it
locates as the object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from vlcore.data.decoding import square
from vlcore.data.drawn import SIZE
from vlcore.data.imageset import ImageSet
from vlcore.metrics.novelty import Novelty, NoveltyJudge, is_enough, novelty_judge
from vlcore.metrics.reliance import SIDE, PaintedImages, paint_parts
from vlcore.model.image_features import feature_store, features_of_images

# Its features are compared for novelty, and it locates the object, whatever model predicts.
TOWER = "pretrained"
LOCATING_SIDE = 352  # px: finer than the 224 px of predictions, to resolve a region of 11 x 11


def judge_of(images: ImageSet) -> NoveltyJudge | None:
    """A judge of novelty from the images of a set whose features are stored.

    None where they are too few, as on an imported set before any model on the pretrained tower is
    trained. TowerError where the weights are not on this machine.
    """
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


def painted_images(image: Image.Image) -> PaintedImages:
    """Paint a new image over in several ways; TowerError without the weights that locate."""
    from vlcore.model.frozen_towers import open_tower

    pixels = square(image, SIDE)
    activity = open_tower(TOWER).activity([pixels], LOCATING_SIDE)[0]
    return paint_parts(pixels, np.asarray(activity))
