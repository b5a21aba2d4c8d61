"""Results of a lesson: votes against measurements, maps, and handouts.

Measurements are of one run of this server, of its other runs, and of the published ones.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import pandas as pd
import streamlit as st

from vlcore.api import description
from vlcore.api.panels import find_panel
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
from vlcore.classroom.handout import Question, explained, handout_html
from vlcore.classroom.lessons import Lesson, LessonStep, lessons
from vlcore.classroom.session import ClassSession
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.plots.classroom import votes_chart
from vlcore.plots.document import ImageRow
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.options import PCA, PLAIN
from vlcore.plots.theme import Palette
from vlcore.study.answer_file import AnswerError
from vlcore.study.runs_table import runs_table
from vlcore.web import cache, linked_maps, panels, shell, widgets, work
from vlcore.web.address import CompareState, FindingsState, UploadState
from vlcore.web.lesson import steps
from vlcore.web.linked_maps import LinkedMaps

ABOVE = 186  # px of the page over the maps


def lessons_of(images: ImageSet) -> dict[str, Lesson]:
    """The lessons on an image set; an ImageSetError where there is too little to train on."""
    return lessons(usual_condition(images), images.grouping)


def lesson_answer(lesson: Lesson, step: LessonStep, images: ImageSet) -> Answer:
    """The answer to a question, measured here and in published runs."""
    measurements, missing = [], "not trained yet"
    needed = step.conditions if step.quantity.less_left else (step.right,)
    if all(store.published(condition.key) for condition in needed):
        left, right = (
            cache.artifact(condition.key).metrics["end"] for condition in (needed[0], step.right)
        )
        try:
            estimate = estimate_in_run(step.quantity, left, right)
        except ValueError as error:
            missing = str(error)
        else:
            measurements.append(Measurement(step, "in this run", estimate, runs=False))
            missing = ""
    conditions = [with_seed(model, seed) for model in lesson.trained for seed in SEEDS]
    trained = [condition.key for condition in conditions if store.published(condition.key)]
    server = values_of(_server_runs(trained), [step.quantity])
    with suppress(ValueError):  # fewer than two runs
        estimate = estimate_over_runs(step.quantity, step.conditions, server)
        measurements.append(Measurement(step, "in the runs of this server", estimate, runs=True))
    try:
        published = answers.published_measurement(lesson, step)
    except AnswerError as error:
        return Answer(step, measurements, missing, str(error))
    if published is not None:
        measurements.append(published)
    return Answer(step, measurements, missing)


@cache.by_content(12)
def _server_runs(keys: Sequence[str]) -> pd.DataFrame:
    return runs_table([cache.artifact(key) for key in keys])


def reveal(
    lesson: Lesson, step: LessonStep, images: ImageSet, room: ClassSession, palette: Palette
) -> None:
    """The answer: votes and one sentence, then the maps; a session without a code is of one
    visitor. All other numbers are behind “How sure?”."""
    answer = lesson_answer(lesson, step, images)
    side, legend = shell.map_room(ABOVE)
    maps = _maps(step, images, palette, side, legend)
    number = lesson.steps.index(step) + 1
    left, right = st.columns(2)
    with left:
        _votes(answer, room, palette, side)
    with right:
        _measured(answer)
        if number == len(lesson.steps):
            steps.show_take_home(lesson.name, images.name)
    if answer.measurements:  # below both columns: the panel in it is as wide as the maps
        with st.expander("How sure?"):
            _how_sure(answer, maps)
    if maps is None:
        _need_models(step, palette)
    else:
        _show_maps(step, maps)
    with st.expander(f"Question {number} of {len(lesson.steps)} again: {plain(step.title)}"):
        steps.large_text(step.text)
    with st.container(border=True):
        st.markdown("**Look at**")
        for line in step.look:
            steps.large_text(f"· {line}", "answer")
    if step.says:
        st.markdown(f"**The study's text says:** “{step.says}”.")


def _votes(answer: Answer, room: ClassSession, palette: Palette, side: int) -> None:
    step, verdict = answer.step, answer.verdict
    if room.code:
        st.subheader(f"The class voted: {room.votes} vote{'s' * (room.votes != 1)}")
    else:
        st.subheader("You voted" if room.vote else "The answers")
    rows = []
    for choice in step.choices:
        where = verdict.where if verdict and verdict.decides == choice else ""
        votes = int(room.counts.get(choice.name, 0))
        rows.append({"text": choice.text, "votes": votes, "measured": where})
    counts = "; ".join(f"{row['text']}: {row['votes']}" for row in rows)
    chart = votes_chart(pd.DataFrame(rows), palette=palette, width=side)
    cache.show_chart(chart, alt=f"Votes: {counts}", key=f"votes_{step.name}")
    if room.vote:
        vote = plain(step.choice(room.vote).text)
        st.markdown(f":material/how_to_vote: Your vote was “{vote}”.")


def _measured(answer: Answer) -> None:
    """What was measured, in one sentence."""
    st.subheader("What was measured")
    if answer.verdict:
        steps.large_text(answer.verdict.sentence, "link")
    else:
        st.markdown(plain(f"In this run: {answer.missing}."))
    if answer.unreadable:
        st.caption(plain(answer.unreadable))


def _how_sure(answer: Answer, maps: LinkedMaps | None) -> None:
    words = answer.step.quantity.words
    for measurement in answer.measurements:
        unit = "seed pairs" if measurement.runs else "images"
        st.markdown(
            plain(
                f"{words}, {measurement.where}: {measurement.number}; 95% interval over {unit},"
                f" {measurement.counted}. {measurement.decision}"
            )
        )
    if meaning := explained(words):
        st.caption(plain(meaning))
    st.caption(
        f"{ANOTHER} An interval over images says nothing about other seeds. A difference has the"
        " widest interval that the intervals of both models allow."
    )
    if maps is not None:
        linked_maps.show_group_panel(maps)


def _maps(
    step: LessonStep, images: ImageSet, palette: Palette, side: int, place: LegendPlace
) -> LinkedMaps | None:
    """The maps of both models; None while one is not trained."""
    if not steps.is_trained(step):
        return None
    keys = [condition.key for condition in step.conditions]
    return LinkedMaps(keys, cache.comparison(keys, PCA), images, PLAIN, palette, side, place)


def _need_models(step: LessonStep, palette: Palette) -> None:
    if any(view.state.is_active for view in work.views(step.conditions)):
        # Somebody revealed before the run had ended.
        steps.need_models(step, palette)
        return
    st.info(
        "The two maps will be here when both models are trained: go back one step to train them."
    )


def _show_maps(step: LessonStep, maps: LinkedMaps) -> None:
    linked_maps.show(maps, description.describe_comparison(maps.comparison), panel=False)
    if st.toggle("Show the training animation", key=f"film_{step.name}"):
        trained = [condition.key for condition in step.conditions if condition.steps]
        both = cache.models_together(trained, PLAIN)
        stage = panels.Stage(both, trained, maps.images, maps.palette, maps.side)
        panels.show(find_panel("training-animation"), stage)


def lesson_summary(
    lesson: Lesson, images: ImageSet, votes: Mapping[str, Mapping[str, int]]
) -> None:
    """The whole lesson in a table, at its end."""
    rows = {}
    for step in lesson.steps:
        verdict = lesson_answer(lesson, step, images).verdict
        decides = verdict.decides if verdict else None
        missing = "inconclusive" if verdict else "–"
        rows[step.question] = {
            "Most votes": _most_votes(step, votes.get(step.name, {})),
            "Measured": decides.text if decides else missing,
        }
    st.subheader("The whole lesson")
    st.table(pd.DataFrame.from_dict(rows, orient="index").rename_axis("Question"))
    st.markdown("**Go on**")
    with st.container(horizontal=True):
        # A presenter's page may have another image set in its address than the lesson has.
        data = images.name
        widgets.link(CompareState(data=data), "Compare these models yourself", "compare")
        widgets.link(UploadState(data=data), "Give them an image of your own", "upload")
        widgets.link(FindingsState(data=data), "What many runs found", "experiment")


def _most_votes(step: LessonStep, counts: Mapping[str, int]) -> str:
    most = max(counts.values(), default=0)
    if not most:
        return "–"
    first = [choice.text for choice in step.choices if counts.get(choice.name, 0) == most]
    each = " each" * (len(first) > 1)
    return f"{' and '.join(first)} ({most} of {sum(counts.values())}{each})"


def lesson_handout(lesson: Lesson, images: ImageSet, *, lecturer: bool) -> str:
    """The lesson on paper; a lecturer's copy has the measurements and the sentence to take home."""
    names = list(group_words(images.grouping).values())
    groups = ImageRow(steps.group_uris(images), names, images.attribution)
    questions = []
    for step in lesson.steps:
        sentences = lesson_answer(lesson, step, images).sentences if lecturer else ()
        choices = [choice.text for choice in step.choices]
        questions.append(Question(f"{step.text} {step.question}", choices, sentences))
    sentence = ""
    if lecturer:
        with suppress(AnswerError):  # which the sentences have
            sentence = answers.take_home(lesson.name, images.name)
    return handout_html(lesson.title, lesson.text, questions, groups, sentence)
