"""Search: words against a slow reading, captions by each model's score, images like another."""

import dataclasses
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.stand_ins import BASE, image_set, publish, thumbs
from vlcore.api.captions import CaptionLabError
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.comparison import Comparison
from vlcore.api.model_map import model_map
from vlcore.api.search import (
    LONGEST,
    SearchIndex,
    find_alike,
    find_unshown,
    find_words,
    folded,
    rank_by_caption,
    searched_table,
)
from vlcore.api.selections import SelectionError
from vlcore.model.load import load_model

IMAGES = image_set()
FACTORS = [
    json.dumps({"object": "x", "coat": coat, "size": size})
    for coat, size in zip(["bay", "grey"] * 2000, range(4000), strict=False)
][: len(IMAGES.table)]
TABLE = IMAGES.table.assign(
    factors=FACTORS,
    source=[f"Días/Foto {row}.JPG" for row in range(len(IMAGES.table))],
    **{
        "user:place": ["Gobi  Desert", "the garden"] * (len(IMAGES.table) // 2),
        # As most imports bring numbers: as text.
        "user:lux": [str(2**53 + row) for row in range(len(IMAGES.table))],
        "user:depth": [f"{row}.50" if row % 3 else "" for row in range(len(IMAGES.table))],
    },
)
SET = dataclasses.replace(IMAGES, table=TABLE)
CELLS = st.text(st.sampled_from('ab Bé."1_\x1f\n'), max_size=6)
WORDS = st.text(st.sampled_from("abBé.1_"), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def comparison(home: Path) -> ComparedMaps:
    base = BASE.replace(data_seed=73, init_seed=73)
    models = [publish(IMAGES, base), publish(IMAGES, base.replace(bias=0.5, labels="descriptive"))]
    return compare_maps([model_map(model) for model in models], SET, thumbs)


def has(cell: str, text: str, quoted: bool) -> bool:
    """Whether a cell has a text, by looking at each place."""
    cell, text = folded(cell), folded(text)
    if not quoted:
        return text in cell
    for start in range(len(cell) - len(text) + 1):
        before, after = cell[:start][-1:], cell[start + len(text) :][:1]
        is_word = [letter.isalnum() or letter == "_" for letter in (before, after) if letter]
        if cell[start : start + len(text)] == text and not any(is_word):
            return True
    return False


@given(
    st.lists(st.tuples(CELLS, CELLS, st.integers(0, 3)), min_size=1, max_size=8),
    st.lists(
        st.tuples(st.sampled_from(["", "one", "TWO", "n"]), WORDS, st.booleans()),
        min_size=1,
        max_size=3,
    ),
)
def test_search_finds_what_a_slow_look_at_each_cell_finds(
    rows: list[tuple[str, str, int]], terms: list[tuple[str, str, bool]]
) -> None:
    table = pd.DataFrame(rows, columns=["one", "Two", "n"])
    query = " ".join(
        (f"{column}:" if column else "") + (f'"{text}"' if quoted else text)
        for column, text, quoted in terms
    )

    def meets(row: tuple[str, str, int], column: str, text: str, quoted: bool) -> bool:
        cells = {"one": [row[0]], "TWO": [row[1]], "n": [], "": row[:2]}[column]
        is_number = column in ("", "n") and text.isdecimal() and float(text) == row[2]
        return is_number or any(has(cell, text, quoted) for cell in cells)

    expected = [all(meets(row, *term) for term in terms) for row in rows]
    assert SearchIndex(table).matches(query).tolist() == expected


@given(st.text(max_size=30))
def test_any_text_is_a_search_or_refused_in_a_sentence(text: str) -> None:
    index = SearchIndex(pd.DataFrame({"one": ["a", "b"], "n": [1.0, np.nan]}))
    with suppress(SelectionError):
        assert len(index.matches(text)) == 2


def test_all_words_are_found_in_whichever_column(comparison: ComparedMaps) -> None:
    points, rows = comparison.points, comparison.rows
    table = TABLE.iloc[rows]
    for text, expected in {
        "CAMEL grass": (points["object"] == "camel") & (points["context"] == "grass"),
        'object:"horse" rarity:minority': (points["object"] == "horse") & points["minority"],
        'place:"gobi desert"': (table["user:place"] == "Gobi  Desert").to_numpy(),
        "coat:bay split:held": (table["factors"].str.contains("bay").to_numpy())
        & (points["kind"] == "test"),
        "prediction:wrong": (points[["right_0", "right_1"]] == "wrong").any(axis=1),
        '"left prediction":wrong': points["right_0"] == "wrong",
        '"left prediction":correct': points["right_0"] == "right",
        '"left prediction":right': points["right_0"] == "right",  # of old addresses
        "dias/foto": points["minority"] & False,
        "días/foto": points["minority"] | True,
    }.items():
        assert find_words(comparison, text).rows.tolist() == rows[expected].tolist(), text
    (row,) = find_words(comparison, f'source:"foto {rows[3]}.jpg"').rows
    assert row == rows[3]
    assert find_words(comparison, f"size:{rows[4]}").rows.tolist() == [rows[4]]
    for text in ("size = 7", "size == 7", "Scene: size = 7", "size=7", "size =7", "scene: size=7"):
        assert find_words(comparison, text).rows.tolist() == [7] * (7 in rows), text
    for text in ("size > 100", "size:>100", "size>=1e2 camel", "size <-3", "Scene: size > 100"):
        sizes, is_camel = np.asarray(rows), points["object"] == "camel"
        larger = rows[(sizes >= 100) & is_camel] if "camel" in text else rows[sizes > 100]
        expected = larger if ">" in text else rows[:0]
        assert find_words(comparison, text).rows.tolist() == expected.tolist(), text
    assert find_words(comparison, "place:“gobi desert” „size > 3”").rows.tolist() == []
    assert (
        find_words(comparison, "place:“gobi desert”").rows.tolist() == rows[rows % 2 == 0].tolist()
    )
    for text in ("camel, grass;", "object:camel, context:grass,", "camel , grass"):
        is_either = (points["object"] == "camel") & (points["context"] == "grass")
        assert find_words(comparison, text).rows.tolist() == rows[is_either].tolist(), text
    assert len(find_words(comparison, '"camel,"')) == 0, "quotes want what is in them"
    for text in ("coat > 3", "coat > bay", "coat>bay"):
        with pytest.raises(SelectionError, match=r"has words.*: lux, depth, size"):
            find_words(comparison, text)
    for text in ("lux > abc", "lux>abc camel", "lux <= abc", "lux:>abc"):
        with pytest.raises(SelectionError, match="“lux” has numbers"):
            find_words(comparison, text)
    with pytest.raises(SelectionError, match="No column is named “colour”"):
        find_words(comparison, "colour:bay")
    with pytest.raises(SelectionError, match="characters"):
        find_words(comparison, "x" * (LONGEST + 1))


def test_numbers_that_an_import_brought_as_text_are_compared(comparison: ComparedMaps) -> None:
    rows = comparison.rows
    for text, expected in {
        f"lux > {2**53 + 100}": rows > 100,
        f"Yours: lux <= {2**53 + 100}": rows <= 100,
        f"lux = {2**53 + rows[1]}": rows == rows[1],
        "lux = 9": rows < 0,  # a part of all
        "depth >= 100.5": (rows >= 100) & (rows % 3 > 0),
        f"depth = {rows[1]}.5": (rows == rows[1]) & (rows % 3 > 0),
    }.items():
        assert find_words(comparison, text).rows.tolist() == rows[expected].tolist(), text
    unshown = np.setdiff1d(np.arange(len(TABLE)), rows)
    few = f"lux < {2**53 + unshown[2]}"
    assert find_unshown(comparison, few).tolist() == unshown[:2].tolist()


def test_whole_numbers_are_exact_and_quoted_signs_are_text() -> None:
    ids = 2**60 + np.arange(3)
    times = np.array([1700000000000.0, 1700000000100.0, np.nan])
    notes = ["size > 3", "size > 4", "size :>3"]
    index = SearchIndex(pd.DataFrame({"id": ids, "ms": times, "part": ids / 3, "note": notes}))
    assert index.matches(f"id:{ids[1]}").tolist() == [False, True, False]
    assert index.matches("ms:1700000000100").tolist() == [False, True, False]
    assert index.matches(f"part:{ids[0] / 3}").tolist() == [True, True, True], "to nine digits"
    assert index.matches("ms > 1700000000050").tolist() == [False, True, False]
    for quoted in ('"size > 3"', "“size > 3”", 'note:"size > 3"'):
        assert index.matches(quoted).tolist() == [True, False, False]
    assert index.matches('"ms" > 1700000000050').tolist() == [False, True, False]


def test_signs_in_words_are_text_and_numbers_have_all_digits() -> None:
    most = 2**53
    incomes = [">50K", "<=50K", "<unknown>"]
    index = SearchIndex(
        pd.DataFrame(
            {
                "income": incomes,
                "sum": [0.1 * 3, sum([0.1] * 10), 2],
                "id": [most, most + 1, most + 2],
            }
        )
    )
    for text, expected in {
        "income:>50K": [True, False, False],
        'income:"<=50K"': [False, True, False],
        "income:<unknown>": [False, False, True],
        "<unknown> income:unknown": [False, False, True],
        "<=50K": [False, True, False],
        "income=50K": [True, True, False],
        'income="<=50K"': [False, True, False],
        "income:=50K": [False, True, False],
        '"=50K"': [False, True, False],
        "sum:0.3": [True, False, False],
        "sum:1": [False, True, False],
        f"id > {most}": [False, True, True],
        f"id >= {most + 2}": [False, False, True],
    }.items():
        assert index.matches(text).tolist() == expected, text


def test_dates_are_compared_by_days_months_years_and_instants() -> None:
    taken = ["2024-05-31T23:59:59Z", "2024-06-01 12:00", "2024-06-01T23:00:00-02:00", "", "NA"]
    index = SearchIndex(pd.DataFrame({"taken": taken, "note": ["2024-06-01"] * 4 + ["none"]}))
    for text, expected in {
        "taken > 2024-06-01": [2],
        "taken>=2024-06-01": [1, 2],
        "taken < 2024-06-01": [0],
        "taken <= 2024-06-01": [0, 1],
        "taken > 2024-06": [],
        "taken >= 2024-06": [1, 2],
        "taken < 2025": [0, 1, 2],
        "taken > 2024-06-01T11:59:59": [1, 2],
        "taken <= 2024-06-01T12:00Z": [0, 1],
        "taken:2024-06": [1, 2],
    }.items():
        assert np.flatnonzero(index.matches(text)).tolist() == expected, text
    for text in ("taken > 5", "taken > may", "taken > 2024-13", "taken < 2024-02-30"):
        with pytest.raises(SelectionError, match="“taken” has dates"):
            index.matches(text)
    with pytest.raises(SelectionError, match="“note” has words"):
        index.matches("note > 2024-05")


def test_images_that_no_map_shows_are_found_apart(comparison: ComparedMaps) -> None:
    unshown = np.setdiff1d(np.arange(len(TABLE)), comparison.rows)
    assert len(unshown)
    text = f'source:"foto {unshown[0]}.jpg"'
    assert len(find_words(comparison, text)) == 0
    assert find_unshown(comparison, text).tolist() == [unshown[0]]
    is_camel = TABLE["object"].to_numpy()[unshown] == "camel"
    assert find_unshown(comparison, "object:camel").tolist() == unshown[is_camel].tolist()
    assert len(find_unshown(comparison, "prediction:wrong")) == 0


def test_what_is_searched_in_has_no_positions_and_no_ids(comparison: ComparedMaps) -> None:
    table = searched_table(comparison)
    assert {"source", "place", "coat", "size", "left caption"} <= set(table)
    assert len(table) == len(comparison.points)
    assert not {"x0", "id"} & set(table)


def test_a_caption_ranks_images_by_the_scores_of_each_model(comparison: ComparedMaps) -> None:
    text = "camel on the grass"
    ranking = rank_by_caption(comparison, text, 7)
    assert ranking.reasons == {}
    union = set()
    for name, model in comparison.named.items():
        embedded = load_model(model.artifact).embed_captions([text])[0]
        scores = (
            model.scores[:, model.captions.index(text)]
            if text in model.captions
            else model.scale * (model.z.astype(float) @ embedded) + model.bias
        )
        best = ranking.selection.best[name]
        assert len(best) == 7
        assert [score for _, score in best] == pytest.approx(np.sort(scores)[::-1][:7].tolist())
        for row, score in best:
            assert scores[model.index([row])[0]] == pytest.approx(score)
        union |= {row for row, _ in best}
    assert set(ranking.selection.rows.tolist()) == union
    table = ranking.selection.table()
    assert sorted(table["left rank"].dropna().tolist()) == list(range(1, 8))


def test_a_model_says_which_words_it_does_not_know(comparison: ComparedMaps) -> None:
    ranking = rank_by_caption(comparison, "a zebra on grass")
    assert ranking.selection.best == {}
    assert all("“zebra”" in reason for reason in ranking.reasons.values())
    assert set(ranking.reasons) == {"left", "right"}
    with pytest.raises(CaptionLabError):
        rank_by_caption(comparison, "…")


def test_like_an_image_are_the_nearest_in_each_space(comparison: ComparedMaps) -> None:
    row = int(comparison.models[1].rows[2])
    found = find_alike(comparison, row, 5).selection
    for name, model in comparison.named.items():
        cosines = model.z @ model.z[model.index([row])[0]]
        assert found.best[name][0][0] == row
        others = [cosine for other, cosine in found.best[name] if other != row]
        assert others == pytest.approx(np.sort(cosines)[::-1][1:5].tolist(), abs=1e-6)
    with pytest.raises(SelectionError):
        find_alike(comparison, len(IMAGES.table) + 9)


def test_an_image_that_one_model_lacks_is_asked_of_the_other(comparison: ComparedMaps) -> None:
    left, right = comparison.models
    row = int(np.setdiff1d(left.rows, right.rows)[0])
    ranking = find_alike(comparison, row)
    assert set(ranking.selection.best) == {"left"}
    assert set(ranking.reasons) == {"right"}


def test_a_notebook_searches_in_a_comparison(comparison: ComparedMaps) -> None:
    both = Comparison.__new__(Comparison)
    both.maps = comparison
    camels = both.search("object:camel")
    assert set(camels.points["object"]) == {"camel"}
    assert len(both.like(f"p{comparison.rows[0]}", 3) & both.select(comparison.rows)) >= 3
    assert set(both.best("horse").best) == {"left", "right"}
    for refused in (lambda: both.like("p-1"), lambda: both.best("zebra")):
        with pytest.raises(SelectionError):
            refused()


def test_a_name_with_a_sign_is_text_where_an_image_has_it() -> None:
    table = pd.DataFrame({"source": ["lr=0.1_seed=3.png", "plain.png"], "count": ["2", "lr"]})
    index = SearchIndex(table)
    assert index.matches("lr=0.1_seed=3.png").tolist() == [True, False]
    assert index.matches("count=2").tolist() == [True, False]
    with pytest.raises(SelectionError, match="cuont"):
        index.matches("cuont=2")


def test_times_are_compared_as_legends_write_them() -> None:
    index = SearchIndex(pd.DataFrame({"taken": ["2024-06-01 11:59", "2024-06-01T12:30:00", ""]}))
    assert index.matches("taken > 2024-06-01 12:00").tolist() == [False, True, False]
    assert index.matches("taken < 2024-06-01 12:00").tolist() == [True, False, False]
