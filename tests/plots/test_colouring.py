"""Values of any column as few names with colours: words, numbers, what is missing, and the guess
which of these they are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.plots.colouring import (
    CONTEXTS,
    MOST_CATEGORIES,
    NONE,
    OBJECTS,
    OTHER,
    Colouring,
    LegendEntry,
    as_numbers,
    colour_by_values,
    is_numeric,
    times_of,
)
from vlcore.plots.theme import DARK, LIGHT, Palette

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def coloured(values: list[object], **more: object) -> tuple[list[str], Colouring]:
    """The name of each value's entry, and the colouring."""
    series = pd.Series(values)
    columns, colouring = colour_by_values(
        "by_it", "Yours: it", [series], [np.ones(len(series), dtype=bool)], per_model=False
    )
    return columns["by_it"].tolist(), colouring


def entries(colouring: Colouring, palette: Palette = LIGHT) -> list[LegendEntry]:
    return colouring.entries(palette, SCENES)


def test_the_twelve_most_frequent_words_have_colours_and_all_others_share_one() -> None:
    words = [f"kind {number:02}" for number in range(20) for _ in range(30 - number)]
    names, colouring = coloured([*words, "", None, " "])
    *named, other, none = entries(colouring)
    assert [entry.words for entry in named] == [f"kind {number:02}" for number in range(12)]
    assert [entry.colour for entry in named] == list(LIGHT.categories)
    assert (other.name, other.colour) == (OTHER, LIGHT.other)
    assert "8" in other.words
    assert (none.words, none.colour) == ("none", LIGHT.missing)
    assert names[-3:] == [NONE] * 3
    of_words = dict(zip(words, names, strict=False))
    assert [of_words[f"kind {number:02}"] for number in range(12)] == list(map(str, range(12)))
    assert {of_words[f"kind {number:02}"] for number in range(12, 20)} == {OTHER}


@pytest.mark.parametrize("colouring", [OBJECTS, CONTEXTS])
def test_no_name_goes_without_a_colour(colouring: Colouring) -> None:
    three = ("a", "b", "c")
    with pytest.raises(ValueError, match="zip"):
        colouring.entries(LIGHT, Grouping(three, three))  # type: ignore[arg-type]


ADDRESS = "https://example.org/archive/collection/a/2024"
HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "<b>bold</b>", 'x" onerror="y')


@pytest.mark.parametrize(
    ("values", "words", "names"),
    [
        (["a", "b", "a"], ["a", "b"], ["0", "1", "0"]),
        *(([text, text, "b"], [text, "b"], ["0", "0", "1"]) for text in HOSTILE),
        ([ADDRESS, ADDRESS, "b"], [f"{ADDRESS[:38]} …", "b"], ["0", "0", "1"]),
        ([10.0, 2.0, 2.0, 1.5, np.nan], ["1.5", "2", "10", "none"], ["2", "1", "1", "0", NONE]),
        (["10", "9", "NA", None], ["9", "10", "none"], ["1", "0", NONE, NONE]),
        (
            ["2024-05-02", "2023-01-01", "NA", ""],
            ["2023-01-01", "2024-05-02", "none"],
            ["1", "0", NONE, NONE],
        ),
        (
            [20230115.0, 20230116.0, 0.1 + 0.2, 0.3000001, -0.0, 1e15, np.inf],
            ["0", "0.3", "0.3000001", "20230115", "20230116", "1e+15", "inf"],
            ["3", "4", "1", "2", "0", "5", "6"],
        ),
        (
            [1 / 3, 2 / 3, np.float64(1e14)],
            ["0.333333", "0.666667", "100000000000000"],
            ["0", "1", "2"],
        ),
    ],
)
def test_few_values_have_words_in_their_order_and_names_of_ours(
    values: list[object], words: list[str], names: list[str]
) -> None:
    found, colouring = coloured(values)
    assert ([entry.words for entry in entries(colouring)], found) == (words, names)


def test_numbers_of_two_models_are_told_apart() -> None:
    parts = [pd.Series([0.3, 0.3]), pd.Series([0.3000001, 0.3000001])]  # each alone would be 0.3
    drawn = [np.ones(2, dtype=bool)] * 2
    columns, colouring = colour_by_values("by_it", "It", parts, drawn, per_model=True)
    assert [entry.words for entry in entries(colouring)] == ["0.3", "0.3000001"]
    assert [columns[f"by_it_{pane}"].tolist() for pane in (0, 1)] == [["0"] * 2, ["1"] * 2]
    assert columns["value_by_it_1"].tolist() == ["0.3000001"] * 2


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_many_numbers_have_ranges_along_the_ramp(palette: Palette) -> None:
    values = [*np.linspace(-2, 2, 400).tolist(), 1000.0, np.nan]
    names, colouring = coloured(values)
    *ranges, none = entries(colouring, palette)
    assert 5 <= len(ranges) <= 10
    assert none.name == NONE
    places = [palette.ramp.index(entry.colour) for entry in ranges]
    assert places == sorted(set(places))
    assert (places[0], places[-1]) == (0, len(palette.ramp) - 1)
    assert ranges[0].words == "under −1.5"
    assert ranges[1].words == "−1.5 to −1.0"
    assert ranges[-1].words == "1.5 and more"
    order = [int(name) for name in names[:-1]]
    assert order == sorted(order), "a greater number has no lower range"
    assert names[-2:] == [ranges[-1].name, NONE]


