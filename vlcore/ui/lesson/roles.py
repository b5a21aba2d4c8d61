"""The lesson page in its three forms: alone, as the presenter of a class, as one of the class.

The address says which class, and the browser remembers who somebody is: a vote without a name, and the
token of whoever leads. So neither a refresh nor the same link again is a second vote, and nothing on a projector gives
the lesson away. Where the lesson is comes from the address of somebody alone, and from the disk for a class.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import streamlit as st

from vlcore.charts.theme import Palette
from vlcore.core.errors import LabError
from vlcore.datasets.catalogue import set_names
from vlcore.datasets.imageset import ImageSet
from vlcore.lessons.room import LIFETIME, PHASES, Room, go, is_voter, look, new_voter, start, tidy, vote, votes
from vlcore.lessons.script import COLLAPSE, EXPERIMENTS, Lesson, Step
from vlcore.ui import browser, cache, jobs, shell
from vlcore.ui.lesson import results, steps

NAMES = (EXPERIMENTS, COLLAPSE)
VOTER, LEADER = "vl-bias-lab-voter", "vl-bias-lab-leads-"  # names of what a browser remembers
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
    found = look(code, me, token)
    if found is None or found.lesson not in NAMES:
        st.warning(
            "There is no lesson with this code: codes have four letters and are good for a day. Ask for it again, or "
            "walk through the lesson on your own.",
            icon=":material/link_off:",
        )
        return None
    if found.leads:
        browser.remember(f"{LEADER}{found.code}", token, LIFETIME)
    return found


def _token() -> str:
    """The token of whoever leads the class that the address names; empty for the others.

    Only an address with `lead` asks for it: the same browser can look at the lesson as a student does.
    """
    code = tidy(st.query_params.get("code"))
    if not code or "lead" not in st.query_params:
        return ""
    return st.session_state.get("lesson_leads", {}).get(code) or browser.remembered(f"{LEADER}{code}")


def voter() -> str:
    """A random name of this browser, without which a refresh would be another vote."""
    me = str(st.session_state.get("lesson_me") or browser.remembered(VOTER))
    if not is_voter(me):
        me = new_voter()
    st.session_state["lesson_me"] = me
    return me


def alone(palette: Palette) -> None:
    """The lesson for one: the own prediction, the run, the answer."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        images, name = _chosen_set(), _chosen_lesson()
        if not images.has_pictures:
            st.info("A lesson trains models, and this set has no pictures to train on: choose another.")
            return
        lesson = results.of_set(images)[name]
        if not is_hidden():
            _for_a_class(lesson, images)
    if said := st.session_state.pop("lesson_said", None):
        st.warning(said)
    asked_for, phase = st.query_params.get("step"), st.query_params.get("phase", PHASES[0])
    number = lesson.place(asked_for)
    if asked_for and asked_for != lesson.steps[number].name:
        st.info("The address names a question that this lesson does not have; this is its first.")
    if not is_hidden():
        steps.steps_bar(lesson, number, _move)
        if number == 0 and phase == PHASES[0]:
            st.markdown(lesson.text)
    step = steps.asked(lesson, number)
    taken: dict[tuple[str, str], str] = st.session_state.setdefault("lesson_votes", {})
    own = taken.get((name, step.name))
    if phase == "reveal":
        heading = "What you said" if own else "The answers"
        results.reveal(lesson, step, images, {own: 1} if own else {}, own, palette, heading=heading)
        if number + 1 == len(lesson.steps):
            said_here = {asked: {choice: 1} for (of, asked), choice in taken.items() if of == name}
            results.summary(lesson, images, said_here)
    else:
        steps.answers(step, own, partial(_keep, (name, step.name)))
        if phase == "run":
            _run(step, palette)
    steps.forward(lesson, number, phase if phase in PHASES else PHASES[0], _move)
    if not is_hidden():
        _papers(lesson, images)
        st.page_link(
            "pages/6_Lesson.py",
            label="This question alone, without menu and settings",
            icon=":material/fullscreen:",
            query_params={
                "data": images.name, "lesson": name, "step": step.name, "phase": phase, "hide": "controls",
            },
            width="content",
        )  # fmt: skip


def _keep(question: tuple[str, str], choice: str) -> None:
    st.session_state["lesson_votes"] = {**st.session_state["lesson_votes"], question: choice}


def _move(step: str, phase: str) -> None:
    st.query_params["step"] = step
    st.query_params["phase"] = phase


def _chosen_set() -> ImageSet:
    if not is_hidden():
        return shell.image_set_choice()
    name = st.query_params.get("data", "")
    return cache.named_set(name if name in set_names() else "scenes")


def _chosen_lesson() -> str:
    if not is_hidden():
        chosen = st.segmented_control(
            "Lesson",
            NAMES,
            default=EXPERIMENTS,
            required=True,
            key="lesson",
            bind="query-params",
            on_change=_begin_anew,
        )
        return chosen or EXPERIMENTS
    name = st.query_params.get("lesson", "")
    return name if name in NAMES else EXPERIMENTS


def _begin_anew() -> None:
    for name in ("step", "phase"):
        st.query_params.pop(name, None)


