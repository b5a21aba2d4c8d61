"""Search in the images of a comparison: words in any column, a caption that models rank images by,
and images like another one. Each leaves a selection."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.captions import CaptionLabError, clean_caption, quote_words
from vlcore.api.compared_maps import ComparedMaps, row_numbers
from vlcore.api.model_map import ModelMap
from vlcore.api.selections import Selection, SelectionError
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import SOURCE, ImageSet, join_user_columns
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import OBJECTIVES
from vlcore.experiment.times import compare_times
from vlcore.experiment.wording import first_names
from vlcore.metrics.accuracy import logits
from vlcore.model.load import Loaded, load_model
from vlcore.plots.colouring import numbers_of, times_of

Numbers = NDArray[np.number]
BEST = 12  # images that each model is asked for
LONGEST = 200  # characters of a search
_MOST_NAMED = 12  # columns in a message
_TIME = r"[<>]?=?\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"  # has a space, as legends write it
_TERM = re.compile(r'(?:("[^"]+"|[^\s":=<>]+)([:=])\s*)?(?:"([^"]*)"|(' + _TIME + r'|[^\s"]+))')
# A quoted text or ``<word>``, which stay as they are, or the sign of a comparison.
_COMPARISON = re.compile(r'("[^"]*"|<[^\s<>=]+>)|(?<=[\w")\]])\s*:?\s*([<>]=?)\s*(?=[^\s<>="])')
# As colours are named in the legend; "=" as in other tools.
_PREFIX = re.compile(r"(?<!\S)(?:yours|scene|model): +(?=[^\s:]+ *(?:[:=<>]))", re.IGNORECASE)
_EQUAL = re.compile(r'("[^"]*")|(?<=[\w")\]])(?:\s*==|\s+=)\s*')
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟", '"'))  # quotes as phones type them
_COMPARED = re.compile(r"([<>]=?)(.+)")
_COMPARE = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}
_BETWEEN = "\x1f"  # between the columns of an image; a space, which no cell keeps


@dataclass(frozen=True)
class Term:
    """One condition of a search: a text that a column has, or any.

    Attributes:
        text: folded.
        column: its name, folded; empty for any.
        is_quoted: whether the text stands there as whole words.
        written: of ``name=value``, which may be a file's name, folded; else empty.
    """

    text: str
    column: str = ""
    is_quoted: bool = False
    written: str = ""


def folded(text: str) -> str:
    """A text as it is compared: without case, one space between words."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _folded_cells(cells: list[str]) -> list[str]:
    """`folded` of each of many cells; the letters of all at once, which takes a fifth of the
    time."""
    together = unicodedata.normalize("NFC", _BETWEEN.join(cells)).casefold().split(_BETWEEN)
    if len(together) != len(cells):  # a cell of a user has the very letter
        return list(map(folded, cells))
    return [" ".join(cell.split()) for cell in together]


def terms_of(text: str) -> list[Term]:
    """The conditions of a typed search, each of which an image has to meet: words, parts of words,
    ``"whole words in this order"``, ``column:value``, ``column=value`` and ``column > number``.
    Commas and semicolons between them mean nothing."""
    text = _PREFIX.sub("", text.translate(_STRAIGHT))
    text = _COMPARISON.sub(lambda part: part[1] or f":{part[2]}", text)
    text = _EQUAL.sub(lambda part: part[1] or ":", text)
    terms = []
    for column, sign, quoted, word in _TERM.findall(text):
        value = quoted or word.strip(",;")
        written = folded(f"{column}={value}") if sign == "=" else ""
        term = Term(folded(value), folded(column.strip('"')), bool(quoted), written)
        if term.text:
            terms.append(term)
    return terms


def searched_table(comparison: ComparedMaps) -> pd.DataFrame:
    """What a search looks at, one row an image of the comparison: its words, its file, the user's
    columns, what it was drawn by, and the caption and prediction of every model."""
    images, points = comparison.images, comparison.points
    rows = row_numbers(points)
    words = group_words(images.grouping)
    rarity = points["minority"].map({True: "minority", False: "majority"})
    table = pd.DataFrame(
        {
            "object": points["object"],
            "context": points["context"],
            "group": points["group"].map(words) + ", " + points["group"],
            "rarity": rarity,
            "split": points["kind"].replace("test", "held out"),
            "caption": images.table["caption"].iloc[rows].to_numpy(),
        }
    )
    for pane, name in enumerate(comparison.named):
        table[f"{name} caption"] = points[f"caption_{pane}"]
        predictions = points[f"predicted_{pane}"]
        # Addresses of before have “prediction:right”.
        table[f"{name} prediction"] = predictions.str.replace("(correct)", "(correct, right)")
    table = join_user_columns(table, _columns_of_user(images).iloc[rows])
    return join_user_columns(table, images.factors(rows), "drawn")


def _columns_of_user(images: ImageSet) -> pd.DataFrame:
    """The user's columns, as numbers where all that is there are: most imports bring text alone."""
    table = images.user_columns
    for name in table.columns.drop(SOURCE):
        numbers = numbers_of(table[name])
        if numbers is not None:
            table[name] = numbers
    return table


