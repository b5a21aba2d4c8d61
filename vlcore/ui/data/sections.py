"""Sections of the Data page: counts, cheats, one scene and its twins, sets of one's own.

The one idea: each section is a function of an image set that draws itself; the page only chooses which.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.charts.rates import rate_chart
from vlcore.charts.theme import Palette
from vlcore.core.captions import about_style, caption
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES, Grouping, group_name, group_words, place_words
from vlcore.core.options import style_names
from vlcore.datasets.catalogue import new_recipe
from vlcore.datasets.drawn import SCENES_RECIPE, SIZES, Recipe, make_set, recipe_of, scene_of
from vlcore.datasets.imageset import ImageSet
from vlcore.runs import audit
from vlcore.scenes import COATS, CONTEXTS, OBJECTS, POSES, SKIES, STYLES, Scene, draw, sample
from vlcore.store.jobs import JobStatus
from vlcore.ui import cache, condition_controls, jobs, shell, widgets
from vlcore.ui.data import gallery

SECTIONS = ("pictures", "cheats", "one scene", "draw a set", "your own")
LARGEST_ZIP = 60 * 2**20  # bytes; it is made in the memory of the server


def about(images: ImageSet) -> str:
    """Where a set comes from, in a line."""
    recipe = recipe_of(images.name)
    kind = (
        f"drawn by the lab, {recipe.in_words()}"
        if recipe
        else f"imported from {images.about.get('source', 'a folder')}"
    )
    counts = images.counts()
    splits = ", ".join(f"{sum(by_group.values()):,} {split}" for split, by_group in counts.items())
    licence = images.about.get("licence", "not stated")
    folds = f", in {images.folds} folds: each picture is held out once" if images.folds else ""
    return (
        f"{images.name}: {kind}; {len(images.table):,} pictures ({splits}){folds}; licence {licence}; "
        f"version {images.version}"
    )


def counts(images: ImageSet, condition: Condition) -> pd.DataFrame:
    """The table of counts, objects down and contexts across, in words."""
    rows, kept = gallery.pool_rows(images, condition), gallery.kept_rows(images, condition)
    groups = images.table["group"].to_numpy()
    grouping = images.grouping
    names = dict(zip(grouping.pairs, grouping.names, strict=True))

    def cell(obj: str, context: str) -> str:
        group = names[obj, context]
        there, left = int((groups[rows] == group).sum()), int((groups[kept] == group).sum())
        role = "minority" if group in grouping.minority else "majority"
        return f"{left} of {there} ({role})"

    return pd.DataFrame(
        [{"training pictures": obj, **{c: cell(obj, c) for c in grouping.contexts}} for obj in grouping.objects]
    )


def as_on_sheets(grouping: Grouping) -> list[str]:
    """The groups in the order in which the sheets show them: objects down, contexts across."""
    return [group_name(obj, context) for obj, context in product(grouping.objects, grouping.contexts)]


def labels(images: ImageSet) -> None:
    """What the labels say in each group, for the two styles of the study and, folded away, for all others."""
    grouping = images.grouping
    names, pairs = group_words(grouping), dict(zip(grouping.names, grouping.pairs, strict=True))
    order = as_on_sheets(grouping)
    said = {
        word: [caption(style, *pairs[group], grouping) for group in order]
        for word, style in condition_controls.LABELS.items()
    }
    st.dataframe({"group": [names[group] for group in order], **said}, hide_index=True, width="content")
    if grouping == SCENES:
        st.caption(
            "The “a” in “a camel in the desert” is the study's own wording. It stands in one group alone, which makes "
            "it a label of that group; the style descriptive-plain leaves it out."
        )
    styles = style_names(drawn=bool(images.about.get("recipe")))
    others = [style for style in styles if style not in (*condition_controls.LABELS.values(), "own")]
    with st.expander("Other label styles"):
        st.dataframe(
            [
                {
                    "style": style,
                    **{names[group]: caption(style, *pairs[group], grouping) for group in order},
                    "what it is for": about_style(style),
                }
                for style in others
            ],
            hide_index=True,
        )
        st.caption("Where a style has several captions for a group, its most frequent one stands here.")


def _closed() -> None:
    st.query_params.pop("picture", None)
    # A chart of a new name has no selection: the old one's would come back later and open the picture again.
    st.session_state["closed"] = st.session_state.get("closed", 0) + 1


@st.dialog("One picture", width="large", on_dismiss=_closed)
def enlarged(images: ImageSet, row: int) -> None:
    """One picture, large, with its captions and, where it is drawn, its factors and twins."""
    facts = images.table.iloc[row]
    names = group_words(images.grouping)
    own, words = st.columns([2, 3])
    scene = scene_of(images, row) if images.about.get("recipe") else None
    widgets.picture(
        draw(scene, 384).image if scene else images.image(row), width=384, alt=str(facts["caption"]), within=own
    )
    words.markdown(f"**{names[facts['group']]}**")
    for word, style in condition_controls.LABELS.items():
        said = caption(style, facts["object"], facts["context"], images.grouping)
        words.caption(f"{word} label: “{said}”")
    factors = json.loads(facts["factors"] or "{}")
    with words:
        if scene:
            _telling(scene)
    if scene:
        st.markdown("**Its twins**: everything else is equal.")
        pairs = dict(zip(images.grouping.names, images.grouping.pairs, strict=True))
        for column, group in zip(st.columns(4), as_on_sheets(images.grouping), strict=True):
            obj, context = pairs[group]
            picture = _drawn(scene.replace(object=obj, context=context))
            widgets.picture(picture, width="stretch", alt=names[group], within=column)
            column.caption(f"{names[group]}{' (itself)' if group == facts['group'] else ''}")
    if factors:
        with st.expander("All that is written down of this picture"):
            listing = pd.DataFrame({"factor": list(factors), "value": [_value(value) for value in factors.values()]})
            st.dataframe(listing, hide_index=True, height=320)


def _telling(scene: Scene) -> None:
    """The factors of a scene that one sees at once, in words."""
    turned = round(float(np.degrees(scene.heading)))
    facing = "to the right" if turned < 60 else "at you" if turned <= 120 else "to the left"
    size = round(100 * scene.size)
    side = "left" if scene.sun_azimuth < 0 else "right"
    rows = {
        "pose": scene.pose,
        "coat": scene.coat if scene.pattern == "plain" else f"{scene.coat}, {scene.pattern}",
        "looks": facing,
        "size": f"{size} % of the width of the picture",
        "light": "from behind you" if abs(scene.sun_azimuth) < 0.3 else f"from the {side}",
        "sky": scene.sky,
    }
    st.dataframe(pd.DataFrame({"factor": list(rows), "value": list(rows.values())}), hide_index=True)


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


MEANINGS = {True: ":material/check_circle:", False: ":material/cancel:", None: ":material/info:"}
COLOURS = {True: "green", False: "red", None: "blue"}
EXPLAINED = """
A *linear probe* is the simplest model there is: if it can name the animal from a view in which no animal can be seen, a
neural network can too, and what it learns need not be the animal. What is easy to see is no fault of a set. But what is
*easier* is learnt first, and the outcome of a study depends on it: compare `scenes` with `balanced-cues`.
"""


def cheats(images: ImageSet, palette: Palette) -> None:
    """What simple views of the pictures give away, asked once and kept."""
    st.subheader("What could a model cheat with?")
    st.caption("What the simplest model can tell from a part of the picture, a neural network can learn instead.")
    key = audit.checks_key(images.name, images.version)
    if not jobs.view(key).done:

        def draw(views: list[JobStatus]) -> None:
            jobs.progress_or_start(
                views[0], "Check this set", lambda: jobs.make_checks(images), type="primary", icon=":material/search:",
                help="About ten seconds.",
            )  # fmt: skip

        jobs.watch([key], draw)
        return
    with shell.errors_as_sentences():
        found = audit.read_checks(cache.artefact(key))
    if sentence := audit.in_words(found, images.grouping.object_word):
        st.markdown(f"**{sentence}**")
    rates = [entry.number for entry in found if entry.number]
    if rates:
        called = {"object": images.grouping.object_word, "context": "background"}
        rows = pd.DataFrame(rows_of(rates, called))
        chart = rate_chart(rows, palette=palette, width=shell.map_side())
        cache.show(cache.finished(chart), alt="What a linear probe names right from each view", key="rates")
    wrong = sum(entry.ok is False for entry in found)
    verdict = f"{wrong} not as they should be" if wrong else "none is as it should not be"
    with st.expander(f"All {len(found)} answers, {verdict}"):
        for entry in found:
            st.markdown(f":{COLOURS[entry.ok]}[{MEANINGS[entry.ok]}] {entry.sentence}")
    with st.expander("What is a linear probe?"):
        st.markdown(EXPLAINED)


VIEWS = {
    "colour": "mean colour",
    "rim": "rim (outer eighth)",
    "pixels": "picture at 16 x 16",
    "place": "place without the animal",
    "outline": "outline of the animal",
}


def rows_of(rates: list[dict[str, Any]], called: dict[str, str]) -> list[dict[str, Any]]:
    """Rates as `vlcore.charts.rates.rate_chart` draws them, in the page's words."""
    return [{**rate, "view": VIEWS[rate["view"]], "label": called[rate["label"]]} for rate in rates]


