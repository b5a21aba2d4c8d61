"""What can be laid over the maps of a comparison: trust in a place, the untrained encoder, true neighbours, twins.

The one idea: a map shows two of many dimensions, and each of these shows something of what it leaves out. All are
tables beside the comparison's own, so that the browser can light them up without asking again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ModelMap
from vlcore.core.grouping import Grouping
from vlcore.measures.projection import TRUST_NEIGHBOURS, align, nearest
from vlcore.runs.embeddings import StoredEmbeddings

NEIGHBOURS = 5  # lines from a picture to those nearest to it
OTHER_BACKGROUND = "other background"


def with_trust(comparison: Comparison) -> pd.DataFrame:
    """The points with ``trust0`` and so on: each picture's part in the trustworthiness of its map, 1 at best; absent
    where a map has too few pictures to judge."""
    from vlcore.measures.projection import point_trustworthiness

    points = comparison.points
    for pane, model in enumerate(comparison.models):
        index = comparison.index(pane)
        trust = np.full(len(points), np.nan)
        if len(model.z) > 2 * TRUST_NEIGHBOURS[0]:
            trust[index >= 0] = point_trustworthiness(model.z, model.points)[index[index >= 0]]
        points = points.assign(**{f"trust{pane}": trust.round(4)})
    return points


def add_untrained_positions(comparison: Comparison) -> tuple[pd.DataFrame, list[str]]:
    """The points with ``gx0``, ``gy0`` and so on, and the names of the models that have no untrained encoder.

    A ghost is the principal plane of the same pictures before the first step, turned onto the map and not scaled.
    """
    points, without = comparison.points, []
    for pane, (name, model, turn) in enumerate(zip(comparison.names, comparison.models, comparison.turns, strict=True)):
        places = np.full((len(points), 2), np.nan)
        before = StoredEmbeddings(model.artefact).untrained
        if before is None:
            without.append(name)
        else:
            index = comparison.index(pane)
            z = np.concatenate([before.on_map, before.train])
            places[index >= 0] = _ghost(z, model, turn.apply(model.points))[index[index >= 0]].round(5)
        points = points.assign(**{f"gx{pane}": places[:, 0], f"gy{pane}": places[:, 1]})
    return points, without


def _ghost(z: NDArray[np.float32], model: ModelMap, onto: NDArray[np.float64]) -> NDArray[np.float64]:
    from vlcore.measures.projection import fit_plane

    held_out = slice(model.held_out)
    places = fit_plane(z[held_out]).place(z)
    return align(places[held_out], onto[held_out]).apply(places)


def neighbour_lines(comparison: Comparison) -> pd.DataFrame:
    """Lines from each picture to those nearest to it in the full space: ``id``, ``pane``, ``x``, ``y``, ``x2``,
    ``y2``."""
    parts = []
    for pane, (model, turn) in enumerate(zip(comparison.models, comparison.turns, strict=True)):
        places = turn.apply(model.points).round(4)
        found, _ = nearest(model.z, model.z, NEIGHBOURS + 1)
        for number, others in enumerate(found):
            to = [other for other in others if other != number][:NEIGHBOURS]
            parts.append(_lines({"id": f"p{model.rows[number]}", "pane": pane}, places, number, to))
    return pd.concat(parts, ignore_index=True)


def _lines(
    names: dict[str, object], places: NDArray[np.float64], start: int, ends: list[int] | NDArray[np.int64]
) -> pd.DataFrame:
    x, y = places[start]
    return pd.DataFrame({**names, "x": x, "y": y, "x2": places[ends, 0], "y2": places[ends, 1]})


def other_object(grouping: Grouping) -> str:
    """What an arrow to the same place with the other object is called."""
    return f"other {grouping.object_word}"


def twin_lines(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """Arrows between the four versions of each held-out scene: ``scene``, ``kind``, ``pane``, ``x``, ``y``, ``x2``,
    ``y2``; none in a set whose scenes have no twins."""
    columns = ["scene", "kind", "pane", "x", "y", "x2", "y2"]
    parts = []
    for scene, rows in scenes(comparison, grouping):
        for pane, (model, turn) in enumerate(zip(comparison.models, comparison.turns, strict=True)):
            places = {group: turn.apply(model.points[model.where(row)]).round(4) for group, row in rows.items()}
            for kind, start, end in _arrows(grouping):
                (x, y), (x2, y2) = places[start], places[end]
                parts.append({"scene": scene, "kind": kind, "pane": pane, "x": x, "y": y, "x2": x2, "y2": y2})
    return pd.DataFrame(parts, columns=columns)


def scenes(comparison: Comparison, grouping: Grouping) -> Iterator[tuple[str, dict[str, int]]]:
    """Every held-out scene that all maps show in its four versions: its name, and the row number of each group's
    picture."""
    there = np.logical_and.reduce([comparison.index(pane) >= 0 for pane in range(len(comparison.models))])
    shown = comparison.points.assign(row=comparison.rows)[there & (comparison.points["kind"] == "test").to_numpy()]
    for scene, versions in shown.groupby("scene", sort=True):
        rows = dict(zip(versions["group"], versions["row"].astype(int), strict=True))
        if len(versions) == len(rows) == len(grouping.names):
            yield str(scene), rows


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
    """How far the arrows of a scene reach in the full space, beside the mean over all scenes: one row an arrow.

    A length is the distance of two unit vectors, 0 to 2.

    Raises:
        ValueError: when not all maps show the scene in its four versions.
    """
    every = dict(scenes(comparison, grouping))
    if scene not in every:
        raise ValueError(f"The scene {scene!r} is not on all maps in its four versions; choose a held-out picture.")
    table = []
    for kind, start, end in _arrows(grouping):
        line: dict[str, object] = {"arrow": kind, "from": start, "to": end}
        for name, model in zip(comparison.names, comparison.models, strict=True):
            lengths = {
                key: float(np.linalg.norm(model.z[model.where(rows[start])] - model.z[model.where(rows[end])]))
                for key, rows in every.items()
            }
            line[name] = lengths[scene]
            line[f"{name}, mean"] = float(np.mean(list(lengths.values())))
        table.append(line)
    return pd.DataFrame(table)
