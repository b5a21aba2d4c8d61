"""Files of a comparison."""

from collections.abc import Iterator
from functools import partial

from vlcore.api.comparison import Comparison
from vlcore.api.exports import parquet_bytes
from vlcore.api.panels import Block, Download, Text, panel
from vlcore.experiment.plain_text import safe_csv
from vlcore.plots.options import MapOptions
from vlcore.plots.rendering import chart_png, chart_svg


@panel("Export", "How do I take this with me?", order=80)
def export(comparison: Comparison, options: MapOptions | None = None) -> Iterator[Block]:
    options = options or comparison.options
    name = "-".join(["compare", *(model.key.rpartition("-")[2] for model in comparison.models)])
    still = partial(comparison.still, options)
    yield Download(
        "PNG", f"{name}.png", "image/png", still, chart_png, about="The maps as an image."
    )
    yield Download(
        "SVG",
        f"{name}.svg",
        "image/svg+xml",
        still,
        chart_svg,
        "The maps as a drawing, for a paper.",
    )
    yield Download(
        "Offline page",
        f"{name}.html",
        "text/html",
        partial(comparison.html, options),
        about="Maps, words and numbers in one file that works anywhere.",
    )
    yield Download(
        "All images, CSV",
        f"{name}.csv",
        "text/csv",
        partial(_csv, comparison, options),
        about="One row per image: its group, its places, and what each model predicts for it.",
    )
    yield Text(
        "A model for other tools: embeddings, images and predictions as parquet, for Embedding"
        " Atlas or pandas."
    )
    for side, model in zip(comparison.maps.named, comparison.models, strict=True):
        yield Download(
            f"Parquet, {side}",
            f"{model.key}.parquet",
            "application/vnd.apache.parquet",
            partial(parquet_bytes, model.artifact, comparison.images),
        )


def _csv(comparison: Comparison, options: MapOptions) -> str:
    """The table of the images that the filters of the map let through."""
    return safe_csv(comparison.image_table(options))
