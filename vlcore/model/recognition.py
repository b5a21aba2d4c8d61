"""What ImageNet's classifier sees in a new image: one of the objects of a set, or something else.

The pretrained network was trained to tell 1,000 classes apart, and the package of its weights holds
that classifier too. A model of this lab must choose one of two objects for every image. The
classifier says when an image probably shows neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image
from scipy.special import softmax

from vlcore.experiment.grouping import Grouping
from vlcore.model.image_features import features_of_images
from vlcore.model.new_images import TOWER

# Names of the classes, as ImageNet spells them, that show an object.
CLASSES = {"horse": ("sorrel", "horse cart"), "camel": ("Arabian camel",)}
# Of the objects together. Below it an image probably shows neither: docs/uploads.md says how often
# that is right.
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Recognition:
    """What the classifier sees in an image.

    Attributes:
        share: the probability of the objects of a set, all together.
        guess: the name of the most probable class.
        guess_share: its probability.
    """

    share: float
    guess: str
    guess_share: float

    @property
    def is_neither(self) -> bool:
        """Whether the image probably shows none of the objects."""
        return self.share < LEAST_SHARE


def knows_objects(grouping: Grouping) -> bool:
    """Whether ImageNet has classes for all objects of a set."""
    return all(_classes_of(name) for name in grouping.objects)


def recognise(images: Sequence[Image.Image], grouping: Grouping) -> list[Recognition]:
    """Put images to the classifier.

    Args:
        images: RGB.
        grouping: of a set whose objects ImageNet knows, see `knows_objects`.

    Raises:
        TowerError: the weights are not on this machine.
    """
    from vlcore.model.frozen_towers import classifier

    weights, bias = classifier()
    features = features_of_images(TOWER, [np.asarray(image) for image in images])
    names, columns = class_names(), columns_of(grouping)
    recognitions = []
    for row in softmax(features @ weights.T + bias, axis=1):
        best = int(row.argmax())
        recognitions.append(Recognition(float(row[columns].sum()), names[best], float(row[best])))
    return recognitions


def columns_of(grouping: Grouping) -> list[int]:
    """The numbers of the classes that show an object of a set."""
    wanted = {name for word in grouping.objects for name in _classes_of(word)}
    return [number for number, name in enumerate(class_names()) if name in wanted]


def _classes_of(word: str) -> tuple[str, ...]:
    """The classes that show an object; none where ImageNet has no class for it."""
    word = word.lower()
    if word in CLASSES:
        return CLASSES[word]
    return tuple(name for name in class_names() if name.lower() == word)


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """The first name of each of the 1,000 classes, in the classifier's order."""
    from vlcore.model.frozen_towers import class_descriptions

    return tuple(description.split(",")[0] for description in class_descriptions())
