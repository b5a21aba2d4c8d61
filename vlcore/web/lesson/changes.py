"""Editor of a team's list of changes: images to tap, scenes to draw, weights, fading, undo."""

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
from vlcore.experiment.option_names import shown_name
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import percent
from vlcore.scenes import COATS, POSES
from vlcore.web import image_addresses, widgets
from vlcore.web.data.drawing import drawn
from vlcore.web.lesson.session import click_errors

PAGE = 20  # images of a grid at once
_ANY = "any"
_WEIGHTS = (0.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
_COLOURS = {"minority": "orange", "majority": "gray"}


@dataclass(frozen=True)
class TeamList:
    """A team's list of changes, stored on the server or in the browser session.

    Attributes:
        images: the image set.
        base: the model that is repaired.
        repair: state of the team.
        store: changes that state.
    """

    images: ImageSet
    base: Condition
    repair: Repair
    store: Callable[[Callable[[Repair], Repair]], object]

    def change(self, how: Callable[[Repair], Repair]) -> None:
        """Change the list on a click; a refusal is shown."""
        with click_errors():
            self.store(how)

    def put(self, edit: Edit) -> None:
        """Add a change on a click."""
        put = partial(Repair.put, edit=edit)
        self.change(repair.checked_change(put, self.images, self.base))


def editor(team: TeamList) -> None:
    """All controls of a list: what it leaves to train on, possible changes, and the changes."""
    used = len(read_edits(team.repair.edits))
    st.progress(used / MOST, text=f"{used} of {MOST} changes")
    summaries = repair.group_summaries(team.images, team.base, team.repair.edits)
    lines = [f":{_COLOURS[role]}-badge[{role}] {plain(line)}" for role, line in summaries]
    st.markdown("  \n".join(lines))
    tools = {"Add": _add, "Remove": _remove, "Caption": _relabel, "Weigh": _weigh, "Fade": _fade}
    if repair.can_draw(team.images):
        tools = {"Add": _add, "Draw": _draw, **tools}
    tool = st.pills(
        "Change",
        list(tools),
        default="Add",
        required=True,
        key="repair_tool",
        label_visibility="collapsed",
    )
    condition = team.base.replace(edits=team.repair.edits)
    if tool == "Add":
        rows = repair.addable_rows(team.images, condition)
    else:
        rows = repair.training_set(team.images, condition).rows.tolist()
    tools[str(tool)](team, rows)
    changes_list(team)


def _add(team: TeamList, rows: Sequence[int]) -> None:
    _grid(team, rows, Add, "add", "Tap an image: it joins the training set.")


def _remove(team: TeamList, rows: Sequence[int]) -> None:
    _grid(team, rows, Remove, "remove", "Tap a training image: it leaves.")


def _relabel(team: TeamList, rows: Sequence[int]) -> None:
    styles = [style for style in (*STYLES_OF_THE_STUDY, "context") if style != team.base.labels]
    grouping = team.images.grouping
    examples = {style: caption(style, *grouping.pairs[1], grouping) for style in styles}
    style = str(
        st.selectbox(
            "New caption",
            styles,
            format_func=lambda name: f"{shown_name('labels', name)}, such as “{examples[name]}”",
        )
    )
    relabelled = {
        edit.picture
        for edit in read_edits(team.repair.edits)
        if isinstance(edit, Relabel) and edit.style == style
    }
    remaining = [row for row in rows if row not in relabelled]
    edit = partial(Relabel, style=style)
    _grid(team, remaining, edit, "caption", "Tap a training image: its caption changes.")


def _grid(
    team: TeamList, rows: Sequence[int], edit: Callable[[int], Edit], tool: str, about: str
) -> None:
    """Small images of rows, by group and factors; a tap on one makes it an edit."""
    st.caption(about)
    filters = st.container(horizontal=True, vertical_alignment="bottom")
    with filters:
        group = _choose_group(team, tool)
    factors = repair.factors_of_group(team.images, rows, group)
    if len(factors.columns):
        with filters.popover("Filter", icon=":material/filter_list:"):
            for name in factors:
                values = [_ANY, *sorted(factors[name].dropna().unique())]
                value = st.selectbox(str(name).capitalize(), values, key=f"{tool}_{name}")
                if value != _ANY:
                    factors = factors[factors[name] == value]
    pages = max(1, -(-len(factors) // PAGE))
    page_by_tool: dict[str, int] = st.session_state.setdefault("repair_pages", {})
    page = page_by_tool.get(tool, 0) % pages
    page_rows = factors.index[page * PAGE : (page + 1) * PAGE].tolist()
    labels = image_addresses.markdown_images(team.images, page_rows)
    with st.container(horizontal=True, gap="xxsmall", key=f"pictures-{tool}"):
        for row, label in labels.items():
            put = partial(team.put, edit(row))
            st.button(label, key=f"{tool}_{row}", type="tertiary", on_click=put)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "More images",
            key=f"{tool}_more",
            icon=":material/refresh:",
            on_click=partial(page_by_tool.__setitem__, tool, page + 1),
            disabled=pages < 2,
        )
        st.caption(f"{len(page_rows)} of {len(factors)}", width="content")


def _choose_group(team: TeamList, tool: str) -> str:
    """The choice of a group, at first a minority."""
    words = group_words(team.images.grouping)
    first = list(words).index(team.images.grouping.minority[0])
    return str(
        st.selectbox(
            "Group",
            list(words),
            first,
            format_func=words.__getitem__,
            key=f"{tool}_group",
            width=230,
        )
    )


def _draw(team: TeamList, _: Sequence[int]) -> None:
    st.caption("A new image: choose the animal, the background and some factors.")
    grouping, width = team.images.grouping, 165  # px: two beside each other on a phone
    with st.container(horizontal=True):
        animal = st.selectbox("Animal", grouping.objects, 1, width=width)
        context = st.selectbox("Background", repair.drawable_contexts(team.images), 2, width=width)
        coat = st.selectbox("Coat", [_ANY, *COATS], width=width)
        pose = st.selectbox("Pose", [_ANY, *POSES], width=width)
    edits = read_edits(team.repair.edits)
    used = {edit.number for edit in edits if isinstance(edit, Draw)}
    number = st.slider(
        "Scene", 0, NUMBERS - 1, min(set(range(NUMBERS)) - used), help="Decides everything else."
    )
    factors = tuple(
        (name, value) for name, value in (("coat", coat), ("pose", pose)) if value != _ANY
    )
    edit = Draw(animal, context, number, factors)
    with st.container(horizontal=True, vertical_alignment="center"):
        widgets.show_image(
            drawn(scene_of_edit(edit, team.images), 192),
            alt=repair.edit_words(edit, team.images),
            width=150,
        )
        st.button(
            "Add this image",
            icon=":material/brush:",
            type="primary",
            on_click=partial(team.put, edit),
        )


def _weigh(team: TeamList, _: Sequence[int]) -> None:
    group = _choose_group(team, "weight")
    by = st.select_slider(
        "Each of its images counts", _WEIGHTS, 3.0, format_func=lambda value: f"{value:g} times"
    )
    put = partial(team.put, Weigh(group, by))
    st.button("Weigh", icon=":material/balance:", type="primary", on_click=put)


def _fade(team: TeamList, _: Sequence[int]) -> None:
    st.caption("The background of every majority image loses what tells the backgrounds apart.")
    share = st.select_slider("Fade by", (0.25, 0.5, 0.75, 1.0), 0.5, format_func=percent)
    put = partial(team.put, Fade(share))
    st.button("Fade", icon=":material/blur_on:", type="primary", on_click=put)


def changes_list(team: TeamList, *, closed: bool = False) -> None:
    """The changes of a list, each with its image and, unless it is closed, a button to take it
    back."""
    edits = read_edits(team.repair.edits)
    st.markdown("**Your changes**" if edits else "**No change yet**")
    rows = [edit.picture for edit in edits if isinstance(edit, ImageEdit)]
    thumbs = dict(zip(rows, image_addresses.addresses(team.images, rows), strict=True))
    with st.container(gap="xxsmall", key="changes"):
        for number, edit in enumerate(edits):
            words = plain(repair.edit_words(edit, team.images))
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if isinstance(edit, ImageEdit):
                    st.markdown(f"![]({thumbs[edit.picture]})", width="content")
                elif isinstance(edit, Draw):
                    scene = scene_of_edit(edit, team.images)
                    widgets.show_image(drawn(scene, 96), alt=words, width=44)
                st.markdown(words, width="stretch")
                if not closed:
                    take_back = repair.checked_change(
                        partial(Repair.take_back, edit=edit), team.images, team.base
                    )
                    st.button(
                        "",
                        f"back_{number}",
                        f"Take back: {words}",
                        team.change,
                        (take_back,),
                        type="tertiary",
                        icon=":material/close:",
                    )
    if not closed:
        st.button(
            "Undo",
            icon=":material/undo:",
            on_click=partial(team.change, Repair.undo),
            disabled=len(team.repair.history) < 2,
        )
