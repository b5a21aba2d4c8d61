"""The factors of a scene, drawn before any pixel exists.

Every factor is drawn from a random stream of its own that knows the seed, the split, the index and
the factor's name. Neither the object nor the context enters a stream, so a twin, which differs in
these, shares every other factor.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

OBJECTS = ("horse", "camel")
# The first two are studied, the others are a shift.
CONTEXTS = ("grass", "desert", "snow", "beach", "street", "room")
SPLITS = ("train", "val", "probe", "test", "demo")
COATS = ("bay", "chestnut", "brown", "black", "grey", "cream", "dun", "sand")
PATTERNS = ("plain", "dapples", "patches")
PALE = ("cream", "dun", "sand")
POSES = ("standing", "alert", "walking", "trotting", "grazing", "looking", "lying")
SKIES = ("clear", "deep", "pale", "dawn", "dusk", "overcast")

Scalar = str | int | float


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything that decides the pixels of one image.

    Lengths are fractions of the image's side, with y growing downwards; angles are radians; what
    has no unit runs from 0 to 1. The last two are settings, not chance: `sample` leaves them
    alone.

    Raises:
        ValueError: A name does not exist, or a contrast is not between 0 and 1.
    """

    object: str
    context: str
    # horse: light, pony, draft; camel: below 0.5 one hump, then two, each from slender to stocky
    form: float
    coat: str
    shade: float  # darker to lighter than the coat's own colour
    socks: float  # how far the pale lower legs and belly go
    pattern: str  # of the coat
    blaze: float  # none below 0.4, then a star, then a blaze down the face
    pose: str
    stride: float  # where in the step, a full cycle
    heading: float  # 0 faces right, pi faces left, between them the animal turns towards the viewer
    size: float  # length of the animal from nose to tail, about
    x: float  # middle of the animal
    y: float  # where its feet stand
    sun_azimuth: float  # -pi/2 left, 0 behind the viewer, pi/2 right
    sun_elevation: float
    sun_strength: float
    sky: str
    clouds: float
    cloud_seed: int
    horizon: float
    relief: float  # flat land to hills or dunes
    tint: float  # along the greens, or along the sands
    props: float  # how many trees, tufts, flowers, rocks
    ground_seed: int
    fur_seed: int
    context_contrast: float = 1.0  # 0 is the same bare land in every context
    object_contrast: float = 1.0  # 0 hides the animal

    def __post_init__(self) -> None:
        for name, names in NAMES.items():
            require(name, getattr(self, name), names)
        for name in ("context_contrast", "object_contrast"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} runs from 0 to 1, not {getattr(self, name)}")

    def replace(self, **changes: Any) -> Scene:
        """The twin: this scene with some factors changed and everything else equal."""
        return dataclasses.replace(self, **changes)

    def factors(self) -> dict[str, Scalar]:
        """All factors as one flat row of JSON scalars, in the order of the fields."""
        return dict(vars(self))  # `dataclasses.asdict` copies each scalar, for half a second a set

    @classmethod
    def from_factors(cls, factors: Mapping[str, Any]) -> Scene:
        """The inverse of `factors`, also of strings of a CSV row.

        Raises:
            ValueError: Factors are missing, unknown or unreadable.
        """
        if odd := sorted(set(factors) ^ set(TYPES)):
            raise ValueError(
                f"a scene needs exactly its own factors; missing or unknown: {', '.join(odd)}"
            )
        values: dict[str, Any] = {name: kind(factors[name]) for name, kind in TYPES.items()}
        return cls(**values)


NAMES = {
    "object": OBJECTS,
    "context": CONTEXTS,
    "coat": COATS,
    "pattern": PATTERNS,
    "pose": POSES,
    "sky": SKIES,
}
_KINDS: dict[str, Callable[[Any], Scalar]] = {"str": str, "int": int, "float": float}
TYPES = {field.name: _KINDS[str(field.type)] for field in dataclasses.fields(Scene)}


def require(what: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError with one sentence unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(allowed)}")


# How each factor is drawn: between two numbers, or as a function of four independent uniform
# numbers.
RANGES = {
    "form": (0, 1),
    "shade": (0, 1),
    "socks": (0, 1),
    "blaze": (0, 1),
    "stride": (0, 1),
    "size": (0.60, 0.74),
    "x": (0.475, 0.525),
    "y": (0.80, 0.91),
    "sun_azimuth": (-1.2, 1.2),
    "sun_elevation": (0.45, 1.1),
    "sun_strength": (0.75, 1.1),
    "clouds": (0, 1),
    "horizon": (0.40, 0.58),
    "relief": (0, 1),
    "tint": (0, 1),
    "props": (0, 1),
}


def heading_of(u: list[float]) -> float:
    """Left or right: mostly within 30 degrees of side-on, one in eleven three-quarter, a few nearly
    from the front."""
    if u[3] < 0.88:
        turn = 0.15 + 0.35 * (u[1] + u[2] - 1)
    elif u[3] < 0.97:
        turn = 0.6 + 0.5 * u[1]
    else:
        turn = 1.1 + (math.pi / 2 - 1.1) * u[1]
    return turn if u[0] < 0.5 else math.pi - turn


def rare_or_common(
    u: list[float], rare: tuple[str, ...], share: float, names: tuple[str, ...]
) -> str:
    """One of the rare names in a share of the images, else one of the common names."""
    names = rare if u[0] < share else tuple(name for name in names if name not in rare)
    return names[int(u[1] * len(names))]


SPECIAL: dict[str, Callable[[list[float]], Scalar]] = {
    # A pale coat, in which a body's shape is hard to see, and a head down or lying hide what is
    # easiest to tell apart.
    "coat": lambda u: rare_or_common(u, PALE, 0.2, COATS),
    "pattern": lambda u: "plain" if u[0] < 0.8 else PATTERNS[1 + int(u[1] * 2)],
    "pose": lambda u: rare_or_common(u, ("grazing", "lying"), 0.1, POSES),
    "heading": heading_of,
    "sky": lambda u: SKIES[int(u[0] * len(SKIES))],
    **dict.fromkeys(("cloud_seed", "ground_seed", "fur_seed"), lambda u: int(u[0] * 2**31)),
}


def sample(object: str, context: str, *, split: str, index: int, seed: int = 0) -> Scene:
    """The scene number `index` of a split, with this object and context.

    Two calls that differ in nothing but object or context give twins; callers that want unrelated
    scenes give each group indices of its own.

    Raises:
        ValueError: A name is unknown or a number negative.
    """
    require("object", object, OBJECTS)
    require("context", context, CONTEXTS)
    require("split", split, SPLITS)
    if index < 0 or seed < 0:
        raise ValueError(f"index and seed count from 0, not {min(index, seed)}")

    def uniforms(name: str) -> list[float]:
        # A hash gives unrelated numbers to related names, and starts ten times faster than a numpy
        # generator.
        stream = f"{int(seed)}/{split}/{int(index)}/{name}"
        words = struct.unpack("<4Q", hashlib.blake2b(stream.encode(), digest_size=32).digest())
        return [(word >> 11) / 2**53 for word in words]

    factors: dict[str, Any] = {}
    for name, (low, high) in RANGES.items():
        factors[name] = low + (high - low) * uniforms(name)[0]
    for name, factor_of in SPECIAL.items():
        factors[name] = factor_of(uniforms(name))
    return Scene(object=object, context=context, **factors)
