"""Selections on the Compare page: what the address selects, the search box, algebra, the kept list,
and what the page says where there is nothing."""

from functools import partial
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from vlcore.api.selections import Selection, encode_rows, selection_text
from vlcore.experiment.files import HomeError
from vlcore.plots.options import PCA
from vlcore.study import plans
from vlcore.web import cache, kept_selections
from vlcore.web.compare import selections
from vlcore.web.compare.selected_images import words_of_prediction

from .app import (
    FakeQueue,
    image_captions,
    labels,
    ok,
    opened,
    outside_address,
    press,
    setting,
    text_of,
    told_maps,
)

KEYS = [condition.key for condition in plans.find("experiments").conditions[:2]]
# A button beside each does what they say, and what it leaves is in the address.
OF_AN_ACT = {"This selection", "with", "Keep this selection as"}
start = partial(opened, "3_Compare", left_model=KEYS[0], right_model=KEYS[1])
pytestmark = pytest.mark.usefixtures("bundled", "queue")


@pytest.fixture
def bundled(bundled_home: None, queue: FakeQueue) -> None:
    queue.disk = True


def rows_of(page: AppTest) -> list[int]:
    """The rows of the images that the page lists."""
    (table,) = (table.value for table in page.dataframe if "left prediction" in table.value)
    assert set(table["split"]) <= {"held out", "training", "not on the maps"}
    return [int(name.removeprefix("p")) for name in table["id"]]


def selected(rows: np.ndarray, words: str = "") -> Selection:
    return Selection.from_rows(cache.comparison(KEYS, PCA), rows, words)


def test_words_are_searched_in_all_columns_and_stay_in_the_address() -> None:
    page = ok(start())
    assert page.text_input(key="search").value == ""
    assert not {"Clear", "Keep", "Combine", "Download CSV"} & set(labels(page)), "nothing is there"
    assert "The images" not in text_of(page)
    page.text_input(key="search").set_value("camel split:held").run()
    points = cache.comparison(KEYS, PCA).points
    expected = points[(points["object"] == "camel") & (points["kind"] == "test")]
    assert [f"p{row}" for row in rows_of(ok(page))] == expected["id"].tolist()
    assert f"**{len(expected)} images** of {len(points)}" in text_of(page)
    accuracy = page.table[0].value
    assert accuracy["Images"].tolist() == [str(len(expected))]
    assert {"Left", "Right", "Right − left"} <= set(accuracy)
    again = ok(start(search="camel split:held"))
    assert rows_of(again) == rows_of(page)
    press(again, "Clear")
    assert "The images" not in text_of(ok(again))
    assert again.text_input(key="search").value == ""


def test_what_is_not_found_and_what_models_do_not_know_is_said() -> None:
    for text, words in {
        "colour:red": "No column is named",
        "size=-7": "No image has all of the words",
        "a zebra": "“zebra”",
        "…": "no words",
        '""': "Type words",
        "x" * 200: "It does not know",
    }.items():
        page = ok(start(search=text))
        assert any(words in warning.value for warning in page.warning), text
        assert "The images" not in text_of(page)
        assert "rank all" not in text_of(page), "no model ranks what none knows"


def test_a_caption_ranks_images_in_every_model() -> None:
    page = ok(start(search="camel", search_by="caption"))
    assert "Left model**, best first" in text_of(page)
    assert len(page.get("image")) == 24
    table = next(table.value for table in page.dataframe if "left rank" in table.value)
    assert sorted(table["left rank"].dropna()) == list(range(1, 13))
    press(page, "Show the first 24 of each model")
    assert len(ok(page).get("image")) == 48
    assert setting(page, "best") == "24"
    last = ok(start(search="camel", search_by="caption", best="96"))
    assert len(last.get("image")) == 192
    assert not any(label.startswith("Show the first") for label in labels(last))
    page.text_input(key="search").set_value("horse").run()
    assert setting(ok(page), "best") == "", "of another search the first ones"


def test_each_text_is_looked_for_where_it_is_found() -> None:
    page = ok(start(search="horse"))
    for text, found_in in {"horse camel": "caption", "coat:bay": "any column"}.items():
        page.text_input(key="search").set_value(text).run()
        assert page.segmented_control(key="search_by").value == found_in
        assert "The images" in text_of(ok(page))


