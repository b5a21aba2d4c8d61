"""A study as pages and reports show it: its tables against the runs, its sentences against the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.runs.published import STEPS, publish
from vlcore.charts.theme import LIGHT
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES
from vlcore.core.wording import points
from vlcore.measures import catalogue
from vlcore.measures.catalogue import ADVANTAGE
from vlcore.store import artefacts
from vlcore.studies import figures, plans, tables
from vlcore.studies import text as words
from vlcore.studies.findings import (
    Findings,
    bayes_lines,
    cells,
    findings,
    first_fits,
    mean_curves,
    probe_curves,
    values,
    with_differences,
)
from vlcore.studies.methods import command, methods
from vlcore.studies.plans import Study, StudyError
from vlcore.studies.results import StudyResults
from vlcore.studies.runs_table import runs_table
from vlcore.studies.statistics.bayes import bayes_line

SEEDS = 7


def read(study: Study) -> Findings:
    return StudyResults(study, SCENES).findings()


@pytest.fixture(scope="module")
def study() -> Study:
    return plans.find("class", Condition(), SEEDS)


@pytest.fixture(scope="module")
def found(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Findings]:
    """A whole study with its controls, in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("study")))
        publish([*study.conditions, *plans.controls(study)])
        yield read(study)


def test_values_are_those_of_the_studys_own_runs(found: Findings, study: Study) -> None:
    rows = values(found.frame, "minority_accuracy")
    placebo = rows["labels"] == "shuffled_context"
    assert set(rows.loc[~placebo, "key"]) == {one.key for one in study.conditions}
    assert placebo.any(), "the placebo stands beside them"
    taken = found.frame[(found.frame["measure"] == "minority_accuracy") & (found.frame["moment"] == "end")]
    assert (
        dict(zip(rows["key"], rows["value"], strict=True)).items()
        <= dict(zip(taken["key"], taken["value"], strict=True)).items()
    )
    assert set(rows["removed"]) == {
        "0 % removed (48 of 48 kept)",
        "75 % removed (12 of 48 kept)",
        "100 % removed (0 of 48 kept)",
    }
    assert list(dict.fromkeys(rows["labels"])) == ["undescriptive", "descriptive", "shuffled_context"]


def test_the_index_is_a_difference_of_two_silhouettes_of_one_run(found: Findings) -> None:
    index = values(found.frame, ADVANTAGE).set_index("key")["value"]
    context, by_object = (
        values(found.frame, f"silhouette_{name}").set_index("key")["value"] for name in ("context", "object")
    )
    pd.testing.assert_series_equal(index, context - by_object)


def test_an_index_that_is_not_defined_keeps_its_reason() -> None:
    base = {"key": "k", "moment": "end", "low": 0.1, "high": 0.3, "n": 9}
    frame = pd.DataFrame(
        [
            {**base, "measure": "silhouette_context", "value": 0.2, "reason": ""},
            {**base, "measure": "silhouette_object", "value": np.nan, "reason": "one point"},
        ]
    )
    row = with_differences(frame).iloc[-1]
    assert (row["measure"], row["reason"]) == (ADVANTAGE, "one point")
    assert np.isnan([row["value"], row["low"], row["high"]]).all()


def test_a_cell_is_a_t_interval_over_blocks(found: Findings) -> None:
    rows = values(found.frame, "background_reliance")
    row = cells(rows).iloc[0]
    part = rows[(rows["labels"] == row["labels"]) & (rows["bias"] == row["bias"])]["value"]
    low, high = stats.t.interval(0.95, len(part) - 1, part.mean(), stats.sem(part))
    assert (row["value"], row["low"], row["high"], row["n"]) == pytest.approx((part.mean(), low, high, SEEDS))


def test_the_interval_of_a_share_stays_one_and_a_single_block_has_none() -> None:
    rows = pd.DataFrame({"labels": "descriptive", "bias": 0.5, "phi": 1 / 3, "removed": "", "value": [0.99, 0.8]})
    free, share = cells(rows).iloc[0], cells(rows, share=True).iloc[0]
    assert free["high"] > 1
    assert (share["high"], share["value"]) == (1.0, free["value"])
    alone = cells(rows.iloc[:1]).iloc[0]
    assert np.isnan([alone["low"], alone["high"]]).all()
    assert alone["n"] == 1


