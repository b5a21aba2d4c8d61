"""Export of a model's map and weights: one parquet file, a projector folder, or a transformers folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from vlcore.core.errors import LabError
from vlcore.core.files import HomeError, atomic, write_errors
from vlcore.core.options import ArtefactKind
from vlcore.core.vocabulary import Vocabulary
from vlcore.datasets.imageset import Progress, silent
from vlcore.exports.projector import write_projector
from vlcore.exports.table import MapTable, shown
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.artefacts import StoreError

if TYPE_CHECKING:
    from vlcore.compare.notebook import Model

NEIGHBOURS = 10


@dataclass(frozen=True)
class Format:
    """A way to write a model for another tool."""

    write: Callable[[Model, Path, Progress], object]  # to a file that is not there, or into an empty folder
    is_folder: bool
    open_with: str  # a command, or Python for transformers, with {out} as a shell and {text} as Python reads it
    needs_weights: bool = False


def export(model: Model, form: str, out: str | Path, progress: Progress = silent) -> dict[str, int]:
    """Write a model for another tool; returns the size of each file in bytes.

    Args:
        model: as `vlcore.train` and `vlcore.load` return it.
        form: ``parquet`` (Embedding Atlas, Hugging Face datasets, pandas) writes a file, in place of an older one;
            ``projector`` (TensorFlow's) and ``hf`` (transformers) a folder that was not there or is empty.
        out: where to.
        progress: is told how many pictures are drawn.

    Raises:
        StoreError: when it has no weights and they are what is asked for.
        HomeError: when the place cannot be written or is taken; nothing is left behind.
        LabError: when there is no such format.

    >>> import vlcore as vl
    >>> model = vl.train(vl.Condition(steps=12))
    >>> vl.export(model, "parquet", "model.parquet")  # doctest: +SKIP
    """
    artefact, out = model.artefact, Path(out).absolute()
    if form not in FORMATS:
        raise LabError(f"No format is named {form!r}; choose one of {', '.join(FORMATS)}.")
    chosen = FORMATS[form]
    if chosen.needs_weights and not artefact.kind.has_weights:
        why = "holds embeddings made elsewhere, so there are no weights; choose --format parquet or projector."
        if artefact.kind is ArtefactKind.PRETRAINED:
            name = artefact.json("checkpoint.json")["name"]
            why = f"has no weights of its own: it is the checkpoint {name}, which transformers opens as it is."
        raise StoreError(f"{artefact.key} {why}")
    if chosen.is_folder and out.is_file():
        raise HomeError(f"{out} is a file; give --out a new folder.")
    if chosen.is_folder and out.is_dir() and any(out.iterdir()):
        raise HomeError(f"{out} is not empty; give --out a new folder.")
    with write_errors(out, "give --out another place"), atomic(out) as made:
        if chosen.is_folder:
            made.mkdir()
        chosen.write(model, made, progress)
        if chosen.is_folder and out.exists():
            out.rmdir()  # not every system renames onto an empty folder
    return {file.name: file.stat().st_size for file in (sorted(out.iterdir()) if chosen.is_folder else [out])}


def _transformers(model: Model, out: Path, _progress: Progress) -> None:
    from vlcore.exports.model_card import model_card
    from vlcore.learning import inference, transformers_export

    own, vocabulary = inference.load(model.artefact.path / "model.safetensors")
    if own.image.reads_features or not isinstance(vocabulary, Vocabulary) or own.config.text == "codes":
        why = "its frozen network, word vectors or codes are no part of the model's file"
        raise StoreError(f"{model.key} has no transformers layout, for {why}; export it as parquet.")
    transformers_export.write_folder(own, vocabulary, StoredEmbeddings(model.artefact).caption_texts, out)
    (out / "README.md").write_text(model_card(model.artefact, model.images), encoding="utf-8")


FORMATS = {
    "parquet": Format(
        lambda model, out, progress: out.write_bytes(parquet_bytes(shown(model.artefact, model.images, progress))),
        False, "embedding-atlas {out} --x x --y y --image image --neighbors neighbors",
    ),
    "projector": Format(
        lambda model, out, progress: write_projector(shown(model.artefact, model.images, progress), out),
        True, "tensorboard --logdir {out}",
    ),
    "hf": Format(
        _transformers, True,
        "import vlcore.learning.transformers_export, transformers; transformers.AutoModel.from_pretrained({text})",
        needs_weights=True,
    ),
}  # fmt: skip


def parquet_bytes(export: MapTable) -> bytes:
    """One parquet file: the table, and for each row its ``embedding`` (list of float32), its ``image`` (a struct of
    bytes and path, which Hugging Face's ``datasets`` and Embedding Atlas show as a picture), and its ``neighbors`` (a
    struct of ids, which are row numbers, and cosine distances in the full space, as Embedding Atlas reads it)."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.neighbors import NearestNeighbors

    kinds = {"minority": pa.bool_(), "right": pa.bool_(), "x": pa.float64(), "y": pa.float64()}
    columns = {name: pa.array(export.table[name], kinds.get(name, pa.string())) for name in export.table}
    pairs = zip(export.table["id"], export.pictures, strict=True)
    images = [{"bytes": picture, "path": f"{name}.webp"} for name, picture in pairs]
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(export.z) - 1), metric="cosine").fit(export.z)
    distances, ids = nearest.kneighbors()
    near = [{"ids": a, "distances": b} for a, b in zip(ids.tolist(), distances.tolist(), strict=True)]
    columns["embedding"] = pa.array(list(export.z), pa.list_(pa.float32()))
    columns["image"] = pa.array(images, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    columns["neighbors"] = pa.array(near, pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())}))
    metadata = {"huggingface": {"info": {"features": {"image": {"_type": "Image"}}}}, "vlcore": export.about}
    table = pa.table(columns, metadata={name: json.dumps(value) for name, value in metadata.items()})
    out = BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
