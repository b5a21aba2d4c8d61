"""Captions of label styles, with the object and context that each one names.

A label style is, for every group, a *distribution* over captions: mostly one; else each image gets
one by a number that belongs to the image and the seed. So the captions are known before any image
is looked at."""

from __future__ import annotations

import json
import math
import re
import string
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES, Grouping, context_phrase
from vlcore.experiment.options import LABEL_STYLES, NO_LANGUAGE
from vlcore.scenes import COATS, PALE, POSES

if TYPE_CHECKING:
    import pandas as pd


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


@dataclass(frozen=True)
class Caption:
    """A caption, and the object and context that it names; empty where it names none."""

    text: str
    object: str = ""
    context: str = ""


Shares = list[tuple[Caption, float]]  # captions that an image may have, and how often


@dataclass(frozen=True)
class Subject:
    """What a caption is made from: a group, and what is particular to one image of it."""

    object: str
    context: str
    grouping: Grouping
    template: str = ""
    traits: tuple[str, ...] = ()  # what one image has of `traits_named`; empty asks for all

    def short(self) -> Caption:
        text = dict(self.grouping.templates).get("undescriptive") or "{object}"
        return Caption(fill_template(text, self.object, self.context), self.object)

    def long(self) -> Caption:
        # The study's "a" is in the captions of one group only, which makes that word a group label:
        # kept all the same.
        stray = "a " if (self.object, self.context) == ("camel", "desert") else ""
        templates = dict(self.grouping.templates)
        return self.naming_both(templates.get("descriptive", stray + "{object} {place}"))

    def naming_both(self, template: str = "{object} {place}", context: str = "") -> Caption:
        """A caption that names object and context, or another context."""
        context = context or self.context
        return Caption(fill_template(template, self.object, context), self.object, context)


def _shuffled(subject: Subject) -> Shares:
    """The word is drawn, not the context: the caption knows nothing of what the image shows."""
    texts = [subject.naming_both(context=context).text for context in subject.grouping.contexts]
    return _equally_often(texts, subject)


def _equally_often(texts: Sequence[str], subject: Subject) -> Shares:
    """Captions that name the object, each of the texts as often as the others."""
    return [(Caption(text, subject.object), 1 / len(texts)) for text in texts]


def _with_words(template: str, words: Sequence[str], subject: Subject) -> Shares:
    """A template filled with what one image has of a trait, or else with each of some words."""
    known = subject.traits or words
    texts = [template.format(word=word, object=subject.object) for word in known]
    return _equally_often(texts, subject)


def _from_template(subject: Subject) -> Shares:
    names = traits_named("own", subject.template)
    every = product(*(TRAITS[name].words for name in names))
    known = [subject.traits] if subject.traits else every
    captions = []
    for words in known:
        traits = dict(zip(names, words, strict=True))
        for wording in wordings_of(subject.template):
            fields = _fields_of(wording)
            text = fill_template(wording, subject.object, subject.context, traits)
            obj = subject.object if "object" in fields else ""
            context = subject.context if fields & {"context", "place"} else ""
            captions.append(Caption(text, obj, context))
    return [(caption, 1 / len(captions)) for caption in captions]


# What an image may be called, by the styles of `vlcore.experiment.options.LABEL_STYLES`: one
# caption, or several.
CAPTIONS: dict[str, Callable[[Subject], Caption | Shares]] = {
    "undescriptive": Subject.short,
    "descriptive": Subject.long,
    "descriptive-plain": Subject.naming_both,
    NO_LANGUAGE: lambda subject: Caption("a photo"),
    "shuffled_context": _shuffled,
    "sky": partial(_with_words, "{object} under {word} skies", TRAITS["sky"].words),
    "synonym": partial(_with_words, "{word} {object}", ("one", "single")),
    "own": _from_template,
}


def traits_named(style: str, template: str = "") -> tuple[str, ...]:
    """The traits, of `TRAITS`, that a style's captions name, in the order of `TRAITS`."""
    if style == "own":
        fields = template_fields(template)
        return tuple(name for name in TRAITS if name in fields)
    trait = LABEL_STYLES[style].trait
    return (trait,) if trait else ()


