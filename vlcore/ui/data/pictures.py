"""Pictures of a set on the Data page: what a bias leaves of them, what they are labelled with, and each one closely."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import streamlit as st

from vlcore.charts.theme import Palette
from vlcore.core.captions import about_style, caption
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES, group_name, group_words
from vlcore.core.options import style_names
from vlcore.datasets.drawn import recipe_of, scene_of
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import usual_condition
from vlcore.scenes import Scene, draw
from vlcore.ui import cache, condition_controls, shell, widgets
from vlcore.ui.data import gallery
from vlcore.ui.data.drawing import drawn

LARGEST_ZIP = 60 * 2**20  # bytes; it is made in the memory of the server


def about(images: ImageSet) -> str:
    """Where a set comes from, in a line."""
    recipe = recipe_of(images.name)
    source = images.about.get("source", "a folder")
    kind = f"drawn by the lab, {recipe.in_words()}" if recipe else f"imported from {source}"
    splits = ", ".join(f"{sum(by_group.values()):,} {split}" for split, by_group in images.counts().items())
    folds = f", in {images.folds} folds: each picture is held out once" if images.folds else ""
    return (
        f"{images.name}: {kind}; {len(images.table):,} pictures ({splits}){folds}; licence "
        f"{images.about.get('licence', 'not stated')}; version {images.version}"
    )


def section(images: ImageSet, palette: Palette) -> None:
    """The training pictures under a bias, their labels and means, and both as files."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bias = condition_controls.bias_slider("bias", width=420)
        labels = st.segmented_control(
            "Labels",
            options=list(condition_controls.LABELS),
            default="descriptive",
            required=True,
            key="labels",
            bind="query-params",
        )
        seed = int(st.number_input("Seed", 0, 999, 0, key="seed", bind="query-params", width=120))
    with shell.errors_as_sentences():
        condition = usual_condition(images).replace(
            bias=bias, labels=condition_controls.LABELS[labels or "descriptive"], data_seed=seed, init_seed=seed
        )
        _sheets(images, condition, palette)
    st.subheader("How they are labelled")
    _labels(images)
    st.subheader("The mean of each group")
    st.caption(
        "What is left when all training pictures of a group are laid over each other: where these differ, "
        "even the simplest model can tell the groups apart."
    )
    with shell.errors_as_sentences(), st.container(horizontal=True):
        means, names = gallery.means(images, condition), group_words(images.grouping)
        for group in (group_name(*pair) for pair in _as_on_sheets(images)):
            with st.container(width=170):
                if group in means:
                    widgets.picture(means[group], width="stretch", alt=f"Mean of {names[group]}")
                    st.caption(names[group])
                else:
                    st.caption(f"{names[group]}: no mean, for no picture of this group is left in training")
    st.subheader("Take them with you")
    _downloads(images, condition)


def _as_on_sheets(images: ImageSet) -> list[tuple[str, str]]:
    """The groups in the order in which the sheets show them: objects down, contexts across."""
    return list(product(images.grouping.objects, images.grouping.contexts))


def _sheets(images: ImageSet, condition: Condition, palette: Palette) -> None:
    """Counts and contact sheets; the picture that is clicked, or in the address, is opened."""
    grouping, groups = images.grouping, images.table["group"]
    rows = gallery.pool_rows(images, condition)
    there, left = (groups.iloc[of].value_counts() for of in (rows, gallery.kept_rows(images, condition)))

    def cell(group: str) -> str:
        role = "minority" if group in grouping.minority else "majority"
        return f"{left.get(group, 0)} of {there.get(group, 0)} ({role})"

    counts = [
        {"training pictures": obj, **{context: cell(group_name(obj, context)) for context in grouping.contexts}}
        for obj in grouping.objects
    ]
    st.dataframe(pd.DataFrame(counts), width="content", hide_index=True)
    event = cache.show(
        gallery.sheets(images, condition, palette, shell.map_side()),
        alt=f"Training pictures of the four groups; faded ones are removed at {condition.bias * 100:g} %",
        key=f"sheets{st.session_state.get('closed', 0)}",
        on_select="rerun",
        selection_mode=["pick"],
    )
    st.caption("Faded pictures are removed by the bias: the model never sees them. Click one to look at it.")
    if picked := event.selection.get("pick", []) if event else []:
        st.query_params["picture"] = str(picked[0].get("id"))
    shown = {f"p{row}": int(row) for row in rows}
    identity = st.query_params.get("picture", "")
    # A picture is opened when it is clicked, or with the address; not again at every run after it was closed.
    if identity in shown and st.session_state.get("enlarged") != (images.name, identity):
        _enlarged(images, shown[identity])
    st.session_state["enlarged"] = (images.name, identity)


