"""Images of horses and camels on grass, in the desert and on four more backgrounds, made from
explicit factors.

A `Scene` is a value and `draw_scene` a pure function of it: a twin differs in what was changed
alone, and a study adds bias.
"""

from vlcore.scenes.draw import RENDERER_VERSION, Drawing, draw_scene
from vlcore.scenes.factors import (
    COATS,
    CONTEXTS,
    OBJECTS,
    PALE,
    POSES,
    SKIES,
    SPLITS,
    Scene,
    sample,
)

__all__ = [
    "COATS",
    "CONTEXTS",
    "OBJECTS",
    "PALE",
    "POSES",
    "RENDERER_VERSION",
    "SKIES",
    "SPLITS",
    "Drawing",
    "Scene",
    "draw_scene",
    "sample",
]
