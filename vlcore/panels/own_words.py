"""Captions of the image set, and captions in a visitor's own words, beside a new image."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import pandas as pd

from vlcore.api import captions, uploads
from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD, Block, Table, Text, Typed, panel
from vlcore.experiment.errors import LabError
from vlcore.experiment.wording import decimal

MOST = 6  # captions at once
WORDS = Typed(
    captions.LONGEST,
    "Your captions",
    "pony; a horse on the lawn; desert",
    "Several captions are separated by semicolons. A model with word vectors reads any words.",
)


@panel(
    "Own words", "How near is the image to captions in your own words?", pages=(UPLOAD,), order=20
)
def own_words(
    comparison: Comparison, upload: Upload, words: Annotated[str, WORDS] = ""
) -> Iterator[Block]:
    texts, refusals = [], []
    for part in filter(str.strip, words.split(";")):
        try:
            texts.append(captions.clean_caption(part))
        except captions.CaptionLabError as error:
            refusals.append(str(error))
    for sentence in dict.fromkeys(refusals):
        yield Text(sentence, icon="edit")
    texts = list(dict.fromkeys(texts))
    if len(texts) > MOST:
        yield Text(f"The first {MOST} of {len(texts)} captions are shown.", note=True)
    yield from _scores(comparison, upload, texts[:MOST])


def _scores(comparison: Comparison, upload: Upload, texts: Sequence[str]) -> Iterator[Block]:
    """The cosine of each caption with the image in each model, and what to know of it."""
    tables, embedded, warnings = [], {}, []
    for name, report in upload.reports.items():
        if report.captions:
            rows = [(caption.caption, caption.similarity) for caption in report.captions]
            tables.append(pd.DataFrame(rows, columns=["Caption", name]))
        else:
            yield Text(f"{name}: {report.why_silent}", note=True)
    for name, model in comparison.named.items() if texts else ():
        try:
            z = [captions.embed_caption(model.map, model.loaded, text) for text in texts]
            embedded[name] = np.stack(z)
        except LabError as error:
            warnings.append(f"{name}: {error}")
    if embedded:
        of_image = {name: upload.embeddings[name] for name in embedded}
        tables.append(uploads.typed_captions_table(texts, embedded, of_image))
    if tables:
        yield Text(
            "Cosine of each caption with the image, from -1 to 1. First: the captions that each"
            " model was trained on. Compare captions of one model.",
            note=True,
        )
        yield Table(_one_row_per_caption(tables, list(upload.reports)))
    for sentence in [*warnings, *captions.caption_warnings(comparison.maps, texts)]:
        yield Text(sentence, icon="warning")


def _one_row_per_caption(tables: Sequence[pd.DataFrame], models: Sequence[str]) -> pd.DataFrame:
    """Join tables of cosines; a cell is empty where a model has no cosine of a caption."""
    joined = pd.concat(tables).groupby("Caption", sort=False).first().reindex(columns=models)
    return joined.map(lambda cosine: "" if pd.isna(cosine) else decimal(cosine)).reset_index()
