"""Lesson “one room, one study” on a phone: a prediction, a pair of models, and its dot."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean

import streamlit as st

from vlcore.classroom import one_room, tower_pairs
from vlcore.classroom.answers import estimate_in_run
from vlcore.classroom.lessons import Quantity
from vlcore.classroom.one_room import CLASS, DIRECTIONS, Block, BlockState, ClassPlan, Pair
from vlcore.classroom.session import ClassSession, LessonError, vote
from vlcore.classroom.tower_pairs import PHONES
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import points
from vlcore.jobs import jobs as on_disk
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.catalogue import PRIMARY, words_of
from vlcore.plots.theme import Palette
from vlcore.study.answer_file import DIGITS
from vlcore.study.plans import StudyPlan
from vlcore.web import cache, jobs, linked_maps, shell, visitors, work
from vlcore.web.lesson import phone, session, session_cache, steps
from vlcore.web.lesson.session import click_errors, voter

EARLY = 0.1  # of a model, before which its pace says nothing
SLOW = 5.0  # seconds between polls while the student's pair is not active
# Seconds between polls by the seconds that the student's pair still takes at least: of thirty
# phones few poll each second.
POLLS = ((60.0, 10.0), (20.0, 5.0), (8.0, 2.0), (0.0, 1.0))
MANY = 50  # blocks, for each of which phones whose pair is trained poll more rarely
_PHONE, _PHONE_MAP = 340, 164  # px of a chart and of a map


def expect(room: ClassSession, images: ImageSet) -> None:
    """The student's prediction, before the plan is fixed."""
    usual = tower_pairs.on_towers(usual_condition(images), room.towers)
    contrast = one_room.contrast_at(room.step, usual, images.grouping)
    st.header(plain(contrast.question), anchor=False)
    _say_groups(images)
    steps.show_groups(images, images.grouping.minority)
    steps.large_text(one_room.expectation_question(contrast, images.grouping))

    @click_errors()
    def cast(direction: str) -> None:
        vote(room.code, room.step, voter(), direction, DIRECTIONS, visitors.address())

    @shell.follows(SLOW)
    def follow() -> None:
        now = session.current(room)
        for direction in DIRECTIONS:
            key, is_mine = f"expect_{direction}", now.vote == direction
            steps.vote_button(direction, key, is_mine, partial(cast, direction))
        if not session.show_click_error():
            st.caption("Votes are anonymous. Next, the presenter locks the plan.")

    follow()


def follow_study(room: ClassSession, plan: ClassPlan, images: ImageSet, palette: Palette) -> None:
    """The student's block: asked for by a button, waited for, and looked at."""
    usual = tower_pairs.on_towers(usual_condition(images), plan.towers)
    contrasts = one_room.contrasts(usual, images.grouping)
    st.header(plain(contrasts[plan.contrast].title), anchor=False)
    _say_groups(images)
    interval = _poll_interval(room, plan, images)
    # In another theme the page runs again: the part below runs alone, in the colours of before.
    shell.window()

    @shell.follows(interval)
    def poll() -> None:
        session.current(room)
        if _poll_interval(room, plan, images) != interval:
            st.rerun()
        _block(room, plan, images, palette)
        session.show_click_error()

    poll()


def _say_groups(images: ImageSet) -> None:
    """Say which images are rare in training."""
    names = group_words(images.grouping)
    rare = " and ".join(names[group] for group in images.grouping.minority)
    st.caption(plain(f"Under bias, few training images show {rare}: the rare images."))


def _my_block(blocks: Sequence[Block]) -> Block | None:
    return next((block for block in blocks if block.owner == voter()), None)


def _poll_interval(room: ClassSession, plan: ClassPlan, images: ImageSet) -> float:
    """Seconds between polls, longer for phones that wait long or have their pair in a large
    class."""
    blocks = one_room.blocks_of(room.code)
    block = _my_block(blocks)
    if block is None:
        return SLOW
    views = work.views(session_cache.block_conditions(plan, images, block.place))
    if block.result or all(view.done for view in views):
        return SLOW * max(1, round(len(blocks) / MANY))
    if plan.towers == PHONES and not any(view.state.is_active for view in views):
        return SLOW  # the phone itself tells when it is ready
    left = _seconds_left(plan, images, views)
    return next(interval for least, interval in POLLS if left >= least)


def _seconds_left(plan: ClassPlan, images: ImageSet, views: Sequence[JobStatus]) -> float:
    """Estimated seconds until a pair is trained: by the last pairs, or by its own pace where it is
    slower, as on a server that has become busy."""
    position = max(view.position for view in views)
    done = fmean(view.fraction for view in views)
    each = session_cache.pair_seconds(plan, images)
    for view in views:
        if view.state.is_active and view.fraction >= EARLY and "started" in view.status:
            seconds = time.time() - view.status["started"]
            each = max(each, len(views) * seconds / view.fraction)
    return steps.seconds_left(position, done, each)


