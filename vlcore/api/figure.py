"""The still figure of a comparison, for papers and slides: maps above the accuracy by group."""

import altair as alt

from vlcore.api import map_component
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.metrics_table import group_accuracy_rows
from vlcore.api.small_images import draw_thumbs
from vlcore.plots.group_accuracy import group_grid
from vlcore.plots.maps.drawing import GAP, width_of_maps
from vlcore.plots.maps.scatter import scatter
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.scales import wrapped
from vlcore.plots.theme import Palette, theme

PAPER_SIDE = 520  # px of a map in an image file


def figure(
    comparison: ComparedMaps, palette: Palette, side: int, options: MapOptions = PLAIN
) -> alt.TopLevelMixin:
    """Draw the maps of a comparison, each `side` px wide, as `options` say, and the accuracy by
    group below.

    Filters change what is drawn: not how maps are aligned, nor trust and accuracies. Of large maps
    a sample is drawn, as the words around each map say. Lines to neighbours and arrows between
    twins need a pointer, so no figure has them.
    """
    options = options.replace(neighbours=False, twins=False)
    comparison = map_component.in_file(comparison, options)
    images = comparison.images
    drawing = map_component.drawing(comparison, palette, side, options)
    columns = map_component.columns(comparison, options)
    columns |= map_component.colours(comparison, options)
    thumbs = draw_thumbs(images, comparison.rows.tolist()) if options.images else ()
    chart = scatter(drawing, columns, across=drawing["across"], thumbs=thumbs)
    rows = group_accuracy_rows(comparison)
    if not rows.empty:
        width = width_of_maps(len(comparison.models), side)
        panel = group_grid(rows, palette=palette, grouping=images.grouping, width=width)
        # One scale for the maps and the panel would make one legend of both.
        apart = dict.fromkeys(("stroke", "fill", "shape", "color"), "independent")
        chart = alt.vconcat(chart, panel, spacing=GAP).resolve_scale(**apart)
    if options.images and images.attribution:
        words = wrapped(images.attribution, side / 5)
        small = {"orient": "bottom", "anchor": "start", "fontSize": 11, "fontWeight": "normal"}
        chart = chart.properties(title=alt.Title(words, **small))
    return chart.properties(autosize="pad").configure(**theme(palette))
