"""Linked maps that a visitor zooms into and draws on: the columns and words from which WebGL draws
them in a browser, of a hundred images or a hundred thousand.

Vega-Lite draws some thousands of marks well, and an SVG of a hundred thousand not at all. Plotly's
`scattergl` sends a hundred thousand points twice as JSON-framed columns, has no hover that reaches
a second map, and returns a lasso as one object a point. Embedding Atlas needs WebGPU and the
network. So `vlcore/web/components/points.js` and `maps.js` draw what this module tells them.

The geometry goes once (`image_columns`): float32 coordinates and small integers, about 30 bytes an
image for two maps. What a choice on the page changes is small (`map_drawing`): colours by value,
the words of the legend, and one bit an image for filters. A selection comes back as one bit an
image too. Both drawings begin at `vlcore.plots.maps.linked.map_content`.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import CONTEXTS, GROUPS, OBJECTS, SPLIT, Colouring
from vlcore.plots.maps.layers import placed_captions, upload_side
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.linked import MapContent, map_content
from vlcore.plots.maps.panes import GAP, Pane
from vlcore.plots.maps.small import MapInfo
from vlcore.plots.maps.tables import MapTables, star_table
from vlcore.plots.options import PLAIN, MapOptions, option_infos
from vlcore.plots.scales import checked_columns
from vlcore.plots.theme import FONT, LIGHT, Palette, across, star

MOST_MARKS = 5000  # over all maps, that Altair draws
# Overlays that take every image's neighbours, or its picture: too much of more than `MOST_MARKS`.
OF_FEW = ("images", "trust")
NO_VALUE = 255  # a code of no name
# Whose codes go with the geometry: shapes, fillings, filters and words need them.
_ALWAYS = (OBJECTS, CONTEXTS, GROUPS, SPLIT)
_MOST_WORDS = 1000  # different words of a column that are sent; of more, a click shows the image's


def image_columns(
    points: pd.DataFrame,
    rows: npt.NDArray[np.int64],
    panes: int,
    grouping: Grouping,
    options: MapOptions = PLAIN,
    nearest: Sequence[npt.NDArray[np.int64]] = (),
) -> pd.DataFrame:
    """One row an image, in the order of its table, with few bytes: the same for every colouring,
    filter and theme.

    Args:
        points: as those of `vlcore.plots.maps.linked.linked_maps`.
        rows: the images' rows in the image set, by which addresses of small images end.
        panes: the number of maps.
        grouping: names the values of columns.
        options: whether the positions before training are drawn too, and trust in positions.
        nearest: for each map, the positions in the table of each image's nearest, (n, k), from the
            nearest on; -1 for none.

    Returns:
        ``row``; ``x0``, ``y0`` and so on; a code (the position among the entries of its colouring,
        or `NO_VALUE`) for ``object``, ``context``, ``group`` and ``kind``; ``minority``;
        ``caption_0``, ``predicted_0`` and so on, where few words are different; ``scene`` as a
        number, where images share one; ``trust0`` and so on; ``near0_0`` and so on.
    """
    columns: dict[str, Any] = {
        "row": np.asarray(rows, dtype=np.int32),
        "minority": points["minority"].to_numpy(np.uint8),
    }
    numbers = ["x", "y"]
    if options.untrained:
        numbers += ["gx", "gy"]
    if options.trust:
        numbers.append("trust")
    for colouring in _ALWAYS:
        columns[colouring.column] = _codes(points[colouring.column], colouring, grouping)
    for pane in range(panes):
        columns |= {f"{name}{pane}": points[f"{name}{pane}"].astype(np.float32) for name in numbers}
        for name in (f"caption_{pane}", f"predicted_{pane}"):
            columns |= few_words(points[name], name)
    for pane, positions in enumerate(nearest):
        for rank, of_rank in enumerate(positions.T):
            columns[f"near{pane}_{rank}"] = of_rank.astype(np.int32)
    scenes, names = pd.factorize(points["scene"])
    if len(names) < len(points):
        columns["scene"] = scenes.astype(np.int32)
    return pd.DataFrame(columns)


def colour_columns(
    points: pd.DataFrame, panes: int, grouping: Grouping, colouring: Colouring
) -> pd.DataFrame:
    """What a colouring adds to `image_columns`: the code of each image's entry in each map, and its
    value in words where few are different; no columns where it adds nothing."""
    columns: dict[str, Any] = {}
    if colouring not in _ALWAYS:
        for pane in range(panes):
            names, values = colouring.column_of(pane), colouring.value_column_of(pane)
            columns[names] = _codes(points[names], colouring, grouping)
            columns |= few_words(points[values], values) if colouring.value_column else {}
    return pd.DataFrame(columns)


def _codes(names: pd.Series, colouring: Colouring, grouping: Grouping) -> npt.NDArray[np.uint8]:
    entries = [entry.name for entry in colouring.entries(LIGHT, grouping)]
    if isinstance(names.dtype, pd.CategoricalDtype):
        of_categories = pd.Index(entries).get_indexer(names.cat.categories)
        codes = np.append(of_categories, -1)[names.cat.codes]
    else:
        codes = pd.Index(entries).get_indexer(names)
    return codes.astype(np.uint8)  # -1 becomes `NO_VALUE`


def few_words(texts: pd.Series, name: str, most: int | None = None) -> dict[str, Any]:
    """A column of words, each of which is sent once; nothing where more than `most` are different
    (a thousand unless given)."""
    codes, words = pd.factorize(texts)
    if len(words) > (most or _MOST_WORDS):
        return {}
    return {name: pd.Categorical.from_codes(codes, categories=np.asarray(words, dtype=object))}


def map_drawing(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
    options: MapOptions = PLAIN,
    colouring: Colouring = GROUPS,
    legend_place: LegendPlace = "bottom",
    twins: pd.DataFrame | None = None,
    uploads: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """How maps look, as what JSON can hold: everything beside the columns of the images.

    Args:
        points: as those of `vlcore.plots.maps.linked.linked_maps`, with `captions` and `infos`.
        palette: colours.
        grouping: groups, and the words for them.
        side: of a map in px.
        options: what is drawn; of more than `MOST_MARKS` not the overlays of `OF_FEW`.
        colouring: what colours stand for.
        legend_place: beside or below the maps.
        twins: arrows of that option, which name their kinds in the legend.
        uploads: a visitor's images, as those of `vlcore.plots.maps.linked.linked_maps`.
    """
    count = len(infos)
    axes = ("x", "y", "gx", "gy") if options.untrained else ("x", "y")
    positions = [f"{axis}{pane}" for pane in range(count) for axis in axes]
    tables = MapTables(
        checked_columns(points, ["group", "kind", *positions]),
        checked_columns(captions, ["pane", "caption", "x", "y"]),
        uploads=star_table(uploads, count),
        twins=twins,
        colouring=colouring,
    )
    content = map_content(tables, count, palette, grouping, options)
    is_drawn = tables.points.index.isin(content.tables.points.index)
    return {
        "count": len(points),
        "side": side,
        "across": across(count, side),
        "gap": GAP,
        "legendPlace": legend_place,
        "panes": [_pane_drawing(content, number, info, side) for number, info in enumerate(infos)],
        "colours": [entry.colour for entry in colouring.entries(palette, grouping)],
        "colourColumns": [colouring.column_of(pane) for pane in range(count)],
        "valueColumns": [colouring.value_column_of(pane) for pane in range(count)],
        "legendTitle": colouring.title,
        "legend": _legend_drawing(content, palette, grouping),
        "objects": list(grouping.objects),
        "contexts": list(grouping.contexts),
        "overlays": list(options.overlays),
        "drawn": bitmask(is_drawn),
        "star": star(),
        "font": FONT,
        "ink": {
            name: getattr(palette, name) for name in ("text", "muted", "ground", "accent", "line")
        },
    }


def _pane_drawing(content: MapContent, number: int, info: MapInfo, side: int) -> dict[str, Any]:
    """The words around one map, and what lies on it beside the images."""
    tables, extent = content.tables, content.extents[number]
    pane = Pane(number, extent, side)
    words = ["dx", "dy", "align", "caption"]
    drawing = {
        "title": info.title,
        "subtitle": info.subtitle,
        "axes": [info.x_title, info.y_title],
        "extent": [*extent[0], *extent[1]],
        "captions": _records(placed_captions(tables, pane), pane, words),
        "uploads": [],
    }
    if tables.uploads is not None:
        stars = tables.uploads.assign(side=upload_side(pane))
        drawing["uploads"] = _records(stars, pane, ["side", "thumb", "name", "words", "spoken"])
    return drawing


def _records(table: pd.DataFrame, pane: Pane, columns: list[str]) -> list[dict[str, Any]]:
    """The rows that have a position in a map (`x`, `y`), with it and some columns."""
    x, y = pane.columns
    rows = table.dropna(subset=[x, y]).rename(columns={x: "x", y: "y"})
    return rows[["x", "y", *columns]].to_dict("records")


def _legend_drawing(
    content: MapContent, palette: Palette, grouping: Grouping
) -> list[dict[str, Any]]:
    """The entries of the legend, each with the columns whose code its images have, a map each."""
    colouring, count = content.legend.colouring, len(content.extents)
    codes = {"minority true": 1}
    for known in (*_ALWAYS, colouring):
        for code, entry in enumerate(known.entries(palette, grouping)):
            codes[f"{known.column} {entry.name}"] = code
    drawings = []
    for entry in content.legend.entries:
        column = content.legend.column_of(entry)
        columns = [column] * count if column else []
        if column == colouring.column:
            columns = [colouring.column_of(pane) for pane in range(count)]
        code = codes.get(entry.name, NO_VALUE)
        drawings.append({**vars(entry), "columns": columns, "code": code})
    return drawings


def without_overlays_of_few(options: MapOptions) -> MapOptions:
    """The options that maps of more than `MOST_MARKS` are drawn by."""
    return options.replace(**dict.fromkeys(OF_FEW, False))


def undrawn_overlays(options: MapOptions) -> list[str]:
    """The labels of overlays that were chosen and that maps of more than `MOST_MARKS` lack."""
    infos = option_infos(MapOptions)
    return [infos[name].label for name in options.overlays if name in OF_FEW]


def bitmask(marked: npt.NDArray[np.bool_]) -> str:
    """One bit an image, the first image's bit the lowest of the first byte, as base64."""
    return base64.b64encode(np.packbits(marked, bitorder="little").tobytes()).decode("ascii")


def rows_of_bitmask(text: object, count: int) -> npt.NDArray[np.bool_]:
    """The images that a `bitmask` of `count` marks, (count,); none where a browser sent anything
    else."""
    nothing = np.zeros(count, dtype=bool)
    length = -(-count // 8)
    if not isinstance(text, str) or len(text) != 4 * -(-length // 3):
        return nothing
    try:
        bits = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError):
        return nothing
    if len(bits) != length:
        return nothing
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool)
