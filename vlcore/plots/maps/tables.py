"""The tables of maps, checked column by column, and the extent of a map.

A chart with a hole in its data still draws, and lies: so all is refused here that
`vlcore.plots.tables` refuses.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.tables import Rows, listed

Extent = tuple[list[float], list[float]]
ENDS = ("x", "y", "x2", "y2")  # of a line


@dataclass(frozen=True)
class MapOptions:
    """What is drawn beside the pictures."""

    colour_by: str = "group"  # one of `COLOURINGS`
    pictures: bool = False  # every mark is its picture, in a frame of its colour
    trust: bool = False  # marks say how far to trust their places
    neighbours: bool = (
        False  # lines from the hovered and the clicked picture to its nearest in the full space
    )
    ghost: bool = False  # where the untrained encoder has the pictures, faint, under the map
    movement: bool = False  # lines from each picture's place in the first map
    twins: bool = False  # arrows of the clicked scene


PLAIN = MapOptions()


@dataclass(frozen=True, eq=False)
class MapTables:
    """What maps draw, one row a thing; the tables but `points` and `uploads` have a row for each
    map, its `pane`."""

    points: pd.DataFrame  # pictures, with their places in each map: `x0`, `y0`, `x1` and so on
    captions: pd.DataFrame  # `caption`, `x`, `y`
    uploads: pd.DataFrame | None = None  # a visitor's pictures, with places as those of `points`
    neighbours: pd.DataFrame | None = None  # lines (`ENDS`) of an `id`
    twins: pd.DataFrame | None = None  # arrows (`ENDS`) of a `scene` and of a `kind`
    typed: pd.DataFrame | None = None  # a `caption` that somebody typed
    left_out: pd.DataFrame | None = None  # arrows from there to the caption without a `word`

    @property
    def arrows(self) -> list[str]:
        """The kinds of arrows of scenes."""
        return (
            [] if self.twins is None else sorted(set(self.twins["kind"].astype(str)), reverse=True)
        )

    def extent(self, pane: int, options: MapOptions) -> Extent:
        """Of all that is drawn in the map of a number."""
        own = [f"x{pane}", f"y{pane}"]
        every = [self.points[own]] + ([] if self.uploads is None else [self.uploads[own]])
        for table, ends in (
            (self.captions, ["x", "y"]),
            (self.typed, ["x", "y"]),
            (self.left_out, ["x2", "y2"]),
        ):
            if table is not None:
                every.append(table.loc[table["pane"] == pane, ends])
        if options.ghost:
            every.append(self.points[[f"gx{pane}", f"gy{pane}"]])
        if options.movement and pane:
            every.append(self.points.loc[self.points[own].notna().all(axis=1), ["x0", "y0"]])
        return extent_of([places.to_numpy(float) for places in every])


def map_tables(
    points: Rows,
    captions: Rows,
    panes: int,
    grouping: Grouping,
    options: MapOptions,
    **others: Rows | None,
) -> MapTables:
    """The tables that `vlcore.plots.maps.linked.linked_maps` describes, as its options ask for; and
    its errors."""
    wanted = [
        "x",
        "y",
        *(["trust"] if options.trust else []),
        *(["gx", "gy"] if options.ghost else []),
    ]
    wanted += {"prediction": ["says_"], "right or wrong": ["right_"]}.get(options.colour_by, [])
    more = [f"{name}{pane}" for name in wanted for pane in range(panes)] + (
        ["scene"] if options.twins else []
    )
    table = _finite(pictures_table(points, grouping, panes, more))
    drawn = {}
    for what, names in (("neighbours", ["id"]), ("twins", ["scene", "kind"])):
        if getattr(options, what):
            if (given := others.get(what)) is None:
                raise ValueError(f"{what}: the table is missing")
            drawn[what] = pane_table(given, what, panes, [*names, *ENDS])
    stars = None
    if (uploads := others.get("uploads")) is not None and not uploads.empty:
        places = [f"{axis}{pane}" for pane in range(panes) for axis in "xy"]
        stars = _finite(listed(uploads, ["id", "name", *places, "thumb", "spoken"], "uploads"))
        if stars["id"].isin(table["id"]).any():
            raise ValueError("uploads: every id must occur once, and in no point")
        stars["number"] = [str(number) for number in range(1, len(stars) + 1)]
    found = MapTables(
        table, pane_table(captions, "captions", panes, ["caption", "x", "y"]), stars, **drawn
    )
    if len(found.arrows) > 2:
        raise ValueError(
            f"twins: two kinds of arrows can be told apart, not {', '.join(found.arrows)}"
        )
    return found


def pictures_table(
    points: pd.DataFrame, grouping: Grouping, panes: int, more: Sequence[str] = ()
) -> pd.DataFrame:
    """The columns of pictures that maps need but for their places, and `more`, checked."""
    said = [f"{what}_{pane}" for pane in range(panes) for what in ("caption", "predicted")]
    columns = [
        "id",
        "object",
        "context",
        "group",
        "kind",
        "minority",
        "thumb",
        "spoken",
        *said,
        *more,
    ]
    return listed(
        points, columns, "points", group=grouping.names, kind=("training", "test")
    ).astype({"minority": bool})


def pane_table(table: pd.DataFrame, what: str, panes: int, columns: Sequence[str]) -> pd.DataFrame:
    """The rows that have a place in one of the maps: its `pane`, and the columns."""
    found = _finite(listed(table, ["pane", *columns], what, pane=range(panes)))
    return found.dropna(subset=[column for column in columns if column in ENDS]).reset_index(
        drop=True
    )


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    """Places and trust as numbers, infinite ones as absent."""
    columns = [
        name for name in table if str(name).rstrip("0123456789") in ("x", "y", "gx", "gy", "trust")
    ]
    return table.assign(**table[columns].astype(float).replace([np.inf, -np.inf], np.nan))


def extent_of(every: Sequence[npt.NDArray[np.float64]]) -> Extent:
    """Domains of x and y with one span around all finite places of a map, (n, 2) each: distances
    are undistorted."""
    there = np.concatenate([np.asarray(some, dtype=float).reshape(-1, 2) for some in every])
    there = there[np.isfinite(there).all(axis=1)]
    if not len(there):
        return [-1.0, 1.0], [-1.0, 1.0]
    low, high = there.min(axis=0), there.max(axis=0)
    span, most = float((high - low).max()), max(1.0, float(np.abs(there).max()))
    # A cloud that has collapsed into one place would need a scale of no width: show it in the
    # middle instead.
    span = most if span <= 1e-9 * most else span
    half, digits = 0.58 * span, max(0, 4 - math.floor(math.log10(span)))
    x, y = (
        [round(float(m) - half, digits), round(float(m) + half, digits)] for m in (low + high) / 2
    )
    return x, y
