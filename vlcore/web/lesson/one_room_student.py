"""The lesson of one room on a phone: what one expects, one's own pair of models, and its dot on the
wall."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from vlcore.classroom import one_room, one_room_results
from vlcore.classroom.handout import explained
from vlcore.classroom.one_room import CLASS, DIRECTIONS, BlockState, Plan
from vlcore.classroom.session import ClassSession, find_session, vote
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.options import TOWERS_SEEN
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import difference, points
from vlcore.jobs import jobs as on_disk
from vlcore.jobs.jobs import JobStatus, State
from vlcore.jobs.queue import default_workers
from vlcore.metrics.catalogue import measure_of, words_of
from vlcore.plots.theme import Palette
from vlcore.web import cache, jobs, shell, visitors, work
from vlcore.web.lesson import session, session_cache, steps
from vlcore.web.lesson.session import click_errors, voter

SLOW = 5.0  # seconds between looks where nothing of one's own is on its way
# Seconds between looks by the least seconds that one's own pair takes still: of thirty phones few
# look each second.
LOOKS = ((60.0, 10.0), (20.0, 5.0), (8.0, 2.0), (0.0, 1.0))
MANY = 50  # blocks, for each of which phones that have all look more rarely
_PHONE, _PHONE_MAP = 340, 164  # px of a chart and of a map


def expect(room: ClassSession, images: ImageSet) -> None:
    """What somebody of the class expects, before the plan is fixed."""
    usual = usual_condition(images).with_towers(room.towers)
    asked, measure = one_room.question_at(room.step, usual, images.grouping)
    st.header(plain(asked.question), anchor=False)
    steps.large_text(one_room.expectation_question(asked, measure, images.grouping))
    meaning = explained(words_of(measure, images.grouping))
    st.caption(plain(f"{TOWERS_SEEN[room.towers]} {meaning}".strip()))

    @shell.follows(SLOW)
    def follow() -> None:
        now = find_session(room.code, voter())
        if now is None or (now.step, now.phase) != (room.step, room.phase):
            st.rerun()
        for one in DIRECTIONS:
            cast = click_errors()(
                partial(vote, room.code, room.step, voter(), one, DIRECTIONS, visitors.address())
            )
            mine = now.own == one
            st.button(
                one,
                key=f"expect_{one}",
                type="primary" if mine else "secondary",
                icon=":material/check:" if mine else None,
                width="stretch",
                on_click=cast,
            )
        if not session.show_click_error():
            st.caption("Nobody sees who said what. Next, the lecturer fixes the plan.")

    follow()


def follow(room: ClassSession, plan: Plan, images: ImageSet, palette: Palette) -> None:
    """A block of one's own: asked for by a button, waited for, and looked at."""
    known = one_room.contrasts(usual_condition(images), images.grouping)
    st.header(plain(known[plan.contrast].title), anchor=False)
    st.caption(TOWERS_SEEN[plan.towers])
    before = _pace(room, plan, images)

    @shell.follows(before)
    def look_on() -> None:
        now = find_session(room.code, voter())
        if now is None or now.phase != room.phase or _pace(room, plan, images) != before:
            st.rerun()
        _block(room, plan, images, palette)
        session.show_click_error()

    look_on()


def _pace(room: ClassSession, plan: Plan, images: ImageSet) -> float:
    """Seconds between looks: who waits long need not look often, nor who has all in a class of
    many."""
    blocks = one_room.blocks_of(room.code)
    own = next((one for one in blocks if one.owner == voter()), None)
    if own is None:
        return SLOW
    views = [work.view(one.key) for one in session_cache.block_conditions(plan, images, own.place)]
    if all(view.done for view in views):
        return SLOW * max(1, round(len(blocks) / MANY))
    return next(every for left, every in LOOKS if _left(plan, images, views) >= left)


def _left(plan: Plan, images: ImageSet, views: Sequence[JobStatus]) -> float:
    """Seconds until a pair that waits or trains is there, as far as one can tell."""
    position = max(view.position for view in views)
    fractions = [1.0 if view.done else view.fraction for view in views]
    return one_room_results.seconds_left(
        position, fractions, session_cache.seconds(plan, images), default_workers()
    )


