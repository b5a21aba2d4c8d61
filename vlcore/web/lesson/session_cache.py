"""The state of a class study, read from the disk and the queue each time, with cached analyses."""

from collections.abc import Sequence
from contextlib import suppress
from textwrap import wrap

import altair as alt
import streamlit as st

from vlcore.artifacts.store import Artifact
from vlcore.classroom import answers, one_room, one_room_results, phone_results
from vlcore.classroom.handout import Question, handout_html
from vlcore.classroom.one_room import CLASS, REHEARSAL, Block, BlockState, ClassPlan, Pair, View
from vlcore.classroom.one_room_results import ClassResults, ClassStudy
from vlcore.classroom.phone_results import PhoneRun
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.errors import LabError
from vlcore.jobs import jobs as on_disk
from vlcore.jobs.jobs import State
from vlcore.jobs.queue import default_workers
from vlcore.plots.rendering import chart_slide
from vlcore.plots.theme import LIGHT
from vlcore.study.answer_file import AnswerError, published_answer
from vlcore.web import cache, work
from vlcore.web.lesson import steps
from vlcore.web.visitors import Visitor, visitor

_FIRST = 3  # blocks that tell how long a pair takes before anything was trained since the start
_FRESH = 5.0  # seconds that this estimate is cached, unless a training ends


def class_study(
    code: str, images: ImageSet, kind: str = "", view: View | None = None
) -> ClassStudy | None:
    """The state of the study of a class; None without a plan.

    Args:
        code: of the session.
        images: the image set.
        kind: of the class or a rehearsal; the rehearsal goes first when absent.
        view: gives the state of a training; that of the queue when absent, which takes time for
            each of many blocks. That of the disk is enough for the dots alone.
    """
    for stored_kind in [kind] if kind else [REHEARSAL, CLASS]:
        plan = one_room.class_plan(code, stored_kind)
        if plan is None:
            continue
        blocks = tuple(one_room.blocks_of(code, stored_kind))
        states = tuple(current_block_state(plan, images, block, view) for block in blocks)
        counted = one_room.planned_places(states, plan.planned)
        done = [place for place, state in enumerate(states) if state is BlockState.DONE]
        told = {block.place: block.result for block in blocks if block.result}
        repeated = [place for place in told if is_on_disk(plan, images, place)]
        # Where both trained a pair, the server's models count.
        by_phones = [(place, told[place]) for place in told if place not in repeated]
        results = _results(plan, images, done, sorted(counted.intersection(done)), by_phones)
        return ClassStudy(
            code,
            stored_kind,
            plan,
            usual_condition(images),
            images.grouping,
            blocks,
            states,
            results,
            {place: _is_same(plan, images, place, told[place]) for place in repeated},
        )
    return None


def is_on_disk(plan: ClassPlan, images: ImageSet, place: int) -> bool:
    """Whether the server has trained both models of a block."""
    return all(on_disk.view(model.key).done for model in block_conditions(plan, images, place))


@cache.by_content(1000)
def phone_runs(
    plan: ClassPlan, images: ImageSet, place: int, result: str
) -> tuple[PhoneRun, PhoneRun]:
    """The two models of a block, as its phone told of them; LessonError for another text."""
    return phone_results.phone_runs(result, block_conditions(plan, images, place), images)


@cache.by_content(300)
def _is_same(plan: ClassPlan, images: ImageSet, place: int, result: str) -> bool:
    runs = phone_runs(plan, images, place, result)
    return all(phone_results.is_same(run, cache.artifact(run.key), images) for run in runs)


def runs_of_block(plan: ClassPlan, images: ImageSet, block: Block) -> Sequence[Artifact | PhoneRun]:
    """The two models of a trained block, as the server or its phone trained them."""
    if is_on_disk(plan, images, block.place):
        pair = block_conditions(plan, images, block.place)
        return [cache.artifact(model.key) for model in pair]
    return phone_runs(plan, images, block.place, block.result)


def current_block_state(
    plan: ClassPlan, images: ImageSet, block: Block, view: View | None = None
) -> BlockState:
    """The state of a block, by the queue and the disk."""
    pair = block_conditions(plan, images, block.place)
    return one_room.block_state(block, pair, view or work.queue().view)


@cache.by_content(1000)
def block_conditions(plan: ClassPlan, images: ImageSet, place: int) -> Pair:
    """The two conditions of a block."""
    return one_room.pair_of(plan, usual_condition(images), images.grouping, place)


def cancel_pair(pair: Pair) -> None:
    """Withdraw this visitor from the trainings of a block."""
    for condition in pair:
        if work.view(condition.key).state.is_active:
            work.queue().cancel_pending(condition.key, visitor().name)


