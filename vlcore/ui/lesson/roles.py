"""The lesson page in its three forms: alone, as the presenter of a class, as one of the class.

The address says which class, and the browser remembers who somebody is: a vote without a name, and the token of whoever
leads. So a refresh is no second vote, and nothing on a projector gives the lesson away.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.charts.theme import Palette
from vlcore.core import limits, teacher
from vlcore.core.errors import LabError
from vlcore.core.plain import plain
from vlcore.core.throttle import Tries
from vlcore.datasets.catalogue import set_names
from vlcore.datasets.imageset import ImageSet
from vlcore.lessons.room import (
    LIFETIME,
    PHASES,
    Origin,
    Room,
    count_anew,
    go,
    has_voted,
    is_voter,
    look,
    new_voter,
    start,
    tidy,
    vote,
    votes,
)
from vlcore.lessons.script import COLLAPSE, EXPERIMENTS, Lesson, Step
from vlcore.server import browser, visitors
from vlcore.ui import cache, jobs, shell, widgets
from vlcore.ui.lesson import results, steps

NAMES = (EXPERIMENTS, COLLAPSE)
VOTER, LEADER = "vl-bias-lab-voter", "vl-bias-lab-leads-"  # names of what a browser remembers
_tries = Tries(limits.WRONG_CODES, limits.WRONG_CODES_OF_ADDRESS)
FOLLOW = 5.0  # seconds between looks of a student where no vote is open


def is_hidden() -> bool:
    """Whether the address asks for the lesson alone, without menu and settings."""
    return st.query_params.get("hide") == "controls"


def take_the_lead() -> None:
    """Take the token out of a link to another computer, so that no projector shows it: the browser remembers it."""
    if brought := st.query_params.pop("presenter", None):
        st.session_state["lesson_leads"] = {tidy(st.query_params.get("code")): brought}
        st.query_params["lead"] = "yes"


def shows_menu() -> bool:
    """Whether the page has a menu: a student's has none, for it is small and follows the presenter."""
    return not is_hidden() and ("code" not in st.query_params or bool(_token()))


def room() -> Room | None:
    """The class that the address names; None without one, said where it is over or never was."""
    code = st.query_params.get("code")
    if code is None:
        return None
    me, token = voter(), _token()
    browser.remember(VOTER, me, LIFETIME)
    known: set[str] = st.session_state.setdefault("lesson_codes", set())
    who = visitors.visitor().name, visitors.address()
    found = look(code, me, token)
    is_in = found is not None and (found.leads or found.code in known or has_voted(found.code, me))
    if not is_in and not _tries.are_left(*who):
        st.warning("There were many wrong codes; try again in a minute.", icon=":material/hourglass:")
        return None
    if found is None or found.lesson not in NAMES:
        _tries.count(*who)
        rule = (
            "codes have four letters and are good for a day. Ask for it again, or walk through the lesson on your own"
        )
        st.warning(f"There is no lesson with this code: {rule}.", icon=":material/link_off:")
        return None
    known.add(found.code)
    if found.leads:
        browser.remember(f"{LEADER}{found.code}", token, LIFETIME)
    return found


def _token() -> str:
    """The token of whoever leads the class that the address names; empty for the others. Only an address with `lead`
    asks for it: the same browser can look at the lesson as a student does."""
    code = tidy(st.query_params.get("code"))
    if not code or "lead" not in st.query_params:
        return ""
    return st.session_state.get("lesson_leads", {}).get(code) or browser.remembered(f"{LEADER}{code}")


def voter() -> str:
    """A random name of this browser, without which a refresh would be another vote."""
    known = str(st.session_state.get("lesson_me") or browser.remembered(VOTER))
    st.session_state["lesson_me"] = known if is_voter(known) else new_voter()
    return st.session_state["lesson_me"]


