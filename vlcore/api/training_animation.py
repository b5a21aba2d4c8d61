"""Training animation: positions of images and captions at every checkpoint, with the curves of the
training.

Every checkpoint is projected onto the final principal plane, aligned as the final map, so that what
moves is the model and not the axes. The price: the plane shows less of the variance of earlier
checkpoints, and each says how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps, drawn_sample, sample_words
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.artifacts.embeddings import StoredCheckpoints
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import rate_words, title
from vlcore.metrics.estimate import wilson
from vlcore.plots.maps.animation import ModelTrack, animation_chart
from vlcore.plots.theme import Palette

LOSS_POINTS = 120  # of one curve
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class TrainingAnimation:
    """Trainings side by side.

    Attributes:
        points: one row an image.
        tracks: one a model.
        steps: those of which any model has a checkpoint, rising.
        grouping: the groups of the image set.
        words: what the animation shows, from its numbers.
        notes: what a visitor should know.
    """

    points: pd.DataFrame
    tracks: tuple[ModelTrack, ...]
    steps: tuple[int, ...]
    grouping: Grouping
    words: str
    notes: tuple[str, ...]

    def chart(self, palette: Palette, side: int) -> alt.ConcatChart:
        """The animated maps, each `side` px wide, with their curves."""
        return animation_chart(
            self.points, self.tracks, self.steps, palette=palette, grouping=self.grouping, side=side
        )


def animate_training(comparison: ComparedMaps) -> TrainingAnimation:
    """Animate one or two trainings on principal maps.

    Raises:
        ComparisonError: for other maps, or a model with fewer than two checkpoints.
    """
    trainings = {name: _checkpoints(model) for name, model in comparison.named.items()}
    comparison = _animated_images(comparison, trainings)
    total = len(comparison.points)
    comparison = replace(comparison, points=drawn_sample(comparison).points)
    steps = tuple(sorted({step for training in trainings.values() for step in training.steps}))
    tracks = tuple(
        _track(comparison, pane, training, steps)
        for pane, training in enumerate(trainings.values())
    )
    models = "one model" if len(trainings) == 1 else f"{len(trainings)} models"
    words = [
        f"Training animation of {models} in {len(steps)} checkpoints, from step {steps[0]:,} to"
        f" step {steps[-1]:,}: positions of held-out and training images and captions, with the"
        " curves below. The axes are fixed: every checkpoint is projected onto the principal plane"
        " of the final model."
    ]
    grouping = comparison.images.grouping
    groups = comparison.images.table["group"].to_numpy()
    for (name, model), track in zip(comparison.named.items(), tracks, strict=True):
        validation_groups = groups[model.artifact.embeddings.rows("val")]
        heading = track.title if len(trainings) == 1 else f"{name.capitalize()}, {track.title}"
        curves = _describe_curves(track.curves, validation_groups, grouping)
        words.append(f"{heading}: {curves}.")
    notes = tuple(_notes(trainings, steps))
    if comparison.is_large:
        notes = (f"What moves is {sample_words(len(comparison.points), total)}.", *notes)
    return TrainingAnimation(comparison.points, tracks, steps, grouping, " ".join(words), notes)


def _animated_images(
    comparison: ComparedMaps, trainings: Mapping[str, StoredCheckpoints]
) -> ComparedMaps:
    """The comparison of the images that checkpoints hold: maps of an imported set show more."""
    rows = [training.rows for training in trainings.values()]
    models = [model.among(stored) for model, stored in zip(comparison.models, rows, strict=True)]
    is_animated = np.isin(comparison.rows, np.concatenate(rows))
    points = comparison.points[is_animated].reset_index(drop=True)
    return replace(comparison, models=tuple(models), points=points)


def _checkpoints(model: ModelMap) -> StoredCheckpoints:
    name = f"“{title(model.artifact.condition)}”"
    if model.projection.kind != "pca":
        raise ComparisonError(
            "A training animation needs maps that project every checkpoint exactly; choose"
            " principal components."
        )
    checkpoints = model.artifact.checkpoints
    if not checkpoints.exist:
        raise ComparisonError(
            f"{name} has no training animation, for it was not trained here; choose trained models."
        )
    if len(checkpoints.steps) < 2:
        raise ComparisonError(
            f"{name} has one checkpoint only and no training animation; choose trained models."
        )
    return checkpoints


def _track(
    comparison: ComparedMaps, pane: int, checkpoints: StoredCheckpoints, steps: tuple[int, ...]
) -> ModelTrack:
    model, info = comparison.models[pane], comparison.infos[pane]
    on_map, training, caption_z = (
        checkpoints.vectors(name) for name in ("map", "train", "captions")
    )
    positions = model.place(np.concatenate([on_map, training], axis=1))  # (T, n, 2), as model.rows
    captions = comparison.captions.query("pane == @pane")["caption"].tolist()
    caption_z = caption_z[:, [model.captions.index(caption) for caption in captions]]
    latest = np.searchsorted(checkpoints.steps, steps, side="right") - 1
    return ModelTrack(
        title=title(model.artifact.condition),
        axes=(info.x_title, info.y_title),
        steps=checkpoints.steps,
        checkpoints=tuple(latest.tolist()),
        lines=tuple(
            f"step {step:,}: {_describe_variance(model, z)}"
            for step, z in zip(checkpoints.steps, on_map, strict=True)
        ),
        positions=np.stack([model.values_at(comparison.rows, points) for points in positions]),
        captions=tuple(captions),
        caption_positions=model.place(caption_z),
        curves=_curves(model, checkpoints),
    )


def _describe_variance(model: ModelMap, z: NDArray[np.floating]) -> str:
    """How much of the variance of a checkpoint the final plane shows; embeddings (n, E)."""
    total = float(z.astype(np.float64).var(axis=0).sum())
    if total < _NO_VARIANCE:
        return "all images are one point"
    share = float(model.plane.place(z).var(axis=0).sum()) / total
    return f"total variance {total:.2g}, this plane shows {100 * share:.0f} % of it"


def _curves(model: ModelMap, checkpoints: StoredCheckpoints) -> pd.DataFrame:
    """Loss, probes and accuracies: ``panel``, ``series``, ``step``, ``value``."""
    history = pd.read_csv(model.artifact.path / "history.csv", usecols=["step", "loss"])
    # Averaged over neighbouring steps where there are many; early ones stay as they are.
    edges = np.geomspace(1, max(history["step"].max(), 2), LOSS_POINTS).round().astype(int)
    bins = np.searchsorted(np.unique(edges), history["step"])
    loss = history.groupby(bins).agg(step=("step", "last"), value=("loss", "mean"))
    curves = [loss.assign(panel="loss", series="loss").round({"value": 4})]
    for panel, curve, series in (
        ("probe", "probe", ["object", "context"]),
        ("right", "val", ["majority", "minority"]),
    ):
        table = pd.DataFrame(checkpoints.curve(curve), columns=["step", *series])
        curves.append(table.melt("step", var_name="series").assign(panel=panel))
    return pd.concat(curves, ignore_index=True).astype({"step": int, "value": float})


def _describe_curves(curves: pd.DataFrame, groups: NDArray[np.str_], grouping: Grouping) -> str:
    """First and last value of each curve of a training; `groups` of its validation images, (n,)."""
    ends = {name: rows["value"].iloc[[0, -1]] for name, rows in curves.groupby("series")}
    first, last = ends["loss"]
    phrases = [f"loss {first:.2f} at first and {last:.2f} at the end"]
    n_majority = int(np.isin(groups, grouping.majority).sum())
    n_minority = int(np.isin(groups, grouping.minority).sum())
    for series, words, n in (
        ("majority", "majority-group validation accuracy", n_majority),
        ("minority", "minority-group validation accuracy", n_minority),
        ("object", f"linear-probe accuracy for the {grouping.object_word}", len(groups)),
        ("context", "linear-probe accuracy for the background", len(groups)),
    ):
        if series in ends:
            first, last = (_rate(value, n) for value in ends[series])
            phrases.append(f"{words} {first} at first and {last} at the end (n = {n})")
    return "; ".join(phrases)


def _rate(value: float, n: int) -> str:
    low, high = wilson(value * n, n)
    return rate_words({"value": value, "low": low, "high": high})


def _notes(trainings: Mapping[str, StoredCheckpoints], steps: tuple[int, ...]) -> Iterator[str]:
    if any(training.steps != steps for training in trainings.values()):
        yield (
            "At a step of which a model has no checkpoint, its latest one before is shown; the line"
            " above names it."
        )
    if len({training.steps[-1] for training in trainings.values()}) > 1:
        ends = ", ".join(
            f"{name} at {training.steps[-1]:,}" for name, training in trainings.items()
        )
        yield f"The trainings end at different steps ({ends}); one that has ended does not move."
    if any(len(training.curve("probe")) == 0 for training in trainings.values()):
        yield (
            "An image set in folds has no validation images for curves of probes and accuracies;"
            " the animation is of its first fold."
        )
    elif any(len(training.curve("val")) == 0 for training in trainings.values()):
        yield "Labels that name no object have no curves of accuracy."
    else:
        yield (
            "The curves are of validation images, not of the test images of the group accuracy"
            " panel: their numbers differ by chance."
        )
