"""Table of what a model's map shows, for other tools: a row for each picture and each caption, with
its embedding."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.model_map import ModelMap, model_map, picture_captions, predictions
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet, tile
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.wording import title
from vlcore.model.artifact_files import StoredEmbeddings
from vlcore.plots.thumbnails import thumb_uri

THUMB_SIDE = 96  # px, the longest side of a picture
COLUMNS = [
    "id",
    "kind",
    "object",
    "context",
    "group",
    "minority",
    "caption",
    "predicted",
    "right",
    "scene",
    "file_name",
    "x",
    "y",
]


@dataclass(frozen=True, eq=False)
class MapTable:
    """What a model's map shows, as other tools want it: one row a picture, then one a caption."""

    model: ModelMap
    about: dict[
        str, Any
    ]  # what the file says of itself: key, title, image set, licence, captions, condition
    table: (
        pd.DataFrame
    )  # `COLUMNS`, None where a row has none; the ``kind`` is "test", "training" or "caption"
    z: NDArray[np.float32]  # embeddings of the rows, (n, E)
    pictures: tuple[
        bytes, ...
    ]  # WebP files, the longest side `THUMB_SIDE`; of a caption a tile with its words


def shown(artifact: Artifact, images: ImageSet, progress: Progress = silent) -> MapTable:
    """What the map of a model shows, as the Compare page does; ImageSetError when a picture cannot
    be read."""
    model, condition = model_map(artifact), artifact.condition
    images.ensure_rendered(model.rows.tolist(), progress)
    facts = images.table.iloc[model.rows].reset_index(drop=True)
    predicted = predictions(model, images.grouping)
    pictures = facts[["object", "context", "group", "scene", "file_name"]].assign(
        id=[f"p{row}" for row in model.rows],
        kind=np.where(facts.index < model.held_out, "test", "training"),
        minority=facts["group"].isin(images.grouping.minority),
        predicted=predicted,
        caption=[text or None for text in picture_captions(model, images, model.rows)],
        right=None if predicted is None else predicted == facts["object"].to_numpy(),
    )
    captions = model.captions[: len(model.caption_z)]
    ids = [f"caption{number}" for number in range(len(captions))]
    table = pd.concat(
        [pictures, pd.DataFrame({"id": ids, "kind": "caption", "caption": captions})],
        ignore_index=True,
    )
    table[["x", "y"]] = np.concatenate([model.points, model.caption_points])
    files = [images.image(int(row)) for row in model.rows]
    for words in map(
        str.split, captions
    ):  # a caption has its words on two lines, in place of a picture
        half = (len(words) + 1) // 2
        files.append(tile(" ".join(words[:half]), " ".join(words[half:])))
    about = {
        "key": artifact.key,
        "title": title(condition),
        "image_set": images.name,
        "image_set_version": images.version,
        "licence_of_pictures": str(images.about.get("licence", "not stated")),
        "captions": list(model.captions),
        "condition": condition.as_dict(),
        "rows": rows_in_words(model),
    }
    shown = table[COLUMNS].astype(object).where(table.notna(), None)
    z = np.concatenate([model.z, model.caption_z]).astype(np.float32)
    thumbs = (thumb_uri(file, THUMB_SIDE) for file in files)
    return MapTable(
        model, about, shown, z, tuple(base64.b64decode(uri.partition(",")[2]) for uri in thumbs)
    )


def rows_in_words(model: ModelMap) -> str:
    """Which pictures are among the rows: those of the map, not all that the measures rest on."""
    every = len(StoredEmbeddings(model.artifact).rows("test"))
    shown = (
        f"{model.held_out:,} of {every:,} held-out pictures (those that maps show, as many of each"
        " group)"
    )
    trained = f"{len(model.rows) - model.held_out:,} training pictures"
    return f"{shown} and {trained}; all embeddings are in {model.artifact.key}/embeddings.npz"
