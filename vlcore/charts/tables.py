"""Checks of the tables that charts draw: what is refused is named in a sentence before a specification is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd


def need(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Raise ValueError that names the columns which `what` lacks."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{what}: missing columns {', '.join(missing)}")


def whole(table: pd.DataFrame, columns: Sequence[str], what: str) -> pd.DataFrame:
    """The columns of a table that must have a row; ValueError where one is missing or there is no row."""
    need(table, columns, what)
    if table.empty:
        raise ValueError(f"{what}: there is nothing to show")
    return table.loc[:, list(columns)].reset_index(drop=True)


def unique_ids(ids: pd.Series, what: str) -> None:
    """Raise ValueError where an id occurs twice in `what`."""
    if ids.duplicated().any():
        raise ValueError(f"{what}: every id must occur once")


def known_only(values: pd.Series, known: tuple[str, ...], what: str) -> None:
    """Raise ValueError that names the values which are not `known`."""
    unknown = sorted(set(values.astype(str)) - set(known))
    if unknown:
        raise ValueError(f"unknown {what} {', '.join(unknown)}; known: {', '.join(known)}")