def _block(room: ClassSession, plan: ClassPlan, images: ImageSet, palette: Palette) -> None:
    take = partial(_take, room, plan, images)
    block = _my_block(one_room.blocks_of(room.code))
    if block is None and room.open:
        if plan.towers == PHONES:
            phone.files_address(images.name, images.version)  # before thirty phones ask for it
        steps.large_text("Your phone gets a pair of models of its own, with a seed of its own.")
        st.button(
            "Train my two models", type="primary", icon=":material/play_arrow:", on_click=take
        )
        return
    if block is None:
        st.caption("The study has ended; the presenter's screen shows what it found.")
        _dots(room, images, palette, -1)
        return
    pair = session_cache.block_conditions(plan, images, block.place)
    state = session_cache.current_block_state(plan, images, block)
    views = work.views(pair)
    if state is BlockState.DONE:
        _two_models(room, plan, images, palette, block)
    elif state is BlockState.ACTIVE and any(view.state.is_active for view in views):
        one_room.keep_waiting(room.code, block)
        position = max(view.position for view in views)
        left = steps.time_words(_seconds_left(plan, images, views))
        where = f"Place {position} in the queue" if position else "Your models are in training"
        trained = fmean(view.fraction for view in views)
        st.progress(trained, text=f"{where}, {left} left. You may lock your phone.")
        st.button("Cancel training", icon=":material/stop:", on_click=partial(_give_up, room, pair))
    elif {view.state for view in views} <= {State.ABSENT, State.INTERRUPTED, State.DONE}:
        if plan.towers == PHONES:
            _train_on_phone(room, plan, images, palette, block)
        else:
            work.train_pair(pair)  # they were asked for before the server restarted
            st.progress(0.0, text="Your models are asked for again.")
    else:
        jobs.warn_of_failures(views)
        st.button("Train two models", type="primary", icon=":material/refresh:", on_click=take)


@click_errors()
def _take(room: ClassSession, plan: ClassPlan, images: ImageSet) -> None:
    state_of = partial(session_cache.current_block_state, plan, images)
    block = one_room.take_block(room.code, voter(), state_of, visitors.address())
    if plan.towers == PHONES:
        return
    try:
        work.train_pair(session_cache.block_conditions(plan, images, block.place))
    except Exception:
        one_room.release_block(room.code, voter())
        raise


@click_errors()
def _give_up(room: ClassSession, pair: Pair) -> None:
    one_room.release_block(room.code, voter())
    session_cache.cancel_pair(pair)


def _train_on_phone(
    room: ClassSession, plan: ClassPlan, images: ImageSet, palette: Palette, block: Block
) -> None:
    """Let the browser train a block; the server does it where the browser cannot."""
    one_room.keep_waiting(room.code, block)
    pair = session_cache.block_conditions(plan, images, block.place)
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    head = st.container()
    result = phone.train_here(room.code, block, pair, study, images, palette)
    if result is None:
        label, icon = "Train on the server instead", ":material/dns:"
        st.button(label, icon=icon, on_click=partial(_train_on_server, pair))
        return
    text = json.dumps(result)
    try:
        session_cache.phone_runs(plan, images, block.place, text)
    except LessonError:  # the browser tells that it cannot train
        work.train_pair(pair)
        return
    one_room.post_result(room.code, voter(), block.place, text)
    with head:
        _say_pair(block.place, pair)
    # All dots come with the next look: now thirty phones would ask for them at once.
    _say_difference(plan, images, replace(block, result=text), study)


@click_errors()
def _train_on_server(pair: Pair) -> None:
    work.train_pair(pair)


def _two_models(
    room: ClassSession, plan: ClassPlan, images: ImageSet, palette: Palette, block: Block
) -> None:
    pair = session_cache.block_conditions(plan, images, block.place)
    study = one_room.study_of(plan, usual_condition(images), images.grouping)
    with st.container():
        _say_pair(block.place, pair)
    if block.result:
        phone.train_here(room.code, block, pair, study, images, palette)
    else:
        _show_maps(pair, study, palette)
    _say_difference(plan, images, block, study)
    _dots(room, images, palette, block.place)


def _say_pair(place: int, pair: Pair) -> None:
    steps.large_text(f"Your two models: seed pair {place + 1}, seed {pair[0].data_seed}", "answer")


def _say_difference(plan: ClassPlan, images: ImageSet, block: Block, study: StudyPlan) -> None:
    """What the two models of a block differ by."""
    ends = [run.metrics["end"] for run in session_cache.runs_of_block(plan, images, block)]
    try:
        estimate = estimate_in_run(Quantity(PRIMARY, less_left=True), *ends)
    except ValueError as error:
        st.markdown(plain(f"Their difference is not defined: {error}."))
        return
    measure = words_of(PRIMARY, images.grouping)
    words = plain(f"{measure}, {study.treatments[0]} minus {study.baseline}")
    st.markdown(f"{words}: **{plain(points(estimate.as_dict(), DIGITS))}**")
    st.caption(
        "One pair; the interval is over images. Another seed gives another difference: look at"
        " the presenter's screen."
    )


def _show_maps(pair: Pair, study: StudyPlan, palette: Palette) -> None:
    """The maps of two models that the server trained."""
    with st.container(horizontal=True, gap="small"):
        for condition in pair:
            arm = str(study.arm_of(condition))
            with st.container(width=_PHONE_MAP + 6):
                st.caption(arm)
                alt = f"Map of the model with {arm}"
                linked_maps.show_card(condition.key, palette, _PHONE_MAP, alt)


def _dots(room: ClassSession, images: ImageSet, palette: Palette, place: int) -> None:
    study = session_cache.class_study(room.code, images, CLASS, on_disk.view)
    chart = study.chart(palette, _PHONE, 210, highlight=place) if study else None
    if study is None or chart is None:
        return
    if place >= 0 and place not in study.counted:
        st.caption("Your seed pair is beyond the plan: it is shown, and decides nothing.")
    st.markdown("**Your dot among all dots**" if place >= 0 else "**All dots**")
    cache.show_described(chart, "phone_wall")
    if not room.open:
        for sentence in session_cache.what_is_said(study, ended=True):
            st.markdown(plain(sentence))
        steps.show_take_home(one_room.NAME, images.name)
