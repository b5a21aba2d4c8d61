"""What a visitor takes along from the Compare page: its link, its pictures, an offline page, its table.

A file is made when it is asked for, from what the page shows, and not before.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from vlcore.charts.images import chart_png, chart_svg
from vlcore.compare.comparison import points_table
from vlcore.compare.page import page, picked
from vlcore.exports.export import parquet_bytes
from vlcore.exports.table import shown as map_table
from vlcore.ui import cache, jobs
from vlcore.ui.browser import copy_link
from vlcore.ui.compare.maps import Shown

PAPER_SIDE = 520  # px of a map in a picture file


def section(shown: Shown) -> None:
    """Link and downloads."""
    comparison, images, palette = shown.comparison, shown.images, shown.palette

    def spec() -> cache.Spec:
        maps = cache.maps(shown.keys, palette, PAPER_SIDE, shown.projection, shown.options)
        return picked(maps, comparison, st.query_params.get("picture"))

    def parquet(key: str) -> bytes:
        return parquet_bytes(map_table(cache.artefact(key), images))

    name = "-".join(["compare", *(key.rpartition("-")[2] for key in shown.keys)])
    st.markdown("The address of this page holds all its settings: whoever opens it sees the same maps.")
    with st.container(horizontal=True, vertical_alignment="center"):
        copy_link()
        for label, data, ending, kind, what in (
            (
                "PNG", lambda: jobs.run_in_worker(chart_png, spec(), palette), "png", "image/png",
                "The maps as a picture.",
            ),
            (
                "SVG", lambda: jobs.run_in_worker(chart_svg, spec(), palette), "svg", "image/svg+xml",
                "The maps as a drawing, for a paper.",
            ),
            (
                "Offline page", lambda: page(comparison, images, palette, shown.options), "html", "text/html",
                "Maps, words and numbers in one file that works anywhere.",
            ),
            (
                "CSV", lambda: points_table(comparison, comparison.points).to_csv(index=False), "csv", "text/csv",
                "One row a picture: what it is, where it lies, what every model says.",
            ),
        ):  # fmt: skip
            st.download_button(
                label, data, f"{name}.{ending}", kind, icon=":material/download:", on_click="ignore", help=what
            )
    st.markdown(
        "**A model for other tools**: embeddings, pictures and verdicts as parquet, for Embedding Atlas or pandas."
    )
    with st.container(horizontal=True):
        for called, key in zip(comparison.named, shown.keys, strict=True):
            st.download_button(
                f"Parquet, {called}", partial(parquet, key), f"{key}.parquet", "application/vnd.apache.parquet",
                key=f"parquet_{called}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
    st.caption("For the TensorFlow projector and the transformers layout, from the command line:")
    # Without a language: the colours of Streamlit's highlighting are too pale on white.
    st.code("\n".join(f"python -m vlcore export {key} --format projector --out {key}" for key in shown.keys), None)