def alone(palette: Palette, bar: DeltaGenerator) -> None:
    """The lesson for one: the own prediction, the run, the answer."""
    if is_hidden():  # the address names image set and lesson, for nothing else does
        data, asked = st.query_params.get("data", ""), st.query_params.get("lesson", "")
        images = cache.named_set(data if data in set_names() else "scenes")
        name = asked if asked in NAMES else EXPERIMENTS
    else:
        with bar.popover("Settings", icon=":material/settings:"):
            images = shell.image_set_choice()
            name = widgets.one_of("Lesson", NAMES, "lesson", EXPERIMENTS, on_change=_begin_anew)
    if not images.has_pictures:
        st.info("A lesson trains models, and this set has no pictures to train on: choose another.")
        return
    lesson = results.of_set(images)[name]
    if not is_hidden():
        with bar.popover("With a class", icon=":material/groups:"):
            about = "Makes a code. Everybody who opens its link votes, without a name, and sees what you show."
            st.button("Start a lesson for a class", help=about, on_click=partial(_start, lesson, images.name))
            if teacher.is_named() and not visitors.teaches():
                st.caption("Enter the secret on /Manage first: no crowd of lessons of others then gets in your way.")
            about = "The four letters on the lecturer's screen."
            join = partial(st.text_input, max_chars=8, placeholder="code", key="lesson_code")
            join("Join a class", help=about, on_change=_join)
    if said := st.session_state.pop("lesson_said", None):
        st.warning(plain(said))
    asked_for, phase = st.query_params.get("step"), st.query_params.get("phase")
    step = lesson.steps[lesson.place(asked_for)]
    if asked_for and asked_for != step.name:
        st.info("The address names a question that this lesson does not have; this is its first.")
    taken: dict[tuple[str, str], str] = st.session_state.setdefault("lesson_votes", {})
    said_here = {asked: {choice: 1} for (of, asked), choice in taken.items() if of == name}
    own, phase = taken.get((name, step.name)), phase if phase in PHASES else PHASES[0]
    room = Room("", name, images.name, step.name, phase, said_here.get(step.name, {}), own, leads=True)
    ask = partial(steps.answers, step, own, partial(taken.__setitem__, (name, step.name)))
    update = st.query_params.update
    move = lambda step, phase: update(step=step, phase=phase)  # noqa: E731
    _led(room, lesson, images, palette, bar, said_here, move=move, ask=ask)
    if not is_hidden():
        address = {"data": images.name, "lesson": name, "step": step.name, "phase": phase, "hide": "controls"}
        widgets.link("pages/6_Lesson.py", "This question alone, without menu and settings", "fullscreen", **address)


def _led(
    room: Room, lesson: Lesson, images: ImageSet, palette: Palette, bar: DeltaGenerator,
    said: Mapping[str, Mapping[str, int]], *, move: Callable[[str, str], None], ask: Callable[[], None],
) -> None:  # fmt: skip
    """A question as whoever leads sees it, with the buttons that lead on; `ask` shows its answers before the reveal."""
    number, phase = lesson.place(room.step), room.phase
    if not is_hidden():
        steps.steps_bar(lesson, number, move, bar)
        if (room.code, number, phase) == ("", 0, PHASES[0]):
            st.markdown(plain(lesson.text))
    step = steps.asked(lesson, number, text=room.open)
    if room.open:
        ask()
        if phase == "run":
            jobs.watch([condition.key for condition in step.conditions], partial(steps.training, step, palette))
    else:
        results.reveal(lesson, step, images, room, palette)
        if number + 1 == len(lesson.steps):
            results.summary(lesson, images, said)

    def run(step: Step) -> None:
        move(step.name, "run")
        with _errors_said():
            jobs.train(*step.conditions)

    steps.forward(lesson, number, phase, move, run)
    if is_hidden():
        return
    with st.container(horizontal=True):
        for label, lecturer in (("Hand-out", False), ("Hand-out with the numbers", True)):
            about = f"One page that prints well and needs no network.{' It gives the answers away.' * lecturer}"
            write, name = partial(results.handout, lesson, images, lecturer=lecturer), "-lecturer" * lecturer
            widgets.download(label, write, f"{lesson.name}{name}.html", "text/html", "print", help=about)


