"""Captions that somebody types, and the captions of the training."""

from collections.abc import Iterator
from typing import Annotated

from vlcore.api import captions as typed_captions
from vlcore.api.compared_maps import in_sentence
from vlcore.api.comparison import Comparison
from vlcore.api.panels import Block, Chart, Columns, Heading, Images, Text, Typed, panel
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.wording import decimal
from vlcore.plots.matrices import caption_matrices

NEAREST = 12  # images of each model
CAPTION = Typed(typed_captions.LONGEST, "A caption", "a horse in the desert")


@panel("Captions", "Which images are nearest to a caption, in each model?", order=30)
def captions(comparison: Comparison, caption: Annotated[str, CAPTION] = "") -> Iterator[Block]:
    text = caption or _usual_caption(comparison)
    try:
        text = typed_captions.clean_caption(text)
        for sentence in typed_captions.caption_warnings(comparison.maps, [text]):
            yield Text(sentence, icon="straighten")
        names = range(len(comparison.models))
        yield Columns([list(_nearest_images(comparison, pane, text)) for pane in names])
    except typed_captions.CaptionLabError as error:
        yield Text(str(error), icon="edit")
    yield Heading("How alike its captions are to each model")
    cells, titles, words = typed_captions.caption_similarities(comparison.maps.named)
    yield Chart(words, lambda palette, _: caption_matrices(cells, titles, palette=palette))


def _usual_caption(comparison: Comparison) -> str:
    grouping = comparison.images.grouping
    return f"a {group_words(grouping)[grouping.minority[1]]}"


def _nearest_images(comparison: Comparison, pane: int, text: str) -> Iterator[Block]:
    """The images nearest to a caption in the model of a pane, or why there are none."""
    name, model = list(comparison.maps.named.items())[pane]
    yield Heading(f"Nearest to “{text}” in {in_sentence(name)} (cosine)")
    try:
        z = typed_captions.embed_caption(model, comparison.models[pane].loaded, text)
    except LabError as error:
        yield Text(str(error), icon="info")
        return
    yield Images({row: [decimal(cosine)] for row, cosine in model.neighbours(z, NEAREST)})
