"""Shared neighbours of two models."""

from collections.abc import Iterator
from typing import Annotated

from vlcore.api.agreement import compare_neighbours
from vlcore.api.comparison import Comparison
from vlcore.api.panels import Between, Block, Heading, Images, Text, panel
from vlcore.metrics.agreement import NEIGHBOURS


@panel(
    "Shared neighbours", "How many of an image's nearest neighbours do the models share?", order=20
)
def shared_neighbours(
    comparison: Comparison, neighbours: Annotated[int, Between(1, 50)] = NEIGHBOURS
) -> Iterator[Block]:
    agreement = compare_neighbours(comparison.maps, neighbours)
    yield Text(agreement.sentence)
    yield Text(
        "Neighbours are the nearest images by cosine in the full space. Two models with one seed"
        " start from the same weights, so they share all neighbours before training.",
        note=True,
    )
    yield Heading("The images whose neighbours changed most")
    lines = {}
    for image in agreement.furthest().itertuples():
        shared = round(neighbours * image.shared)
        lines[image.row] = [f"{shared} of {neighbours} shared", f"mean rank {image.rank:.0f}"]
    yield Images(lines)
    yield Text(
        "Mean rank: the place of one model's neighbours among all"
        f" {len(agreement.rows) - 1:,} other images in the other model.",
        note=True,
    )
