"""Pictures of a set on the Data page: what a bias leaves of them, their labels, each one, and what
gives them away."""

import json
from functools import partial
from itertools import product
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.api import audit
from vlcore.api.small_images import draw_thumbs
from vlcore.data.archive import bytes_of, pack
from vlcore.data.drawn import recipe_of, scene_of
from vlcore.data.feature_store import PRETRAINED, FeatureStore
from vlcore.data.imageset import TRAINING_SIZE, ImageSet
from vlcore.data.subset import few_training_images, parts, training_rows, usual_condition
from vlcore.experiment.captions import about_style, caption
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_name, group_words
from vlcore.experiment.limits import LONG_JOB_SECONDS
from vlcore.experiment.options import STUDY_N, style_names
from vlcore.experiment.plain_text import plain
from vlcore.experiment.progress import silent
from vlcore.plots.contact_sheets import contact_sheets
from vlcore.plots.intervals import rate_chart
from vlcore.plots.theme import Palette
from vlcore.scenes import draw
from vlcore.web import cache, jobs, shell, widgets, work
from vlcore.web.condition_controls import LABELS, bias_slider
from vlcore.web.data.drawing import drawn

LARGEST_ZIP = 60 * 2**20  # bytes; it is made in the memory of the server
archive = st.cache_data(max_entries=4, show_spinner=False, hash_funcs=cache.BY_CONTENT)(pack)
weight = st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)(
    bytes_of
)
MARKS = {
    True: ":green[:material/check_circle:]",
    False: ":red[:material/cancel:]",
    None: ":blue[:material/info:]",
}
VIEWS = {
    "colour": "mean colour",
    "rim": "rim (outer eighth)",
    "pixels": "picture at 16 x 16",
    "place": "place without the animal",
    "outline": "outline of the animal",
}
EXPLAINED = """
A *linear probe* is the simplest model there is: if it can name the animal from a view in which no
animal can be seen, a neural network can too, and what it learns need not be the animal. What is
easy to see is no fault of a set. But what is *easier* is learnt first, and the outcome of a study
depends on it: compare `scenes` with `balanced-cues`.
"""


def about(images: ImageSet) -> str:
    """Where a set comes from, in a line."""
    recipe = recipe_of(images.name)
    imported = f"imported from {images.about.get('source', 'a folder')}"
    kind = f"drawn by the lab, {recipe.in_words()}" if recipe else imported
    splits = ", ".join(
        f"{sum(by_group.values()):,} {split}" for split, by_group in images.counts().items()
    )
    folds = f", in {images.folds} folds: each picture is held out once" if images.folds else ""
    shown = f"{images.name}: {kind}; {len(images.table):,} pictures ({splits}){folds}"
    return f"{shown}; licence {images.about.get('licence', 'not stated')}; version {images.version}"


def towers(images: ImageSet) -> str:
    """What each pair of towers reads of the images, in a sentence."""
    if not images.has_pictures:
        return "These are embeddings: no image tower reads them."
    size = f"Models from scratch read these images at {TRAINING_SIZE} x {TRAINING_SIZE} px"
    network = "EfficientNet-Lite0, trained on ImageNet"
    missing = len(missing_features(images))
    state = (
        "are there" if missing == 0 else f"are computed when they are needed, {missing:,} of them"
    )
    return (
        f"{size}; the pretrained image tower ({network}) reads them at 224 x 224 px, and its"
        f" features {state}."
    )


@st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def missing_features(images: ImageSet) -> list[int]:
    """Rows whose features under the pretrained tower are not there yet."""
    store = FeatureStore(images, PRETRAINED, _not_opened)
    return store.missing(range(len(images.table)))


def _not_opened() -> NoReturn:
    raise AssertionError("looking for what is missing computes nothing")


