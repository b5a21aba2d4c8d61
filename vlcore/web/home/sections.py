"""Sections of the Home page: the question, the four groups, the four experiments, and what to look
at next."""

from collections.abc import Sequence

import streamlit as st

from vlcore.api import description, metrics_table
from vlcore.classroom import answers
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import group_pictures
from vlcore.experiment.captions import caption, quoted_captions
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import describe_bias, label_words, rate, share, title
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.theme import Palette
from vlcore.web import cache, condition_controls, jobs, widgets, work

CARD = 264  # px; four cards fit beside each other on a screen of 1280 px, two on one of 800
MARKS = (
    "green circles",
    "blue circles with a ring",
    "orange triangles",
    "cyan triangles with a ring",
)


def question(grouping: Grouping) -> str:
    """What the lab asks, of these objects and contexts."""
    (obj, other), (here, there) = grouping.objects, grouping.contexts
    if grouping == SCENES:
        return (
            "A small vision-language model learns to match pictures of horses and camels with their"
            " labels, but most horses it sees stand on grass and most camels in the desert. Will it"
            " look at the animal or at the background, and does it matter whether a label says"
            " “horse” or “horse on the grass”?"
        )
    short, descriptive = (
        caption(style, obj, here, grouping) for style in condition_controls.LABELS.values()
    )
    return (
        "A small vision-language model learns to match pictures with their labels, but most"
        f" pictures of “{obj}” that it sees show “{here}” too, and most of “{other}” show"
        f" “{there}”. Will it look at the {grouping.object_word} or at the background, and does it"
        f" matter whether a label says “{short}” or “{descriptive}”?"
    )


def groups(images: ImageSet, usual: Condition) -> None:
    """A picture of each group, how many of it a model sees, and its mark on maps."""
    n, kept = usual.n_per_group, usual.replace(bias=STUDY_BIAS).n_minority
    roles = (
        f"majority: always {n} in training",
        f"minority: {n}, or {kept} at {STUDY_BIAS * 100:.0f} % removed",
    )
    names = group_words(images.grouping)
    with st.container(horizontal=True):
        for (group, name), picture, mark in zip(
            names.items(), group_pictures(images), MARKS, strict=True
        ):
            with st.container(width=CARD):
                widgets.picture(picture, alt=name)
                st.markdown(
                    f"**{plain(name[0].upper() + name[1:])}** "
                    f" \n:small[{roles[group in images.grouping.minority]}]  \n:small[:gray[on"
                    f" maps: {mark}]]"
                )


def experiments(conditions: Sequence[Condition], images: ImageSet, palette: Palette) -> None:
    """The four experiments: a button that runs what is missing, or how far they are, and a card
    each."""

    def draw(views: list[JobStatus]) -> None:
        missing = [
            c
            for c, view in zip(conditions, views, strict=True)
            if not view.state.is_active and not view.done
        ]
        active = any(view.state.is_active for view in views)
        if missing and st.button(
            "Run the four experiments" if len(missing) == 4 else f"Run the {len(missing)} missing",
            type="primary",
            icon=":material/play_arrow:",
            disabled=active,
            help=f"Draws the pictures once and trains what is missing. {widgets.how_long(images)}",
        ):
            work.train(*missing)
            st.rerun()
        elif active:
            done = sum(view.done for view in views)
            total = sum(1.0 if view.done else view.fraction for view in views) / len(views)
            with st.container(width=4 * CARD + 3 * 16):  # gaps of 16 px
                left, right = st.columns([5, 1], vertical_alignment="bottom")
                left.progress(
                    total,
                    f"{done} of {len(views)} done. You can leave this page: training goes on.",
                )
                if right.button("Cancel", icon=":material/stop:", width="stretch"):
                    jobs.cancel(condition.key for condition in conditions)
        with st.container(horizontal=True):
            for number, (condition, view) in enumerate(
                zip(conditions, views, strict=True), start=1
            ):
                bias = "no bias" if condition.bias == 0 else "bias"
                labels = condition_controls.name_of(condition_controls.LABELS, condition.labels)
                with st.container(border=True, width=CARD, height="stretch"):
                    st.markdown(
                        f"**{number} · {bias}, {labels} labels** "
                        f" \n:small[{describe_bias(condition)}]"
                    )
                    _state(condition, view, images.grouping, palette)

    if images.folds:
        small = f"A small set: each experiment trains {images.folds} models in turn"
        st.caption(f"{small}, so that every picture is judged by one that has not seen it.")
    jobs.watch([condition.key for condition in conditions], draw)
    marks = (
        "Filled marks are training pictures, hollow ones held out; a ring marks the minority groups"
    )
    st.caption(
        f"{marks}; diamonds are captions. Maps show two of 32 dimensions: the numbers come from all"
        " of them."
    )
    if all(view.done for view in work.views(conditions)):
        biased = [cache.artifact(condition.key) for condition in conditions[2:]]
        sentences = description.describe_label_effect(biased, images.grouping)
        st.markdown(f"{sentences} {_over_seeds(conditions[2:])}")


