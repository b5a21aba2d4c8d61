"""The tables of maps, with the columns that are drawn and no others, and the extent of a map."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.maps.drawing import Extent, extent_of
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.scales import checked_columns

ENDS = ("x", "y", "x2", "y2")  # of a line


@dataclass(frozen=True, eq=False)
class MapTables:
    """What maps draw, one row a thing. `points` and `uploads` have their positions in each map
    (`x0`, `y0`, `x1` and so on); every other table has a row for each map, its `pane`."""

    points: pd.DataFrame  # the images of the models
    captions: pd.DataFrame  # `caption`, `x`, `y`
    uploads: pd.DataFrame | None = None  # a visitor's images
    neighbours: pd.DataFrame | None = None  # lines (`ENDS`) of an `id`
    twins: pd.DataFrame | None = None  # arrows (`ENDS`) of a `scene` and of a `kind`
    colouring: Colouring = GROUPS  # of the points

    @property
    def arrow_kinds(self) -> list[str]:
        """The kinds of arrows of scenes."""
        if self.twins is None:
            return []
        return sorted(self.twins["kind"].astype(str).unique(), reverse=True)

    def extent(self, pane: int, options: MapOptions = PLAIN) -> Extent:
        """The extent of all that can be drawn in the map of a number."""
        columns = [f"x{pane}", f"y{pane}"]
        positions = [self.points[columns]]
        if self.uploads is not None:
            positions.append(self.uploads[columns])
        positions.append(self.captions.loc[self.captions["pane"] == pane, ["x", "y"]])
        if options.untrained:
            positions.append(self.points[[f"gx{pane}", f"gy{pane}"]])
        return extent_of([table.to_numpy(float) for table in positions])


def map_tables(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    panes: int,
    options: MapOptions = PLAIN,
    uploads: pd.DataFrame | None = None,
    colouring: Colouring = GROUPS,
    **lines: pd.DataFrame | None,
) -> MapTables:
    """The tables that `vlcore.plots.maps.linked.linked_maps` describes, with the columns that its
    options need; KeyError where one is missing."""
    numbered = ["x", "y"]
    columns = colouring.columns(panes)
    if options.trust:
        numbered.append("trust")
    if options.untrained:
        numbered += ["gx", "gy"]
    if options.twins:
        columns.append("scene")
    columns += [f"{name}{pane}" for name in numbered for pane in range(panes)]
    table = image_table(points, panes, columns)
    diamonds = checked_columns(captions, ["pane", "caption", "x", "y"])
    stars = star_table(uploads, panes)
    return MapTables(table, diamonds, stars, colouring=colouring, **lines)


def star_table(uploads: pd.DataFrame | None, panes: int) -> pd.DataFrame | None:
    """The columns of a visitor's images that maps need, with the ``words`` below each: its name, or
    its number where there are several."""
    if uploads is None or uploads.empty:
        return None
    positions = [f"{axis}{pane}" for pane in range(panes) for axis in "xy"]
    stars = checked_columns(uploads, ["id", "name", *positions, "thumb", "spoken"])
    if len(stars) == 1:
        return stars.assign(words=stars["name"])
    return stars.assign(words=[str(number) for number in range(1, len(stars) + 1)])


def image_table(points: pd.DataFrame, panes: int, extra: Sequence[str] = ()) -> pd.DataFrame:
    """The columns of images that all maps need, and `extra`."""
    columns = ["id", "object", "context", "group", "kind", "minority", "thumb", "spoken"]
    columns += [f"{what}_{pane}" for pane in range(panes) for what in ("caption", "predicted")]
    columns += [name for name in extra if name not in columns]
    return checked_columns(points, columns)
