"""What the colours of maps stand for: names with colours of their own, or the values of any column.

Values become few names: the most frequent words, or ranges of numbers or times. Each row of the
points holds the name of its entry, so that legends, filters and both drawings treat all colourings
alike.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.times import read_times
from vlcore.experiment.wording import shortened
from vlcore.plots.theme import SHAPES, Palette

OBJECT_SHAPES = SHAPES[1:3]  # of the two objects: a circle and a triangle
MOST_CATEGORIES = 12  # that have a colour each; `Palette.categories` has as many
OTHER, NONE = "other", "none"  # names of entries: of all further values, and of no value
MISSING_NUMBERS = ("na", "n/a", "nan", "null")  # what tables have in a column of numbers
_RANGES = 8  # of numbers, about: 5 to 10
_MOST_EDGES = 9  # between ranges of times
# From one edge between ranges of times to the next: units of numpy, and how many of them.
_TIME_STEPS = [
    (unit, count)
    for unit, counts in {
        "ms": (1, 5, 20, 100, 250),
        "s": (1, 5, 15),
        "m": (1, 5, 15),
        "h": (1, 3, 6, 12),
        "D": (1, 2, 7, 14),
        "M": (1, 3, 6),
        "Y": (1, 2, 5, 10, 20, 50, 100, 250, 500),
    }.items()
    for count in counts
]
_FIRST_EDGE = {"D": 4, "Y": -1970}  # units from 1970 on: a Monday, the year 0
_OUTLIERS = 2  # per cent at either end that lie in open ranges
_LARGEST = 1e300  # beyond it differences have no value
_DIGITS, _EXACT = 6, 17  # of a float in a name: at least, and those that tell any two apart
_LONGEST = 40  # letters of a value in a legend


@dataclass(frozen=True)
class LegendEntry:
    """One entry of a legend: of a value of a column that a colouring tells apart, or of a mark."""

    name: str  # in a colouring the value; in a legend after its column, as ``group horse_grass``
    words: str  # in the legend
    colour: str  # of the outline, a hex string
    shape: str = "square"  # a name or a path of Vega's symbols
    filled: bool = True


@dataclass(frozen=True)
class Colouring:
    """What the colours of maps stand for.

    Attributes:
        column: of the points, with the name of each row's entry; letters, digits and underscores.
        entries: the entries in their order, none twice.
        title: above the legend; empty where the entries say it.
        per_model: whether the columns are numbered by map, as ``right_0`` is.
        value_column: of the points, with the value of each row in words; empty without one.
    """

    column: str
    entries: Callable[[Palette, Grouping], list[LegendEntry]]
    title: str = ""
    per_model: bool = False
    value_column: str = ""

    def column_of(self, pane: int) -> str:
        """The column of names in the map of a number."""
        return f"{self.column}_{pane}" if self.per_model else self.column

    def value_column_of(self, pane: int) -> str:
        """The column of values in the map of a number; empty without one."""
        return f"{self.value_column}_{pane}" if self.per_model else self.value_column

    def columns(self, panes: int) -> list[str]:
        """The columns that some maps need, each once."""
        names = [self.column_of(pane) for pane in range(panes)]
        if self.value_column:
            names += [self.value_column_of(pane) for pane in range(panes)]
        return list(dict.fromkeys(names))


def _groups(palette: Palette, grouping: Grouping) -> list[LegendEntry]:
    words = group_words(grouping)
    colours = palette.colours(grouping)
    return [
        LegendEntry(name, words[name], colours[name], shape)
        for name, shape in zip(colours, SHAPES, strict=True)
    ]


def _objects(palette: Palette, grouping: Grouping) -> list[LegendEntry]:
    looks = zip(grouping.objects, palette.opposites, OBJECT_SHAPES, strict=True)
    return [LegendEntry(name, name, colour, shape) for name, colour, shape in looks]


def _contexts(palette: Palette, grouping: Grouping) -> list[LegendEntry]:
    colours = (palette.groups[0], palette.groups[2])
    looks = zip(grouping.contexts, colours, strict=True)
    return [LegendEntry(name, name, colour) for name, colour in looks]


def _predictions(palette: Palette, grouping: Grouping) -> list[LegendEntry]:
    predicted = [
        LegendEntry(name, f"predicted: {name}", colour)
        for name, colour in zip(grouping.objects, palette.opposites, strict=True)
    ]
    return [*predicted, LegendEntry(NONE, "no prediction", palette.text)]


def _outcomes(palette: Palette, _grouping: Grouping) -> list[LegendEntry]:
    right, wrong = palette.opposites
    return [
        LegendEntry("right", "correct", right),
        LegendEntry("wrong", "wrong", wrong),
        LegendEntry(NONE, "no prediction", palette.text),
    ]


def _splits(palette: Palette, _grouping: Grouping) -> list[LegendEntry]:
    training, held_out = palette.opposites
    return [
        LegendEntry("training", "filled: training", training, "circle"),
        LegendEntry("test", "hollow: held out", held_out, "circle", filled=False),
    ]


# Of columns that the points of every comparison have.
GROUPS = Colouring("group", _groups)
OBJECTS = Colouring("object", _objects)
CONTEXTS = Colouring("context", _contexts)
SPLIT = Colouring("kind", _splits)
PREDICTIONS = Colouring("says", _predictions, per_model=True)
OUTCOMES = Colouring("right", _outcomes, per_model=True)


def texts_of(values: pd.Series, digits: int = _EXACT) -> pd.Categorical:
    """Values as words on one line, floats to some significant digits; missing and empty ones have
    no category."""
    codes, distinct = pd.factorize(values)  # few are different: each is looked at once
    return _named(codes, [_text(value, digits) for value in distinct])


def _digits_of(values: pd.Series) -> int:
    """The fewest significant digits, at least six, by which floats of a column are told apart."""
    floats = [value for value in values.unique() if isinstance(value, (float, np.floating))]

    def count(digits: int) -> int:
        return len({_text(value, digits) for value in floats})

    most = count(_EXACT)
    return next(digits for digits in range(_DIGITS, _EXACT + 1) if count(digits) == most)


def _named(codes: NDArray[np.int64], texts: Sequence[str], missing: str = "") -> pd.Categorical:
    """The text of each code; where it is -1, or the text is empty, the `missing` one, if any."""
    filled = [text or missing for text in (*texts, "")]
    names = list(dict.fromkeys(filter(None, filled)))
    places = {name: place for place, name in enumerate(names)}
    table = np.array([places.get(text, -1) for text in filled])
    return pd.Categorical.from_codes(table[codes], categories=pd.Index(names, dtype=object))


def _text(value: Any, digits: int) -> str:
    if isinstance(value, (float, np.floating)):
        number = float(str(value))  # by its own type: 0.1 of 32 bits is 0.1
        is_whole = number.is_integer() and abs(number) < 1e15
        return str(int(number)) if is_whole else f"{number:.{digits}g}"
    return " ".join(str(value).split())


def numbers_of(values: pd.Series) -> pd.Series | None:
    """Values as numbers, whole ones exactly where none is missing, else NaN where they are; None
    where one is no number, or all are missing. Text that looks like a number counts as one, and
    one of `MISSING_NUMBERS` as none."""
    if values.dtype.kind in "iuf":
        return None if values.isna().all() else values
    texts = texts_of(values)
    words = pd.Series(texts.categories, dtype=object)
    is_missing = words.str.lower().isin(MISSING_NUMBERS)
    numbers = pd.to_numeric(words.mask(is_missing), errors="coerce")
    if is_missing.all() or numbers[~is_missing].isna().any():
        return None
    if (texts.codes < 0).any():
        numbers = pd.Series(np.append(numbers.to_numpy(float), np.nan))
    return pd.Series(numbers.to_numpy()[texts.codes], values.index)


def times_of(values: pd.Series) -> NDArray[np.datetime64] | None:
    """Values as times of UTC, NaT where they are missing, (n,); None where one is no ISO date, or
    all are missing."""
    if values.dtype.kind in "biuf":
        return None
    texts = texts_of(values)
    words = texts.categories.to_series().astype(str)
    is_missing = words.str.lower().isin(MISSING_NUMBERS).to_numpy()
    times = read_times(words)
    if is_missing.all() or np.isnat(times[~is_missing]).any():
        return None
    return np.append(times, np.array("NaT", times.dtype))[texts.codes]


def as_numbers(values: pd.Series) -> pd.Series | None:
    """`numbers_of`, as floats."""
    numbers = numbers_of(values)
    return None if numbers is None else numbers.astype(float)


def is_numeric(values: pd.Series) -> bool:
    """Whether values are numbers of which there are more than names can tell apart."""
    numbers = as_numbers(values)
    return numbers is not None and numbers.nunique() > MOST_CATEGORIES


def colour_by_values(
    column: str,
    title: str,
    values: Sequence[pd.Series],
    is_drawn: Sequence[NDArray[np.bool_]],
    per_model: bool,
) -> tuple[dict[str, pd.Categorical], Colouring]:
    """Colour the values of a column: many numbers or times by ranges, along a ramp, all else by
    name.

    Args:
        column: a name for columns of the points.
        title: above the legend.
        values: of each image, (n,): one series for all maps or, `per_model`, one a map.
        is_drawn: which images each series is of, (n,) each; the others have no value.
        per_model: whether each map has values of its own.

    Returns:
        Columns for the points, and the colouring that reads them.
    """
    parts = [
        part if drawn.all() else part.where(drawn)
        for part, drawn in zip(values, is_drawn, strict=True)
    ]
    together = pd.concat(parts, ignore_index=True)
    scale = _scale_of(together)
    drawn_names: set[str] = set()

    def entries(palette: Palette, _grouping: Grouping) -> list[LegendEntry]:
        return [entry for entry in scale.entries(palette) if entry.name in drawn_names]

    colouring = Colouring(column, entries, title, per_model, f"value_{column}")
    columns = {}
    for pane, (part, drawn) in enumerate(zip(parts, is_drawn, strict=True)):
        names = scale.names(part)
        drawn_names.update(names[drawn].unique())
        columns[colouring.column_of(pane)] = names
        columns[colouring.value_column_of(pane)] = scale.words(part)
    return columns, colouring


def _missing_entry(palette: Palette) -> LegendEntry:
    return LegendEntry(NONE, "none", palette.missing)


@dataclass(frozen=True)
class _Names:
    """The most frequent values, of which each has a colour."""

    categories: tuple[str, ...]
    more: int  # values that share a colour
    digits: int  # of floats, see `_digits_of`
    missing: frozenset[str]  # texts that stand for no value

    @classmethod
    def from_values(cls, values: pd.Series) -> "_Names":
        digits = _digits_of(values)
        texts = texts_of(values, digits)
        counts = dict(zip(texts.categories, np.bincount(texts.codes + 1)[1:], strict=False))
        are_numbers = as_numbers(values) is not None
        are_ordered = are_numbers or times_of(values) is not None
        is_missing = [are_ordered and text.lower() in MISSING_NUMBERS for text in texts.categories]
        missing = frozenset(texts.categories[is_missing])
        # Of equally frequent ones in the order of the alphabet: the same in each comparison.
        ranked = sorted(counts.keys() - missing, key=lambda text: (-counts[text], text))
        categories = ranked[:MOST_CATEGORIES]
        if are_ordered:
            categories.sort(key=float if are_numbers else None)
        return cls(tuple(categories), len(ranked) - len(categories), digits, missing)

    def names(self, values: pd.Series) -> pd.Categorical:
        texts = texts_of(values, self.digits)
        numbers = {text: str(number) for number, text in enumerate(self.categories)}
        numbers |= dict.fromkeys(self.missing, "")
        names = [numbers.get(text, OTHER) for text in texts.categories]
        return _named(texts.codes, names, NONE)

    def words(self, values: pd.Series) -> pd.Categorical:
        texts = texts_of(values, self.digits)
        return _named(texts.codes, texts.categories, NONE)

    def entries(self, palette: Palette) -> list[LegendEntry]:
        named = [
            LegendEntry(str(number), shortened(text, _LONGEST), colour)
            for number, (text, colour) in enumerate(
                zip(self.categories, palette.categories, strict=False)
            )
        ]
        others = LegendEntry(OTHER, f"other ({self.more:,} values)", palette.other)
        return [*named, others, _missing_entry(palette)]


class _Scale(ABC):
    """Ranges of values along a ramp, of which the outer two are open."""

    @abstractmethod
    def codes(self, values: pd.Series) -> NDArray[np.int64]:
        """The number of each value's range; -1 of a missing one."""

    @property
    @abstractmethod
    def range_words(self) -> list[str]:
        """Each range in words."""

    @abstractmethod
    def words(self, values: pd.Series) -> pd.Categorical:
        """Each value in words."""

    def names(self, values: pd.Series) -> pd.Categorical:
        names = [str(number) for number in range(len(self.range_words))]
        return _named(self.codes(values), names, NONE)

    def entries(self, palette: Palette) -> list[LegendEntry]:
        words = self.range_words
        steps = np.linspace(0, len(palette.ramp) - 1, len(words)).round().astype(int)
        ranges = [
            LegendEntry(str(number), text, palette.ramp[at])
            for number, (text, at) in enumerate(zip(words, steps, strict=True))
        ]
        return [*ranges, _missing_entry(palette)]


