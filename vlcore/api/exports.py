"""Export of a model as one file for other tools: its map as parquet, or its weights as
safetensors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from vlcore.api.export_table import MapTable, shown
from vlcore.artifacts.store import StoreError
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import atomic, write_errors
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.progress import Progress, silent

if TYPE_CHECKING:
    from vlcore.api.models import Model

NEIGHBOURS = 10


@dataclass(frozen=True)
class Format:
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
        StoreError: when it has no weights and they are what is asked for.
        HomeError: when the place cannot be written; nothing is left behind.
        LabError: when there is no such format.

    >>> import vlcore as vl
    >>> model = vl.train(vl.Condition(steps=12))
    >>> vl.export(model, "parquet", "model.parquet")  # doctest: +SKIP
    """
    artifact, out = model.artifact, Path(out).absolute()
    if form not in FORMATS:
        raise LabError(f"No format is named {form!r}; choose one of {', '.join(FORMATS)}.")
    chosen = FORMATS[form]
    if chosen.needs_weights and not artifact.kind.has_weights:
        why = "holds embeddings made elsewhere, so there are no weights; choose --format parquet."
        if artifact.kind is ArtifactKind.PRETRAINED:
            name = artifact.json("checkpoint.json")["name"]
            why = (
                f"has no weights of its own: it is the checkpoint {name}, which transformers opens"
                " as it is."
            )
        raise StoreError(f"{artifact.key} {why}")
    with write_errors(out, "give --out another place"), atomic(out) as made:
        chosen.write(model, made, progress)
    return {out.name: out.stat().st_size}


def _write_parquet(model: Model, out: Path, progress: Progress) -> None:
    out.write_bytes(parquet_bytes(shown(model.artifact, model.images, progress)))


def _write_safetensors(model: Model, out: Path, _progress: Progress) -> None:
    shutil.copyfile(model.artifact.path / "model.safetensors", out)


FORMATS = {
    "parquet": Format(
        _write_parquet, "embedding-atlas {out} --x x --y y --image image --neighbors neighbors"
    ),
    "safetensors": Format(
        _write_safetensors,
        "from safetensors.torch import load_file; load_file({text})",
        needs_weights=True,
    ),
}


def parquet_bytes(export: MapTable) -> bytes:
    """One parquet file: the table, and for each row its ``embedding`` (list of float32), its
    ``image`` (a struct of bytes and path, which Hugging Face's ``datasets`` and Embedding Atlas
    show as a picture), and its ``neighbors`` (a struct of ids, which are row numbers, and cosine
    distances in the full space, as Embedding Atlas reads it).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.neighbors import NearestNeighbors

    kinds = {"minority": pa.bool_(), "right": pa.bool_(), "x": pa.float64(), "y": pa.float64()}
    columns = {
        name: pa.array(export.table[name], kinds.get(name, pa.string())) for name in export.table
    }
    pairs = zip(export.table["id"], export.pictures, strict=True)
    images = [{"bytes": picture, "path": f"{name}.webp"} for name, picture in pairs]
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(export.z) - 1), metric="cosine").fit(
        export.z
    )
    distances, ids = nearest.kneighbors()
    near = [
        {"ids": a, "distances": b} for a, b in zip(ids.tolist(), distances.tolist(), strict=True)
    ]
    columns["embedding"] = pa.array(list(export.z), pa.list_(pa.float32()))
    columns["image"] = pa.array(images, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    columns["neighbors"] = pa.array(
        near, pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())})
    )
    metadata = {
        "huggingface": {"info": {"features": {"image": {"_type": "Image"}}}},
        "vlcore": export.about,
    }
    table = pa.table(
        columns, metadata={name: json.dumps(value) for name, value in metadata.items()}
    )
    out = BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
