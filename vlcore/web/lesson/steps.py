"""Questions of a lesson before the answer: large text, answers, the code to join, the training.

A projector is read from the last row, and Streamlit has no size between text and heading.
"""

import html
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias
from urllib.parse import urlsplit

import segno
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom import answers
from vlcore.classroom.lessons import LETTERS, Lesson, LessonStep
from vlcore.classroom.session import PHASES
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import group_pictures
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import duration_words, title
from vlcore.jobs.jobs import JobStatus
from vlcore.jobs.queue import default_workers
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_uri
from vlcore.study.answer_file import AnswerError
from vlcore.web import cache, jobs, widgets, work
from vlcore.web.compare.models import SIDES
from vlcore.web.visitors import LOCAL_NAMES

Move: TypeAlias = Callable[[str, str], None]  # goes to a step and phase
SIZES = {
    "text": "1.45rem",
    "answer": "1.3rem",
    "link": "1.7rem",
    "code": "5.5rem; font-weight: 600; letter-spacing: .25em",
}
# px; about a tenth of a projected image, which a phone reads from the back of a classroom
_QR_CODE = 190
_PICTURE = 80  # px; four are beside each other on a phone
_EXAMPLE = ("192.0.2.1", 9)  # an address that is reserved for examples: nothing is sent to it


def large_text(text: str, kind: str = "text") -> None:
    """A line of plain words, never markup, in one of `SIZES`."""
    style = f"margin: 0; line-height: 1.35; overflow-wrap: anywhere; font-size: {SIZES[kind]}"
    st.html(f'<p style="{style}">{html.escape(text)}</p>')


def show_take_home(lesson: str, data: str) -> None:
    """Show the sentence that a class on an image set takes home from a lesson, if there is one."""
    try:
        sentence = answers.take_home(lesson, data)
    except AnswerError as error:
        st.caption(plain(str(error)))
        return
    if sentence:
        with st.container(border=True, gap="xxsmall", key="take_home"):
            st.markdown("**Take home**")
            large_text(sentence, "answer")


@cache.by_content(8)
def group_uris(images: ImageSet) -> list[str]:
    """An image of each group of a set, in the order of the groups."""
    return [thumb_uri(image, 224) for image in group_pictures(images)]


def show_groups(images: ImageSet, groups: Sequence[str]) -> None:
    """Show an image of each of some groups, in one row of a phone.

    As HTML, because the button of `st.image` for the full screen covers the question above.
    """
    names = group_words(images.grouping)
    figures = [
        f'<figure style="margin: 0; font-size: .875rem"><img src="{uri}" alt="" width="{_PICTURE}">'
        f"<figcaption>{html.escape(names[group])}</figcaption></figure>"
        for group, uri in zip(names, group_uris(images), strict=True)
        if group in groups
    ]
    columns = f"display: grid; grid-template-columns: repeat({len(figures)}, {_PICTURE}px)"
    st.html(f'<div style="{columns}; gap: .5rem">{"".join(figures)}</div>')


def show_question(lesson: Lesson, number: int, *, text: bool) -> LessonStep:
    """Show a step's question, and before the answer its `text`; return the step."""
    step = lesson.steps[number]
    with st.container(gap="xxsmall"):
        if text:
            st.caption(
                plain(
                    f"{lesson.title} · question {number + 1} of {len(lesson.steps)} · {step.title}"
                )
            )
            large_text(step.text)
        st.header(plain(step.question), anchor=False)
    return step


def answer_buttons(
    step: LessonStep, chosen: str | None, vote: Callable[[str], None] | None
) -> None:
    """The answers; each is the button that votes for it where there is a `vote`."""
    columns = st.columns(len(step.choices), border=vote is None)
    for column, letter, choice in zip(columns, LETTERS, step.choices, strict=False):
        words = f"{letter}: {choice.text}"
        with column:
            if vote is None:
                large_text(words, "answer")
                continue
            key = f"vote_{step.name}_{choice.name}"
            vote_button(plain(words), key, chosen == choice.name, partial(vote, choice.name))


def vote_button(label: str, key: str, is_mine: bool, vote: Callable[[], None]) -> None:
    """A button as wide as its place, which says where the vote is the visitor's own."""
    st.button(
        f"{label} (my answer)" if is_mine else label,
        key=key,
        type="primary" if is_mine else "secondary",
        icon=":material/check:" if is_mine else None,
        width="stretch",
        on_click=vote,
    )


def is_trained(step: LessonStep) -> bool:
    return all(view.done for view in work.views(step.conditions))


