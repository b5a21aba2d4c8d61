"""The tables of maps, checked column by column, and the extent of a map.

A chart with a hole in its data still draws, and lies. So everything is refused here, with a sentence that names the
column, before a specification is written; and only listed columns travel to a browser.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.charts.tables import known_only, need, unique_ids
from vlcore.charts.thumbnails import check_uris
from vlcore.core.grouping import Grouping

Extent = tuple[list[float], list[float]]


@dataclass(frozen=True)
class MapOptions:
    """What is drawn beside the pictures.

    Attributes:
        colour_by: one of `COLOURINGS`.
        pictures: every mark is its picture, in a frame of its colour.
        trust: marks say how far to trust their places.
        neighbours: lines from the hovered and the clicked picture to its nearest in the full space.
        ghost: where the untrained encoder has the pictures, faint, under the map.
        movement: lines from each picture's place in the first map.
        twins: arrows of the clicked scene.
    """

    colour_by: str = "group"
    pictures: bool = False
    trust: bool = False
    neighbours: bool = False
    ghost: bool = False
    movement: bool = False
    twins: bool = False


PLAIN = MapOptions()


@dataclass(frozen=True, eq=False)
class MapTables:
    """What maps draw, one row a thing; the tables but `points` and `uploads` have a row for each map, its `pane`.

    Attributes:
        points: pictures, with their places in each map: `x0`, `y0`, `x1` and so on.
        captions: `caption`, `x`, `y`.
        uploads: a visitor's pictures, with places as those of `points`.
        neighbours: lines from `x`, `y` to `x2`, `y2`, of an `id`.
        twins: arrows of a `scene` and of a `kind`.
        typed: a `caption` that somebody typed.
        left_out: arrows from there to the caption without a `word`.
    """

    points: pd.DataFrame
    captions: pd.DataFrame
    uploads: pd.DataFrame | None = None
    neighbours: pd.DataFrame | None = None
    twins: pd.DataFrame | None = None
    typed: pd.DataFrame | None = None
    left_out: pd.DataFrame | None = None

    @property
    def arrows(self) -> list[str]:
        """The kinds of arrows of scenes."""
        return [] if self.twins is None else sorted(set(self.twins["kind"].astype(str)), reverse=True)

    def extent(self, pane: int, options: MapOptions) -> Extent:
        """Of all that is drawn in the map of a number."""
        own = [f"x{pane}", f"y{pane}"]
        every = [self.points[own]] + ([] if self.uploads is None else [self.uploads[own]])
        for table, ends in ((self.captions, ["x", "y"]), (self.typed, ["x", "y"]), (self.left_out, ["x2", "y2"])):
            if table is not None:
                every.append(table.loc[table["pane"] == pane, ends])
        if options.ghost:
            every.append(self.points[[f"gx{pane}", f"gy{pane}"]])
        if options.movement and pane:
            every.append(self.points.loc[self.points[own].notna().all(axis=1), ["x0", "y0"]])
        return extent_of([places.to_numpy(float) for places in every])


def map_tables(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    panes: int,
    grouping: Grouping,
    options: MapOptions,
    *,
    uploads: pd.DataFrame | None = None,
    neighbours: pd.DataFrame | None = None,
    twins: pd.DataFrame | None = None,
) -> MapTables:
    """The tables that `vlcore.charts.maps.linked.linked_maps` describes, as those that its options ask for.

    Raises:
        ValueError: as there.
    """
    wanted = {
        "says_": options.colour_by == "prediction",
        "right_": options.colour_by == "right or wrong",
        "trust": options.trust,
        "gx": options.ghost,
        "gy": options.ghost,
    }
    more = [
        f"{name}{pane}" for name, drawn in {"x": True, "y": True, **wanted}.items() if drawn for pane in range(panes)
    ]
    table = _finite(pictures_table(points, grouping, panes, [*more, *(["scene"] if options.twins else [])]))
    found = MapTables(
        points=table,
        captions=pane_table(captions, "captions", panes, ["caption", "x", "y"]),
        uploads=None if uploads is None or uploads.empty else _uploads_table(uploads, table, panes),
        neighbours=lines_table(neighbours, "neighbours", panes, ["id"]) if options.neighbours else None,
        twins=lines_table(twins, "twins", panes, ["scene", "kind"]) if options.twins else None,
    )
    if len(found.arrows) > 2:
        raise ValueError(f"twins: two kinds of arrows can be told apart, not {', '.join(found.arrows)}")
    return found


def pictures_table(points: pd.DataFrame, grouping: Grouping, panes: int, more: Sequence[str] = ()) -> pd.DataFrame:
    """The columns of pictures that maps need but for their places, and `more`, checked."""
    said = [f"{what}_{pane}" for pane in range(panes) for what in ("caption", "predicted")]
    columns = ["id", "object", "context", "group", "kind", "minority", "thumb", "spoken", *said, *more]
    need(points, columns, "points")
    table = points.loc[:, columns].reset_index(drop=True)
    unique_ids(table["id"], "points")
    known_only(table["group"], grouping.names, "group")
    known_only(table["kind"], ("training", "test"), "kind")
    check_uris(table["thumb"])
    return table.assign(minority=table["minority"].astype(bool))


def _uploads_table(uploads: pd.DataFrame, points: pd.DataFrame, panes: int) -> pd.DataFrame:
    """Uploads, numbered, checked against each other and against the points."""
    columns = ["id", "name", *(f"{axis}{pane}" for pane in range(panes) for axis in "xy"), "thumb", "spoken"]
    need(uploads, columns, "uploads")
    stars = uploads.loc[:, columns].reset_index(drop=True)
    if pd.concat([stars["id"], points["id"]]).duplicated().any():
        raise ValueError("uploads: every id must occur once, and in no point")
    check_uris(stars["thumb"])
    return _finite(stars.assign(number=[str(place) for place in range(1, len(stars) + 1)]))


def lines_table(lines: pd.DataFrame | None, what: str, panes: int, names: Sequence[str]) -> pd.DataFrame:
    """Lines of maps that have both ends: the columns of `names`, `pane`, `x`, `y`, `x2`, `y2`."""
    if lines is None:
        raise ValueError(f"{what}: the table is missing")
    return pane_table(lines, what, panes, [*names, "x", "y", "x2", "y2"])


def pane_table(table: pd.DataFrame, what: str, panes: int, columns: Sequence[str]) -> pd.DataFrame:
    """The rows that have a place in one of the maps: its `pane`, and the columns."""
    need(table, ["pane", *columns], what)
    known_only(table["pane"], tuple(str(pane) for pane in range(panes)), "pane")
    found = _finite(table.loc[:, ["pane", *columns]])
    return found.dropna(subset=[column for column in columns if column[0] in "xy"]).reset_index(drop=True)


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    """Places and trust as numbers, infinite ones as absent."""
    columns = [name for name in table if str(name).rstrip("0123456789") in ("x", "y", "gx", "gy", "trust")]
    return table.assign(**table[columns].astype(float).replace([np.inf, -np.inf], np.nan))


def extent_of(every: Sequence[npt.NDArray[np.float64]]) -> Extent:
    """Domains of x and y with one span, so that a square pane shows distances undistorted.

    Args:
        every: places of all that a map shows, arrays of shape (n, 2); rows that are not finite are left out.
    """
    there = np.concatenate([np.asarray(some, dtype=float).reshape(-1, 2) for some in every])
    there = there[np.isfinite(there).all(axis=1)]
    if not len(there):
        return [-1.0, 1.0], [-1.0, 1.0]
    low, high = there.min(axis=0), there.max(axis=0)
    span, most = float((high - low).max()), max(1.0, float(np.abs(there).max()))
    # A cloud that has collapsed into one place would need a scale of no width: show it in the middle instead.
    span = most if span <= 1e-9 * most else span
    half, digits = 0.58 * span, max(0, 4 - math.floor(math.log10(span)))
    x, y = ([round(float(m) - half, digits), round(float(m) + half, digits)] for m in (low + high) / 2)
    return x, y
