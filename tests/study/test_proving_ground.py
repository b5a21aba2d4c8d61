"""The proving ground: plants are as rare as stated, and slices are judged by SpotCheck's rules."""

import numpy as np
import pandas as pd
import pytest

from tests.study.test_finders import made
from vlcore.metrics.slices import Cell
from vlcore.study.finders import LabelledImages, offered_cell
from vlcore.study.proving_ground import (
    BUDGET,
    PLANTS,
    PlantedSet,
    finder_summary,
    gap,
    judge,
    judge_offers,
    p_below,
    planted_rows,
    planted_sets,
)

CAMEL_ON_GRASS = PLANTS["place"]


@pytest.fixture(scope="module")
def fresh() -> LabelledImages:
    return made(5, in_cell=0.7)


def test_a_plant_is_as_rare_as_stated_and_no_other_word_is() -> None:
    random = np.random.default_rng(0)
    n = 4000
    objects = np.tile(["camel", "horse"], n // 2)
    words = {
        "place": ["grass", "desert"],
        "sky": ["dim sky", "bright sky"],
        "coat": ["pale coat", "dark coat"],
        "size": ["small", "large"],
    }
    table = pd.DataFrame({name: random.choice(values, n) for name, values in words.items()})
    planted = PlantedSet(("place", "sky"), 0.9, seed=1)
    rows = planted_rows(planted, np.arange(n) + 7, objects, table, per_object=400) - 7
    assert len(np.unique(rows)) == 800
    chosen, names = table.iloc[rows], objects[rows]
    shares = {
        (attribute, name): (chosen[names == name] == words[attribute][0]).any(axis=1).mean()
        for attribute in words
        for name in ("camel", "horse")
    }
    rare = {key for key, share in shares.items() if share == pytest.approx(0.1, abs=0.06)}
    assert rare == {("place", "camel"), ("sky", "horse")}
    assert all(shares[key] == pytest.approx(0.5, abs=0.1) for key in shares.keys() - rare)


def test_sets_have_none_to_three_plants_and_names_of_their_own() -> None:
    sets = planted_sets(range(4), (0.75, 0.95))
    assert len({planted.name for planted in sets}) == len(sets) == 4 * 7
    assert {len(planted.plants) for planted in sets} == {0, 1, 2, 3}
    assert {plant for planted in sets for plant in planted.plants} == set(PLANTS)


def test_the_gap_is_that_of_two_accuracies(fresh: LabelledImages) -> None:
    camels = fresh.objects == "camel"
    inside = CAMEL_ON_GRASS.contains(fresh.objects, fresh.attributes)
    estimate = gap(fresh, CAMEL_ON_GRASS)
    usual, in_cell = fresh.right[camels & ~inside], fresh.right[inside]
    assert estimate.value == pytest.approx(usual.mean() - in_cell.mean())
    error = np.hypot(usual.std() / len(usual) ** 0.5, in_cell.std() / len(in_cell) ** 0.5)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_slices_that_cover_a_plant_discover_it_together(fresh: LabelledImages) -> None:
    cell = CAMEL_ON_GRASS.contains(fresh.objects, fresh.attributes)
    halves = [cell & (np.arange(len(cell)) % 4 < 2), cell & (np.arange(len(cell)) % 4 >= 2)]
    scores = cell.astype(float)
    slices = [(None, scores, half) for half in halves]
    assert judge(slices[:1], [CAMEL_ON_GRASS], fresh).discovered == 0
    both = judge(slices, [CAMEL_ON_GRASS], fresh)
    assert (both.discovered, both.false, both.precision_at_10) == (1, 0, 1.0)


def test_a_slice_of_too_many_images_belongs_to_no_plant(fresh: LabelledImages) -> None:
    everything = np.ones(len(fresh.z), bool)
    judged = judge([(None, fresh.confidence, everything)], [CAMEL_ON_GRASS], fresh)
    assert (judged.discovered, judged.false) == (0, 1)


def test_what_is_offered_after_the_budget_does_not_count(fresh: LabelledImages) -> None:
    wrong = [offered_cell(Cell("horse", ("dark coat",)))] * BUDGET
    judged = judge_offers([*wrong, offered_cell(CAMEL_ON_GRASS)], [CAMEL_ON_GRASS], fresh)
    assert (judged.slices, judged.discovered, judged.named) == (BUDGET, 0, 0)
    assert judge_offers([offered_cell(CAMEL_ON_GRASS)], [CAMEL_ON_GRASS], fresh).named == 1


def test_a_hypothesis_is_correct_where_fresh_images_say_so(fresh: LabelledImages) -> None:
    assert p_below(fresh, CAMEL_ON_GRASS) < 1e-6
    assert p_below(fresh, Cell("camel", ("desert",))) > 0.9
    assert p_below(fresh, Cell("camel", ("no such word",))) == 1.0
    offers = [offered_cell(CAMEL_ON_GRASS), offered_cell(Cell("horse", ("dark coat",)))]
    judged = judge_offers(offers, [CAMEL_ON_GRASS], fresh)
    assert (judged.tested, judged.correct) == (2, 1)


def test_the_summary_counts_only_what_there_is_to_count(fresh: LabelledImages) -> None:
    hit = judge_offers([offered_cell(CAMEL_ON_GRASS)], [CAMEL_ON_GRASS], fresh)
    miss = judge_offers([], [CAMEL_ON_GRASS], fresh)
    quiet = judge_offers([], [], fresh)
    alarm = judge_offers([offered_cell(CAMEL_ON_GRASS)], [], fresh)
    rows = [("a", 1, hit), ("b", 1, miss), ("c", 0, quiet), ("d", 0, alarm), ("e", 0, quiet)]
    judged = pd.DataFrame(
        [
            {"set": name, "planted": planted, "finder": "x", **vars(row)}
            for name, planted, row in rows
        ]
    )
    (row,) = finder_summary(judged).to_dict("records")
    assert (row["discovery"].value, row["discovery"].n) == (0.5, 2)
    assert row["false"].value == 0
    assert (row["alarm"].value, row["alarm"].n) == (pytest.approx(1 / 3), 3)
    assert row["precision"].n == 1
    only_quiet = finder_summary(judged[judged["set"] == "c"]).to_dict("records")[0]
    assert only_quiet["discovery"] is None
