"""Lesson “one room, one study”: alone, the presenter's plan and results, a block on each phone."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom import one_room, one_room_results, tower_pairs
from vlcore.classroom.lessons import LessonCard
from vlcore.classroom.one_room import DIRECTIONS, REHEARSAL, ClassContrast, ClassPlan, Pair
from vlcore.classroom.one_room_results import ClassStudy
from vlcore.classroom.session import ClassSession, LessonError, move_session
from vlcore.classroom.tower_pairs import PHONES
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import TOWERS_SEEN, duration_words, plural
from vlcore.plots.theme import Palette
from vlcore.web import cache, jobs, shell, visitors, widgets, work
from vlcore.web.lesson import one_room_student, phone, session, session_cache, steps
from vlcore.web.lesson.session import click_errors, presenter_click

NAME = one_room.NAME
LESSON = LessonCard(
    "One room, one study",
    30,
    "45 minutes",
    "each phone trains two models",
    "A study by the whole class: why one run says little, what a plan and an interval are for.",
)
_CHART = (1180, 270)  # px of the dots on the presenter's screen, at most
_MARGINS = 50  # px beside them
_QR_CODE = 84  # px


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """What the lesson is, without a class, and how it begins."""
    st.header("One room, one study", anchor=False)
    steps.large_text(
        "A class plans one comparison. Each phone trains two models that differ in one thing, with"
        " a seed of its own. Each pair is a dot on the screen, and all dots together decide, as"
        " planned."
    )
    st.caption("Alone it is the same: one person with simulated phones, or with a few friends.")
    towers = shell.towers_choice()
    st.caption(TOWERS_SEEN[towers])
    session.class_controls(bar, one_room.NAME, images.name, one_room.FIRST, towers)
    begin = partial(session.begin_class, one_room.NAME, images.name, one_room.FIRST, towers)
    st.button("Start it", type="primary", icon=":material/play_arrow:", on_click=begin)
    session.show_click_error()


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The plan, then the results; a rehearsal goes before both."""
    study = session_cache.class_study(room.code, images)
    if study is None:
        _planning(room, images)
    else:
        _results(room, study, images, palette, bar)


def _planning(room: ClassSession, images: ImageSet) -> None:
    steps.join_banner(room.code, large_type=True)
    grouping = images.grouping
    usual = tower_pairs.on_towers(usual_condition(images), room.towers)
    contrast = one_room.contrast_at(room.step, usual, grouping)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _choose_contrast(room, usual, images, contrast)
        # A browser ignores a number below the bound without a word.
        planned = widgets.integer_input(
            "Seed pairs", 1, one_room.MOST, one_room.USUAL, key=_key(room, "pairs"), width=130
        )
        _choose_trainer(room, images)
    st.header(plain(contrast.question), anchor=False)
    prediction = st.radio(
        "The class expects",
        DIRECTIONS,
        None,
        key=_key(room, f"expected_{contrast.name}"),
        horizontal=True,
    )
    question = one_room.expectation_question(contrast, grouping)

    def show_votes(votes: Mapping[str, int]) -> None:
        counts = " · ".join(f"{name}: {votes.get(name, 0)}" for name in DIRECTIONS)
        st.markdown(plain(f"{question} On the phones: {counts}"))

    session.count_votes(room, show_votes)
    waits_for = "" if prediction else "First choose what the class expects."
    if planned < one_room.FEWEST:
        waits_for = f"A plan has {one_room.FEWEST} seed pairs or more."
    planned = max(planned, one_room.FEWEST)
    plan = ClassPlan(contrast.name, planned, prediction=prediction or "", towers=room.towers)
    rule = one_room_results.rule(plan, grouping)
    st.caption(plain(f"{rule} {TOWERS_SEEN[plan.towers]}"))

    @click_errors()
    def fix() -> None:
        one_room.fix_plan(
            room.code, session.own_token(), _plan_in_controls(room, plan), usual, grouping
        )

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Lock the plan",
            type="primary",
            icon=":material/lock:",
            help="Records the plan before the first run. It cannot be changed then.",
            disabled=bool(waits_for),
            on_click=fix,
        )
        if waits_for:
            st.caption(waits_for, width="content")
        if plan.towers == PHONES:
            phone.files_address(images.name, images.version)  # before thirty phones ask for it
        else:
            _prepare(plan, images)
        _rehearsal_controls(room, plan, images)


def _key(room: ClassSession, control: str) -> str:
    """The key of a control: each class begins with its own settings."""
    return f"{room.code}.{control}"


