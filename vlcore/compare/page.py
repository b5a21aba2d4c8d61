"""Page of a comparison: its maps as a figure, what is said of them as a list of parts, and both as one offline file.

A page of the app, a file that is mailed and a picture in a paper are drawn by one call from one value.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import altair as alt
import pandas as pd

from vlcore.charts.html import Figure, Heading, page_html
from vlcore.charts.maps.linked import linked_maps
from vlcore.charts.maps.panes import MOMENT
from vlcore.charts.maps.tables import PLAIN, MapOptions
from vlcore.charts.parts import Part, Table, Text, on_paper
from vlcore.charts.theme import LIGHT, Palette
from vlcore.compare import overlays
from vlcore.compare.captions import untrained_words_warnings
from vlcore.compare.comparison import Comparison
from vlcore.compare.description import (
    LayoutDescription,
    describe_layouts,
    differences_in_words,
    small_sample_warning,
    summary,
)
from vlcore.compare.film import film
from vlcore.compare.metrics_table import group_rows, group_table
from vlcore.compare.model_map import ComparisonError
from vlcore.core.grouping import Grouping
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet

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
    if options.trust:
        comparison = replace(comparison, points=overlays.with_trust(comparison))
    if options.ghost:
        comparison = replace(comparison, points=overlays.add_untrained_positions(comparison))
    arrows = overlays.twin_lines(comparison, grouping) if options.twins else None
    if arrows is not None and arrows.empty:
        arrows, options = None, replace(options, twins=False)
    rights = group_rows(comparison) if board else pd.DataFrame()
    return linked_maps(
        comparison.points,
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


def picked(spec: dict[str, Any], comparison: Comparison, identity: str | None) -> dict[str, Any]:
    """The maps as they are when somebody arrives with a picture in the address: clicked already, arrows and all."""
    points = comparison.points
    here = points[points["id"] == identity]
    if here.empty:
        return spec
    clicked = {"pick": [{"id": identity}], "scene": [{"scene": str(here["scene"].iat[0])}]}
    params = [
        {**param, "value": clicked[param["name"]]} if param["name"] in clicked else param for param in spec["params"]
    ]
    return {**spec, "params": params}


def parts(comparison: Comparison, grouping: Grouping, layouts: LayoutDescription) -> list[Part]:
    """What is said of a comparison beside its maps: what they show and what to beware of, right or wrong by group, and
    who is near whom."""
    unheard = untrained_words_warnings(comparison, comparison.models[0].projection.prompts)  # empty without prompts
    few = small_sample_warning(comparison.models[0].artefact, grouping)
    said = (
        *(Text(sentence, icon="hearing_disabled") for sentence in unheard),
        Text(summary(comparison, grouping)),
        *([Text(few, icon="warning")] if few else []),
    )
    sentences = [Text(sentence) for sentence in layouts.sentences]
    return [
        Part("summary", "", said),
        Part("groups", "Right or wrong, group by group", (Table(group_table(comparison, grouping)),)),
        Part("layouts", "The map in words", (*sentences, Table(layouts.table), Text(layouts.note, note=True))),
    ]


def page(comparison: Comparison, images: ImageSet, palette: Palette = LIGHT, options: MapOptions = PLAIN) -> str:
    """The comparison as one offline HTML page: maps, words and numbers, and the film of the trainings where there is
    one."""
    grouping, layouts = images.grouping, describe_layouts(comparison, images)
    conditions = {name: model.artefact.condition for name, model in comparison.named.items()}
    return page_html(
        [
            differences_in_words(conditions).replace("**", ""),
            Figure(
                figure(comparison, grouping, palette, PAGE_SIDE, options),
                alt=f"{summary(comparison, grouping)} {layouts.words}",
            ),
            *on_paper(parts(comparison, grouping, layouts), palette, PAGE_SIDE),
            *_film(comparison, images, palette),
            f"Models: {', '.join(model.artefact.key for model in comparison.models)}",
        ],
        " | ".join(map(title, conditions.values())),
        palette=palette,
    )


def _film(comparison: Comparison, images: ImageSet, palette: Palette) -> list[Heading | Figure | str]:
    """The film of the trainings, or nothing where a model has one moment only or the maps are no principal ones."""
    try:
        shown = film(comparison, images)
    except ComparisonError:
        return []
    chart = Figure(shown.chart(palette, PAGE_SIDE), alt=shown.words, slider=MOMENT)
    return [Heading("The training as a film"), chart, *shown.notes]
