"""Results of a repair: teams in their order, the wall, its table, and what helped."""

import dataclasses

import pytest

from vlcore.classroom import repair, repair_results
from vlcore.classroom.repair import SHORT
from vlcore.classroom.session import LessonError
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import Add, Draw, Edit, Fade, canonical_edits
from vlcore.experiment.plain_text import safe_csv
from vlcore.metrics.estimate import Estimate

IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES, SHORT)
POOL = repair.addable_rows(IMAGES, BASE)


def test_advice_is_judged_over_seeds() -> None:
    accuracy = {
        repair.ADVISED: [0.9, 0.92, 0.91],
        repair.ANY_ADDED: [0.7, 0.71, 0.72],
        repair.LIKE_ADDED: [0.9, 0.92, 0.91],
    }
    sentence = repair_results.advice_sentence(accuracy)
    assert "+20 points" in sentence
    assert "0 points (0 to 0)" in sentence
    assert "n = 3 seeds" in sentence


def end(minority: float, majority: float = 0.9) -> dict[str, object]:
    """What a model measured, for standings."""

    def of(value: float, n: int) -> dict[str, float]:
        return {"value": value, "low": value - 0.03, "high": value + 0.03, "n": n}

    shares = {
        name: minority if name in IMAGES.grouping.minority else majority
        for name in IMAGES.grouping.names
    }
    groups = {name: of(share, 500) for name, share in shares.items()}
    return {
        "minority_accuracy": of(minority, 1000),
        "majority_accuracy": of(majority, 1000),
        "balanced_accuracy": of((minority + majority) / 2, 2000),
        "group_accuracy": groups,
    }


def standing(
    name: str, edits: list[Edit], minority: float, majority: float = 0.9
) -> repair_results.RepairResult:
    return repair_results.repair_result(
        name, canonical_edits(edits), [end(minority, majority)], IMAGES.grouping
    )


def test_teams_are_ranked_and_a_shortcut_that_is_turned_round_is_seen() -> None:
    faded = standing("Team 1", [Fade(1)], 0.9, 0.5)
    adding = standing("Team 2", [Add(row) for row in POOL[:12]], 0.6)
    fewer = standing("Team 3", [Add(POOL[0])], 0.6)
    assert [one.name for one in repair_results.ranked([adding, fewer, faded])] == [
        "Team 3",
        "Team 2",
        "Team 1",
    ]
    assert [one.is_reversed for one in (faded, adding)] == [True, False]
    equal = [dataclasses.replace(fewer, name=f"Team {number}") for number in (10, 2)]
    teams = repair_results.ranked([*equal, adding])
    assert [team.name for team in teams] == ["Team 2", "Team 10", "Team 2"]
    assert repair_results.places([*equal, faded]) == {"Team 2": 1, "Team 10": 1, "Team 1": 3}
    assert (adding.changes, adding.minority.n) == (12, 1000)
    chance = repair_results.repair_result(
        "by chance", "", [end(value) for value in (0.4, 0.5, 0.3)], IMAGES.grouping
    )
    assert chance.minority.value == pytest.approx(0.4)
    assert (chance.minority.low, chance.minority.high, chance.minority.n) == (0.3, 0.5, 3)


