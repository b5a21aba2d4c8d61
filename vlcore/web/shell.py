"""Shell of every page: title, menu, image set, towers, palette, window size, errors as sentences.

Little is imported before it is needed: the first visitor sees Home begin before the server has read
pandas and altair. The menu is ours (`st.page_link`): Streamlit's own, beside ``pages/``, differs
between a deep link and a click.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.experiment.errors import LabError
from vlcore.experiment.files import system_errors, text_beside
from vlcore.experiment.options import SCRATCH, TOWERS
from vlcore.experiment.plain_text import plain
from vlcore.experiment.version import __version__
from vlcore.plots.theme import DARK, LIGHT, PHONE_SIDE, Palette
from vlcore.web import streamlit_private, visitors
from vlcore.web.address import (
    CompareState,
    DataState,
    FindingsState,
    HomeState,
    LessonState,
    ManageState,
    PageState,
    TrainState,
    UploadState,
)
from vlcore.web.components import browser

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet
    from vlcore.plots.maps.legend import LegendPlace

PAGES: tuple[tuple[type[PageState], str, str], ...] = (
    (HomeState, "Home", ":material/home:"),
    (DataState, "Data", ":material/photo_library:"),
    (TrainState, "Train", ":material/model_training:"),
    (CompareState, "Compare", ":material/compare:"),
    (UploadState, "Upload", ":material/upload:"),
    (FindingsState, "Findings", ":material/science:"),
    (LessonState, "Lesson", ":material/school:"),
    (ManageState, "Manage", ":material/tune:"),
)
# What pages start from where visitors bring images: they are photographs, more likely than not.
FOR_PHOTOS = "pretrained"
START = "Start from"
ABOUT_START = (
    "Pretrained encoders know photographs and train in seconds. From scratch, a model learns only"
    " from the training images."
)
_USUAL = "scenes"  # the image set where none is chosen
_STYLE = f"<style>{text_beside(browser.__file__, 'shell.css')}</style>"
_ABOUT = f"""**VL Bias Lab {__version__}** trains small models that match images with captions. It
shows what biased training images do to them, and whether descriptive captions help. Choi and
Somasundaram (MIT, 2023) asked this question.