def _block(room: ClassSession, plan: Plan, images: ImageSet, palette: Palette) -> None:
    take = partial(_take, room, plan, images)
    blocks = one_room.blocks_of(room.code)
    own = next((one for one in blocks if one.owner == voter()), None)
    if own is None:
        if room.open:
            steps.large_text(
                "Your phone gets a pair of models that nobody else has: a seed of its own."
            )
            st.button(
                "Train my two models", type="primary", icon=":material/play_arrow:", on_click=take
            )
        else:
            st.caption("The study has ended; the lecturer's screen shows what it found.")
            _dots(room, images, palette, -1)
        return
    pair, stands = (
        session_cache.block_conditions(plan, images, own.place),
        session_cache.block_state(plan, images, own),
    )
    views = [work.view(one.key) for one in pair]
    if stands is BlockState.DONE:
        _two_models(room, plan, images, palette, own.place)
    elif stands is BlockState.ACTIVE and any(view.state.is_active for view in views):
        one_room.keep_waiting(room.code, own)
        position = max(view.position for view in views)
        left = one_room_results.time_words(_left(plan, images, views))
        where = f"Place {position} in the queue" if position else "Your models are in training"
        done = sum(1.0 if view.done else view.fraction for view in views) / len(views)
        st.progress(done, text=f"{where}, {left} left. You may lock your phone.")
        st.button(
            "Give them up",
            icon=":material/stop:",
            on_click=partial(_give_up, room, [one.key for one in pair]),
        )
    elif {view.state for view in views} <= {State.ABSENT, State.INTERRUPTED, State.DONE}:
        work.train_pair(pair)  # they were asked for, and the server has started anew since
        st.progress(0.0, text="Your models are asked for again.")
    else:
        for sentence in filter(None, map(jobs.ended_badly, views)):
            st.warning(sentence)
        st.button("Train two models", type="primary", icon=":material/refresh:", on_click=take)


@click_errors()
def _take(room: ClassSession, plan: Plan, images: ImageSet) -> None:
    block = one_room.take_block(
        room.code, voter(), partial(session_cache.block_state, plan, images), visitors.address()
    )
    try:
        work.train_pair(session_cache.block_conditions(plan, images, block.place))
    except Exception:
        one_room.release_block(room.code, voter())
        raise


@click_errors()
def _give_up(room: ClassSession, keys: list[str]) -> None:
    one_room.release_block(room.code, voter())
    for key in keys:
        if work.view(key).state.is_active:
            work.queue().cancel_pending(key, visitors.visitor())


def _two_models(
    room: ClassSession, plan: Plan, images: ImageSet, palette: Palette, place: int
) -> None:
    pair = session_cache.block_conditions(plan, images, place)
    asked = one_room.study_of(plan, usual_condition(images), images.grouping)
    steps.large_text(f"Your two models: block {place + 1}, seed {pair[0].data_seed}", "answer")
    with st.container(horizontal=True, gap="small"):
        for one in pair:
            with st.container(width=_PHONE_MAP + 6):
                st.caption(str(asked.arm_of(one)))
                drawn = cache.card_map(one.key, palette, _PHONE_MAP)
                cache.show_chart(
                    drawn, alt=f"Map of the model with {asked.arm_of(one)}", key=f"map_{one.key}"
                )
    try:
        found = one_room_results.pair_difference(
            plan.measure, [cache.artifact(one.key).metrics["end"] for one in pair]
        )
    except ValueError as error:
        st.markdown(plain(f"Their difference is not defined: {error}."))
    else:
        write = points if measure_of(plan.measure).is_share else difference
        st.markdown(
            f"{plain(f'{asked.treatments[0]} less {asked.baseline}')}:"
            f" **{plain(write(found.as_dict()))}**"
        )
        st.caption(
            "One pair; the interval is over pictures. Another seed gives another difference: look"
            " at the wall."
        )
    _dots(room, images, palette, place)


def _dots(room: ClassSession, images: ImageSet, palette: Palette, place: int) -> None:
    now = session_cache.class_study(room.code, images, CLASS, on_disk.view)
    if now is None or (drawn := now.chart(palette, _PHONE, 210, own=place)) is None:
        return
    if place >= 0 and place not in now.counted:
        st.caption("Your block is beyond the plan: it is shown, and decides nothing.")
    st.markdown("**Your dot on the wall**" if place >= 0 else "**The wall**")
    cache.show_described(drawn, "phone_wall")
    if not room.open:
        st.markdown(plain(one_room_results.verdict(now.found, now.plan)))
