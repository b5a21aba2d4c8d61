"""Page of a comparison: its maps as a figure, what is said of them as a list of parts, and both as
one offline file.

A page of the app, a file that is mailed and a picture in a paper are drawn by one call from one
value. A map shows two of many dimensions, and each overlay shows something of what it leaves out:
trust in a place, the untrained encoder, true neighbours, counterfactual twins. All are tables, so
that the browser can light them up without asking again.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.api import description
from vlcore.api.captions import caption_warnings
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.differences import describe_differences
from vlcore.api.metrics_table import group_accuracy_rows, group_accuracy_table
from vlcore.api.model_map import ComparisonError
from vlcore.api.training_animation import animate_training
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import title
from vlcore.metrics.projection import (
    TRUST_NEIGHBOURS,
    align,
    fit_plane,
    nearest,
    point_trustworthiness,
)
from vlcore.plots.document import Part, Table, Text, on_paper
from vlcore.plots.html import Figure, Heading, page_html
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.linked import linked_maps
from vlcore.plots.maps.panes import MOMENT
from vlcore.plots.maps.tables import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT, Palette

PAGE_SIDE = 440  # px of a map on a page that is written
NEIGHBOURS = 5  # lines from a picture to those nearest to it
OTHER_BACKGROUND = "other background"


def figure(
    comparison: ComparedMaps,
    grouping: Grouping,
    palette: Palette,
    side: int,
    options: MapOptions = PLAIN,
    *,
    board: bool = True,
    legend_place: LegendPlace = "bottom",
) -> alt.TopLevelMixin:
    """The maps of a comparison, each `side` px wide, with what `options` lay over them, and the
    board of groups."""
    if options.trust:
        comparison = replace(comparison, points=with_trust(comparison))
    if options.ghost:
        comparison = replace(comparison, points=add_untrained_positions(comparison))
    arrows = twin_lines(comparison, grouping) if options.twins else None
    if arrows is not None and arrows.empty:
        arrows, options = None, replace(options, twins=False)
    rights = group_accuracy_rows(comparison) if board else pd.DataFrame()
    return linked_maps(
        comparison.points,
        comparison.captions,
        comparison.infos,
        palette=palette,
        grouping=grouping,
        side=side,
        options=options,
        legend_place=legend_place,
        uploads=comparison.uploads,
        twins=arrows,
        board=None if rights.empty else rights,
        neighbours=neighbour_lines(comparison) if options.neighbours else None,
    )


def with_trust(comparison: ComparedMaps) -> pd.DataFrame:
    """The points with ``trust0`` and so on: each picture's part in a map's trustworthiness, 1 at
    best."""
    points = comparison.points
    for pane, model in enumerate(comparison.models):
        trust = np.full(len(model.z), np.nan)
        if len(model.z) > 2 * TRUST_NEIGHBOURS[0]:
            trust = point_trustworthiness(model.z, model.points)
        points = points.assign(**{f"trust{pane}": model.values_at(comparison.rows, trust).round(4)})
    return points


def add_untrained_positions(comparison: ComparedMaps) -> pd.DataFrame:
    """The points with ``gx0``, ``gy0`` and so on: where each picture was before the first step, on
    the principal plane of the same pictures then, turned onto the map and not scaled; absent where
    a model has no untrained encoder.
    """
    points = comparison.points
    for pane, model in enumerate(comparison.models):
        places = np.full((len(model.z), 2), np.nan)
        if before := model.artifact.embeddings.untrained:
            held_out = slice(model.held_out)
            places = fit_plane(before.on_map).place(np.concatenate([before.on_map, before.train]))
            places = align(places[held_out], model.points[held_out]).apply(places)
        places = model.values_at(comparison.rows, places).round(5)
        points = points.assign(**{f"gx{pane}": places[:, 0], f"gy{pane}": places[:, 1]})
    return points


def neighbour_lines(comparison: ComparedMaps) -> pd.DataFrame:
    """Lines from each picture to its nearest in the full space: ``id``, ``pane``, ``x``, ``y``,
    ``x2``, ``y2``."""
    lines = []
    for pane, model in enumerate(comparison.models):
        places = model.points.round(4)
        found, _ = nearest(model.z, model.z, NEIGHBOURS + 1)
        for number, others in enumerate(found):
            for other in [other for other in others if other != number][:NEIGHBOURS]:
                lines.append((f"p{model.rows[number]}", pane, *places[number], *places[other]))
    return pd.DataFrame(lines, columns=["id", "pane", "x", "y", "x2", "y2"])


def twin_lines(comparison: ComparedMaps, grouping: Grouping) -> pd.DataFrame:
    """Arrows between versions of a held-out scene: ``scene``, ``kind``, ``pane``, ``x``, ``y``,
    ``x2``, ``y2``."""
    every = scenes(comparison, grouping)
    parts = []
    for pane, model in enumerate(comparison.models):
        for kind, start, end in _arrows(grouping):
            (x, y), (x2, y2) = (
                model.points[model.index(every[group])].round(4).T for group in (start, end)
            )
            lines = {
                "scene": every.index,
                "kind": kind,
                "pane": pane,
                "x": x,
                "y": y,
                "x2": x2,
                "y2": y2,
            }
            parts.append(pd.DataFrame(lines))
    return pd.concat(parts).sort_values("scene", kind="stable", ignore_index=True)


def scenes(comparison: ComparedMaps, grouping: Grouping) -> pd.DataFrame:
    """Every held-out scene that all maps show in its four versions, by name: row number of each
    group's picture."""
    there = np.logical_and.reduce(
        [model.index(comparison.rows) >= 0 for model in comparison.models]
    )
    shown = comparison.points.assign(row=comparison.rows)[
        there & (comparison.points["kind"] == "test").to_numpy()
    ]
    whole = (
        shown.groupby("scene")["group"].agg(["size", "nunique"]).eq(len(grouping.names)).all(axis=1)
    )
    versions = shown[shown["scene"].isin(whole.index[whole])].pivot(
        index="scene", columns="group", values="row"
    )
    return versions.reindex(columns=list(grouping.names))


