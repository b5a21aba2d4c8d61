"""A comparison as a figure, and as one page that works without a network.

The one idea: a page of the app, a file that is mailed and a picture in a paper are drawn by one call from one value.
"""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import pandas as pd

from vlcore.charts.html import Figure, Heading, page_html
from vlcore.charts.maps.film import film_chart
from vlcore.charts.maps.linked import MapOptions, linked_maps
from vlcore.charts.maps.panes import MOMENT
from vlcore.charts.theme import LIGHT, Palette
from vlcore.compare import captions, description, overlays
from vlcore.compare.comparison import Comparison
from vlcore.compare.description import differences_in_words as how_they_differ
from vlcore.compare.film import film
from vlcore.compare.model_map import ComparisonError
from vlcore.core.grouping import Grouping
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet

PLAIN = MapOptions()
PAGE_SIDE = 440  # px of a map on a page that is written


def figure(
    comparison: Comparison,
    grouping: Grouping,
    palette: Palette,
    side: int,
    options: MapOptions = PLAIN,
    *,
    board: bool = True,
) -> alt.TopLevelMixin:
    """The maps of a comparison, with what is laid over them, and under them the board of groups.

    Args:
        comparison: of one to four models.
        grouping: of its image set.
        palette: colours.
        side: of each map in px.
        options: what is drawn beside the pictures.
        board: whether the board of groups stands beneath, where labels name the object.
    """
    points = comparison.points
    if options.trust:
        points = overlays.with_trust(comparison)
    if options.ghost:
        ghosts, _ = overlays.add_untrained_positions(comparison)
        points = points.assign(**{name: ghosts[name] for name in ghosts if name.startswith("g") and name[1] in "xy"})
    arrows = overlays.twin_lines(comparison, grouping) if options.twins else None
    if arrows is not None and arrows.empty:
        arrows, options = None, replace(options, twins=False)
    rights = description.group_rows(comparison) if board else pd.DataFrame()
    return linked_maps(
        points,
        comparison.captions,
        comparison.infos,
        palette=palette,
        grouping=grouping,
        side=side,
        options=options,
        uploads=comparison.uploads,
        neighbours=overlays.neighbour_lines(comparison) if options.neighbours else None,
        twins=arrows,
        board=None if rights.empty else rights,
    )


def page(comparison: Comparison, images: ImageSet, palette: Palette = LIGHT, options: MapOptions = PLAIN) -> str:
    """The comparison as one offline HTML page: maps, words and numbers, and the film of the trainings where there is
    one."""
    grouping = images.grouping
    artefacts = [model.artefact for model in comparison.models]
    few = description.small_sample_warning(artefacts[0], grouping)
    said = description.in_words(comparison, grouping)
    described = description.described(comparison, images)
    return page_html(
        [
            how_they_differ([artefact.condition for artefact in artefacts], comparison.names).replace("**", ""),
            Figure(figure(comparison, grouping, palette, PAGE_SIDE, options), alt=f"{said} {described.words}"),
            *captions.unheard_in_words(comparison, comparison.models[0].projection.prompts),
            said,
            *([few] if few else []),
            Heading("Right or wrong, group by group"),
            description.group_table(comparison, grouping),
            Heading("The map in words"),
            *described.sentences,
            described.table,
            described.note,
            *_film(comparison, images, palette),
            f"Models: {', '.join(artefact.key for artefact in artefacts)}",
        ],
        " | ".join(title(artefact.condition) for artefact in artefacts),
        palette=palette,
    )


def _film(comparison: Comparison, images: ImageSet, palette: Palette) -> list[Heading | Figure | str]:
    """The film of the trainings, or nothing where a model has one moment only or the maps are no principal ones."""
    try:
        shown = film(comparison, images)
    except ComparisonError:
        return []
    chart = film_chart(
        shown.points, shown.tracks, shown.steps, palette=palette, grouping=images.grouping, side=PAGE_SIDE
    )
    return [Heading("The training as a film"), Figure(chart, alt=shown.words, slider=MOMENT), *shown.notes]
