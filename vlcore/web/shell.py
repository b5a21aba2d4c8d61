"""What every page begins with: its title, the menu, the palette, and the rule that no traceback
reaches a page.

Little is imported before it is needed: the first visitor sees Home begin before the server has read
pandas and altair. The menu is ours (`st.page_link`): Streamlit's own, beside ``pages/``, differs
between a deep link and a click.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.experiment.errors import LabError
from vlcore.experiment.files import system_errors, text_beside
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import DARK, LIGHT, PHONE_SIDE, Palette
from vlcore.web import visitors
from vlcore.web.components import browser

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet
    from vlcore.plots.maps.legend import LegendPlace

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/1_Data.py", "Data", ":material/photo_library:"),
    ("pages/2_Train.py", "Train", ":material/model_training:"),
    ("pages/3_Compare.py", "Compare", ":material/compare:"),
    ("pages/4_Upload.py", "Upload", ":material/upload:"),
    ("pages/5_Findings.py", "Findings", ":material/science:"),
    ("pages/6_Lesson.py", "Lesson", ":material/school:"),
    ("pages/7_Manage.py", "Manage", ":material/tune:"),
)
MANAGE = "Manage"  # shown to whom it is for
_STYLE = f"<style>{text_beside(browser.__file__, 'shell.css')}</style>"
_viewport = st.components.v2.component(
    "vl_bias_lab_viewport", js=text_beside(browser.__file__, "viewport.js")
)
_SIDES = (
    850,
    770,
    700,
    635,
    580,
    535,
    490,
    450,
    410,
    370,
    330,
)  # px of a map: few, to share caches
# What pages keep for themselves: no address may take it away or name it.
_STATE = """arrived_with arrives asked closed compared enlarged go_to guide_shown import_key
    import_source lesson_code lesson_codes lesson_leads lesson_me lesson_repair lesson_said
    lesson_votes look_at looked_among offered opened page repair_pages room_contrast room_expected
    room_measure toast visitor window"""
OWN = {*_STATE.split(), visitors.TEACHER}
_NARROW, _WIDE = (
    780,
    1200,
)  # px of a window where two maps fit beside each other, and of one with wide margins
# px: around and between two maps in a wide window and in another, of a legend beside or below them,
# of their titles, of a card of the guide.
_MARGINS, _LEGEND_BESIDE, _LEGEND_BELOW, _TITLES, _CARD = (170, 114), 200, 50, 80, 120


def begin(title: str, *, first: bool = False, menu: bool = True) -> tuple[Palette, DeltaGenerator]:
    """Set the page up and draw the menu, unless it is shown without; returns the palette for the
    visitor's theme, and the row of the title, which has room for controls."""
    name = "VL Bias Lab"
    called = name if first else f"{title} · {name}"
    # On arrival the address decides whatever it names: Streamlit prefers what was chosen earlier in
    # the session where it names the usual value, and a link to models without bias would show those
    # that one looked at before.
    visitors.visitor()
    st.session_state["arrives"] = st.session_state.get("page") != title
    if st.session_state["arrives"]:
        st.session_state["page"] = title
        for chosen in set(st.query_params) - OWN:
            st.session_state.pop(chosen, None)
    st.set_page_config(called, page_icon="🐫", layout="wide", initial_sidebar_state="collapsed")
    if said := st.session_state.pop(
        "toast", None
    ):  # kept until here: what is said just before a rerun may get lost
        st.toast(plain(said), icon=":material/info:")
    st.html(_STYLE)
    top = st.container(gap="xsmall", key="top")
    if menu:
        with top.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown(f"**{name}**", width="content")
            for page, label, icon in PAGES:
                if label == MANAGE and not visitors.teaches():
                    continue
                st.page_link(
                    page,
                    label=label,
                    icon=icon,
                    width="content",
                    query_params=persistent_query_params(),
                )
    guided = menu and _guided()
    row = (st.container if guided else top.container)(horizontal=True, vertical_alignment="center")
    if not guided:  # else the card has it
        row.title(title, anchor=False, width="content")
    return palette(), row