def _for_a_class(lesson: Lesson, images: ImageSet) -> None:
    """Starts a class, or joins one."""
    st.button(
        "Start a lesson for a class",
        icon=":material/groups:",
        help="Makes a code. Everybody who opens its link votes, without a name, and sees what you show.",
        on_click=_start,
        args=(lesson, images.name),
    )
    st.text_input(
        "Join a class", max_chars=8, placeholder="code", width=130, key="lesson_code", on_change=_join,
        help="The four letters on the lecturer's screen.",
    )  # fmt: skip


def _papers(lesson: Lesson, images: ImageSet) -> None:
    with st.container(horizontal=True):
        for label, lecturer in (("Hand-out", False), ("Hand-out with the numbers", True)):
            st.download_button(
                label,
                partial(results.handout, lesson, images, lecturer=lecturer),
                file_name=f"{lesson.name}{'-lecturer' if lecturer else ''}.html",
                mime="text/html",
                icon=":material/print:",
                on_click="ignore",
                key=f"paper_{lesson.name}_{lecturer}",
                help="One page that prints well and needs no network."
                + (" For the lecturer: it gives the answers away." if lecturer else ""),
            )


@contextmanager
def _errors_said() -> Iterator[None]:
    """An error of a click as the sentence that the page then shows."""
    try:
        yield
    except (LabError, OSError) as error:
        st.session_state["lesson_said"] = str(error)


def _start(lesson: Lesson, data: str) -> None:
    with _errors_said():
        started = start(lesson.name, data, lesson.steps[0].name)
        _begin_anew()
        st.session_state["lesson_leads"] = {started.code: started.token}
        st.query_params["code"], st.query_params["lead"] = started.code, "yes"


def _join() -> None:
    if code := tidy(st.session_state["lesson_code"]):
        st.query_params["code"] = code
    else:
        st.session_state["lesson_said"] = "A code has four letters, such as those on the lecturer's screen."


def presenter(room: Room, palette: Palette) -> None:
    """The lecturer's screen: the code, the question, the count, the run, the answer."""
    images = cache.named_set(room.data)
    lesson = results.of_set(images)[room.lesson]
    number = lesson.place(room.step)
    move = partial(_lead, room.code, _token())
    steps.join_banner(room.code, large_type=room.phase == "predict")
    if not is_hidden():
        steps.steps_bar(lesson, number, move)
    step = steps.asked(lesson, number)
    if room.open:
        steps.answers(step, None, None)

        # Which answer the votes are for stays open until the reveal, so that nobody follows the others.
        @st.fragment(run_every=jobs.POLL)
        def count() -> None:
            now = look(room.code)
            st.metric("Votes so far", now.votes if now else 0)

        count()
        if room.phase == "run":
            _run(step, palette)
    else:
        results.reveal(lesson, step, images, room.counts, None, palette, heading=steps.said_words(room))
        if number + 1 == len(lesson.steps):
            results.summary(lesson, images, votes(room.code))
    steps.forward(lesson, number, room.phase, move)
    if not is_hidden():
        _papers(lesson, images)
        with st.popover("Lead from another computer", icon=":material/devices:"):
            st.caption("Whoever opens this address leads the lesson: send it to yourself, and do not show it around.")
            st.code(f"{steps.address(room.code)}&presenter={_token()}", language=None)
    if said := st.session_state.pop("lesson_said", None):
        st.warning(said)


def _run(step: Step, palette: Palette) -> None:
    jobs.watch([condition.key for condition in step.conditions], partial(steps.training, step, palette))


def _lead(code: str, token: str, step: str, phase: str) -> None:
    with _errors_said():
        go(code, token, step, phase)


def student(room: Room, palette: Palette) -> None:
    """One of the class: votes while the question is open, and follows the presenter."""
    images = cache.named_set(room.data)
    lesson = results.of_set(images)[room.lesson]
    step = steps.asked(lesson, lesson.place(room.step))

    @st.fragment(run_every=jobs.POLL if room.open else FOLLOW)
    def follow() -> None:
        now = look(room.code, voter())
        if now is None or (now.step, now.phase) != (room.step, room.phase):
            st.rerun()
        if now.open:
            steps.answers(step, now.own, partial(_vote, room.code, step))
            said = st.session_state.pop("lesson_said", None)
            if said:
                st.warning(said)
            elif now.own:
                st.success("Your vote is in. You can change it until the answer is revealed.", icon=":material/check:")
            else:
                st.caption("Nobody sees who voted what.")
            if now.phase == "run":
                here = steps.is_trained(step)
                st.caption(
                    "The models are there; the lecturer reveals the answer."
                    if here
                    else "The models are being trained; the lecturer's screen shows them."
                )

    follow()
    if not room.open:
        results.reveal(lesson, step, images, room.counts, room.own, palette, heading=steps.said_words(room))
    st.page_link("app.py", label="Leave the lesson", icon=":material/logout:", width="content")


def _vote(code: str, step: Step, choice: str) -> None:
    with _errors_said():
        vote(code, step.name, voter(), choice, [one.name for one in step.choices])
