"""The lesson of one room in its three forms: the plan and the wall on the lecturer's screen, a
block on each phone."""

from dataclasses import replace
from functools import partial
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom import one_room, one_room_results, turnout
from vlcore.classroom.handout import explained
from vlcore.classroom.one_room import CLASS, DIRECTIONS, REHEARSAL, Contrast, Plan
from vlcore.classroom.one_room_results import ClassStudy
from vlcore.classroom.session import ClassSession, find_session, move_session
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.options import TOWERS_SEEN
from vlcore.experiment.plain_text import plain
from vlcore.metrics.catalogue import words_of
from vlcore.plots.theme import Palette
from vlcore.study.text import duration_words
from vlcore.web import jobs, shell, visitors, widgets, work
from vlcore.web.lesson import one_room_presenter, one_room_student, session, session_cache, steps
from vlcore.web.lesson.session import click_errors

_WALL, _SQUARE = (
    (1180, 270),
    84,
)  # px of the dots on the wall, and of the code for cameras beside them


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """What it is, for one who is in no class, and how it begins."""
    st.header("One room, one study", anchor=False)
    steps.large_text(
        "A class plans one comparison. Each phone trains two models that differ in one thing, with"
        " a seed of its own. Each pair is a dot on the wall, and all dots together decide, as"
        " planned."
    )
    st.caption("Alone it is the same: one person with simulated phones, or with a few friends.")
    towers = session.chosen_towers()
    st.caption(TOWERS_SEEN[towers])
    session.class_controls(bar, one_room.NAME, images.name, one_room.FIRST, towers)
    begin = partial(session.begin_class, one_room.NAME, images.name, one_room.FIRST, towers)
    st.button("Start it", type="primary", icon=":material/play_arrow:", on_click=begin)
    session.show_click_error()


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The plan, then the wall; a rehearsal goes before both."""
    now = session_cache.class_study(room.code, images)
    if now is None:
        _planning(room, images)
    else:
        _wall(room, now, images, palette, bar)


def _planning(room: ClassSession, images: ImageSet) -> None:
    steps.join_banner(room.code, large_type=True)
    usual, token = usual_condition(images).with_towers(room.towers), session.own_token()
    asked, measure = one_room.question_at(room.step, usual, images.grouping)
    known = one_room.contrasts(usual, images.grouping)
    words = {words_of(one, images.grouping): one for one in one_room.primary_measures()}

    @click_errors()
    def choose() -> None:
        titles = {one.title: name for name, one in known.items()}
        step = (
            f"{titles[st.session_state['room_contrast']]}/{words[st.session_state['room_measure']]}"
        )
        move_session(room.code, token, step, "predict")

    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles, measures = [one.title for one in known.values()], list(words)
        st.selectbox(
            "The comparison",
            titles,
            titles.index(asked.title),
            key="room_contrast",
            on_change=choose,
            width=330,
        )
        place = list(words.values()).index(measure)
        st.selectbox(
            "What decides", measures, place, key="room_measure", on_change=choose, width=330
        )
        planned = widgets.integer_input(
            "Blocks", one_room.FEWEST, one_room.MOST, one_room.USUAL, width=130
        )
        about = (
            "Block 1 has this seed, the next ones the next. Another one where a class before had"
            " these."
        )
        seed = widgets.integer_input("First seed", 0, one_room.LAST_SEED, 0, about=about, width=130)
    st.header(plain(asked.question), anchor=False)
    expected = st.radio("The class expects", DIRECTIONS, None, key="room_expected", horizontal=True)
    _count(room, asked, measure, images)
    plan = Plan(asked.name, planned, measure, seed, expected or "", towers=room.towers)
    meaning = explained(words_of(measure, images.grouping))
    st.caption(plain(f"{one_room_results.rule(plan)} {TOWERS_SEEN[plan.towers]} {meaning}"))

    @click_errors()
    def fix() -> None:
        one_room.fix_plan(room.code, token, plan, usual, images.grouping)
        move_session(room.code, token, room.step, "run")

    with st.container(horizontal=True, vertical_alignment="center"):
        about = "Writes the plan down before the first run. It cannot be changed then."
        icon = ":material/lock:"
        st.button(
            "Fix the plan",
            type="primary",
            icon=icon,
            help=about,
            disabled=not expected,
            on_click=fix,
        )
        _prepare(plan, images)
        with st.popover("Rehearse", icon=":material/smart_toy:"):
            phones = widgets.integer_input(
                "Simulated phones", 2, one_room.USUAL, 3
            )  # one pair has no mean
            time = duration_words(work.until_done(session_cache.seconds(plan, images), phones))
            apart = "They take blocks with other seeds, so nobody sees what the class will find"
            st.caption(f"{apart}. Phones of the class see nothing of it. It takes {time}.")
            rehearsed = replace(plan, planned=phones, seed=0)
            st.button("Begin the rehearsal", on_click=partial(_rehearse, room, images, rehearsed))


def _count(room: ClassSession, asked: Contrast, measure: str, images: ImageSet) -> None:
    @shell.follows(jobs.POLL)
    def count() -> None:
        now = find_session(room.code)
        votes = now.counts if now else {}
        counts = " · ".join(f"{name}: {votes.get(name, 0)}" for name in DIRECTIONS)
        question = one_room.expectation_question(asked, measure, images.grouping)
        st.markdown(plain(f"{question} On the phones: {counts}"))
        if came := turnout.turnout_sentence(turnout.votes_by_address(room.code)):
            st.caption(came)

    count()


def _prepare(plan: Plan, images: ImageSet) -> None:
    """The button that trains all planned blocks before a class comes."""
    with st.popover("Prepare", icon=":material/inventory:"):
        pairs = [
            work.views(session_cache.block_conditions(plan, images, place))
            for place in range(plan.planned)
        ]
        missing = sum(not view.done for pair in pairs for view in pair)
        new = sum(
            not any(view.state.is_active for view in pair)
            for pair in pairs
            if not all(one.done for one in pair)
        )
        time = duration_words(work.until_done(session_cache.seconds(plan, images), new))
        of = 2 * plan.planned
        st.caption(f"{of - missing} of {of} models are there; the others take {time} here.")
        st.caption(
            "A dot appears only when a phone takes its block. The plan will say how many models"
            " were there."
        )

        @click_errors()
        def train() -> None:
            for place in range(plan.planned):
                work.train_pair(session_cache.block_conditions(plan, images, place))

        st.button("Train all of them now", disabled=not missing, on_click=train)


@click_errors()
def _rehearse(room: ClassSession, images: ImageSet, plan: Plan) -> None:
    usual = usual_condition(images)
    for block in one_room.rehearse(room.code, session.own_token(), plan, usual, images.grouping):
        kept = one_room.plan_of(room.code, REHEARSAL)
        work.train_pair(session_cache.block_conditions(kept or plan, images, block.place))


def _wall(
    room: ClassSession, now: ClassStudy, images: ImageSet, palette: Palette, bar: DeltaGenerator
) -> None:
    ended, token, rehearsal = room.phase == "reveal", session.own_token(), now.kind == REHEARSAL
    bar.markdown(f"Join at {steps.student_address(room.code)}", width="content")
    if not ended:
        work.prepare(
            session_cache.block_conditions(now.plan, images, 0)[0]
        )  # a class is about to press
    if rehearsal:
        st.warning(
            "Rehearsal: simulated phones, other seeds. Nothing of it counts.",
            icon=":material/smart_toy:",
        )

    @shell.follows(jobs.POLL if rehearsal or not ended else None)
    def follow() -> None:
        seen = session_cache.class_study(room.code, images)
        if seen is None or (seen.kind, seen.complete) != (now.kind, now.complete):
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            steps.qr_code(room.code, _SQUARE)
            one_room_presenter.show_numbers(seen)
        one_room_presenter.show_results(seen, images, palette, *_WALL, ended=ended)
        with st.container(horizontal=True, vertical_alignment="center"):
            if not rehearsal and not ended and seen.free:
                train = partial(_train_open, room, images)
                label = f"Train the {seen.free} blocks that nobody trains"
                st.button(label, icon=":material/model_training:", on_click=train)
            if left := session_cache.time_until_all(seen, images):
                st.caption(f"The last one on its way is there in {left}.")

    with st.container(gap="xsmall"):
        follow()
    st.caption(plain(now.planned))
    with st.container(horizontal=True):
        if rehearsal:
            end = partial(_end_rehearsal, room, images)
            st.button(
                "End the rehearsal and delete it",
                type="primary",
                icon=":material/delete:",
                on_click=end,
            )
        else:
            move = click_errors()(partial(move_session, room.code, token, room.step))
            label, phase = ("Go on", "run") if ended else ("End: what did it show?", "reveal")
            leads_on: Literal["primary", "secondary"] = (
                "primary" if now.complete and not ended else "secondary"
            )
            st.button(label, type=leads_on, on_click=move, args=(phase,))
        name, asker = f"wall-{room.code}", visitors.visitor()
        picture = partial(session_cache.results_slide, room.code, images, asker, ended)
        widgets.download("The wall as a slide", picture, f"{name}.png", "image/png", "image")
        paper = partial(session_cache.study_handout, room.code, images, asker, ended)
        widgets.download("Hand-out", paper, f"{name}.html", "text/html", "print")
        widgets.download(
            "Its dots, CSV",
            partial(session_cache.dots_csv, room.code, images),
            f"{name}.csv",
            "text/csv",
            "table",
        )


@click_errors()
def _end_rehearsal(room: ClassSession, images: ImageSet) -> None:
    now = session_cache.class_study(room.code, images, REHEARSAL)
    one_room.delete_rehearsal(room.code, session.own_token())
    pairs = (
        [session_cache.block_conditions(now.plan, images, block.place) for block in now.blocks]
        if now
        else []
    )
    for key in (one.key for pair in pairs for one in pair):
        if work.view(key).state.is_active:
            work.queue().cancel_pending(key, visitors.visitor())


@click_errors()
def _train_open(room: ClassSession, images: ImageSet) -> None:
    now = session_cache.class_study(room.code, images, CLASS)
    if now is not None:
        ask = partial(session_cache.block_state, now.plan, images)
        for block in one_room.take_open_blocks(room.code, session.own_token(), ask):
            work.train_pair(session_cache.block_conditions(now.plan, images, block.place))


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """One of the class: says what to expect, then trains a block and sees what came of it."""
    plan = one_room.plan_of(room.code)
    if plan is None:
        one_room_student.expect(room, images)
    else:
        one_room_student.follow(room, plan, images, palette)
