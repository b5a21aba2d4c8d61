"""Every measure of the models."""

from collections.abc import Iterator

from vlcore.api.comparison import Comparison
from vlcore.api.metrics_table import describe_map_quality, measures_table
from vlcore.api.panels import COMPARE, TRAIN, Block, Table, Text, panel


@panel(
    "All metrics",
    "What was measured, beside the untrained encoder?",
    pages=(COMPARE, TRAIN),
    order=70,
)
def all_metrics(comparison: Comparison) -> Iterator[Block]:
    yield Table(measures_table(comparison.maps))
    for name, model in comparison.maps.named.items():
        if quality := describe_map_quality(model.artifact):
            yield Text(f"{name}, PCA map: {quality}.", note=True)