def other_object(grouping: Grouping) -> str:
    """What an arrow to the same place with the other object is called."""
    return f"other {grouping.object_word}"


def _arrows(grouping: Grouping) -> list[tuple[str, str, str]]:
    """Kind, start and end of a scene's four arrows: to the other background, and to the other
    object."""
    here, there, others_there, others_here = grouping.names
    other = other_object(grouping)
    across = [(OTHER_BACKGROUND, here, there), (OTHER_BACKGROUND, others_there, others_here)]
    return [*across, (other, here, others_here), (other, there, others_there)]


def twin_lengths(comparison: ComparedMaps, grouping: Grouping, scene: str) -> pd.DataFrame:
    """How far the arrows of one of the `scenes` reach in the full space, 0 to 2, beside the mean
    over all."""
    every = scenes(comparison, grouping)
    table = []
    for kind, start, end in _arrows(grouping):
        line: dict[str, object] = {"arrow": kind, "from": start, "to": end}
        for name, model in comparison.named.items():
            ways = model.z[model.index(every[start])] - model.z[model.index(every[end])]
            lengths = np.linalg.norm(ways, axis=1)
            line |= {name: lengths[every.index == scene].item(), f"{name}, mean": lengths.mean()}
        table.append(line)
    return pd.DataFrame(table)


def picked(spec: dict[str, Any], comparison: ComparedMaps, identity: str | None) -> dict[str, Any]:
    """The maps as they are when somebody arrives with a picture in the address: clicked already,
    arrows and all."""
    here = comparison.points[comparison.points["id"] == identity] if identity else pd.DataFrame()
    if here.empty:
        return spec
    clicked = {
        "pick": {"value": [{"id": identity}]},
        "scene": {"value": [{"scene": str(here["scene"].iat[0])}]},
    }
    return {**spec, "params": [param | clicked.get(param["name"], {}) for param in spec["params"]]}


def parts(
    comparison: ComparedMaps, grouping: Grouping, layouts: description.LayoutDescription
) -> list[Part]:
    """What is said beside the maps of a comparison: what they show, right or wrong by group, and
    who is near whom."""
    prompts = comparison.models[0].projection.prompts  # empty of other maps
    few = description.small_sample_warning(comparison.models[0].artifact, grouping)
    said = [
        Text(warning, icon="straighten")
        for warning in caption_warnings(comparison, grouping, prompts)
    ]
    said += [
        Text(description.describe_comparison(comparison, grouping)),
        *([Text(few, icon="warning")] if few else []),
    ]
    sentences = map(Text, layouts.sentences)
    return [
        Part("summary", "", tuple(said)),
        Part(
            "groups",
            "Right or wrong, group by group",
            (Table(group_accuracy_table(comparison, grouping)),),
        ),
        Part(
            "layouts",
            "The map in words",
            (*sentences, Table(layouts.table), Text(layouts.note, note=True)),
        ),
    ]


def page(
    comparison: ComparedMaps,
    images: ImageSet,
    palette: Palette = LIGHT,
    options: MapOptions = PLAIN,
) -> str:
    """The comparison as one offline HTML page: maps, words and numbers, and the film of the
    trainings, if any."""
    grouping, layouts = images.grouping, description.describe_layouts(comparison, images)
    conditions = {name: model.artifact.condition for name, model in comparison.named.items()}
    maps = figure(comparison, grouping, palette, PAGE_SIDE, options)
    content = [
        describe_differences(conditions).replace("**", ""),
        Figure(
            maps,
            alt=" ".join(
                [description.describe_comparison(comparison, grouping), *layouts.sentences]
            ),
        ),
        *on_paper(parts(comparison, grouping, layouts), palette, PAGE_SIDE),
    ]
    with suppress(
        ComparisonError
    ):  # a model may have one moment only, and a map need not be a principal one
        shown = animate_training(comparison, images)
        chart = Figure(shown.chart(palette, PAGE_SIDE), alt=shown.words, slider=MOMENT)
        content += [Heading("The training as a film"), chart, *shown.notes]
    content.append(f"Models: {', '.join(model.artifact.key for model in comparison.models)}")
    return page_html(content, " | ".join(map(title, conditions.values())), palette=palette)
