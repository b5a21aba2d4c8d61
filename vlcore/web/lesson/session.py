"""Class sessions on pages: the session in the address, and the presenter or voter of the browser.

The browser remembers a random voter name and the presenter's token. So a refresh is no second vote,
and nothing on a projector lets others lead the lesson.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom import tower_pairs
from vlcore.classroom.session import (
    LIFETIME,
    PHASES,
    ClassSession,
    VisitorOrigin,
    close_door,
    count_participants,
    delete_session,
    enter_session,
    find_session,
    is_closed,
    is_voter,
    new_voter,
    start_session,
    takes_part,
    tidy_code,
    turnout_sentence,
    votes_by_address,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.web import jobs, shell, teacher, visitors
from vlcore.web.address import LessonState
from vlcore.web.components import browser
from vlcore.web.lesson import steps

_TYPED = "lesson_code"  # where the code of a class is typed
VOTER, LEADER = "vl-bias-lab-voter", "vl-bias-lab-leads-"  # names in the browser's storage


def phase_in_address() -> str:
    """The phase of a lesson that the address names; the first one by default."""
    phase = st.query_params.get("phase")
    return phase if phase in PHASES else PHASES[0]


def accept_presenter_link() -> None:
    """Move the token of a leader's link from the address to the browser, so that no
    projector shows it."""
    if token := st.query_params.pop("presenter", None):
        _lead(tidy_code(st.query_params.get("code")), token)
        st.query_params["lead"] = "yes"


def _lead(code: str, token: str) -> None:
    st.session_state.setdefault("lesson_leads", {})[code] = token


def shows_menu() -> bool:
    """Whether the page has a menu; the student view of a session follows the presenter and has
    none."""
    code = st.query_params.get("code")
    if code is None or own_token():
        return True
    with suppress(LabError):  # `session_in_address` says what it is
        if find_session(code, voter()) is None:
            return True
        return is_closed(code) and not takes_part(code, voter())
    return False


def session_in_address() -> ClassSession | None:
    """The class session that the address names.

    None without one, and with a warning where it is over, never was, or is closed to newcomers.
    """
    code = st.query_params.get("code")
    if code is None:
        return None
    me, token = voter(), own_token()
    browser.remember(VOTER, me, LIFETIME)
    room = find_session(code, me, token)
    if room is not None:
        st.session_state["lesson_attended"] = room
    attended = st.session_state.get("lesson_attended")
    if room is None and attended and attended.code == tidy_code(code):
        st.info("This lesson has ended.", icon=":material/flag:")
        steps.show_take_home(attended.lesson, attended.data)
    elif room is None:
        rule = (
            "codes have four letters and are good for a day. Ask for it again, or walk through the"
            " lesson on your own"
        )
        st.warning(f"No lesson with this code is open: {rule}.", icon=":material/link_off:")
    elif room.leads:
        browser.remember(f"{LEADER}{room.code}", token, LIFETIME)
    elif not takes_part(room.code, me) and not enter_session(room.code, me, visitors.address()):
        remedy = "ask the presenter to let you in, then reload this page"
        st.warning(f"This lesson admits nobody new: {remedy}.", icon=":material/door_front:")
        return None
    return room


def current(room: ClassSession) -> ClassSession:
    """The session as it is now; where it was moved or has ended, the page is run anew."""
    now = find_session(room.code, voter())
    if now is None or (now.step, now.phase) != (room.step, room.phase):
        st.rerun()
    return now


def follow_presenter(room: ClassSession) -> None:
    """Run the page anew where another computer has moved or ended the session."""

    @shell.follows(jobs.POLL)
    def look() -> None:
        current(room)

    look()


def count_votes(room: ClassSession, show: Callable[[Mapping[str, int]], object]) -> None:
    """Show the votes by choice, again and again, and where they came from if that stands out."""

    @shell.follows(jobs.POLL)
    def count() -> None:
        show(current(room).counts)
        if origin := turnout_sentence(votes_by_address(room.code)):
            st.caption(origin)

    count()


def own_token() -> str:
    """The presenter's token for the session in the address; empty for others. Only an address with
    `lead` has it, so that the same browser can show the student view."""
    code = tidy_code(st.query_params.get("code"))
    if not code or "lead" not in st.query_params:
        return ""
    return st.session_state.get("lesson_leads", {}).get(code) or browser.remembered(
        f"{LEADER}{code}"
    )


def led_classes() -> list[str]:
    """Return the codes of the running classes that this browser leads."""
    names = [name for name in st.context.cookies if name.startswith(LEADER)]
    tokens = {name.removeprefix(LEADER): browser.remembered(name) for name in names}
    tokens |= st.session_state.get("lesson_leads", {})
    rooms = {code: find_session(code, token=token) for code, token in tokens.items()}
    return [code for code, room in rooms.items() if room is not None and room.leads]


def resume_controls() -> None:
    """Show a button for each running class of this browser, on any page."""
    for code in led_classes():
        label, room = f"Resume your class {code}", LessonState(code=code, lead="yes")
        # A link to the same page would not change the address.
        if st.button(label, key=f"resume_{code}", icon=":material/replay:"):
            st.switch_page(room.file, query_params=room.parameters())


def voter() -> str:
    """The random name of this browser, so that a refresh is no second vote."""
    known = str(st.session_state.get("lesson_me") or browser.remembered(VOTER))
    st.session_state["lesson_me"] = known if is_voter(known) else new_voter()
    return st.session_state["lesson_me"]


def clear_step() -> None:
    """Remove the step of a lesson from the address, and what was done in it."""
    for name in ("step", "phase"):
        st.query_params.pop(name, None)


@contextmanager
def click_errors() -> Iterator[None]:
    """Keep an error of a click as the sentence that `show_click_error` then shows."""
    try:
        yield
    except (LabError, OSError) as error:
        st.session_state["lesson_said"] = str(error)


def presenter_click(
    action: Callable[..., object], room: ClassSession, *arguments: str, **options: bool
) -> Callable[..., None]:
    """What a button of the presenter does; an error is kept for `show_click_error`."""
    token = own_token()

    @click_errors()
    def click(*choices: str) -> None:
        action(room.code, token, *arguments, *choices, **options)

    return click


def show_click_error() -> bool:
    """Show the error of the last click, and return whether there was one."""
    if error := st.session_state.pop("lesson_said", None):
        st.warning(plain(error))
    return bool(error)


def rerun_on_click_error() -> None:
    """Run the page anew after a click in a fragment that failed: what a fragment shows is soon
    drawn over."""
    if "lesson_said" in st.session_state:
        st.rerun()


def use_own_settings() -> None:
    """Start from scratch unless the address says otherwise: other pages share this choice."""
    if "towers" not in st.query_params:
        st.session_state["towers"] = tower_pairs.USUAL


def begin_class(lesson: str, data: str, step: str, towers: str = tower_pairs.USUAL) -> None:
    """Start a class session on a click; the address then names it."""
    with click_errors():
        who = VisitorOrigin(visitors.visitor().name, visitors.address())
        started = start_session(lesson, data, step, who, stays=visitors.teaches(), towers=towers)
        clear_step()
        _lead(started.code, started.token)
        st.query_params["code"], st.query_params["lead"] = started.code, "yes"


def class_controls(
    bar: DeltaGenerator, lesson: str, data: str, step: str, towers: str = tower_pairs.USUAL
) -> None:
    """The buttons that start a class session at a step, or join one."""
    with bar.popover("With a class", icon=":material/groups:"):
        about = (
            "Makes a code. Everybody who opens its link takes part anonymously and sees what you"
            " show."
        )
        st.button(
            "Start a lesson for a class",
            help=about,
            on_click=partial(begin_class, lesson, data, step, towers),
        )
        if not visitors.teaches():
            st.caption(
                "Enter the secret on Manage first: then lessons of others cannot get in your way."
                if teacher.is_named()
                else "Only a browser on the server's own machine is the teacher. To teach from"
                " another one, start the server with VLCORE_TEACHER set to a secret, and enter it"
                " on Manage."
            )
        join_control()


def join_control() -> None:
    """Show a field for the code of a class session, and its button."""
    about = "The four letters on the presenter's screen."
    row = st.form("join", border=False).container(
        horizontal=True, vertical_alignment="bottom", gap="xsmall"
    )
    with row:
        # "C L C K" with its spaces fits too.
        st.text_input(
            "Join a class", max_chars=12, key=_TYPED, help=about, placeholder="code", width=150
        )
        st.form_submit_button("Join", on_click=_join)


def _join() -> None:
    if code := tidy_code(st.session_state[_TYPED]):
        st.query_params["code"] = code
    else:
        st.session_state["lesson_said"] = (
            "A code has four letters, such as those on the presenter's screen."
        )


def presenter_controls(room: ClassSession) -> None:
    """The presenter's controls below any lesson: an own phone, the end, newcomers."""
    with st.container(horizontal=True):
        with st.popover("On my phone", icon=":material/smartphone:"):
            st.warning("Whoever scans this square leads your class. Turn the projector off first.")
            if st.button("Show the square"):
                steps.qr_code(f"{steps.student_address(room.code)}&presenter={own_token()}")
        with st.popover("End the lesson", icon=":material/delete:"):
            st.caption(
                "Phones are told that the lesson is over, and its votes are deleted. If you leave"
                " it open, its code is valid for a day, and its votes are deleted after eight days."
                " No name was ever stored. Models stay."
            )
            st.button("End it, and delete its data", on_click=_delete, args=(room.code,))
        _door(room)


def _door(room: ClassSession) -> None:
    """The button that closes or opens the session to newcomers, with the number of participants."""

    @shell.follows(jobs.POLL)
    def door() -> None:
        rerun_on_click_error()
        closed = is_closed(room.code)
        about = "Participants stay, and may vote, while nobody new is admitted."
        turn = presenter_click(close_door, room, closed=not closed)
        label, icon = (
            ("Let students in", "door_open") if closed else ("Admit nobody new", "door_front")
        )
        label = f"{label} ({count_participants(room.code)} in)"
        st.button(label, help=about, icon=f":material/{icon}:", on_click=turn, key="lesson_door")

    door()


def _delete(code: str) -> None:
    with click_errors():
        delete_session(code, own_token())
        st.session_state["toast"] = "All data of the participants of this lesson are deleted."
        for name in ("code", "lead"):
            st.query_params.pop(name, None)