@cache.by_content(20)
def _results(
    plan: ClassPlan,
    images: ImageSet,
    trained: Sequence[int],
    counted: Sequence[int],
    by_phones: Sequence[tuple[int, str]],
) -> ClassResults:
    pairs = {place: block_conditions(plan, images, place) for place in trained}
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    runs = {
        run.key: run
        for place, result in by_phones
        for run in phone_runs(plan, images, place, result)
    }

    def read(key: str) -> Artifact | PhoneRun:
        return runs.get(key) or cache.artifact(key)

    return one_room_results.class_results(study, pairs, set(counted), read)


def ask_for_repeats(study: ClassStudy, images: ImageSet, token: str) -> None:
    """Train again one of ten of the seed pairs that phones trained, as the presenter."""
    for block in study.blocks:
        if block.result and phone_results.is_repeated(token, block.place):
            pair = block_conditions(study.plan, images, block.place)
            if {view.state for view in work.views(pair)} <= {State.ABSENT, State.DONE}:
                work.train_pair(pair)


def pair_seconds(plan: ClassPlan, images: ImageSet) -> float:
    """How long a pair probably takes here, see `work.expected_seconds`."""
    return _seconds(plan, images, tuple(work.queue().latest))


# Thirty phones ask every few seconds, and each answer reads a dozen manifests: a third of the
# server's time.
@st.cache_data(max_entries=20, ttl=_FRESH, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _seconds(plan: ClassPlan, images: ImageSet, latest: tuple[str, ...]) -> float:
    pairs = [block_conditions(plan, images, place) for place in range(_FIRST)]
    similar = [condition.key for pair in pairs for condition in pair]
    return sum(work.expected_seconds(condition, similar) for condition in pairs[0])


def what_is_said(study: ClassStudy, ended: bool) -> list[str]:
    """What is said of the dots; at the end, what this room and published runs found."""
    decided = one_room_results.verdict(study.results, study.plan)
    if not ended:
        return [decided]
    try:
        first = study.end_sentence(published_answer())
    except AnswerError as error:
        return [decided, str(error)]
    return [first, *filter(None, [study.expectation])]


def how_sure(study: ClassStudy, ended: bool) -> list[str]:
    """What stands behind that, and the plan."""
    decided = [one_room_results.verdict(study.results, study.plan)] if ended else []
    looks = one_room.looks_of(study.code, study.kind)
    return [*decided, *study.how_sure(looks), *filter(None, [study.on_phones]), study.planned]


def results_slide(code: str, images: ImageSet, asker: Visitor, ended: bool) -> bytes:
    """The results as a PNG file of a slide; LabError while there are none."""
    study = _latest(code, images)
    first, *sentences = what_is_said(study, ended)
    facts = " · ".join(f"{label}: {value}" for label, value in study.numbers().items())
    lines = [line for sentence in (facts, *sentences) for line in wrap(sentence, 150)]
    head = alt.Title(
        [study.title, *wrap(first, 90)], subtitle=lines, fontSize=19, subtitleFontSize=13
    )
    height = 590 - 24 * len(head.text) - 16 * len(lines)
    chart = study.chart(LIGHT, 1000, height, head=head)
    if chart is None:
        raise LabError("There is no dot yet; wait for the first.")
    return work.run_in_worker(asker, chart_slide, chart.to_dict(validate=False), LIGHT)


def study_handout(code: str, images: ImageSet, ended: bool) -> str:
    """Plan and results as a page to print; LabError while there is no plan."""
    study = _latest(code, images)
    numbers = "; ".join(f"{name}: {value}" for name, value in study.numbers().items())
    *sentences, plan = [*what_is_said(study, ended), *how_sure(study, ended)]
    take_home = ""
    if ended:
        with suppress(AnswerError):  # which `sentences` has
            take_home = answers.take_home(one_room.NAME, images.name)
    expected = one_room.expectation_question(study.contrast, study.grouping)
    answered = [f"{numbers}.", *sentences]
    question = Question(f"{study.contrast.question} {expected}", one_room.DIRECTIONS, answered)
    return handout_html(study.title, plan, [question], take_home=take_home)


def dots_csv(code: str, images: ImageSet) -> str:
    """The dots as a CSV file; LabError while there is no plan."""
    return _latest(code, images).csv()


def _latest(code: str, images: ImageSet) -> ClassStudy:
    study = class_study(code, images)
    if study is None:
        raise LabError("There is no plan yet, and so no results.")
    return study


def time_until_all(study: ClassStudy, images: ImageSet) -> str:
    """The time until all active blocks are trained, with other visitors' jobs; empty without
    any."""
    active = sum(state is BlockState.ACTIVE for state in study.states)
    if not active:
        return ""
    long_jobs = sum(not job.short for job in work.queue().jobs())
    waiting = max(0, max(active, long_jobs) - default_workers())
    return steps.time_words(steps.seconds_left(waiting, 0.5, pair_seconds(study.plan, images)))
