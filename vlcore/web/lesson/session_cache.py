"""Studies of rooms as they stand, read anew from the disk and the queue each time; what they say is
worked out once."""

from collections.abc import Sequence
from dataclasses import replace
from textwrap import wrap

import altair as alt
import streamlit as st

from vlcore.classroom import one_room, one_room_results
from vlcore.classroom.handout import study_html
from vlcore.classroom.one_room import CLASS, REHEARSAL, Block, BlockState, Pair, Plan, View
from vlcore.classroom.one_room_results import ClassResults, ClassStudy
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
_FIFTY = 50  # blocks whose conditions are made at once
_FIRST = (
    3  # blocks that say how long a pair takes before anything was trained since the server began
)
_FRESH = 5.0  # seconds that how long a pair takes is remembered, unless a training ends
NONE: tuple[list[float], int] = ([], 0)
NO_PLAN = "There is no plan yet, and so no wall."


def class_study(
    code: str, images: ImageSet, kind: str = "", view: View | None = None
) -> ClassStudy | None:
    """The study of a room, of a kind, else the rehearsal where there is one, else that of the
    class; None without a plan. Of the queue the usual `view` knows, which takes time for each of
    many blocks; that of the disk is enough for whoever only wants the dots."""
    for asked in [kind] if kind else [REHEARSAL, CLASS]:
        if plan := one_room.plan_of(code, asked):
            blocks = tuple(one_room.blocks_of(code, asked))
            stands = tuple(block_state(plan, images, block, view) for block in blocks)
            now = ClassStudy(
                code, asked, plan, usual_condition(images), images.grouping, blocks, stands
            )
            there = [
                block.place
                for block, one in zip(blocks, stands, strict=True)
                if one is BlockState.DONE
            ]
            return replace(
                now, found=_wall(plan, images, there, sorted(now.counted.intersection(there)))
            )
    return None


def block_state(plan: Plan, images: ImageSet, block: Block, view: View | None = None) -> BlockState:
    """How a block stands, as the queue and the disk know it."""
    return one_room.block_state(
        block, block_conditions(plan, images, block.place), view or work.queue().view
    )


def block_conditions(plan: Plan, images: ImageSet, place: int) -> Pair:
    """The two conditions of a block."""
    return _pairs(plan, images, _FIFTY * (place // _FIFTY + 1))[place]


@st.cache_resource(max_entries=40, show_spinner=False, hash_funcs=_BY_CONTENT)
def _pairs(plan: Plan, images: ImageSet, blocks: int) -> list[Pair]:
    return one_room.pairs_of(plan, usual_condition(images), images.grouping, blocks)


@st.cache_resource(max_entries=20, show_spinner=False, hash_funcs=_BY_CONTENT)
def _wall(
    plan: Plan, images: ImageSet, there: Sequence[int], counted: Sequence[int]
) -> ClassResults:
    pairs = {place: block_conditions(plan, images, place) for place in there}
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    return one_room_results.class_results(study, pairs, set(counted), cache.artifact)


@st.cache_resource(
    max_entries=6, show_spinner="Reading the published runs …", hash_funcs=_BY_CONTENT
)
def published_differences(plan: Plan, images: ImageSet) -> tuple[list[float], int]:
    """What is published about a plan, see `one_room_results.published_differences`."""
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    return one_room_results.published_differences(study, published.measured_runs())


def seconds(plan: Plan, images: ImageSet) -> float:
    """How long a pair probably takes here, see `work.expected_seconds`; of models that are like it
    the first blocks may have some."""
    return _seconds(plan, images, tuple(work.queue().latest))


# Thirty phones ask every few seconds, and each answer reads a dozen manifests: a third of the
# server's time.
@st.cache_data(max_entries=20, ttl=_FRESH, show_spinner=False, hash_funcs=_BY_CONTENT)
def _seconds(plan: Plan, images: ImageSet, latest: tuple[str, ...]) -> float:
    first = _pairs(plan, images, _FIFTY)[:_FIRST]
    like = [one.key for pair in first for one in pair]
    return sum(work.expected_seconds(one, like) for one in first[0])


def results_slide(code: str, images: ImageSet, asker: Visitor, ended: bool) -> bytes:
    """The wall as a PNG file of a slide; LabError while it is empty."""
    if now := class_study(code, images):
        others = published_differences(now.plan, images) if ended else NONE
        verdict, *rest = now.sentences(one_room.looks_of(code, now.kind), others)
        facts = " · ".join(f"{label}: {value}" for label, value in now.numbers().items())
        lines = [line for sentence in (facts, *rest) for line in wrap(sentence, 150)]
        head = alt.Title(
            [now.title, *wrap(verdict, 90)], subtitle=lines, fontSize=19, subtitleFontSize=13
        )
        if drawn := now.chart(
            LIGHT, 1000, 590 - 24 * len(head.text) - 16 * len(lines), others=others, head=head
        ):
            return work.run_in_worker(asker, chart_slide, drawn.to_dict(validate=False), LIGHT)
    raise LabError("There is no dot on the wall yet; wait for the first.")


def study_handout(code: str, images: ImageSet, asker: Visitor, ended: bool) -> str:
    """Plan and wall as a page to print; LabError while there is no plan."""
    if now := class_study(code, images):
        others = published_differences(now.plan, images) if ended else NONE
        return work.run_in_worker(asker, study_html, now, one_room.looks_of(code, now.kind), others)
    raise LabError(NO_PLAN)


def dots_csv(code: str, images: ImageSet) -> bytes:
    """The dots as a CSV file; LabError while there is no plan."""
    if now := class_study(code, images):
        return one_room_results.dots_csv(now.found, now.plan, now.study)
    raise LabError(NO_PLAN)


def time_until_all(now: ClassStudy, images: ImageSet) -> str:
    """How long it takes until all are there that were asked for, and what others asked for
    meanwhile; empty where none is on its way."""
    waiting = sum(one is BlockState.ACTIVE for one in now.stands)
    if not waiting:
        return ""
    workers, each = default_workers(), seconds(now.plan, images)
    return one_room_results.time_left(
        max(0, max(waiting, work.queue().long_jobs()) - workers), [0.5], each, workers
    )