def section(images: ImageSet, palette: Palette) -> None:
    """The training pictures under a bias, their labels and means, and both as files."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bias = bias_slider("bias", width=420)
        labels = LABELS[widgets.choose_one("Labels", LABELS, "labels", "descriptive")]
        seed = widgets.seed("seed", width=120)
    condition = usual_condition(images).replace(
        bias=bias, labels=labels, data_seed=seed, init_seed=seed
    )
    if condition.n_per_group < STUDY_N:
        st.warning(few_training_images(images), icon=":material/warning:")
    _sheets(images, condition, palette)
    st.subheader("How they are labelled")
    _labels(images)
    st.subheader("The mean of each group")
    left = "What is left when all training pictures of a group are laid over each other"
    st.caption(f"{left}: where these differ, even the simplest model can tell the groups apart.")
    means = means_of(images, condition)
    with st.container(horizontal=True):
        for group, (words, _) in _as_on_sheets(images.grouping).items():
            with st.container(width=170):
                if group in means:
                    widgets.show_image(means[group], alt=f"Mean of {words}")
                    st.caption(plain(words))
                else:
                    st.caption(
                        f"{plain(words)}: no mean, for no picture of this group is left in training"
                    )
    st.subheader("Take them with you")
    _downloads(images, condition)


def _as_on_sheets(grouping: Grouping) -> dict[str, tuple[str, tuple[str, str]]]:
    """The groups in words, with object and context, as the sheets show them: objects down, contexts
    across."""
    pairs, words = product(grouping.objects, grouping.contexts), group_words(grouping)
    return {group_name(*pair): (words[group_name(*pair)], pair) for pair in pairs}


def _sheets(images: ImageSet, condition: Condition, palette: Palette) -> None:
    grouping, table = images.grouping, training(images, condition)
    counts = (
        table.groupby("group")["kept"].agg(["sum", "count"]).reindex(grouping.names, fill_value=0)
    )
    roles = {
        group: "minority" if group in grouping.minority else "majority" for group in grouping.names
    }
    cells = {
        group: f"{kept} of {there} ({roles[group]})" for group, kept, there in counts.itertuples()
    }
    columns = {
        place: [cells[group_name(obj, place)] for obj in grouping.objects]
        for place in grouping.contexts
    }
    st.dataframe(
        {"training pictures": list(grouping.objects), **columns}, width="content", hide_index=True
    )
    said = (
        "Training pictures of the four groups; faded ones are removed at"
        f" {condition.bias * 100:g} %"
    )
    key, drawn = (
        f"sheets{st.session_state.get('closed', 0)}",
        sheets(images, condition, palette, shell.map_side()),
    )
    event = cache.show_chart(drawn, alt=said, key=key, on_select="rerun", selection_mode=["pick"])
    st.caption(
        "Faded pictures are removed by the bias: the model never sees them. Click one to look"
        " at it."
    )
    if picked := event.selection.get("pick", []) if event else []:
        st.query_params["picture"] = str(picked[0].get("id"))
    shown = {f"p{row}": int(row) for row in table.index}
    identity = st.query_params.get("picture", "")
    # A picture is opened when it is clicked, or with the address; not again at every run after it
    # was closed, nor by an address from before it was, which a browser may send that has not heard
    # of it yet.
    name, before, clicked = st.session_state.get("enlarged", ("", "", ""))
    if identity in shown and (
        (name, before) != (images.name, identity) or (picked and clicked != key)
    ):
        _enlarged(images, shown[identity])
        st.session_state["enlarged"] = images.name, identity, key


def training(images: ImageSet, condition: Condition) -> pd.DataFrame:
    """The training pictures of a condition before any is removed, in their fixed order, and whether
    each is `kept`."""
    part = parts(images, condition.data_seed)[0]
    table = images.table.iloc[training_rows(part, condition.replace(bias=0.0))]
    return table.assign(kept=table.index.isin(training_rows(part, condition)))


@st.cache_resource(
    max_entries=60, show_spinner="Drawing the pictures …", hash_funcs=cache.BY_CONTENT
)
def sheets(images: ImageSet, condition: Condition, palette: Palette, side: int) -> dict[str, Any]:
    """The contact sheets of a condition's training pictures, as a finished specification."""
    # What is kept comes first, so that a higher bias eats a sheet from its end.
    table, grouping = (
        training(images, condition).sort_values("kept", ascending=False, kind="stable"),
        images.grouping,
    )
    said = [
        caption(condition.labels, *pair, grouping)
        for pair in zip(table["object"], table["context"], strict=True)
    ]
    thumbs, places = draw_thumbs(images, table.index.tolist()), table.groupby("group").cumcount()
    table = table.assign(
        id=[f"p{row}" for row in table.index], caption=said, thumb=thumbs, place=places
    )
    table["spoken"] = table["caption"] + table["kept"].map(
        {True: ", in training", False: ", removed by the bias"}
    )
    return cache.chart_spec(contact_sheets(table, palette=palette, grouping=grouping, side=side))


