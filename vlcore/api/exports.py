"""Export of a model as one file for other tools: its map as parquet, or its weights as
safetensors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vlcore.api.model_map import ModelMap, image_captions, model_map
from vlcore.artifacts.store import Artifact, StoreError
from vlcore.data.imageset import ImageSet, tile
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import atomic, write_errors
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.wording import title
from vlcore.plots.thumbnails import thumb

if TYPE_CHECKING:
    from vlcore.api.models import Model

NEIGHBOURS = 10
THUMB_SIDE = 96  # px, the longest side of an image
COLUMNS = ["id", "kind", "object", "context", "group", "minority", "caption", "predicted", "right"]
COLUMNS += ["scene", "file_name", "x", "y"]


@dataclass(frozen=True)
class ExportFormat:
    """A way to write a model as one file for other tools."""

    write: Callable[[Model, Path, Progress], object]
    # a command, or Python, with {out} as a shell and {text} as Python reads the file's name
    open_with: str
    needs_weights: bool = False


def export(model: Model, form: str, out: str | Path, progress: Progress = silent) -> dict[str, int]:
    """Write a model as one file for other tools, in place of an older one.

    Args:
        model: as `vlcore.train` and `vlcore.load` return it.
        form: ``parquet`` (map, embeddings and images: Embedding Atlas, Hugging Face datasets,
            pandas) or ``safetensors`` (weights).
        out: the file.
        progress: is told how many images are drawn.

    Returns:
        The size of the file in bytes, by its name.

    Raises:
        StoreError: when it has no weights and they are needed.
        HomeError: when the file cannot be written; nothing is left behind.
        LabError: when there is no such format.

    >>> import vlcore as vl
    >>> model = vl.train(vl.Condition(steps=12))
    >>> vl.export(model, "parquet", "model.parquet")  # doctest: +SKIP
    """
    artifact, out = model.artifact, Path(out).absolute()
    if form not in FORMATS:
        raise LabError(f"No format is named {form!r}; choose one of {', '.join(FORMATS)}.")
    file_format = FORMATS[form]
    if file_format.needs_weights and not artifact.kind.has_weights:
        reason = "holds embeddings computed elsewhere and no weights; choose --format parquet."
        if artifact.kind is ArtifactKind.PRETRAINED:
            name = artifact.json("checkpoint.json")["name"]
            reason = f"is the checkpoint {name}, which transformers opens; it has no own weights."
        raise StoreError(f"{artifact.key} {reason}")
    with write_errors(out, "give --out another place"), atomic(out) as partial_file:
        file_format.write(model, partial_file, progress)
    return {out.name: out.stat().st_size}


def _write_parquet(model: Model, out: Path, progress: Progress) -> None:
    out.write_bytes(parquet_bytes(model.artifact, model.images, progress))


def _write_safetensors(model: Model, out: Path, _progress: Progress) -> None:
    shutil.copyfile(model.artifact.path / "model.safetensors", out)


FORMATS = {
    "parquet": ExportFormat(
        _write_parquet, "embedding-atlas {out} --x x --y y --image image --neighbors neighbors"
    ),
    "safetensors": ExportFormat(
        _write_safetensors,
        "from safetensors.torch import load_file; load_file({text})",
        needs_weights=True,
    ),
}


def parquet_bytes(artifact: Artifact, images: ImageSet, progress: Progress = silent) -> bytes:
    """The map of a model, as the Compare page shows it, as one parquet file.

    A row for each image, then one for each caption: `COLUMNS`, of which ``kind`` is "test",
    "training" or "caption", null where a row has none; its ``embedding`` (list of float32); its
    ``image`` (a struct of bytes and path, which Hugging Face's ``datasets`` and Embedding Atlas
    show), the longest side `THUMB_SIDE`, of a caption a tile with its words; and its ``neighbors``
    (a struct of ids, which are row numbers, and cosine distances in the full space, as Embedding
    Atlas reads it). ImageSetError when an image cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.neighbors import NearestNeighbors

    model = model_map(artifact)
    images.ensure_rendered(model.rows.tolist(), progress)
    captions = model.captions[: len(model.caption_z)]
    caption_rows = pd.DataFrame({"kind": "caption", "caption": captions})
    caption_rows["id"] = [f"caption{number}" for number in range(len(captions))]
    table = pd.concat([_image_rows(model, images), caption_rows], ignore_index=True)
    table[["x", "y"]] = np.concatenate([model.points, model.caption_points])
    z = np.concatenate([model.z, model.caption_z]).astype(np.float32)
    table["embedding"] = list(z)
    pixels = [images.image(int(row)) for row in model.rows]
    for words in map(str.split, captions):
        half = (len(words) + 1) // 2
        pixels.append(tile(" ".join(words[:half]), " ".join(words[half:])))
    table["image"] = [
        {"bytes": thumb(array, THUMB_SIDE), "path": f"{name}.webp"}
        for name, array in zip(table["id"], pixels, strict=True)
    ]
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(z) - 1), metric="cosine")
    table["neighbors"] = [
        {"ids": ids, "distances": distances}
        for distances, ids in zip(*nearest.fit(z).kneighbors(), strict=True)
    ]
    types = dict.fromkeys(COLUMNS, pa.string()) | {
        "minority": pa.bool_(),
        "right": pa.bool_(),
        "x": pa.float64(),
        "y": pa.float64(),
        "embedding": pa.list_(pa.float32()),
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "neighbors": pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())}),
    }
    about = {
        "key": artifact.key,
        "title": title(artifact.condition),
        "image_set": images.name,
        "image_set_version": images.version,
        "licence_of_pictures": str(images.about.get("licence", "not stated")),
        "captions": list(model.captions),
        "condition": artifact.condition.as_dict(),
        "rows": describe_rows(model),
    }
    features = {"info": {"features": {"image": {"_type": "Image"}}}}
    metadata = {"huggingface": json.dumps(features), "vlcore": json.dumps(about)}
    columns = pa.Table.from_pandas(table, pa.schema(types.items()), preserve_index=False)
    content = pa.BufferOutputStream()
    pq.write_table(columns.replace_schema_metadata(metadata), content)
    return content.getvalue().to_pybytes()


def _image_rows(model: ModelMap, images: ImageSet) -> pd.DataFrame:
    table = images.table.iloc[model.rows].reset_index(drop=True)
    predicted = model.predicted_objects(images.grouping.objects)
    return table[["object", "context", "group", "scene", "file_name"]].assign(
        id=[f"p{row}" for row in model.rows],
        kind=np.where(table.index < model.n_held_out, "test", "training"),
        minority=table["group"].isin(images.grouping.minority),
        predicted=predicted,
        caption=[text or None for text in image_captions(model, images, model.rows)],
        right=None if predicted is None else predicted == table["object"].to_numpy(),
    )


def describe_rows(model: ModelMap) -> str:
    """Which images are rows of the table: those of the map, not all that the metrics rest on."""
    n_test = len(model.artifact.embeddings.rows("test"))
    return (
        f"{model.n_held_out:,} of {n_test:,} held-out images (those that maps show, as many of each"
        f" group) and {len(model.rows) - model.n_held_out:,} training images; all embeddings are in"
        f" {model.artifact.key}/embeddings.npz"
    )
