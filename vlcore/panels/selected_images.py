"""Selected images, with what each model predicts."""

from collections.abc import Iterator

import numpy as np

from vlcore.api.comparison import Comparison
from vlcore.api.panels import Block, Images, Table, Text, panel
from vlcore.api.selections import Selection, prediction_words, predicts

MOST_SHOWN = 24


@panel("Selected images", "How many of these does each model predict correctly?", order=10)
def selected_images(comparison: Comparison, selection: Selection) -> Iterator[Block]:
    maps = comparison.maps
    on_maps = maps.rows[selection.selected]
    not_on_maps = np.setdiff1d(selection.rows, on_maps)
    panes = range(len(comparison.models))
    if predicts(maps):
        yield Table(selection.correct())
        names = ", ".join(maps.named)
        words = f"Predictions below each image ({names}): ✓ correct, ✗ wrong."
        if folds := comparison.images.folds:
            words += (
                f" They are those of the first of {folds} models, like the maps, even for images"
                " that it was trained on. Accuracies by group are over all held-out images."
            )
        yield Text(words, note=True)
    lines = {
        int(row): [prediction_words(maps, int(row), pane) for pane in panes]
        for row in on_maps[:MOST_SHOWN]
    }
    lines |= {int(row): ["not on the maps"] for row in not_on_maps[: MOST_SHOWN - len(lines)]}
    yield Images(lines, opens=True)
    if len(selection) > MOST_SHOWN:
        first = f"The first {MOST_SHOWN} of {len(selection):,} images"
        yield Text(f"{first}. The CSV file has all.", note=True)
