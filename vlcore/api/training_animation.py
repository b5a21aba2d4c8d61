"""Film of a training: where pictures and captions were at every snapshot, with the curves of that
training.

Every snapshot is laid on the plane of the end, turned as the map of the end, so that what moves is
the model and not the axes. The price: how much of their variance the plane shows is said with each.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.artifacts.checkpoints import StoredSnapshots
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import rate, title
from vlcore.metrics.estimate import wilson
from vlcore.model.artifact_files import StoredEmbeddings
from vlcore.plots.maps.animation import ModelTrack, film_chart
from vlcore.plots.theme import Palette

LOSS_POINTS = 120  # of one curve
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Film:
    """Trainings side by side: one row a picture, a track a model, and as moments all `steps` at
    which any of the models has a snapshot. `words` say what the film shows, from its numbers;
    `notes` what a visitor should know.
    """

    points: pd.DataFrame
    tracks: tuple[ModelTrack, ...]
    steps: tuple[int, ...]
    grouping: Grouping
    words: str
    notes: tuple[str, ...]

    def chart(self, palette: Palette, side: int) -> alt.ConcatChart:
        """The film, its maps `side` px wide."""
        return film_chart(
            self.points, self.tracks, self.steps, palette=palette, grouping=self.grouping, side=side
        )


def film(comparison: ComparedMaps, images: ImageSet) -> Film:
    """The film of one to four trainings, from principal maps; ComparisonError for other maps, or a
    single snapshot."""
    recorded = {name: _snapshots(model) for name, model in comparison.named.items()}
    steps = tuple(sorted({step for stored in recorded.values() for step in stored.steps}))
    tracks = tuple(
        _track(comparison, pane, stored, steps) for pane, stored in enumerate(recorded.values())
    )
    alone = len(recorded) == 1
    whose, span = (
        "one model" if alone else f"{len(recorded)} models",
        f"step {steps[0]:,} to step {steps[-1]:,}",
    )
    where = "where held-out and training pictures and captions lie at each, with the curves below"
    fixed = (
        "Every moment is laid on the principal plane of the end, so what moves is the model and not"
        " the axes."
    )
    words = [
        f"Film of the training of {whose} in {len(steps)} moments, from {span}: {where}. {fixed}"
    ]
    for (name, model), track in zip(comparison.named.items(), tracks, strict=True):
        rows = StoredEmbeddings(model.artifact).rows("val")
        training = _training_in_words(
            track.curves, images.table["group"].to_numpy()[rows], images.grouping
        )
        words.append(f"{'' if alone else f'{name.capitalize()}, '}{track.title}: {training}.")
    notes = tuple(_notes(recorded, steps))
    return Film(comparison.points, tracks, steps, images.grouping, " ".join(words), notes)


def _snapshots(model: ModelMap) -> StoredSnapshots:
    """The snapshots of a model; raises where they make no film."""
    name = f"“{title(model.artifact.condition)}”"
    if model.projection.kind != "pca":
        raise ComparisonError(
            "A film needs maps that place any moment exactly; choose principal components."
        )
    stored = StoredSnapshots(model.artifact)
    if not stored.there:
        raise ComparisonError(
            f"{name} has no film: nobody watched its training. Choose models trained here."
        )
    if len(stored.steps) < 2:
        raise ComparisonError(
            f"{name} has one moment only and makes no film; choose trained models."
        )
    return stored


def _track(
    comparison: ComparedMaps, pane: int, stored: StoredSnapshots, steps: tuple[int, ...]
) -> ModelTrack:
    model, info = comparison.models[pane], comparison.infos[pane]
    on_map, train, captions = (stored.vectors(name) for name in ("map", "train", "captions"))
    places = model.place(np.concatenate([on_map, train], axis=1))  # (T, n, 2), as model.rows
    here = comparison.captions.loc[comparison.captions["pane"] == pane, "caption"].tolist()
    captions = captions[:, [model.captions.index(caption) for caption in here]]
    said = []
    for step, z in zip(stored.steps, on_map, strict=True):
        total = float(z.astype(np.float64).var(axis=0).sum())
        words = "all pictures are one point"
        if total >= _NO_VARIANCE:
            share = float(model.plane.place(z).var(axis=0).sum()) / total
            words = f"total variance {total:.2g}, this plane shows {100 * share:.0f} % of it"
        said.append(f"step {step:,}: {words}")
    history = pd.read_csv(model.artifact.path / "history.csv", usecols=["step", "loss"])
    # Averaged over neighbouring steps where there are many; early ones stay as they are.
    edges = np.unique(
        np.geomspace(1, max(history["step"].max(), 2), LOSS_POINTS).round().astype(int)
    )
    means = history.groupby(np.searchsorted(edges, history["step"])).agg(
        step=("step", "last"), value=("loss", "mean")
    )
    curves = [means.reset_index(drop=True).assign(panel="loss", series="loss").round({"value": 4})]
    for panel, rows, *series in (
        ("probe", stored.curve("probe"), "object", "context"),
        ("right", stored.curve("val"), "majority", "minority"),
    ):
        curves.append(
            pd.DataFrame(rows, columns=["step", *series])
            .melt("step", var_name="series")
            .assign(panel=panel)
        )
    return ModelTrack(
        title=title(model.artifact.condition),
        axes=(info.x_title, info.y_title),
        steps=stored.steps,
        shows=tuple((np.searchsorted(stored.steps, steps, side="right") - 1).tolist()),
        said=tuple(said),
        places=np.stack([model.values_at(comparison.rows, at) for at in places]),
        captions=tuple(here),
        caption_places=model.place(captions),
        curves=pd.concat(curves, ignore_index=True).astype({"step": int, "value": float}),
    )


def _training_in_words(curves: pd.DataFrame, groups: NDArray[np.str_], grouping: Grouping) -> str:
    """A training in numbers: what was read off before and after, on how many validation pictures,
    of `groups`."""
    series = {name: rows["value"].iloc[[0, -1]] for name, rows in curves.groupby("series")}
    first, last = series["loss"]
    found = [f"loss {first:.2f} at first and {last:.2f} at the end"]
    for name, what, n in (
        (
            "majority",
            "majority validation pictures right",
            np.isin(groups, grouping.majority).sum(),
        ),
        (
            "minority",
            "minority validation pictures right",
            np.isin(groups, grouping.minority).sum(),
        ),
        ("object", f"{grouping.object_word} read off by a linear probe", len(groups)),
        ("context", "background read off by a linear probe", len(groups)),
    ):
        if name in series:
            intervals = ((value, *wilson(value * n, n)) for value in series[name])
            first, end = (
                rate(dict(zip(("value", "low", "high"), one, strict=True))) for one in intervals
            )
            found.append(f"{what} {first} at first and {end} at the end (n = {n})")
    return "; ".join(found)


def _notes(recorded: Mapping[str, StoredSnapshots], steps: tuple[int, ...]) -> Iterator[str]:
    if any(stored.steps != steps for stored in recorded.values()):
        yield (
            "At a step where a model has no snapshot, its latest one before it stands; the line"
            " above says which."
        )
    if len({stored.steps[-1] for stored in recorded.values()}) > 1:
        ended = ", ".join(f"{name} at {stored.steps[-1]:,}" for name, stored in recorded.items())
        yield f"The trainings end at different steps ({ended}); one that has ended stands still."
    if any(len(stored.curve("probe")) == 0 for stored in recorded.values()):
        kept = "A set that is cut into folds keeps no pictures for curves of probes and accuracies"
        yield f"{kept}; the film is of its first fold."
    elif any(len(stored.curve("val")) == 0 for stored in recorded.values()):
        yield "Where labels name no object, no accuracy can be read off the captions."
    else:
        aside = "The curves are of pictures that are kept aside for them (the words say how many)"
        yield f"{aside}, not of the test ones of the board: their numbers differ by chance."
