"""Published pages come from the tables beside them."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import eyes
from benchmarks.results import keys_published_elsewhere, write_arms
from vlcore.study import plans, published


def test_a_page_of_arms_comes_out_of_its_tables_again(tmp_path: Path) -> None:
    """Else run `python -m benchmarks.results` again."""
    study = "careful"  # some of its blocks fail the sanity check, by runs of another study
    write_arms(plans.find(str(published.FOLDER / "plans" / f"{study}.yaml")), tmp_path)
    assert (tmp_path / "README.md").read_text() == (
        published.FOLDER / study / "README.md"
    ).read_text()


def test_the_page_of_image_towers_comes_from_its_table() -> None:
    """Else run `python -m benchmarks.eyes` again."""
    folder = published.FOLDER / "eyes"
    runs = pd.read_csv(folder / "runs.csv.gz")
    assert eyes.eyes_page(runs, eyes.difference_table(runs)) == (folder / "README.md").read_text()


def test_a_run_is_kept_once_where_two_studies_have_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = pd.read_parquet(published.FOLDER / "capacity" / "runs.parquet").astype({"value": float})
    first, second, third, fourth = runs["key"].unique()[:4]
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    elsewhere = runs[runs["key"].isin([first, second, third])]
    is_retrained = elsewhere["key"] == second
    changed = elsewhere["value"].where(~is_retrained, elsewhere["value"] + 0.01)
    one_measure = elsewhere["measure"] == elsewhere["measure"].iat[0]
    is_missing = (elsewhere["key"] == third) & one_measure
    (tmp_path / "other").mkdir()
    published.write_runs(elsewhere.assign(value=changed)[~is_missing], tmp_path / "other")
    four = runs[runs["key"].isin([first, second, third, fourth])]
    assert keys_published_elsewhere(four) == {first}