def one_scene(images: ImageSet) -> None:
    """Every factor of one scene under the visitor's hand, and its four twins."""
    st.subheader("One scene and its twins")
    st.caption(
        "A picture is a function of its factors. Twins share all but one: the same animal elsewhere, another animal in "
        "the same place. So an error of a model has one cause."
    )
    recipe = recipe_of(images.name)
    if recipe is None:
        st.info(
            f"The pictures of {images.name} were not drawn here, so nobody knows their factors and they have no twins. "
            "Below is a scene that the lab draws; it is not one of this set."
        )
        recipe = SCENES_RECIPE
    picture_slot = st.container()
    first, second, third = st.columns(3)
    with first:
        number = st.number_input("Scene number", 0, 9999, 7, help="Draws all factors anew.")
        base = sample(OBJECTS[0], recipe.contexts[0], split="demo", index=int(number))
        pose = st.selectbox("Pose", POSES, index=POSES.index(base.pose), key=f"pose_{number}")
        coat = st.selectbox("Coat", COATS, index=COATS.index(base.coat), key=f"coat_{number}")
        style = st.selectbox("Style", STYLES, index=STYLES.index(recipe.style), key=f"style_{recipe.name}")
    with second:
        heading = st.slider("Turned to", 0, 180, round(np.degrees(base.heading)), format="%d°", key=f"turn_{number}",
            help="0° looks right, 90° at you, 180° left.")  # fmt: skip
        usual = round(base.size * recipe.object_size, 2)
        size = st.slider("Size of the animal", 0.1, 0.9, usual, key=f"size_{recipe.name}_{number}")
        form = st.slider("Build", 0.0, 1.0, round(base.form, 2), key=f"form_{number}", help="Slender to stocky; humps.")
        horizon = st.slider("Horizon", 0.35, 0.62, round(base.horizon, 2), key=f"horizon_{number}")
    with third:
        sky = st.selectbox("Sky", SKIES, index=SKIES.index(base.sky), key=f"sky_{number}")
        contexts = st.multiselect(
            "Two places", CONTEXTS, default=list(recipe.contexts), max_selections=2, key=f"places_{recipe.name}"
        )
        seen = st.slider("Background contrast", 0, 100, round(100 * recipe.context_contrast), format="%d %%",
            key=f"context_{recipe.name}")  # fmt: skip
        clear = st.slider("Animal contrast", 0, 100, round(100 * recipe.object_contrast), format="%d %%",
            key=f"object_{recipe.name}")  # fmt: skip
    if len(contexts) < 2:
        picture_slot.info("Choose two places to see the twins.")
        return
    scene = base.replace(
        pose=pose, coat=coat, style=style, heading=float(np.radians(heading)), size=float(size), form=float(form),
        horizon=float(horizon), sky=sky, context_contrast=seen / 100, object_contrast=clear / 100,
    )  # fmt: skip
    columns = picture_slot.columns(4)
    pairs = [(obj, context) for obj in OBJECTS for context in contexts]
    for column, (obj, context) in zip(columns, pairs, strict=True):
        widgets.picture(
            _drawn(scene.replace(object=obj, context=context)), width="stretch", alt=f"{obj}, {context}", within=column
        )
        column.caption(f"{obj}, {context}")


