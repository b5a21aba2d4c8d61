"""Page of a comparison: its maps as a figure, its words as a list of parts, and both as one offline
file.

A page of the app, a file that is mailed and an image in a paper are drawn by one call from one
value. A map shows two of many dimensions, and each overlay shows something of what it leaves out:
trust in a position, the untrained baseline, true neighbours, counterfactual twins. All are tables,
so that the browser can light them up without asking again.
"""

from contextlib import suppress
from typing import Any

import altair as alt
import pandas as pd

from vlcore.api import description
from vlcore.api.colourings import coloured
from vlcore.api.compared_maps import ComparedMaps, drawn_sample
from vlcore.api.differences import describe_differences
from vlcore.api.metrics_table import group_accuracy_rows, group_accuracy_table
from vlcore.api.model_map import ComparisonError
from vlcore.api.overlays import (
    drawn_twins,
    neighbour_lines,
    with_trust,
    with_untrained_positions,
    without_overlays_of_nothing,
)
from vlcore.api.training_animation import animate_training
from vlcore.data.subset import describe_sample
from vlcore.experiment.wording import title
from vlcore.plots.document import Figure, Heading, Part, Table, Text, on_paper, page_html
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.linked import linked_maps
from vlcore.plots.maps.panes import MOMENT, wrapped
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT, Palette

# What maps that Altair draws answer to, and all that those of a file do.
ZOOMING = "Ctrl and wheel: zoom into a map; Shift and drag: move it. Double click: back."
HANDS = f"Point at an image: it is lit in every map. Drag: mark images. {ZOOMING}"
PAGE_SIDE = 440  # px of a map on a page that is written


def figure(
    comparison: ComparedMaps,
    palette: Palette,
    side: int,
    options: MapOptions = PLAIN,
    *,
    board: bool = True,
    legend_place: LegendPlace = "bottom",
) -> alt.TopLevelMixin:
    """The maps of a comparison, each `side` px wide, as `options` say, and the group accuracy
    panel. Their projection is that of the comparison. Filters change what is drawn: not how maps
    are aligned, nor trust, neighbours and the accuracies in the panel. Of large maps a sample is
    drawn, whose trust and neighbours are among its own images; the untrained baseline is of all."""
    options = without_overlays_of_nothing(comparison, options)
    comparison = coloured(comparison, options)
    if options.untrained:
        comparison = with_untrained_positions(comparison)
    comparison = drawn_sample(comparison)
    if options.trust:
        comparison = with_trust(comparison)
    arrows, options = drawn_twins(comparison, options)
    lines = neighbour_lines(comparison, options) if options.neighbours else None
    rows = group_accuracy_rows(comparison) if board else pd.DataFrame()
    chart = linked_maps(
        comparison.points,
        comparison.captions,
        comparison.infos,
        palette=palette,
        grouping=comparison.images.grouping,
        side=side,
        options=options,
        colouring=comparison.colouring,
        legend_place=legend_place,
        board=None if rows.empty else rows,
        uploads=comparison.uploads,
        neighbours=lines,
        twins=arrows,
    )
    if options.images and (attribution := comparison.images.attribution):
        lines = wrapped(attribution, side / 5)
        small = {"orient": "bottom", "anchor": "start", "fontSize": 11, "fontWeight": "normal"}
        chart = chart.properties(title=alt.Title(lines, **small))
    return chart


def with_clicked_image(
    spec: dict[str, Any], comparison: ComparedMaps, identity: str | None
) -> dict[str, Any]:
    """The maps as they are when a visitor arrives with an image in the address: clicked already,
    arrows and all."""
    points = comparison.points
    image = points[points["id"] == identity] if identity else points.iloc[:0]
    if image.empty:
        return spec
    clicked = {
        "pick": {"value": [{"id": identity}]},
        "scene": {"value": [{"scene": str(image["scene"].iat[0])}]},
    }
    return {**spec, "params": [param | clicked.get(param["name"], {}) for param in spec["params"]]}


def summary(comparison: ComparedMaps) -> Part:
    """What the maps of a comparison show, in words, and what their numbers rest on."""
    texts = [Text(description.describe_comparison(comparison))]
    grouping = comparison.images.grouping
    if few := description.small_sample_warning(comparison.models[0].artifact, grouping):
        texts.append(Text(few, icon="warning"))
    if sample := describe_sample(comparison.images):
        texts.append(Text(sample))
    return Part("summary", "", tuple(texts))


def page(comparison: ComparedMaps, palette: Palette = LIGHT, options: MapOptions = PLAIN) -> str:
    """The comparison as one offline HTML page: maps, words and numbers, and the training animation,
    if there is one."""
    conditions = [model.artifact.condition for model in comparison.models]
    maps = figure(comparison, palette, PAGE_SIDE, options)
    words = description.describe_comparison(comparison)
    groups = Part("groups", "Accuracy by group", (Table(group_accuracy_table(comparison)),))
    content = [
        describe_differences(*conditions).replace("**", "") if len(conditions) == 2 else "",
        Figure(maps, alt=words),
        HANDS,
        *on_paper([summary(comparison), groups], palette, PAGE_SIDE),
    ]
    # A model may have one checkpoint only, and a map need not be a principal one.
    with suppress(ComparisonError):
        animation = animate_training(comparison)
        chart = Figure(animation.chart(palette, PAGE_SIDE), alt=animation.words, slider=MOMENT)
        content += [Heading("The training as an animation"), chart, *animation.notes]
    content.append(f"Models: {', '.join(model.artifact.key for model in comparison.models)}")
    content += filter(None, [comparison.images.attribution])
    heading = f"{comparison.images.name}: {' | '.join(map(title, conditions))}"
    return page_html(content, heading, palette=palette)
