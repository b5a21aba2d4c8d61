"""What a visitor takes along from the Compare page: its link, its pictures, an offline page, its table.

The one idea: a file is made when it is asked for, from what the page shows, and not before.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vlcore.figures.linked import MapOptions
from vlcore.figures.theme import Palette
from vlcore.images.imagesets import ImageSet
from vlcore.runs import comparison_figure
from vlcore.runs.compare import Comparison
from vlcore.runs.projections import Projection
from vlcore.ui import comparing, drawn
from vlcore.ui.browser import copy_link

PAPER_SIDE = 520  # px of a map in a picture file


def section(
    keys: Sequence[str],
    comparison: Comparison,
    images: ImageSet,
    projection: Projection,
    options: MapOptions,
    palette: Palette,
) -> None:
    """Link and downloads."""

    def spec() -> drawn.Spec:
        return drawn.maps(keys, palette, PAPER_SIDE, projection, options)

    def png() -> bytes:
        from vlcore.figures.pictures import chart_png

        return chart_png(spec(), palette)

    def svg() -> str:
        from vlcore.figures.pictures import chart_svg

        return chart_svg(spec(), palette)

    def page() -> str:
        return comparison_figure.page(comparison, images.grouping, palette, options)

    def table() -> str:
        return comparing.verdicts(comparison, comparison.points).to_csv(index=False)

    name = "-".join(["compare", *keys])[:100]
    st.markdown("The address of this page holds all its settings: whoever opens it sees the same maps.")
    with st.container(horizontal=True, vertical_alignment="center"):
        copy_link()
        for label, data, ending, kind, what in (
            ("PNG", png, "png", "image/png", "The maps as a picture."),
            ("SVG", svg, "svg", "image/svg+xml", "The maps as a drawing, for a paper."),
            ("Offline page", page, "html", "text/html", "Maps, words and numbers in one file that works anywhere."),
            ("CSV", table, "csv", "text/csv", "One row a picture: what it is, where it lies, what every model says."),
        ):
            st.download_button(
                label, data, f"{name}.{ending}", kind, icon=":material/download:", on_click="ignore", help=what
            )
    st.caption("Embeddings for Embedding Atlas, the TensorFlow projector or transformers come from the command line:")
    st.code("\n".join(f"python -m vlcore export {key} --format parquet --out {key}.parquet" for key in keys), "bash")
