"""Export of a model's map as a folder for the Embedding Projector of TensorBoard.

Row n of the tensors is row n of the metadata and cell n of the sprite, counted along its rows."""

import json
import math
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from vlcore.core.files import script
from vlcore.exports.table import THUMB_SIDE, MapTable

SPRITE_LIMIT = 8192  # px, the largest sprite that the projector draws
_GROUND = (255, 255, 255)
_COLUMNS = (
    "kind", "object", "context", "group", "minority", "caption", "predicted", "right", "id", "scene", "file_name",
)  # fmt: skip
_WORDS = {True: "yes", False: "no", None: ""}


def write_projector(export: MapTable, folder: Path) -> None:
    """Write ``tensors.tsv``, ``metadata.tsv``, ``sprite.png``, the configurations and a note into an empty folder."""
    np.savetxt(folder / "tensors.tsv", export.z, fmt="%.9g", delimiter="\t")  # nine digits hold a float32 exactly
    lines = [("label", *_COLUMNS)]  # the first column is what a point is labelled with
    for row in export.table.to_dict("records"):
        label = row["caption"] if row["kind"] == "caption" else row["group"]
        lines.append((label, *(_WORDS.get(row[name], row[name]) for name in _COLUMNS)))
    # A tab or a line end inside a value would move all that follow.
    text = "".join("\t".join(" ".join(str(cell).split()) for cell in line) + "\n" for line in lines)
    (folder / "metadata.tsv").write_text(text, encoding="utf-8", newline="")
    across = math.ceil(math.sqrt(len(export.pictures)))
    side = min(THUMB_SIDE, SPRITE_LIMIT // across)
    sprite = Image.new("RGB", (across * side, math.ceil(len(export.pictures) / across) * side), _GROUND)
    for number, content in enumerate(export.pictures):
        with Image.open(BytesIO(content)) as picture:
            picture.thumbnail((side, side))
            left, top = number % across * side, number // across * side
            sprite.paste(picture, (left + (side - picture.width) // 2, top + (side - picture.height) // 2))
    sprite.save(folder / "sprite.png")
    key, (rows, width) = export.model.artefact.key, export.z.shape
    (folder / "projector_config.pbtxt").write_text(script("projector.pbtxt").format(key=key, side=side))
    tensors = {
        "tensorName": key, "tensorShape": [rows, width], "tensorPath": "tensors.tsv", "metadataPath": "metadata.tsv",
        "sprite": {"imagePath": "sprite.png", "singleImageDim": [side, side]},
    }  # fmt: skip
    (folder / "projector_config.json").write_text(json.dumps({"embeddings": [tensors]}, indent=1) + "\n")
    captions = len(export.model.caption_z)
    note = script("projector.txt").format(key=key, pictures=rows - captions, captions=captions, width=width)
    (folder / "README.txt").write_text(note, encoding="utf-8")