@st.cache_resource(
    max_entries=8, show_spinner=False, hash_funcs={Condition: lambda condition: condition.key}
)
def _over_seeds(biased: Sequence[Condition]) -> str:
    """What published runs of conditions with other seeds say; empty where there are none."""
    frame = answers.published_results(biased[0].data)
    try:
        means = [answers.over_seeds(frame, condition, "minority_accuracy") for condition in biased]
    except ValueError:
        return ""
    rights = [
        f"**{rate(mean.as_dict())}** with {label_words(one)}"
        for mean, one in zip(means, biased, strict=True)
    ]
    over = f"Over {means[0].n} seeds, published with this version: {' and '.join(rights)}"
    return f"{over}; Findings says what that decides."


def _state(condition: Condition, view: JobStatus, grouping: Grouping, palette: Palette) -> None:
    if view.state.is_active:
        jobs.progress(view)
        widgets.live(condition, view, palette, condition.key, curve=False)
        return
    if not view.done:
        st.markdown(":gray[Not trained yet. Its map will be here.]")
        st.caption(f"Labels: {plain(quoted_captions(condition.labels, grouping))}")
        jobs.progress(view)
        return
    spec = cache.card_map(condition.key, palette, widgets.CARD_MAP)
    cache.show(spec, alt=f"Map of {title(condition)}", key=f"card_{condition.key}")
    artifact = cache.artifact(condition.key)
    end = artifact.metrics["end"]
    st.markdown(f"Right on minority pictures  \n**{metrics_table.cell(end, 'minority_accuracy')}**")
    if minority := end.get("minority_accuracy"):
        st.caption(
            f"of {minority['n']:,} held-out pictures; majority {share(end['majority_accuracy'])}"
        )
    if sentence := description.small_sample_warning(artifact, grouping):
        st.badge("few pictures", icon=":material/warning:", color="orange", help=plain(sentence))
    if end["collapsed"]:
        st.badge("collapsed", icon=":material/warning:", color="red")


def next_steps(conditions: Sequence[Condition], data: str) -> None:
    """Links to what the experiments are for."""
    one, two, three, four = conditions
    with st.container(horizontal=True, key="next"):
        condition_controls.link_to_compare(one, two, "Compare 1 and 2: what labels do", "compare")
        condition_controls.link_to_compare(
            one, three, "Compare 1 and 3: what the bias does", "difference"
        )
        condition_controls.link_to_compare(
            three, four, "Compare 3 and 4: what labels do under bias", "balance"
        )
        widgets.link(
            "pages/4_Upload.py", "Upload a picture: where does it land?", "upload", data=data
        )
        widgets.link("pages/6_Lesson.py", "Teach it: predict, run, reveal", "school", data=data)
