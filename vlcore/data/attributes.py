"""Attributes of images in words: factors of drawn scenes, else context, columns and caption words.

They are what slices of held-out images are named by; an object is no attribute."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from vlcore.data.imageset import USER, ImageSet
from vlcore.experiment.captions import TRAITS
from vlcore.experiment.vocabulary import split_words
from vlcore.scenes.factors import RANGES

MOST_VALUES = 10  # of a column whose values become words
MOST_CAPTION_WORDS = 30
FEWEST = 20  # images that have a caption word, and that have it not
Factors = dict[str, Any]


def _halves(factor: str, low: str, high: str) -> Callable[[Factors], str]:
    """The words for the lower and the upper half of a factor's range."""
    middle = sum(RANGES[factor]) / 2
    return lambda factors: high if factors[factor] > middle else low


def _trait(name: str, noun: str = "") -> Callable[[Factors], str]:
    trait = TRAITS[name]
    return lambda factors: f"{trait.word_of(factors[trait.factor])} {noun}".strip()


_BUILDS = {"horse": ("light build", "heavy build"), "camel": ("one hump", "two humps")}
# Columns of a drawn scene; a horizon that is low in the image is far down its side.
_DRAWN: dict[str, Callable[[Factors], str]] = {
    "sky": _trait("sky", "sky"),
    "coat": _trait("tone", "coat"),
    "pattern": lambda factors: f"{factors['pattern']} pattern",
    "pose": _trait("pose"),
    "heading": lambda factors: f"facing {TRAITS['heading'].word_of(factors['heading'])}",
    "size": _trait("size"),
    "build": lambda factors: _BUILDS[factors["object"]][factors["form"] > 0.5],
    "light": _halves("sun_azimuth", "light from the left", "light from the right"),
    "sun": _halves("sun_elevation", "low sun", "high sun"),
    "clouds": _halves("clouds", "few clouds", "many clouds"),
    "horizon": _halves("horizon", "high horizon", "low horizon"),
    "relief": _halves("relief", "flat land", "hilly land"),
    "props": _halves("props", "few plants and rocks", "many plants and rocks"),
}


def attributes_of(images: ImageSet, rows: NDArray[Any]) -> pd.DataFrame:
    """Words for images of rows by column, (n, columns); an empty word is no attribute."""
    table = images.table.iloc[rows].reset_index(drop=True)
    columns = {"place": table["context"].astype(str)}
    if images.about.get("recipe"):
        factors = [json.loads(text) for text in table["factors"]]
        columns |= {
            name: pd.Series([word_of(scene) for scene in factors])
            for name, word_of in _DRAWN.items()
        }
    else:
        for name in table:
            values = table[name].astype(str)
            if name.startswith(USER) and 2 <= values.nunique() <= MOST_VALUES:
                column = name.removeprefix(USER)
                columns[name] = (column + " " + values).where(values != "", "")
        columns |= _caption_words(table, images)
    return pd.DataFrame(columns)


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
