"""Sections of the Home page: the question, the four groups, the four experiments, next steps."""

from collections.abc import Sequence

import streamlit as st

from vlcore.api import description
from vlcore.api.model_metrics import describe_measure
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import group_pictures
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import describe_bias, share, title
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.theme import Palette
from vlcore.web import cache, condition_controls, jobs, linked_maps, published, shell, widgets, work
from vlcore.web.address import DataState

CARD = 264  # px; four cards fit beside each other on a screen of 1280 px, two on one of 800
PHONE_MAP = 120  # px of a map on a phone, where two cards are beside each other
FACE, WORDS = 76, 188  # px of an image of a group, and of the words beside it
GAP = 16  # px between cards
MARKS = (
    "green circles",
    "blue circles with a ring",
    "orange triangles",
    "cyan triangles with a ring",
)


def question(grouping: Grouping) -> str:
    """Return what the lab asks, of these objects and contexts."""
    if grouping == SCENES:
        return (
            "A small model learns to match images with captions. Most horses it sees stand on"
            " grass, most camels in the desert. Will it learn the animal or the background?"
        )
    first_object, second_object = grouping.objects
    first_context, second_context = grouping.contexts
    return (
        "A small model learns to match images with captions. Most images of"
        f" “{first_object}” also show “{first_context}”, and most images of “{second_object}”"
        f" show “{second_context}”. Will it learn the {grouping.object_word} or the background?"
    )


def show_groups(images: ImageSet, usual: Condition, window: int) -> None:
    """Show an image of each group, its size in training, and its mark on maps.

    Args:
        images: the image set.
        usual: its usual condition.
        window: its width in px.
    """
    words = window - FACE - 3 * GAP if window < shell.NARROW else WORDS
    n, n_biased = usual.n_per_group, usual.replace(bias=STUDY_BIAS).n_minority
    majority = f"common: {n} training images"
    minority = f"rare: {n} training images, or {n_biased} at {STUDY_BIAS * 100:.0f}% bias"
    names = group_words(images.grouping)
    with st.container(horizontal=True):
        for group, image, mark in zip(names, group_pictures(images), MARKS, strict=True):
            name = names[group]
            role = minority if group in images.grouping.minority else majority
            with st.container(width=FACE + GAP + words, horizontal=True):
                widgets.show_image(image, alt=name, width=FACE)
                st.markdown(
                    f"**{plain(name[0].upper() + name[1:])}**  \n:small[{role}]  \n:small[:gray[on"
                    f" maps: {mark}]]",
                    width=words,
                )


def show_experiments(
    conditions: Sequence[Condition], images: ImageSet, palette: Palette, window: int
) -> None:
    """Show the four experiments, a card each, and run what is missing.

    Args:
        conditions: of the experiments.
        images: the image set.
        palette: light or dark.
        window: its width in px.
    """

    def draw(views: list[JobStatus]) -> None:
        # A map in training has one size.
        is_active = any(view.state.is_active for view in views)
        is_small = window < shell.NARROW and not is_active
        width = (window - 3 * GAP) // 2 if is_small else CARD
        side = PHONE_MAP if is_small else widgets.CARD_MAP
        with st.container(horizontal=True):
            for number, (condition, view) in enumerate(zip(conditions, views, strict=True), 1):
                bias = "No bias" if condition.bias == 0 else "Bias"
                labels = condition_controls.name_of(condition_controls.LABELS, condition.labels)
                with st.container(border=True, width=width, height="stretch"):
                    st.markdown(
                        f"**{number} · {bias}, {labels} captions**  \n"
                        f":small[{describe_bias(condition)}]"
                    )
                    _show_card(condition, view, images.grouping, palette, side)

    if images.folds:
        st.caption(
            f"This set is small, so each experiment trains {images.folds} models. Every image is"
            " tested on a model that has not seen it."
        )
    missing = [view for view in work.views(conditions) if not view.done]
    label = f"Train {len(missing)} missing models"
    if len(missing) == len(conditions):
        label = "Train the four models"
    if jobs.need_models(conditions, label, about=_about_missing(images), draw=draw):
        draw(work.views(conditions))
    st.caption(
        "Filled: training images. Hollow: held-out images. Ring: rare images. Diamond: captions."
        " Each model is one run with seed 0, which was used for tuning: the average of other seeds"
        " is lower."
    )
    published.show_answer(images.name)


def _about_missing(images: ImageSet) -> str:
    """Say what the button that runs missing experiments does."""
    about = "Trains what is missing. Training continues if you leave this page."
    if images.about.get("recipe"):
        about += " Missing images are drawn first. This takes a few minutes."
    if images.folds:
        about += f" Each experiment trains {images.folds} small models, one per fold."
    return about


def _show_card(
    condition: Condition, view: JobStatus, grouping: Grouping, palette: Palette, side: int
) -> None:
    if view.state.is_active:
        st.progress(view.fraction, plain(jobs.progress_in_words(view)))
        widgets.live(condition, view, palette, condition.key, curve=False)
        return
    if not view.done:
        st.markdown(":gray[Not trained yet.]")
        st.caption(f"Captions: {plain(quoted_captions(condition.labels, grouping))}")
        return
    linked_maps.show_card(condition.key, palette, side, f"Map of {title(condition)}")
    artifact = cache.artifact(condition.key)
    end = artifact.metrics["end"]
    st.markdown(f"Accuracy on rare images  \n**{describe_measure(end, 'minority_accuracy')}**")
    if (minority := end.get("minority_accuracy")) and side != PHONE_MAP:
        st.caption(
            f"on {minority['n']:,} held-out images; common images {share(end['majority_accuracy'])}"
        )
    if sentence := description.small_sample_warning(artifact, grouping):
        st.badge("few images", icon=":material/warning:", color="orange", help=plain(sentence))
    if end["collapsed"]:
        st.badge("collapsed", icon=":material/warning:", color="red")


def show_next_steps(conditions: Sequence[Condition]) -> None:
    """Link to the pair that answers the question, and to the importer."""
    _, _, biased_short, biased_descriptive = conditions
    with st.container(horizontal=True, key="next"):
        pair = condition_controls.compared(biased_short, biased_descriptive)
        widgets.link(pair, "Compare 3 and 4: the effect of captions with bias", "compare")
        importer = DataState(look="import images")
        widgets.link(importer, "Import your own images", "add_photo_alternate")
