"""The published proving ground: the page says what its tables say; baselines are what they say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import finders
from benchmarks.finders_page import finders_page, findings
from tests.study.test_finders import made
from vlcore.api.proving_ground import JUDGED, PLANTED, judged_finders
from vlcore.metrics.slices import Cell
from vlcore.study.finders import FINDERS, SIGNIFICANCE, LabelledImages
from vlcore.study.proving_ground import BUDGET, PLANTS, finder_summary
from vlcore.study.published import FOLDER


@pytest.fixture(scope="module")
def halves() -> tuple[LabelledImages, LabelledImages]:
    images = made(8, in_cell=0.7)
    first, second = images.halves()
    return images.among(first), images.among(second)


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.read_csv(FOLDER / "finders" / PLANTED), pd.read_csv(FOLDER / "finders" / JUDGED)


def test_the_page_is_written_from_its_tables(
    tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    assert finders_page(*tables, tmp_path) == (FOLDER / "finders.md").read_text()
    assert (tmp_path / "discovery.png").stat().st_size > 0


def test_the_page_names_every_finder_that_raises_no_alarm_by_chance(
    tables: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    counts = finder_summary(tables[1])
    [line] = [line for line in findings(counts, tables[1]).split("\n") if "by chance" in line]
    quiet = line.partition("Each of the others")[0]
    for row in counts.to_dict("records"):
        assert (f"{row['finder']} (" in quiet) == (row["chance"].low <= SIGNIFICANCE)


def test_every_finder_and_baseline_was_judged_on_every_set(
    tables: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    plants, judged = tables
    names = {*FINDERS, *finders.BASELINES}
    names |= {f"{name} (own embedding)" for name in finders.IN_SPACE}
    by_set = judged.groupby("set")["finder"].agg(set)
    assert all(judged_by == names for judged_by in by_set)
    assert set(judged_finders()["finder"]) == names
    took = plants[plants["took"]].groupby("set").size()
    counted = judged.drop_duplicates("set").set_index("set")["plants"]
    assert (counted == took.reindex(counted.index, fill_value=0)).all()
    assert plants.loc[plants["took"], "low"].min() >= 0
    assert plants.loc[~plants["took"], "low"].max() <= 0


def test_sets_that_are_not_judged_anew_keep_their_rows() -> None:
    former = pd.DataFrame({"set": ["a-s0", "b-s1", "b-s1"], "seed": [0, 1, 1], "n": [1, 2, 3]})
    anew = [pd.DataFrame({"set": ["b-s1"], "seed": [1], "n": [9]})]
    anew += [pd.DataFrame({"set": ["c-s0"], "seed": [0], "n": [4]}), former.iloc[:0]]
    table = finders.with_former_sets(anew, former)
    assert table["set"].tolist() == ["a-s0", "c-s0", "b-s1"]
    assert table["n"].tolist() == [1, 4, 9]
    assert finders.with_former_sets(anew, pd.DataFrame())["n"].tolist() == [4, 9]


def test_told_the_factors_a_finder_beats_chance() -> None:
    table = judged_finders().set_index("finder")
    assert table.loc["words", "discovery"].low > table.loc["random errors", "discovery"].high
    told = table.loc["SliceLine (true factors)", "false"]
    assert told.high < table.loc["random errors", "false"].low


@pytest.mark.parametrize("name", finders.BASELINES)
def test_a_baseline_offers_at_most_the_budget(
    halves: tuple[LabelledImages, LabelledImages], name: str
) -> None:
    slices = finders.BASELINES[name](*halves, 0)
    assert 1 <= len(slices) <= BUDGET
    for _, scores, members in slices:
        assert scores.shape == members.shape == halves[1].objects.shape
        assert members.dtype == bool
        assert members.any()


@pytest.mark.parametrize("name", ["SliceLine (true factors)", "worst slices (true factors)"])
def test_told_the_factors_the_ceiling_names_what_fails(
    halves: tuple[LabelledImages, LabelledImages], name: str
) -> None:
    cell, _, members = finders.BASELINES[name](*halves, 0)[0]
    assert cell == Cell("camel", ("grass",)) == PLANTS["place"]
    assert np.array_equal(members, cell.contains(halves[1].objects, halves[1].attributes))
