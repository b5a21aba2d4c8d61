"""The runner of panels on pages: their controls, the cache, worker processes, and their blocks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import streamlit as st

from vlcore.api.comparison import blocks_of
from vlcore.api.model_map import ComparisonError
from vlcore.api.panels import Between, Input, Panel, panels
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.blocks import (
    Block,
    Chart,
    Columns,
    Command,
    Download,
    Heading,
    Images,
    Moving,
    Table,
    Text,
    Trainings,
)
from vlcore.plots.theme import Palette
from vlcore.web import cache, jobs, linked_maps, shell, visitors, widgets, work

Inputs = tuple[tuple[str, Any], ...]  # by name, in the order of the panel


@dataclass(frozen=True, eq=False)
class Stage:
    """What the panels of a page are shown about.

    Attributes:
        subject: a comparison, or a study.
        keys: of the models, or what else names the subject in a cache.
        images: the image set.
        palette: light or dark.
        side: of a map, in px.
        given: the inputs that no control has, such as the clicked image.
        select: selects images by their rows, and says how they were chosen.
        open_image: looks closer at an image by its row.
    """

    subject: Any
    keys: Sequence[str]
    images: ImageSet
    palette: Palette
    side: int
    given: Mapping[str, Any] = field(default_factory=dict)
    select: Callable[[Sequence[int], str], None] | None = None
    open_image: Callable[[int], None] | None = None

    def with_inputs(self, **given: Any) -> "Stage":
        """The same with further inputs."""
        return replace(self, given={**self.given, **given})


def choose_panel(page: str, stage: Stage) -> None:
    """Show the choice of a panel of a page, and the chosen one."""
    offered = {each.name: each for each in panels(page) if set(each.given) <= {"options"}}
    st.subheader("Look closer")
    name = st.segmented_control(
        "Look closer",
        list(offered),
        default=next(iter(offered)),
        required=True,
        format_func=lambda name: offered[name].title,
        label_visibility="collapsed",
        **widgets.in_address("closer"),
    )
    chosen = offered[name or next(iter(offered))]
    st.caption(plain(chosen.question))
    show(chosen, stage)


def show_panels(page: str, given: str, stage: Stage) -> None:
    """Show all panels of a page that take an input which no control has, such as ``image``."""
    for each in panels(page):
        if given not in each.given:
            continue
        with st.expander(each.question) if each.slow else st.container():
            show(each, stage)


def show(panel: Panel, stage: Stage) -> None:
    """Show a panel with its controls; an error that a person can act on is a sentence."""
    with shell.errors_as_sentences():
        values = {each.name: _control(panel, each) for each in panel.inputs}
        values |= {name: stage.given[name] for name in panel.given}
        try:
            blocks = _blocks(panel, stage, tuple(values.items()))
        except ComparisonError as error:
            st.info(plain(str(error)), icon=":material/info:")
            return
        if blocks is not None:
            _Runner(panel.name, tuple(values.items()), stage).show(blocks)


def _control(panel: Panel, wanted: Input) -> Any:
    """Show the control of an input, whose value is in the address after the panel's name."""
    key = f"{panel.name}.{wanted.name}"
    kind = wanted.kind
    if isinstance(kind, Between):
        return widgets.integer_input(
            wanted.label, kind.low, kind.high, wanted.usual, key, kind.about or None, width=160
        )
    about = kind.about or None
    options = widgets.in_address(key, about, max_chars=kind.most, width=480)
    return st.text_input(wanted.label, wanted.usual, **options) or ""


def _blocks(panel: Panel, stage: Stage, inputs: Inputs) -> list[Block] | None:
    """The blocks of a panel; None until somebody asks for those of a slow one."""
    if panel.slow:
        return _slow_blocks(panel, stage, inputs)
    if "upload" in panel.given:  # a visitor's own, which no shared cache may hold
        identity = ("panel", panel.name, *stage.keys, *(value for _, value in inputs))
        return cache.once_a_session(identity, partial(_run, panel, stage, inputs))
    return _cached_blocks(panel.name, stage.keys, inputs, partial(_run, panel, stage, inputs))


def _run(panel: Panel, stage: Stage, inputs: Inputs) -> list[Block]:
    return panel.blocks(stage.subject, **dict(inputs))


@cache.by_content(200, "Looking closer …")
def _cached_blocks(
    name: str, keys: Sequence[str], inputs: Inputs, _run: Callable[[], list[Block]]
) -> list[Block]:
    """Run a panel once for all visitors."""
    return _run()


def _slow_blocks(panel: Panel, stage: Stage, inputs: Inputs) -> list[Block] | None:
    """The blocks of a slow panel, made by a worker when a visitor asks for them."""
    question = ("slow", panel.name, *stage.keys, *(value for _, value in inputs))
    asked: set[Any] = st.session_state.setdefault("why_asked", set())
    if question not in asked and not st.button(panel.slow, key=f"ask-{panel.name}"):
        return None
    asked.add(question)

    def ask() -> list[Block]:
        with st.spinner("This takes some seconds …"):
            task = (blocks_of, list(stage.keys), panel.name, dict(inputs))
            return work.run_in_worker(visitors.visitor(), *task)

    try:
        return cache.once_a_session(question, ask)
    except work.NotInTimeError as error:
        st.caption(plain(str(error)))
        st.button("Try again", icon=":material/refresh:", key=f"again-{panel.name}")
        return None


