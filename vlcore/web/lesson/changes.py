"""The list of changes of a team: pictures to tap, a scene to draw, weights and fading; and each
change taken back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from vlcore.classroom import repair
from vlcore.classroom.repair import Repair
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import scene_of_edit
from vlcore.experiment.captions import caption
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.edits import (
    MOST,
    NUMBERS,
    Add,
    Draw,
    Edit,
    Fade,
    ImageEdit,
    Relabel,
    Remove,
    Weigh,
    read_edits,
)
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import percent
from vlcore.scenes import COATS, POSES
from vlcore.web import cache, serving, widgets
from vlcore.web.data.drawing import drawn
from vlcore.web.lesson.session import click_errors

SHOWN = 20  # pictures of a grid at once
_ANY = "any"
_WEIGHTS = (0.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
_COLOURS = {"minority": "orange", "majority": "gray"}


@dataclass(frozen=True)
class TeamList:
    """A team's list, and where it lies: on the server, or in the session of who is alone."""

    images: ImageSet
    base: Condition  # the model that is repaired
    repair: Repair
    keep: Callable[[Callable[[Repair], Repair]], object]

    def change(self, how: Callable[[Repair], Repair]) -> None:
        """Change what the team has, as a click does; what is refused is said."""
        with click_errors():
            self.keep(how)

    def put(self, edit: Edit) -> None:
        """Make a change, as a click does."""
        self.change(repair.checked_change(partial(Repair.put, edit=edit), self.images, self.base))


def editor(seat: TeamList) -> None:
    """All controls of a list: what it leaves to train on, what can be changed, what was."""
    used = len(read_edits(seat.repair.edits))
    st.progress(used / MOST, text=f"{used} of {MOST} changes")
    held = _holds(seat.images, seat.base, seat.repair.edits)
    st.markdown(
        "  \n".join(f":{_COLOURS[role]}-badge[{role}] {plain(said)}" for role, said in held)
    )
    tools = {"Add": _add, "Remove": _remove, "Caption": _relabel, "Weigh": _weigh, "Fade": _fade}
    if repair.can_draw(seat.images):
        tools = {"Add": _add, "Draw": _draw, **tools}
    chosen = st.pills(
        "Change",
        list(tools),
        default="Add",
        required=True,
        key="repair_tool",
        label_visibility="collapsed",
    )
    training, pool = _rows(seat.images, seat.base.replace(edits=seat.repair.edits))
    tools[str(chosen)](seat, pool if chosen == "Add" else training)
    changes_list(seat)


