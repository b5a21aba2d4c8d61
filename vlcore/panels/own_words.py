"""Captions in a visitor's own words, beside a new image."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import pandas as pd

from vlcore.api import captions, uploads
from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD, Block, Table, Text, Typed, panel
from vlcore.experiment.errors import LabError

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
    if texts:
        yield from _scores(comparison, upload, texts[:MOST])


def _scores(comparison: Comparison, upload: Upload, texts: Sequence[str]) -> Iterator[Block]:
    """The cosine of each caption with the image in each model, and what to know of it."""
    embedded, warnings = {}, []
    for name, model in comparison.named.items():
        try:
            z = [captions.embed_caption(model.map, model.loaded, text) for text in texts]
            embedded[name] = np.stack(z)
        except LabError as error:
            warnings.append(f"{name}: {error}")
    if embedded:
        of_image = {name: upload.embeddings[name] for name in embedded}
        table = uploads.typed_captions_table(texts, embedded, of_image)
        cosines = table.drop(columns="Caption").map("{:z.2f}".format)
        yield Text(
            "Cosine of each caption with the image, from -1 to 1; compare captions of one model.",
            note=True,
        )
        yield Table(pd.concat([table["Caption"], cosines], axis=1))
    for sentence in [*warnings, *captions.caption_warnings(comparison.maps, texts)]:
        yield Text(sentence, icon="warning")
