"""Model card beside exported weights: what a model is, what it was trained on, what was measured, what it cannot do.

Names and captions that people gave are shown as code, so that none of them is markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.compare.metrics_table import measures_of
from vlcore.core.captions import about_style
from vlcore.core.options import MITIGATIONS, OBJECTIVES
from vlcore.core.version import __version__
from vlcore.core.vocabulary import MAX_WORDS
from vlcore.core.wording import describe_bias, share, title
from vlcore.datasets.imageset import TRAINING_SIZE, ImageSet
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.artefacts import Artefact

MOST_CAPTIONS = 20
_OPEN = """```python
import torch
import vlcore.learning.transformers_export  # tells transformers what a model of this kind is; no code is fetched
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

folder = "."
model = AutoModel.from_pretrained(folder)
pictures = AutoImageProcessor.from_pretrained(folder)([Image.open("picture.png")])
"""
_ASK = {
    "text": """captions = AutoTokenizer.from_pretrained(folder)([CAPTIONS], padding=True, return_tensors="pt")
with torch.inference_mode():
    out = model(**pictures, **captions)
out.image_embeds, out.text_embeds, out.logits_per_image
```""",
    "classes": """with torch.inference_mode():
    out = model(**pictures)
out.image_embeds, out.logits_per_image  # one score a class; model.config.id2label names the classes
```""",
    "decoder": """captions = AutoTokenizer.from_pretrained(folder)([CAPTIONS], padding=True, return_tensors="pt")
with torch.inference_mode():
    out = model(**pictures, **captions)
out.image_embeds, out.logits_per_image  # the score of a caption is how likely the model finds it
```""",
}
_LACKS = {
    "classes": "It is a classifier: it has a vector for each class, no text tower, and reads no captions. The "
    "tokenizer in this folder belongs to the labels of its classes.",
    "decoder": "It says captions word by word: a caption has no vector, and what it makes of a picture does not follow "
    "from the embedding alone.",
}


def model_card(artefact: Artefact, images: ImageSet) -> str:
    """The card of a model that was trained here, as Markdown with the head that the Hugging Face hub reads.

    Args:
        artefact: the published model; it has weights.
        images: the image set that it was trained on.
    """
    stored = StoredEmbeddings(artefact)
    captions, rows = stored.caption_texts, stored.rows("train")
    licence = str(images.about.get("licence", "not stated"))
    facts, limits = _trained_on(artefact, images, captions, rows, licence), _limits(artefact, len(rows))
    ask = _ASK[_language(artefact)].replace("CAPTIONS", ", ".join(map(_quoted, captions[:2])))
    return f"""---
license: {"apache-2.0" if licence == "Apache-2.0" else "other"}
library_name: transformers
pipeline_tag: zero-shot-image-classification
tags:
- dataset-bias
- vision-language
- vl-bias-lab
---
# {title(artefact.condition)}

A small vision-language model, trained to be looked into: it is for the study of biased data, and for no other use. \
Its key in VL Bias Lab is `{artefact.key}`.

## What it was trained on

{_listed(facts)}

## What was measured

{chr(10).join(_measured(artefact, images))}

## What it cannot do

{_listed(limits)}

## How to open it

With `vlcore` {__version__} or newer, which holds the code of the model:

{_OPEN}{ask}
"""


def _listed(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _trained_on(
    artefact: Artefact, images: ImageSet, captions: Sequence[str], rows: NDArray[np.int64], licence: str
) -> list[str]:
    condition = artefact.condition
    groups = images.table["group"].to_numpy()[rows]
    counts = ", ".join(f"{int((groups == name).sum())} of {_code(name)}" for name in images.grouping.names)
    source = _code(str(images.about.get("source", "")) or "not stated")
    more = f", and {len(captions) - MOST_CAPTIONS} more" if len(captions) > MOST_CAPTIONS else ""
    said = ", ".join(map(_code, captions[:MOST_CAPTIONS])) + more
    versions = ", ".join(f"{name} {version}" for name, version in sorted(artefact.manifest.get("versions", {}).items()))
    return [
        f"Image set {_code(images.name)}, version {_code(images.version)}; source: {source}; licence of the pictures: "
        f"{_code(licence)}.",
        f"{len(rows)} pictures: {counts}. Bias: {describe_bias(condition)}.",
        f"Labels {_code(condition.labels)}: {about_style(condition.labels)} In all: {said}.",
        f"{condition.steps:,} steps of {condition.batch_size} pictures; objective `{condition.objective}`, negatives "
        f"`{condition.negatives}`, logit `{condition.logit}`, mitigation `{condition.mitigation}`, image tower "
        f"{_code(condition.architecture)}; seeds {condition.data_seed} (pictures) and {condition.init_seed} (weights).",
        f"Device {_code(str(artefact.manifest.get('device', 'unknown')))}; {versions}.",
    ]


def _measured(artefact: Artefact, images: ImageSet) -> Iterator[str]:
    yield (
        "At the end of training, on held-out pictures; distances and gaps between pictures and captions are those of "
        "training pictures. Intervals are 95 %, over scenes, of this one run: another seed is another run, and what a "
        "change of labels or bias does is judged over many seeds, not from one card."
    )
    yield "\n| Measure | Value | Pictures |\n| --- | --- | --- |"
    table = measures_of(artefact, images.grouping)
    defined_first = np.argsort(table.iloc[:, 1].str.startswith("not defined").to_numpy(), kind="stable")
    for _, row in table.iloc[defined_first].iterrows():
        yield f"| {row.iloc[0]} | {row.iloc[1]} | {row.iloc[2]} |"
    if accuracies := artefact.metrics["end"].get("group_accuracy", {}):
        yield "\nRight, by group:\n"
    for group, estimate in accuracies.items():
        yield f"- {_code(group)}: {share(estimate)}, n = {estimate['n']:,}"


def _limits(artefact: Artefact, pictures: int) -> Iterator[str]:
    condition, models = artefact.condition, int(artefact.metrics.get("models", 1))
    yield (
        f"It has seen {pictures} pictures of two objects in two places, at {TRAINING_SIZE} x {TRAINING_SIZE} pixels. "
        "Of anything else its answers mean nothing."
    )
    yield f"It knows the words of `vocab.json`; others are one unknown word. It reads {MAX_WORDS} words of a caption."
    if models > 1:
        yield (
            f"The set was cut into {models} folds with a model each. These are the weights of the first; the numbers "
            "above are of all of them together."
        )
    if MITIGATIONS[condition.mitigation].new_layer:
        yield (
            "Its objects were read off by a new last layer (dfr), which is not among these weights: the numbers above "
            "do not follow from them alone."
        )
    if (language := _language(artefact)) in _LACKS:
        yield _LACKS[language]


def _language(artefact: Artefact) -> str:
    return OBJECTIVES[artefact.condition.objective].language


def _code(text: str) -> str:
    """A text of somebody's as code: no markup of its own, on one line."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"


def _quoted(text: str) -> str:
    """A caption as Python writes it."""
    return repr(" ".join(text.replace("`", "").split()))
