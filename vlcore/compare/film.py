"""A training as a film: where pictures and captions were at every snapshot, with the curves of that training.

The one idea: the basis stands still. Every snapshot is laid on the plane of the end, and turned as the map of the end
is turned, so that what moves is the model and not the axes. The price is that early moments are seen from the end: how
much of their variance the plane shows is said with each.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

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
    arrays = [_snapshots(model) for model in comparison.models]
    every = [tuple(int(step) for step in snapshots["steps"]) for snapshots in arrays]
    steps = tuple(sorted({step for own in every for step in own}))
    tracks = tuple(_track(comparison, pane, arrays[pane], steps) for pane in range(len(arrays)))
    columns = [f"{what}_{pane}" for pane in range(len(tracks)) for what in ("caption", "predicted")]
    always = ["id", "object", "context", "group", "kind", "minority", "thumb", "spoken"]
    notes = _notes(comparison, arrays, every, steps)
    words = " ".join([_whole(comparison, steps), *(_part(comparison, n, images) for n in range(len(tracks)))])
    return Film(comparison.points[[*always, *columns]], tracks, steps, words, notes)


def _snapshots(model: ModelMap) -> dict[str, NDArray[Any]]:
    """The snapshots of a model.

    Raises:
        ComparisonError: when they make no film.
    """
    condition = model.artefact.condition
    name = f"“{title(condition)}”"
    if model.projection.kind != "pca":
        raise ComparisonError("A film needs maps that place any moment exactly; choose principal components.")
    if not (model.artefact.path / "snapshots.npz").is_file():
        raise ComparisonError(f"{name} has no film: nobody watched its training. Choose models trained here.")
    arrays = model.artefact.arrays("snapshots.npz")
    if len(arrays["steps"]) < 2:
        raise ComparisonError(f"{name} has one moment only and makes no film; choose trained models.")
    return arrays


def _track(comparison: Comparison, pane: int, arrays: dict[str, NDArray[Any]], steps: tuple[int, ...]) -> ModelTrack:
    model, turn = comparison.models[pane], comparison.turns[pane]
    own = arrays["steps"]
    shown = np.concatenate([arrays["map"], arrays["train"]], axis=1).astype(np.float64)  # (T, n, E), as model.rows
    places = turn.apply(model.plane.place(shown))
    index = comparison.index(pane)
    here = comparison.captions.loc[comparison.captions["pane"] == pane, "caption"].tolist()
    captions = arrays["captions"][:, [model.captions.index(caption) for caption in here]]
    return ModelTrack(
        title=title(model.artefact.condition),
        axes=(comparison.infos[pane].x_title, comparison.infos[pane].y_title),
        steps=tuple(int(step) for step in own),
        shows=tuple(int(at) for at in np.searchsorted(own, steps, side="right") - 1),
        places=np.where(index[None, :, None] >= 0, places[:, index], np.nan),
        captions=tuple(here),
        caption_places=turn.apply(model.plane.place(captions.astype(np.float64))),
        said=tuple(_said(model, int(step), z) for step, z in zip(own, arrays["map"], strict=True)),
        curves=_curves(model, arrays),
    )


def _said(model: ModelMap, step: int, z: NDArray[np.floating]) -> str:
    """A moment in a line: its step, and how much of the held-out pictures' variance the plane of the end shows."""
    z = z.astype(np.float64)
    total = float(z.var(axis=0).sum())
    if total < _NO_VARIANCE:
        return f"step {step:,}: all pictures are one point"
    share = float(model.plane.place(z).var(axis=0).sum()) / total
    return f"step {step:,}: total variance {total:.2g}, this plane shows {100 * share:.0f} % of it"


def _curves(model: ModelMap, arrays: dict[str, NDArray[Any]]) -> pd.DataFrame:
    """Loss, probes and accuracies of a training, one row a point."""
    parts = [_loss(model)]
    for name, panel, series in (
        ("probe_curve", "probe", ("object", "context")),
        ("val_curve", "right", ("majority", "minority")),
    ):
        for column, which in enumerate(series, start=1):
            rows = arrays[name]
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


def _part(comparison: Comparison, pane: int, images: ImageSet) -> str:
    """One model's training in numbers: what was read off before and after, on how many pictures."""
    model = comparison.models[pane]
    name = comparison.names[pane].capitalize() + ", " if len(comparison.models) > 1 else ""
    arrays = model.artefact.arrays("snapshots.npz")
    groups = images.table["group"].to_numpy()[StoredEmbeddings(model.artefact).rows("val")]
    sides = [int(np.isin(groups, side).sum()) for side in (images.grouping.majority, images.grouping.minority)]
    found = []
    if len(arrays["val_curve"]):
        found += [
            f"{side} validation pictures right {_from_to(arrays['val_curve'][:, column], n)}"
            for column, side, n in ((1, "majority", sides[0]), (2, "minority", sides[1]))
        ]
    if len(arrays["probe_curve"]):
        found += [
            f"{what} read off by a linear probe {_from_to(arrays['probe_curve'][:, column], len(groups))}"
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


def _notes(
    comparison: Comparison, arrays: list[dict[str, NDArray[Any]]], every: list[tuple[int, ...]], steps: tuple[int, ...]
) -> tuple[str, ...]:
    notes = []
    if any(own != steps for own in every):
        notes.append(
            "At a step where a model has no snapshot, its latest one before it stands; the line above says which."
        )
    if len({own[-1] for own in every}) > 1:
        ended = ", ".join(f"{name} at {own[-1]:,}" for name, own in zip(comparison.names, every, strict=True))
        notes.append(f"The trainings end at different steps ({ended}); one that has ended stands still.")
    if any(len(snapshots["probe_curve"]) == 0 for snapshots in arrays):
        notes.append(
            "A set that is cut into folds keeps no pictures for curves of probes and accuracies; the film is of its "
            "first fold."
        )
    elif any(len(snapshots["val_curve"]) == 0 for snapshots in arrays):
        notes.append("Where labels name no object, no accuracy can be read off the captions.")
    else:
        notes.append(
            "The curves are of pictures that are kept aside for them (the words say how many), not of the test ones "
            "of the board: their numbers differ by chance."
        )
    return tuple(notes)