@st.cache_data(max_entries=300, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _rows(images: ImageSet, condition: Condition) -> tuple[list[int], list[int]]:
    """The pictures that a condition is trained on, by row, and those that could join."""
    return repair.training_set(images, condition).rows.tolist(), repair.addable_rows(
        images, condition
    )


_holds = st.cache_data(max_entries=300, show_spinner=False, hash_funcs=cache.BY_CONTENT)(
    repair.group_summaries
)


def _add(seat: TeamList, rows: Sequence[int]) -> None:
    _grid(seat, rows, Add, "add", "Tap a picture: it joins the training set.")


def _remove(seat: TeamList, rows: Sequence[int]) -> None:
    _grid(seat, rows, Remove, "remove", "Tap a training picture: it leaves.")


def _relabel(seat: TeamList, rows: Sequence[int]) -> None:
    styles = [style for style in (*STYLES_OF_THE_STUDY, "context") if style != seat.base.labels]
    grouping = seat.images.grouping
    said = {style: caption(style, *grouping.pairs[1], grouping) for style in styles}
    style = str(
        st.selectbox(
            "New caption", styles, format_func=lambda name: f"{name}, such as “{said[name]}”"
        )
    )
    done = {
        one.picture
        for one in read_edits(seat.repair.edits)
        if isinstance(one, Relabel) and one.style == style
    }
    left = [row for row in rows if row not in done]
    _grid(
        seat,
        left,
        partial(Relabel, style=style),
        "caption",
        "Tap a training picture: its caption changes.",
    )


def _grid(
    seat: TeamList, rows: Sequence[int], edit: Callable[[int], Edit], what: str, about: str
) -> None:
    """Small pictures of rows, by group and factors; a tap on one makes it an edit."""
    st.caption(about)
    words, filters = (
        group_words(seat.images.grouping),
        st.container(horizontal=True, vertical_alignment="bottom"),
    )
    with filters:
        group = _group(seat, what)
    facts = repair.factors_of_group(seat.images, rows, group)
    if len(facts.columns):
        with filters.popover("Filter", icon=":material/filter_list:"):
            for name in facts:
                found = [_ANY, *sorted(facts[name].unique())]
                if (
                    wanted := st.selectbox(str(name).capitalize(), found, key=f"{what}_{name}")
                ) != _ANY:
                    facts = facts[facts[name] == wanted]
    pages = max(1, -(-len(facts) // SHOWN))
    turned: dict[str, int] = st.session_state.setdefault("repair_pages", {})
    number = turned.get(what, 0) % pages
    here = facts.index[number * SHOWN : (number + 1) * SHOWN].tolist()
    with st.container(horizontal=True, gap="xxsmall", key=f"pictures-{what}"):
        for row, address in zip(here, serving.addresses(seat.images, here), strict=True):
            label = f"![{plain(words[group])}, {row}]({address})"
            st.button(
                label, key=f"{what}_{row}", type="tertiary", on_click=partial(seat.put, edit(row))
            )
    with st.container(horizontal=True, vertical_alignment="center"):
        turn = partial(turned.__setitem__, what, number + 1)
        st.button(
            "More pictures",
            key=f"{what}_more",
            icon=":material/refresh:",
            on_click=turn,
            disabled=pages < 2,
        )
        st.caption(f"{len(here)} of {len(facts)}", width="content")


def _group(seat: TeamList, what: str) -> str:
    """The choice of a group, at first of a minority."""
    words = group_words(seat.images.grouping)
    first = list(words).index(seat.images.grouping.minority[0])
    return str(
        st.selectbox(
            "Group",
            list(words),
            first,
            format_func=words.__getitem__,
            key=f"{what}_group",
            width=230,
        )
    )


def _draw(seat: TeamList, _: Sequence[int]) -> None:
    st.caption("A picture that nobody has: the animal, the place and some factors are yours.")
    grouping, width = seat.images.grouping, 165  # px: two beside each other on a phone
    with st.container(horizontal=True):
        name = st.selectbox("Animal", grouping.objects, 1, width=width)
        place = st.selectbox("Place", repair.drawable_contexts(seat.images), 2, width=width)
        coat = st.selectbox("Coat", [_ANY, *COATS], width=width)
        pose = st.selectbox("Pose", [_ANY, *POSES], width=width)
    taken = {one.number for one in read_edits(seat.repair.edits) if isinstance(one, Draw)}
    number = st.slider(
        "Scene", 0, NUMBERS - 1, min(set(range(NUMBERS)) - taken), help="Decides everything else."
    )
    factors = tuple((of, value) for of, value in (("coat", coat), ("pose", pose)) if value != _ANY)
    edit = Draw(name, place, number, factors)
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.show_image(
            drawn(scene_of_edit(edit, seat.images), 192),
            alt=repair.edit_words(edit, seat.images),
            width=150,
        )
        st.button(
            "Add this picture",
            icon=":material/brush:",
            type="primary",
            on_click=partial(seat.put, edit),
        )


def _weigh(seat: TeamList, _: Sequence[int]) -> None:
    group = _group(seat, "weight")
    by = st.select_slider(
        "Each of its pictures counts", _WEIGHTS, 3.0, format_func=lambda value: f"{value:g} times"
    )
    st.button(
        "Weigh",
        icon=":material/balance:",
        type="primary",
        on_click=partial(seat.put, Weigh(group, by)),
    )


def _fade(seat: TeamList, _: Sequence[int]) -> None:
    st.caption("The background of every majority picture loses what tells the places apart.")
    share = st.select_slider("Fade by", (0.25, 0.5, 0.75, 1.0), 0.5, format_func=percent)
    st.button(
        "Fade", icon=":material/blur_on:", type="primary", on_click=partial(seat.put, Fade(share))
    )


def changes_list(seat: TeamList, *, closed: bool = False) -> None:
    """The changes of a list, each with its picture; unless it is closed, with buttons that take one
    back."""
    changes = read_edits(seat.repair.edits)
    st.markdown("**Your changes**" if changes else "**No change yet**")
    rows = [one.picture for one in changes if isinstance(one, ImageEdit)]
    small = dict(zip(rows, serving.addresses(seat.images, rows), strict=True))
    with st.container(gap="xxsmall", key="changes"):
        for number, one in enumerate(changes):
            said = plain(repair.edit_words(one, seat.images))
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if isinstance(one, ImageEdit):
                    st.markdown(f"![]({small[one.picture]})", width="content")
                elif isinstance(one, Draw):
                    widgets.show_image(
                        drawn(scene_of_edit(one, seat.images), 96), alt=said, width=44
                    )
                st.markdown(said, width="stretch")
                if not closed:
                    back = repair.checked_change(
                        partial(Repair.take_back, edit=one), seat.images, seat.base
                    )
                    about = f"Take back: {said}"
                    st.button(
                        "",
                        f"back_{number}",
                        about,
                        seat.change,
                        (back,),
                        type="tertiary",
                        icon=":material/close:",
                    )
    if not closed:
        undo = partial(seat.change, Repair.undo)
        st.button(
            "Undo", icon=":material/undo:", on_click=undo, disabled=len(seat.repair.history) < 2
        )
