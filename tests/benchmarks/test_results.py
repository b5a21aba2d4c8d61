"""Published pages come from the table of runs beside them."""

from benchmarks.results_page import page, table
from vlcore.study import published


def test_the_page_of_results_comes_from_its_table() -> None:
    """Else run `python -m benchmarks.results` again."""
    assert page() == (published.FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(page().split()) <= 900


def test_the_table_of_comparisons_comes_from_that_of_runs() -> None:
    """Else run `python -m benchmarks.results` again."""
    assert table() == (published.FOLDER / "table.md").read_text(encoding="utf-8")


def test_results_are_small() -> None:
    files = [file for file in published.FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 4_000_000
