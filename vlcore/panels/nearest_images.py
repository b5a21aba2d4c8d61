"""Nearest images and captions of one image, in each model."""

from collections.abc import Iterator

import pandas as pd

from vlcore.api.compared_maps import in_sentence
from vlcore.api.comparison import Comparison
from vlcore.api.model_map import ComparisonError, ModelMap, caption_scores
from vlcore.api.panels import Block, Columns, Heading, Images, Table, Text, panel
from vlcore.api.selections import prediction_words
from vlcore.experiment.wording import decimal

NEAREST = 5


@panel("Nearest images", "Which images and captions are nearest to this image?", order=10)
def nearest_images(comparison: Comparison, image: int) -> Iterator[Block]:
    columns = []
    for pane, (name, model) in enumerate(comparison.maps.named.items()):
        blocks: list[Block] = []
        if words := prediction_words(comparison.maps, image, pane):
            blocks.append(Text(f"{name}: {words}"))
        blocks += [Heading(f"Nearest in {in_sentence(name)} (cosine)"), *_nearest(model, image)]
        columns.append(blocks)
    yield Columns(columns)


def _nearest(model: ModelMap, image: int) -> Iterator[Block]:
    """The nearest images and the captions of an image in one model."""
    index = model.index([image])[0]
    if index < 0:
        yield Text("This image is not in the training set of this model.", note=True)
        return
    z = model.z[index]
    nearest = model.neighbours(z, NEAREST, apart_from=image)
    yield Images({row: [f"{cosine:.3f}"] for row, cosine in nearest})
    try:
        scores = pd.DataFrame(caption_scores(model, z))
    except ComparisonError as error:
        yield Text(str(error), note=True)
        return
    cosines = scores["similarity"].map(decimal)
    yield Table(pd.DataFrame({"Caption": scores["caption"], "Cosine": cosines}))
