"""Overlays of maps: trust in a place, the untrained encoder, true neighbours, and counterfactual twins.

A map shows two of many dimensions, and each of these shows something of what it leaves out. All are tables beside the
comparison's own, so that the browser can light them up without asking again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from vlcore.compare.comparison import Comparison
from vlcore.core.grouping import Grouping
from vlcore.measures.projection import TRUST_NEIGHBOURS, align, fit_plane, nearest, point_trustworthiness
from vlcore.runs.embeddings import StoredEmbeddings

NEIGHBOURS = 5  # lines from a picture to those nearest to it
OTHER_BACKGROUND = "other background"


def with_trust(comparison: Comparison) -> pd.DataFrame:
    """The points with ``trust0`` and so on: each picture's part in the trustworthiness of its map, 1 at best; absent
    where a map has too few pictures to judge."""
    points = comparison.points
    for pane, model in enumerate(comparison.models):
        trust = np.full(len(model.z), np.nan)
        if len(model.z) > 2 * TRUST_NEIGHBOURS[0]:
            trust = point_trustworthiness(model.z, model.points)
        points = points.assign(**{f"trust{pane}": model.values_at(comparison.rows, trust).round(4)})
    return points


def add_untrained_positions(comparison: Comparison) -> pd.DataFrame:
    """The points with ``gx0``, ``gy0`` and so on: where each picture was before the first step; absent where a model
    has no untrained encoder.

    It is the principal plane of the same pictures then, turned onto the map and not scaled.
    """
    points = comparison.points
    for pane, model in enumerate(comparison.models):
        places = np.full((len(model.z), 2), np.nan)
        if before := StoredEmbeddings(model.artefact).untrained:
            held_out = slice(model.held_out)
            places = fit_plane(before.on_map).place(np.concatenate([before.on_map, before.train]))
            places = align(places[held_out], model.points[held_out]).apply(places)
        places = model.values_at(comparison.rows, places).round(5)
        points = points.assign(**{f"gx{pane}": places[:, 0], f"gy{pane}": places[:, 1]})
    return points


def neighbour_lines(comparison: Comparison) -> pd.DataFrame:
    """Lines from each picture to those nearest to it in the full space: ``id``, ``pane``, ``x``, ``y``, ``x2``,
    ``y2``."""
    lines = []
    for pane, model in enumerate(comparison.models):
        places = model.points.round(4)
        found, _ = nearest(model.z, model.z, NEIGHBOURS + 1)
        for number, others in enumerate(found):
            for other in [other for other in others if other != number][:NEIGHBOURS]:
                lines.append((f"p{model.rows[number]}", pane, *places[number], *places[other]))
    return pd.DataFrame(lines, columns=["id", "pane", "x", "y", "x2", "y2"])


def twin_lines(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """Arrows between the four versions of each held-out scene: ``scene``, ``kind``, ``pane``, ``x``, ``y``, ``x2``,
    ``y2``; none in a set whose scenes have no twins."""
    lines = []
    for scene, rows in scenes(comparison, grouping):
        for pane, model in enumerate(comparison.models):
            places = {group: model.points[model.where(row)].round(4) for group, row in rows.items()}
            for kind, start, end in _arrows(grouping):
                lines.append((scene, kind, pane, *places[start], *places[end]))
    return pd.DataFrame(lines, columns=["scene", "kind", "pane", "x", "y", "x2", "y2"])


def scenes(comparison: Comparison, grouping: Grouping) -> Iterator[tuple[str, dict[str, int]]]:
    """Every held-out scene that all maps show in its four versions: its name, and the row number of each group's
    picture."""
    there = np.logical_and.reduce([model.index(comparison.rows) >= 0 for model in comparison.models])
    shown = comparison.points.assign(row=comparison.rows)[there & (comparison.points["kind"] == "test").to_numpy()]
    for scene, versions in shown.groupby("scene", sort=True):
        rows = dict(zip(versions["group"], versions["row"].astype(int), strict=True))
        if len(versions) == len(rows) == len(grouping.names):
            yield str(scene), rows


def other_object(grouping: Grouping) -> str:
    """What an arrow to the same place with the other object is called."""
    return f"other {grouping.object_word}"


def _arrows(grouping: Grouping) -> list[tuple[str, str, str]]:
    """Kind, start and end of the four arrows of a scene: from each object's own background to the other, and from the
    first object to the second."""
    here, there, others_there, others_here = grouping.names
    other = other_object(grouping)
    return [
        (OTHER_BACKGROUND, here, there),
        (OTHER_BACKGROUND, others_there, others_here),
        (other, here, others_here),
        (other, there, others_there),
    ]


def twin_lengths(comparison: Comparison, grouping: Grouping, scene: str) -> pd.DataFrame:
    """How far the arrows of one of the `scenes` reach in the full space, beside the mean over all: one row an arrow.

    A length is the distance of two unit vectors, 0 to 2.
    """
    every = dict(scenes(comparison, grouping))
    table = []
    for kind, start, end in _arrows(grouping):
        line: dict[str, object] = {"arrow": kind, "from": start, "to": end}
        for name, model in comparison.named.items():
            lengths = {
                key: float(np.linalg.norm(model.z[model.where(rows[start])] - model.z[model.where(rows[end])]))
                for key, rows in every.items()
            }
            line[name] = lengths[scene]
            line[f"{name}, mean"] = float(np.mean(list(lengths.values())))
        table.append(line)
    return pd.DataFrame(table)
