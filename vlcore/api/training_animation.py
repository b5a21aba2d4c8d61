"""Training animation: positions of images and captions at every checkpoint, with the curves of the
training.

Every checkpoint is projected onto the final principal plane, aligned as the final map, so that what
moves is the model and not the axes. The price: the plane shows less of the variance of earlier
checkpoints, and each says how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps, drawn_sample, row_numbers, sample_words
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.small_images import small_files
from vlcore.artifacts.embeddings import StoredCheckpoints
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import rate_words, title
from vlcore.metrics.estimate import wilson
from vlcore.plots.maps.drawing import Extent, MapInfo, extent_of, map_drawing
from vlcore.plots.maps.table import image_columns, packed
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_sheet

LOSS_POINTS = 120  # of one curve
LOSS = "loss"
PANELS = {LOSS: "loss", "probe": "read off by a linear probe", "right": "accuracy by captions"}
ABSENT = 65535  # in a column of positions; those before lead from one edge of a map to the other
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class ModelTrack:
    """One model's part of an animation, with T checkpoints of its own, of n images and K captions.

    Positions are NaN where an image is not in this model's map. The curves have `panel` (of
    `PANELS`), `series`, `step` and `value`: two series per panel at most.
    """

    info: MapInfo  # the words around its map, at its last checkpoint
    steps: tuple[int, ...]  # training steps of its checkpoints, ascending, T
    checkpoints: tuple[int, ...]  # the index of the one that each position of the slider shows
    positions: NDArray[np.float64]  # of the images, (T, n, 2)
    captions: tuple[str, ...]  # on its map, K
    caption_positions: NDArray[np.float64]  # (T, K, 2)
    lines: tuple[str, ...]  # the words over the map, for each checkpoint
    curves: pd.DataFrame

    @property
    def extent(self) -> Extent:
        """The extent of all that the animation ever shows: the axes stay as they are."""
        return extent_of([self.positions, self.caption_positions])

    @property
    def frames(self) -> NDArray[np.uint16]:
        """The positions of images and captions, (T, n + K, 2), as numbers from the left and lower
        edge of the map to the opposite one, `ABSENT` where there is none."""
        places = np.concatenate([self.positions, self.caption_positions], axis=1)
        low, high = np.transpose(self.extent)
        numbers = (places - low) / (high - low) * (ABSENT - 1)
        return np.where(np.isnan(places), ABSENT, numbers.round()).astype(np.uint16)


@dataclass(frozen=True, eq=False)
class TrainingAnimation:
    """Trainings side by side.

    Attributes:
        images: the image set.
        points: one row per image.
        tracks: one per model.
        steps: those of which any model has a checkpoint, rising.
        words: what the animation shows, from its numbers.
        notes: what a visitor should know.
    """

    images: ImageSet
    points: pd.DataFrame
    tracks: tuple[ModelTrack, ...]
    steps: tuple[int, ...]
    words: str
    notes: tuple[str, ...]

    def drawing(self, palette: Palette, side: int) -> dict[str, Any]:
        """Describe how the moving maps look, each `side` px wide, with their curves: as
        `vlcore.plots.maps.drawing.map_drawing`, with the moments of the training."""
        drawing = map_drawing(
            self.points,
            pd.concat([_captions(track, pane) for pane, track in enumerate(self.tracks)]),
            [track.info for track in self.tracks],
            palette=palette,
            grouping=self.images.grouping,
            side=side,
            kind="frames",
            extents=[track.extent for track in self.tracks],
        )
        high = max(_of_panel(track, LOSS)["value"].max() for track in self.tracks)
        panes = [
            {
                "column": f"frames{pane}",
                "checkpoints": track.checkpoints,
                "lines": track.lines,
                "curves": _curve_drawings(track, float(high)),
            }
            for pane, track in enumerate(self.tracks)
        ]
        frames = {"steps": self.steps, "at": len(self.steps) - 1, "panes": panes}
        return {**drawing, "frames": frames}

    def table(self, sheet: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Pack the images with their positions at every checkpoint."""
        rows, grouping = row_numbers(self.points), self.images.grouping
        columns = image_columns(self.points, rows, len(self.tracks), grouping)
        columns |= {f"frames{pane}": track.frames for pane, track in enumerate(self.tracks)}
        return packed(columns, rows, sheet)

    def inline(self, palette: Palette, side: int) -> dict[str, Any]:
        """All that the component needs where there is no server: how the maps look, in words too,
        with their table and their small images inside."""
        sheet = thumb_sheet(small_files(self.images, row_numbers(self.points).tolist()))
        return {
            **self.drawing(palette, side),
            "table": self.table(sheet),
            "colourTable": None,
            "thumbs": "",
            "alt": self.words,
        }


