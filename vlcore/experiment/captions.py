"""Captions of label styles, with the object and context that each one speaks of.

A label style is, for every group, a *distribution* over captions: mostly one, several in the
placebo, the doses and the noisy styles, of which each picture gets one by a number that belongs to
the picture and the seed. So the captions are known before any picture is looked at, and a dose of
25 % is part of a dose of 50 %."""

from __future__ import annotations

import functools
import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES, Grouping, place_phrase
from vlcore.experiment.options import LABEL_STYLES, style_names
from vlcore.scenes import COATS

if TYPE_CHECKING:
    import pandas as pd


_SYNONYMS = {
    "on the grass": ("on the grass", "in the meadow", "on green pasture"),
    "in the desert": ("in the desert", "amid dunes", "on hot sand"),
}
_NONCE = ("dax", "wug", "fep", "zorp")  # words without a meaning, one a group
_PARAPHRASES = (
    "{object} {place}",
    "a {object} {place}",
    "the {object} {place}",
    "one {object} {place}",
    "there is a {object} {place}",
    "{place} a {object}",
    "a photo of a {object} {place}",
    "a single {object} {place}",
    "{place} stands a {object}",
    "look a {object} {place}",
    "this {object} is {place}",
    "a {object} seen {place}",
    "picture of a {object} {place}",
    "we see a {object} {place}",
    "here is a {object} {place}",
    "{place} there is a {object}",
    "some {object} {place}",
    "a lone {object} {place}",
    "this is a {object} {place}",
    "{place} we see a {object}",
)


class CaptionError(LabError):
    """A label style or template that cannot be used; the message says what to give."""


@dataclass(frozen=True)
class Caption:
    """A caption, and the object and context that it speaks of; one of which it says nothing is
    empty."""

    text: str
    object: str = ""
    context: str = ""


Options = list[tuple[Caption, float]]  # captions that a picture may have, with their shares


@dataclass(frozen=True)
class CaptionContext:
    """What a caption is made from: a group, and what is particular to one picture of it."""

    object: str
    context: str
    grouping: Grouping
    number: int = 0  # the number in a style's name, such as 25 in "partial_25"
    template: str = ""
    attribute: str = ""  # of one picture; empty asks for all that there are

    @property
    def group(self) -> str:
        return self.grouping.group_of(self.object, self.context)

    def short(self) -> Caption:
        text = dict(self.grouping.templates).get("undescriptive") or "{object}"
        return Caption(filled(text, self.object, self.context), self.object)

    def long(self) -> Caption:
        # The study's "a" stands in one group only, which makes that word a group label: kept all
        # the same.
        study = "a " * ((self.object, self.context) == ("camel", "desert")) + "{object} {place}"
        return self.naming_both(dict(self.grouping.templates).get("descriptive", study))

    def naming_both(self, template: str = "{object} {place}", context: str = "") -> Caption:
        """A caption that names object and context, or another context."""
        context = context or self.context
        return Caption(filled(template, self.object, context), self.object, context)


def _paraphrased(a: CaptionContext) -> Options:
    phrase = place_phrase(a.context)
    places = _SYNONYMS.get(phrase, (phrase,))
    every = enumerate(_PARAPHRASES[: a.number])
    texts = [
        text.format(object=a.object, place=places[number % len(places)]) for number, text in every
    ]
    return [(Caption(text, a.object, a.context), 1 / a.number) for text in texts]


def _mentioned(a: CaptionContext, share: float) -> Options:
    """The context is named in a share of the captions; both styles of caption are plain, so that
    words are the same."""
    options = [(a.naming_both(), share), (Caption(a.object, a.object), 1 - share)]
    return [(caption, weight) for caption, weight in options if weight > 0]


def _noisy(a: CaptionContext) -> Options:
    wrong = a.number / 100
    other = next(context for context in a.grouping.contexts if context != a.context)
    return [(a.naming_both(), 1 - wrong), (a.naming_both(context=other), wrong)]


def _attributed(a: CaptionContext) -> Options:
    words = (a.attribute,) if a.attribute else COATS
    return [(Caption(f"{word} {a.object}", a.object), 1 / len(words)) for word in words]


def _own(a: CaptionContext) -> Caption:
    fields = template_fields(a.template)
    text = filled(a.template, a.object, a.context)
    return Caption(
        text, a.object * ("object" in fields), a.context * bool(fields & {"context", "place"})
    )


# What a picture may be called, by the families of `vlcore.experiment.options.LABEL_STYLES`: one
# caption, or several.
CAPTIONS: dict[str, Callable[[CaptionContext], Caption | Options]] = {
    "undescriptive": CaptionContext.short,
    "descriptive": CaptionContext.long,
    "descriptive-plain": CaptionContext.naming_both,
    "context": lambda a: Caption(a.context, "", a.context),
    "constant": lambda a: Caption("a photo"),
    # The word is drawn, not the place: of what the picture shows the caption knows nothing.
    "shuffled_context": lambda a: [
        (Caption(a.naming_both(context=one).text, a.object), 0.5) for one in a.grouping.contexts
    ],
    "opaque_group": lambda a: Caption(_NONCE[a.grouping.names.index(a.group)], a.object, a.context),
    "attribute_other": _attributed,
    "paraphrase": _paraphrased,
    "clip_template": lambda a: Caption(f"a photo of a {a.object}", a.object),
    "clip_template_descriptive": lambda a: a.naming_both("a photo of a {object} {place}"),
    "partial": lambda a: _mentioned(a, a.number / 100),
    "partial_minority": lambda a: _mentioned(a, float(a.group in a.grouping.minority)),
    "noisy": _noisy,
    "own": _own,
}


