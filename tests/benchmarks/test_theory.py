"""The page of the theory and its figure are what its predictions and the table of runs say."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import theory
from tests.plots import drawn
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published
from vlcore.study.pooled import SETS, pooled
from vlcore.study.runs_table import SEEDS, matching_runs


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return theory.measured_predictions(pd.read_csv(theory.TABLE))


def test_the_page_comes_out_of_its_tables_again(table: pd.DataFrame) -> None:
    written = theory.PAGE.read_text(encoding="utf-8")
    assert theory.theory_page(table, pd.read_csv(theory.TABLE)) == written
    assert f"]({theory.PAGE.stem}.png)" in written
    assert theory.PAGE.with_suffix(".png").is_file()


def test_what_the_place_costs_is_the_one_answer(table: pd.DataFrame) -> None:
    is_asked = (table["arm"] == "place") & (table["bias"] == STUDY_BIAS)
    rows = table[is_asked & (table["n_per_group"] == 48)].set_index("data")
    for data in SETS:
        answer = pooled(data).all_pairs
        assert rows.loc[data, "n"] == answer.n
        ends = rows.loc[data, ["measured", "low", "high"]].tolist()
        mean = answer.mean_log_odds
        assert ends == pytest.approx([mean.value, mean.low, mean.high])


def test_what_is_called_written_before_its_runs_has_no_older_runs(table: pd.DataFrame) -> None:
    """The predictions are younger than every plan of seeds below 200, and older than any above."""
    runs = published.read_rows(moment="end", measure=PRIMARY)
    for cell in table[table["written_before"]].itertuples():
        arm = Condition(data=cell.data, bias=cell.bias, n_per_group=cell.n_per_group)
        arm = arm.replace(steps=cell.steps, **theory.ARMS[cell.arm])
        seeds = matching_runs(runs, arm, ("data_version", *SEEDS))["data_seed"]
        assert len(seeds) >= cell.n
        assert seeds.min() >= 200, cell
    n_first = int(table["written_before"].sum())
    page = theory.PAGE.read_text(encoding="utf-8")
    assert f"Predictions of {n_first} of these were written before any of their runs." in page
    for row in pd.read_csv(theory.TABLE).itertuples():
        cell = theory.PredictedCost(row.data, row.arm, row.bias, row.n_per_group)
        assert cell.written_before == row.written_before


def test_the_figure_has_every_row_and_its_title_what_they_amount_to(table: pd.DataFrame) -> None:
    spec = theory.theory_figure(table).to_dict()
    *_, intervals, points = spec["layer"]
    rows = drawn.rows(spec, points)
    assert [row["measured"] for row in rows] == table["measured"].tolist()
    assert [row["predicted"] for row in rows] == table["predicted"].tolist()
    encoding = intervals["encoding"]
    assert (encoding["y"]["field"], encoding["y2"]["field"]) == ("low", "high")
    assert set(SETS) < {row["images"] for row in rows}
    hits = np.sign(table["predicted"]) == np.sign(table["measured"])
    is_clear = (table["low"] > 0) | (table["high"] < 0)
    assert f"sign right in {(hits & is_clear).sum()} of {is_clear.sum()} clear" in spec["title"]
    correlation = 1 - ((table["measured"] - table["predicted"]) ** 2).sum() / (
        len(table) * table["measured"].var(ddof=0)
    )
    assert f"R2 = {correlation:.2f};" in spec["title"]
