"""Captions of label styles, with the object and context that each one names.

`vlcore.experiment.options.LABEL_STYLES` has the templates. Where a style has several captions for
a group, each image gets one by a number that belongs to the image and the seed. So the captions are
known before any image is looked at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.options import LABEL_STYLES
from vlcore.experiment.templates import (
    TRAITS,
    CaptionError,
    fields_in,
    fill_template,
    template_fields,
    traits_in,
    wordings_of,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Caption:
    """A caption, and the object and context that it names; empty where it names none."""

    text: str
    object: str = ""
    context: str = ""


def _captions_for(
    style: str,
    pair: tuple[str, str],
    grouping: Grouping,
    template: str,
    words: tuple[str, ...] = (),
) -> list[Caption]:
    """Return the captions of a style for an object in a context, each as frequent as the others.

    Args:
        style: A label style.
        pair: The object and the context.
        grouping: Of the image set, whose own template of a style comes first.
        template: Of the label style ``own``.
        words: Words of one image for the traits in the template; empty for all words.
    """
    entry = LABEL_STYLES[style]
    names = _traits_named(style, template)
    if style != "own":
        template = dict(grouping.templates).get(style) or entry.of_groups.get(pair, entry.template)
    known = [words] if words else product(*(TRAITS[name].words for name in names))
    obj, true_context = pair
    contexts = grouping.contexts if entry.random_context else (true_context,)
    captions = []
    for chosen, context, wording in product(known, contexts, wordings_of(template)):
        fields = fields_in(wording)
        text = fill_template(wording, obj, context, dict(zip(names, chosen, strict=True)))
        is_true = fields & {"context", "place"} and not entry.random_context
        named_object = obj if "object" in fields else ""
        captions.append(Caption(text, named_object, context if is_true else ""))
    return captions


def _traits_named(style: str, template: str) -> tuple[str, ...]:
    """Return the traits, of `TRAITS`, that the captions of a style name."""
    if style == "own":
        template_fields(template)  # raises where it cannot be used
        return traits_in(template)
    return LABEL_STYLES[style].traits


def caption(
    style: str, obj: str, context: str, grouping: Grouping = SCENES, template: str = ""
) -> str:
    """The first caption that an image of an object in a context may have under a label style."""
    return _captions_for(style, (obj, context), grouping, template)[0].text


def captions_of(style: str, grouping: Grouping, template: str = "") -> tuple[Caption, ...]:
    """The different captions of a style, in the order of the groups. One text that several groups
    share names what it names in all: no object where both objects have it."""
    by_text: dict[str, Caption] = {}
    for pair in grouping.pairs:
        for new in _captions_for(style, pair, grouping, template):
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
    words = _words_of(table, rows, _traits_named(style, template), style)

    @cache
    def possible(obj: str, context: str, words: tuple[str, ...]) -> list[Caption]:
        return _captions_for(style, (obj, context), grouping, template, words)

    captions = []
    for obj, context, known, chance in zip(objects, contexts, words, chances, strict=True):
        choice = possible(obj, context, known)
        captions.append(choice[int(chance * len(choice))])
    return captions


def _words_of(
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
            f"These images have no known {' and '.join(names)}, so the caption style {style} does"
            " not fit; choose another."
        ) from error
    return words


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
