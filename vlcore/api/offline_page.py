"""Page of a comparison: its maps as a figure, its words as a list of parts, and both as one offline
file.

A page of the app, a file that is mailed and an image in a paper are drawn by one call from one
value. A map shows two of many dimensions, and each overlay shows something of what it leaves out:
trust in a position, the untrained baseline, true neighbours, counterfactual twins. All are tables,
so that the browser can light them up without asking again.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api import description
from vlcore.api.colourings import coloured
from vlcore.api.compared_maps import ComparedMaps, drawn_sample, row_numbers
from vlcore.api.differences import describe_differences
from vlcore.api.metrics_table import group_accuracy_rows, group_accuracy_table
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.training_animation import animate_training
from vlcore.data.subset import describe_sample
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import title
from vlcore.metrics.projection import (
    TRUST_NEIGHBOURS,
    align,
    fit_plane,
    nearest,
    point_trustworthiness,
)
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
NEIGHBOURS = 5  # lines from an image to those nearest to it
OTHER_BACKGROUND = "other background"


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


def without_overlays_of_nothing(comparison: ComparedMaps, options: MapOptions) -> MapOptions:
    """The options without the untrained baseline where no model has one."""
    if options.untrained:
        embeddings = [model.artifact.embeddings for model in comparison.models]
        options = options.replace(untrained=any(each.untrained for each in embeddings))
    return options


def with_trust(comparison: ComparedMaps) -> ComparedMaps:
    """The comparison whose points have ``trust0`` and so on: each image's part in a map's
    trustworthiness, 1 at best."""
    points = comparison.points
    for pane, model in enumerate(comparison.models):
        trust = np.full(len(model.z), np.nan)
        if len(model.z) > 2 * TRUST_NEIGHBOURS[0]:
            trust = point_trustworthiness(model.z, model.points)
        points = points.assign(**{f"trust{pane}": model.values_at(comparison.rows, trust).round(4)})
    return replace(comparison, points=points)


def with_untrained_positions(comparison: ComparedMaps) -> ComparedMaps:
    """The comparison whose points have ``gx0``, ``gy0`` and so on: the position of each image
    before the first step, on the principal plane of the same images then, aligned to the map and
    not scaled; absent where a model has no untrained encoder.
    """
    points = comparison.points
    for pane, model in enumerate(comparison.models):
        positions = np.full((len(model.z), 2), np.nan)
        if untrained := model.artifact.embeddings.untrained:
            plane = fit_plane(untrained.on_map)
            positions = plane.place(untrained.images)
            held_out = slice(model.n_held_out)
            positions = align(positions[held_out], model.points[held_out]).apply(positions)
        x, y = model.values_at(comparison.rows, positions).round(5).T
        points = points.assign(**{f"gx{pane}": x, f"gy{pane}": y})
    return replace(comparison, points=points)


def neighbour_lines(comparison: ComparedMaps, options: MapOptions = PLAIN) -> pd.DataFrame:
    """Lines from each drawn image to its nearest in the full space, where these are drawn: ``id``,
    ``pane``, ``x``, ``y``, ``x2``, ``y2``."""
    drawn = row_numbers(options.drawn(comparison.points, comparison.images.grouping))
    lines = []
    for pane, model in enumerate(comparison.models):
        positions = model.points.round(4)
        is_drawn = np.isin(model.rows, drawn)
        nearest_others = nearest_images(model)
        for start in np.flatnonzero(is_drawn):
            lines += [
                (f"p{model.rows[start]}", pane, *positions[start], *positions[end])
                for end in nearest_others[start]
                if is_drawn[end]
            ]
    return pd.DataFrame(lines, columns=["id", "pane", "x", "y", "x2", "y2"])


def nearest_images(model: ModelMap) -> NDArray[np.int64]:
    """The numbers of those nearest to each image in a model's full space, (n, `NEIGHBOURS`), from
    the nearest on; fewer where there are no more."""
    indices, _ = nearest(model.z, model.z, NEIGHBOURS + 1)
    others = [row[row != image][:NEIGHBOURS] for image, row in enumerate(indices)]
    return np.stack(others)


def drawn_twins(
    comparison: ComparedMaps, options: MapOptions
) -> tuple[pd.DataFrame | None, MapOptions]:
    """The arrows of `twin_lines` and the options that a map is drawn by: without twins where there
    are none to draw."""
    if not options.twins:
        return None, options
    arrows = twin_lines(comparison, options)
    return (None, options.replace(twins=False)) if arrows.empty else (arrows, options)


def twin_lines(comparison: ComparedMaps, options: MapOptions = PLAIN) -> pd.DataFrame:
    """Arrows between the drawn versions of a held-out scene: ``scene``, ``kind``, ``pane``, ``x``,
    ``y``, ``x2``, ``y2``."""
    grouping = comparison.images.grouping
    versions = scenes(comparison)
    groups = set(options.groups or grouping.names)
    if options.split == "training":
        groups = set()
    arrows = [arrow for arrow in _arrows(grouping) if {arrow[1], arrow[2]} <= groups]
    parts = [pd.DataFrame(columns=["scene", "kind", "pane", "x", "y", "x2", "y2"])]
    for pane, model in enumerate(comparison.models):
        for kind, start, end in arrows:
            x, y = model.points[model.index(versions[start])].round(4).T
            x2, y2 = model.points[model.index(versions[end])].round(4).T
            part = {"scene": versions.index, "kind": kind, "pane": pane}
            parts.append(pd.DataFrame({**part, "x": x, "y": y, "x2": x2, "y2": y2}))
    return pd.concat(parts[1:] or parts).sort_values("scene", kind="stable", ignore_index=True)


def scenes(comparison: ComparedMaps) -> pd.DataFrame:
    """Every held-out scene that all maps show in its four versions, by name: row number of each
    group's image."""
    names = list(comparison.images.grouping.names)
    rows = comparison.rows
    in_all = np.logical_and.reduce([model.index(rows) >= 0 for model in comparison.models])
    held_out = (comparison.points["kind"] == "test").to_numpy()
    images = comparison.points.assign(row=rows)[in_all & held_out]
    counts = images.groupby("scene")["group"].agg(["size", "nunique"])
    is_complete = counts.eq(len(names)).all(axis=1)
    complete = images[images["scene"].isin(counts.index[is_complete])]
    versions = complete.pivot(index="scene", columns="group", values="row")
    return versions.reindex(columns=names)