def _begin_anew() -> None:
    for name in ("step", "phase"):
        st.query_params.pop(name, None)


@contextmanager
def _errors_said() -> Iterator[None]:
    """An error of a click as the sentence that the page then shows."""
    try:
        yield
    except (LabError, OSError) as error:
        st.session_state["lesson_said"] = str(error)


def _start(lesson: Lesson, data: str) -> None:
    with _errors_said():
        who = Origin(visitors.visitor().name, visitors.address())
        started = start(lesson.name, data, lesson.steps[0].name, who, stays=visitors.teaches())
        _begin_anew()
        st.session_state["lesson_leads"] = {started.code: started.token}
        st.query_params["code"], st.query_params["lead"] = started.code, "yes"


def _join() -> None:
    if code := tidy(st.session_state["lesson_code"]):
        st.query_params["code"] = code
    else:
        st.session_state["lesson_said"] = "A code has four letters, such as those on the lecturer's screen."


def presenter(room: Room, palette: Palette, bar: DeltaGenerator) -> None:
    """The lecturer's screen: the code, the question, the count, the run, the answer."""
    images, token = cache.named_set(room.data), _token()
    lesson = results.of_set(images)[room.lesson]
    steps.join_banner(room.code, large_type=room.phase == "predict")

    def ask() -> None:
        steps.answers(lesson.steps[lesson.place(room.step)], None, None)

        # Which answer the votes are for stays open until the reveal, so that nobody follows the others.
        @st.fragment(run_every=jobs.POLL)
        def count() -> None:
            now = look(room.code)
            st.metric("Votes so far", now.votes if now else 0)

        count()
        if not is_hidden():
            about = "Forgets the votes on this question; everybody votes again."
            again = _errors_said()(partial(count_anew, room.code, token))
            st.button("Count anew", help=about, icon=":material/restart_alt:", on_click=again)

    move = _errors_said()(partial(go, room.code, token))
    _led(room, lesson, images, palette, bar, votes(room.code), move=move, ask=ask)
    if not is_hidden():
        with st.popover("Lead from another computer", icon=":material/devices:"):
            st.caption("Whoever opens this address leads the lesson: send it to yourself, and do not show it around.")
            st.code(f"{steps.address(room.code)}&presenter={token}", language=None)
    if said := st.session_state.pop("lesson_said", None):
        st.warning(plain(said))


def student(room: Room, palette: Palette) -> None:
    """One of the class: votes while the question is open, and follows the presenter."""
    images = cache.named_set(room.data)
    lesson = results.of_set(images)[room.lesson]
    step = steps.asked(lesson, lesson.place(room.step), text=room.open)
    possible = [choice.name for choice in step.choices]
    cast = _errors_said()(lambda choice: vote(room.code, step.name, voter(), choice, possible, visitors.address()))

    @st.fragment(run_every=jobs.POLL if room.open else FOLLOW)
    def follow() -> None:
        now = look(room.code, voter())
        if now is None or (now.step, now.phase) != (room.step, room.phase):
            st.rerun()
        if not now.open:
            return
        steps.answers(step, now.own, cast)
        if said := st.session_state.pop("lesson_said", None):
            st.warning(plain(said))
        elif now.own:
            st.success("Your vote is in. You can change it until the answer is revealed.", icon=":material/check:")
        else:
            st.caption("Nobody sees who voted what.")
        if now.phase == "run" and steps.is_trained(step):
            st.caption("The models are there; the lecturer reveals the answer.")
        elif now.phase == "run":
            st.caption("The models are being trained; the lecturer's screen shows them.")

    follow()
    if not room.open:
        results.reveal(lesson, step, images, room, palette)
    widgets.link("app.py", "Leave the lesson", "logout")
