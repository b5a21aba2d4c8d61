"""Panels outside of the app: on an offline page, in a notebook, and as a command prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from vlcore.api.panels import Panel
from vlcore.api.small_images import draw_thumbs
from vlcore.artifacts import store
from vlcore.data.imageset import ImageSet
from vlcore.experiment.wording import plural
from vlcore.plots import document
from vlcore.plots.blocks import (
    Block,
    Chart,
    Command,
    Heading,
    Images,
    Moving,
    Pictures,
    Table,
    Text,
    Trainings,
    flat,
)
from vlcore.plots.theme import LIGHT, Palette
from vlcore.plots.thumbnails import thumb_uri

MAP_WIDTH, CHART_WIDTH = 440, 900  # px on an offline page


def on_paper(blocks: Iterable[Block], images: ImageSet, palette: Palette = LIGHT) -> Iterator[Any]:
    """Blocks as `vlcore.plots.document.page_html` takes them. What needs a server is a sentence."""
    for block in flat(blocks):
        match block:
            case Heading():
                yield block
            case Text():
                yield block.text
            case Command():
                yield f"{block.does}: {block.text}"
            case Table(by=""):
                yield block.rows
            case Table():
                for name, rows in block.rows.groupby(block.by, sort=False):
                    yield f"{name}:"
                    yield rows.drop(columns=block.by)
            case Chart():
                try:
                    yield document.Figure(block.draw(palette, CHART_WIDTH), block.words)
                except ValueError as error:
                    yield f"There is no figure here ({error})."
            case Images():
                rows = list(block.lines)
                words = [" · ".join([images.description(row), *block.lines[row]]) for row in rows]
                yield document.ImageRow(draw_thumbs(images, rows), words)
            case Pictures():
                uris = [thumb_uri(picture) for picture in block.pictures.values()]
                yield document.ImageRow(uris, list(block.pictures))
            case Moving():
                yield document.Maps(block.maps.inline(palette, MAP_WIDTH))
            case Trainings() if _are_trained(block):
                yield from on_paper(block.then(), images, palette)
            case Trainings():
                count = plural(len(block.conditions), "training")
                yield f"{block.label}: this needs {count}. {block.about}"


def _are_trained(block: Trainings) -> bool:
    return all(store.published(condition.key) for condition in block.conditions)


def as_document(blocks: Iterable[Block], images: ImageSet) -> list[dict[str, Any]]:
    """Blocks as a command prints them: a dictionary per block that has words or numbers."""
    entries: list[dict[str, Any]] = []
    for block in flat(blocks):
        match block:
            case Heading() | Text():
                entries.append({"text": block.text})
            case Command():
                entries.append({"text": f"{block.does}: {block.text}"})
            case Table():
                rows = block.rows.astype(object).where(block.rows.notna(), None)
                entries.append({"table": rows.to_dict("records")})
            case Chart():
                entries.append({"chart": block.words})
            case Images():
                listed = [_of_image(images, row, lines) for row, lines in block.lines.items()]
                entries.append({"images": listed})
            case Pictures():
                listed = [
                    {"image": name, "lines": "; ".join(lines)}
                    for name, lines in block.lines.items()
                ]
                entries.append({"images": listed})
            case Moving():
                entries.append({"text": block.maps.words})
            case Trainings() if _are_trained(block):
                entries += as_document(block.then(), images)
            case Trainings():
                missing = [each.key for each in block.conditions if not store.published(each.key)]
                entries.append({"text": block.about, "missing": missing})
    return entries


def _of_image(images: ImageSet, row: int, lines: Sequence[str]) -> dict[str, Any]:
    return {"row": row, "image": images.description(row), "lines": "; ".join(lines)}


class PanelView:
    """The blocks of a panel as a notebook shows them."""

    def __init__(self, panel: Panel, subject: Any, inputs: Mapping[str, Any]) -> None:
        self.panel = panel
        self.images: ImageSet = subject.images
        self.blocks = panel.blocks(subject, **inputs)

    @property
    def tables(self) -> list[pd.DataFrame]:
        """The tables among the blocks."""
        return [block.rows for block in flat(self.blocks) if isinstance(block, Table)]

    def __iter__(self) -> Iterator[Block]:
        return iter(self.blocks)

    def __repr__(self) -> str:
        return f"<Panel {self.panel.name}: {plural(len(self.blocks), 'block')}>"

    def _repr_mimebundle_(self, **_kinds: Any) -> dict[str, str]:
        content = [Heading(self.panel.title), *on_paper(self.blocks, self.images)]
        content += filter(None, [self.images.attribution])
        return {
            "text/html": document.frame_html(content, self.panel.title),
            "text/plain": repr(self),
        }
