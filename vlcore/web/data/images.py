"""Images of a set on the Data page: what a bias leaves of them, their captions, each one, and the
shortcut audit."""

import json
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.api import audit
from vlcore.api.small_images import draw_thumbs
from vlcore.data.drawn import recipe_of, scene_of
from vlcore.data.imageset import TRAINING_SIZE, ImageSet
from vlcore.data.packed import PACKED
from vlcore.data.subset import few_training_images, split_parts, training_rows, usual_condition
from vlcore.experiment.captions import caption
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_name, group_words
from vlcore.experiment.limits import LONG_JOB_SECONDS
from vlcore.experiment.options import LABEL_STYLES, STUDY_N, shown_name, style_names
from vlcore.experiment.plain_text import plain
from vlcore.experiment.progress import silent
from vlcore.plots.contact_sheets import contact_sheets
from vlcore.plots.intervals import rate_chart
from vlcore.plots.theme import Palette
from vlcore.scenes import Scene, draw_scene
from vlcore.web import cache, jobs, shell, widgets, work
from vlcore.web.condition_controls import LABELS, bias_slider
from vlcore.web.data.drawing import drawn

MARKS = {
    True: ":green[:material/check_circle:]",
    False: ":red[:material/cancel:]",
    None: ":blue[:material/info:]",
}
VIEWS = {
    "colour": "mean colour",
    "rim": "border (outer eighth)",
    "pixels": "image at 16 x 16",
    "place": "background without the animal",
    "outline": "outline of the animal",
}
EXPLAINED = """
A *linear probe* is the simplest model there is: if it predicts the animal from a view in which no
animal can be seen, a neural network can too, and what it learns need not be the animal. What is
easy to see is no fault of a set. But what is *easier* is learnt first, and the outcome of a study
depends on it: compare `scenes` with `balanced-cues`.
"""


def describe_set(images: ImageSet) -> str:
    """Where a set comes from, in a line."""
    recipe = recipe_of(images.name)
    origin = f"imported from {images.about.get('source', 'a folder')}"
    if images.name in PACKED:
        origin = str(images.about.get("source", "comes with the lab"))
    if recipe:
        origin = f"drawn by the lab, {recipe.in_words()}"
    splits = ", ".join(
        f"{sum(by_group.values()):,} {split}" for split, by_group in images.counts().items()
    )
    division = f" ({splits})"
    if images.folds:
        division = f", in {images.folds} folds: each image is held out once"
    licence = images.about.get("licence", "not stated")
    return (
        f"{images.name}: {origin}; {len(images.table):,} images{division}; licence"
        f" {licence}; version {images.version}"
    )


def describe_towers(images: ImageSet) -> str:
    """At what sizes the towers read the images, in a sentence."""
    size = f"Models from scratch read these images at {TRAINING_SIZE} x {TRAINING_SIZE} px"
    network = "EfficientNet-Lite0, trained on ImageNet"
    missing = len(cache.missing_features(images))
    state = f"are computed when they are needed, {missing:,} of them" if missing else "are stored"
    return (
        f"{size}; the pretrained image encoder ({network}) reads them at 224 x 224 px, and its"
        f" features {state}."
    )


def show_training_images(images: ImageSet, palette: Palette) -> None:
    """The training images under a bias, their captions and means."""
    bias = bias_slider("data_bias", width=420)
    condition = usual_condition(images).replace(bias=bias, labels="descriptive")
    if condition.n_per_group < STUDY_N:
        st.warning(few_training_images(images), icon=":material/warning:")
    _sheets(images, condition, palette)
    st.subheader("Their captions")
    with st.container(key="captions"):
        _captions(images)
    st.subheader("Average image of each group")
    st.caption("If these averages differ, even the simplest model can tell the groups apart.")
    means = means_of(images, condition)
    with st.container(horizontal=True):
        for group, (words, _) in _as_on_sheets(images.grouping).items():
            with st.container(width=170):
                if group in means:
                    widgets.show_image(means[group], alt=f"Mean of {words}")
                    st.caption(plain(words))
                else:
                    st.caption(f"{plain(words)}: no image of this group is left in training")
    with st.expander("About this image set"):
        st.markdown(plain(f"{describe_set(images)}. {describe_towers(images)}"))


def _as_on_sheets(grouping: Grouping) -> dict[str, tuple[str, tuple[str, str]]]:
    """The groups in words, with object and context, as the sheets show them: objects down, contexts
    across."""
    words = group_words(grouping)
    groups = {}
    for pair in product(grouping.objects, grouping.contexts):
        group = group_name(*pair)
        groups[group] = words[group], pair
    return groups


