"""Checks of the tables that charts draw: what is refused is named in a sentence before a
specification is written."""

from collections.abc import Iterable, Sequence

import pandas as pd

from vlcore.plots.thumbnails import check_uris

Rows = pd.DataFrame


def filled_columns(
    table: pd.DataFrame, columns: Sequence[str], what: str, **known: Iterable[object]
) -> pd.DataFrame:
    """The columns of a table that must have a row, as `checked_columns`."""
    rows = checked_columns(table, columns, what, **known)
    if rows.empty:
        raise ValueError("there is nothing to show")
    return rows


def checked_columns(
    table: pd.DataFrame, columns: Sequence[str], what: str, **known: Iterable[object]
) -> pd.DataFrame:
    """The columns of a table alone, so that no other travels to a browser; ValueError where one is
    missing, a `thumb` was not made by `thumb_uri`, an `id` occurs twice, or a value is not among
    those `known` of its column.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{what}: missing columns {', '.join(missing)}")
    if "thumb" in columns:
        check_uris(table["thumb"])
        if "id" in columns and table["id"].duplicated().any():
            raise ValueError(f"{what}: every id must occur once")
    for column, values in known.items():
        names = [str(value) for value in values]
        unknown = sorted(set(table[column].astype(str)) - set(names))
        if unknown:
            raise ValueError(f"unknown {column} {', '.join(unknown)}; known: {', '.join(names)}")
    return table.loc[:, list(columns)].reset_index(drop=True)
