"""Metrics in tables: what is said is what was measured, with its interval, beside what it is
compared with."""

import pytest

from tests.api.measured import measured_as, metrics_of, with_metrics
from vlcore.api import description, metrics_table
from vlcore.api.compared_maps import ComparedMaps
from vlcore.experiment import wording
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import catalogue
from vlcore.plots.group_accuracy import group_grid
from vlcore.plots.theme import LIGHT


def test_the_table_of_measures_has_untrained_encoders_and_pixels_beside_each(
    first_and_last: ComparedMaps,
) -> None:
    table = metrics_table.measures_table(first_and_last, SCENES).set_index("")
    assert list(table.columns) == [
        "Left",
        "Left, untrained",
        "Right",
        "Right, untrained",
        "Pixels",
        "Images",
    ]
    assert len(table) == len(set(table.index)) > 30
    alone = [
        f"{100 * model.artifact.metrics['text_only_match']:.0f} %"
        for model in first_and_last.models
    ]
    assert table.loc[metrics_table.TEXT_ONLY].tolist() == [alone[0], "", alone[1], "", "", ""]
    table = table.drop(metrics_table.TEXT_ONLY)
    by_words = {catalogue.words_of(one.name, SCENES): one for one in catalogue.listed()}
    assert set(table.index) <= set(by_words)
    for words_, row in table.iterrows():
        one = by_words[str(words_)]
        for side, model in zip(("Left", "Right"), first_and_last.models, strict=True):
            for column, moment in ((side, "end"), (f"{side}, untrained", "untrained")):
                found = metrics_table.estimate_of(model.artifact.metrics[moment], one.name)
                said = (
                    (wording.share if one.in_percent else wording.number)(found) if found else None
                )
                assert row[column] == said or row[column].startswith("not defined: ")
    pixels = first_and_last.models[0].artifact.metrics["raw_pixels"]
    assert table.loc["The animal can be read off (linear probe)", "Pixels"] == wording.share(
        pixels["probe_object"]
    )
    assert table.loc["Right on minority groups", ["Pixels", "Images"]].tolist() == ["", "1,000"]
    described = table.loc["Minority right when told the background"]
    assert described["Left"].startswith(
        "not defined: No caption puts"
    )  # short labels name no place
    assert described["Right"].endswith(")")


def test_a_new_measure_is_in_every_table_of_models(
    first_and_last: ComparedMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = catalogue.Measure(
        "boldness", "Boldness of the {object}", catalogue.Unit.SHARE, (catalogue.Need.HELD_OUT,)
    )
    monkeypatch.setitem(catalogue.MEASURES, new.name, new)
    metrics = metrics_of(first_and_last)
    metrics["end"][new.name] = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 1234}
    metrics["untrained"]["absent"][new.name] = "it is shy"
    metrics["raw_pixels"][new.name] = {"value": 0.1, "low": 0.0, "high": 0.2, "n": 5}
    told = measured_as(first_and_last, 0, metrics)
    row = metrics_table.measures_table(told, SCENES).set_index("").loc["Boldness of the animal"]
    assert row.to_dict() == {
        "Left": "50\u00a0% (40 to 60)",
        "Left, untrained": "not defined: it is shy",
        "Right": "not defined: not measured by this version",
        "Right, untrained": "not defined: not measured by this version",
        "Pixels": "10\u00a0% (0 to 20) of only 5",
        "Images": "1,234",
    }
    one = (
        metrics_table.measures_of(told.models[0].artifact, SCENES)
        .set_index("")
        .loc["Boldness of the animal"]
    )
    assert one["Measured"] == row["Left"]


def test_what_is_not_defined_comes_with_its_reason(first_and_last: ComparedMaps) -> None:
    metrics = metrics_of(first_and_last)
    del (
        metrics["end"]["effective_rank"],
        metrics["end"]["absent"],
        metrics["raw_pixels"],
    )  # as the first version wrote
    table = metrics_table.measures_table(measured_as(first_and_last, 0, metrics), SCENES).set_index(
        ""
    )
    row = table.loc[catalogue.words_of("effective_rank", SCENES)]
    assert row[["Left", "Pixels", "Images"]].tolist() == ["not defined: one point", "", ""]
    assert row["Left, untrained"] == wording.number(metrics["untrained"]["effective_rank"])
    assert (
        metrics_table.absence_reason({"absent": {"variance": "too few"}}, "variance_object")
        == "too few"
    )


def test_how_far_to_believe_a_map(first_and_last: ComparedMaps) -> None:
    model = first_and_last.models[0]
    quality = model.artifact.metrics["end"]["map_quality"]
    said = metrics_table.map_quality(model.artifact)
    for name in ("trustworthiness", "continuity"):
        assert f"{name} {quality[name]['k10']:.2f}" in said
    metrics = metrics_of(first_and_last)
    del metrics["end"]["map_quality"]
    assert metrics_table.map_quality(with_metrics(model, metrics).artifact) is None


def test_groups_are_told_in_words_and_as_charts_draw_them(all_four: ComparedMaps) -> None:
    ends = {
        name.capitalize(): model.artifact.metrics["end"] for name, model in all_four.named.items()
    }
    table = metrics_table.group_table(all_four, SCENES)
    assert list(table.columns) == ["Group", *ends, "Pictures"]
    assert table["Group"].tolist() == [
        "horse on grass",
        "horse in the desert",
        "camel in the desert",
        "camel on grass",
    ]
    assert table["Pictures"].tolist() == ["500"] * 4
    rows = metrics_table.group_rows(all_four)
    assert rows["group"].tolist() == list(SCENES.names) * 4
    for name, end in ends.items():
        assert table[name].tolist() == [
            wording.share(end["group_accuracy"][group]) for group in SCENES.names
        ]
        for row in rows[rows["model"] == name].itertuples():
            estimate = end["group_accuracy"][row.group]
            assert {"value": row.accuracy, "low": row.low, "high": row.high, "n": row.n} == estimate
    wide, phone = (
        group_grid(rows, palette=LIGHT, grouping=SCENES, width=width).to_dict()
        for width in (700, 290)
    )
    assert phone["height"] > 1.8 * wide["height"], "on a phone the cells stand below each other"


def test_no_label_names_the_object_is_said_everywhere(first_and_last: ComparedMaps) -> None:
    told = first_and_last
    for pane in (0, 1):
        metrics = metrics_of(told, pane)
        for name in ("minority_accuracy", "majority_accuracy", "group_accuracy"):
            del metrics["end"][name]
            metrics["end"]["absent"][name] = "no label names the object"
        told = measured_as(told, pane, metrics)
        sentence = ("the left model cannot be (no label", "No model's labels name the animal")[pane]
        assert sentence in description.summary(told, SCENES)
        table = metrics_table.group_table(told, SCENES)
        assert table.iloc[:, pane + 1].tolist() == ["not defined: no label names the object"] * 4
        rows = metrics_table.group_rows(told)
        assert set(rows["model"]) == [{"Right"}, set()][pane]
        assert list(rows.columns) == ["pane", "model", "group", "accuracy", "low", "high", "n"]
        assert description.small_sample_warning(told.models[pane].artifact, SCENES) is None
    assert table["Pictures"].tolist() == [""] * 4