def test_more_like_this_leaves_a_selection() -> None:
    row = int(cache.map_of_model(KEYS[0], PCA, ()).rows[3])
    page = ok(start(picture=f"p{row}"))
    press(page, "More like this")
    assert setting(page, "like") == f"p{row}"
    assert row in rows_of(ok(page))
    assert ok(start(like="p999999999")).warning
    assert ok(start(like="<b>")).warning


def test_one_image_of_a_selection_is_looked_at_closely() -> None:
    rows = cache.comparison(KEYS, PCA).rows[:2]
    page = ok(start(selection="." + selection_text(selected(rows[:1]))))
    assert "The image that is selected" in text_of(page), "where there is one, it is that"
    assert "Nearest in the left model" in text_of(page)
    page = ok(start(selection="." + selection_text(selected(rows))))
    assert "Nearest in" not in text_of(page)
    ringed = told_maps(page)[0]["selected"]["best"]
    assert ringed == [[0, 1], [0, 1]], "a few are seen in a cloud of many"
    page.button(key=f"closer--{rows[1]}").click().run()
    assert setting(ok(page), "picture") == f"p{rows[1]}"
    assert "The image you clicked" in text_of(page)
    assert rows_of(page) == rows.tolist(), "the others stay selected"
    point = cache.comparison(KEYS, PCA).points.iloc[1]
    assert f"Left model: {words_of_prediction(point, 0)}" in text_of(page)
    assert "below" in page.toast[0].value


def test_images_have_predictions_and_more_of_them_are_shown() -> None:
    page = ok(start(search="object:camel"))
    points = cache.comparison(KEYS, PCA).points
    camels = points[points["object"] == "camel"]
    for count, label in ((24, "Show 48 more of "), (72, "Show ")):
        expected = [
            "  \n".join(f"{'✓' if says == 'camel' else '✗'} {says}" for says in both)
            for both in camels[["says_0", "says_1"]].head(count).to_numpy()
        ]
        assert image_captions(page) == expected
        press(page, next(name for name in labels(page) if name.startswith(label)))
    assert len(image_captions(page)) == min(120, len(camels))
    page.text_input(key="search").set_value("object:horse").run()
    assert len(image_captions(ok(page))) == 24, "of another selection the first ones"


def test_rows_in_the_address_are_those_of_other_models_too() -> None:
    rows = cache.comparison(KEYS, PCA).rows[[3, 8, 200]]
    name = f".{selection_text(selected(rows))}"
    assert rows_of(ok(start(selection=name))) == rows.tolist()
    other = opened("3_Compare", selection=name, right_bias="75 %")
    assert set(rows_of(ok(other))) <= set(rows.tolist())
    for damaged in (name[:-2], name + "AAAA", f".AAAA{name[5:]}", "gone-and-gone", "<img src=x>"):
        page = ok(start(selection=damaged))
        assert len(page.warning) == 1, damaged
        assert "selection" in page.warning[0].value


def test_many_rows_are_kept_on_the_server_under_a_short_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selections, "IN_ADDRESS", 0)
    page = ok(start(search="camel split:held"))
    before = rows_of(page)
    page.selectbox(key="combine-with").set_value("minority groups").run()
    press(page, "Combine")
    after = rows_of(ok(page))
    assert set(after) < set(before)
    name = setting(page, "selection")
    assert len(name) == 12
    assert "and minority groups" in text_of(page)
    assert rows_of(ok(start(selection=name))) == after, "another visitor's session"


def test_a_selection_is_combined_with_groups_and_outcomes() -> None:
    page = ok(start(search="object:camel"))
    camels = set(rows_of(page))
    points = cache.comparison(KEYS, PCA).points
    wrong = set(points.loc[points["right_1"] == "wrong", "id"].str[1:].astype(int))
    page.button_group(key="combine-way").set_value("without").run()
    page.selectbox(key="combine-with").set_value("right model wrong").run()
    press(page, "Combine")
    assert set(rows_of(ok(page))) == camels - wrong


def test_selections_are_kept_under_titles_shown_again_and_removed() -> None:
    page = ok(start(search="object:camel"))
    rows = rows_of(page)
    title = next(field for field in page.text_input if field.label.startswith("Keep"))
    title.set_value("odd *camels*")
    press(page, "Keep")
    kept = [label for label in labels(page) if "camels" in label]
    assert len(kept) == 1
    address = {name: setting(page, name) for name in ("selection", "about")}
    assert r": odd \*camels\*" in text_of(ok(start(**address))), "a link has the name"
    press(page, "Clear")
    assert setting(page, "about") == ""
    assert kept[0] in labels(page), "the list stays where there is one"
    press(page, kept[0])
    assert rows_of(ok(page)) == rows
    press(page, "Remove")
    assert kept[0] not in labels(page)


