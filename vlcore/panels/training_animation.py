"""The training as moving maps."""

from collections.abc import Iterator

from vlcore.api.comparison import Comparison
from vlcore.api.panels import Block, Moving, Text, panel
from vlcore.api.training_animation import animate_training


@panel(
    "Training animation",
    "How do the images move while the models are trained?",
    order=60,
    on_paper=True,
)
def training_animation(comparison: Comparison) -> Iterator[Block]:
    animation = animate_training(comparison.principal)
    yield Moving(animation)
    yield Text("The axes of every step are those of the final model.", note=True)
    for note in animation.notes:
        yield Text(note, note=True)
