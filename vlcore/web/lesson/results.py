"""Results of a lesson: the votes against what was measured, the maps, the study's claims, and the
hand-out.

Everything that is there is read: this server's one run, its other runs, and those that the lab
publishes with itself.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import pandas as pd
import streamlit as st

from vlcore.api import description
from vlcore.artifacts import store
from vlcore.classroom import answers
from vlcore.classroom.answers import (
    ANOTHER,
    SEEDS,
    Answer,
    Measurement,
    estimate_in_run,
    estimate_over_runs,
    values_of,
    with_seed,
)
from vlcore.classroom.handout import explained, handout_html
from vlcore.classroom.lessons import Lesson, Step, lessons
from vlcore.classroom.session import ClassSession
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.data.uploads import group_pictures
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.plain_text import plain
from vlcore.plots.html import Pictures
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.options import PCA
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_uri
from vlcore.plots.votes import votes_chart
from vlcore.study.evidence import ClaimResult
from vlcore.study.runs_table import AnalysisError, runs_table
from vlcore.study.text import estimate_words, not_run
from vlcore.web import cache, jobs, shell, widgets, work
from vlcore.web.compare.sections import show_animation
from vlcore.web.findings import sections
from vlcore.web.lesson import steps

ABOVE = 186  # px of the page over the maps
TWO_QUESTIONS = (
    "The answers above are ranges of a number. The study's claims ask, as Findings does, whether a"
    " difference is zero and stands out from its control. So one can be decided and the other not."
)


def lessons_of(images: ImageSet) -> dict[str, Lesson]:
    """The lessons on an image set; an ImageSetError where there is too little to train on."""
    return lessons(usual_condition(images), images.grouping)


def lesson_answer(lesson: Lesson, step: Step, images: ImageSet) -> Answer:
    """What was measured about a question here and in published runs, and the study's claims, as far
    as there."""
    found, missing = [], "not trained yet"
    needed = step.conditions if step.quantity.beside else (step.right,)
    if all(store.published(condition.key) for condition in needed):
        left, right = (
            cache.artifact(condition.key).metrics["end"] for condition in (needed[0], step.right)
        )
        try:
            found, missing = (
                [Measurement(step, "in this run", estimate_in_run(step, left, right), runs=False)],
                "",
            )
        except ValueError as error:
            missing = str(error)
    keys = [with_seed(condition, seed).key for condition in lesson.trained for seed in SEEDS]
    here = [key for key in keys if store.published(key)]
    shipped = values_of(_published(images), lesson)
    sources = {"in the published runs": shipped}
    # Where all runs of this server are among the published ones there is nothing to add.
    if {with_seed(step.right, seed).key for seed in SEEDS} & set(here) - set(shipped):
        sources = {"in the runs of this server": values_of(_of_server(here), lesson), **sources}
    for where, values in sources.items():
        with suppress(ValueError):  # fewer than two runs
            found.append(Measurement(step, where, estimate_over_runs(step, values), runs=True))
    results = _claims(lesson.name, images, here) if step.claims else {}
    return Answer(step, found, [results[name] for name in step.claims if name in results], missing)


@st.cache_resource(
    max_entries=12, show_spinner="Putting the claims to the test …", hash_funcs=cache.BY_CONTENT
)
def _claims(name: str, images: ImageSet, here: Sequence[str]) -> dict[str, ClaimResult]:
    for frame in (_published(images), _of_server(here)):
        # Runs that do not compare decide nothing; the Findings page says in what they differ.
        with suppress(AnalysisError):
            if len(frame):
                return answers.lesson_claims(frame, lessons_of(images)[name], images.grouping)
    return {}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _published(images: ImageSet) -> pd.DataFrame:
    frame = answers.published_lesson_runs(images.name)
    return frame[frame["data_version"] == images.version] if len(frame) else frame


@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _of_server(keys: Sequence[str]) -> pd.DataFrame:
    return runs_table([cache.artifact(key) for key in keys])


def reveal(
    lesson: Lesson, step: Step, images: ImageSet, room: ClassSession, palette: Palette
) -> None:
    """The answer: the maps, then votes and measurement, then what the study says; a room without a
    code is of one."""
    found, (side, place) = lesson_answer(lesson, step, images), shell.map_room(ABOVE)
    share = step.quantity.share
    # A share of pictures says something to everybody, as an answer does; a silhouette or a variance
    # does not.
    short = [
        one.number if share else one.decides.text if one.decides else one.decision
        for one in found.readings
    ]
    lines = [
        f"{one.where[0].upper()}{one.where[1:]}: {words}"
        for one, words in zip(found.readings, short, strict=True)
    ]
    if lines:
        st.markdown(plain(" · ".join(lines)))
    _side_by_side(step, palette, side, place, images.grouping)
    left, right = st.columns(2)
    with left:
        said = f"What the room said: {room.votes} {'vote' if room.votes == 1 else 'votes'}"
        st.subheader(said if room.code else "What you said" if room.own else "The answers")
        rows = pd.DataFrame({"text": [choice.text for choice in step.choices]})
        rows["votes"] = [int(room.counts.get(choice.name, 0)) for choice in step.choices]
        rows["measured"] = [
            " and ".join(one.where for one in found.readings if one.decides == c)
            for c in step.choices
        ]
        said = "; ".join(f"{row.text}: {row.votes}" for row in rows.itertuples())
        cache.show_chart(
            votes_chart(rows, palette=palette, width=side),
            alt=f"Votes: {said}",
            key=f"votes_{step.name}",
        )
        if room.own:
            st.markdown(
                f":material/how_to_vote: Your vote was “{plain(step.choice(room.own).text)}”."
            )
    with right:
        st.subheader("What was measured")
        for one, line in zip(found.readings, lines, strict=True):
            steps.large_text(line, "link")
            if share:
                steps.large_text(one.decision, "answer")
            said = step.quantity.words + ("" if share else f": {one.number}")
            st.caption(
                f"{plain(said)}; 95 % interval over {'runs' if one.runs else 'pictures'},"
                f" {one.counted}."
            )
        if meaning := explained(step.quantity.words):
            st.caption(plain(meaning))
        if found.missing:
            st.markdown(plain(f"In this run: {found.missing}."))
        says = f"{ANOTHER} An interval over pictures says nothing about other seeds"
        st.caption(
            f"{says}; that of a difference is the widest that the intervals of both models allow."
        )
    with st.expander(
        f"Question {lesson.steps.index(step) + 1} of {len(lesson.steps)} again: {plain(step.title)}"
    ):
        steps.large_text(step.text)
    with st.container(border=True):
        st.markdown("**Look at**")
        for line in step.look:
            steps.large_text(f"· {line}", "answer")
    if step.says:
        st.markdown(f"**The study's text says:** “{step.says}”.")
    if found.claims:
        meaning = explained(" ".join(result.claim.what for result in found.claims))
        st.caption(plain(f"{TWO_QUESTIONS} {meaning}"))
    for result in found.claims:
        with st.container(border=True):
            st.markdown(
                f"**{result.claim.id} · The study says:** {result.claim.says}"
                f" {sections.badge(result)}"
            )
            measured = (
                f"{result.claim.what}: **{estimate_words(result.estimate)}**, n = {result.n} blocks"
                " of seeds"
            )
            st.markdown(
                f"{measured}. To be supported it must also beat: {result.claim.control}."
                f" {not_run(result)}"
            )


def _side_by_side(
    step: Step, palette: Palette, side: int, place: LegendPlace, grouping: Grouping
) -> None:
    if any(
        view.state.is_active for view in work.views(step.conditions)
    ):  # somebody revealed before the run had ended
        jobs.watch(
            [condition.key for condition in step.conditions],
            partial(steps.training_progress, step, palette),
        )
        return
    if not steps.is_trained(step):
        st.info(
            "The two maps will be here when both models are trained: go back one step to train"
            " them."
        )
        return
    keys = [condition.key for condition in step.conditions]
    said = description.describe_comparison(cache.comparison(keys, PCA), grouping)
    cache.show_chart(
        cache.maps(keys, palette, side, legend_place=place), alt=said, key=f"maps_{step.name}"
    )
    st.markdown(plain(said))
    if st.toggle("Watch the training as a film", key=f"film_{step.name}"):
        show_animation(
            [condition.key for condition in step.conditions if condition.steps], palette, side
        )


def lesson_summary(
    lesson: Lesson, images: ImageSet, votes: Mapping[str, Mapping[str, int]]
) -> None:
    """The whole lesson in a table, at its end."""
    rows = {}
    for step in lesson.steps:
        counts = votes.get(step.name, {})
        most = max(counts.values(), default=0)
        first = [
            choice.text for choice in step.choices if most and counts.get(choice.name, 0) == most
        ]
        voted = (
            f"{' and '.join(first)} ({most} of {sum(counts.values())}{' each' * (len(first) > 1)})"
        )
        row = rows[step.question] = {"Most votes": voted if first else "–"}
        for one in lesson_answer(lesson, step, images).readings:
            decided = one.decides.text if one.decides else "not decided"
            row[f"Measured {one.where}"] = f"{one.number}, {one.counted}: {decided}"
    st.subheader("The whole lesson")
    st.table(pd.DataFrame.from_dict(rows, orient="index").fillna("–").rename_axis("Question"))
    st.markdown("**Go on**")
    with st.container(horizontal=True):
        address = shell.persistent_query_params()
        widgets.link("pages/3_Compare.py", "Compare these models yourself", "compare", **address)
        widgets.link("pages/4_Upload.py", "Give them a picture of your own", "upload", **address)
        widgets.link("pages/5_Findings.py", "What many runs found", "experiment", **address)


def lesson_handout(lesson: Lesson, images: ImageSet, *, lecturer: bool) -> str:
    """The lesson on paper; a lecturer's copy has what was measured."""
    uris = [thumb_uri(picture, 224) for picture in group_pictures(images)]
    known = [lesson_answer(lesson, step, images) for step in lesson.steps] if lecturer else []
    return handout_html(
        lesson, Pictures(uris, list(group_words(images.grouping).values())), images.grouping, known
    )
