"""Attributes of images in words: context, factors of scenes, else columns and caption words.

They are what slices of held-out images are named by; an object is no attribute."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.imageset import USER, ImageSet
from vlcore.experiment.captions import TRAITS
from vlcore.experiment.vocabulary import split_words
from vlcore.scenes.factors import RANGES

MOST_VALUES = 10  # of a column that become words
MOST_CAPTION_WORDS = 30
# Images that have a caption word, and that have it not; that have one of more than MOST_VALUES.
FEWEST = 20
Factors = dict[str, Any]


def _halves(factor: str, low: str, high: str) -> Callable[[Factors], str]:
    """The words for the lower and the upper half of a factor's range."""
    middle = sum(RANGES[factor]) / 2
    return lambda factors: high if factors[factor] > middle else low


def _trait(name: str, noun: str = "") -> Callable[[Factors], str]:
    trait = TRAITS[name]
    return lambda factors: f"{trait.word_in(factors)} {noun}".strip()


_BUILDS = {"horse": ("light build", "heavy build"), "camel": ("one hump", "two humps")}
# Columns of a drawn scene; a horizon that is low in the image is far down its side.
_DRAWN: dict[str, Callable[[Factors], str]] = {
    "sky": _trait("sky", "sky"),
    "coat": _trait("tone", "coat"),
    "pattern": lambda factors: f"{factors['pattern']} pattern",
    "pose": _trait("pose"),
    "heading": lambda factors: f"facing {TRAITS['heading'].word_in(factors)}",
    "size": _trait("size"),
    "build": lambda factors: _BUILDS[factors["object"]][factors["form"] > 0.5],
    "light": _halves("sun_azimuth", "light from the left", "light from the right"),
    "sun": _halves("sun_elevation", "low sun", "high sun"),
    "clouds": _halves("clouds", "few clouds", "many clouds"),
    "horizon": _halves("horizon", "high horizon", "low horizon"),
    "relief": _halves("relief", "flat land", "hilly land"),
    "props": _halves("props", "few plants and rocks", "many plants and rocks"),
}

_BY_TRAIT = {"sky": "sky", "tone": "coat", "pose": "pose", "heading": "heading", "size": "size"}


def attributes_of(images: ImageSet, rows: NDArray[Any]) -> pd.DataFrame:
    """Words for images of rows by column, (n, columns); an empty word is no attribute."""
    table = images.table.iloc[rows].reset_index(drop=True)
    columns = {"place": table["context"].astype(str)}
    is_drawn = bool(images.about.get("recipe"))
    known = [column for trait, column in _BY_TRAIT.items() if trait in images.traits]
    factors = [json.loads(text) for text in table["factors"]] if known else []
    for name in _DRAWN if is_drawn else known:
        columns[name] = pd.Series([_DRAWN[name](scene) for scene in factors], dtype=str)
    if not is_drawn:
        for name in table:
            if name.startswith(USER):
                # Of the whole set, so that all models of it have the same words.
                words = _column_words(name.removeprefix(USER), images.table[name].astype(str))
                if words is not None:
                    columns[name] = words.iloc[rows].reset_index(drop=True)
        columns |= _caption_words(table, images)
    return pd.DataFrame(columns)


def _column_words(column: str, values: pd.Series) -> pd.Series | None:
    """The two halves of a column of many numbers, the commonest values of another one; None where
    it has one value for all images, or names or numbers each of them."""
    present = values[values != ""]
    counts = present.value_counts()
    if len(counts) > MOST_VALUES:
        numbers = pd.to_numeric(present, errors="coerce")
        if np.isfinite(numbers).all():
            return None if _is_numbering(numbers) else _number_halves(column, numbers, values)
        counts = counts[counts >= FEWEST]
    if values.nunique() < 2 or counts.empty:
        return None
    return (column + " " + values).where(values.isin(counts.index[:MOST_VALUES]), "")


def _is_numbering(numbers: pd.Series) -> bool:
    """Whether numbers are those of rows: whole, all different, with few left out."""
    is_whole = bool((numbers % 1 == 0).all())
    return is_whole and numbers.is_unique and float(np.ptp(numbers)) < 2 * len(numbers)


def _number_halves(column: str, numbers: pd.Series, values: pd.Series) -> pd.Series:
    """Words for the numbers below the median and the others; above it, where none is below."""
    middle = float(numbers.median())
    written = f"{middle:.0f}" if abs(middle) >= 1e6 else f"{middle:.6g}"
    signs, is_low = ("<", "≥"), numbers < middle
    if not is_low.any():
        signs, is_low = ("≤", ">"), numbers <= middle
    low, high = (f"{column} {sign} {written}" for sign in signs)
    words = pd.Series(np.where(is_low, low, high), numbers.index)
    return words.reindex(values.index, fill_value="")


def _caption_words(table: pd.DataFrame, images: ImageSet) -> dict[str, pd.Series]:
    """The commonest words of captions that some images have and others have not, a column each."""
    known = {*images.grouping.objects, *images.grouping.contexts}
    words = [set(split_words(str(caption))) - known for caption in table["caption"]]
    counts = pd.Series([word for several in words for word in sorted(several)]).value_counts()
    usable = counts[(counts >= FEWEST) & (counts <= len(table) - FEWEST)]
    return {
        f"caption {word}": pd.Series([f"“{word}”" if word in several else "" for several in words])
        for word in usable.index[:MOST_CAPTION_WORDS]
    }