- **First visit:** “Show me around” on Home takes two minutes.
- **A control:** the question mark beside it explains it.
- **A lesson:** “Plan for this lesson” on Lesson says what to do and when.
- **All else:** the folder `docs` of the lab, which begins with `docs/pages.md`.
"""
_viewport = st.components.v2.component(
    "vl_bias_lab_viewport", js=text_beside(browser.__file__, "viewport.js")
)
# px of a map: few, to share caches
_SIDES = (850, 770, 700, 635, 580, 535, 490, 450, 410, 370, 330)
# px of a window where two maps fit beside each other, and of one with wide margins
NARROW, _WIDE = 780, 1200
_USUAL_WINDOW = [1280, 720]
_WINDOW_COOKIE = "vl-bias-lab-window"
# px around and between two maps, in a wide window and in another
_WIDE_MARGINS, _MARGINS = 170, 114
# px of a legend beside or below the maps, of their titles, of a card of the guide
_LEGEND_BESIDE, _LEGEND_BELOW, _TITLES, _CARD = 200, 50, 80, 120


def begin(
    page: type[PageState], title: str, *, menu: bool = True
) -> tuple[Palette, DeltaGenerator]:
    """Set the page up and draw its title and menu.

    Args:
        page: its address.
        title: of the page.
        menu: whether it has a menu.

    Returns:
        The palette for the visitor's theme, and the row of the title, with room for controls.
    """
    app = "VL Bias Lab"
    # On arrival the address decides what it names: where it names a default value, Streamlit
    # prefers an earlier choice of the session, and a link to models without bias would show others.
    visitors.visitor()
    st.session_state["arrives"] = st.session_state.get("page") != title
    if st.session_state["arrives"]:
        st.session_state["page"] = title
        streamlit_private.take_address_of_history()
        for name in st.query_params:
            if name in page.names() or "." in name:  # no other state of the session
                st.session_state.pop(name, None)
        st.session_state["no_set"] = _missing_set()
    tab_title = app if page is HomeState else f"{title} · {app}"
    st.set_page_config(
        tab_title,
        page_icon="🐫",
        layout="wide",
        initial_sidebar_state="collapsed",
        menu_items={"About": _ABOUT},
    )
    # A toast just before a rerun may get lost.
    if toast := st.session_state.pop("toast", None):
        st.toast(plain(toast), icon=":material/info:")
    st.html(_STYLE)
    top = st.container(gap="xsmall", key="top")
    if menu:
        with top.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**{app}**", width="content")
            for linked, label, icon in PAGES:
                if linked is ManageState and not visitors.teaches():
                    continue
                st.page_link(
                    linked.file,
                    label=label,
                    icon=icon,
                    width="content",
                    query_params=persistent_query_params(),
                )
    guided = menu and _guided()
    row = (st.container if guided else top.container)(horizontal=True, vertical_alignment="center")
    if not guided:  # else the card has the title
        row.title(title, anchor=False, width="content")
    if (missing := st.session_state["no_set"]) and st.session_state.get("data") in (None, _USUAL):
        st.warning(
            f"There is no image set {plain(repr(missing[:80]))} here: it was removed, or was never"
            f" on this server. The set {_USUAL} is shown instead.",
            icon=":material/link_off:",
        )
    return palette(), row


def _missing_set() -> str:
    """Return the image set that the address names and that is not there; empty where it is."""
    name = st.query_params.get("data", _USUAL)
    if name == _USUAL:
        return ""
    from vlcore.data.catalogue import set_names

    return "" if name in set_names() else name


def _guided() -> bool:
    """Show the card of the guide that the address names; whether it names one."""
    if "guide" not in st.query_params:
        for name in ("guide_shown", "guide_maps"):
            st.session_state.pop(name, None)
        return False
    from vlcore.web import guide

    with errors_as_sentences():
        guide.show_card({label: page for page, label, _ in PAGES}, persistent_query_params())
    return True


def persistent_query_params() -> dict[str, str]:
    """Return what stays in the address from page to page: the image set, but the default one."""
    chosen = st.session_state.get("data") or st.query_params.get("data")
    return {"data": str(chosen)} if chosen and chosen != _USUAL else {}


def follow_default(key: str, default: str) -> None:
    """Give a control in the address its default of now, unless somebody chose its value; before it
    is shown.

    Streamlit keeps the value of a control whose default changes, on another page too.
    """
    defaults: dict[str, tuple[str, str | None]] = st.session_state.setdefault("defaults", {})
    before, choice = defaults.get(key, (default, None))
    value = st.session_state.get(key)
    # What was chosen stays so where it is the default of another moment.
    is_chosen = value not in (None, before) or value == choice or key in st.query_params
    if value == before != default and not is_chosen:
        st.session_state[key] = default  # a deleted value would come back from the browser
    defaults[key] = default, st.query_params.get(key, value) if is_chosen else None


def image_set_of_address() -> ImageSet:
    """Return the image set that the address names, or the usual one if it does not exist."""
    from vlcore.web import cache

    chosen = st.session_state.get("data") or st.query_params.get("data", _USUAL)
    return cache.named_set(_USUAL if st.session_state["no_set"] else chosen)


def image_set_choice() -> ImageSet:
    """Show the choice of the image set of a page, which is in the address."""
    from vlcore.data.catalogue import set_names
    from vlcore.web import cache

    st.session_state.update(st.session_state.pop("go_to", {}))
    about = (
        "Scenes are drawn by the lab. In balanced-cues the background alone is learnt no better"
        " than the animal alone. Renders are 3-D renders from a computer game. Your own sets are"
        " made on the Data page."
    )
    with errors_as_sentences():
        name: str = st.selectbox(
            "Image set", set_names(), key="data", bind="query-params", width=280, help=about
        )
        return cache.named_set(name)


@contextmanager
def attributed(images: ImageSet) -> Iterator[None]:
    """Show what a page shows of an image set, and below it the makers of the images, where their
    licence asks for that."""
    if not images.attribution:
        yield
        return
    content = st.container()
    show_attribution(images)
    with content:
        yield


def show_attribution(images: ImageSet) -> None:
    """Show the makers of a set's images in a line, where their licence asks for that."""
    if images.attribution:
        st.caption(plain(images.attribution))


def usual_towers(images: ImageSet) -> str:
    """Return the towers on which pages open an image set, a name in `TOWERS`."""
    from vlcore.data.catalogue import BUILT_IN_SETS

    return SCRATCH if images.name in BUILT_IN_SETS else FOR_PHOTOS