def need_models(step: LessonStep, palette: Palette) -> None:
    """Show the models of a step, or offer their training.

    Visitors who come by "Run it" have asked for them; those who come by a link have not.
    """

    def draw(views: Sequence[JobStatus]) -> None:
        columns = st.columns(2, border=True)
        for column, condition, view, side in zip(
            columns, step.conditions, views, SIDES.values(), strict=True
        ):
            with column:
                st.markdown(f"**{side}: {plain(title(condition))}**")
                if view.done:
                    is_untrained = condition.kind is ArtifactKind.UNTRAINED
                    verb = "Measured" if is_untrained else "Trained"
                    st.markdown(f":material/check_circle: {verb}.")
                else:
                    st.markdown(":gray[Not trained yet.]")
                    widgets.live(condition, view, palette, f"live_{side}")

    if jobs.need_models(step.conditions, key=f"train_{step.name}", draw=draw):
        draw(work.views(step.conditions))


def steps_bar(lesson: Lesson, number: int, move: Move, bar: DeltaGenerator) -> None:
    """All steps, to jump to any."""
    for place, step in enumerate(lesson.steps):
        bar.button(
            plain(f"{place + 1} · {step.title}"),
            key=f"step_{lesson.name}_{step.name}",
            type="primary" if place == number else "secondary",
            on_click=move,
            args=(step.name, PHASES[0]),
        )


def navigation(
    lesson: Lesson,
    number: int,
    phase: str,
    move: Move,
    run: Callable[[LessonStep], None],
    place: DeltaGenerator,
) -> None:
    """The buttons on and back.

    Args:
        lesson: the lesson.
        number: of the step.
        phase: of the step.
        move: goes to a step and phase.
        run: trains the models of a step.
        place: of the buttons.
    """
    step, following = lesson.steps[number], lesson.steps[number + 1 : number + 2]
    trained = is_trained(step)  # then nothing runs between the question and the answer
    with place:
        if phase != PHASES[0]:
            before = PHASES[0] if trained else PHASES[PHASES.index(phase) - 1]
            st.button(
                "Back",
                icon=":material/arrow_back:",
                on_click=move,
                args=(step.name, before),
                key=f"back_{phase}",
            )
        if phase == "predict" and trained:
            label, icon = "Show the result", "play_arrow"
            go = partial(move, step.name, "reveal")
        elif phase == "predict":
            label, icon, go = "Run it", "play_arrow", partial(run, step)
        elif phase == "run":
            label, icon, go = "Reveal", "visibility", partial(move, step.name, "reveal")
        elif following:
            label, icon = "Next question", "arrow_forward"
            go = partial(move, following[0].name, "predict")
        else:
            return
        st.button(label, type="primary", icon=f":material/{icon}:", on_click=go, key=f"on_{phase}")


def seconds_left(position: int, done: float, each: float) -> float:
    """Seconds until a job that is trained or waits here is done.

    Args:
        position: in the queue; 0 where it has begun.
        done: the fraction of it.
        each: seconds that such a job takes.
    """
    return each * (1 - done) + each * position / default_workers()


def time_words(seconds: float) -> str:
    """Seconds that are left: ``about 35 s``, ``about 8 minutes``."""
    if seconds >= 60:
        return duration_words(seconds)
    return f"about {max(5, round(seconds / 5) * 5)} s"


def student_address(code: str) -> str:
    """The address for students: this page's as others reach it, with the code of a session."""
    page = urlsplit(st.context.url or "")
    if not page.netloc:
        return f"/Lesson?code={code}"
    netloc = page.netloc
    if page.hostname in LOCAL_NAMES and (known := _network_address()):
        netloc = f"{known}:{page.port}" if page.port else known
    return f"{page.scheme}://{netloc}{page.path}?code={code}"


def _network_address() -> str:
    """This computer's address in its network; empty where it has none, or the server is local."""
    if st.get_option("server.address") in LOCAL_NAMES:
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        try:
            connection.connect(_EXAMPLE)  # sends nothing, but tells which address would send
            return str(connection.getsockname()[0])
        except OSError:
            return ""


def qr_code(link: str, width: int = _QR_CODE) -> None:
    """A link as a QR code, where others reach it."""
    if (host := urlsplit(link).hostname) and host not in LOCAL_NAMES:
        st.image(
            segno.make(link, micro=False).svg_data_uri(border=2, light="white"),
            width=width,
            alt=link,
        )


def join_banner(code: str, *, large_type: bool) -> None:
    """How to join: in the largest type while a question is open, and later in one line."""
    link = student_address(code)
    if not large_type:
        st.markdown(f"Join at {link}")  # a link in a caption is too pale to be read
        return
    is_local = urlsplit(link).hostname in LOCAL_NAMES
    was_local = urlsplit(st.context.url or "").hostname in LOCAL_NAMES
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium"):
        qr_code(link)
        with st.container():
            large_text(f"Join at {link}", "link")
            large_text(code, "code")
            if is_local:
                st.caption(
                    "This page was opened as localhost, which others cannot reach: open it under"
                    " the address of this computer in the room's network, and the link above will"
                    " be right."
                )
            elif was_local:
                st.caption(
                    "The address is this computer's in its own network. If phones do not reach it,"
                    " they are in another network, or a firewall is between."
                )
