"""What a chart may be given: tables checked column by column, and the extent of a map.

The one idea: a chart with a hole in its data still draws, and lies. So everything is refused here, with a
sentence that names the column, before a specification is written; and only listed columns travel to a browser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from vlcore.images.groups import Grouping
from vlcore.images.thumbs import check_uris

Columns = tuple[str, str, str, str]  # x, y, caption, prediction

LEFT: Columns = ("xl", "yl", "caption_left", "predicted_left")
RIGHT: Columns = ("xr", "yr", "caption_right", "predicted_right")
_ALWAYS = ("id", "object", "context", "group", "kind", "minority", "thumb", "spoken")
_UPLOADS = ("id", "name", "xl", "yl", "xr", "yr", "thumb", "spoken")
_KINDS = ("training", "test")


def points_table(points: pd.DataFrame, grouping: Grouping, *sides: Columns) -> pd.DataFrame:
    """The columns that a chart needs, checked, with infinite places as absent ones."""
    columns = [*_ALWAYS, *(column for side in sides for column in side)]
    need(points, columns, "points")
    table = points.loc[:, columns].reset_index(drop=True)
    if table["id"].duplicated().any():
        raise ValueError("points: every id must occur once")
    known_only(table["group"], grouping.names, "group")
    known_only(table["kind"], _KINDS, "kind")
    check_uris(table["thumb"])
    return _finite(table.assign(minority=table["minority"].astype(bool)))


def uploads_table(uploads: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The columns of uploads, checked against each other and against the points."""
    need(uploads, _UPLOADS, "uploads")
    stars = uploads.loc[:, list(_UPLOADS)].reset_index(drop=True)
    if pd.concat([stars["id"], table["id"]]).duplicated().any():
        raise ValueError("uploads: every id must occur once, and in no point")
    check_uris(stars["thumb"])
    return _finite(stars.assign(number=[str(place) for place in range(1, len(stars) + 1)]))


def captions_table(captions: pd.DataFrame) -> pd.DataFrame:
    """The captions that have a place."""
    need(captions, ("caption", "side", "x", "y"), "captions")
    known_only(captions["side"], ("left", "right"), "side")
    words = _finite(captions.loc[:, ["caption", "side", "x", "y"]])
    return words.dropna(subset=["x", "y"]).reset_index(drop=True)


def need(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Raise ValueError that names the columns which `what` lacks."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{what}: missing columns {', '.join(missing)}")


def known_only(values: pd.Series, known: tuple[str, ...], what: str) -> None:
    """Raise ValueError that names the values which are not `known`."""
    unknown = sorted(set(values.astype(str)) - set(known))
    if unknown:
        raise ValueError(f"unknown {what} {', '.join(unknown)}; known: {', '.join(known)}")


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    places = [column for column in ("x", "y", "xl", "yl", "xr", "yr") if column in table]
    return table.assign(**{column: table[column].astype(float).where(np.isfinite(table[column])) for column in places})


def extent_of(
    table: pd.DataFrame, words: pd.DataFrame, columns: Columns, stars: pd.DataFrame | None
) -> tuple[list[float], list[float]]:
    """Domains of x and y with one span, so that a square pane shows distances undistorted."""
    places = [table[[columns[0], columns[1]]].to_numpy(float), words[["x", "y"]].to_numpy(float)]
    if stars is not None:
        places.append(stars[[columns[0], columns[1]]].to_numpy(float))
    every = np.concatenate(places)
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return [-1.0, 1.0], [-1.0, 1.0]
    low, high = every.min(axis=0), every.max(axis=0)
    span = float((high - low).max())
    # A cloud that has collapsed into one place would need a scale of no width: show it in the middle instead.
    if span <= 1e-9 * max(1.0, float(np.abs(every).max())):
        span = max(1.0, float(np.abs(every).max()))
    half = 0.58 * span
    digits = max(0, 4 - math.floor(math.log10(span)))
    middle = (low + high) / 2
    x, y = ([round(float(m) - half, digits), round(float(m) + half, digits)] for m in middle)
    return x, y