class SearchIndex:
    """The words of a table, ready to be searched in.

    Numbers are found by their whole value, everything else by any part. A search that names no
    column looks into all but those of `apart`.
    """

    def __init__(self, table: pd.DataFrame, apart: Collection[str] = ()) -> None:
        columns = [(folded(str(name)), table.iloc[:, at]) for at, name in enumerate(table)]
        self._numbers = [
            (name, _numbers_of(column)) for name, column in columns if _is_number(column)
        ]
        self._words = [(name, _Words(column)) for name, column in columns if not _is_number(column)]
        hidden = set(map(folded, apart))
        cells = zip(
            *(words.by_row() for name, words in self._words if name not in hidden), strict=True
        )
        self._texts = list(map(_BETWEEN.join, cells))

    def matches(self, text: str) -> NDArray[np.bool_]:
        """Which images meet all conditions of a typed search, (n,).

        Raises:
            SelectionError: when the search has no words, or names a column that is not there.
        """
        terms = terms_of(text)
        if not terms:
            raise SelectionError("Type words to search for, such as “camel desert”.")
        matching = np.ones(len(self._texts), dtype=bool)
        for term in terms:
            matching &= self._in_column(term) if term.column else self._in_any(term)
        return matching

    def _in_any(self, term: Term) -> NDArray[np.bool_]:
        matching = np.fromiter(map(_finder(term), self._texts), bool, len(self._texts))
        for _, numbers in self._numbers:
            matching |= _equals(numbers, term.text)
        return matching

    def _in_column(self, term: Term) -> NDArray[np.bool_]:
        names = [name for name, _ in [*self._words, *self._numbers]]
        # “prediction” stands for that of every model.
        chosen = {name for name in names if name == term.column} or {
            name for name in names if name.endswith(f" {term.column}")
        }
        if not chosen:
            if term.written and (matching := self._in_any(Term(term.written))).any():
                return matching
            raise SelectionError(
                f"No column is named “{term.column}”; there are"
                f" {first_names(names, _MOST_NAMED)}. Put quotes around text that has a colon or a"
                " sign."
            )
        matching = np.zeros(len(self._texts), dtype=bool)
        numbers = [values for name, values in self._numbers if name in chosen]
        compared = None if term.is_quoted else _COMPARED.fullmatch(term.text)
        if compared and numbers:
            sign, text = compared.groups()
            if (number := _number(text)) is None:
                raise SelectionError(
                    f"“{term.column}” has numbers, which are compared with a number, as in"
                    f" “{term.column} {sign} 5”."
                )
            for values in numbers:
                matching |= np.asarray(_COMPARE[sign](values, number))
            return matching
        words_of = [words for name, words in self._words if name in chosen]
        columns = [words.times() for words in words_of] if compared else []
        times = [column for column in columns if column is not None]
        if compared and times:
            sign, text = compared.groups()
            for column in times:
                if (is_so := compare_times(column, sign, text)) is None:
                    raise SelectionError(
                        f"“{term.column}” has dates, which are compared with a date, as in"
                        f" “{term.column} {sign} 2024-06-01”."
                    )
                matching |= is_so
            return matching
        for words in words_of:
            matching |= words.having(term)
        for values in numbers:
            matching |= _equals(values, term.text)
        if compared and not matching.any():
            with_numbers = first_names([name for name, _ in self._numbers], _MOST_NAMED)
            raise SelectionError(
                f"“{term.column}” has words, which are not compared by size; columns of numbers:"
                f" {with_numbers}."
            )
        return matching


def _is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"


def _numbers_of(column: pd.Series) -> Numbers:
    """Its numbers; whole ones with all of their digits, which floats have up to 2^53."""
    return column.to_numpy(float if column.dtype.kind == "f" or column.hasnans else None)


class _Words:
    """A column of words: each different cell once, and which of them each image has."""

    def __init__(self, column: pd.Series) -> None:
        self._codes, cells = pd.factorize(column.fillna("").astype(str))
        self._cells = _folded_cells(cells.tolist())

    def by_row(self) -> list[str]:
        return np.array(self._cells, dtype=object)[self._codes].tolist()

    def times(self) -> NDArray[np.datetime64] | None:
        """The time of each image; None where a cell is no date."""
        times = times_of(pd.Series(self._cells, dtype=object))
        return None if times is None else times[self._codes]

    def having(self, term: Term) -> NDArray[np.bool_]:
        return np.fromiter(map(_finder(term), self._cells), bool, len(self._cells))[self._codes]


def _finder(term: Term) -> Callable[[str], bool]:
    """Whether a text of an image has what a term asks for."""
    if not term.is_quoted:
        return lambda text: term.text in text
    pattern = re.compile(rf"(?<!\w){re.escape(term.text)}(?!\w)")
    # Looking for the text alone is ten times as fast.
    return lambda text: term.text in text and pattern.search(text) is not None


