"""Images of a set as a zip that can be imported again."""

import io
import json
import zipfile

import numpy as np

from vlcore.data.imageset import COLUMNS, LICENCE, SOURCE, ImageSet, join_user_columns
from vlcore.data.subset import split_parts, training_rows
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import safe_csv
from vlcore.experiment.progress import silent


def pack(images: ImageSet, condition: Condition | None) -> bytes:
    """The training images of a condition, or the whole set, as a zip: files, masks,
    ``metadata.csv``, and the licence where the set has its text."""
    rows = np.arange(len(images.table))
    if condition is not None:
        rows = training_rows(split_parts(images, condition.data_seed)[0], condition)
    images.ensure_rendered(rows.tolist(), silent)
    table = images.table.iloc[rows][list(COLUMNS)]
    if SOURCE in images.table:
        table = join_user_columns(table, images.user_columns.iloc[rows])
    about = {**images.about, "images": len(table)}
    if condition is not None:
        table = table.assign(split="train")
        about["condition"] = condition.as_dict()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # images are packed already
        masks = dict.fromkeys(filter(None, table["mask"]))  # twins share one
        for file in [*table["file_name"], *masks]:
            archive.write(images.root / file, file)
        if (images.root / LICENCE).is_file():
            archive.write(images.root / LICENCE, LICENCE)
        archive.writestr("metadata.csv", safe_csv(table))
        archive.writestr("dataset.json", json.dumps(about, indent=1))
    return content.getvalue()


def bytes_of(images: ImageSet) -> int | None:
    """Size of a set's images and masks; None where some are not drawn yet."""
    try:
        files = [*images.table["file_name"], *filter(None, images.table["mask"])]
        return sum((images.root / file).stat().st_size for file in files)
    except OSError:
        return None
