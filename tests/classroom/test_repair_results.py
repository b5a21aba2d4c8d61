"""Results of a repair: teams in their order beside the baselines, and the table."""

import pytest

from tests.classroom.test_repair import BASE, IMAGES, POOL
from vlcore.classroom import repair, repair_results
from vlcore.classroom.repair_results import TeamRanking
from vlcore.classroom.session import LessonError
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import Add, canonical_edits
from vlcore.plots.theme import LIGHT


def end(minority: float, majority: float = 0.9) -> dict[str, object]:
    """What a model measured."""

    def of(value: float, n: int) -> dict[str, float]:
        return {"value": value, "low": value - 0.03, "high": value + 0.03, "n": n}

    shares = {
        name: minority if name in IMAGES.grouping.minority else majority
        for name in IMAGES.grouping.names
    }
    return {
        "minority_accuracy": of(minority, 1000),
        "majority_accuracy": of(majority, 1000),
        "group_accuracy": {name: of(share, 500) for name, share in shares.items()},
    }


def edited(count: int) -> Condition:
    return BASE.replace(edits=canonical_edits(map(Add, POOL[:count])))


LISTS = {f"Team {number}": edited(number) for number in (1, 2, 3, 4)}
CHANCE = [BASE.replace(init_seed=seed) for seed in range(1, 6)]
ENDS = {
    LISTS["Team 1"].key: end(0.5),
    LISTS["Team 2"].key: end(0.7),
    LISTS["Team 4"].key: end(0.7),
    BASE.key: end(0.4),
    CHANCE[0].key: end(0.4),
    CHANCE[1].key: end(0.6),
}


def ranking() -> TeamRanking:
    held = {
        repair.AS_IT_WAS: [BASE],
        repair.BY_CHANCE: CHANCE,
        "dfr": [BASE.replace(mitigation="dfr")],
    }
    return repair_results.rank_teams(LISTS, held, IMAGES.grouping, ENDS.get)


def test_teams_are_ranked_by_the_minority_and_then_by_fewer_changes() -> None:
    found = ranking()
    assert [team.name for team in found.teams] == ["Team 2", "Team 4", "Team 1"]
    assert [found.place_of(team) for team in LISTS] == [3, 1, None, 2]
    assert (found.place_words("Team 4"), found.place_words("Team 3")) == (
        "Team 4: place 2 of 3",
        "",
    )
    assert found.waiting == [LISTS["Team 3"].key]
    assert [one.name for one in found.baselines] == ["as it was", "by chance"], "what is trained"
    chance = found.baselines[1].minority
    assert (chance.value, chance.low, chance.high) == (pytest.approx(0.5), 0.4, 0.6)
    shared = repair_results.rank_teams(
        {"A": edited(1), "B": edited(1)}, {}, IMAGES.grouping, ENDS.get
    )
    assert [shared.place_of(name) for name in "AB"] == [1, 1]


def test_the_chart_and_the_table_have_the_numbers() -> None:
    found = ranking()
    datasets = found.chart(LIGHT, 800, 400).to_dict()["datasets"].values()
    rows = max(datasets, key=len)
    assert [row["value"] for row in rows] == pytest.approx([0.7, 0.7, 0.5, 0.4, 0.5])
    assert [row["is_baseline"] for row in rows] == [False] * 3 + [True] * 2
    assert "2 changes" in found.words
    table = found.table(IMAGES.grouping)
    assert table["place"].tolist()[:3] == [1, 2, 3]
    assert table["place"].isna().tolist() == [False] * 3 + [True] * 2
    assert table["horse in the desert (rare)"].tolist() == pytest.approx([0.7, 0.7, 0.5, 0.4, 0.5])
    assert Condition(edits=table["edits"].iat[0]).edits == LISTS["Team 2"].edits


def test_a_model_without_accuracy_on_a_group_is_a_sentence() -> None:
    with pytest.raises(LessonError, match="cannot be ranked"):
        repair_results.rank_teams(LISTS, {}, IMAGES.grouping, lambda _: {"absent": {}})