def _closed() -> None:
    st.query_params.pop("picture", None)
    # A chart of a new name has no selection: the old one's would come back later and open the picture again.
    st.session_state["closed"] = st.session_state.get("closed", 0) + 1


@st.dialog("One picture", width="large", on_dismiss=_closed)
def _enlarged(images: ImageSet, row: int) -> None:
    """One picture, large, with its captions and, where it is drawn, its factors and twins."""
    facts = images.table.iloc[row]
    names = group_words(images.grouping)
    scene = scene_of(images, row) if images.about.get("recipe") else None
    own, words = st.columns([2, 3])
    picture = draw(scene, 384).image if scene else images.image(row)
    widgets.picture(picture, width=384, alt=str(facts["caption"]), within=own)
    with words:
        st.markdown(f"**{names[facts['group']]}**")
        for word, style in condition_controls.LABELS.items():
            said = caption(style, facts["object"], facts["context"], images.grouping)
            st.caption(f"{word} label: “{said}”")
        if scene:
            table = pd.DataFrame(_visible_factors(scene).items(), columns=["factor", "value"])
            st.dataframe(table, hide_index=True)
    if scene:
        st.markdown("**Its twins**: everything else is equal.")
        for column, (obj, context) in zip(st.columns(4), _as_on_sheets(images), strict=True):
            group = group_name(obj, context)
            twin = drawn(scene.replace(object=obj, context=context))
            widgets.picture(twin, width="stretch", alt=names[group], within=column)
            column.caption(f"{names[group]}{' (itself)' if group == facts['group'] else ''}")
    if factors := json.loads(facts["factors"] or "{}"):
        with st.expander("All that is written down of this picture"):
            values = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in factors.values()]
            table = pd.DataFrame({"factor": list(factors), "value": values})
            st.dataframe(table, hide_index=True, height=320)


def _visible_factors(scene: Scene) -> dict[str, str]:
    """The factors of a scene that one sees at once, in words."""
    turned = round(float(np.degrees(scene.heading)))
    side = "left" if scene.sun_azimuth < 0 else "right"
    return {
        "pose": scene.pose,
        "coat": scene.coat if scene.pattern == "plain" else f"{scene.coat}, {scene.pattern}",
        "looks": "to the right" if turned < 60 else "at you" if turned <= 120 else "to the left",
        "size": f"{round(100 * scene.size)} % of the width of the picture",
        "light": "from behind you" if abs(scene.sun_azimuth) < 0.3 else f"from the {side}",
        "sky": scene.sky,
    }


def _labels(images: ImageSet) -> None:
    """What the labels say in each group, for the two styles of the study and, folded away, for all others."""
    grouping, order = images.grouping, _as_on_sheets(images)
    names = [group_words(grouping)[group_name(*pair)] for pair in order]
    said = {
        word: [caption(style, *pair, grouping) for pair in order] for word, style in condition_controls.LABELS.items()
    }
    st.dataframe({"group": names, **said}, hide_index=True, width="content")
    if grouping == SCENES:
        st.caption(
            "The “a” in “a camel in the desert” is the study's own wording. It stands in one group alone, which makes "
            "it a label of that group; the style descriptive-plain leaves it out."
        )
    styles = style_names(drawn=bool(images.about.get("recipe")))
    with st.expander("Other label styles"):
        st.dataframe(
            [
                {
                    "style": style,
                    **{name: caption(style, *pair, grouping) for name, pair in zip(names, order, strict=True)},
                    "what it is for": about_style(style),
                }
                for style in styles
                if style not in (*condition_controls.LABELS.values(), "own")
            ],
            hide_index=True,
        )
        st.caption("Where a style has several captions for a group, its most frequent one stands here.")


def _downloads(images: ImageSet, condition: Condition) -> None:
    """The training pictures and the whole set as zips, or how to get what is too large for one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"The {len(gallery.kept_rows(images, condition)):,} training pictures (zip)",
            data=lambda: gallery.archive(images, condition),
            file_name=f"{images.name}-b{condition.bias * 100:g}-s{condition.data_seed}.zip",
            mime="application/zip",
            icon=":material/download:",
        )
        size = gallery.weight(images)
        if size is not None and size <= LARGEST_ZIP:
            st.download_button(
                f"The whole set (zip, {size / 2**20:.0f} MB)",
                data=lambda: gallery.archive(images, None),
                file_name=f"{images.name}.zip",
                mime="application/zip",
                icon=":material/folder_zip:",
            )
        else:
            st.caption(
                f"The whole set is large: `python -m vlcore data render --name {images.name}` draws it into "
                f"`data/{images.root.name}/`.",
                width="content",
            )
