"""The grid of Compare: what it shows, what is missing, the pair that it opens, and its address."""

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import image_set
from vlcore.api import grid as grids
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import title
from vlcore.web.compare import grid as page_grid

from .app import FakeQueue, answer, models_of, opened, press, setting, text_of, told_maps

pytestmark = pytest.mark.usefixtures("experiments")
start = partial(opened, "3_Compare", view="grid")
PAIR = {
    "Model A": "Bias 75% (12 of 48 rare images kept), short captions",
    "Model B": "Bias 75% (12 of 48 rare images kept), descriptive captions",
}


def styles_of(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["Captions"])


def address(page: AppTest, *names: str) -> list[str]:
    return [setting(page, name) for name in names]


def test_what_is_missing_is_named_and_trained_by_one_button(queue: FakeQueue) -> None:
    queue.disk = True
    page = start()
    missing = [condition.key for condition in grids.grid().missing]
    assert all(title(condition) in text_of(page) for condition in grids.grid().missing)
    press(page, "Train 8 models")
    assert queue.asked == missing
    assert len(page.get("progress")) == 1


def test_without_a_model_it_has_no_map(queue: FakeQueue) -> None:
    page = start(length="2,400 steps")
    assert not page.error
    assert not told_maps(page, "grid")
    assert page.button


def test_a_level_opens_as_a_pair_at_its_own_address() -> None:
    page = press(start(), "Bias 75%")
    assert address(page, "view", "left", "right") == ["pair", "bias:0.75", "bias:0.75"]
    assert models_of(page) == PAIR
    back = press(page, "Grid")
    assert address(back, "view") == ["grid"]
    assert len(told_maps(back, "grid")) == 1
    assert not back.button(key="other_view").help, "it would cover the line above the maps"
    assert "Look closer" in text_of(press(back, "Side by side"))


def test_a_map_that_is_clicked_opens() -> None:
    page = start()
    for nonsense in ("0-9", "<b>", 3, None):
        answer(page, "grid", {"opened": {"place": nonsense, "time": 1}})
        assert len(told_maps(page, "grid")) == 1, "there is no such place"
    (told,) = told_maps(page, "grid")
    assert told["grid"]["canOpen"]
    place = told["grid"]["places"][1][-3]["name"]
    answer(page, "grid", {"opened": {"place": place, "time": 2}})
    assert address(page, "view", "left", "right") == ["pair", "bias:0.75", "bias:0.75"]
    assert len(told_maps(page)) == 1
    assert len(told_maps(press(page, "Grid"), "grid")) == 1, "the click is over"


def test_a_pair_opens_whatever_was_compared_before() -> None:
    before = "labels:descriptive,steps:0,seed:7"
    pair = opened("3_Compare", left=before, right=before)
    for grid in (press(pair, "Grid"), start(left=before, right=before)):
        page = press(grid, "Bias 75%")
        assert models_of(page) == PAIR
        assert set(page.query_params) == {"view", "left", "right"}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("0-2", {"left": ("undescriptive", 0.25), "right": ("descriptive", 0.25)}),
        ("1-2", {"left": ("undescriptive", 0.25), "right": ("descriptive", 0.25)}),
        ("2-1", {"left": ("undescriptive", 0.0), "right": ("sky", 0.0)}),
        ("2-0", {"left": ("undescriptive", 0.0), "right": ("sky", 0.0)}),
    ],
)
def test_a_map_opens_beside_the_first_label_style(
    place: str, expected: dict[str, tuple[str, float]]
) -> None:
    conditions = grids.grid_conditions(Condition(), ("short", "descriptive", "sky"), (0, 0.25))
    maps = grids.read_grid(conditions, image_set(), read=lambda *_: None)
    chosen = grids.place_of(maps, place)
    assert chosen is not None
    pair = [side.condition for side in page_grid._pair(maps, chosen)]
    assert [(one.labels, one.bias) for one in pair] == list(expected.values())
    assert [one.steps == 0 for one in pair] == [place.endswith("-0"), False]


def test_the_rows_are_in_the_address_and_unknown_ones_are_nobodys() -> None:
    usual = ["Short captions", "Descriptive captions"]
    assert styles_of(start()) == usual
    page = start(rows="descriptive,synonym,short")
    assert styles_of(page) == ["Descriptive captions", "Synonym captions", "Short captions"]
    for rows in ("short", "", "short,<b>", "short,short", "own,short", "short,descriptive" * 9):
        assert styles_of(start(rows=rows)) == usual
    for rows in ("short,short,descriptive", "short," * 7 + "descriptive"):
        assert styles_of(start(rows=rows)) == usual
    page.multiselect[0].set_value(["synonym", "short"]).run()
    assert address(page, "rows") == ["synonym,short"]
    assert styles_of(page) == ["Synonym captions", "Short captions"]
    page.multiselect[0].set_value(["short"]).run()
    assert styles_of(page) == ["Synonym captions", "Short captions"]