@st.cache_data(max_entries=400, show_spinner=False)
def _drawn(scene: Scene, size: int = 320) -> NDArray[np.uint8]:
    return draw(scene, size).image


def draw_a_set() -> None:
    """A set with other places, another style or other cues, under a name of its own."""
    st.subheader("Draw a set")
    st.caption(
        "The scenes are those of the set `scenes`; what you change here is all that differs. Pictures are drawn when a "
        "model needs them. Everybody on this server sees the set."
    )
    left, right = st.columns([2, 3])
    with left:
        first = st.selectbox("Horses belong", CONTEXTS, index=0, format_func=place_words)
        second = st.selectbox("Camels belong", CONTEXTS, index=1, format_func=place_words)
        style = st.selectbox("Style", STYLES)
        seen = st.slider("Background contrast", 0, 100, 100, format="%d %%", help="How well the place can be seen.")
        clear = st.slider("Animal contrast", 0, 100, 100, format="%d %%", help="How well the animal can be seen.")
        size = st.slider("Size of the animals", int(100 * SIZES[0]), int(100 * SIZES[1]), 100, format="%d %%")
        name = st.text_input("Name", placeholder="for example snow-and-beach", max_chars=60)
        make = st.button("Make the set", type="primary", icon=":material/brush:", disabled=not name)
    settings: dict[str, Any] = {
        "contexts": (first, second), "style": style, "context_contrast": seen / 100, "object_contrast": clear / 100,
        "object_size": size / 100,
    }  # fmt: skip
    if first == second:
        right.info("Choose two different places.")
        return
    preview = Recipe("preview", **settings)
    with right:
        st.caption("Preview: the same four animals in both places.")
        for context in preview.contexts:
            for column, (obj, index) in zip(st.columns(4), [(o, i) for o in OBJECTS for i in (1, 2)], strict=True):
                scene = preview.apply(sample(obj, context, split="demo", index=index))
                widgets.picture(_drawn(scene, 192), width="stretch", alt=f"{obj}, {context}", within=column)
    if make:
        with shell.errors_as_sentences():
            made = make_set(new_recipe(name.strip(), **settings))
        shell.go_to(made.name)