@st.cache_data(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def means_of(images: ImageSet, condition: Condition) -> dict[str, NDArray[np.uint8]]:
    """Mean picture of each group over the condition's training pictures, by group; a group without
    any is absent."""
    table = training(images, condition).query("kept")
    images.ensure_rendered(table.index.tolist(), silent)
    pixels, groups = images.pixels(table.index.to_numpy()), table["group"].to_numpy()
    return {
        group: pixels[groups == group].mean(axis=0).round().astype(np.uint8)
        for group in np.unique(groups)
    }


def _closed() -> None:
    st.query_params.pop("picture", None)
    # A chart of a new name has no selection: the old one's would come back later and open the
    # picture again.
    st.session_state["closed"] = st.session_state.get("closed", 0) + 1


@st.dialog("One picture", width="large", on_dismiss=_closed)
def _enlarged(images: ImageSet, row: int) -> None:
    facts, groups = images.table.iloc[row], _as_on_sheets(images.grouping)
    scene = scene_of(images, row) if images.about.get("recipe") else None
    own, words = st.columns([2, 3])
    picture = draw(scene, 384).image if scene else images.image(row)
    widgets.show_image(picture, width=384, alt=str(facts["caption"]), within=own)
    with words:
        st.markdown(f"**{plain(groups[facts['group']][0])}**")
        for word, style in LABELS.items():
            said = caption(style, facts["object"], facts["context"], images.grouping)
            st.caption(plain(f"{word} label: “{said}”"))
        if scene:
            turned, side = (
                round(float(np.degrees(scene.heading))),
                "left" if scene.sun_azimuth < 0 else "right",
            )
            seen = {
                "pose": scene.pose,
                "coat": (
                    scene.coat if scene.pattern == "plain" else f"{scene.coat}, {scene.pattern}"
                ),
                "looks": (
                    "to the right" if turned < 60 else "at you" if turned <= 120 else "to the left"
                ),
                "size": f"{round(100 * scene.size)} % of the width of the picture",
                "light": "from behind you" if abs(scene.sun_azimuth) < 0.3 else f"from the {side}",
                "sky": scene.sky,
            }
            st.dataframe(pd.DataFrame(seen.items(), columns=["factor", "value"]), hide_index=True)
    if scene:
        st.markdown("**Its twins**: everything else is equal.")
        for column, (group, (name, (obj, context))) in zip(
            st.columns(4), groups.items(), strict=True
        ):
            widgets.show_image(
                drawn(scene.replace(object=obj, context=context)), alt=name, within=column
            )
            column.caption(plain(f"{name}{' (itself)' if group == facts['group'] else ''}"))
    if factors := json.loads(facts["factors"] or "{}"):
        with st.expander("All that is written down of this picture"):
            values = [
                f"{value:.3g}" if isinstance(value, float) else str(value)
                for value in factors.values()
            ]
            st.dataframe({"factor": list(factors), "value": values}, hide_index=True, height=320)


def _labels(images: ImageSet) -> None:
    grouping, groups = images.grouping, _as_on_sheets(images.grouping).values()
    said = {
        word: [caption(style, *pair, grouping) for _, pair in groups]
        for word, style in LABELS.items()
    }
    st.dataframe(
        {"group": [words for words, _ in groups], **said}, hide_index=True, width="content"
    )
    if grouping == SCENES:
        wording = (
            "The “a” in “a camel in the desert” is the study's own wording. It stands in one group"
            " alone"
        )
        st.caption(
            f"{wording}, which makes it a label of that group; the style descriptive-plain leaves"
            " it out."
        )
    offered = style_names(drawn=bool(images.about.get("recipe")))
    styles = [style for style in offered if style not in (*LABELS.values(), "own")]
    said = {words: [caption(style, *pair, grouping) for style in styles] for words, pair in groups}
    with st.expander("Other label styles"):
        st.dataframe(
            {"style": styles, **said, "what it is for": list(map(about_style, styles))},
            hide_index=True,
        )
        st.caption(
            "Where a style has several captions for a group, its most frequent one stands here."
        )


def _downloads(images: ImageSet, condition: Condition) -> None:
    kept = training(images, condition)["kept"].sum()
    size = weight(images) or LARGEST_ZIP + 1  # of a set that is not drawn yet
    name = f"{images.name}-b{condition.bias * 100:g}-s{condition.data_seed}"
    offers: list[Any] = [
        (f"The {kept:,} training pictures (zip)", condition, name, ":material/download:")
    ]
    if size <= LARGEST_ZIP:
        offers.append(
            (
                f"The whole set (zip, {size / 2**20:.0f} MB)",
                None,
                images.name,
                ":material/folder_zip:",
            )
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, of, called, icon in offers:
            st.download_button(
                label, partial(archive, images, of), f"{called}.zip", "application/zip", icon=icon
            )
        if size > LARGEST_ZIP:
            command = (
                f"`python -m vlcore data render --name {images.name}` draws it into"
                f" `data/{images.root.name}/`"
            )
            st.caption(f"The whole set is large: {command}.", width="content")


def cheats(images: ImageSet, palette: Palette) -> None:
    """What simple views of the pictures give away, asked once and kept."""
    st.subheader("What could a model cheat with?")
    st.caption(
        "What the simplest model can tell from a part of the picture, a neural network can learn"
        " instead."
    )
    key = audit.checks_key(images.name, images.version)
    if not work.view(key).done:
        ask = partial(
            work.ask, key, audit.make_checks, images.name, images.version, limit=LONG_JOB_SECONDS
        )
        button: dict[str, Any] = {
            "type": "primary",
            "icon": ":material/search:",
            "help": "About ten seconds.",
        }
        button["job"] = "This check"
        jobs.watch(
            [key], lambda views: jobs.progress_or_start(views[0], "Check this set", ask, **button)
        )
        return
    found = audit.read_checks(cache.artifact(key))
    if sentence := audit.easier_cue(found, images.grouping.object_word):
        st.markdown(f"**{plain(sentence)}**")
    if rates := [entry.number for entry in found if entry.number]:
        labels = {"object": images.grouping.object_word, "context": "background"}
        rows = pd.DataFrame(rates).replace({"view": VIEWS, "label": labels})
        chart = rate_chart(rows, palette=palette, width=shell.map_side())
        cache.show_chart(chart, alt="What a linear probe names right from each view", key="rates")
    wrong = sum(entry.ok is False for entry in found)
    verdict = f"{wrong} not as they should be" if wrong else "none is as it should not be"
    with st.expander(f"All {len(found)} answers, {verdict}"):
        for entry in found:
            st.markdown(f"{MARKS[entry.ok]} {plain(entry.sentence)}")
    with st.expander("What is a linear probe?"):
        st.markdown(EXPLAINED)