@dataclass(frozen=True)
class _Ranges(_Scale):
    """Ranges of numbers, each from one round number to the next."""

    edges: tuple[float, ...]  # between two ranges, ascending
    step: float

    @classmethod
    def from_values(cls, values: pd.Series) -> "_Ranges":
        numbers = as_numbers(values)
        assert numbers is not None
        finite = numbers[np.isfinite(numbers)].clip(-_LARGEST, _LARGEST).to_numpy()
        low, high = np.percentile(finite, [_OUTLIERS, 100 - _OUTLIERS])
        if low == high:
            low, high = finite.min(), finite.max()
        step = _round_step((high - low) / _RANGES)
        first, last = math.floor(low / step) + 1, math.ceil(high / step) - 1
        # 3 * 0.2 is more than 0.6.
        edges = (round(number * step, _decimals(step)) for number in range(first, last + 1))
        return cls(tuple(edges), step)

    def codes(self, values: pd.Series) -> NDArray[np.int64]:
        numbers = self._numbers(values)
        ranges = np.searchsorted(self.edges, numbers, side="right")
        return np.where(np.isnan(numbers), -1, ranges)

    def words(self, values: pd.Series) -> pd.Categorical:
        digits = _decimals(self.step)
        rounded = self._numbers(values) + 0.0  # a copy, to be rounded to few different ones
        is_small = np.abs(rounded) < 1e15
        rounded[is_small] = rounded[is_small].round(digits) + 0.0  # without a zero below zero
        codes, distinct = pd.factorize(rounded)
        return _named(codes, [self._written(number, 1) for number in distinct], NONE)

    def _numbers(self, values: pd.Series) -> NDArray[np.float64]:
        numbers = as_numbers(values)
        return np.full(len(values), np.nan) if numbers is None else numbers.to_numpy()

    def _written(self, number: float, more_digits: int = 0) -> str:
        """A number to the digits of a step, and some more."""
        if math.isinf(number):
            return "∞" if number > 0 else "−∞"
        power = math.floor(math.log10(self.step))
        if round(self.step / 10.0**power, 6) % 1:  # 2.5
            power -= 1
        digits = more_digits - power
        if digits <= 6 and abs(number) < 1e15:
            text = f"{number:,.{max(0, digits)}f}"
        else:
            leading = math.floor(math.log10(max(abs(number), self.step)))
            text = f"{number:.{max(1, leading + digits + 1)}g}"
        return text.replace("-", "−")

    @property
    def range_words(self) -> list[str]:
        bounds = [self._written(edge) for edge in self.edges]
        inner = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
        return [f"under {bounds[0]}", *inner, f"{bounds[-1]} and more"]


