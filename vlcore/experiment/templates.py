"""Caption templates: text with fields, choices of words, and traits of drawn scenes.

``[a|one] {coat} {object} {place}`` becomes "one brown horse on the grass".
"""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any
from unicodedata import category

from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import context_phrase
from vlcore.scenes import COATS, PALE, POSES

# Of drawn scenes, and of renders.
_BRIGHT_SKIES = ("clear", "deep", "pale", "morning")
_DIM_SKIES = ("dawn", "dusk", "overcast")
_MOVING = ("walking", "trotting")
_LARGE = 0.67  # of the image's side: the middle of what is drawn in `scenes`


@dataclass(frozen=True)
class Trait:
    """What captions may name of a drawn scene besides its object and context.

    Attributes:
        factor: of `vlcore.scenes.Scene`.
        words: that it is put in.
        word_of: the word for a value of the factor.
        values: of the factor; empty where it is a number.
    """

    factor: str
    words: tuple[str, ...]
    word_of: Callable[[Any], str]
    values: tuple[str, ...] = ()

    def word_in(self, factors: Mapping[str, Any]) -> str:
        """The word for one image; KeyError where the factor is absent, or has another value."""
        value = factors[self.factor]
        is_known = value in self.values if self.values else isinstance(value, int | float)
        if not is_known:
            raise KeyError(self.factor)
        return self.word_of(value)


TRAITS = {
    "coat": Trait("coat", COATS, str, COATS),
    "sky": Trait(
        "sky",
        ("bright", "dim"),
        lambda sky: "dim" if sky in _DIM_SKIES else "bright",
        (*_BRIGHT_SKIES, *_DIM_SKIES),
    ),
    "tone": Trait("coat", ("dark", "pale"), lambda coat: "pale" if coat in PALE else "dark", COATS),
    "pose": Trait(
        "pose", ("still", "moving"), lambda pose: "moving" if pose in _MOVING else "still", POSES
    ),
    "heading": Trait(
        "heading", ("right", "left"), lambda angle: "left" if angle > math.pi / 2 else "right"
    ),
    "size": Trait("size", ("small", "large"), lambda size: "large" if size > _LARGE else "small"),
}
TEMPLATE_LENGTH = 160  # characters
MOST_CAPTIONS = 2000  # of a template: one row and one column each, where captions are compared
_FIELDS = ("object", "context", "place", *TRAITS)
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


class CaptionError(LabError):
    """A label style or template that cannot be used; the message says what to give."""


def known_traits(factors: str) -> frozenset[str]:
    """The names, of `TRAITS`, that the factors of an image, a JSON text, have a word for."""
    try:
        stored = json.loads(factors or "{}")
    except ValueError:
        return frozenset()
    known = set()
    for name, trait in TRAITS.items():
        with suppress(KeyError, TypeError):
            trait.word_in(stored)
            known.add(name)
    return frozenset(known)


def traits_in(template: str) -> tuple[str, ...]:
    """The traits that a template names, in the order of `TRAITS`."""
    fields = fields_in(template)
    return tuple(name for name in TRAITS if name in fields)


def fields_in(template: str) -> set[str]:
    """The names in braces; ValueError for braces that are not closed, or with a format."""
    fields = set()
    for _, field, spec, conversion in string.Formatter().parse(template):
        if spec or conversion:
            raise ValueError(template)
        if field is not None:
            fields.add(field)
    return fields


def fill_template(
    template: str, obj: str, context: str, traits: Mapping[str, str] | None = None
) -> str:
    """A template with its fields filled in: ``{object}``, ``{context}``, ``{place}``, such as "on
    the grass", and those of `TRAITS`."""
    place = context_phrase(context)
    return template.format(object=obj, context=context, place=place, **(traits or {}))


def wordings_of(template: str) -> list[str]:
    """The wordings of a template with choices: ``[a|one] {object}`` has two."""
    parts = [choice.split("|") for choice in _CHOICE.findall(template)]
    wordings = []
    for chosen in product(*parts):
        wording = template
        for words in chosen:
            wording = _CHOICE.sub(words, wording, count=1)
        wordings.append(" ".join(wording.split()))
    return list(dict.fromkeys(wordings))


def template_fields(template: str) -> set[str]:
    """The fields of a caption template: ``{object}``, ``{context}``, ``{place}``, and those of
    `TRAITS`; CaptionError for a template that cannot be used."""
    pieces = _CHOICE.split(template)
    wordings = math.prod(piece.count("|") + 1 for piece in pieces[1::2])
    outside = "".join(pieces[::2])
    try:
        fields = fields_in(template)
    except ValueError:
        fields = set()
    # A template travels in links and is shown on pages: only what can be part of a caption may be
    # in it.
    words = re.sub(r"\{[a-z]*\}", "", outside + " ".join(pieces[1::2]).replace("|", " "))
    plain = all(category(letter)[0] in "LMN" or letter in " .,'-" for letter in words)
    if not fields or fields - set(_FIELDS) or not plain or len(template) > TEMPLATE_LENGTH:
        raise CaptionError(
            f"The caption template {template[:TEMPLATE_LENGTH]!r} cannot be used; write words, at"
            f" most {TEMPLATE_LENGTH} characters, with {{object}}, {{context}} or {{place}} among"
            f" them and, for drawn scenes, {', '.join(f'{{{name}}}' for name in TRAITS)}."
        )
    names_context = bool(fields & {"context", "place"})
    groups = 2 ** (("object" in fields) + names_context)
    traits = math.prod(len(TRAITS[name].words) for name in fields & set(TRAITS))
    if (captions := groups * traits * wordings) > MOST_CAPTIONS:
        raise CaptionError(
            f"The caption template {template!r} makes {captions:,} captions; use fewer fields or"
            f" choices, so that there are at most {MOST_CAPTIONS:,}."
        )
    return fields


def fixed_fields(template: str) -> set[str]:
    """The fields of a template whose caption is one a group; CaptionError also where it has choices
    or names traits."""
    fields = template_fields(template)
    if "[" in template or fields & set(TRAITS):
        raise CaptionError(
            f"The caption template {template!r} differs between images of a group, which is not"
            " possible here; write {object}, {context} or {place} without choices."
        )
    return fields