def _guided() -> bool:
    """Whether the address names a card of the guide, which is shown then."""
    if "guide" not in st.query_params:
        st.session_state.pop("guide_shown", None)
        return False
    from vlcore.web import guide

    with errors_as_sentences():
        guide.show({label: page for page, label, _ in PAGES}, persistent_query_params())
    return True


def persistent_query_params() -> dict[str, str]:
    """What goes along from page to page in the address: the image set, unless it is the usual
    one."""
    chosen = st.session_state.get("data") or st.query_params.get("data")
    return {"data": str(chosen)} if chosen and chosen != "scenes" else {}


def image_set_choice() -> ImageSet:
    """The choice of the image set that a page is about, where there is one to make; it is in the
    address."""
    from vlcore.data.catalogue import set_names
    from vlcore.web import cache

    st.session_state.update(st.session_state.pop("go_to", {}))
    equal = "In balanced-cues the background alone is learnt no better than the animal alone"
    about = f"Scenes are drawn by the lab. {equal}. Your own sets are made on the Data page."
    with errors_as_sentences():
        name: str = st.selectbox(
            "Image set", set_names(), key="data", bind="query-params", width=320, help=about
        )
        return cache.named_set(name)


def go_to(name: str) -> None:
    """Show the pictures of a set, at the next run: a choice that is drawn already cannot be
    changed."""
    st.session_state["go_to"] = {"data": name, "look": "pictures"}
    st.query_params.pop("picture", None)
    st.rerun()


def map_side() -> int:
    """Side of each of two figures beside each other, or below each other on a phone, in px, for the
    visitor's window, as wide as that is. A chart of two linked panes cannot stretch, and Streamlit
    tells no width. Once a page.
    """
    width, _ = window()
    return _fitting(width, 0, width)


def map_room(above: int) -> tuple[int, LegendPlace]:
    """Side of each of two maps, and the place of their legend that leaves most room for them, so
    that both are whole in the window where so many px are `above` them. Once a page."""
    width, height = window()
    high = height - above - _TITLES - _CARD * ("guide" in st.query_params)
    beside, below = _fitting(width, _LEGEND_BESIDE, high), _fitting(width, 0, high - _LEGEND_BELOW)
    return (beside, "right") if width >= _WIDE and beside >= below else (below, "bottom")


def _fitting(width: int, taken: int, high: int) -> int:
    if width < _NARROW:
        return PHONE_SIDE
    room = min((width - taken - _MARGINS[width < _WIDE]) / 2, high)
    return next((side for side in _SIDES if side <= room), _SIDES[-1])


def window() -> list[int]:
    """Width and height in px, kept from page to page: before a page tells them, a usual one is
    taken. Once a page."""
    if size := _viewport(key="viewport", on_size_change=lambda: None).size:
        st.session_state["window"] = size
    return st.session_state.get("window", [1280, 720])


def palette() -> Palette:
    """Colours for the visitor's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


@contextmanager
def errors_as_sentences(again: float | None = None) -> Iterator[None]:
    """Show an error that a person can act on as its sentence, and stop the page there; so where the
    disk fails. A page that others change looks `again`, after so many seconds, whether that has
    passed."""
    try:
        with system_errors():
            yield
    except LabError as error:
        st.error(plain(str(error)), icon=":material/error:")
        if again is not None:
            first = iter([True])
            follows(again)(lambda: None if next(first, False) else st.rerun())()
        st.stop()


def follows(every: float | None) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """A part of a page that is drawn again every so many seconds, whatever went wrong the last
    time."""

    def part(draw: Callable[[], None]) -> Callable[[], None]:
        @wraps(draw)
        def drawn() -> None:
            with errors_as_sentences():
                draw()

        return st.fragment(drawn, run_every=every)

    return part
