"""Export of a model's map as a folder for the Embedding Projector of TensorBoard.

Row n of the tensors is row n of the metadata and cell n of the sprite, counted along its rows.
"""

from __future__ import annotations

import json
import math
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from vlcore.exports.table import THUMB_SIDE, MapTable

SPRITE_LIMIT = 8192  # px, the largest sprite that the projector draws
_GROUND = (255, 255, 255)
_COLUMNS = (
    "kind", "object", "context", "group", "minority", "caption", "predicted", "right", "id", "scene", "file_name",
)  # fmt: skip
_WORDS = {True: "yes", False: "no", None: ""}
_PBTXT = """embeddings {{
  tensor_name: "{key}"
  tensor_path: "tensors.tsv"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {side}
    single_image_dim: {side}
  }}
}}
"""
_HOW = """Embeddings of the model {key}, for the TensorFlow Embedding Projector.

With TensorBoard, thumbnails included:  tensorboard --logdir .    and then the tab Projector.
At projector.tensorflow.org: Load, then tensors.tsv and metadata.tsv; pictures come along only where all files lie on a
web server and the page is opened with ?config= and the address of projector_config.json, with full addresses in it.

{pictures} pictures and {captions} captions, {width} numbers each. Colour by group, kind or right.
"""


def write_projector(export: MapTable, folder: Path) -> None:
    """Write ``tensors.tsv``, ``metadata.tsv``, ``sprite.png``, the configurations and a note into an empty folder."""
    np.savetxt(folder / "tensors.tsv", export.z, fmt="%.9g", delimiter="\t")  # nine digits hold a float32 exactly
    (folder / "metadata.tsv").write_text(_metadata(export.table), encoding="utf-8", newline="")
    side = _sprite(export.pictures, folder / "sprite.png")
    key, (rows, width) = export.model.artefact.key, export.z.shape
    (folder / "projector_config.pbtxt").write_text(_PBTXT.format(key=key, side=side))
    tensors = {
        "tensorName": key,
        "tensorShape": [rows, width],
        "tensorPath": "tensors.tsv",
        "metadataPath": "metadata.tsv",
        "sprite": {"imagePath": "sprite.png", "singleImageDim": [side, side]},
    }
    (folder / "projector_config.json").write_text(json.dumps({"embeddings": [tensors]}, indent=1) + "\n")
    captions = len(export.model.caption_z)
    note = _HOW.format(key=key, pictures=rows - captions, captions=captions, width=width)
    (folder / "README.txt").write_text(note, encoding="utf-8")


def _metadata(table: pd.DataFrame) -> str:
    """The table with a head; the first column is what a point is labelled with."""
    lines = [("label", *_COLUMNS)]
    for row in table.to_dict("records"):
        label = row["caption"] if row["kind"] == "caption" else row["group"]
        lines.append((label, *(_WORDS.get(row[name], row[name]) for name in _COLUMNS)))
    # A tab or a line end inside a value would move all that follow.
    return "".join("\t".join(" ".join(str(cell).split()) for cell in line) + "\n" for line in lines)


def _sprite(pictures: tuple[bytes, ...], target: Path) -> int:
    """Write all pictures as one, row after row; returns the side of a cell in pixels."""
    across = math.ceil(math.sqrt(len(pictures)))
    side = min(THUMB_SIDE, SPRITE_LIMIT // across)
    sprite = Image.new("RGB", (across * side, math.ceil(len(pictures) / across) * side), _GROUND)
    for number, content in enumerate(pictures):
        with Image.open(BytesIO(content)) as picture:
            picture.thumbnail((side, side))
            left, top = number % across * side, number // across * side
            sprite.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))
    sprite.save(target)
    return side
