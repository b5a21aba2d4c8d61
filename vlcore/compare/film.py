"""Film of a training: where pictures and captions were at every snapshot, with the curves of that training.

Every snapshot is laid on the plane of the end, and turned as the map of the end is turned, so that what moves is the
model and not the axes. The price is that early snapshots are seen from the end: how much of their variance the plane
shows is said with each.
"""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.maps.film import ModelTrack, film_chart
from vlcore.charts.theme import Palette
from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ComparisonError, ModelMap
from vlcore.core.grouping import Grouping
from vlcore.core.wording import rate, title
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.estimate import wilson
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.snapshots import StoredSnapshots

LOSS_POINTS = 120  # of one curve
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Film:
    """Trainings side by side.

    Attributes:
        points: one row a picture.
        tracks: the models' parts.
        steps: training step of each moment: all at which any of the models has a snapshot.
        grouping: of the image set.
        words: what the film shows, from its numbers; its alternative text.
        notes: what a visitor should know, a sentence each.
    """

    points: pd.DataFrame
    tracks: tuple[ModelTrack, ...]
    steps: tuple[int, ...]
    grouping: Grouping
    words: str
    notes: tuple[str, ...]

    def chart(self, palette: Palette, side: int) -> alt.ConcatChart:
        """The film, its maps `side` px wide."""
        return film_chart(self.points, self.tracks, self.steps, palette=palette, grouping=self.grouping, side=side)


def film(comparison: Comparison, images: ImageSet) -> Film:
    """The film of the trainings of one to four models.

    Args:
        comparison: their principal maps beside each other.
        images: their image set.

    Raises:
        ComparisonError: when a model has one snapshot only, or the maps are no principal ones.
    """
    recorded = {name: _snapshots(model) for name, model in comparison.named.items()}
    steps = tuple(sorted({step for stored in recorded.values() for step in stored.steps}))
    tracks = tuple(_track(comparison, pane, stored, steps) for pane, stored in enumerate(recorded.values()))
    alone = len(recorded) == 1
    words = [
        f"Film of the training of {'one model' if alone else f'{len(recorded)} models'} in {len(steps)} moments, from "
        f"step {steps[0]:,} to step {steps[-1]:,}: where held-out and training pictures and captions lie at each, with "
        "the curves below. Every moment is laid on the principal plane of the end, so what moves is the model and not "
        "the axes."
    ]
    for name, model in comparison.named.items():
        called = "" if alone else f"{name.capitalize()}, "
        training = _training_in_words(model, recorded[name], images)
        words.append(f"{called}{title(model.artefact.condition)}: {training}.")
    columns = [f"{what}_{pane}" for pane in range(len(tracks)) for what in ("caption", "predicted")]
    always = ["id", "object", "context", "group", "kind", "minority", "thumb", "spoken"]
    return Film(
        points=comparison.points[[*always, *columns]],
        tracks=tracks,
        steps=steps,
        grouping=images.grouping,
        words=" ".join(words),
        notes=tuple(_notes(recorded, steps)),
    )


def _snapshots(model: ModelMap) -> StoredSnapshots:
    """The snapshots of a model.

    Raises:
        ComparisonError: when they make no film.
    """
    name = f"“{title(model.artefact.condition)}”"
    if model.projection.kind != "pca":
        raise ComparisonError("A film needs maps that place any moment exactly; choose principal components.")
    stored = StoredSnapshots(model.artefact)
    if not stored.there:
        raise ComparisonError(f"{name} has no film: nobody watched its training. Choose models trained here.")
    if len(stored.steps) < 2:
        raise ComparisonError(f"{name} has one moment only and makes no film; choose trained models.")
    return stored