def test_a_number_at_an_edge_lies_in_the_range_that_begins_there() -> None:
    hundredths = list(range(0, 105, 5))
    names, colouring = coloured([number / 100 for number in hundredths])
    words = {entry.name: entry.words for entry in entries(colouring)}
    starts = pd.Series(hundredths).groupby([words[name] for name in names]).min()
    assert starts.to_dict() == {
        "under 0.2": 0,
        "0.2 to 0.4": 20,
        "0.4 to 0.6": 40,
        "0.6 to 0.8": 60,
        "0.8 and more": 80,
    }


def test_many_dates_have_ranges_from_one_round_date_to_the_next() -> None:
    days = pd.date_range("2024-03-01", periods=108).strftime("%Y-%m-%d").tolist()
    names, colouring = coloured([*days, "", "NA"])
    *ranges, none = entries(colouring)
    assert [entry.words for entry in ranges[:2]] == [
        "before 2024-03-04",
        "2024-03-04 to 2024-03-18",
    ]
    assert ranges[-1].words == "2024-06-10 and later"
    assert [entry.name for entry in ranges] == names[:1] + sorted(set(names[1:-2]) - {"0"})
    words = {entry.name: entry.words for entry in ranges}
    assert words[names[days.index("2024-03-17")]] == "2024-03-04 to 2024-03-18"
    assert words[names[days.index("2024-03-18")]] == "2024-03-18 to 2024-04-01"
    assert names[-2:] == [NONE, NONE]
    assert none.name == NONE


@pytest.mark.parametrize("step", ["us", "ms", "13s", "min", "7h", "D", "12D", "40D", "370D"])
def test_times_of_any_distance_have_few_ranges_of_their_own(step: str) -> None:
    times = pd.Series(pd.date_range("1987-05-06T07:08:09Z", periods=20, freq=step))
    names, colouring = coloured(times.map(lambda time: time.isoformat()).tolist())
    words = [entry.words for entry in entries(colouring)]
    assert 2 <= len(words) <= 10
    assert len(set(words)) == len(words)
    assert sorted(map(int, names)) == list(map(int, names))


def test_what_is_no_date_is_a_word() -> None:
    assert times_of(pd.Series(["", None])) is None
    for other in ("2024-13-01", "soon", "2024"):
        values = pd.Series([*(f"2024-05-{day:02}" for day in range(1, 20)), other])
        assert times_of(values) is None
        assert OTHER in {entry.name for entry in entries(coloured(values.tolist())[1])}


@pytest.mark.parametrize("least", [0, 1e-9, 1.7e9, 1e16])
def test_ranges_of_large_and_small_numbers_have_words_of_their_own(least: float) -> None:
    step = max(1e-12, abs(least) * 1e-9)
    _, colouring = coloured([least + number * step for number in range(40)])
    words = [entry.words for entry in entries(colouring)]
    assert len(set(words)) == len(words) >= 5


@given(st.lists(NUMBERS, min_size=13, max_size=60))
def test_any_numbers_have_a_legend(values: list[float]) -> None:
    names, colouring = coloured(list(values))
    known = entries(colouring)
    words = [entry.words for entry in known]
    assert set(names) == {entry.name for entry in known}
    assert len(set(words)) == len(words)


def test_models_share_the_ranges_and_an_absent_image_has_no_value() -> None:
    first, second = pd.Series(np.arange(40.0)), pd.Series(np.arange(40.0) + 60)
    is_drawn = [np.ones(40, dtype=bool), np.arange(40) < 39]
    columns, colouring = colour_by_values("by_it", "it", [first, second], is_drawn, per_model=True)
    assert colouring.columns(2) == ["by_it_0", "by_it_1", "value_by_it_0", "value_by_it_1"]
    assert columns["by_it_1"][-1] == NONE
    assert NONE not in {entry.name for entry in entries(colouring)}, "it is not drawn"
    assert max(map(int, columns["by_it_0"])) < min(map(int, columns["by_it_1"][:-1]))
    assert columns["value_by_it_0"][7] == "7"


@pytest.mark.parametrize(
    ("values", "numeric"),
    [
        (list(range(13)), True),
        ([str(number) for number in range(13)], True),
        ([*map(str, range(20)), "", None], True),
        (list(range(MOST_CATEGORIES)), False),
        ([*map(str, range(20)), "many"], False),
        ([*map(str, range(20)), "NA", "nan"], True),
        (["NA", "n/a"], False),
        ([True, False] * 20, False),
        (["", None], False),
    ],
)
def test_numbers_of_more_than_twelve_values_are_numeric(
    values: list[object], numeric: bool
) -> None:
    assert is_numeric(pd.Series(values)) == numeric


def test_an_empty_cell_and_one_that_says_so_are_no_number() -> None:
    numbers = as_numbers(pd.Series(["1", "", None, "2.5", "NA"]))
    assert numbers is not None
    assert numbers.isna().tolist() == [False, True, True, False, True]
    assert as_numbers(pd.Series(["1", "x"])) is None
