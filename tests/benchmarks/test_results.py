"""Pages of published results say what the tables beside them say."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.results import keys_published_elsewhere, write_arms
from vlcore.study import plans, published


def test_a_page_of_arms_comes_out_of_its_tables_again(tmp_path: Path) -> None:
    """Else run `python -m benchmarks.results` again."""
    study = "careful"  # some of its blocks fail the sanity check, by runs of another study
    write_arms(plans.find(str(published.FOLDER / "plans" / f"{study}.yaml")), tmp_path)
    assert (tmp_path / "README.md").read_text() == (
        published.FOLDER / study / "README.md"
    ).read_text()


def test_a_run_is_kept_once_where_two_studies_have_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = pd.read_parquet(published.FOLDER / "capacity" / "runs.parquet").astype({"value": float})
    first, second, third, fourth = runs["key"].unique()[:4]
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    there = runs[runs["key"].isin([first, second, third])]
    again = there["value"].where(there["key"] != second, there["value"] + 0.01)  # trained twice
    less = (there["key"] == third) & (
        there["measure"] == there["measure"].iat[0]
    )  # not all that is known of it
    (tmp_path / "other").mkdir()
    published.write_runs(there.assign(value=again)[~less], tmp_path / "other")
    four = runs[runs["key"].isin([first, second, third, fourth])]
    assert keys_published_elsewhere(four) == {first}
