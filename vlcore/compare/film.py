"""A training as a film: where pictures and captions were at every snapshot, with the curves of that training.

The one idea: the basis stands still. Every snapshot is laid on the plane of the end, and turned as the map of the end
is turned, so that what moves is the model and not the axes. The price is that early moments are seen from the end: how
much of their variance the plane shows is said with each.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.maps.film import ModelTrack
from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ComparisonError, ModelMap
from vlcore.core.wording import rate, title
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.estimate import wilson
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.snapshots import StoredSnapshots

LOSS_POINTS = 120  # of one curve
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Film:
    """What `vlcore.charts.maps.film.film_chart` draws.

    Attributes:
        points: one row a picture.
        tracks: the models' parts.
        steps: training step of each moment: all at which any of the models has a snapshot.
        words: what the film shows, from its numbers; its alternative text.
        notes: what a visitor should know, a sentence each.
    """

    points: pd.DataFrame
    tracks: tuple[ModelTrack, ...]
    steps: tuple[int, ...]
    words: str
    notes: tuple[str, ...]


def film(comparison: Comparison, images: ImageSet) -> Film:
    """The film of the trainings of one to four models.

    Args:
        comparison: their principal maps beside each other.
        images: their image set.

    Raises:
        ComparisonError: when a model has one moment only, or the maps are no principal ones.
    """
    stored = [_snapshots(model) for model in comparison.models]
    steps = tuple(sorted({step for one in stored for step in one.steps}))
    tracks = tuple(_track(comparison, pane, stored[pane], steps) for pane in range(len(stored)))
    columns = [f"{what}_{pane}" for pane in range(len(tracks)) for what in ("caption", "predicted")]
    always = ["id", "object", "context", "group", "kind", "minority", "thumb", "spoken"]
    notes = _notes(comparison, stored, steps)
    words = " ".join([_whole(comparison, steps), *(_part(comparison, n, one, images) for n, one in enumerate(stored))])
    return Film(comparison.points[[*always, *columns]], tracks, steps, words, notes)


def _snapshots(model: ModelMap) -> StoredSnapshots:
    """The snapshots of a model.

    Raises:
        ComparisonError: when they make no film.
    """
    condition = model.artefact.condition
    name = f"“{title(condition)}”"
    if model.projection.kind != "pca":
        raise ComparisonError("A film needs maps that place any moment exactly; choose principal components.")
    stored = StoredSnapshots(model.artefact)
    if not stored.there:
        raise ComparisonError(f"{name} has no film: nobody watched its training. Choose models trained here.")
    if len(stored.steps) < 2:
        raise ComparisonError(f"{name} has one moment only and makes no film; choose trained models.")
    return stored


def _track(comparison: Comparison, pane: int, stored: StoredSnapshots, steps: tuple[int, ...]) -> ModelTrack:
    model, turn = comparison.models[pane], comparison.turns[pane]
    shown = np.concatenate([stored.on_map, stored.train], axis=1).astype(np.float64)  # (T, n, E), as model.rows
    places = turn.apply(model.plane.place(shown))
    index = comparison.index(pane)
    here = comparison.captions.loc[comparison.captions["pane"] == pane, "caption"].tolist()
    captions = stored.captions[:, [model.captions.index(caption) for caption in here]]
    return ModelTrack(
        title=title(model.artefact.condition),
        axes=(comparison.infos[pane].x_title, comparison.infos[pane].y_title),
        steps=stored.steps,
        shows=tuple(int(at) for at in np.searchsorted(stored.steps, steps, side="right") - 1),
        places=np.where(index[None, :, None] >= 0, places[:, index], np.nan),
        captions=tuple(here),
        caption_places=turn.apply(model.plane.place(captions.astype(np.float64))),
        said=tuple(_said(model, step, z) for step, z in zip(stored.steps, stored.on_map, strict=True)),
        curves=_curves(model, stored),
    )


def _said(model: ModelMap, step: int, z: NDArray[np.floating]) -> str:
    """A moment in a line: its step, and how much of the held-out pictures' variance the plane of the end shows."""
    z = z.astype(np.float64)
    total = float(z.var(axis=0).sum())
    if total < _NO_VARIANCE:
        return f"step {step:,}: all pictures are one point"
    share = float(model.plane.place(z).var(axis=0).sum()) / total
    return f"step {step:,}: total variance {total:.2g}, this plane shows {100 * share:.0f} % of it"


