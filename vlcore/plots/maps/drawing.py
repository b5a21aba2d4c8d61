"""How maps look: their words, captions, stars, colours, legend and filters, as what JSON can hold.

`maps.js` draws them with the columns of `vlcore.plots.maps.table`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import GROUPS, Colouring, LegendEntry
from vlcore.plots.maps.labels import place_labels
from vlcore.plots.maps.legend import LegendPlace, column_of, legend_entries
from vlcore.plots.maps.table import ALWAYS, NO_VALUE, bitmask
from vlcore.plots.options import PLAIN, MapOptions, option_infos
from vlcore.plots.scales import checked_columns
from vlcore.plots.theme import FONT, Palette, across, star

MapKind = Literal["maps", "grid", "card", "frames"]
Extent = tuple[list[float], list[float]]  # the ends of x and of y
Arrow = tuple[str, str, str]  # its kind, and the groups of the images at its start and end
Positions = npt.NDArray[np.float64]  # (n, 2)

MOST_MARKS = 5000  # over all maps of a file for papers, and of maps with the overlays of `OF_FEW`
# Overlays that take every image's neighbours, or its picture: too much of more than `MOST_MARKS`.
OF_FEW = ("images", "trust")
GAP = 36  # px between two maps
_MOST_AVOIDED = 5000  # images that the words of captions keep off
# What captions should not hide of an upload, in its sides from its middle: itself and its name.
_UPLOAD_CORNERS = np.array([(x, y) for x in (-0.7, 0, 0.7) for y in (-0.4, 0.2, 1)])


@dataclass(frozen=True)
class MapInfo:
    """The words around one map; an axis title carries the component and its share of variance."""

    title: str
    subtitle: str
    x_title: str
    y_title: str


def map_drawing(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
    kind: MapKind = "maps",
    options: MapOptions = PLAIN,
    colouring: Colouring = GROUPS,
    legend_place: LegendPlace = "bottom",
    arrows: Sequence[Arrow] = (),
    uploads: pd.DataFrame | None = None,
    extents: Sequence[Extent] = (),
) -> dict[str, Any]:
    """Describe how maps look: everything beside the columns of the images.

    Args:
        points: one row per image: `object`, `context`, `group` (of `grouping.names`), `kind`
            ("training" or "test"), `minority` (bool), and for each map, numbered from 0: `x0`, `y0`
            (float; NaN where the image is absent), `caption_0`, `predicted_0` (words). Where an
            option asks for it: the columns of the colouring, `trust0` (0 to 1), `gx0`, `gy0`
            (positions of the untrained baseline), and `scene`.
        captions: one row per caption and map: `caption`, `pane` (int), `x`, `y`.
        infos: the words around each map.
        palette: colours.
        grouping: groups, and the words for them.
        side: of a map in px.
        kind: maps with tools, a grid of small maps, one small map, or maps that move.
        options: what is drawn; of more than `MOST_MARKS` not the overlays of `OF_FEW`.
        colouring: what colours stand for.
        legend_place: beside or below the maps.
        arrows: between the twins of a scene, as the option for twins draws them.
        uploads: a visitor's images, stars on top: `id`, `name`, `x0`, `y0` and so on, `thumb`,
            `spoken`.
        extents: of each map, in place of those around all positions.

    Raises:
        KeyError: where a column is missing.
    """
    count = len(infos)
    axes = ("x", "y", "gx", "gy") if options.untrained else ("x", "y")
    positions = [f"{axis}{pane}" for pane in range(count) for axis in axes]
    images = checked_columns(points, ["group", "kind", *positions])
    diamonds = checked_columns(captions, ["pane", "caption", "x", "y"])
    stars = _stars(uploads, count)
    drawn = options.drawn(images, grouping)
    extents = extents or [
        _extent(images, diamonds, stars, pane, options.untrained) for pane in range(count)
    ]
    panes = []
    for pane, (info, extent) in enumerate(zip(infos, extents, strict=True)):
        rows = diamonds[diamonds["pane"] == pane]
        panes.append(
            {
                "title": info.title,
                "subtitle": info.subtitle,
                "axes": [info.x_title, info.y_title],
                "extent": [*extent[0], *extent[1]],
                "captions": _placed_captions(rows, drawn, stars, pane, extent, side),
                "uploads": _placed_uploads(stars, pane, side),
            }
        )
    groups = [entry.name for entry in GROUPS.entries(palette, grouping)]
    kinds = list(dict.fromkeys(kind for kind, _, _ in arrows))
    colours = dict(zip(kinds, (palette.text, palette.accent), strict=False))
    entries = legend_entries(
        palette,
        grouping,
        options,
        colouring,
        has_captions=not diamonds.empty,
        has_uploads=stars is not None,
        arrow_kinds=kinds,
    )
    return {
        "kind": kind,
        "count": len(points),
        "side": side,
        "across": across(count, side),
        "gap": GAP,
        "legendPlace": legend_place,
        "panes": panes,
        "colours": [entry.colour for entry in colouring.entries(palette, grouping)],
        "colourColumns": [colouring.column_of(pane) for pane in range(count)],
        "valueColumns": [colouring.value_column_of(pane) for pane in range(count)],
        "legendTitle": colouring.title,
        "legend": [_entry_drawing(entry, colouring, palette, grouping, count) for entry in entries],
        "objects": list(grouping.objects),
        "contexts": list(grouping.contexts),
        "overlays": list(options.overlays),
        "arrows": [
            {"from": groups.index(start), "to": groups.index(end), "colour": colours[kind]}
            for kind, start, end in arrows
        ],
        "drawn": bitmask(images.index.isin(drawn.index)),
        "star": star(),
        "font": FONT,
        "ink": palette.ink,
    }


def _stars(uploads: pd.DataFrame | None, panes: int) -> pd.DataFrame | None:
    """The columns of a visitor's images that maps need, with the ``words`` below each: its name, or
    its number where there are several."""
    if uploads is None or uploads.empty:
        return None
    positions = [f"{axis}{pane}" for pane in range(panes) for axis in "xy"]
    stars = checked_columns(uploads, ["id", "name", *positions, "thumb", "spoken"])
    if len(stars) == 1:
        return stars.assign(words=stars["name"])
    return stars.assign(words=[str(number) for number in range(1, len(stars) + 1)])


def _extent(
    images: pd.DataFrame,
    captions: pd.DataFrame,
    stars: pd.DataFrame | None,
    pane: int,
    has_untrained: bool,
) -> Extent:
    """The extent of all that can be drawn in a map, whatever the filters are."""
    parts = [images[[f"x{pane}", f"y{pane}"]], captions.loc[captions["pane"] == pane, ["x", "y"]]]
    if stars is not None:
        parts.append(stars[[f"x{pane}", f"y{pane}"]])
    if has_untrained:
        parts.append(images[[f"gx{pane}", f"gy{pane}"]])
    return extent_of([part.to_numpy(float) for part in parts])


def extent_of(positions: Sequence[Positions]) -> Extent:
    """Domains of x and y with one span around all finite positions of a map, so that distances are
    undistorted."""
    points = np.concatenate([np.asarray(part, dtype=float).reshape(-1, 2) for part in positions])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return [-1.0, 1.0], [-1.0, 1.0]
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max())
    largest = max(1.0, float(np.abs(points).max()))
    # A cloud that has collapsed into one position would need a scale of no width: show it in the
    # middle instead.
    if span <= 1e-9 * largest:
        span = largest
    half = 0.58 * span
    digits = max(0, 4 - math.floor(math.log10(span)))
    x, y = (
        [round(float(middle) - half, digits), round(float(middle) + half, digits)]
        for middle in (low + high) / 2
    )
    return x, y


def _placed_captions(
    captions: pd.DataFrame,
    images: pd.DataFrame,
    stars: pd.DataFrame | None,
    pane: int,
    extent: Extent,
    side: int,
) -> list[dict[str, Any]]:
    """The captions of a map with the offsets of their words in px (`dx`, `dy`, `align`)."""

    def pixels(table: pd.DataFrame, x: str, y: str) -> Positions:
        return _pixels(table[[x, y]].dropna().to_numpy(float), extent, side)

    x, y = f"x{pane}", f"y{pane}"
    corners = None
    if stars is not None:
        around = upload_side(side) * _UPLOAD_CORNERS
        corners = (pixels(stars, x, y)[:, None] + around).reshape(-1, 2)
    captions = captions.dropna(subset=["x", "y"])
    # Of very many images, evenly spaced ones say well enough where words hide little.
    images = images.iloc[:: 1 + len(images) // _MOST_AVOIDED]
    words = captions["caption"].astype(str).tolist()
    offsets = place_labels(words, pixels(captions, "x", "y"), pixels(images, x, y), side, corners)
    placed = captions[["caption", "x", "y"]].to_dict("records")
    for caption, (dx, dy, align) in zip(placed, offsets, strict=True):
        caption |= {"dx": dx, "dy": dy, "align": align}
    return placed


def _pixels(positions: Positions, extent: Extent, side: int) -> Positions:
    """Positions in px from the top left corner of a map."""
    (left, right), (_, top) = extent
    from_corner = np.column_stack([positions[:, 0] - left, top - positions[:, 1]])
    return from_corner * side / (right - left)


def _placed_uploads(stars: pd.DataFrame | None, pane: int, side: int) -> list[dict[str, Any]]:
    """A visitor's images that have a position in a map."""
    if stars is None:
        return []
    x, y = f"x{pane}", f"y{pane}"
    rows = stars.dropna(subset=[x, y]).rename(columns={x: "x", y: "y"})
    rows = rows.assign(side=upload_side(side))
    return rows[["x", "y", "side", "thumb", "name", "words", "spoken"]].to_dict("records")