def other_object(grouping: Grouping) -> str:
    """What an arrow to the same background with the other object is called."""
    return f"other {grouping.object_word}"


def _arrows(grouping: Grouping) -> list[tuple[str, str, str]]:
    """Kind, start and end of a scene's four arrows: to the other background, and to the other
    object."""
    first, first_elsewhere, second, second_elsewhere = grouping.names
    object_kind = other_object(grouping)
    return [
        (OTHER_BACKGROUND, first, first_elsewhere),
        (OTHER_BACKGROUND, second, second_elsewhere),
        (object_kind, first, second_elsewhere),
        (object_kind, first_elsewhere, second),
    ]


def twin_lengths(comparison: ComparedMaps, scene: str) -> pd.DataFrame:
    """The lengths of the arrows of one of the `scenes` in the full space, 0 to 2, beside the mean
    over all."""
    versions = scenes(comparison)
    table = []
    for kind, start, end in _arrows(comparison.images.grouping):
        row: dict[str, object] = {"arrow": kind, "from": start, "to": end}
        for name, model in comparison.named.items():
            ways = model.z[model.index(versions[start])] - model.z[model.index(versions[end])]
            lengths = np.linalg.norm(ways, axis=1)
            row[name] = lengths[versions.index == scene].item()
            row[f"{name}, mean"] = lengths.mean()
        table.append(row)
    return pd.DataFrame(table)


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