def _sheets(images: ImageSet, condition: Condition, palette: Palette) -> None:
    table = training(images, condition)
    name, before, clicked = st.session_state.get("enlarged", ("", "", ""))
    if clicked == _sheets_key() and "picture" not in st.query_params:
        _closed()  # by Back
        name, before, clicked = st.session_state["enlarged"] = ("", "", "")
    key = _sheets_key()
    event = cache.show_chart(
        sheets(images, condition, palette, shell.map_side()),
        alt=(
            "Training images of the four groups; faded ones are removed at"
            f" {condition.bias * 100:g}%"
        ),
        key=key,
        on_select="rerun",
        selection_mode=["pick"],
    )
    st.caption(
        "Faded images are removed by the bias: the model never sees them. Click one to look at it."
    )
    if picked := event.selection.get("pick", []) if event else []:
        st.query_params["picture"] = str(picked[0].get("id"))
    rows = {f"p{row}": int(row) for row in table.index}
    identity = st.query_params.get("picture", "")
    # An image is opened when it is clicked, or with the address; not again at every run after it
    # was closed, nor by an address from before it was, which a browser may send that does not know
    # of it yet.
    is_new = (name, before) != (images.name, identity) or (picked and clicked != key)
    if identity in rows and is_new:
        _enlarged(images, rows[identity])
        st.session_state["enlarged"] = images.name, identity, key


def training(images: ImageSet, condition: Condition) -> pd.DataFrame:
    """The training images of a condition before any is removed, in their fixed order, and whether
    each is `kept`."""
    part = split_parts(images, condition.data_seed)[0]
    table = images.table.iloc[training_rows(part, condition.replace(bias=0.0))]
    return table.assign(kept=table.index.isin(training_rows(part, condition)))


@cache.by_content(60, "Drawing the images …")
def sheets(images: ImageSet, condition: Condition, palette: Palette, side: int) -> dict[str, Any]:
    """The contact sheets of a condition's training images, as a finished specification."""
    grouping = images.grouping
    # Remaining images come first, so that a higher bias removes them from the end of a sheet.
    table = training(images, condition).sort_values("kept", ascending=False, kind="stable")
    pairs = zip(table["object"], table["context"], strict=True)
    states = {True: ", in training", False: ", removed by the bias"}
    table = table.assign(
        id=[f"p{row}" for row in table.index],
        caption=[caption(condition.labels, *pair, grouping) for pair in pairs],
        thumb=draw_thumbs(images, table.index.tolist()),
        place=table.groupby("group").cumcount(),
    )
    table["spoken"] = table["caption"] + table["kept"].map(states)
    return cache.chart_spec(contact_sheets(table, palette=palette, grouping=grouping, side=side))