def width_of_maps(count: int, side: int) -> int:
    """The px that some maps of a side take beside each other."""
    return across(count, side) * (side + GAP) - GAP


def upload_side(side: int) -> int:
    """The side of a visitor's image on a map of some side, in px."""
    return min(32, max(20, side // 15))


def _entry_drawing(
    entry: LegendEntry, colouring: Colouring, palette: Palette, grouping: Grouping, panes: int
) -> dict[str, Any]:
    """An entry of the legend, with the column and the code of its images in each map."""
    column = column_of(entry.name, colouring)
    columns = [column] * panes if column else []
    if column == colouring.column:
        columns = [colouring.column_of(pane) for pane in range(panes)]
    codes = {"minority true": 1}
    for known in (*ALWAYS, colouring):
        for code, value in enumerate(known.entries(palette, grouping)):
            codes[f"{known.column} {value.name}"] = code
    return {**vars(entry), "columns": columns, "code": codes.get(entry.name, NO_VALUE)}


def without_overlays_of_few(options: MapOptions) -> MapOptions:
    """The options that maps of more than `MOST_MARKS` are drawn by."""
    return options.replace(**dict.fromkeys(OF_FEW, False))


def undrawn_overlays(options: MapOptions) -> list[str]:
    """The labels of overlays that were chosen and that maps of more than `MOST_MARKS` lack."""
    infos = option_infos(MapOptions)
    return [infos[name].label for name in options.overlays if name in OF_FEW]
