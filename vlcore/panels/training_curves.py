"""Accuracies over the steps of a training."""

from collections.abc import Iterator
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.comparison import Comparison
from vlcore.api.panels import TRAIN, Block, Chart, Columns, Heading, Text, panel
from vlcore.plots.curves import learning_curve
from vlcore.plots.theme import Palette

WIDTH, HEIGHT = 420, 190  # px at most
FEWEST = 3  # points of a curve


@panel(
    "Training curves",
    "What can be read off the images while a model is trained?",
    pages=(TRAIN,),
    order=65,
)
def training_curves(comparison: Comparison) -> Iterator[Block]:
    object_word = comparison.images.grouping.object_word
    columns: list[list[Block]] = []
    for name, model in comparison.maps.named.items():
        stored = model.artifact.checkpoints
        column: list[Block] = [Heading(name)]
        column += _curve("Linear probes", stored.curve("probe"), (object_word, "background"))
        column += _curve("Accuracy", stored.curve("val"), ("common", "rare"))
        columns.append(column)
    yield Columns(columns)


def _curve(what: str, points: NDArray[np.float64], names: tuple[str, str]) -> Iterator[Block]:
    if len(points) < FEWEST:
        yield Text(f"{what}: too few steps were measured for a curve.", note=True)
        return
    table = pd.DataFrame(points, columns=["step", *names]).melt("step", var_name="series")
    yield Text(f"{what} on validation images, over the steps.", note=True)
    yield Chart(f"{what} of {' and '.join(names)} over the steps", partial(_draw, table))


def _draw(table: pd.DataFrame, palette: Palette, width: int) -> alt.LayerChart:
    return learning_curve(table, palette=palette, width=min(width // 2, WIDTH), height=HEIGHT)
