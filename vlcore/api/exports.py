"""Export of a model as one parquet file for other tools: its map, embeddings and images."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vlcore.api.model_map import ModelMap, image_captions, model_map
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet, join_user_columns
from vlcore.experiment.files import atomic, write_errors
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.wording import title
from vlcore.metrics.neighbours import nearest
from vlcore.metrics.projection import MANY
from vlcore.plots.thumbnails import thumb

if TYPE_CHECKING:
    import pyarrow as pa

    from vlcore.api.models import Model

NEIGHBOURS = 10
THUMB_SIDE = 96  # px, the longest side of an image
BATCH = 8192  # rows that are written together
COLUMNS = ["id", "kind", "object", "context", "group", "minority", "caption", "predicted", "right"]
COLUMNS += ["scene", "file_name", "x", "y"]  # before the user's own
NESTED = ["embedding", "image", "neighbors"]  # after them


def export(model: Model, out: str | Path, progress: Progress = silent) -> int:
    """Write the map, embeddings and images of a model as one parquet file for Embedding Atlas,
    Hugging Face datasets and pandas, in place of an older one. As `write_parquet`.

    Args:
        model: as `vlcore.train` and `vlcore.load` return it.
        out: the file.
        progress: is told how many images are drawn.

    Returns:
        The size of the file in bytes.

    Raises:
        HomeError: when the file cannot be written; nothing is left behind.

    >>> import vlcore as vl
    >>> model = vl.train(vl.Condition(steps=12))
    >>> vl.export(model, "model.parquet")  # doctest: +SKIP
    """
    out = Path(out).absolute()
    with write_errors(out, "give --out another place"), atomic(out) as partial_file:
        write_parquet(model.artifact, model.images, partial_file, progress)
    return out.stat().st_size


def parquet_bytes(artifact: Artifact, images: ImageSet, progress: Progress = silent) -> bytes:
    """The file that `write_parquet` writes."""
    content = BytesIO()
    write_parquet(artifact, images, content, progress)
    return content.getvalue()


def write_parquet(
    artifact: Artifact, images: ImageSet, out: Path | BytesIO, progress: Progress = silent
) -> None:
    """Write the map of a model, as the Compare page shows it, as one parquet file.

    A row for each image, then one for each caption: `COLUMNS`, of which ``kind`` is "test",
    "training" or "caption", null where a row has none; the columns that the user's import brought
    along; its ``embedding`` (list of float32); its ``image`` (a struct of bytes and path, which
    Hugging Face's ``datasets`` and Embedding Atlas show), the longest side `THUMB_SIDE`, of a
    caption a tile with its words; and its ``neighbors`` (a struct of ids, which are row numbers,
    and cosine distances in the full space, as Embedding Atlas reads it), null where there are more
    than `MANY` rows. ImageSetError when an image cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    model = model_map(artifact)
    images.ensure_rendered(model.rows.tolist(), progress)
    captions = model.captions[: len(model.caption_z)]
    caption_rows = pd.DataFrame({"kind": "caption", "caption": captions})
    caption_rows["id"] = [f"caption{number}" for number in range(len(captions))]
    image_rows = _image_rows(model, images)
    # Captions have no values of the user's: integers would become floats, which round large ones.
    nullable = image_rows.select_dtypes("integer").convert_dtypes().dtypes.to_dict()
    table = pd.concat([image_rows.astype(nullable), caption_rows], ignore_index=True)
    table.loc[len(image_rows) :, ["x", "y"]] = model.caption_points
    neighbours = _neighbours(model)
    schema = _schema(image_rows)
    about = {
        "key": artifact.key,
        "title": title(artifact.condition),
        "image_set": images.name,
        "image_set_version": images.version,
        "licence_of_pictures": str(images.about.get("licence", "not stated")),
        "attribution_of_pictures": images.attribution,
        "captions": list(model.captions),
        "condition": artifact.condition.as_dict(),
        "rows": describe_rows(model),
    }
    features = {"info": {"features": {"image": {"_type": "Image"}}}}
    metadata = {"huggingface": json.dumps(features), "vlcore": json.dumps(about)}
    thumbs = _thumbs(model, images)
    with pq.ParquetWriter(out, schema.with_metadata(metadata)) as writer:
        for start in range(0, len(table), BATCH):
            part = table.iloc[start : start + BATCH]
            arrays = {
                name: pa.array(part[name], schema.field(name).type, from_pandas=True)
                for name in part
            }
            arrays["embedding"] = _vectors(model, slice(start, start + BATCH))
            arrays["image"] = [
                {"bytes": thumb, "path": f"{name}.webp"}
                for name, thumb in zip(part["id"], islice(thumbs, len(part)), strict=True)
            ]
            arrays["neighbors"] = neighbours[start : start + BATCH]
            columns = [pa.array(arrays[field.name], field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=writer.schema))


def _schema(image_rows: pd.DataFrame) -> pa.Schema:
    """Names and types of the columns; those of a user are numbers where the import said so."""
    import pyarrow as pa

    types = dict.fromkeys(image_rows.columns, pa.string()) | {
        "minority": pa.bool_(),
        "right": pa.bool_(),
        "x": pa.float64(),
        "y": pa.float64(),
    }
    for name in image_rows.columns.difference(COLUMNS):
        if image_rows[name].dtype.kind in "iuf":
            types[name] = pa.from_numpy_dtype(image_rows[name].dtype)
    types |= {
        "embedding": pa.list_(pa.float32()),
        "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        "neighbors": pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())}),
    }
    return pa.schema(types.items())


def _vectors(model: ModelMap, rows: slice) -> pa.Array:
    """Embeddings of some of the images and captions, as lists."""
    import pyarrow as pa

    count = len(model.z)
    captions = model.caption_z[max(0, rows.start - count) : max(0, rows.stop - count)]
    z = np.concatenate([model.z[rows], captions]).astype(np.float32, copy=False)
    offsets = np.arange(len(z) + 1, dtype=np.int32) * z.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(z.ravel()))