def _captions(track: ModelTrack, pane: int) -> pd.DataFrame:
    """The captions of a map at its last checkpoint."""
    x, y = track.caption_positions[-1].T
    return pd.DataFrame({"caption": track.captions, "pane": pane, "x": x, "y": y})


def _of_panel(track: ModelTrack, panel: str) -> pd.DataFrame:
    return track.curves[track.curves["panel"] == panel]


def _curve_drawings(track: ModelTrack, high: float) -> list[dict[str, Any]]:
    """The curves of a model, one drawing per panel that it has; the axis of losses ends at
    `high`."""
    drawings = []
    for panel, words in PANELS.items():
        series = [
            {"name": name, "steps": rows["step"].tolist(), "values": rows["value"].tolist()}
            for name, rows in _of_panel(track, panel).groupby("series", sort=False)
        ]
        is_share = panel != LOSS
        if series:
            end = 1.0 if is_share else high
            drawings.append({"title": words, "high": end, "isShare": is_share, "series": series})
    return drawings


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
    for model, track in zip(comparison.models, tracks, strict=True):
        validation_groups = groups[model.artifact.embeddings.rows("val")]
        curves = _describe_curves(track.curves, validation_groups, grouping)
        words.append(f"{track.info.title}: {curves}.")
    notes = tuple(_notes(trainings, steps))
    if comparison.is_large:
        notes = (f"What moves is {sample_words(len(comparison.points), total)}.", *notes)
    return TrainingAnimation(
        comparison.images, comparison.points, tracks, steps, " ".join(words), notes
    )


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
    lines = [
        f"step {step:,}: {_describe_variance(model, z)}"
        for step, z in zip(checkpoints.steps, on_map, strict=True)
    ]
    return ModelTrack(
        info=replace(info, subtitle=lines[-1]),
        steps=checkpoints.steps,
        checkpoints=tuple(latest.tolist()),
        lines=tuple(lines),
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
    return f"total variance {total:.2g}, this plane shows {100 * share:.0f}% of it"


def _curves(model: ModelMap, checkpoints: StoredCheckpoints) -> pd.DataFrame:
    """Loss, probes and accuracies: ``panel``, ``series``, ``step``, ``value``."""
    history = pd.read_csv(model.artifact.path / "history.csv", usecols=["step", "loss"])
    # Averaged over neighbouring steps where there are many; early ones stay as they are.
    edges = np.geomspace(1, max(history["step"].max(), 2), LOSS_POINTS).round().astype(int)
    bins = np.searchsorted(np.unique(edges), history["step"])
    loss = history.groupby(bins).agg(step=("step", "last"), value=("loss", "mean"))
    curves = [loss.assign(panel=LOSS, series="loss").round({"value": 4})]
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
        ("majority", "accuracy on common validation images", n_majority),
        ("minority", "accuracy on rare validation images", n_minority),
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
        yield "Captions that name no object have no curves of accuracy."
    else:
        yield (
            "The curves are of validation images, not of the test images of the group accuracy"
            " panel: their numbers differ by chance."
        )
