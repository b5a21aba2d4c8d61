"""Horses and camels as posed skeletons wrapped in tapered capsules.

The one idea: an animal is a handful of chains (torso, neck and head, four legs, tail, and mane or humps). A pose only
turns joints; a form only changes lengths and radii; size is a scale. So the animals differ in shape and nothing else.

Coordinates of the body: x forward, y up from the ground, z to the animal's own left, in heights at the withers.
"""

from __future__ import annotations

from vlcore.scenes.camel import camel
from vlcore.scenes.factors import Scene
from vlcore.scenes.horse import build_of, horse
from vlcore.scenes.skeleton import Capsules

# Chosen so that both animals cover the same area on average (tests/scenes/test_draw.py measures it).
HORSE_SCALE = 0.572
CAMEL_SCALE = 0.585


def animal(scene: Scene) -> Capsules:
    """The posed animal of a scene, in fractions of the picture's side."""
    if scene.object == "horse":
        return horse(scene).capsules(HORSE_SCALE * scene.size / build_of(scene.form).legs ** 0.5)
    return camel(scene).capsules(CAMEL_SCALE * scene.size)