def _plan_in_controls(room: ClassSession, plan: ClassPlan) -> ClassPlan:
    """The plan as the controls have it now: a click just after a change comes before the page has
    drawn that change.

    Raises:
        LessonError: they have another question, of which nobody said what the class expects.
    """
    state = st.session_state
    if state[_key(room, "contrast")] != plan.contrast:
        raise LessonError(
            "The question was changed just before the plan was locked; choose what the class"
            " expects, and lock it then."
        )
    return replace(
        plan,
        planned=round(state[_key(room, "pairs")]),
        prediction=state[_key(room, f"expected_{plan.contrast}")] or "",
    )


def _choose_contrast(
    room: ClassSession, usual: Condition, images: ImageSet, contrast: ClassContrast
) -> None:
    """The choice of a contrast, which moves the session to its step."""
    offered = one_room.contrasts(usual, images.grouping)
    key = _key(room, "contrast")

    @click_errors()
    def choose() -> None:
        # Streamlit calls this of an unchanged control too, where the plan was just locked and a
        # part of the page that still had the control runs again.
        if st.session_state[key] != room.step:
            one_room.choose_question(room.code, session.own_token(), st.session_state[key])

    st.selectbox(
        "The comparison",
        list(offered),
        list(offered).index(contrast.name),
        lambda name: offered[name].title,
        key=key,
        on_change=choose,
        width=420,
    )


def _choose_trainer(room: ClassSession, images: ImageSet) -> None:
    """Offer that phones train; the choice changes the encoders of the class."""
    if not tower_pairs.phones_may_train(images, room.towers):
        return
    key = _key(room, "phones")

    @click_errors()
    def choose() -> None:
        towers = PHONES if st.session_state[key] else tower_pairs.PRETRAINED
        if towers != room.towers:
            one_room.choose_towers(room.code, session.own_token(), towers)

    st.checkbox(
        "Phones train",
        room.towers == PHONES,
        key=key,
        on_change=choose,
        help="Each phone trains its two models in seconds, in its browser, and sends the result."
        " The server trains one pair of ten again, at random, and says how many came out the same."
        " A phone that cannot train lets the server do it. Phones compare short and descriptive"
        " captions only.",
        width="content",
    )


def _rehearsal_controls(room: ClassSession, plan: ClassPlan, images: ImageSet) -> None:
    with st.popover("Rehearse", icon=":material/smart_toy:"):
        most = one_room.USUAL if visitors.teaches() else limits.TRAININGS
        phones = widgets.integer_input("Simulated phones", 2, most, 3)  # one pair has no mean
        time = duration_words(work.until_done(session_cache.pair_seconds(plan, images), phones))
        st.caption(
            "They take other seed pairs, so nobody sees what the class will find. Phones of"
            f" the class see nothing of it. It takes {time}."
        )
        rehearsed = replace(plan, planned=phones)
        st.button("Begin the rehearsal", on_click=partial(_rehearse, room, images, rehearsed))


def _prepare(plan: ClassPlan, images: ImageSet) -> None:
    """The button that trains all planned blocks before a class comes."""
    pairs = [session_cache.block_conditions(plan, images, place) for place in range(plan.planned)]

    @click_errors()
    def train() -> None:
        for pair in pairs:
            work.train_pair(pair)

    with st.popover("Prepare", icon=":material/inventory:"):
        views = [work.views(pair) for pair in pairs]
        missing = sum(not view.done for pair in views for view in pair)
        unfinished = [pair for pair in views if not all(view.done for view in pair)]
        inactive = sum(not any(view.state.is_active for view in pair) for pair in unfinished)
        time = duration_words(work.until_done(session_cache.pair_seconds(plan, images), inactive))
        models = 2 * plan.planned
        missing_words = f"; the others take {time} here" * bool(missing)
        st.caption(f"{models - missing} of {models} models are ready{missing_words}.")
        st.caption(
            "A dot appears only when a phone takes its seed pair. The plan will say how many models"
            " were there."
        )
        st.button("Train all of them now", disabled=not missing, on_click=train)


@click_errors()
def _rehearse(room: ClassSession, images: ImageSet, plan: ClassPlan) -> None:
    usual = usual_condition(images)
    one_room.rehearse(room.code, session.own_token(), plan, usual, images.grouping)
    for pair in _rehearsed_pairs(room, images):
        work.train_pair(pair)


@click_errors()
def _end_rehearsal(room: ClassSession, images: ImageSet) -> None:
    pairs = _rehearsed_pairs(room, images)
    one_room.delete_rehearsal(room.code, session.own_token())
    for pair in pairs:
        session_cache.cancel_pair(pair)


def _rehearsed_pairs(room: ClassSession, images: ImageSet) -> list[Pair]:
    plan = one_room.class_plan(room.code, REHEARSAL)
    if plan is None:
        return []
    blocks = one_room.blocks_of(room.code, REHEARSAL)
    return [session_cache.block_conditions(plan, images, block.place) for block in blocks]


