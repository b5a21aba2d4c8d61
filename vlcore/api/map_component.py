"""Linked maps of very many images: what WebGL draws of a comparison."""

from typing import Any

import numpy as np
import pandas as pd

from vlcore.api.colourings import coloured
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.offline_page import NEIGHBOURS, add_untrained_positions, drawn_twins, twin_lines
from vlcore.experiment.grouping import Grouping
from vlcore.plots.maps.component import colour_columns, image_columns, map_drawing
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import Palette


def columns(
    comparison: ComparedMaps, grouping: Grouping, options: MapOptions = PLAIN
) -> pd.DataFrame:
    """The images of a comparison as `vlcore.plots.maps.component.image_columns`."""
    points = _drawn_points(comparison, options)
    return image_columns(points, comparison.rows, len(comparison.models), grouping, options)


def colours(
    comparison: ComparedMaps, grouping: Grouping, options: MapOptions = PLAIN
) -> pd.DataFrame:
    """What the colours of some options need beside `columns`, as
    `vlcore.plots.maps.component.colour_columns`."""
    maps = coloured(comparison, options)
    return colour_columns(maps.points, len(maps.models), grouping, maps.colouring)


def drawing(
    comparison: ComparedMaps,
    grouping: Grouping,
    palette: Palette,
    side: int,
    options: MapOptions = PLAIN,
    legend_place: LegendPlace = "bottom",
) -> dict[str, Any]:
    """How the maps of a comparison look, each `side` px wide: as
    `vlcore.plots.maps.component.map_drawing`."""
    comparison = coloured(comparison, options)
    arrows, options = drawn_twins(comparison, grouping, options)
    return map_drawing(
        _drawn_points(comparison, options),
        comparison.captions,
        comparison.infos,
        palette=palette,
        grouping=grouping,
        side=side,
        options=options,
        colouring=comparison.colouring,
        legend_place=legend_place,
        twins=arrows,
    )


def _drawn_points(comparison: ComparedMaps, options: MapOptions) -> pd.DataFrame:
    return add_untrained_positions(comparison) if options.untrained else comparison.points


def lines_of_image(
    comparison: ComparedMaps,
    grouping: Grouping,
    palette: Palette,
    options: MapOptions,
    identity: str | None,
) -> list[dict[str, Any]]:
    """What the options let lie over the maps for the image that was clicked: lines to its true
    neighbours, and arrows of its scene. Each has ``pane``, ``x``, ``y``, ``x2``, ``y2``,
    ``colour`` and ``width``."""
    position = np.flatnonzero(comparison.points["id"] == identity)
    if not len(position):
        return []
    parts = []
    if options.neighbours:
        row = int(comparison.rows[position[0]])
        parts.append(_neighbours_of(comparison, row).assign(colour=palette.text, width=1.2))
    if options.twins:
        arrows = twin_lines(comparison, grouping, options)
        arrows = arrows[arrows["scene"] == comparison.points["scene"].iat[position[0]]]
        kinds = sorted(arrows["kind"].unique(), reverse=True)
        colours = dict(zip(kinds, (palette.text, palette.accent), strict=False))
        parts.append(arrows.assign(colour=arrows["kind"].map(colours), width=2))
    names = ["pane", "x", "y", "x2", "y2", "colour", "width"]
    return [record for part in parts for record in part[names].to_dict("records")]


def _neighbours_of(comparison: ComparedMaps, row: int) -> pd.DataFrame:
    """Lines from an image to those nearest to it in each model's full space."""
    lines = []
    for pane, model in enumerate(comparison.models):
        (index,) = model.index([row])
        if index < 0:
            continue
        nearest = [other for other, _ in model.neighbours(model.z[index], NEIGHBOURS, row)]
        for end in model.points[model.index(nearest)]:
            lines.append((pane, *model.points[index].tolist(), *end.tolist()))
    return pd.DataFrame(lines, columns=["pane", "x", "y", "x2", "y2"])
