"""Pages of published results say what the tables beside them say."""

from pathlib import Path

from benchmarks.results import write_arms
from vlcore.studies import plans, published


def test_a_page_of_arms_comes_out_of_its_tables_again(tmp_path: Path) -> None:
    """Else run `python -m benchmarks.results` again."""
    study = "scenes"  # some of its blocks fail the sanity check
    write_arms(plans.find(str(published.FOLDER / "plans" / f"{study}.yaml")), tmp_path)
    assert (tmp_path / "README.md").read_text() == (published.FOLDER / study / "README.md").read_text()
