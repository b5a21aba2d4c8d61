"""The state of a class study, read from the disk and the queue each time, with cached analyses."""

from collections.abc import Sequence
from dataclasses import replace
from textwrap import wrap

import altair as alt
import streamlit as st

from vlcore.classroom import one_room, one_room_results
from vlcore.classroom.handout import study_html
from vlcore.classroom.one_room import CLASS, REHEARSAL, Block, BlockState, Pair, Plan, View
from vlcore.classroom.one_room_results import NONE, ClassResults, ClassStudy, Differences
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.errors import LabError
from vlcore.jobs.queue import default_workers
from vlcore.plots.rendering import chart_slide
from vlcore.plots.theme import LIGHT
from vlcore.study import published
from vlcore.web import cache, work
from vlcore.web.visitors import Visitor

_BY_CONTENT = cache.BY_CONTENT | {Plan: repr}
_CHUNK = 50  # blocks whose conditions are made at once
_FIRST = 3  # blocks that tell how long a pair takes before anything was trained since the start
_FRESH = 5.0  # seconds that this estimate is cached, unless a training ends
NO_PLAN = "There is no plan yet, and so no results."


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
        plan = one_room.plan_of(code, stored_kind)
        if plan is None:
            continue
        blocks = tuple(one_room.blocks_of(code, stored_kind))
        states = tuple(block_state(plan, images, block, view) for block in blocks)
        study = ClassStudy(
            code, stored_kind, plan, usual_condition(images), images.grouping, blocks, states
        )
        trained = [
            block.place
            for block, state in zip(blocks, states, strict=True)
            if state is BlockState.DONE
        ]
        counted = sorted(study.counted.intersection(trained))
        return replace(study, results=_results(plan, images, trained, counted))
    return None


def block_state(plan: Plan, images: ImageSet, block: Block, view: View | None = None) -> BlockState:
    """The state of a block, by the queue and the disk."""
    pair = block_conditions(plan, images, block.place)
    return one_room.block_state(block, pair, view or work.queue().view)


def block_conditions(plan: Plan, images: ImageSet, place: int) -> Pair:
    """The two conditions of a block."""
    return _pairs(plan, images, _CHUNK * (place // _CHUNK + 1))[place]


@st.cache_resource(max_entries=40, show_spinner=False, hash_funcs=_BY_CONTENT)
def _pairs(plan: Plan, images: ImageSet, blocks: int) -> list[Pair]:
    return one_room.pairs_of(plan, usual_condition(images), images.grouping, blocks)


@st.cache_resource(max_entries=20, show_spinner=False, hash_funcs=_BY_CONTENT)
def _results(
    plan: Plan, images: ImageSet, trained: Sequence[int], counted: Sequence[int]
) -> ClassResults:
    pairs = {place: block_conditions(plan, images, place) for place in trained}
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    return one_room_results.class_results(study, pairs, set(counted), cache.artifact)


@st.cache_resource(
    max_entries=6, show_spinner="Reading the published runs …", hash_funcs=_BY_CONTENT
)
def published_differences(plan: Plan, images: ImageSet) -> Differences:
    """Published runs of a plan's arms, see `one_room_results.published_differences`."""
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    return one_room_results.published_differences(study, published.measured_runs())


def seconds(plan: Plan, images: ImageSet) -> float:
    """How long a pair probably takes here, see `work.expected_seconds`."""
    return _seconds(plan, images, tuple(work.queue().latest))


# Thirty phones ask every few seconds, and each answer reads a dozen manifests: a third of the
# server's time.
@st.cache_data(max_entries=20, ttl=_FRESH, show_spinner=False, hash_funcs=_BY_CONTENT)
def _seconds(plan: Plan, images: ImageSet, latest: tuple[str, ...]) -> float:
    pairs = _pairs(plan, images, _CHUNK)[:_FIRST]
    similar = [condition.key for pair in pairs for condition in pair]
    return sum(work.expected_seconds(condition, similar) for condition in pairs[0])


def _published(study: ClassStudy, images: ImageSet, ended: bool) -> Differences:
    """Published differences, which a class sees at the end only."""
    return published_differences(study.plan, images) if ended else NONE


def results_slide(code: str, images: ImageSet, asker: Visitor, ended: bool) -> bytes:
    """The results as a PNG file of a slide; LabError while there are none."""
    if study := class_study(code, images):
        differences = _published(study, images, ended)
        looks = one_room.looks_of(code, study.kind)
        verdict, *sentences = study.sentences(looks, differences)
        facts = " · ".join(f"{label}: {value}" for label, value in study.numbers().items())
        lines = [line for sentence in (facts, *sentences) for line in wrap(sentence, 150)]
        head = alt.Title(
            [study.title, *wrap(verdict, 90)], subtitle=lines, fontSize=19, subtitleFontSize=13
        )
        height = 590 - 24 * len(head.text) - 16 * len(lines)
        if chart := study.chart(LIGHT, 1000, height, published=differences, head=head):
            return work.run_in_worker(asker, chart_slide, chart.to_dict(validate=False), LIGHT)
    raise LabError("There is no dot yet; wait for the first.")


def study_handout(code: str, images: ImageSet, asker: Visitor, ended: bool) -> str:
    """Plan and results as a page to print; LabError while there is no plan."""
    if study := class_study(code, images):
        looks = one_room.looks_of(code, study.kind)
        return work.run_in_worker(asker, study_html, study, looks, _published(study, images, ended))
    raise LabError(NO_PLAN)


def dots_csv(code: str, images: ImageSet) -> bytes:
    """The dots as a CSV file; LabError while there is no plan."""
    if study := class_study(code, images):
        return one_room_results.dots_csv(study.results, study.plan, study.study)
    raise LabError(NO_PLAN)


def time_until_all(study: ClassStudy, images: ImageSet) -> str:
    """The time until all active blocks are trained, with other visitors' jobs; empty without
    any."""
    active = sum(state is BlockState.ACTIVE for state in study.states)
    if not active:
        return ""
    workers = default_workers()
    long_jobs = sum(not job.short for job in work.queue().jobs())
    waiting = max(0, max(active, long_jobs) - workers)
    return one_room_results.time_left(waiting, [0.5], seconds(study.plan, images), workers)
