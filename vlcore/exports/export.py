"""Export of a model's map and weights: one parquet file, a projector folder, or a transformers folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from vlcore.core.errors import LabError
from vlcore.core.files import HomeError, atomic, write_errors
from vlcore.core.options import ArtefactKind
from vlcore.datasets.imageset import ImageSet, Progress, silent
from vlcore.exports.projector import write_projector
from vlcore.exports.table import MapTable, shown
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.artefacts import Artefact, StoreError

if TYPE_CHECKING:
    from vlcore.compare.notebook import Model

FORMATS = ("parquet", "projector", "hf")
NEIGHBOURS = 10


def export(model: Model, form: str, out: str | Path, progress: Progress = silent) -> dict[str, int]:
    """Write a model for another tool; returns the size of each file in bytes.

    Args:
        model: as `vlcore.train` and `vlcore.load` return it.
        form: ``parquet`` (Embedding Atlas, Hugging Face datasets, pandas), ``projector`` (TensorFlow's) or ``hf``
            (transformers).
        out, progress, errors: as of `write_model`.

    >>> import vlcore as vl
    >>> model = vl.train(vl.Condition(steps=12))
    >>> vl.export(model, "parquet", "model.parquet")  # doctest: +SKIP
    """
    return write_model(model.artefact, model.images, form, Path(out), progress)


def write_model(
    artefact: Artefact, images: ImageSet, form: str, out: Path, progress: Progress = silent
) -> dict[str, int]:
    """Write a model in one of `FORMATS`; returns the size of each file in bytes.

    Args:
        artefact: the published model.
        images: the image set that it was trained on.
        form: ``parquet`` writes a file, in place of an older one; the others a folder that was not there or is empty.
        out: where to.
        progress: is told how many pictures are drawn.

    Raises:
        StoreError: when it has no weights and they are what is asked for.
        HomeError: when the place cannot be written or is taken; nothing is left behind.
        LabError: when there is no such format.
    """
    if form not in FORMATS:
        raise LabError(f"No format is named {form!r}; choose one of {', '.join(FORMATS)}.")
    if form == "hf" and not artefact.kind.has_weights:
        if artefact.kind is ArtefactKind.PRETRAINED:
            name = artefact.json("checkpoint.json")["name"]
            why = f"has no weights of its own: it is the checkpoint {name}, which transformers opens as it is."
        else:
            why = (
                "holds embeddings that were computed elsewhere, so there are no weights; choose --format parquet or "
                "projector."
            )
        raise StoreError(f"{artefact.key} {why}")
    with _aside(out, is_folder=form != "parquet") as made:
        if form == "hf":
            _write_hub(artefact, images, made)
        elif form == "projector":
            write_projector(shown(artefact, images, progress), made)
        else:
            made.write_bytes(parquet_bytes(shown(artefact, images, progress)))
        if made.is_file():
            return {out.name: made.stat().st_size}
        return {file.name: file.stat().st_size for file in sorted(made.iterdir())}


def parquet_bytes(export: MapTable) -> bytes:
    """One parquet file: the table, and for each row its embedding, its picture and its neighbours.

    Columns beside those of `MapTable.table`: ``embedding`` (list of float32); ``image``, a struct of bytes and path,
    which Hugging Face's ``datasets`` and Embedding Atlas show as a picture; ``neighbors``, a struct of ids (row
    numbers) and cosine distances of the nearest rows in the full space, as Embedding Atlas reads it. The file's
    metadata say what it is (``vlcore``) and that the column is of pictures (``huggingface``).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.neighbors import NearestNeighbors

    words, flags, numbers = pa.string(), pa.bool_(), pa.float64()
    kinds = {"minority": flags, "right": flags, "x": numbers, "y": numbers}
    columns = {name: pa.array(export.table[name], kinds.get(name, words)) for name in export.table}
    named = [f"{name}.webp" for name in export.table["id"]]
    images = [{"bytes": picture, "path": name} for picture, name in zip(export.pictures, named, strict=True)]
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(export.z) - 1), metric="cosine").fit(export.z)
    distances, ids = nearest.kneighbors()
    near = [{"ids": a, "distances": b} for a, b in zip(ids.tolist(), distances.tolist(), strict=True)]
    columns["embedding"] = pa.array(list(export.z), pa.list_(pa.float32()))
    columns["image"] = pa.array(images, pa.struct({"bytes": pa.binary(), "path": words}))
    columns["neighbors"] = pa.array(near, pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())}))
    metadata = {"huggingface": {"info": {"features": {"image": {"_type": "Image"}}}}, "vlcore": export.about}
    table = pa.table(columns, metadata={name: json.dumps(value) for name, value in metadata.items()})
    out = BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _write_hub(artefact: Artefact, images: ImageSet, folder: Path) -> None:
    """Write a model's weights, tokenizer and card into an empty folder, in the layout of transformers."""
    from vlcore.exports.model_card import model_card
    from vlcore.learning import inference, transformers_export

    model, vocabulary = inference.load(artefact.path / "model.safetensors")
    transformers_export.write_folder(model, vocabulary, StoredEmbeddings(artefact).caption_texts, folder)
    (folder / "README.md").write_text(model_card(artefact, images), encoding="utf-8")


@contextmanager
def _aside(out: Path, *, is_folder: bool) -> Iterator[Path]:
    """Where to build a file or folder; it gets its name when all went well, and is gone when something did not.

    Raises:
        HomeError: when the place cannot be written, or a folder there holds something.
    """
    out = out.absolute()
    if is_folder and out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = "is not empty" if out.is_dir() else "is a file"
        raise HomeError(f"{out} {what}; give --out a new folder.")
    with write_errors(out, "give --out another place"), atomic(out) as made:
        if is_folder:
            made.mkdir()
        yield made
        if is_folder and out.exists():
            out.rmdir()  # not every system renames onto an empty folder
