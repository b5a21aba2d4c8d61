"""Numbers in words: what is said is what was measured, with its interval."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from tests.runs.stand_ins import thumbs
from vlcore.charts.board import group_grid
from vlcore.charts.theme import LIGHT
from vlcore.compare import comparison as compare_comparison
from vlcore.compare import description, metrics_table
from vlcore.compare.comparison import Comparison
from vlcore.compare.model_map import ModelMap, model_map
from vlcore.core import wording
from vlcore.core.grouping import SCENES, Grouping
from vlcore.datasets.catalogue import open_set
from vlcore.measures import catalogue
from vlcore.store import artefacts

GROUPS = ["horse_grass", "horse_desert", "camel_desert", "camel_grass"]


@pytest.fixture(scope="module")
def together(quick: list[artefacts.Artefact]) -> Comparison:
    return compare_comparison.compare([model_map(quick[number]) for number in (0, 3)], open_set("scenes"), thumbs)


@pytest.fixture(scope="module")
def all_four(quick: list[artefacts.Artefact]) -> Comparison:
    return compare_comparison.compare([model_map(artefact) for artefact in quick], open_set("scenes"), thumbs)


def with_metrics(model: ModelMap, metrics: dict[str, Any]) -> ModelMap:
    artefact = artefacts.Artefact(model.artefact.key, model.artefact.path, model.artefact.manifest)
    vars(artefact).update(condition=model.artefact.condition, metrics=metrics)
    return dataclasses.replace(model, artefact=artefact)


def measured_as(comparison: Comparison, pane: int, metrics: dict[str, Any]) -> Comparison:
    """The comparison, as if one of its models had been measured so."""
    models = list(comparison.models)
    models[pane] = with_metrics(models[pane], metrics)
    return dataclasses.replace(comparison, models=tuple(models))


def metrics_of(comparison: Comparison, pane: int = 0) -> dict[str, Any]:
    """A copy of what was measured of a model, to be changed."""
    return copy.deepcopy(comparison.models[pane].artefact.metrics)


def end_of(model: ModelMap) -> dict[str, Any]:
    return model.artefact.metrics["end"]


def test_the_sentences_are_made_of_the_numbers(together: Comparison) -> None:
    said = description.in_words(together, SCENES)
    left, right = end_of(together.models[0]), end_of(together.models[1])
    for side, metrics in (("The left", left), ("the right", right)):
        by_object, by_context = (metrics[f"silhouette_{name}"]["value"] for name in ("object", "context"))
        assert f"{side} model's held-out pictures sort " in said
        assert f"({by_object:.2f} by animal, {by_context:.2f} by background)" in said
    assert said.endswith(
        f"On 1,000 held-out minority pictures the left model is right {wording.share(left['minority_accuracy'])}, "
        f"the right model is right {wording.share(right['minority_accuracy'])}."
    )


@pytest.mark.parametrize(
    ("by_object", "by_context", "said"),
    [
        (0.5, 0.1, "more by animal (0.50 by animal, 0.10 by background)"),
        (0.1, 0.5, "more by background (0.10 by animal, 0.50 by background)"),
        (0.42, 0.48, "by animal and background alike (0.42 by animal, 0.48 by background)"),
        (0.05, -0.2, "hardly by either (0.05 by animal, -0.20 by background)"),
        (None, None, "by nothing: all lie in one point"),
    ],
)
def test_what_the_maps_sort_by(together: Comparison, by_object: float, by_context: float, said: str) -> None:
    metrics = metrics_of(together)
    for name, value in (("silhouette_object", by_object), ("silhouette_context", by_context)):
        if value is None:
            del metrics["end"][name]
            metrics["end"]["absent"][name] = "one point"
        else:
            metrics["end"][name]["value"] = value
    left = measured_as(together, 0, metrics)
    assert f"The left model's held-out pictures sort {said};" in description.in_words(left, SCENES)
    right = measured_as(together, 1, metrics)
    assert f"the right model's held-out pictures sort {said} (cosine" in description.in_words(right, SCENES)


def test_the_table_of_measures_has_the_untrained_encoder_and_the_pixels_beside_each(together: Comparison) -> None:
    table = metrics_table.measures_table(together, SCENES).set_index("")
    columns = ["Left", "Left, untrained", "Right", "Right, untrained", "Pixels", "Images"]
    assert list(table.columns) == columns
    assert len(table) == len(set(table.index)) > 30
    by_words = {catalogue.words_of(one.name, SCENES): one for one in catalogue.listed()}
    assert set(table.index) <= set(by_words)
    for words_, row in table.iterrows():
        one = by_words[str(words_)]
        for side, model in (("Left", together.models[0]), ("Right", together.models[1])):
            for column, moment in ((side, "end"), (f"{side}, untrained", "untrained")):
                found = metrics_table.find(model.artefact.metrics[moment], one.name)
                said = (wording.share if one.in_percent else wording.number)(found) if found else None
                assert row[column] == said or row[column].startswith("not defined: ")
    pixels = together.models[0].artefact.metrics["raw_pixels"]
    assert table.loc["The animal can be read off (linear probe)", "Pixels"] == wording.share(pixels["probe_object"])
    assert table.loc["Right on minority groups", "Pixels"] == ""
    assert table.loc["Right on minority groups", "Images"] == "1,000"
    assert "labels that name" not in table.to_string()
    described = table.loc["Minority right when told the background"]
    assert described["Left"].startswith("not defined: No caption puts")  # short labels name no place
    assert described["Right"].endswith(")")


def test_a_measure_of_the_catalogue_is_in_every_table_of_models(
    together: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = catalogue.Measure("boldness", "Boldness of the {object}", catalogue.Unit.SHARE, (catalogue.Need.HELD_OUT,))
    monkeypatch.setitem(catalogue.MEASURES, new.name, new)
    metrics = metrics_of(together)
    metrics["end"][new.name] = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 1234}
    metrics["untrained"]["absent"][new.name] = "it is shy"
    metrics["raw_pixels"][new.name] = {"value": 0.1, "low": 0.0, "high": 0.2, "n": 5}
    told = measured_as(together, 0, metrics)
    row = metrics_table.measures_table(told, SCENES).set_index("").loc["Boldness of the animal"]
    assert row["Left"] == "50\u00a0% (40 to 60)"
    assert row["Left, untrained"] == "not defined: it is shy"
    assert row["Right"] == "not defined: not measured by this version"
    assert (row["Pixels"], row["Images"]) == ("10\u00a0% (0 to 20) of only 5", "1,234")
    one = metrics_table.measures_of(told.models[0].artefact, SCENES).set_index("").loc["Boldness of the animal"]
    assert one["Measured"] == row["Left"]


def test_what_one_point_does_not_have_is_said_not_invented(together: Comparison) -> None:
    metrics = metrics_of(together)
    del metrics["end"]["effective_rank"], metrics["end"]["absent"]  # as the first version wrote it
    table = metrics_table.measures_table(measured_as(together, 0, metrics), SCENES)
    last = table.iloc[-1]
    assert last["Left"] == "not defined: one point"
    assert last["Images"] == ""
    assert last["Left, untrained"] == wording.number(metrics["untrained"]["effective_rank"])


@pytest.mark.parametrize("reason", ["too few held-out pictures", "no pictures to fit it on"])
def test_what_is_not_measured_comes_with_its_reason(reason: str, together: Comparison) -> None:
    metrics = metrics_of(together)
    del metrics["end"]["silhouette_object"]
    metrics["end"]["absent"] = {"silhouette_object": reason}
    left = measured_as(together, 0, metrics)
    table = metrics_table.measures_table(left, SCENES).set_index("")
    assert table.loc["Sorted by animal (cosine silhouette)", "Left"] == f"not defined: {reason}"
    said = description.in_words(left, SCENES)
    assert f"sort in no way that was measured ({reason});" in said


def test_a_model_of_before_says_what_it_has_not_measured(together: Comparison) -> None:
    metrics = metrics_of(together)
    del metrics["end"]["axis_angle"], metrics["raw_pixels"]
    table = metrics_table.measures_table(measured_as(together, 0, metrics), SCENES).set_index("")
    row = table.loc["Angle between the axes of animal and background, degrees"]
    assert (row["Left"], row["Pixels"]) == ("not defined: not measured by this version", "")


def test_how_far_to_believe_a_map(together: Comparison) -> None:
    artefact = together.models[0].artefact
    quality = artefact.metrics["end"]["map_quality"]
    said = metrics_table.map_quality(artefact)
    assert said is not None
    assert f"trustworthiness {quality['trustworthiness']['k10']:.2f}" in said
    assert f"continuity {quality['continuity']['k10']:.2f}" in said
    metrics = copy.deepcopy(artefact.metrics)
    del metrics["end"]["map_quality"]
    assert metrics_table.map_quality(with_metrics(together.models[0], metrics).artefact) is None


def test_no_label_names_the_object_is_said_everywhere(together: Comparison) -> None:
    metrics = metrics_of(together)
    for name in ("minority_accuracy", "majority_accuracy", "group_accuracy"):
        del metrics["end"][name]
        metrics["end"]["absent"][name] = "no label names the object"
    one = measured_as(together, 0, metrics)
    said = description.in_words(one, SCENES)
    assert "the left model cannot be (no label names the object), the right model is right" in said
    assert description.group_table(one, SCENES)["Left"].tolist() == ["not defined: no label names the object"] * 4
    assert set(description.group_rows(one)["model"]) == {"Right"}
    assert description.small_sample_warning(one.models[0].artefact, SCENES) is None
    both = measured_as(one, 1, metrics)
    assert description.in_words(both, SCENES).endswith(
        " No model's labels name the animal, so none can be right or wrong."
    )
    assert description.group_rows(both).empty
    assert list(description.group_rows(both).columns) == list(description.group_rows(one).columns)
    assert description.group_table(both, SCENES)["Pictures"].tolist() == [""] * 4


def test_groups_with_few_pictures_are_named(together: Comparison) -> None:
    assert description.small_sample_warning(together.models[0].artefact, SCENES) is None
    metrics = metrics_of(together)
    metrics["end"]["group_accuracy"]["camel_grass"]["n"] = 19
    metrics["end"]["group_accuracy"]["horse_grass"]["n"] = 4
    assert description.small_sample_warning(with_metrics(together.models[0], metrics).artefact, SCENES) == (
        "Fewer than 20 held-out pictures: horse on grass (4), camel on grass (19). "
        "Numbers that rest on them say little."
    )


def test_objects_that_are_no_animals_are_called_objects(together: Comparison) -> None:
    cups = Grouping(("cup", "plate"), ("table", "shelf"))
    assert "by object" in description.in_words(together, cups)
    assert "animal" not in description.in_words(together, cups)
    assert not metrics_table.measures_table(together, cups)[""].str.contains("animal").any()


def test_group_accuracies_as_rows_of_a_chart(together: Comparison) -> None:
    rows = description.group_rows(together)
    assert rows["group"].tolist() == GROUPS * 2
    assert rows["model"].tolist() == ["Left"] * 4 + ["Right"] * 4
    assert rows["pane"].tolist() == [0] * 4 + [1] * 4
    for side, model in (("Left", together.models[0]), ("Right", together.models[1])):
        for row in rows[rows["model"] == side].itertuples():
            estimate = end_of(model)["group_accuracy"][row.group]
            assert (row.accuracy, row.low, row.high, row.n) == tuple(
                estimate[name] for name in ("value", "low", "high", "n")
            )
    wide, phone = (group_grid(rows, palette=LIGHT, grouping=SCENES, width=width).to_dict() for width in (700, 290))
    assert phone["height"] > 1.8 * wide["height"], "on a phone the cells stand below each other"
    assert (wide["width"], phone["width"]) == (700, 290)


def test_group_accuracies_in_words(together: Comparison) -> None:
    table = description.group_table(together, SCENES)
    assert table["Group"].tolist() == ["horse on grass", "horse in the desert", "camel in the desert", "camel on grass"]
    for side, model in (("Left", together.models[0]), ("Right", together.models[1])):
        assert table[side].tolist() == [wording.share(end_of(model)["group_accuracy"][group]) for group in GROUPS]
    assert table["Pictures"].tolist() == ["500"] * 4


def test_first_fit_in_words(together: Comparison) -> None:
    assert description.first_fit(together.models[0]) == "its training captions were never fitted."
    metrics = metrics_of(together)
    metrics |= {"first_fit_step": 1240, "first_fit": metrics["end"]}
    assert description.first_fit(with_metrics(together.models[0], metrics)) == (
        "its training captions were first fitted at step 1,240, with minority pictures right "
        f"{wording.share(metrics['end']['minority_accuracy'])}."
    )


def test_the_answer_is_what_was_measured(quick: list[artefacts.Artefact]) -> None:
    sentence = description.answer(quick[2:], SCENES)
    assert "75 % removed (12 of 48 kept)" in sentence
    for artefact, labels in zip(quick[2:], ("short labels", "descriptive labels"), strict=True):
        assert f"**{wording.share(artefact.metrics['end']['minority_accuracy'])}** with {labels}" in sentence
    assert "another seed gives other numbers" in sentence


def test_four_models_are_told_apart_everywhere(all_four: Comparison) -> None:
    names = ["First", "Second", "Third", "Fourth"]
    said = description.in_words(all_four, SCENES)
    assert said.startswith("The first model's held-out pictures sort ")
    for name, model in zip(names, all_four.models, strict=True):
        assert said.count(f"the {name.lower()} model's held-out pictures sort ") == (name != "First")
        assert f"the {name.lower()} model is right {wording.share(end_of(model)['minority_accuracy'])}" in said
    rows = description.group_rows(all_four)
    assert rows["model"].tolist() == [name for name in names for _ in GROUPS]
    table = description.group_table(all_four, SCENES)
    assert list(table.columns) == ["Group", *names, "Pictures"]
    for name, model in zip(names, all_four.models, strict=True):
        assert table[name].tolist() == [wording.share(end_of(model)["group_accuracy"][group]) for group in GROUPS]
    measures = metrics_table.measures_table(all_four, SCENES)
    columns = [f"{name}{end}" for name in names for end in ("", ", untrained")]
    assert list(measures.columns) == ["", *columns, "Pixels", "Images"]
    right = measures.set_index("").loc["Right on minority groups"]
    for name, model in zip(names, all_four.models, strict=True):
        assert right[name] == wording.share(end_of(model)["minority_accuracy"])
        assert right[f"{name}, untrained"] == wording.share(model.artefact.metrics["untrained"]["minority_accuracy"])


def test_one_model_is_described_alone(quick: list[artefacts.Artefact]) -> None:
    alone = compare_comparison.compare([model_map(quick[2])], open_set("scenes"), thumbs)
    said = description.in_words(alone, SCENES)
    assert said.startswith("The first model's held-out pictures sort ")
    assert said.count("model is right") == 1
    assert list(description.group_table(alone, SCENES).columns) == ["Group", "First", "Pictures"]
    assert list(metrics_table.measures_table(alone, SCENES).columns) == [
        "",
        "First",
        "First, untrained",
        "Pixels",
        "Images",
    ]


@pytest.mark.parametrize("pane", [0, 1, 3])
def test_a_measure_that_one_model_alone_has_is_a_row(all_four: Comparison, pane: int) -> None:
    comparison = all_four
    for other in range(4):
        if other != pane:
            metrics = metrics_of(comparison, other)
            for moment in ("end", "untrained"):
                del metrics[moment]["axis_angle"]
                metrics[moment]["absent"]["axis_angle"] = "not asked"
            comparison = measured_as(comparison, other, metrics)
    table = metrics_table.measures_table(comparison, SCENES).set_index("")
    row = table.loc["Angle between the axes of animal and background, degrees"]
    cells = [row[name] == "not defined: not asked" for name in ("First", "Second", "Third", "Fourth")]
    assert cells == [other != pane for other in range(4)]
