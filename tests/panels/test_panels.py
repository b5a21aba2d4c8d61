"""Panels: each gives blocks that a notebook, a command and a file show; inputs are checked."""

import inspect
import json
from collections.abc import Iterator
from typing import Annotated

import pytest

from vlcore.api import panels as registry
from vlcore.api.comparison import Comparison
from vlcore.api.panel_views import PanelView, as_document
from vlcore.api.panels import COMPARE, Between, Block, PanelError, Text, Typed, find_panel, panels
from vlcore.api.selections import Selection
from vlcore.plots.blocks import Images, flat

NAMES = [each.name for each in panels(COMPARE) if "upload" not in each.page_inputs]


def inputs_of(name: str, both: Comparison) -> dict[str, object]:
    """What a page would give a panel."""
    held_out = int(both.maps.rows[0])
    given = {"image": held_out, "selection": both.select([held_out])}
    return {name: given[name] for name in find_panel(name).page_inputs if name in given}


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_is_shown_in_a_notebook_and_printed(name: str, both: Comparison) -> None:
    view = both.panel(name, **inputs_of(name, both))
    assert view.blocks
    assert "<iframe" in view._repr_mimebundle_()["text/html"]
    json.dumps(as_document(view, both.images), default=str)


def test_the_images_of_panels_are_rows_of_the_set(both: Comparison) -> None:
    for name in NAMES:
        for block in flat(both.panel(name, **inputs_of(name, both))):
            if isinstance(block, Images):
                rows = {*block.lines, *block.selects}
                assert all(0 <= row < len(both.images.table) for row in rows), name


def test_groups_have_their_accuracies(both: Comparison) -> None:
    (table,) = both.panel("groups").tables
    assert len(table) == len(both.images.grouping.names)
    assert {"Group", "Model A", "Model B", "Images"} <= set(table)


def test_shared_neighbours_are_of_so_many(both: Comparison) -> None:
    first, *_ = both.panel("shared-neighbours", neighbours=3)
    assert "3 nearest neighbours" in first.text


def test_a_selection_says_which_predictions_are_correct(both: Comparison) -> None:
    rows = both.maps.rows[:60]
    view = both.panel("selected-images", selection=Selection.from_rows(both.maps, rows))
    (table,) = view.tables
    assert table["Images"].iloc[0] == 60
    (images,) = (block for block in view if isinstance(block, Images))
    assert list(images.lines) == sorted(rows)[:24]
    points = both.maps.points.set_index("id")
    for row, lines in images.lines.items():
        point = points.loc[f"p{row}"]
        marks = ["✓" if point[f"says_{pane}"] == point["object"] else "✗" for pane in (0, 1)]
        assert [line[0] for line in lines] == marks


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panel that is registered for one test."""
    monkeypatch.setattr(registry, "_PANELS", dict(registry._PANELS))

    @registry.panel("Counting", "How many?", order=0)
    def counting(
        comparison: Comparison,
        most: Annotated[int, Between(1, 9)] = 2,
        name: Annotated[str, Typed(5, "A name")] = "",
    ) -> Iterator[Block]:
        """Count."""
        yield Text(f"{name} {most}".strip())


@pytest.mark.usefixtures("counting")
def test_inputs_have_names_bounds_and_usual_values(both: Comparison) -> None:
    assert panels(COMPARE)[0].name == "counting"
    first, second = find_panel("counting").inputs
    assert (first.label, first.usual, second.label, second.usual) == ("Most", 2, "A name", "")
    assert isinstance(both.panel("counting"), PanelView)
    assert both.panel("counting").blocks == [Text("2")]
    assert both.panel("counting", most="7", name="abc").blocks == [Text("abc 7")]
    for inputs, words in (
        ({"most": 10}, "give a whole number from 1 to 9"),
        ({"most": "many"}, "give a whole number from 1 to 9"),
        ({"name": "too long"}, "give at most 5 characters"),
        ({"nothing": 1}, "it takes most, name"),
    ):
        with pytest.raises(PanelError, match=words):
            both.panel("counting", **inputs)


def test_an_unknown_panel_or_image_is_refused(both: Comparison) -> None:
    with pytest.raises(PanelError, match="groups"):
        both.panel("nothing")
    for image in (-1, len(both.images.table), "p", "pony"):
        with pytest.raises(PanelError):
            both.panel("nearest-images", image=image)
    with pytest.raises(PanelError, match="image"):
        both.panel("nearest-images")


def test_an_image_is_known_by_its_row_and_by_its_id(both: Comparison) -> None:
    row = int(both.maps.rows[0])
    tables = [both.panel("nearest-images", image=image).tables for image in (row, f"p{row}")]
    assert len(tables[0]) == 2, "the captions of both models"
    assert all(first.equals(second) for first, second in zip(*tables, strict=True))


def test_a_page_has_the_panels_that_are_named(both: Comparison) -> None:
    page = both.html(panels={"shared-neighbours": {"neighbours": 4}})
    assert "4 nearest neighbours" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Accuracy of the animal" not in page
    assert "Accuracy of the animal" in both.html()


def test_every_hook_of_a_panel_is_documented() -> None:
    about = inspect.getdoc(registry.Panel) or ""
    hooks = inspect.signature(registry.panel).parameters
    assert [name for name in hooks if f"{name}:" not in about] == []
