"""Atlas of an image set: what a browser needs to play the trainings at every level of bias, without
a server.

One JSON document: the levels, label styles, moments and groups; the held-out pictures of the maps
as one sheet of small ones; and for each model, at each moment, where pictures and captions lie and
which pictures are right. Places are whole numbers in base64: little-endian uint16 of shape (T, n +
K, 2), from 0 to `UNITS` over one square for all models, so that spread is comparable. Each moment
is laid on the principal plane of its model's end; each map is turned onto its neighbour's, of the
label style before or the level below, which changes no distance. A picture counts as right where
the caption nearest to it speaks of its object: bits in base64, (T, n), the first bit the highest.
"""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.artifacts import store
from vlcore.artifacts.checkpoints import StoredSnapshots
from vlcore.data.imageset import ImageSet
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.version import __version__
from vlcore.experiment.wording import describe_bias
from vlcore.metrics.estimate import wilson
from vlcore.metrics.projection import align

UNITS = 4095
TILE, COLUMNS = 96, 20  # px of a small picture, and how many stand in a row of the sheet


def atlas(conditions: Sequence[Sequence[Condition]], images: ImageSet) -> dict[str, Any]:
    """The atlas of trained models of a set: a row of conditions for each level of bias, rising, of
    one condition for each label style. StoreError where a model is missing, ComparisonError where
    they were not watched at one and the same steps, or labels do not name the object."""
    models = [[model_map(store.read(one.key)) for one in level] for level in conditions]
    rows, n = models[0][0].rows[: models[0][0].held_out], models[0][0].held_out
    films = [[StoredSnapshots(model.artifact) for model in level] for level in models]
    steps = common_steps([film.steps for level in films for film in level])
    groups = images.table["group"].to_numpy()[rows]
    objects = images.table["object"].to_numpy()[rows]
    placed: list[list[NDArray[np.float64]]] = []
    made: list[list[dict[str, Any]]] = []
    for level, films_here in zip(models, films, strict=True):
        placed.append([])
        made.append([])
        for style, (model, film) in enumerate(zip(level, films_here, strict=True)):
            spoken = [
                caption.object
                for caption in captions_of(model.artifact.condition.labels, images.grouping)
            ]
            if not all(spoken):
                raise ComparisonError(
                    "An atlas says which pictures are right: choose labels that name the object."
                )
            at = [film.steps.index(step) for step in steps]
            z, captions = (
                film.vectors("map")[at].astype(float),
                film.vectors("captions")[at].astype(float),
            )
            right = (
                np.asarray(spoken)[np.einsum("tne,tke->tnk", z, captions).argmax(axis=2)] == objects
            )
            here = _turned(model, [*placed[-1][-1:], *(below[style] for below in placed[-2:-1])], n)
            placed[-1].append(here.points[:n])
            made[-1].append(
                {"places": here.place(np.concatenate([z, captions], axis=1)), "right": right}
            )
    ends = np.array(
        [
            end(one["places"], axis=(0, 1))
            for end in (np.min, np.max)
            for level in made
            for one in level
        ]
    )
    low, high = ends.min(axis=0), ends.max(axis=0)
    side = float((high - low).max())
    corner = (low + high - side) / 2
    names = images.grouping.names
    return {
        "format": 1,
        "version": __version__,
        "data": images.name,
        "data_version": images.version,
        "bias": [level[0].bias for level in conditions],
        "removed": [describe_bias(level[0]) for level in conditions],
        "styles": [one.labels for one in conditions[0]],
        "steps": steps,
        "captions": [list(model.captions) for model in models[0]],
        "groups": [group_words(images.grouping)[name] for name in names],
        "objects": [obj for obj, _ in images.grouping.pairs],
        "minority": [name in images.grouping.minority for name in names],
        "pictures": [names.index(group) for group in groups],
        "sheet": _sheet([images.image(row) for row in rows]),
        "tile": TILE,
        "columns": COLUMNS,
        "units": UNITS,
        "intervals": [wilson(right, n // 4) for right in range(n // 4 + 1)],
        "models": [
            [_written(one["right"], (one["places"] - corner) / side) for one in level]
            for level in made
        ],
    }


def common_steps(steps: Sequence[tuple[int, ...]]) -> list[int]:
    """The steps at which all trainings were watched: each has one more, where it first fitted its
    captions."""
    shared = sorted(set(steps[0]).intersection(*steps[1:]))
    if len(shared) < 2 or any(one[-1] != shared[-1] for one in steps):
        raise ComparisonError(
            "The models of an atlas were trained for the same steps; choose such ones."
        )
    return shared


def _turned(model: ModelMap, onto: Sequence[NDArray[np.float64]], n: int) -> ModelMap:
    return model.turned(align(model.points[:n], onto[0])) if onto else model


def _written(right: NDArray[np.bool_], places: NDArray[np.float64]) -> dict[str, str]:
    units = (places * UNITS).round().astype("<u2")
    return {"places": _base64(units.tobytes()), "right": _base64(np.packbits(right).tobytes())}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _sheet(pictures: Sequence[NDArray[np.uint8]]) -> str:
    """Small pictures beside and below each other, as a WebP in base64."""
    sheet, out = Image.new("RGB", (COLUMNS * TILE, -(-len(pictures) // COLUMNS) * TILE)), BytesIO()
    for number, picture in enumerate(pictures):
        small = Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(small, (number % COLUMNS * TILE, number // COLUMNS * TILE))
    sheet.save(out, format="WEBP", quality=50, method=6)
    return _base64(out.getvalue())
