"""The runner of panels on pages: their controls, the cache, worker processes, and their blocks."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, cast

import streamlit as st

from vlcore.api.answers import Upload
from vlcore.api.comparison import blocks_of
from vlcore.api.model_map import ComparisonError
from vlcore.api.panels import Between, Input, OneOf, Panel, panels
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
    Pictures,
    Table,
    Text,
    Trainings,
)
from vlcore.plots.theme import Palette
from vlcore.web import cache, jobs, linked_maps, shell, visitors, widgets, work

Result = TypeVar("Result")
_PICTURE = 120  # px
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
        page_inputs: the inputs that no control has, such as the clicked image.
        select: selects images by their rows, and says how they were chosen.
        open_image: looks closer at an image by its row.
    """

    subject: Any
    keys: Sequence[str]
    images: ImageSet
    palette: Palette
    side: int
    page_inputs: Mapping[str, Any] = field(default_factory=dict)
    select: Callable[[Sequence[int], str], None] | None = None
    open_image: Callable[[int], None] | None = None

    def with_inputs(self, **inputs: Any) -> "Stage":
        """The same with further inputs that no control has."""
        return replace(self, page_inputs={**self.page_inputs, **inputs})


def choose_panel(page: str, stage: Stage, *, opens: bool = False) -> None:
    """Show the choice of a panel of a page, and the chosen one.

    Args:
        page: whose panels are offered.
        stage: what they are shown about.
        opens: whether the first one is shown before a choice; else none is.
    """
    offered = {each.title: each for each in panels(page) if each.fits(stage.page_inputs)}
    st.subheader("Look closer")
    default = next(iter(offered)) if opens else None
    if st.session_state.get("closer", default) not in (default, *offered):
        st.session_state["closer"] = default  # the choice was a panel of another page
    options = widgets.in_address("closer", default=default, label_visibility="collapsed")
    title = st.segmented_control("Look closer", list(offered), required=opens, **options)
    if title is None:
        return
    chosen = offered[title]
    st.caption(plain(chosen.question))
    show(chosen, stage)


def show_panels(page: str, page_input: str, stage: Stage) -> None:
    """Show all panels of a page that take an input which no control has, such as ``image``."""
    for each in panels(page):
        if page_input not in each.page_inputs or not each.fits(stage.page_inputs):
            continue
        with st.expander(each.question) if each.slow else st.container():
            show(each, stage)


def show(panel: Panel, stage: Stage) -> None:
    """Show a panel with its controls; an error that a person can act on is a sentence."""
    with shell.errors_as_sentences():
        values = {each.name: _control(panel, each, stage.subject) for each in panel.inputs}
        inputs = stage.page_inputs
        values |= {name: inputs[name] for name in panel.page_inputs if name in inputs}
        try:
            blocks = _blocks(panel, stage, tuple(values.items()))
        except ComparisonError as error:
            st.info(plain(str(error)), icon=":material/info:")
            return
        if blocks is not None:
            _Runner(panel.name, tuple(values.items()), stage).show(blocks)


def _control(panel: Panel, wanted: Input, subject: Any) -> Any:
    """Show the control of an input, whose value is in the address after the panel's name."""
    key = f"{panel.name}.{wanted.name}"
    kind = wanted.kind
    if isinstance(kind, Between):
        return widgets.integer_input(
            wanted.label, kind.low, kind.high, wanted.usual, key, kind.about or None, width=160
        )
    about = kind.about or None
    if isinstance(kind, OneOf):
        names = {words: name for name, words in kind.names(subject).items()}
        options = widgets.in_address(key, about, width=460)
        return names[st.selectbox(wanted.label, list(names), **options)]
    options = widgets.in_address(key, about, max_chars=kind.most, width=480)
    return st.text_input(wanted.label, wanted.usual, placeholder=kind.example, **options) or ""


def _blocks(panel: Panel, stage: Stage, inputs: Inputs) -> list[Block] | None:
    """The blocks of a panel; None until somebody asks for those of a slow one."""
    if panel.slow:
        return _slow_blocks(panel, stage, inputs)
    identity = panel.name, *stage.keys, inputs
    return _kept(identity, inputs, lambda: panel.blocks(stage.subject, **dict(inputs)))


def _kept(identity: tuple[Any, ...], inputs: Inputs, make: Callable[[], Result]) -> Result:
    """Make something once: for all visitors, or in the session of a visitor whose image it is of,
    which no shared cache may hold."""
    if any(isinstance(value, Upload) for _, value in inputs):
        return cache.once_a_session(("panel", *identity), make)
    return _once(identity, make)


def _of_image(value: Any) -> Hashable:
    """What names an input, whichever other images a visitor has beside an uploaded one."""
    if isinstance(value, Upload):
        return value.picture.digest, value.picture.object
    return cast(Hashable, value)


def _sent(value: Any) -> Any:
    """An input as a worker process gets it: of an upload the image, which it asks the models."""
    return value.picture if isinstance(value, Upload) else value


