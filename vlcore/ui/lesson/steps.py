"""Questions of a lesson before the answer: large words, the answers to choose from, the code, the training.

A projector is read from the last row. Streamlit has no size between text and heading, so a line of our
own in a component has one; its words are data, never markup.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import segno
import streamlit as st

from vlcore.charts.theme import Palette
from vlcore.core.options import ArtefactKind
from vlcore.core.wording import title
from vlcore.lessons.room import Room
from vlcore.lessons.script import LETTERS, Lesson, Step
from vlcore.store.jobs import JobStatus
from vlcore.ui import jobs, widgets

SIZES = {"text": "1.45rem", "answer": "1.3rem", "link": "1.7rem", "code": "5.5rem"}
_line = st.components.v2.component(
    "vl_bias_lab_large_line",
    html="<p></p>",
    css="p { margin: 0; line-height: 1.35; color: var(--st-text-color); font-family: var(--st-font); "
    "overflow-wrap: anywhere; }",
    js="""
export default function({parentElement, data}) {
  const line = parentElement.querySelector("p");
  line.textContent = data.text;
  line.style.fontSize = data.size;
  line.style.fontWeight = data.weight;
  line.style.letterSpacing = data.spacing;
}
""",
)


def large(text: str, kind: str = "text", key: str | None = None) -> None:
    """A line of plain words in one of `SIZES`."""
    weight, spacing = ("600", ".25em") if kind == "code" else ("400", "normal")
    _line(data={"text": text, "size": SIZES[kind], "weight": weight, "spacing": spacing}, key=key)


def asked(lesson: Lesson, number: int) -> Step:
    """The step's text and question."""
    step = lesson.steps[number]
    st.caption(f"{lesson.title} · question {number + 1} of {len(lesson.steps)} · {step.title}")
    large(step.text, key=f"text_{step.name}")
    st.header(step.question)
    return step


def answers(step: Step, own: str | None, vote: Callable[[str], None] | None) -> None:
    """The answers, each with its button where one can vote."""
    for column, letter, choice in zip(st.columns(len(step.choices), border=True), LETTERS, step.choices, strict=False):
        with column:
            large(f"{letter}: {choice.text}", "answer", key=f"answer_{step.name}_{choice.name}")
            if vote is not None:
                mine = own == choice.name
                st.button(
                    f"{letter} is my answer" if mine else f"Vote {letter}",
                    key=f"vote_{step.name}_{choice.name}",
                    type="primary" if mine else "secondary",
                    icon=":material/check:" if mine else None,
                    width="stretch",
                    on_click=vote,
                    args=(choice.name,),
                )


def said_words(room: Room) -> str:
    """How many votes there are, over the answer."""
    return f"What the room said: {room.votes} {'vote' if room.votes == 1 else 'votes'}"


def is_trained(step: Step) -> bool:
    return all(view.done for view in jobs.views(step.conditions))


def training(step: Step, palette: Palette, views: Sequence[JobStatus]) -> None:
    """The models of a step: that they are there, how far they are, or the button that trains them."""
    missing = [c for c, view in zip(step.conditions, views, strict=True) if not (view.done or view.state.is_active)]
    ended = any(map(jobs.ended_badly, views))
    # "Run it" was pressed: nobody presses twice.
    if missing and (not ended or st.button("Train again", icon=":material/model_training:", key=f"train_{step.name}")):
        for condition in missing:
            jobs.train(condition)
        st.rerun()
    for column, condition, view, side in zip(
        st.columns(2, border=True), step.conditions, views, ("Left", "Right"), strict=True
    ):
        with column:
            st.markdown(f"**{side}: {title(condition)}**")
            if view.done:
                done = "Measured" if condition.kind is ArtefactKind.UNTRAINED else "Trained"
                st.markdown(f":material/check_circle: {done}.")
            elif view.state.is_active:
                jobs.progress(view)
                widgets.live(condition, view, palette, f"live_{side}")
            else:
                st.markdown(":gray[Not trained yet.]")
                if sentence := jobs.ended_badly(view):
                    st.warning(sentence)


def steps_bar(lesson: Lesson, number: int, move: Callable[[str, str], None]) -> None:
    """All steps, to jump to any."""
    with st.container(horizontal=True):
        for place, step in enumerate(lesson.steps):
            st.button(
                f"{place + 1} · {step.title}",
                key=f"step_{lesson.name}_{step.name}",
                type="primary" if place == number else "secondary",
                on_click=move,
                args=(step.name, "predict"),
            )


def forward(lesson: Lesson, number: int, phase: str, move: Callable[[str, str], None]) -> None:
    """The buttons that lead on and back."""
    step = lesson.steps[number]
    before = {"run": (step.name, "predict"), "reveal": (step.name, "run")}.get(phase)
    after = {
        "predict": ("Run it", ":material/play_arrow:", (step.name, "run")),
        "run": ("Reveal", ":material/visibility:", (step.name, "reveal")),
    }
    for following in lesson.steps[number + 1 : number + 2]:
        label = f"Next question: {following.title}"
        after["reveal"] = (label, ":material/arrow_forward:", (following.name, "predict"))
    with st.container(horizontal=True, key=f"forward_{phase}"):
        if before:
            st.button("Back", icon=":material/arrow_back:", on_click=move, args=before, key=f"back_{phase}")
        if phase in after:
            label, icon, to = after[phase]
            st.button(label, type="primary", icon=icon, on_click=move, args=to, key=f"on_{phase}")


_OWN = ("localhost", "127.0.0.1", "::1")
_SQUARE = 190  # px; about a tenth of a projected picture, which a phone reads from the back of a classroom
_ELSEWHERE = ("192.0.2.1", 9)  # an address that is kept for examples: nothing is sent to it


def address(code: str) -> str:
    """Where the room goes: this page's address as others reach it, with the code of a lesson."""
    here = urlsplit(st.context.url or "")
    if not here.netloc:
        return f"/Lesson?code={code}"
    netloc = here.netloc
    if here.hostname in _OWN and (known := _in_the_network()):
        netloc = f"{known}:{here.port}" if here.port else known
    return f"{here.scheme}://{netloc}{here.path}?code={code}"


def _in_the_network() -> str:
    """This computer's address in its network; empty where it has none, or the server listens to itself alone."""
    if st.get_option("server.address") in _OWN:
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(_ELSEWHERE)  # sends nothing: it asks the system by which of its addresses it would
            return str(asked.getsockname()[0])
        except OSError:
            return ""


def join_banner(code: str, *, large_type: bool) -> None:
    """Where the room goes: while a question is open in the largest type that there is, and later in one line."""
    link = address(code)
    if not large_type:
        st.caption(f"Join at {link}")
        return
    host = urlsplit(link).hostname
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        if host and host not in _OWN:
            st.image(segno.make(link, micro=False).svg_data_uri(border=2, light="white"), width=_SQUARE, alt=link)
        with st.container():
            large(f"Join at {link}", "link", key="link")
            large(code, "code", key="code")
            if host in _OWN:
                st.caption(
                    "This page was opened as localhost, which others cannot reach: open it under the address of this "
                    "computer in the room's network, and the link above will be right."
                )
            elif urlsplit(st.context.url or "").hostname in _OWN:
                st.caption(
                    "The address is this computer's in its own network. If phones do not reach it, they are in another "
                    "network, or a firewall is between."
                )