def show_blocks(blocks: Iterable[Block], name: str, stage: Stage) -> None:
    """Show blocks that no panel made, under a name for keys and caches."""
    _Runner(name, (), stage).show(blocks)


def show_text(text: Text) -> None:
    """Show a paragraph."""
    if text.icon:
        st.warning(plain(text.text), icon=f":material/{text.icon}:")
    elif text.note:
        st.caption(plain(text.text))
    else:
        st.markdown(plain(text.text))


@dataclass(frozen=True)
class _Runner:
    """Shows blocks of a panel, each with a number of its own in keys and caches."""

    panel: str
    inputs: Inputs
    stage: Stage

    def show(self, blocks: Iterable[Block], place: str = "") -> None:
        """Show blocks; `place` is the number of what they are in."""
        downloads: list[tuple[str, Download]] = []
        for number, block in enumerate(blocks):
            here = f"{self.panel}-{place}{number}"
            if isinstance(block, Download):
                downloads.append((here, block))
                continue
            self._show_downloads(downloads)
            downloads = []
            self._show_block(block, here, f"{place}{number}.")
        self._show_downloads(downloads)

    def _show_block(self, block: Block, here: str, inside: str) -> None:
        match block:
            case Heading():
                st.markdown(f"**{plain(block.text)}**")
            case Text():
                show_text(block)
            case Command():
                st.caption(plain(block.does))
                st.code(block.text, language="sh")
            case Table():
                widgets.show_table(block.rows, in_column=bool(inside.count(".") > 1))
            case Chart():
                self._show_chart(block, here)
            case Images():
                self._show_images(block, here)
            case Moving():
                self._show_moving(block, here)
            case Columns():
                for number, (column, inner) in enumerate(widgets.in_pairs(block.columns)):
                    with column:
                        self.show(inner, f"{inside}{number}.")
            case Trainings():
                if jobs.train_several(block.conditions, block.label, block.about, key=here):
                    keys = tuple(condition.key for condition in block.conditions)
                    identity = ("then", here, *keys)
                    following = cache.once_a_session(identity, lambda: list(block.then()))
                    self.show(following, inside)

    def _show_chart(self, block: Chart, here: str) -> None:
        width = 2 * self.stage.side
        identity = self.stage.keys, self.inputs, here, self.stage.palette, width
        try:
            spec = _chart(*identity, partial(block.draw, self.stage.palette, width))
        except ValueError as error:
            st.caption(f"There is no figure: {plain(str(error))}.")
            return
        cache.show_chart(spec, alt=block.words, key=here)

    def _show_images(self, block: Images, here: str) -> None:
        stage = self.stage
        open_image = stage.open_image if block.opens else None
        widgets.show_images(stage.images, block.lines, open_image)
        if len(block.selects) and stage.select is not None:
            st.button(
                f"Select all {len(block.selects)}",
                icon=":material/select_all:",
                key=f"select-{here}",
                on_click=partial(stage.select, block.selects, block.words),
            )

    def _show_moving(self, block: Moving, here: str) -> None:
        stage = self.stage
        table = _moving_table(stage.keys, self.inputs, here, block.maps.table)
        identity = stage.keys, self.inputs, here, stage.palette, stage.side
        drawing = _moving(*identity, partial(block.maps.drawing, stage.palette, stage.side))
        linked_maps.draw(here, drawing, table, stage.images, block.maps.words)
        with st.expander("The animation in words"):
            st.markdown(plain(block.maps.words))

    def _show_downloads(self, downloads: Sequence[tuple[str, Download]]) -> None:
        """Show buttons beside each other, each with a file that is made when it is asked for."""
        if not downloads:
            return
        # Streamlit makes a file outside of the page, where no visitor is known.
        visitor = visitors.visitor()
        with st.container(horizontal=True, vertical_alignment="center"):
            for here, block in downloads:
                make = partial(_content, visitor, block)
                about = block.about or None
                widgets.download(block.label, make, block.name, block.kind, key=here, help=about)


def _content(visitor: visitors.Visitor, block: Download) -> bytes | str:
    """Make a file for a visitor, one at a time, in a worker where that takes long."""
    if block.write is not None:
        return work.run_in_worker(visitor, block.write, block.make())
    with work.export_slot(visitor):
        return block.content()


@cache.by_content(100)
def _chart(
    keys: Sequence[str],
    inputs: Inputs,
    here: str,
    palette: Palette,
    width: int,
    _draw: Callable[[], Any],
) -> cache.Spec:
    return cache.chart_spec(_draw())


@cache.by_content(30, "Drawing the animation …")
def _moving_table(
    keys: Sequence[str], inputs: Inputs, here: str, _table: Callable[[], cache.Table]
) -> cache.Table:
    return _table()


@cache.by_content(60)
def _moving(
    keys: Sequence[str],
    inputs: Inputs,
    here: str,
    palette: Palette,
    side: int,
    _drawing: Callable[[], cache.Drawing],
) -> cache.Drawing:
    return _drawing()
