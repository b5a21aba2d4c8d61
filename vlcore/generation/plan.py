"""Plans of generated sets: each picture with its prompt, seed and file name, known before the first is drawn."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from vlcore.core.errors import BusyError
from vlcore.core.grouping import group_name
from vlcore.datasets.imageset import ImageSetError
from vlcore.datasets.uploads import MAX_SIDE

BACKENDS = ("service", "local")
PROMPT = "a photo of a {object} {context}"
MAX_PER_GROUP = 10_000  # file names have four digits
MIN_SIDE, STEP = 32, 8  # pixels; the models work on a grid of 8 x 8


class GenerateError(ImageSetError):
    """Pictures that cannot be generated; the message says what to do."""


class GenerateBusyError(GenerateError, BusyError):
    """A folder that another run draws into."""


@dataclass(frozen=True)
class Wanted:
    """One picture that a model is asked for.

    Attributes:
        object: what it shows, such as "horse".
        context: name of the context, such as "grass".
        index: number within its group, from 0.
        prompt: the words that the model gets.
        seed: of its noise; None where the back end takes none.
        file_name: its place in the folder, such as ``horse_grass/0000.png``.
    """

    object: str
    context: str
    index: int
    prompt: str
    seed: int | None
    file_name: str


@dataclass(frozen=True)
class Plan:
    """The pictures of a set and everything that shapes them.

    Attributes:
        backend: one of `BACKENDS`.
        model: its name at the service or the hub, or a local folder.
        size: side of the square pictures in pixels.
        steps: denoising steps of a local model; None for the model's own default.
        guidance: how closely a local model keeps to the prompt; None for the model's own default.
        pictures: group by group, in the order of the objects and contexts.
    """

    backend: str
    model: str
    size: int
    steps: int | None
    guidance: float | None
    pictures: tuple[Wanted, ...]

    def settings(self) -> dict[str, Any]:
        """What all pictures share, as JSON-able values."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "pictures"}


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
    """The pictures of every object in every context.

    Args:
        objects: names, such as "horse".
        contexts: phrases as the prompt says them, such as "on the grass".
        per_group: pictures of each object in each context, 1 to 10,000.
        backend, model: as of `Plan`.
        prompt: words with the fields ``{object}`` and ``{context}``.
        size: side of the square pictures in pixels, 32 to 1024, a multiple of 8.
        seed: local back end only: with the group and the index it gives each picture a seed of its own.
        steps: local back end only: denoising steps, at least 1.
        guidance: local back end only: classifier-free guidance scale, from 0.

    Raises:
        GenerateError: when one of them cannot be used.
    """
    if backend not in BACKENDS:
        raise GenerateError(f"There is no back end {backend!r}; choose one of {', '.join(BACKENDS)}.")
    if not model.strip():
        raise GenerateError("No model is named; give a name that the service knows, a hub name or a local folder.")
    if not MIN_SIDE <= size <= MAX_SIDE or size % STEP:
        raise GenerateError(
            f"A side of {size} pixels cannot be drawn; choose {MIN_SIDE} to {MAX_SIDE}, a multiple of {STEP}."
        )
    if backend != "local" and (steps, guidance) != (None, None):
        raise GenerateError("Steps and guidance are for the local back end; leave them out for a service.")
    if steps is not None and steps < 1:
        raise GenerateError(f"{steps} steps cannot draw a picture; give at least 1.")
    if guidance is not None and not (math.isfinite(guidance) and guidance >= 0):
        raise GenerateError(f"A guidance of {guidance} cannot be used; give a number from 0.")
    if not 1 <= per_group <= MAX_PER_GROUP:
        raise GenerateError(f"{per_group} pictures per group cannot be drawn; ask for 1 to {MAX_PER_GROUP:,}.")
    rest = prompt.replace("{object}", "").replace("{context}", "")
    if "{object}" not in prompt or "{context}" not in prompt or "{" in rest or "}" in rest:
        raise GenerateError(f"The prompt {prompt!r} needs the fields {{object}} and {{context}} and no others.")
    things = _by_slug("object", [name.strip() for name in objects])
    places = _by_slug("context", [context_name(phrase) for phrase in contexts])
    pictures = []
    for (thing, obj), ((place, context), phrase) in product(things.items(), zip(places.items(), contexts, strict=True)):
        words = prompt.replace("{object}", obj).replace("{context}", phrase.strip())
        for index in range(per_group):
            file_name = f"{group_name(thing, place)}/{index:04d}.png"
            digest = hashlib.sha256(f"{seed} {file_name}".encode()).digest()  # the same whatever else is planned
            own_seed = int.from_bytes(digest[:4], "big") if backend == "local" else None
            pictures.append(Wanted(obj, context, index, words, own_seed, file_name))
    return Plan(backend, model, size, steps, guidance, tuple(pictures))


def cost_of(pictures: Sequence[Wanted], price: float | None = None) -> float | None:
    """What some pictures cost at a price of one, in its currency; None where no price is known.

    Raises:
        GenerateError: when the price is negative or no number.
    """
    if price is not None and not (math.isfinite(price) and price >= 0):
        raise GenerateError(f"A price of {price} per picture cannot be right; give a number from 0.")
    return None if price is None else price * len(pictures)


def context_name(phrase: str) -> str:
    """The name of a context that a phrase speaks of: "on the grass" is "grass".

    One leading preposition (in, on, at, by, under, inside, near) and one article (the, a, an) are left out.
    """
    leading = r"(?:(?:in|on|at|by|under|inside|near)\s+)?(?:(?:the|an|a)\s+)?"
    return re.sub(rf"^{leading}", "", phrase.strip(), flags=re.IGNORECASE)


def _by_slug(kind: str, names: Sequence[str]) -> dict[str, str]:
    """Names by what stands for them in file names."""
    found: dict[str, str] = {}
    for name in names:
        slug = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
        if not slug or len(slug) > 60:
            raise GenerateError(f"The {kind} {name!r} cannot name a folder; give 1 to 60 letters or digits.")
        if slug in found:
            raise GenerateError(f"The {kind}s {found[slug]!r} and {name!r} would share a folder; rename one of them.")
        found[slug] = name
    if not found:
        raise GenerateError(f"No {kind} is named; give at least one.")
    return found