@st.cache_data(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def means_of(images: ImageSet, condition: Condition) -> dict[str, NDArray[np.uint8]]:
    """Mean of each group's training images, by group; a group without any is absent."""
    table = training(images, condition).query("kept")
    images.ensure_rendered(table.index.tolist(), silent)
    pixels, groups = images.pixels(table.index.to_numpy()), table["group"].to_numpy()
    return {
        group: pixels[groups == group].mean(axis=0).round().astype(np.uint8)
        for group in np.unique(groups)
    }


def _sheets_key() -> str:
    return f"sheets{st.session_state.get('closed', 0)}"


def _closed() -> None:
    st.query_params.pop("picture", None)
    # A chart of a new name has no selection: the old one's would come back later and open the
    # image again.
    st.session_state["closed"] = st.session_state.get("closed", 0) + 1


@st.dialog("One image", width="large", on_dismiss=_closed)
def _enlarged(images: ImageSet, row: int) -> None:
    facts, groups = images.table.iloc[row], _as_on_sheets(images.grouping)
    scene = scene_of(images, row) if images.about.get("recipe") else None
    left, right = st.columns([2, 3])
    pixels = draw_scene(scene, 384).image if scene else images.image(row)
    widgets.show_image(pixels, width=384, alt=str(facts["caption"]), within=left)
    with right:
        st.markdown(f"**{plain(groups[facts['group']][0])}**")
        for word, style in LABELS.items():
            text = caption(style, facts["object"], facts["context"], images.grouping)
            st.caption(plain(f"{word} caption: “{text}”"))
        if scene:
            factors = _visible_factors(scene)
            st.dataframe({"factor": list(factors), "value": factors.values()}, hide_index=True)
    twins = images.twins(row)
    if scene or twins:
        st.markdown("**Its twins**: everything else is equal.")
        for column, (group, (name, (obj, context))) in zip(
            st.columns(4), groups.items(), strict=True
        ):
            if scene:
                twin = drawn(scene.replace(object=obj, context=context))
            else:
                twin = images.image(twins[group])
            widgets.show_image(twin, alt=name, within=column)
            column.caption(plain(f"{name}{' (itself)' if group == facts['group'] else ''}"))
    if stored := json.loads(facts["factors"] or "{}"):
        with st.expander("All stored factors of this image"):
            values = [
                f"{value:.3g}" if isinstance(value, float) else str(value)
                for value in stored.values()
            ]
            st.dataframe({"factor": list(stored), "value": values}, hide_index=True, height=320)


def _visible_factors(scene: Scene) -> dict[str, str]:
    """The factors of a scene that can be seen, in words."""
    turn = round(float(np.degrees(scene.heading)))
    side = "left" if scene.sun_azimuth < 0 else "right"
    return {
        "pose": scene.pose,
        "coat": scene.coat if scene.pattern == "plain" else f"{scene.coat}, {scene.pattern}",
        "looks": "to the right" if turn < 60 else "at you" if turn <= 120 else "to the left",
        "size": f"length {round(100 * scene.size)}% of the image's side",
        "light": "from behind you" if abs(scene.sun_azimuth) < 0.3 else f"from the {side}",
        "sky": scene.sky,
    }


def _captions(images: ImageSet) -> None:
    grouping, groups = images.grouping, _as_on_sheets(images.grouping).values()
    captions: dict[str, list[str]] = {"group": [words for words, _ in groups]}
    for word, style in LABELS.items():
        captions[word] = [caption(style, *pair, grouping) for _, pair in groups]
    st.dataframe(captions, hide_index=True, width="content")
    if grouping == SCENES:
        st.caption(
            "The “a” in “a camel in the desert” is the study's own wording. It occurs in one"
            " group only, so it reveals that group. The style descriptive-plain leaves it out."
        )
    styles = [
        style for style in style_names(images.traits) if style not in (*LABELS.values(), "own")
    ]
    table = {"style": [shown_name("labels", style) for style in styles]}
    for words, pair in groups:
        table[words] = [caption(style, *pair, grouping) for style in styles]
    table["what it is for"] = [LABEL_STYLES[style].sentence for style in styles]
    with st.expander("Other caption styles"):
        st.dataframe(table, hide_index=True)
        st.caption(
            "Where a style has several captions for a group, its most frequent one is shown here."
        )


def shortcut_audit(images: ImageSet, palette: Palette) -> None:
    """The shortcuts that simple views of the images hold, computed once and stored."""
    st.subheader("Which shortcuts do the images hold?")
    st.caption(
        "What the simplest model can predict from a part of the image, a neural network can learn"
        " instead."
    )
    key = audit.checks_key(images.name, images.version)
    if not work.view(key).done:
        task = audit.make_checks, images.name, images.version

        def start(keys: Sequence[str]) -> None:
            for wanted in keys:
                work.ask(wanted, *task, limit=LONG_JOB_SECONDS)

        st.caption("It takes about ten seconds.")
        jobs.need([key], start, "Check this set", key="check", by_itself=True)
        st.markdown(EXPLAINED)
        return
    checks = audit.read_checks(cache.artifact(key))
    if headline := audit.easier_cue(checks):
        verdict, numbers = headline
        st.markdown(f"**{plain(verdict)}** {plain(numbers)}")
    if rates := [check.number for check in checks if check.number]:
        labels = {"object": images.grouping.object_word, "context": "background"}
        rows = pd.DataFrame(rates).replace({"view": VIEWS, "label": labels})
        chart = rate_chart(rows, palette=palette, width=shell.map_side())
        cache.show_chart(chart, alt="Accuracy of a linear probe on each view", key="rates")
    answers = [check.ok for check in checks if check.ok is not None]
    failed = answers.count(False)
    verdict = f"{failed} of {len(answers)} checks failed" if failed else ""
    with st.expander(verdict or f"All {len(answers)} checks passed"):
        for check in checks:
            st.markdown(f"{MARKS[check.ok]} {plain(check.sentence)}")
    with st.expander("What is a linear probe?"):
        st.markdown(EXPLAINED)
