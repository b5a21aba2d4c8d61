"""Table of what a model's map shows, for other tools: a row for each picture and each caption, with its embedding.

What is exported is what the Compare page shows: the balanced held-out reference set and the training pictures.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.thumbnails import thumb_uri
from vlcore.compare.model_map import ModelMap, model_map, picture_captions, predictions
from vlcore.core.wording import title
from vlcore.datasets.imageset import ImageSet, Progress, silent, tile
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.artefacts import Artefact

THUMB_SIDE = 96  # px, the longest side of a picture


@dataclass(frozen=True, eq=False)
class MapTable:
    """What a model's map shows, as other tools want it.

    Attributes:
        model: the map.
        about: what the file says of itself: key, title, image set, licence, captions, condition.
        table: one row a picture, then one a caption: ``id``, ``kind`` ("test", "training" or "caption"), ``object``,
            ``context``, ``group``, ``minority``, ``caption``, ``predicted``, ``right``, ``scene``, ``file_name``,
            ``x``, ``y``. What a row does not have is None.
        z: their embeddings, (n, E).
        pictures: a WebP file for each row, its longest side `THUMB_SIDE`; of a caption a tile with its words.
    """

    model: ModelMap
    about: dict[str, Any]
    table: pd.DataFrame
    z: NDArray[np.float32]
    pictures: tuple[bytes, ...]


def shown(artefact: Artefact, images: ImageSet, progress: Progress = silent) -> MapTable:
    """What the map of a model shows.

    Raises:
        ImageSetError: when a picture cannot be read.
    """
    model = model_map(artefact)
    images.ensure_rendered(model.rows.tolist(), progress)
    captions = model.captions[: len(model.caption_z)]
    spoken = pd.DataFrame(
        {
            "id": [f"caption{number}" for number in range(len(captions))],
            "kind": "caption",
            "caption": captions,
            "x": model.caption_points[:, 0],
            "y": model.caption_points[:, 1],
        }
    )
    table = pd.concat([_pictures(model, images), spoken], ignore_index=True)
    files = [images.image(int(row)) for row in model.rows] + [_caption_tile(text) for text in captions]
    return MapTable(
        model=model,
        about={
            "key": artefact.key,
            "title": title(artefact.condition),
            "image_set": images.name,
            "image_set_version": images.version,
            "licence_of_pictures": str(images.about.get("licence", "not stated")),
            "captions": list(model.captions),
            "condition": artefact.condition.as_dict(),
            "rows": rows_in_words(artefact, model),
        },
        table=table.astype(object).where(table.notna(), None),
        z=np.concatenate([model.z, model.caption_z]).astype(np.float32),
        pictures=tuple(base64.b64decode(thumb_uri(file, THUMB_SIDE).partition(",")[2]) for file in files),
    )


def rows_in_words(artefact: Artefact, model: ModelMap) -> str:
    """Which pictures are among the rows: those of the map, not all that the measures rest on."""
    every = len(StoredEmbeddings(artefact).rows("test"))
    return (
        f"{model.held_out:,} of {every:,} held-out pictures (those that maps show, as many of each group) and "
        f"{len(model.rows) - model.held_out:,} training pictures; all embeddings are in {artefact.key}/embeddings.npz"
    )


def _pictures(model: ModelMap, images: ImageSet) -> pd.DataFrame:
    grouping = images.grouping
    table = images.table.iloc[model.rows]
    predicted = predictions(model, grouping)
    right = None if predicted is None else predicted == table["object"].to_numpy()
    return pd.DataFrame(
        {
            "id": [f"p{row}" for row in model.rows],
            "kind": np.where(np.arange(len(model.rows)) < model.held_out, "test", "training"),
            **{name: table[name].to_numpy() for name in ("object", "context", "group")},
            "minority": np.isin(table["group"], grouping.minority),
            "caption": [text or None for text in picture_captions(model, images, model.rows)],
            "predicted": predicted,
            "right": right,
            **{name: table[name].to_numpy() for name in ("scene", "file_name")},
            "x": model.points[:, 0],
            "y": model.points[:, 1],
        }
    )


def _caption_tile(text: str) -> NDArray[np.uint8]:
    """The words of a caption on two lines, in place of a picture."""
    words = text.split()
    half = (len(words) + 1) // 2
    return tile(" ".join(words[:half]), " ".join(words[half:]))
