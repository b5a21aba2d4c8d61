"""Backgrounds: everything behind the animal, from factors that both objects share.

The one idea: a place is a function of the scene that never reads the object, and how strong a cue it is can be
turned down: towards contrast 0 it becomes the same bare, gently rolling land, whatever the context.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vlcore.scenes.built import room, street
from vlcore.scenes.factors import Scene
from vlcore.scenes.outdoors import BARE, DESERT, GRASS, SNOW, beach, land
from vlcore.scenes.raster import Floats

PAINTERS: dict[str, Callable[[Scene, int], Floats]] = {
    "grass": partial(land, kind=GRASS),
    "desert": partial(land, kind=DESERT),
    "snow": partial(land, kind=SNOW),
    "beach": beach,
    "street": street,
    "room": room,
}


def place(scene: Scene, size: int) -> Floats:
    """The place of a scene as light (size, size, 3), without the animal and without its shadow.

    With `context_contrast` c it is n + c (own - n), where n is bare land under the same sky.
    """
    own = PAINTERS[scene.context](scene, size)
    if scene.context_contrast == 1:
        return own
    bare = land(scene, size, BARE)
    mixed: Floats = bare + scene.context_contrast * (own - bare)
    return mixed
