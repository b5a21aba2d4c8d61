"""Plans of generated sets: each picture with prompt, seed and file name; and the interface of back
ends that draw."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any, Protocol

from PIL import Image

from vlcore.data.decoding import MAX_SIDE
from vlcore.data.imageset import ImageSetError
from vlcore.experiment.grouping import group_name

BACKENDS = ("service", "local")
PROMPT = "a photo of a {object} {context}"
MAX_PER_GROUP = 10_000  # file names have four digits
MIN_SIDE, STEP = 32, 8  # pixels; the models work on a grid of 8 x 8


class GenerateError(ImageSetError):
    """Pictures that cannot be generated; the message says what to do."""


@dataclass(frozen=True)
class Wanted:
    """One picture that a model is asked for."""

    object: str
    context: str
    index: int  # within its group, from 0
    prompt: str
    seed: int | None  # of its noise; None where the back end takes none
    file_name: str  # its place in the folder, such as ``horse_grass/0000.png``


@dataclass(frozen=True)
class Plan:
    """The pictures of a set, group by group, and everything that shapes them."""

    backend: str
    model: str
    size: int
    steps: int | None  # None for a local model's own default
    guidance: float | None
    pictures: tuple[Wanted, ...]

    def settings(self) -> dict[str, Any]:
        """What all pictures share, as JSON-able values."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "pictures"
        }


class Refused(str):
    """Why a model would not show a picture."""


class TryAgainError(Exception):
    """An attempt that failed and may work later; `after` is how many seconds the service asks to
    wait, if it does."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Backend(Protocol):
    """Draws pictures, so many a call; waiting and counting attempts are left to
    `vlcore.data.generation.run.generate`."""

    batch: int

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        """One attempt at pictures: an RGB image or a refusal for each; TryAgainError or
        GenerateError for all."""


def plan(
    objects: Sequence[str],
    contexts: Sequence[str],
    per_group: int,
    *,
    backend: str,
    model: str,
    prompt: str = PROMPT,
    size: int = 512,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
) -> Plan:
    """The square pictures of every object, such as "horse", in every context, a phrase such as "on
    the grass".

    Args:
        model: its name at the service or the hub, or a local folder.
        prompt: words with the fields ``{object}`` and ``{context}``.
        size: side in pixels, 32 to 1024, a multiple of 8.
        seed, steps, guidance: of a local back end: with the group and the index the seed gives each
            picture one of its own; denoising steps, at least 1, and classifier-free guidance scale,
            from 0."""
    rest = prompt.replace("{object}", "").replace("{context}", "")
    fields_fit = "{object}" in prompt and "{context}" in prompt and not set("{}") & set(rest)
    sizes = f"choose {MIN_SIDE} to {MAX_SIDE}, a multiple of {STEP}"
    for fits, message in (
        (
            backend in BACKENDS,
            f"There is no back end {backend!r}; choose one of {', '.join(BACKENDS)}.",
        ),
        (
            model.strip(),
            "No model is named; give a name that the service knows, a hub name or a local folder.",
        ),
        (
            MIN_SIDE <= size <= MAX_SIDE and size % STEP == 0,
            f"A side of {size} pixels cannot be drawn; {sizes}.",
        ),
        (
            backend == "local" or (steps, guidance) == (None, None),
            "Steps and guidance are for the local back end.",
        ),
        (steps is None or steps >= 1, f"{steps} steps cannot draw a picture; give at least 1."),
        (
            guidance is None or 0 <= guidance < math.inf,
            f"A guidance of {guidance} is none; give a number from 0.",
        ),
        (
            1 <= per_group <= MAX_PER_GROUP,
            f"Ask for 1 to {MAX_PER_GROUP:,} pictures per group, not {per_group}.",
        ),
        (
            fields_fit,
            f"The prompt {prompt!r} needs the fields {{object}} and {{context}} and no others.",
        ),
    ):
        if not fits:
            raise GenerateError(message)
    things = _by_slug("object", [name.strip() for name in objects])
    places = _by_slug("context", [context_name(phrase) for phrase in contexts])
    pictures = []
    for (thing, obj), ((place, context), phrase) in product(
        things.items(), zip(places.items(), contexts, strict=True)
    ):
        words = prompt.replace("{object}", obj).replace("{context}", phrase.strip())
        for index in range(per_group):
            file_name = f"{group_name(thing, place)}/{index:04d}.png"
            digest = hashlib.sha256(
                f"{seed} {file_name}".encode()
            ).digest()  # the same whatever else is planned
            own_seed = int.from_bytes(digest[:4], "big") if backend == "local" else None
            pictures.append(Wanted(obj, context, index, words, own_seed, file_name))
    return Plan(backend, model, size, steps, guidance, tuple(pictures))


def context_name(phrase: str) -> str:
    """What a phrase speaks of, without one leading preposition and one article: "on the grass" is
    "grass"."""
    leading = r"^(?:(?:in|on|at|by|under|inside|near)\s+)?(?:(?:the|an|a)\s+)?"
    return re.sub(leading, "", phrase.strip(), flags=re.IGNORECASE)


def _by_slug(kind: str, names: Sequence[str]) -> dict[str, str]:
    """Names by what stands for them in file names."""
    if not names:
        raise GenerateError(f"No {kind} is named; give at least one.")
    found: dict[str, str] = {}
    for name in names:
        slug = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
        if not slug or len(slug) > 60:
            raise GenerateError(
                f"The {kind} {name!r} cannot name a folder; give 1 to 60 letters or digits."
            )
        if slug in found:
            raise GenerateError(
                f"The {kind}s {found[slug]!r} and {name!r} would share a folder; rename one of"
                " them."
            )
        found[slug] = name
    return found
