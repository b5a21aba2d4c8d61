"""Atlas of an image set: its trainings at every bias level, for a browser without a server.

One JSON document: the bias levels, label styles, steps and groups; the held-out images of the maps
as one sheet of small ones; and for each model, at each step, the positions of images and captions
and which images are predicted right. Positions are whole numbers in base64: little-endian uint16
of shape (T, n + K, 2), from 0 to `UNITS` over one square for all models, so that spread is
comparable. Each step is projected onto the principal plane of the model's end. Each map is aligned
with its neighbour's, of the label style before or the bias level below, which changes no distance.
An image counts as right where its nearest caption names its object: bits in base64, (T, n), the
first bit the highest.
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
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.version import __version__
from vlcore.experiment.wording import describe_bias
from vlcore.metrics.estimate import wilson
from vlcore.metrics.projection import align

UNITS = 4095
TILE, COLUMNS = 96, 20  # px of a small image, and how many are in a row of the sheet


@dataclass(frozen=True, eq=False)
class _AtlasModel:
    model: ModelMap  # aligned with its neighbour
    positions: NDArray[np.float64]  # of the images, then the captions, at each step, (T, n + K, 2)
    is_right: NDArray[np.bool_]  # (T, n)


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
    for level in artifacts:
        neighbour = levels[-1][0].model if levels else None
        levels.append([])
        for artifact in level:
            model = model_map(artifact)
            if neighbour is not None:
                held_out = slice(model.n_held_out)
                model = model.turned(align(model.points[held_out], neighbour.points[held_out]))
            levels[-1].append(_at_steps(model, images, steps))
            neighbour = model
    positions = np.concatenate(
        [entry.positions.reshape(-1, 2) for level in levels for entry in level]
    )
    low, high = positions.min(axis=0), positions.max(axis=0)
    side = float((high - low).max())
    corner = (low + high - side) / 2
    first = levels[0][0].model
    rows = first.rows[: first.n_held_out]
    n_group = len(rows) // 4
    grouping = images.grouping
    return {
        "format": 1,
        "version": __version__,
        "data": images.name,
        "data_version": images.version,
        "bias": [level[0].bias for level in conditions],
        "removed": [describe_bias(level[0]) for level in conditions],
        "styles": [condition.labels for condition in conditions[0]],
        "steps": steps,
        "captions": [list(entry.model.captions) for entry in levels[0]],
        "groups": [group_words(grouping)[name] for name in grouping.names],
        "objects": [object_name for object_name, _ in grouping.pairs],
        "minority": [name in grouping.minority for name in grouping.names],
        "pictures": [grouping.names.index(group) for group in images.table["group"].iloc[rows]],
        "sheet": _sheet([images.image(row) for row in rows]),
        "tile": TILE,
        "columns": COLUMNS,
        "units": UNITS,
        "intervals": [wilson(right, n_group) for right in range(n_group + 1)],
        "models": [[_packed(entry, corner, side) for entry in level] for level in levels],
    }


def common_steps(steps: Sequence[tuple[int, ...]]) -> list[int]:
    """The steps of which all trainings have a checkpoint; each has one more, its fit step."""
    common = sorted(set(steps[0]).intersection(*steps[1:]))
    if len(common) < 2 or any(own_steps[-1] != common[-1] for own_steps in steps):
        raise ComparisonError(
            "The models of an atlas need the same number of steps; choose such models."
        )
    return common


def _at_steps(model: ModelMap, images: ImageSet, steps: Sequence[int]) -> _AtlasModel:
    """Positions and right predictions of a model at training steps."""
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
    return _AtlasModel(model, positions, named_objects[nearest] == objects)


def _packed(entry: _AtlasModel, corner: NDArray[np.float64], side: float) -> dict[str, str]:
    units = ((entry.positions - corner) / side * UNITS).round().astype("<u2")
    bits = np.packbits(entry.is_right)
    return {"places": _base64(units.tobytes()), "right": _base64(bits.tobytes())}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _sheet(images: Sequence[NDArray[np.uint8]]) -> str:
    """Small images in rows, as a WebP in base64."""
    rows = -(-len(images) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * TILE))
    for number, image in enumerate(images):
        row, column = divmod(number, COLUMNS)
        small = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(small, (column * TILE, row * TILE))
    content = BytesIO()
    sheet.save(content, format="WEBP", quality=50, method=6)
    return _base64(content.getvalue())
