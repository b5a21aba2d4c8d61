"""What a visitor takes along from the Compare page: its link, its pictures, an offline page, its table.

The one idea: a file is made when it is asked for, from what the page shows, and not before.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vlcore.charts.images import chart_png, chart_svg
from vlcore.charts.maps.linked import MapOptions
from vlcore.charts.theme import Palette
from vlcore.compare import page as compare_page
from vlcore.compare.comparison import Comparison
from vlcore.datasets.imageset import ImageSet
from vlcore.exports.export import parquet_bytes
from vlcore.exports.table import shown
from vlcore.runs.maps import Projection
from vlcore.ui import cache, jobs
from vlcore.ui.browser import copy_link
from vlcore.ui.compare import sections

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

    def spec() -> cache.Spec:
        maps = cache.maps(keys, palette, PAPER_SIDE, projection, options)
        return cache.picked(maps, comparison, st.query_params.get("picture"))

    def png() -> bytes:
        return jobs.run_in_worker(chart_png, spec(), palette)

    def svg() -> str:
        return jobs.run_in_worker(chart_svg, spec(), palette)

    def page() -> str:
        return compare_page.page(comparison, images, palette, options)

    def table() -> str:
        return sections.verdicts(comparison, comparison.points).to_csv(index=False)

    name = "-".join(["compare", *(key.rpartition("-")[2] for key in keys)])
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
    st.markdown(
        "**A model for other tools**: embeddings, pictures and verdicts as parquet, for Embedding Atlas or pandas."
    )
    with st.container(horizontal=True):
        for called, key in dict(zip(comparison.names, keys, strict=True)).items():

            def parquet(key: str = key) -> bytes:
                return parquet_bytes(shown(cache.artefact(key), images))

            st.download_button(
                f"Parquet, {called}", parquet, f"{key}.parquet", "application/vnd.apache.parquet",
                key=f"parquet_{called}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
    st.caption("For the TensorFlow projector and the transformers layout, from the command line:")
    # Without a language: the colours of Streamlit's highlighting are too pale on white.
    st.code("\n".join(f"python -m vlcore export {key} --format projector --out {key}" for key in keys), None)
