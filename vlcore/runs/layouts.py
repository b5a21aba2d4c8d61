"""The maps in words and in a table: which groups lie near which, and how far pictures moved from one model to another.

The one idea: what an eye reads off a map is said from numbers of the full space, over the held-out pictures of the map,
so that it is there for those who do not see the map, and right where the map deceives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from vlcore.core.wording import number, share
from vlcore.figures.theme import group_words
from vlcore.images.imagesets import ImageSet
from vlcore.measures.centroids import Layout, layout
from vlcore.measures.movement import Movement, movement
from vlcore.runs.compare import Comparison
from vlcore.runs.model_maps import ModelMap

TOGETHER = 0.1  # cosine distance of centres below which two groups are said to lie together


@dataclass(frozen=True, eq=False)
class Described:
    """The layouts of a comparison: a sentence a model, a table with one row a pair of groups, and the number of
    held-out pictures that they rest on."""

    sentences: tuple[str, ...]
    table: pd.DataFrame
    n: int

    @property
    def note(self) -> str:
        """What the numbers are and rest on."""
        return (
            "Cosine distances between the centres of groups in the full space, 0 (one direction) to 2 (opposite), with "
            f"95 % intervals over scenes, of the {self.n:,} held-out pictures that a map shows."
        )

    @property
    def words(self) -> str:
        return " ".join(self.sentences)


def described(comparison: Comparison, images: ImageSet) -> Described:
    """Who is near whom in each model."""
    names = group_words(images.grouping)
    sentences, columns = [], {}
    for name, model in zip(comparison.names, comparison.models, strict=True):
        found = _layout(model, images)
        if isinstance(found, str):
            sentences.append(f"The {name} model's groups cannot be placed: {found}")
            continue
        sentences.append(f"In the {name} model {_said(found, names)}.")
        columns[name.capitalize()] = {
            f"{names[one]} and {names[other]}": number(distance.as_dict())
            for (one, other), distance in found.distances.items()
        }
    table = pd.DataFrame(columns).rename_axis("Distance of centres").reset_index()
    return Described(tuple(sentences), table, comparison.models[0].held_out)


def _layout(model: ModelMap, images: ImageSet) -> Layout | str:
    """The layout of a model's held-out pictures, or why there is none."""
    table = images.table.iloc[model.rows[: model.held_out]]
    groups, scenes = (table[column].to_numpy().astype(str) for column in ("group", "scene"))
    if model.artefact.metrics["end"]["collapsed"]:
        return "all lie in one point."
    try:
        return layout(model.z[: model.held_out], groups, scenes, images.grouping.names)
    except ValueError as error:
        return str(error)


def _said(found: Layout, names: dict[str, str]) -> str:
    """For each group the nearest one, with the distance, and whether that could be chance."""
    parts = []
    for group, near in found.nearest.items():
        if not near.decided:
            parts.append(f"{names[group]} has no nearest group that is decided")
            continue
        how = "lies with" if near.distance.value < TOGETHER else "is nearest to"
        parts.append(f"{names[group]} {how} {names[near.name]} ({number(near.distance.as_dict())})")
    return "; ".join(parts)


@dataclass(frozen=True, eq=False)
class Moved:
    """What moved from the first model to another.

    Attributes:
        name: of the other model.
        table: one row a group: movement on the maps, share of neighbours kept, pictures.
        chance: share of neighbours that unrelated models have in common.
        most: row numbers of the pictures that moved most, farthest first, with movement and share kept.
    """

    name: str
    table: pd.DataFrame
    chance: float
    most: tuple[tuple[int, float, float], ...]


def moved(comparison: Comparison, images: ImageSet, count: int = 10) -> list[Moved]:
    """From the first model to each other one, over the held-out pictures that both maps show.

    Raises:
        ValueError: when a map is one point, or too few pictures are shared.
    """
    first, names = comparison.models[0], group_words(images.grouping)
    found = []
    for name, model, turn in list(zip(comparison.names, comparison.models, comparison.turns, strict=True))[1:]:
        rows = np.intersect1d(first.rows[: first.held_out], model.rows[: model.held_out])
        here, there = ([one.where(int(row)) for row in rows] for one in (first, model))
        table = images.table.iloc[rows]
        groups, scenes = (table[column].to_numpy().astype(str) for column in ("group", "scene"))
        result = movement(
            (comparison.turns[0].apply(first.points[here]), turn.apply(model.points[there])),
            (first.z[here], model.z[there]),
            groups,
            scenes,
            images.grouping.names,
        )
        most = tuple((int(rows[k]), float(result.moved[k]), float(result.overlap[k])) for k in result.most(count))
        found.append(Moved(name, _movement_table(result, names), result.chance, most))
    return found


def _movement_table(result: Movement, names: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Group": names[group],
                "Moved, in radii of the first map": number(result.drift[group].as_dict()),
                "Ten nearest kept": share(result.kept[group].as_dict()),
                "Pictures": result.drift[group].n,
            }
            for group in result.drift
        ]
    )