def _curves(model: ModelMap, stored: StoredSnapshots) -> pd.DataFrame:
    """Loss, probes and accuracies of a training, one row a point."""
    parts = [_loss(model)]
    for rows, panel, series in (
        (stored.probes, "probe", ("object", "context")),
        (stored.accuracies, "right", ("majority", "minority")),
    ):
        for column, which in enumerate(series, start=1):
            parts.append(pd.DataFrame({"panel": panel, "series": which, "step": rows[:, 0], "value": rows[:, column]}))
    return pd.concat(parts, ignore_index=True).astype({"step": int, "value": float})


def _loss(model: ModelMap) -> pd.DataFrame:
    """The loss of each step, averaged over neighbouring steps where there are many; early ones stay as they are."""
    with (model.artefact.path / "history.csv").open(newline="") as file:
        rows = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]
    table = pd.DataFrame(rows, columns=["step", "value"])
    edges = np.unique(np.geomspace(1, max(table["step"].max(), 2), LOSS_POINTS).round().astype(int))
    bins = np.searchsorted(edges, table["step"])
    means = table.assign(bin=bins).groupby("bin").agg(step=("step", "last"), value=("value", "mean"))
    return means.reset_index(drop=True).assign(panel="loss", series="loss").round({"value": 4})


def _whole(comparison: Comparison, steps: tuple[int, ...]) -> str:
    models = "one model" if len(comparison.models) == 1 else f"{len(comparison.models)} models"
    return (
        f"Film of the training of {models} in {len(steps)} moments, from step {steps[0]:,} to step {steps[-1]:,}: "
        "where held-out and training pictures and captions lie at each, with the curves below. Every moment is laid on "
        "the principal plane of the end, so what moves is the model and not the axes."
    )


def _part(comparison: Comparison, pane: int, stored: StoredSnapshots, images: ImageSet) -> str:
    """One model's training in numbers: what was read off before and after, on how many pictures."""
    model = comparison.models[pane]
    name = comparison.names[pane].capitalize() + ", " if len(comparison.models) > 1 else ""
    groups = images.table["group"].to_numpy()[StoredEmbeddings(model.artefact).rows("val")]
    sides = [int(np.isin(groups, side).sum()) for side in (images.grouping.majority, images.grouping.minority)]
    found = []
    if len(stored.accuracies):
        found += [
            f"{side} validation pictures right {_from_to(stored.accuracies[:, column], n)}"
            for column, side, n in ((1, "majority", sides[0]), (2, "minority", sides[1]))
        ]
    if len(stored.probes):
        found += [
            f"{what} read off by a linear probe {_from_to(stored.probes[:, column], len(groups))}"
            for column, what in ((1, images.grouping.object_word), (2, "background"))
        ]
    loss = _loss(model)["value"]
    found.insert(0, f"loss {loss.iloc[0]:.2f} at first and {loss.iloc[-1]:.2f} at the end")
    return f"{name}{title(model.artefact.condition)}: " + "; ".join(found) + "."


def _from_to(curve: NDArray[np.floating], n: int) -> str:
    ends = []
    for value in (curve[0], curve[-1]):
        low, high = wilson(float(value) * n, n)
        ends.append(rate({"value": value, "low": low, "high": high}))
    return f"{ends[0]} at first and {ends[1]} at the end (n = {n})"


def _notes(comparison: Comparison, stored: list[StoredSnapshots], steps: tuple[int, ...]) -> tuple[str, ...]:
    notes = []
    if any(one.steps != steps for one in stored):
        notes.append(
            "At a step where a model has no snapshot, its latest one before it stands; the line above says which."
        )
    if len({one.steps[-1] for one in stored}) > 1:
        ended = ", ".join(f"{name} at {one.steps[-1]:,}" for name, one in zip(comparison.names, stored, strict=True))
        notes.append(f"The trainings end at different steps ({ended}); one that has ended stands still.")
    if any(len(one.probes) == 0 for one in stored):
        notes.append(
            "A set that is cut into folds keeps no pictures for curves of probes and accuracies; the film is of its "
            "first fold."
        )
    elif any(len(one.accuracies) == 0 for one in stored):
        notes.append("Where labels name no object, no accuracy can be read off the captions.")
    else:
        notes.append(
            "The curves are of pictures that are kept aside for them (the words say how many), not of the test ones "
            "of the board: their numbers differ by chance."
        )
    return tuple(notes)
