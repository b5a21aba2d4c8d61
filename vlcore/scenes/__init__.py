"""Pictures of horses and camels on grass, in the desert and in four more places, made from explicit factors.

The one idea: a `Scene` is a value, `draw` is a pure function of it, and the random stream of a factor knows neither
the object nor the context. So a twin differs in exactly what was changed, and bias is something a study adds.
"""

from vlcore.scenes.draw import RENDERER_VERSION, Drawing, draw
from vlcore.scenes.factors import COATS, CONTEXTS, OBJECTS, POSES, SKIES, SPLITS, STYLES, Scene, sample

__all__ = [
    "COATS",
    "CONTEXTS",
    "OBJECTS",
    "POSES",
    "RENDERER_VERSION",
    "SKIES",
    "SPLITS",
    "STYLES",
    "Drawing",
    "Scene",
    "draw",
    "sample",
]