def test_the_bayes_line_is_the_mean_of_the_blocks_own(found: Findings) -> None:
    lines = bayes_lines(found.frame)
    unbiased = values(found.frame, "balanced_accuracy").query("bias == 0 and labels == 'descriptive'")["value"]
    line = lines[(lines["labels"] == "descriptive") & (lines["bias"] == 0.75)].iloc[0]
    assert line["value"] == pytest.approx(np.mean([bayes_line(one, 0.75).minority for one in unbiased]))
    assert lines["bias"].max() < 1
    perfect = found.frame.assign(value=found.frame["value"].mask(found.frame["measure"] == "balanced_accuracy", 1.0))
    assert bayes_lines(perfect).empty


def test_curves_are_averaged_where_all_blocks_were_looked_at(found: Findings, study: Study) -> None:
    assert set(found.curves["step"]) == set(STEPS)
    lonely = pd.DataFrame([{**found.curves.iloc[0].to_dict(), "step": 33}])
    mean = mean_curves(pd.concat([found.curves, lonely], ignore_index=True))
    assert 33 not in set(mean["step"])
    assert set(mean["n"]) == {SEEDS}
    start = mean[(mean["step"] == 0) & (mean["probe"] == "context")]
    assert start["value"].unique() == pytest.approx([0.7])
    fits = first_fits(found.curves)
    assert set(fits["step"]) == {120}
    assert (fits["n"] == fits["of"]).all()
    never = found.curves.assign(fit=pd.array([pd.NA] * len(found.curves), dtype="Int64"))
    assert first_fits(never).empty
    assert probe_curves([]).empty


def test_the_answer_says_what_was_measured_and_no_more(found: Findings) -> None:
    said = words.answer(found).replace("\u00a0", " ")
    assert found.end is not None
    level = next(one for one in found.end.primary.levels if one.bias == 0.75)
    assert level.difference is not None
    for part in (
        "On the pictures of scenes (renderer 2) and after 600 steps",
        "75 % removed (12 of 48 kept)",
        points(level.difference.mean.as_dict()),
        words.level_words(level),
        "Bayes line",
        "When each had just fitted its training captions",
    ):
        assert part in said
    assert "Exploratory" not in said
    for word in ("help", "hurt", "improve", "prove"):
        assert word not in said.lower()


def test_few_blocks_are_called_exploratory_and_one_style_decides_nothing(empty_home: Path) -> None:
    study = plans.find("class", Condition(), 2)
    publish(one for one in study.conditions if one.labels == "undescriptive")
    half = read(study)
    assert half.end is None
    assert half.there == 6
    assert words.answer(half).startswith("Not decided: a comparison needs two blocks with both label styles. 6 of 12")
    assert half.headline is None
    assert tables.comparisons_table(half).empty
    publish(study.conditions)
    whole = read(study)
    assert words.answer(whole).startswith("Exploratory: 2 of the 6 blocks")
    assert "not decided (n = 2)" in words.answer(whole)
    assert whole.blocks == 2


def test_nothing_and_other_studies_are_refused(empty_home: Path) -> None:
    with pytest.raises(StudyError, match="No run of the study 'class' is there"):
        read(plans.find("class"))
    with pytest.raises(StudyError, match="python -m vlcore analyse objectives"):
        read(plans.find("objectives"))


def test_tables_in_words_have_every_claim_and_every_comparison(found: Findings) -> None:
    ledger = tables.ledger_table(found.claims)
    assert list(ledger["Claim"]) == [f"C{number}" for number in range(1, 9)]
    assert list(ledger["Status"]) == [words.claim_words(one) for one in found.claims]
    assert found.end is not None
    table = tables.comparisons_table(found)
    compared = (found.end.primary, *found.end.secondary)
    assert len(table) == sum(level.difference is not None for one in compared for level in one.levels)
    assert catalogue.words_of(ADVANTAGE, SCENES) in set(table["Measure"])
    assert (table["Role"] == "primary").sum() == 3
    assert table.loc[table["Removed"] == "100 %", "Verdict"].str.endswith("in no average").all()
    assert (table["Difference at first fit"] != "").all()


def test_methods_are_those_of_the_runs(found: Findings, study: Study) -> None:
    told = methods(found)
    assert next(iter(told)) == "Data"
    text = " ".join(told.values())
    for part in (
        "48 training pictures",
        "600 steps",
        "filtered_marginal",
        f"{SEEDS} blocks",
        "“a camel in the desert”",
        "numpy",
    ):
        assert part in text
    assert command(study) == "python -m vlcore study class --data scenes --preset standard --seeds 7 --controls"
    assert "--set steps=12" in command(plans.find("class", Condition(steps=12)))


