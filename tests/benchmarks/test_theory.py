"""The page of the theory is what its predictions and the table of runs say."""

import pandas as pd

from benchmarks import theory


def test_the_page_comes_out_of_its_tables_again() -> None:
    assert theory.page(pd.read_csv(theory.TABLE)) == theory.PAGE.read_text(encoding="utf-8")
