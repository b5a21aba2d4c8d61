"""What the component of maps draws of a comparison, on pages and in files."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.api.colourings import coloured
from vlcore.api.compared_maps import ComparedMaps, drawn_sample, row_numbers
from vlcore.api.model_map import ModelMap
from vlcore.api.overlays import (
    NEIGHBOURS,
    nearest_images,
    twin_arrows,
    with_trust,
    with_untrained_positions,
    without_overlays_of_nothing,
)
from vlcore.api.small_images import small_files
from vlcore.data.imageset import SOURCE
from vlcore.plots.maps.drawing import MapKind, map_drawing, without_overlays_of_few
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.table import Columns, colour_columns, few_words, image_columns, packed
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_sheet

MOST_FILES = 10_000  # names that are sent, some hundred kilobytes; of more, a click shows one


def drawn_options(comparison: ComparedMaps, options: MapOptions) -> MapOptions:
    """The options without what these maps, or maps of so many images, do not draw."""
    options = without_overlays_of_nothing(comparison, options)
    return without_overlays_of_few(options) if comparison.is_large else options


def columns(comparison: ComparedMaps, options: MapOptions = PLAIN) -> Columns:
    """The images of a comparison as `vlcore.plots.maps.table.image_columns`; where these are
    few, with their neighbours and, of a user's own, the names of their files (``file``)."""
    options = drawn_options(comparison, options)
    points = _drawn_points(comparison, options)
    nearest = []
    if options.neighbours and not comparison.is_large:
        nearest = [_nearest_positions(comparison, model) for model in comparison.models]
    table = image_columns(
        points,
        comparison.rows,
        len(comparison.models),
        comparison.images.grouping,
        options,
        nearest,
    )
    if SOURCE in comparison.images.table:
        files = comparison.images.table[SOURCE].iloc[comparison.rows]
        table |= few_words(files, "file", MOST_FILES)
    return table


def _nearest_positions(comparison: ComparedMaps, model: ModelMap) -> npt.NDArray[np.int64]:
    """The positions in the table of points of each image's nearest in a model, (n, k); -1 where the
    model does not show the image."""
    nearest = nearest_images(model)
    position = np.searchsorted(comparison.rows, model.rows)
    positions = np.full((len(comparison.points), nearest.shape[1]), -1)
    positions[position] = position[nearest]
    return positions


def sheet(comparison: ComparedMaps, options: MapOptions) -> dict[str, Any] | None:
    """The images of a comparison as one image (`vlcore.plots.thumbnails.thumb_sheet`), where they
    stand for their marks; else None."""
    if not drawn_options(comparison, options).images:
        return None
    return thumb_sheet(small_files(comparison.images, comparison.rows.tolist()))


def colours(comparison: ComparedMaps, options: MapOptions = PLAIN) -> Columns:
    """What the colours of some options need beside `columns`, as
    `vlcore.plots.maps.table.colour_columns`."""
    maps = coloured(comparison, options)
    return colour_columns(maps.points, len(maps.models), maps.images.grouping, maps.colouring)


def drawing(
    comparison: ComparedMaps,
    palette: Palette,
    side: int,
    options: MapOptions = PLAIN,
    legend_place: LegendPlace = "bottom",
    kind: MapKind = "maps",
) -> dict[str, Any]:
    """How the maps of a comparison look, each `side` px wide: as
    `vlcore.plots.maps.drawing.map_drawing`."""
    comparison = coloured(comparison, options)
    options = drawn_options(comparison, options)
    grouping = comparison.images.grouping
    groups = set(options.groups or grouping.names)
    arrows = [arrow for arrow in twin_arrows(grouping) if groups.issuperset(arrow[1:])]
    return map_drawing(
        _drawn_points(comparison, options),
        comparison.captions,
        comparison.infos,
        palette=palette,
        grouping=grouping,
        side=side,
        kind=kind,
        options=options,
        colouring=comparison.colouring,
        legend_place=legend_place,
        arrows=arrows if options.twins else (),
        uploads=comparison.uploads,
    )


def _drawn_points(comparison: ComparedMaps, options: MapOptions) -> pd.DataFrame:
    if options.trust:
        comparison = with_trust(comparison)
    if options.untrained and "gx0" not in comparison.points:
        comparison = with_untrained_positions(comparison)
    return comparison.points


def in_file(comparison: ComparedMaps, options: MapOptions) -> ComparedMaps:
    """The comparison as files draw it: coloured, and of large maps a sample of the images. Trust
    and neighbours are among the images of the sample; the untrained baseline is of all."""
    comparison = coloured(comparison, options)
    if without_overlays_of_nothing(comparison, options).untrained:
        comparison = with_untrained_positions(comparison)
    return drawn_sample(comparison)


def inline(
    comparison: ComparedMaps,
    palette: Palette,
    side: int,
    options: MapOptions = PLAIN,
    alt: str = "",
) -> dict[str, Any]:
    """All that the component needs where there is no server: how the maps look, with the words
    `alt` for screen readers, their columns, and their small images as one image."""
    comparison = in_file(comparison, options)
    rows = comparison.rows
    thumbs = thumb_sheet(small_files(comparison.images, rows.tolist()))
    of_colours = colours(comparison, options)
    return {
        **drawing(comparison, palette, side, options),
        "table": packed(columns(comparison, options), rows, thumbs),
        "colourTable": packed(of_colours, rows) if of_colours else None,
        "thumbs": "",
        "alt": alt,
    }


def lines_of_image(
    comparison: ComparedMaps, options: MapOptions, identity: str | None
) -> list[dict[str, Any]]:
    """Lines from the image that was clicked to its true neighbours, of many images, between images
    that the filters let through: ``pane``, ``x``, ``y``, ``x2``, ``y2``. Columns name the
    neighbours of few images."""
    position = np.flatnonzero(comparison.points["id"] == identity)
    if not (len(position) and options.neighbours and comparison.is_large):
        return []
    row = int(comparison.rows[position[0]])
    drawn = row_numbers(options.drawn(comparison.points, comparison.images.grouping))
    return _neighbours_of(comparison, row, drawn).to_dict("records")


def _neighbours_of(
    comparison: ComparedMaps, row: int, drawn: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Lines from an image to those nearest to it in each model's full space, where the rows of both
    are `drawn`."""
    lines = []
    for pane, model in enumerate(comparison.models):
        (index,) = model.index([row])
        if index < 0 or row not in drawn:
            continue
        nearest = [other for other, _ in model.neighbours(model.z[index], NEIGHBOURS, row)]
        for end in model.points[model.index([other for other in nearest if other in drawn])]:
            lines.append((pane, *model.points[index].tolist(), *end.tolist()))
    return pd.DataFrame(lines, columns=["pane", "x", "y", "x2", "y2"])
