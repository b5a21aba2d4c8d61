"""Atlas of an image set: its trainings at every bias level, for a browser without a server.

One JSON document: the bias levels, label styles, steps and groups; the held-out images of the maps
as a packed table (`vlcore.plots.maps.table`) with a sheet of small ones; and for each model, at
each step, the positions of images and captions and which images are predicted right.

Positions are whole numbers in base64: little-endian uint16 of shape (T, n + K, 2), from 0 to
`UNITS` over one square for all models, so that spread is comparable. K counts the captions of all
label styles; those that a model does not read are `ABSENT`. Each step is projected onto the
principal plane of the model's end. Each map is aligned with its neighbour's, of the label style
before or the bias level below, which changes no distance. `boxes` has for each step the middle and
the side of the square that holds all positions at this step and at the end.

An image counts as right where its nearest caption names its object: bits in base64, (T, n), the
first bit the highest, and `counts` for each step and group.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.artifacts import store
from vlcore.data.imageset import ImageSet
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.version import __version__
from vlcore.experiment.wording import describe_bias
from vlcore.metrics.estimate import wilson
from vlcore.metrics.projection import align
from vlcore.plots.maps.table import packed

UNITS, ABSENT = 4095, 65535
TILE, COLUMNS = 96, 20  # px of a small image, and how many are in a row of the sheet


@dataclass(frozen=True, eq=False)
class _AtlasModel:
    model: ModelMap  # aligned with its neighbour
    positions: NDArray[np.float64]  # of images and captions, (T, n + K, 2), NaN where absent
    is_right: NDArray[np.bool_]  # (T, n)

    def counts(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the right images of each group at each step, (T, groups)."""
        per_group = [self.is_right[:, groups == group].sum(axis=1) for group in np.unique(groups)]
        return np.stack(per_group, axis=1)


def atlas(conditions: Sequence[Sequence[Condition]], images: ImageSet) -> dict[str, Any]:
    """Build the atlas of trained models of an image set.

    Args:
        conditions: a row for each bias level, rising, of one condition for each label style.
        images: the image set.

    Raises:
        StoreError: when a model is missing.
        ComparisonError: when the models have no common steps, or labels do not name the object.
    """
    artifacts = [[store.read(condition.key) for condition in level] for level in conditions]
    steps = common_steps([model.checkpoints.steps for level in artifacts for model in level])
    levels: list[list[_AtlasModel]] = []
    n_captions = [len(captions_of(one.labels, images.grouping)) for one in conditions[0]]
    for level in artifacts:
        neighbour = levels[-1][0].model if levels else None
        levels.append([])
        for style, artifact in enumerate(level):
            others = sum(n_captions[:style]), sum(n_captions[style + 1 :])
            model = model_map(artifact)
            if neighbour is not None:
                held_out = slice(model.n_held_out)
                model = model.turned(align(model.points[held_out], neighbour.points[held_out]))
            levels[-1].append(_at_steps(model, images, steps, others))
            neighbour = model
    positions = np.concatenate(
        [entry.positions.reshape(-1, 2) for level in levels for entry in level]
    )
    low, high = np.nanmin(positions, axis=0), np.nanmax(positions, axis=0)
    side = float((high - low).max())
    corner = (low + high - side) / 2
    first = levels[0][0].model
    rows = first.rows[: first.n_held_out]
    grouping = images.grouping
    names = images.table["group"].iloc[rows]
    groups = np.array([grouping.names.index(name) for name in names])
    minority = np.array([name in grouping.minority for name in grouping.names])
    n_group = len(rows) // len(grouping.names)
    bias = [level[0].bias for level in conditions]
    riddle = _riddle_level(levels, groups, minority, n_group)
    columns = {
        "group": groups,
        "object": groups // 2,
        "minority": minority[groups],
        "kind": np.ones(len(rows), dtype=bool),  # held out
    }
    return {
        "format": 2,
        "version": __version__,
        "data": images.name,
        "data_version": images.version,
        "bias": bias,
        "removed": [describe_bias(level[0]).removeprefix("bias ") for level in conditions],
        "riddle": riddle,
        "studied": bias.index(STUDY_BIAS) if STUDY_BIAS in bias else riddle,
        "styles": [condition.labels for condition in conditions[0]],
        "steps": steps,
        "captions": [list(entry.model.captions) for entry in levels[0]],
        "groups": [group_words(grouping)[name] for name in grouping.names],
        "minority": minority.tolist(),
        "table": packed(columns, rows, _sheet([images.image(row) for row in rows])),
        "intervals": [wilson(right, n_group) for right in range(n_group + 1)],
        "models": [[_packed(entry, corner, side, groups) for entry in level] for level in levels],
    }


