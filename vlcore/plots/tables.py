"""The tables that charts draw: only the columns that a chart names travel to a browser, and only
images that are ours."""

from collections.abc import Sequence

import pandas as pd

from vlcore.plots.thumbnails import check_uris


def filled_columns(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """As `checked_columns`; ValueError where there is no row."""
    rows = checked_columns(table, columns)
    if rows.empty:
        raise ValueError("there is nothing to show")
    return rows


def checked_columns(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns of a table alone, so that no other travels to a browser; KeyError where one is
    missing, ValueError where a `thumb` was not made by `thumb_uri`."""
    rows = table[list(columns)].reset_index(drop=True)
    if "thumb" in rows:
        check_uris(rows["thumb"])
    return rows