@pytest.mark.parametrize(
    ("measure", "share", "domain"),
    [("minority_accuracy", True, (0.0, 1.0)), ("background_reliance", False, (0.0, 1.0))],
)
def test_a_measure_knows_how_it_is_drawn(
    found: Findings, measure: str, share: bool, domain: tuple[float, float]
) -> None:
    scale = figures.scale_of(measure, figures.cells_of(found, measure), SCENES)
    assert (scale.share, scale.domain) == (share, domain)


def test_an_axis_has_room_for_what_is_known(found: Findings) -> None:
    rows = figures.cells_of(found, ADVANTAGE)
    scale = figures.scale_of(ADVANTAGE, rows, SCENES)
    assert scale.middle == 0
    assert scale.domain[0] <= rows["low"].min()
    assert scale.domain[1] >= rows["high"].max()
    wild = rows.assign(n=2, low=-40.0, high=40.0)
    assert figures.scale_of(ADVANTAGE, wild, SCENES).domain[1] <= 1.1, "two blocks say too little to make room for"
    lonely = pd.DataFrame({"value": [-3.0]})
    assert figures.scale_of(ADVANTAGE, rows, SCENES, lonely).domain[0] == -3.0, "every run has a place"


@pytest.mark.parametrize("claim", [f"C{number}" for number in range(1, 9)])
def test_every_claim_has_its_charts(found: Findings, claim: str) -> None:
    assert figures.claim_chart(found, claim, LIGHT, 500).to_dict()["description"]
    rows = figures.readings(found, claim, LIGHT, 500).to_dict()["datasets"]
    said = {row["words"] for table in rows.values() for row in table if "words" in row}
    assert "the claim" in said


def test_a_measure_of_the_catalogue_is_compared_charted_and_reported(
    found: Findings, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = catalogue.Measure("boldness", "Boldness of the {object}", catalogue.Unit.INDEX, study=99, reported=True)
    monkeypatch.setitem(catalogue.MEASURES, new.name, new)
    runs = [artefacts.read(condition.key) for condition in study.conditions]
    for artefact in runs:
        value = 0.3 + 0.1 * (artefact.condition.labels == "descriptive") + 0.001 * artefact.condition.data_seed
        artefact.metrics["end"][new.name] = {"value": value, "low": 0.2, "high": 0.5, "n": 48}
    boldly = findings(study, runs, SCENES)
    assert figures.charted(boldly)[-1] == figures.reported(boldly)[-1] == new.name
    rows = tables.comparisons_table(boldly).set_index("Measure").loc["Boldness of the animal"]
    assert set(rows["Difference"]) == {"+0.10 (+0.10 to +0.10)"}
    assert "Boldness of the animal" in figures.by_bias(boldly, new.name, LIGHT, 500).to_dict()["description"]
    assert figures.scale_of(new.name, figures.cells_of(boldly, new.name), SCENES).domain == (0.0, 1.0)
    assert figures.charted(found)[-1] != new.name, "other runs do not have it"


def test_what_no_run_has_cannot_be_charted(found: Findings) -> None:
    assert "probe_group" not in figures.charted(found)
    assert figures.charted(found)[0] == "minority_accuracy"
    with pytest.raises(ValueError, match="nothing to show"):
        figures.heat_map(found, "probe_group", LIGHT, 500)
    with pytest.raises(ValueError, match="No run has"):
        figures.panes(found, ["probe_group"], LIGHT, 500)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (40, "about a minute"),
        (300, "about 5 minutes"),
        (1000, "about 20 minutes"),
        (7000, "about two hours"),
        (36000, "about 10 hours"),
    ],
)
def test_how_long_is_said_as_people_do(seconds: float, said: str) -> None:
    assert words.how_long(seconds) == said


def test_runs_come_with_their_checksums(found: Findings) -> None:
    runs = [artefacts.read(condition.key) for condition in found.study.conditions]
    rows = found.runs.set_index("key")
    assert all(rows.loc[artefact.key, "checksum"] == artefact.digest for artefact in runs)
    assert rows["planned"].sum() == len(runs) == found.there
    assert len(runs_table(runs)["key"].unique()) == len(runs)