def test_the_wall_has_what_is_there_and_keeps_its_order_at_the_last_reveal() -> None:
    lists = {f"Team {n}": BASE.replace(edits=canonical_edits([Add(POOL[n])])) for n in (1, 2, 3)}
    ends = {lists["Team 1"].key: end(0.5), lists["Team 2"].key: end(0.7), BASE.key: end(0.4)}
    held = {"as it was": [BASE], "dfr": [BASE.replace(mitigation="dfr")]}
    hidden = dict(zip(ends, (Estimate(value, 0, 1, 200) for value in (0.8, 0.6, 0.7)), strict=True))
    first, last = (
        repair_results.ranking(lists, held, IMAGES.grouping, ends.get, of)
        for of in (None, hidden.get)
    )
    for found in (first, last):
        assert [one.name for one in found.teams] == ["Team 2", "Team 1"]
        assert [one.name for one in found.baselines] == ["as it was"]
        assert found.before is found.baselines[0]
        assert found.waiting == [lists["Team 3"].key]
        assert found.place("Team 1").startswith("Team 1: place 2 of 2")
        assert found.place("Team 3") == ""
    assert (first.last, last.last) == (False, True)
    rows, last_rows = map(repair_results.chart_rows, (first, last))
    assert rows["value"].tolist() == last_rows["second"].tolist() == [0.7, 0.5, 0.4]
    assert last_rows["value"].tolist() == [0.6, 0.8, 0.7]
    assert not repair_results.ranking(
        lists, held, IMAGES.grouping, ends.get, lambda _: None
    ).last, "a set without hidden places"
    del ends[BASE.key]
    ends[held["dfr"][0].key] = end(0.6)
    assert repair_results.ranking(lists, held, IMAGES.grouping, ends.get).before is None
    with pytest.raises(LessonError):
        repair_results.ranking(lists, held, IMAGES.grouping, lambda _: {"absent": {}})


def test_the_caption_counts_the_models_that_are_trained() -> None:
    def seeds(mitigation: str) -> list[Condition]:
        return [BASE.replace(mitigation=mitigation, init_seed=seed) for seed in repair.CHANCE]

    chance, advised, others = seeds("none"), seeds("reweight"), seeds("groupdro")
    held = {repair.BY_CHANCE: chance, repair.ADVISED: advised, repair.ANY_ADDED: others}
    trained = [*chance[:2], *advised[:3], *others]
    ends = {condition.key: end(0.5) for condition in trained}
    about = repair_results.ranking({}, held, IMAGES.grouping, ends.get).about
    assert "range of 2 draws" in about
    assert "range of 3 to 5 seeds" in about
    assert "images a model" not in about, "of several models an interval is no range of images"


def test_what_helped_is_a_mean_over_teams_with_their_number() -> None:
    base = standing("as it was", [], 0.4)
    every = [
        standing("Team 1", [Add(POOL[0]), Fade(0.5)], 0.6),
        standing("Team 2", [Add(POOL[1])], 0.5),
        standing("Team 3", [Draw("camel", "snow")], 0.35),
    ]
    table = repair_results.gains_by_kind(every, base)
    assert table["kind of change"].tolist() == [
        repair_results.KINDS[kind] for kind in ("fade", "add", "draw")
    ]
    assert table["minority"].tolist() == pytest.approx([20, 15, -5])
    assert table["all groups alike"].tolist() == pytest.approx([10, 7.5, -2.5])
    assert table["teams"].tolist() == [1, 2, 1]
    assert all(words in repair_results.gains_caveat(table) for words in table["kind of change"])
    assert repair_results.gains_by_kind([], base).empty
    assert set(repair_results.KINDS) == {"add", "draw", "remove", "caption", "weight", "fade"}


def test_the_wall_as_a_table_has_all_that_is_on_it() -> None:
    team, base = standing("Team 1", [Add(POOL[0]), Fade(0.5)], 0.6), standing("as it was", [], 0.4)
    ranking = repair_results.TeamRanking([team], [base], [], last=False)
    table = repair_results.export_table(ranking, IMAGES.grouping, "pretrained")
    assert table["towers"].tolist() == ["pretrained"] * 2
    assert table["who"].tolist() == ["Team 1", "as it was"]
    assert table["changes"].tolist() == [2, 0]
    numbers = safe_csv(table[["place", "images of the minority"]])
    assert numbers.splitlines()[1:] == ["1,1000", ",1000"]
    assert table["minority"].tolist() == [0.6, 0.4]
    assert table["horse in the desert, from"].tolist() == pytest.approx([0.57, 0.37])
    assert Condition(edits=table["edits"].iat[0]).edits == team.edits