def _track(comparison: Comparison, pane: int, stored: StoredSnapshots, steps: tuple[int, ...]) -> ModelTrack:
    model = comparison.models[pane]
    places = model.place(np.concatenate([stored.on_map, stored.train], axis=1))  # (T, n, 2), as model.rows
    here = comparison.captions.loc[comparison.captions["pane"] == pane, "caption"].tolist()
    captions = stored.captions[:, [model.captions.index(caption) for caption in here]]
    return ModelTrack(
        title=title(model.artefact.condition),
        axes=(comparison.infos[pane].x_title, comparison.infos[pane].y_title),
        steps=stored.steps,
        shows=tuple((np.searchsorted(stored.steps, steps, side="right") - 1).tolist()),
        places=np.stack([model.values_at(comparison.rows, at) for at in places]),
        captions=tuple(here),
        caption_places=model.place(captions),
        said=tuple(_variance_in_words(model, step, z) for step, z in zip(stored.steps, stored.on_map, strict=True)),
        curves=_curves(model, stored),
    )


def _variance_in_words(model: ModelMap, step: int, z: NDArray[np.floating]) -> str:
    """A moment in a line: its step, and how much of the held-out pictures' variance the plane of the end shows."""
    total = float(z.astype(np.float64).var(axis=0).sum())
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
    table = pd.read_csv(model.artefact.path / "history.csv", usecols=["step", "loss"])
    edges = np.unique(np.geomspace(1, max(table["step"].max(), 2), LOSS_POINTS).round().astype(int))
    bins = np.searchsorted(edges, table["step"])
    means = table.groupby(bins).agg(step=("step", "last"), value=("loss", "mean"))
    return means.reset_index(drop=True).assign(panel="loss", series="loss").round({"value": 4})


def _training_in_words(model: ModelMap, stored: StoredSnapshots, images: ImageSet) -> str:
    """A training in numbers: what was read off before and after, on how many pictures."""
    grouping, loss = images.grouping, _loss(model)["value"]
    groups = images.table["group"].to_numpy()[StoredEmbeddings(model.artefact).rows("val")]
    found = [f"loss {loss.iloc[0]:.2f} at first and {loss.iloc[-1]:.2f} at the end"]
    for curve, column, what, n in (
        (stored.accuracies, 1, "majority validation pictures right", np.isin(groups, grouping.majority).sum()),
        (stored.accuracies, 2, "minority validation pictures right", np.isin(groups, grouping.minority).sum()),
        (stored.probes, 1, f"{grouping.object_word} read off by a linear probe", len(groups)),
        (stored.probes, 2, "background read off by a linear probe", len(groups)),
    ):
        if len(curve):
            ends = (float(curve[at, column]) for at in (0, -1))
            intervals = ((value, *wilson(value * n, n)) for value in ends)
            first, end = (rate(dict(zip(("value", "low", "high"), one, strict=True))) for one in intervals)
            found.append(f"{what} {first} at first and {end} at the end (n = {n})")
    return "; ".join(found)


def _notes(recorded: dict[str, StoredSnapshots], steps: tuple[int, ...]) -> list[str]:
    notes = []
    if any(stored.steps != steps for stored in recorded.values()):
        notes.append(
            "At a step where a model has no snapshot, its latest one before it stands; the line above says which."
        )
    if len({stored.steps[-1] for stored in recorded.values()}) > 1:
        ended = ", ".join(f"{name} at {stored.steps[-1]:,}" for name, stored in recorded.items())
        notes.append(f"The trainings end at different steps ({ended}); one that has ended stands still.")
    if any(len(stored.probes) == 0 for stored in recorded.values()):
        notes.append(
            "A set that is cut into folds keeps no pictures for curves of probes and accuracies; the film is of its "
            "first fold."
        )
    elif any(len(stored.accuracies) == 0 for stored in recorded.values()):
        notes.append("Where labels name no object, no accuracy can be read off the captions.")
    else:
        notes.append(
            "The curves are of pictures that are kept aside for them (the words say how many), not of the test ones "
            "of the board: their numbers differ by chance."
        )
    return notes