def _thumbs(model: ModelMap, images: ImageSet) -> Iterator[bytes]:
    """Small images of the rows of the map, then tiles of the captions."""
    for row in model.rows.tolist():
        yield thumb(images.image(row), THUMB_SIDE)
    for caption in model.captions[: len(model.caption_z)]:
        yield thumb(_tile(caption), THUMB_SIDE)


def _tile(caption: str) -> NDArray[np.uint8]:
    """The words of a caption as an image, uint8 (side, side, 3)."""
    image = Image.new("RGB", (2 * THUMB_SIDE, 2 * THUMB_SIDE), "#f2f2f2")
    lines = "\n".join(textwrap.wrap(caption, 12)[:6])
    font = ImageFont.load_default(24)
    ImageDraw.Draw(image).multiline_text((12, 12), lines, "#282828", font)
    return np.array(image)


def _neighbours(model: ModelMap) -> list[dict[str, Any] | None]:
    """The nearest rows of each image and caption; None of each where there are many, for all pairs
    would take minutes."""
    count = len(model.z) + len(model.caption_z)
    if count > MANY:
        return [None] * count
    z = np.concatenate([model.z, model.caption_z])
    near, cosines = nearest(z, z, NEIGHBOURS, apart_from=np.arange(count))
    return [
        {"ids": ids, "distances": distances}
        for ids, distances in zip(near, 1 - cosines, strict=True)
    ]


def _image_rows(model: ModelMap, images: ImageSet) -> pd.DataFrame:
    table = images.table.iloc[model.rows].reset_index(drop=True)
    rows = table[["object", "context", "group", "scene", "file_name"]].assign(
        id=[f"p{row}" for row in model.rows],
        kind=np.where(table.index < model.n_held_out, "test", "training"),
        minority=table["group"].isin(images.grouping.minority),
        predicted=model.predicted_objects(images.grouping.objects),
        caption=[text or None for text in image_captions(model, images, model.rows)],
        right=model.is_right(images),
    )
    rows[["x", "y"]] = model.points
    of_user = images.user_columns.iloc[model.rows]
    return join_user_columns(rows[COLUMNS], of_user, reserved=NESTED)


def describe_rows(model: ModelMap) -> str:
    """Which images are rows of the table: those of the map, not all that the metrics rest on."""
    return (
        f"the {model.n_held_out:,} held-out images that maps show and"
        f" {len(model.rows) - model.n_held_out:,} training images; all embeddings are in"
        f" {model.artifact.key}/embeddings.npz"
    )