@dataclass(frozen=True, eq=False)
class _Times(_Scale):
    """Ranges of times, each from one beginning of a day, a month or the like to the next."""

    edges: NDArray[np.datetime64]  # between two ranges, ascending

    @classmethod
    def from_times(cls, times: NDArray[np.datetime64]) -> "_Times":
        present = np.sort(times[~np.isnat(times)])
        outliers = len(present) * _OUTLIERS // 100
        low, high = present[outliers], present[-1 - outliers]
        if low == high:
            low, high = present[0], present[-1]
        for unit, count in _TIME_STEPS:
            start = _FIRST_EDGE.get(unit, 0)
            first, last = (
                (int(end.astype(f"datetime64[{unit}]").astype(int)) - start) // count
                for end in (low, high)
            )
            if last - first <= _MOST_EDGES:
                break
        numbers = start + count * np.arange(first + 1, last + 1)
        edges = numbers.astype(f"datetime64[{unit}]").astype(times.dtype)
        return cls(edges if len(edges) else present[-1:])

    def codes(self, values: pd.Series) -> NDArray[np.int64]:
        times = times_of(values)
        if times is None:
            return np.full(len(values), -1)
        return np.where(np.isnat(times), -1, np.searchsorted(self.edges, times, side="right"))

    def words(self, values: pd.Series) -> pd.Categorical:
        texts = texts_of(values)
        return _named(texts.codes, texts.categories, NONE)

    @property
    def range_words(self) -> list[str]:
        units = ("D", "m", "s", "us")
        unit = next(
            unit for unit in units if (self.edges.astype(f"datetime64[{unit}]") == self.edges).all()
        )
        texts = self.edges.astype(f"datetime64[{unit}]").astype(str)
        bounds = [text.replace("T", " ") for text in texts]
        inner = [f"{low} to {high}" for low, high in itertools.pairwise(bounds)]
        return [f"before {bounds[0]}", *inner, f"{bounds[-1]} and later"]


def _scale_of(values: pd.Series) -> _Ranges | _Times | _Names:
    """What tells values apart: ranges where they are more numbers or times than have names."""
    if is_numeric(values):
        return _Ranges.from_values(values)
    times = times_of(values)
    if times is None or len(np.unique(times[~np.isnat(times)])) <= MOST_CATEGORIES:
        return _Names.from_values(values)
    return _Times.from_times(times)


def _decimals(step: float) -> int:
    """Decimals of a round step, and one more of most."""
    return 1 - math.floor(math.log10(step))


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5, or these times a power of ten, that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= least * (1 - 1e-9))
