"""All numbers of a new image, and a file of all images."""

from collections.abc import Iterator

import pandas as pd

from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD, Block, Download, Table, Text, panel
from vlcore.api.uploads import SURE
from vlcore.experiment.plain_text import safe_csv


@panel("All numbers", "What was computed of this image?", pages=(UPLOAD,), order=50)
def all_numbers(comparison: Comparison, upload: Upload) -> Iterator[Block]:
    table = upload.answers.table()
    rows = table[table["Image"] == upload.name].drop(columns="Image")
    numbers = rows.set_index("Model").T
    cells = numbers.map(lambda value: "" if pd.isna(value) else str(value))
    yield Table(cells.rename_axis("").rename_axis(None, axis=1).reset_index())
    yield Text(
        "Share: the score as a probability, after one temperature that was fitted on validation"
        " images of the set; uncalibrated where there are none. Not sure: below"
        f" {SURE:.0%}, or a photograph for a model that has only seen drawings. Relies on:"
        f" a sample is drawn again with the other {comparison.images.grouping.object_word} and on"
        " the other background, a cut-out is placed on seven backgrounds, and of another image each"
        " of both is painted over in nine ways. New: by the features of a network that was trained"
        " on photographs; 5% of the set's own images count as new.",
        note=True,
    )
    yield Download(
        "Download the table",
        "predictions.csv",
        "text/csv",
        lambda: safe_csv(upload.answers.table()),
    )
