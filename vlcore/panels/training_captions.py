"""Training captions and their scores for a new image."""

from collections.abc import Iterator

import pandas as pd

from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD, Block, Columns, Heading, Table, Text, panel
from vlcore.experiment.wording import decimal


@panel(
    "Training captions",
    "How near is the image to each training caption?",
    pages=(UPLOAD,),
    order=40,
)
def training_captions(_comparison: Comparison, upload: Upload) -> Iterator[Block]:
    columns = []
    for name, report in upload.reports.items():
        scores = pd.DataFrame(report.captions, columns=["caption", "similarity", "probability"])
        cosines = scores["similarity"].map(decimal)
        table: Block = Table(pd.DataFrame({"Caption": scores["caption"], "Cosine": cosines}))
        if not report.captions:
            table = Text(report.why_silent, note=True)
        columns.append([Heading(f"{name} model"), table])
    yield Columns(columns)
