"""Tables of metrics hold what was measured, with its interval, beside its baselines."""

import pytest

from tests.api.stand_ins import measured_as, metrics_of
from vlcore.api import description, metrics_table
from vlcore.api.compared_maps import ComparedMaps
from vlcore.experiment import wording
from vlcore.experiment.grouping import SCENES, group_words
from vlcore.metrics import catalogue


def test_measures_are_beside_untrained_encoders_and_pixels(first_and_last: ComparedMaps) -> None:
    table = metrics_table.measures_table(first_and_last).set_index("")
    sides = dict(zip(("Model A", "Model B"), first_and_last.models, strict=True))
    columns = ["Model A", "Model A, untrained", "Model B", "Model B, untrained", "Pixels", "Images"]
    assert list(table.columns) == columns
    assert len(table) == len(set(table.index)) > 20
    text_only = [
        f"{100 * model.artifact.metrics['text_only_match']:.0f}%" for model in sides.values()
    ]
    assert table.loc[metrics_table.TEXT_ONLY, ["Model A", "Model B"]].tolist() == text_only
    variance = table.loc[catalogue.words_of("total_variance", SCENES)]
    primary = table.loc[catalogue.words_of(catalogue.PRIMARY, SCENES)]
    for side, model in sides.items():
        for column, moment in ((side, "end"), (f"{side}, untrained", "untrained")):
            metrics = model.artifact.metrics[moment]
            assert variance[column] == wording.number(metrics["total_variance"])
            assert primary[column] == wording.share(metrics[catalogue.PRIMARY])
    assert primary[["Pixels", "Images"]].tolist() == ["", "1,000"]
    pixels = first_and_last.models[0].artifact.metrics["raw_pixels"]["probe_object"]
    probe = table.loc[catalogue.words_of("probe_object", SCENES)]
    assert probe["Pixels"] == wording.share(pixels)


def test_a_new_measure_is_in_every_table(
    first_and_last: ComparedMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = (catalogue.Need.HELD_OUT,)
    measure = catalogue.Measure("boldness", "Of the {object}", catalogue.Unit.SHARE, needs)
    monkeypatch.setitem(catalogue.MEASURES, measure.name, measure)
    metrics = metrics_of(first_and_last)
    metrics["end"]["boldness"] = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 1234}
    metrics["untrained"]["absent"]["boldness"] = "it is shy"
    metrics["raw_pixels"]["boldness"] = {"value": 0.1, "low": 0.0, "high": 0.2, "n": 5}
    comparison = measured_as(first_and_last, 0, metrics)
    row = metrics_table.measures_table(comparison).set_index("").loc["Of the animal"]
    assert row.to_dict() == {
        "Model A": "50% (40 to 60)",
        "Model A, untrained": "not defined: it is shy",
        "Model B": "not defined: not measured by this version",
        "Model B, untrained": "not defined: not measured by this version",
        "Pixels": "10% (0 to 20) of only 5",
        "Images": "1,234",
    }
    table = metrics_table.measures_of(comparison.models[0].artifact, SCENES).set_index("")
    assert table.loc["Of the animal", "Measured"] == row["Model A"]


def test_group_accuracies_in_words_and_as_charts_draw_them(first_and_last: ComparedMaps) -> None:
    ends = {name: model.artifact.metrics["end"] for name, model in first_and_last.named.items()}
    table = metrics_table.group_accuracy_table(first_and_last)
    assert list(table.columns) == ["Group", *ends, "Images"]
    assert table["Group"].tolist() == list(group_words(SCENES).values())
    assert table["Images"].tolist() == ["500"] * 4
    rows = metrics_table.group_accuracy_rows(first_and_last)
    assert rows["group"].tolist() == list(SCENES.names) * 2
    for name, end in ends.items():
        accuracies = [end["group_accuracy"][group] for group in SCENES.names]
        assert table[name].tolist() == [wording.share(accuracy) for accuracy in accuracies]
        estimates = rows[rows["model"] == name].rename(columns={"accuracy": "value"})
        assert estimates[["value", "low", "high", "n"]].to_dict("records") == accuracies


def test_labels_that_name_no_object(first_and_last: ComparedMaps) -> None:
    comparison = first_and_last
    for pane in (0, 1):
        metrics = metrics_of(comparison, pane)
        for name in ("minority_accuracy", "majority_accuracy", "group_accuracy"):
            del metrics["end"][name]
            metrics["end"]["absent"][name] = "no label"
        comparison = measured_as(comparison, pane, metrics)
        table = metrics_table.group_accuracy_table(comparison)
        assert table.iloc[:, pane + 1].tolist() == ["not defined: no label"] * 4
        measures = metrics_table.measures_table(comparison).set_index("")
        minority = catalogue.words_of("minority_accuracy", SCENES)
        assert bool(measures["Images"][minority]) == (pane == 0), "of the model that has it"
        rows = metrics_table.group_accuracy_rows(comparison)
        assert set(rows["model"]) == [{"Model B"}, set()][pane]
        assert list(rows.columns) == ["pane", "model", "group", "accuracy", "low", "high", "n"]
        assert description.small_sample_warning(comparison.models[pane].artifact, SCENES) is None
    assert table["Images"].tolist() == [""] * 4