def towers_choice(default: str = SCRATCH) -> str:
    """Show what all models of a page start from, a name in `TOWERS`."""
    # A visitor's photograph would meet towers that know drawings alone.
    follow_default("towers", default)
    chosen = st.segmented_control(
        START,
        list(TOWERS),
        key="towers",
        bind="query-params",
        default=default,
        required=True,
        help=ABOUT_START,
        width="content",
    )
    return chosen or default


def settings(bar: DeltaGenerator) -> DeltaGenerator:
    """Return the place for the settings of a page that few visitors change, behind a button."""
    return bar.popover("Settings", icon=":material/settings:")


def go_to(name: str) -> None:
    """Show the images of a set, at the next run: a control that is drawn cannot be changed."""
    st.session_state["go_to"] = {"data": name, "look": "images"}
    st.query_params.pop("picture", None)
    st.rerun()


def go_to_page(page: type[PageState], data: str) -> NoReturn:
    """Leave for another page of an image set, which a link would not choose over an earlier one."""
    st.session_state["go_to"] = {"data": data}
    # Without any, Streamlit clears the address, and refuses where controls are in it.
    st.switch_page(page.file, query_params={})


def map_side() -> int:
    """Return the side in px of each of two figures beside each other, or below on a phone.

    A chart of two linked panes cannot stretch, and Streamlit tells no width. Once a page.
    """
    width, _ = window()
    return fitting_side(width, _margins(width), width)


def map_room(above: int) -> tuple[int, LegendPlace]:
    """Return the side of each of two maps and the place of their legend that leaves most room.

    Both maps are whole in the window, with so many px `above` them. Once a page.
    """
    width, height = window()
    high = height - above - _TITLES - _CARD * ("guide" in st.query_params)
    legend_right = fitting_side(width, _margins(width) + _LEGEND_BESIDE, high)
    legend_bottom = fitting_side(width, _margins(width), high - _LEGEND_BELOW)
    if width >= _WIDE and legend_right >= legend_bottom:
        return legend_right, "right"
    return legend_bottom, "bottom"


def _margins(width: int) -> int:
    return _MARGINS if width < _WIDE else _WIDE_MARGINS


def fitting_side(width: int, margins: int, high: int) -> int:
    """Return the side of each of two maps in a window, with so many px in `margins` beside them."""
    if width < NARROW:
        return PHONE_SIDE
    room = min((width - margins) / 2, high)
    return next((side for side in _SIDES if side <= room), _SIDES[-1])


def window() -> list[int]:
    """Return width and height in px. Once a page, after its controls.

    A page that learns another size runs once more, with the controls that were drawn by then:
    what the address says of later ones would be lost, and a click on a link just then is. The
    same where the visitor changes the theme, which runs no page by itself.
    """
    data = {"known": _known_window(), "ground": palette().ground, "cookie": _WINDOW_COOKIE}
    _viewport(key="viewport", data=data, on_size_change=_learn_window)
    return _known_window()


def _learn_window() -> None:
    """Take over the size that the browser told, before the page runs for it."""
    if size := st.session_state["viewport"].get("size"):
        st.session_state["window"] = size


def _known_window() -> list[int]:
    """Return the size that a page of this visit told, or the browser's last visit, or a usual."""
    if "window" in st.session_state:
        told: list[int] = st.session_state["window"]
        return told
    size = re.fullmatch(r"(\d{2,5})x(\d{2,5})", browser.remembered(_WINDOW_COOKIE))
    return [int(length) for length in size.groups()] if size else _USUAL_WINDOW


def is_narrow() -> bool:
    """Return whether the window has room for one map only: a phone's."""
    width, _ = _known_window()
    return width < NARROW


def palette() -> Palette:
    """Return the colours for the visitor's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


@contextmanager
def errors_as_sentences(retry_seconds: float | None = None) -> Iterator[None]:
    """Show an error that a person can act on as its sentence, and stop the page there.

    The same for a disk that fails. A page that others change reruns after `retry_seconds`.
    """
    try:
        with system_errors():
            yield
    except LabError as error:
        st.error(plain(str(error)), icon=":material/error:")
        if retry_seconds is not None:
            first = iter([True])
            follows(retry_seconds)(lambda: None if next(first, False) else st.rerun())()
        st.stop()


def follows(every: float | None) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Draw a part of a page again every so many seconds, whatever went wrong the last time."""

    def part(draw: Callable[[], None]) -> Callable[[], None]:
        @wraps(draw)
        def redraw() -> None:
            with errors_as_sentences():
                draw()

        return st.fragment(redraw, run_every=every)

    return part