def find_style(name: str) -> tuple[str, int]:
    """The family of a style and its number: ``partial`` and 30, or 0; CaptionError when there is no
    such style."""
    if name in LABEL_STYLES and LABEL_STYLES[name].numbers is None:
        return name, 0
    family, _, digits = name.rpartition("_")
    numbers = LABEL_STYLES[family].numbers if family in LABEL_STYLES else None
    if numbers is None or not (digits.isascii() and digits.isdigit()):
        known = ", ".join(style_names())
        raise CaptionError(
            f"No label style is named {name!r}; choose one of {known} (with other numbers too)."
        )
    low, high = numbers
    if not low <= int(digits) <= high or str(int(digits)) != digits:
        raise CaptionError(f"The label style {name!r} takes a number from {low} to {high}.")
    return family, int(digits)


def about_style(name: str) -> str:
    """What a label style is and when to use it."""
    return LABEL_STYLES[find_style(name)[0]].sentence


def _options(
    style: str, obj: str, context: str, grouping: Grouping, template: str, attribute: str = ""
) -> Options:
    family, number = find_style(style)
    made = CAPTIONS[family](CaptionContext(obj, context, grouping, number, template, attribute))
    return [(made, 1.0)] if isinstance(made, Caption) else made


def caption(
    style: str, obj: str, context: str, grouping: Grouping = SCENES, template: str = ""
) -> str:
    """The caption that a picture of an object in a context usually has under a label style."""
    return max(_options(style, obj, context, grouping, template), key=lambda option: option[1])[
        0
    ].text


def captions_of(style: str, grouping: Grouping, template: str = "") -> tuple[Caption, ...]:
    """The different captions of a style, in the order of the groups. One text that several groups
    share speaks of what it means in all: of none where both objects have it."""
    meant: dict[str, Caption] = {}
    for pair in grouping.pairs:
        for one, _ in _options(style, *pair, grouping, template):
            before = meant.get(one.text, one)
            same_object, same_context = one.object == before.object, one.context == before.context
            meant[one.text] = Caption(
                one.text, one.object * same_object, one.context * same_context
            )
    return tuple(meant.values())


def caption_shares(style: str, grouping: Grouping, template: str = "") -> NDArray[np.float64]:
    """How often a picture of each group, in the grouping's order, has each of `captions_of` a
    style, (4, K)."""
    texts = distinct_captions(style, grouping, template)
    shares = np.zeros((len(grouping.pairs), len(texts)))
    for row, pair in zip(shares, grouping.pairs, strict=True):
        for one, share in _options(style, *pair, grouping, template):
            row[texts.index(one.text)] += share
    return shares


def distinct_captions(style: str, grouping: Grouping, template: str = "") -> tuple[str, ...]:
    """The texts of `captions_of` a style."""
    return tuple(one.text for one in captions_of(style, grouping, template))


def quoted_captions(style: str, grouping: Grouping) -> str:
    return ", ".join(f"“{text}”" for text in distinct_captions(style, grouping))


def own_captions(
    style: str,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grouping: Grouping,
    seed: int,
    template: str = "",
) -> list[Caption]:
    """Each row's own caption, n. Which of several captions a picture gets depends on picture and
    seed alone: it is the same in every condition, and what is named at one dose is named at higher
    ones. CaptionError when the style needs what the pictures lack."""
    drawn = np.random.default_rng([seed, len(table)]).random(len(table))[rows]
    part = table.iloc[rows]
    attributes = [""] * len(rows)
    if style == "attribute_other":
        try:
            attributes = [str(json.loads(text)["coat"]) for text in part["factors"]]
        except (ValueError, KeyError, TypeError) as error:
            lack = "These pictures have no known coat"
            raise CaptionError(
                f"{lack}, so the label style attribute_other does not fit; choose another."
            ) from error
    options_of = functools.cache(_options)
    own = []
    for obj, context, attribute, u in zip(
        part["object"], part["context"], attributes, drawn, strict=True
    ):
        options = options_of(style, obj, context, grouping, template, attribute)
        upto = np.cumsum([share for _, share in options])
        own.append(options[min(int(np.searchsorted(upto, u, side="right")), len(options) - 1)][0])
    return own


def caption_index(
    style: str,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grouping: Grouping,
    seed: int,
    template: str = "",
) -> NDArray[np.int64]:
    """Index among `captions_of` the style of each of `own_captions`, (n,)."""
    index = {
        text: number for number, text in enumerate(distinct_captions(style, grouping, template))
    }
    own = own_captions(style, table, rows, grouping, seed, template)
    return np.array([index[one.text] for one in own], dtype=np.int64)


def filled(template: str, obj: str, context: str) -> str:
    """A template with its fields filled in: ``{object}``, ``{context}``, and ``{place}``, such as
    "on the grass"."""
    return template.format(object=obj, context=context, place=place_phrase(context))


def template_fields(template: str) -> set[str]:
    """The fields of a caption template: some of ``{object}``, ``{context}`` and ``{place}``, else a
    CaptionError."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        parts = [("", "?", "", None)]
    fields = {field for _, field, _, _ in parts if field is not None}
    odd = fields - {"object", "context", "place"} or [p for p in parts if p[2] or p[3]]
    words = "".join(text for text, _, _, _ in parts)
    # A template travels in links and is shown on pages: only what can be part of a caption may be
    # in it.
    if (
        odd
        or not fields
        or len(template) > 100
        or not all(category(c)[0] in "LMN" or c in " .,'-" for c in words)
    ):
        unusable = (
            f"The caption template {template[:100]!r} cannot be used; write words, at most 100"
            " characters"
        )
        raise CaptionError(f"{unusable}, with {{object}}, {{context}} or {{place}} among them.")
    return fields
