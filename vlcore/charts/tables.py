"""What a chart may be given: tables checked column by column, and the extent of a map.

The one idea: a chart with a hole in its data still draws, and lies. So everything is refused here, with a
sentence that names the column, before a specification is written; and only listed columns travel to a browser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.charts.thumbnails import check_uris
from vlcore.core.grouping import Grouping

_ALWAYS = ("id", "object", "context", "group", "kind", "minority", "thumb", "spoken")
_KINDS = ("training", "test")
_BOARD = ("pane", "model", "group", "accuracy", "low", "high", "n")


def places(panes: int, prefix: str = "") -> list[str]:
    """The columns of places in each map: ``x0``, ``y0``, ``x1`` and so on."""
    return [f"{prefix}{axis}{pane}" for pane in range(panes) for axis in "xy"]


def pictures_table(points: pd.DataFrame, grouping: Grouping, panes: int, more: Sequence[str] = ()) -> pd.DataFrame:
    """The columns of pictures that a chart needs but for their places, checked.

    Args:
        points: one row a picture.
        grouping: which groups there are.
        panes: how many maps there are.
        more: further columns, those that end in a number one for each map.
    """
    said = [f"{what}_{pane}" for pane in range(panes) for what in ("caption", "predicted")]
    columns = [*_ALWAYS, *said, *more]
    need(points, columns, "points")
    table = points.loc[:, columns].reset_index(drop=True)
    if table["id"].duplicated().any():
        raise ValueError("points: every id must occur once")
    known_only(table["group"], grouping.names, "group")
    known_only(table["kind"], _KINDS, "kind")
    check_uris(table["thumb"])
    return table.assign(minority=table["minority"].astype(bool))


def points_table(points: pd.DataFrame, grouping: Grouping, panes: int, more: Sequence[str] = ()) -> pd.DataFrame:
    """The same with places in each map, infinite numbers as absent ones."""
    return _finite(pictures_table(points, grouping, panes, [*places(panes), *more]))


def uploads_table(uploads: pd.DataFrame, table: pd.DataFrame, panes: int) -> pd.DataFrame:
    """The columns of uploads, numbered, checked against each other and against the points."""
    columns = ["id", "name", *places(panes), "thumb", "spoken"]
    need(uploads, columns, "uploads")
    stars = uploads.loc[:, columns].reset_index(drop=True)
    if pd.concat([stars["id"], table["id"]]).duplicated().any():
        raise ValueError("uploads: every id must occur once, and in no point")
    check_uris(stars["thumb"])
    return _finite(stars.assign(number=[str(place) for place in range(1, len(stars) + 1)]))


def captions_table(captions: pd.DataFrame, panes: int) -> pd.DataFrame:
    """The captions that have a place."""
    return _in_panes(captions, "captions", panes, ["caption", "x", "y"])


def lines_table(lines: pd.DataFrame, what: str, panes: int, names: Sequence[str]) -> pd.DataFrame:
    """Lines of maps that have both ends: the columns of `names`, ``pane``, ``x``, ``y``, ``x2``, ``y2``."""
    return _in_panes(lines, what, panes, [*names, "x", "y", "x2", "y2"])


def _in_panes(table: pd.DataFrame, what: str, panes: int, columns: Sequence[str]) -> pd.DataFrame:
    need(table, ["pane", *columns], what)
    known_only(table["pane"], tuple(str(pane) for pane in range(panes)), "pane")
    found = _finite(table.loc[:, ["pane", *columns]])
    return found.dropna(subset=[column for column in columns if column[0] in "xy"]).reset_index(drop=True)


def board_table(rows: pd.DataFrame, grouping: Grouping, panes: int) -> pd.DataFrame:
    """Accuracies of groups with their intervals; a row that was not measured is left out."""
    need(rows, _BOARD, "board")
    known_only(rows["pane"], tuple(str(pane) for pane in range(panes)), "pane")
    known_only(rows["group"], grouping.names, "group")
    numbers = rows[["accuracy", "low", "high"]].astype(float)
    if ((numbers < 0) | (numbers > 1)).any(axis=None):
        raise ValueError("board: accuracy, low and high are fractions from 0 to 1")
    table = rows.loc[:, list(_BOARD)].assign(**numbers).dropna(subset=["accuracy"]).reset_index(drop=True)
    if table[["low", "high"]].isna().any(axis=None):
        raise ValueError("board: every accuracy needs its interval: low and high")
    return table


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


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    numbers = {
        column: values.astype(float).where(np.isfinite(values.astype(float)))
        for column, values in table.items()
        if str(column).rstrip("0123456789") in ("x", "y", "gx", "gy", "trust")
    }
    return table.assign(**numbers)


def extent_of(every: Sequence[npt.NDArray[np.float64]]) -> tuple[list[float], list[float]]:
    """Domains of x and y with one span, so that a square pane shows distances undistorted.

    Args:
        every: places of all that a map shows, arrays of shape (n, 2); rows that are not finite are left out.
    """
    there = np.concatenate([np.asarray(some, dtype=float).reshape(-1, 2) for some in every])
    there = there[np.isfinite(there).all(axis=1)]
    if not len(there):
        return [-1.0, 1.0], [-1.0, 1.0]
    low, high = there.min(axis=0), there.max(axis=0)
    span = float((high - low).max())
    # A cloud that has collapsed into one place would need a scale of no width: show it in the middle instead.
    if span <= 1e-9 * max(1.0, float(np.abs(there).max())):
        span = max(1.0, float(np.abs(there).max()))
    half = 0.58 * span
    digits = max(0, 4 - math.floor(math.log10(span)))
    middle = (low + high) / 2
    x, y = ([round(float(m) - half, digits), round(float(m) + half, digits)] for m in middle)
    return x, y
