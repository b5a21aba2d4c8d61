"""Sections under the maps of the Compare page, of which a visitor opens one."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from vlcore.api.compared_maps import points_table
from vlcore.api.description import describe_evaluation
from vlcore.api.exports import parquet_bytes
from vlcore.api.figure import PAPER_SIDE, figure
from vlcore.api.metrics_table import describe_map_quality, group_accuracy_table, measures_table
from vlcore.api.offline_page import page
from vlcore.api.training_animation import TrainingAnimation, animate_training
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.plots.options import PCA
from vlcore.plots.rendering import chart_png, chart_svg
from vlcore.plots.theme import Palette
from vlcore.web import cache, linked_maps, shell, visitors, widgets, work
from vlcore.web.compare.agreement import show_agreement
from vlcore.web.compare.captions import show_captions
from vlcore.web.compare.failures import show_failures
from vlcore.web.compare.suspects import show_suspects
from vlcore.web.compare.view import Shown
from vlcore.web.components import browser


def _groups(view: Shown) -> None:
    widgets.show_table(group_accuracy_table(view.comparison))
    st.caption(
        plain(
            f"Accuracy of the {view.images.grouping.object_word} on held-out images, 95 % intervals"
            f" over scenes. {describe_evaluation(view.images)}"
        )
    )


def show_animation(keys: Sequence[str], palette: Palette, side: int) -> None:
    """Show the training animation of one or two models."""
    with widgets.reason_if_absent("movie"), st.container(key="film-section"):
        animation, table = _animation(keys)
        drawing = _moving_maps(keys, palette, side)
        linked_maps.draw("film", drawing, table, animation.images, animation.words)
        st.caption("The axes of every step are those of the final model.")
        for note in animation.notes:
            st.caption(plain(note))
        with st.expander("The animation in words"):
            st.markdown(plain(animation.words))


@cache.by_content(30, "Drawing the animation …")
def _animation(keys: Sequence[str]) -> tuple[TrainingAnimation, cache.Table]:
    animation = animate_training(cache.comparison(keys, PCA))
    return animation, animation.table()


@cache.by_content(60)
def _moving_maps(keys: Sequence[str], palette: Palette, side: int) -> cache.Drawing:
    return _animation(keys)[0].drawing(palette, side)


def _measures(view: Shown) -> None:
    table = measures_table(view.comparison)
    st.dataframe(table, hide_index=True, width="stretch")
    artifacts = {name.capitalize(): model.artifact for name, model in view.comparison.named.items()}
    for name, artifact in artifacts.items():
        if quality := describe_map_quality(artifact):
            st.caption(f"{name} PCA map: {quality}.")


def _export(view: Shown) -> None:
    comparison, images, palette = view.comparison, view.images, view.palette
    # Streamlit makes a file outside of the page, where no visitor is known.
    visitor = visitors.visitor()

    def image(write: Callable[[cache.Spec, Palette], bytes | str]) -> bytes | str:
        chart = figure(comparison, palette, PAPER_SIDE, view.options)
        return work.run_in_worker(visitor, write, chart.to_dict(validate=False), palette)

    def csv() -> str:
        return safe_csv(points_table(comparison, view.points))

    def parquet(key: str) -> bytes:
        with work.export_slot(visitor):
            return parquet_bytes(cache.artifact(key), images)

    def offline() -> str:
        with work.export_slot(visitor):
            return page(comparison, palette, view.options)

    name = "-".join(["compare", *(key.rpartition("-")[2] for key in view.keys)])
    st.markdown(
        "The address of this page holds its settings, what is seen alone and the search: share it"
        " to show the same maps."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        browser.COPY(key="copy-link", width="content")
        about = "The maps as an image."
        widgets.download("PNG", partial(image, chart_png), f"{name}.png", "image/png", help=about)
        about = "The maps as a drawing, for a paper."
        svg = partial(image, chart_svg)
        widgets.download("SVG", svg, f"{name}.svg", "image/svg+xml", help=about)
        about = "Maps, words and numbers in one file that works anywhere."
        widgets.download("Offline page", offline, f"{name}.html", "text/html", help=about)
        about = "One row an image: its group, its coordinates, the prediction of every model."
        widgets.download("CSV", csv, f"{name}.csv", "text/csv", help=about)
    st.markdown(
        "**A model for other tools**: embeddings, images and predictions as parquet, for Embedding"
        " Atlas or pandas."
    )
    with st.container(horizontal=True):
        for model, key in zip(comparison.named, view.keys, strict=True):
            widgets.download(
                f"Parquet, {model}",
                partial(parquet, key),
                f"{key}.parquet",
                "application/vnd.apache.parquet",
                key=f"parquet_{model}",
            )


SECTIONS: dict[str, Callable[[Shown], None]] = {
    "Groups": _groups,
    "Agreement": show_agreement,
    "Captions": show_captions,
    "Failures": show_failures,
    "Suspect labels": show_suspects,
    "Training animation": lambda view: show_animation(view.keys, view.palette, view.side),
    "All measures": _measures,
    "Export": _export,
}


def show_section(view: Shown) -> None:
    """Show the choice of a section, and the chosen one."""
    st.subheader("Look closer")
    section = widgets.choose_one(
        "Look closer", SECTIONS, "closer", "Groups", label_visibility="collapsed"
    )
    with shell.errors_as_sentences():
        SECTIONS[section](view)
