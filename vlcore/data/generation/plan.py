"""Plans of generated sets: each image with prompt, seed and file name; and the interface of back
ends that draw."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image

from vlcore.data.decoding import MAX_SIDE
from vlcore.data.imageset import ImageSetError
from vlcore.experiment.grouping import context_phrase, group_name

BACKENDS = ("service", "local")
PROMPT = "a photo of a {object} {context}"
MIN_SIDE, STEP = 32, 8  # pixels; the models work on a grid of 8 x 8
# Words that a phrase of a place begins with.
_PLACING = (
    "about above across against along amid among around at before behind below beneath beside"
    " between beyond by from in indoors inside into near next off on onto outdoors outside over"
    " past through under underneath underwater up upon with within without"
)


class GenerateError(ImageSetError):
    """Images that cannot be generated; the message says what to do."""


@dataclass(frozen=True)
class PlannedImage:
    """One image that a model is asked for; its fields are stored in ``plan.json``."""

    object: str
    context: str = field(compare=False)  # of a folder begun by an earlier version it may differ
    index: int  # within its group, from 0
    prompt: str
    seed: int | None  # of its noise; None where the back end takes none
    file_name: str  # inside the folder, such as ``horse_grass/0000.png``


@dataclass(frozen=True)
class GenerationPlan:
    """The images of a set, group by group, and everything that shapes them."""

    backend: str
    model: str
    size: int
    steps: int | None  # None for a local model's own default
    guidance: float | None
    images: tuple[PlannedImage, ...]

    def settings(self) -> dict[str, Any]:
        """What all images share, as JSON-able values."""
        names = ("backend", "model", "size", "steps", "guidance")
        return {name: getattr(self, name) for name in names}


class Refused(str):
    """The reason why a model would not show an image."""


class Backend(Protocol):
    """Draws images, so many a call."""

    batch: int

    def draw(self, images: Sequence[PlannedImage]) -> list[Image.Image | Refused]:
        """An RGB image or a refusal for each; GenerateError for all."""


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
) -> GenerationPlan:
    """Plan the square images of every object, such as "horse", in every context, a phrase such as
    "on the grass".

    Args:
        per_group: at most 10,000, for file names have four digits.
        backend: one of `BACKENDS`.
        model: its name at the service or the hub, or a local folder.
        prompt: words with the fields ``{object}`` and ``{context}``.
        size: side in pixels, 32 to 1024, a multiple of 8.
        seed, steps, guidance: of a local back end: with the group and the index the seed gives each
            image one of its own; denoising steps, at least 1, and classifier-free guidance scale,
            from 0.

    Raises:
        GenerateError: where an option cannot be used.
    """
    words = prompt.replace("{object}", "").replace("{context}", "")
    has_fields = "{object}" in prompt and "{context}" in prompt and not set("{}") & set(words)
    _need(
        MIN_SIDE <= size <= MAX_SIDE and size % STEP == 0,
        f"A side of {size} pixels cannot be drawn; choose {MIN_SIDE} to {MAX_SIDE}, a multiple of"
        f" {STEP}.",
    )
    _need(
        backend == "local" or (steps is None and guidance is None),
        "Steps and guidance are for the local back end.",
    )
    _need(steps is None or steps >= 1, f"{steps} steps cannot draw an image; give at least 1.")
    _need(
        guidance is None or 0 <= guidance < math.inf,
        f"A guidance of {guidance} is none; give a number from 0.",
    )
    _need(
        has_fields,
        f"The prompt {prompt!r} needs the fields {{object}} and {{context}} and no others.",
    )
    objects = [name.strip() for name in objects]
    object_slugs = _slugs("object", objects)
    context_slugs = _slugs("context", list(map(_noun, contexts)))
    names, _ = named_contexts(contexts)
    images = []
    for obj, object_slug in zip(objects, object_slugs, strict=True):
        for phrase, name, context_slug in zip(contexts, names, context_slugs, strict=True):
            text = prompt.replace("{object}", obj).replace("{context}", phrase.strip())
            folder = group_name(object_slug, context_slug)
            for index in range(per_group):
                file_name = f"{folder}/{index:04d}.png"
                noise = _noise_seed(seed, file_name) if backend == "local" else None
                images.append(PlannedImage(obj, name, index, text, noise, file_name))
    return GenerationPlan(backend, model, size, steps, guidance, tuple(images))


def named_contexts(phrases: Sequence[str]) -> tuple[list[str], str]:
    """The names of contexts in a set and its descriptive caption, which together say what images
    are asked for: "on the grass" is named "grass"; where captions would have another preposition or
    article before a noun, as of "by the lake", the phrases are the names."""
    phrases = [" ".join(phrase.split()) for phrase in phrases]
    nouns = list(map(_noun, phrases))
    if all(
        phrase.split()[0].casefold() not in _PLACING.split()
        or phrase.casefold() == context_phrase(noun).casefold()
        for phrase, noun in zip(phrases, nouns, strict=True)
    ):
        return nouns, "{object} {place}"
    return phrases, "{object} {context}"


def _noun(phrase: str) -> str:
    """What a phrase names, without one leading preposition and one article."""
    leading = r"^(?:(?:in|on|at|by|under|inside|near)\s+)?(?:(?:the|an|a)\s+)?"
    return re.sub(leading, "", phrase.strip(), flags=re.IGNORECASE)


def _need(condition: bool, message: str) -> None:
    if not condition:
        raise GenerateError(message)


def _noise_seed(seed: int, file_name: str) -> int:
    """The seed of an image's noise: the same whatever else is planned."""
    digest = hashlib.sha256(f"{seed} {file_name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _slugs(kind: str, names: Sequence[str]) -> list[str]:
    """What stands for names in file names."""
    slugs: dict[str, str] = {}
    for name in names:
        slug = re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
        _need(
            0 < len(slug) <= 60,
            f"The {kind} {name!r} cannot name a folder; give 1 to 60 letters or digits.",
        )
        _need(
            slug not in slugs,
            f"The {kind}s {slugs.get(slug)!r} and {name!r} would share a folder; rename one of"
            " them.",
        )
        slugs[slug] = name
    return list(slugs)
