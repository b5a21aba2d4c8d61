"""Overlays of maps: what a map of two dimensions leaves out of the many.

Trust in a position, the untrained baseline, true neighbours, counterfactual twins: each is a column
of the images or a table, so that the browser can show it without asking again.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap
from vlcore.experiment.grouping import Grouping
from vlcore.metrics.neighbours import nearest
from vlcore.metrics.projection import TRUST_NEIGHBOURS, align, fit_plane, point_trustworthiness
from vlcore.plots.options import MapOptions

NEIGHBOURS = 5  # lines from an image to those nearest to it
OTHER_BACKGROUND = "other background"


def without_overlays_of_nothing(comparison: ComparedMaps, options: MapOptions) -> MapOptions:
    """The options without the untrained baseline where no model has one, and without twins where
    the maps show none."""
    if options.untrained:
        embeddings = [model.artifact.embeddings for model in comparison.models]
        options = options.replace(untrained=any(each.untrained for each in embeddings))
    if options.twins and (options.split == "training" or scenes(comparison).empty):
        options = options.replace(twins=False)
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


def nearest_images(model: ModelMap) -> NDArray[np.int64]:
    """The numbers of those nearest to each image in a model's full space, (n, `NEIGHBOURS`), from
    the nearest on; fewer where there are no more."""
    indices, _ = nearest(model.z, model.z, NEIGHBOURS, apart_from=np.arange(len(model.z)))
    return indices


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


def twin_arrows(grouping: Grouping) -> list[tuple[str, str, str]]:
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
    for kind, start, end in twin_arrows(comparison.images.grouping):
        row: dict[str, object] = {"arrow": kind, "from": start, "to": end}
        for name, model in comparison.named.items():
            ways = model.z[model.index(versions[start])] - model.z[model.index(versions[end])]
            lengths = np.linalg.norm(ways, axis=1)
            row[name] = lengths[versions.index == scene].item()
            row[f"{name}, mean"] = lengths.mean()
        table.append(row)
    return pd.DataFrame(table)