def _riddle_level(
    levels: Sequence[Sequence[_AtlasModel]],
    groups: NDArray[np.int64],
    minority: NDArray[np.bool_],
    n_group: int,
) -> int:
    """Find the least bias with which the first label style fails on most images of each rare group;
    the greatest bias if none does."""
    for level, (first, *_) in enumerate(levels):
        if (first.counts(groups)[-1, minority] < n_group / 2).all():
            return level
    return len(levels) - 1


def common_steps(steps: Sequence[tuple[int, ...]]) -> list[int]:
    """The steps of which all trainings have a checkpoint; each has one more, its fit step."""
    common = sorted(set(steps[0]).intersection(*steps[1:]))
    if len(common) < 2 or any(own_steps[-1] != common[-1] for own_steps in steps):
        raise ComparisonError(
            "The models of an atlas need the same number of steps; choose such models."
        )
    return common


def _at_steps(
    model: ModelMap, images: ImageSet, steps: Sequence[int], others: tuple[int, int]
) -> _AtlasModel:
    """Collect positions and right predictions of a model at training steps; of the captions of
    other label styles, so many come before and after its own."""
    labels = model.artifact.condition.labels
    named_objects = np.array([caption.object for caption in captions_of(labels, images.grouping)])
    if not all(named_objects):
        raise ComparisonError(
            "An atlas shows which images are predicted right: choose labels that name the object."
        )
    checkpoints = model.artifact.checkpoints
    indices = [checkpoints.steps.index(step) for step in steps]
    z = checkpoints.vectors("map")[indices].astype(float)
    caption_z = checkpoints.vectors("captions")[indices].astype(float)
    nearest = np.einsum("tne,tke->tnk", z, caption_z).argmax(axis=2)
    objects = images.table["object"].to_numpy()[model.rows[: model.n_held_out]]
    positions = model.place(np.concatenate([z, caption_z], axis=1))
    images_end = z.shape[1]
    own = np.pad(positions[:, images_end:], ((0, 0), others, (0, 0)), constant_values=np.nan)
    whole = np.concatenate([positions[:, :images_end], own], axis=1)
    return _AtlasModel(model, whole, named_objects[nearest] == objects)


def _packed(
    entry: _AtlasModel, corner: NDArray[np.float64], side: float, groups: NDArray[np.int64]
) -> dict[str, Any]:
    units = ((entry.positions - corner) / side * UNITS).round()
    places = np.where(np.isnan(units), ABSENT, units).astype("<u2")
    return {
        "places": _base64(places.tobytes()),
        "boxes": _boxes(units),
        "right": _base64(np.packbits(entry.is_right).tobytes()),
        "counts": entry.counts(groups).tolist(),
    }


def _boxes(units: NDArray[np.float64]) -> list[list[float]]:
    """Return the middle (x, y) and the side of each step's square, which holds the positions of the
    end too."""
    low = np.minimum(np.nanmin(units, axis=1), np.nanmin(units[-1], axis=0))
    high = np.maximum(np.nanmax(units, axis=1), np.nanmax(units[-1], axis=0))
    sides = (high - low).max(axis=1, keepdims=True)
    return np.hstack([(low + high) / 2, sides]).tolist()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _sheet(images: Sequence[NDArray[np.uint8]]) -> dict[str, Any]:
    """Put small images into rows of one WebP."""
    rows = -(-len(images) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * TILE))
    for number, image in enumerate(images):
        row, column = divmod(number, COLUMNS)
        small = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(small, (column * TILE, row * TILE))
    content = BytesIO()
    sheet.save(content, format="WEBP", quality=50, method=6)
    uri = f"data:image/webp;base64,{_base64(content.getvalue())}"
    return {"uri": uri, "tile": TILE, "across": COLUMNS}