@cache.by_content(400, "Looking closer …")
def _once(identity: tuple[Any, ...], _make: Callable[[], Result]) -> Result:
    """Make something once for all visitors, named by the content of its identity."""
    return _make()


def _slow_blocks(panel: Panel, stage: Stage, inputs: Inputs) -> list[Block] | None:
    """The blocks of a slow panel, made by a worker when a visitor asks for them."""
    question = ("slow", panel.name, *stage.keys, *(_of_image(value) for _, value in inputs))
    questions: set[Any] = st.session_state.setdefault("why_asked", set())
    if question not in questions and not st.button(panel.slow, key=f"ask-{panel.name}"):
        return None
    questions.add(question)

    def ask() -> list[Block]:
        with st.spinner("This takes some seconds …"):
            sent = {name: _sent(value) for name, value in inputs}
            task = (blocks_of, list(stage.keys), panel.name, sent)
            return work.run_in_worker(visitors.visitor(), *task)

    try:
        return cache.once_a_session(question, ask)
    except work.NotInTimeError as error:
        st.caption(plain(str(error)))
        st.button("Try again", icon=":material/refresh:", key=f"again-{panel.name}")
        return None


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
            key = f"{self.panel}-{place}{number}"
            if isinstance(block, Download):
                downloads.append((key, block))
                continue
            self._show_downloads(downloads)
            downloads = []
            self._show_block(block, key, f"{place}{number}.")
        self._show_downloads(downloads)

    def _show_block(self, block: Block, key: str, inside: str) -> None:
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
                self._show_chart(block, key)
            case Images():
                self._show_images(block, key)
            case Pictures():
                _show_pictures(block)
            case Moving():
                self._show_moving(block, key)
            case Columns():
                for number, (column, inner) in enumerate(widgets.in_pairs(block.columns)):
                    with column:
                        self.show(inner, f"{inside}{number}.")
            case Trainings():
                if jobs.need_models(block.conditions, block.label, about=block.about, key=key):
                    keys = tuple(condition.key for condition in block.conditions)
                    identity = ("then", key, *keys)
                    following = cache.once_a_session(identity, lambda: list(block.then()))
                    self.show(following, inside)

    def _show_chart(self, block: Chart, key: str) -> None:
        palette, width = self.stage.palette, 2 * self.stage.side

        def draw() -> cache.Spec:
            return cache.chart_spec(block.draw(palette, width))

        try:
            identity = key, *self.stage.keys, self.inputs, palette, width
            spec = _kept(identity, self.inputs, draw)
        except ValueError as error:
            st.caption(f"There is no figure: {plain(str(error))}.")
            return
        drawn = dict(spec)
        words = drawn.pop("description", block.words)  # Streamlit takes them apart
        cache.show_chart(drawn, alt=words, key=key)

    def _show_images(self, block: Images, key: str) -> None:
        stage = self.stage
        open_image = stage.open_image if block.opens else None
        widgets.show_images(stage.images, block.lines, open_image)
        if len(block.selects) and stage.select is not None:
            st.button(
                f"Select all {len(block.selects)}",
                icon=":material/select_all:",
                key=f"select-{key}",
                on_click=partial(stage.select, block.selects, block.words),
            )

    def _show_moving(self, block: Moving, key: str) -> None:
        stage = self.stage
        identity = key, *stage.keys, self.inputs
        table = _kept((*identity, "table"), self.inputs, block.maps.table)
        look = stage.palette, stage.side
        drawing = _kept((*identity, *look), self.inputs, partial(block.maps.drawing, *look))
        linked_maps.draw(key, drawing, table, stage.images, block.maps.words)
        with st.expander("The animation in words"):
            st.markdown(plain(block.maps.words))

    def _show_downloads(self, downloads: Sequence[tuple[str, Download]]) -> None:
        """Show buttons beside each other, each with a file that is made when it is asked for."""
        if not downloads:
            return
        # Streamlit makes a file outside of the page, where no visitor is known.
        visitor = visitors.visitor()
        with st.container(horizontal=True, vertical_alignment="center"):
            for key, block in downloads:
                make = partial(_content, visitor, block)
                about = block.about or None
                widgets.download(block.label, make, block.name, block.kind, key=key, help=about)


def _show_pictures(block: Pictures) -> None:
    with st.container(horizontal=True, gap="small"):
        for words, picture in block.pictures.items():
            with st.container(width=_PICTURE, gap="xxsmall"):
                widgets.show_image(picture, width=_PICTURE, alt=words)
                st.caption("  \n".join(map(plain, [words, *block.lines.get(words, [])])))


def _content(visitor: visitors.Visitor, block: Download) -> bytes | str:
    """Make a file for a visitor, one at a time, in a worker where that takes long."""
    if block.write is not None:
        return work.run_in_worker(visitor, block.write, block.make())
    with work.export_slot(visitor):
        return block.content()