def _results(
    room: ClassSession, study: ClassStudy, images: ImageSet, palette: Palette, bar: DeltaGenerator
) -> None:
    ended, rehearsal = room.phase == "reveal", study.kind == REHEARSAL
    bar.markdown(f"Join at {steps.student_address(room.code)}", width="content")
    if not ended:  # a class is about to press
        work.prepare(session_cache.block_conditions(study.plan, images, 0)[0])
    if rehearsal:
        st.warning(
            "Rehearsal: simulated phones, other seeds. Nothing of it counts.",
            icon=":material/smart_toy:",
        )

    width, _ = shell.window()

    @shell.follows(jobs.POLL if rehearsal or not ended else None)
    def follow() -> None:
        session.rerun_on_click_error()
        now = session_cache.class_study(room.code, images)
        if now is None or (now.kind, now.complete) != (study.kind, study.complete):
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            if width >= shell.NARROW:  # a phone that leads has no room beside the numbers
                steps.qr_code(steps.student_address(room.code), _QR_CODE)
            _show_numbers(now)
        _show_dots(now, images, palette, width, ended=ended)
        if now.on_phones:
            session_cache.ask_for_repeats(now, images, session.own_token())
            st.caption(now.on_phones)
        with st.container(horizontal=True, vertical_alignment="center"):
            if (rehearsal or not ended) and now.free:
                train = partial(_train_open, room, now, images)
                label = f"Train the remaining {plural(now.free, 'seed pair')}"
                st.button(label, icon=":material/model_training:", on_click=train)
            if left := session_cache.time_until_all(now, images):
                st.caption(f"The last active one is there in {left}.")

    with st.container(gap="xsmall"):
        follow()
    with st.container(horizontal=True):
        if rehearsal:
            st.button(
                "End the rehearsal and delete it",
                type="primary",
                icon=":material/delete:",
                on_click=partial(_end_rehearsal, room, images),
            )
        else:
            label, phase = ("Go on", "run") if ended else ("End: what did it show?", "reveal")
            st.button(
                label,
                type="primary" if study.complete and not ended else "secondary",
                on_click=presenter_click(move_session, room, room.step, phase),
            )
        _downloads(room, images, ended)


def _show_numbers(study: ClassStudy) -> None:
    """The comparison and its numbers, large enough for a projector."""
    with st.container():
        st.markdown(f"**{plain(study.title)}**")
        with st.container(horizontal=True, gap="medium"):
            for label, value in study.numbers().items():
                st.metric(label, value, width="content")


def _show_dots(
    study: ClassStudy, images: ImageSet, palette: Palette, window: int, *, ended: bool
) -> None:
    """The dots, and what may be said of them; records that they were looked at."""
    if difference := study.results.difference:
        one_room.record_look(study.code, study.kind, study.results.counted, difference.p)
    width, height = _CHART
    chart = study.chart(palette, min(width, window - _MARGINS), height)
    if chart is None:
        st.info("Each pair of models that is trained will be a dot here.", icon=":material/grain:")
    else:
        cache.show_described(chart, "room_wall")
    for sentence in session_cache.what_is_said(study, ended):
        steps.large_text(sentence, "answer")
    if ended:
        steps.show_take_home(one_room.NAME, images.name)
    with st.expander("How sure?"):
        for sentence in session_cache.how_sure(study, ended):
            st.markdown(plain(sentence))


def _downloads(room: ClassSession, images: ImageSet, ended: bool) -> None:
    name, asker = f"wall-{room.code}", visitors.visitor()
    slide = partial(session_cache.results_slide, room.code, images, asker, ended)
    widgets.download("The results as a slide", slide, f"{name}.png", "image/png", "image")
    paper = partial(session_cache.study_handout, room.code, images, ended)
    widgets.download("Handout", paper, f"{name}.html", "text/html", "print")
    table = partial(session_cache.dots_csv, room.code, images)
    widgets.download("Its dots, CSV", table, f"{name}.csv", "text/csv", "table")


@click_errors()
def _train_open(room: ClassSession, study: ClassStudy, images: ImageSet) -> None:
    state_of = partial(session_cache.current_block_state, study.plan, images)
    token = session.own_token()
    for block in one_room.take_open_blocks(room.code, token, state_of, study.kind):
        work.train_pair(session_cache.block_conditions(study.plan, images, block.place))


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """A student's phone: a prediction, then a block and its dot."""
    plan = one_room.class_plan(room.code)
    if plan is None:
        one_room_student.expect(room, images)
    else:
        one_room_student.follow_study(room, plan, images, palette)