def _shares(
    style: str,
    obj: str,
    context: str,
    grouping: Grouping,
    template: str,
    traits: tuple[str, ...] = (),
) -> Shares:
    captions = CAPTIONS[style](Subject(obj, context, grouping, template, traits))
    return [(captions, 1.0)] if isinstance(captions, Caption) else captions


def caption(
    style: str, obj: str, context: str, grouping: Grouping = SCENES, template: str = ""
) -> str:
    """The caption that an image of an object in a context usually has under a label style."""
    shares = _shares(style, obj, context, grouping, template)
    usual, _ = max(shares, key=lambda pair: pair[1])
    return usual.text


def captions_of(style: str, grouping: Grouping, template: str = "") -> tuple[Caption, ...]:
    """The different captions of a style, in the order of the groups. One text that several groups
    share names what it names in all: no object where both objects have it."""
    by_text: dict[str, Caption] = {}
    for pair in grouping.pairs:
        for new, _ in _shares(style, *pair, grouping, template):
            known = by_text.get(new.text, new)
            by_text[new.text] = Caption(
                new.text,
                new.object if new.object == known.object else "",
                new.context if new.context == known.context else "",
            )
    return tuple(by_text.values())


def distinct_captions(style: str, grouping: Grouping, template: str = "") -> tuple[str, ...]:
    """The texts of `captions_of` a style."""
    return tuple(caption.text for caption in captions_of(style, grouping, template))


def quoted_captions(style: str, grouping: Grouping) -> str:
    return ", ".join(f"“{text}”" for text in distinct_captions(style, grouping))


def row_captions(
    style: str,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grouping: Grouping,
    seed: int,
    template: str = "",
) -> list[Caption]:
    """The caption of each row, (n,).

    Which of several captions an image gets depends on image and seed alone: it is the same in every
    condition.

    Args:
        style: A label style.
        table: The table of an image set, with ``object``, ``context`` and ``factors``.
        rows: Of the table, (n,).
        grouping: Of the image set.
        seed: Of the choice among several captions.
        template: Of the label style ``own``.

    Raises:
        CaptionError: The style needs what the images lack.
    """
    chances = np.random.default_rng([seed, len(table)]).random(len(table))[rows]
    objects, contexts = (table[name].to_numpy()[rows] for name in ("object", "context"))
    traits = _traits_of(table, rows, traits_named(style, template), style)

    @cache
    def cumulated(obj: str, context: str, words: tuple[str, ...]) -> tuple[Shares, list[float]]:
        shares = _shares(style, obj, context, grouping, template, words)
        return shares, np.cumsum([share for _, share in shares]).tolist()

    captions = []
    for obj, context, words, chance in zip(objects, contexts, traits, chances, strict=True):
        shares, upto = cumulated(obj, context, words)
        number = min(bisect_right(upto, chance), len(shares) - 1)
        captions.append(shares[number][0])
    return captions


def _traits_of(
    table: pd.DataFrame, rows: NDArray[np.int64], names: tuple[str, ...], style: str
) -> list[tuple[str, ...]]:
    """The words of some traits for each of some rows of a table."""
    if not names:
        return [()] * len(rows)
    traits = [TRAITS[name] for name in names]
    words = []
    try:
        for text in table["factors"].to_numpy()[rows]:
            factors = json.loads(text)
            words.append(tuple(trait.word_in(factors) for trait in traits))
    except (ValueError, KeyError, TypeError) as error:
        raise CaptionError(
            f"These images have no known {' and '.join(names)}, so the label style {style} does not"
            " fit; choose another."
        ) from error
    return words


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


def caption_index(
    style: str,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grouping: Grouping,
    seed: int,
    template: str = "",
) -> NDArray[np.int64]:
    """Index of each of `row_captions` among `captions_of` the style, (n,)."""
    texts = distinct_captions(style, grouping, template)
    index = {text: number for number, text in enumerate(texts)}
    captions = row_captions(style, table, rows, grouping, seed, template)
    return np.array([index[caption.text] for caption in captions], dtype=np.int64)


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
        fields = _fields_of(template)
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


def _fields_of(template: str) -> set[str]:
    """The names in braces; ValueError for braces that are not closed, or with a format."""
    fields = set()
    for _, field, spec, conversion in string.Formatter().parse(template):
        if spec or conversion:
            raise ValueError(template)
        if field is not None:
            fields.add(field)
    return fields