def _number(text: str) -> float | None:
    """The number that a text is, whole ones with all of their digits; None of another text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return None


def _equals(numbers: Numbers, text: str) -> NDArray[np.bool_]:
    """Which numbers a text says: whole ones exactly, as times and ids of many digits need it, but
    for what sums of floats lose; others to nine digits."""
    number = _number(text)
    if number is None:
        return np.zeros(len(numbers), dtype=bool)
    if numbers.dtype.kind in "iu":
        return np.asarray(numbers == number)
    return np.isclose(numbers, number, rtol=1e-12 if isinstance(number, int) else 1e-9, atol=0)


_indexes: WeakKeyDictionary[ComparedMaps, SearchIndex] = WeakKeyDictionary()


def find_words(comparison: ComparedMaps, text: str) -> Selection:
    """The images that have all words of a typed search, as `terms_of` reads them, in any column but
    predictions, which are asked for by name; SelectionError as `SearchIndex.matches`."""
    if len(text) > LONGEST:
        raise SelectionError(f"This search has {len(text):,} characters; give at most {LONGEST}.")
    if comparison not in _indexes:
        # A horse that a model takes for a camel is found by “prediction:camel”, not by “camel”.
        predictions = [f"{name} prediction" for name in comparison.named]
        _indexes[comparison] = SearchIndex(searched_table(comparison), predictions)
    rows = comparison.rows[_indexes[comparison].matches(text)]
    return Selection.from_rows(comparison, rows, f"“{' '.join(text.split())}”")


def find_unshown(comparison: ComparedMaps, text: str) -> NDArray[np.int64]:
    """Rows of the images that have all words of a typed search and that no map here shows, such as
    those that other folds hold out, (n,)."""
    images = comparison.images
    rows = np.setdiff1d(np.arange(len(images.table)), comparison.rows)
    table = images.table[["object", "context", "group", "caption"]].iloc[rows]
    try:
        table = join_user_columns(table, _columns_of_user(images).iloc[rows])
        matches = SearchIndex(table).matches(text)
    except SelectionError:  # a column that only images on maps have, such as predictions
        return rows[:0]
    return rows[matches]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best images of each model, and why a model has none.

    Attributes:
        selection: the best of all models.
        reasons: a sentence for each model that could not be asked, by its name.
    """

    selection: Selection
    reasons: dict[str, str]


def rank_by_caption(
    comparison: ComparedMaps,
    text: str,
    best: int = BEST,
    load: Callable[[Artifact], Loaded] = load_model,
) -> Ranking:
    """The images with the highest scores for a caption in each model.

    Args:
        comparison: the models.
        text: any caption; a model that does not know all of its words is not asked.
        best: how many images of each model.
        load: loads a model, which embeds the caption.

    Raises:
        CaptionLabError: for a text that is no caption.
    """
    text = clean_caption(text)
    ranked, reasons = {}, {}
    for name, model in comparison.named.items():
        try:
            scores = _caption_scores(model, text, load)
        except LabError as error:
            reasons[name] = str(error)
            continue
        ranked[name] = _highest(model, scores, best)
    return Ranking(_best_of(comparison, ranked, f"best for “{text}”"), reasons)


def _caption_scores(
    model: ModelMap, text: str, load: Callable[[Artifact], Loaded]
) -> NDArray[np.float64]:
    """Scores of all images of a map with a caption, (n,); a LabError says why there are none."""
    condition = model.artifact.condition
    if text in model.captions:  # known without the model, also of embeddings from elsewhere
        return model.scores[:, model.captions.index(text)]
    if condition.kind.has_weights and not OBJECTIVES[condition.objective].uses_captions:
        raise CaptionLabError("It was trained without captions, so no words have scores.")
    loaded = load(model.artifact)
    if unknown := list(dict.fromkeys(loaded.unknown(text))):
        raise CaptionLabError(f"It does not know {quote_words(unknown)}, so it ranks nothing.")
    embedded = loaded.embed_captions([text])
    return logits(model.z, embedded, model.scale, model.bias, condition.logit)[:, 0]


def find_alike(comparison: ComparedMaps, row: int, best: int = BEST) -> Ranking:
    """The images nearest to one, by its row in the image set, in the full space of each model;
    SelectionError where no model shows it."""
    ranked, reasons = {}, {}
    for name, model in comparison.named.items():
        (index,) = model.index([row])
        if index < 0:
            reasons[name] = "It does not show this image."
            continue
        # The image itself is in the selection, first.
        neighbours = model.neighbours(model.z[index], best - 1, apart_from=row)
        ranked[name] = [(row, 1.0), *neighbours]
    if not ranked:
        raise SelectionError("No map here shows this image; click one that is shown.")
    return Ranking(_best_of(comparison, ranked, f"like image p{row}"), reasons)


def _highest(model: ModelMap, scores: NDArray[np.float64], best: int) -> list[tuple[int, float]]:
    order = np.argsort(-scores, kind="stable")[:best]
    return list(zip(model.rows[order].tolist(), scores[order].tolist(), strict=True))


def _best_of(
    comparison: ComparedMaps, ranked: dict[str, list[tuple[int, float]]], words: str
) -> Selection:
    rows: Sequence[int] = [row for images in ranked.values() for row, _ in images]
    return replace(Selection.from_rows(comparison, rows, words), best=ranked)