def test_kept_selections_of_one_title_are_all_offered_to_be_combined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = cache.comparison(KEYS, PCA).rows
    listed = [
        kept_selections.KeptSelection(str(place), "", encode_rows(chosen), "mine")
        for place, chosen in enumerate((rows[:50], rows[:3], rows[3:6]))
    ]
    monkeypatch.setattr(kept_selections, "titled", lambda *_: listed)
    page = ok(start(search="object:camel"))
    offered = page.selectbox(key="combine-with").options
    names = ["kept: mine (50)", "kept: mine (3)", "kept: mine (3), 2"]
    assert [name for name in offered if "mine" in name] == names
    camels = set(rows_of(page))
    page.button_group(key="combine-way").set_value("or").run()
    page.selectbox(key="combine-with").set_value(names[-1]).run()
    press(page, "Combine")
    assert set(rows_of(ok(page))) == camels | set(rows[3:6].tolist())


def test_a_selected_image_that_is_right_is_not_called_wrong() -> None:
    points = cache.comparison(KEYS, PCA).points
    held_out = points[points["kind"] == "test"]
    for words, is_offered in (("right", False), ("wrong", True)):
        chosen = held_out[(held_out[["right_0", "right_1"]] == words).all(axis=1)]
        rows = chosen["id"].str[1:].astype(int).to_numpy()[:1]
        page = ok(start(selection=f".{selection_text(selected(rows))}"))
        titles = [panel.label for panel in page.expander]
        assert any("the wrong ones you selected" in title for title in titles) == is_offered


def test_every_choice_is_in_the_address_but_those_of_an_act() -> None:
    row = cache.map_of_model(KEYS[0], PCA, ()).rows[0]
    page = ok(start(picture=f"p{row}", search="split:held"))
    assert outside_address(page) == OF_AN_ACT
    wrong = cache.comparison(KEYS, PCA).points.query("kind == 'test' and right_0 == 'wrong'")
    horses, camels = (sum(wrong["object"] == name) for name in ("horse", "camel"))
    assert horses > camels > 0
    words = f"{horses} wrong images of horse; {camels} wrong images of camel left out"
    assert words in text_of(page)


def test_a_selection_comes_back_with_the_visitor_and_not_after_it_was_cleared() -> None:
    page = ok(start(search="object:camel"))
    page.selectbox(key="combine-with").set_value("minority groups").run()
    press(page, "Combine")
    rows, words = rows_of(ok(page)), setting(page, "about")
    assert words.endswith("and minority groups")
    for name in ("selection", "about", "left_model", "right_model"):
        page.query_params.pop(name, None)
    page.switch_page("pages/1_Data.py").run()
    page.query_params["left_model"], page.query_params["right_model"] = KEYS
    page.switch_page("pages/3_Compare.py").run()
    assert rows_of(ok(page)) == rows
    assert words.removeprefix("“object:camel” ") in text_of(page)


def test_the_table_has_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[str] = []
    monkeypatch.setattr(
        selections.widgets,
        "download",
        lambda _label, data, name, *_rest, **_options: (
            files.append(data()) if name == "selection.csv" else None
        ),
    )
    page = ok(start(search="object:camel split:training"))
    table = pd.read_csv(StringIO(files[0]))
    assert table["source"].str.startswith("train/camel").all()
    assert len(table) == len(rows_of(page))
    assert {"left score", "coat", "right prediction"} <= set(table)


def test_a_server_that_cannot_keep_says_so_and_shows_the_selection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selections, "IN_ADDRESS", 0)
    page = ok(start(search="object:camel"))

    def refuse(*_: object) -> str:
        raise HomeError("The disk is full.")

    monkeypatch.setattr(kept_selections, "keep", refuse)
    page.selectbox(key="combine-with").set_value("minority groups").run()
    press(page, "Combine")
    assert len(rows_of(ok(page))) > 0
    assert "The disk is full" in page.toast[0].value


def test_a_search_names_images_of_the_set_that_are_on_no_map() -> None:
    name = "test/horse_grass/0200.png"
    page = ok(start(search=f'"{name}"'))
    assert f"not on these maps: 1 image ({name})" in text_of(page)
