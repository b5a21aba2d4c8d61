"""Comparisons in words: every setting is named once, and what is said of maps is what was
measured."""

import dataclasses
from dataclasses import fields
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.api.measured import measured_as, metrics_of
from tests.api.stand_ins import BASE, TEST_SCENES, image_set, publish, thumbs, unit
from tests.experiment.test_condition import OTHER as ANOTHER
from vlcore.api import description
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.description import differences_in_words, differing_settings
from vlcore.api.metrics_table import measures_table
from vlcore.api.model_map import ModelMap, model_map
from vlcore.artifacts.store import Artifact
from vlcore.experiment import wording
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.experiment.options import TOWERS
from vlcore.metrics.layout import neighbour_overlap

OTHER = {
    name: value for name, value in ANOTHER.items() if name != "template"
}  # which needs labels of its own
ALONE = {name: Condition().replace(**{name: value}) for name, value in OTHER.items()}
ALONE["template"] = Condition(labels="own", template="a {object}").replace(template="the {object}")
USUAL = dict.fromkeys(OTHER, Condition()) | {
    "template": Condition(labels="own", template="a {object}")
}
COUPLED = {"objective", "logit", "negatives", "data", "init_seed", "recipe"}
ONE_OF_FOUR = st.builds(Condition, bias=st.sampled_from([0, 0.5]), steps=st.sampled_from([0, 7]))
NAMES = ("first", "second", "third", "fourth")
IMAGES = image_set()
GROUPS = group_words(SCENES)


def said_of(*conditions: Condition) -> str:
    return differences_in_words(dict(zip(NAMES, conditions, strict=False)))


def differs(name: str) -> str:
    """What a setting is called."""
    (word,) = differing_settings([USUAL[name], ALONE[name]])
    return word


def test_every_setting_is_named_and_no_two_have_one_name() -> None:
    assert set(ALONE) == {field.name for field in fields(Condition)}
    assert len({differs(name) for name in ALONE}) == len(ALONE)
    for name, condition in ALONE.items():
        assert f"Twins**: they differ in one thing, the {differs(name)};" in said_of(
            USUAL[name], condition
        )


@given(st.sets(st.sampled_from([name for name in OTHER if name not in COUPLED])))
def test_each_of_several_settings_is_named_once(names: set[str]) -> None:
    one = Condition().replace(**{name: OTHER[name] for name in names})
    assert sorted(differing_settings([Condition(), one])) == sorted(map(differs, names))


def test_what_goes_with_another_setting_is_not_counted_beside_it() -> None:
    own = Condition(labels="own", template="one {object}")
    found = [
        differing_settings([Condition(), one])
        for one in (Condition(data_seed=2, init_seed=2), own, Condition())
    ]
    assert found == [["seed"], ["labels"], []]
    assert differing_settings([Condition(), Condition("photos", "1")]) == ["image set"]


def test_differences_of_several_models_are_put_down_to_one_thing_where_they_can_be() -> None:
    biased, described = Condition(bias=0.5), Condition(labels="descriptive")
    assert "one and the same condition" in said_of(Condition(), Condition())
    assert (
        said_of(Condition(), Condition(bias=0.5, steps=7, labels="descriptive"))
        == "They differ in 3 things: bias, labels and steps. What differs between the maps cannot"
        " be put down to one of them."
    )
    assert (
        said_of(Condition(), biased, described, described.replace(bias=0.5))
        == "They differ in 2 things: bias and labels. **Twins**, which differ in one: first and"
        " second (bias), first and third (labels), second and fourth (labels), third and fourth"
        " (bias)."
    )


@given(st.lists(ONE_OF_FOUR, min_size=2, max_size=4))
def test_twins_against_a_slow_reference(conditions: list[Condition]) -> None:
    assume(len({c.bias for c in conditions}) > 1 and len({c.steps for c in conditions}) > 1)
    said = said_of(*conditions)
    for (one, first), (other, second) in combinations(zip(NAMES, conditions, strict=False), 2):
        twins = (first.bias != second.bias) != (first.steps != second.steps)
        assert (
            any(f"{one} and {other} ({setting})" in said for setting in ("bias", "steps")) == twins
        )


@pytest.mark.parametrize("field", description.TWINS)
def test_a_twin_differs_in_one_thing(field: str) -> None:
    condition = Condition(bias=0.75).replace(**{field: OTHER[field]})
    if field in ("negatives", "size_mode"):  # which need both words, and a bias
        condition = condition.replace(labels="descriptive")
    found = description.twin_of(condition)
    twin, words = found
    assert words == description.TWINS[field]
    apart = [name for name in vars(condition) if getattr(condition, name) != getattr(twin, name)]
    assert apart == [field] + ["batch_size"] * (field == "recipe")
    assert description.twin_of(Condition()) is None
    own = Condition(labels="own", template="one {object}")
    assert description.twin_of(own) == (Condition(), "short labels"), (
        "whose template goes with them"
    )


@pytest.mark.parametrize("towers", TOWERS)
def test_a_twin_has_the_same_pair_of_towers(towers: str) -> None:
    plainest = Condition().with_towers(towers)
    assert description.twin_of(plainest) is None
    for changes in ({"labels": "descriptive"}, {"bias": 0.75}, {"negatives": "none"}):
        twin, _ = description.twin_of(plainest.replace(**changes))
        assert twin == plainest


def test_the_summary_is_made_of_the_numbers_of_each_model(all_four: ComparedMaps) -> None:
    said = description.summary(all_four, SCENES)
    assert said.startswith("The first model's held-out pictures sort ")
    assert "On 1,000 held-out minority pictures" in said
    for name, model in all_four.named.items():
        end = model.artifact.metrics["end"]
        by_object, by_context = (
            end[f"silhouette_{what}"]["value"] for what in ("object", "context")
        )
        assert f"he {name} model's held-out pictures sort " in said
        assert f"({by_object:.2f} by animal, {by_context:.2f} by background)" in said
        assert f"the {name} model is right {wording.share(end['minority_accuracy'])}" in said


def test_what_the_maps_sort_by(first_and_last: ComparedMaps) -> None:
    for by_object, by_context, said in (
        (0.5, 0.1, "more by animal (0.50 by animal, 0.10 by background)"),
        (0.1, 0.5, "more by background (0.10 by animal, 0.50 by background)"),
        (0.42, 0.48, "by animal and background alike (0.42 by animal, 0.48 by background)"),
        (0.05, -0.2, "hardly by either (0.05 by animal, -0.20 by background)"),
        ("one point", None, "by nothing: all lie in one point"),
        ("too few", None, "in no way that was measured (too few)"),
    ):
        metrics = metrics_of(first_and_last, 1)
        if by_context is None:
            del metrics["end"]["silhouette_object"]
            metrics["end"]["absent"]["silhouette_object"] = by_object
        else:
            metrics["end"]["silhouette_object"]["value"] = by_object
            metrics["end"]["silhouette_context"]["value"] = by_context
        told = description.summary(measured_as(first_and_last, 1, metrics), SCENES)
        assert f"the right model's held-out pictures sort {said}" in told


def test_what_else_is_said_of_models(first_and_last: ComparedMaps, quick: list[Artifact]) -> None:
    cups = Grouping(("cup", "plate"), ("table", "shelf"))
    assert "by object" in description.summary(first_and_last, cups)
    assert not measures_table(first_and_last, cups)[""].str.contains("animal").any()
    plain = first_and_last.models[0].artifact
    assert description.small_sample_warning(plain, SCENES) is None
    assert "never fitted" in description.first_fit(plain)
    metrics = metrics_of(first_and_last)
    metrics["end"]["group_accuracy"]["camel_grass"]["n"] = 19
    metrics["end"]["group_accuracy"]["horse_grass"]["n"] = 4
    metrics |= {"first_fit_step": 1240, "first_fit": metrics["end"]}
    model = measured_as(first_and_last, 0, metrics).models[0].artifact
    told = description.small_sample_warning(model, SCENES)
    assert "Fewer than 20 held-out pictures: horse on grass (4), camel on grass (19)." in str(told)
    assert "at step 1,240" in description.first_fit(model)
    assert wording.share(metrics["end"]["minority_accuracy"]) in description.first_fit(model)
    sentence = description.answer(quick[2:], SCENES)
    assert "75 % removed (12 of 48 kept)" in sentence
    for artifact, labels in zip(quick[2:], ("short labels", "descriptive labels"), strict=True):
        assert (
            f"**{wording.share(artifact.metrics['end']['minority_accuracy'])}** with {labels}"
            in sentence
        )


@pytest.fixture(scope="module")
def maps(home: Path) -> list[ModelMap]:
    """Three models of one set; all pictures of the second lie by animal alone."""
    base = BASE.replace(data_seed=80)
    by_animal = unit(np.random.default_rng(0).normal(scale=0.05, size=(len(IMAGES.table), 32)))
    by_animal[:, 0] += np.where(IMAGES.table["object"] == "horse", 5, -5)
    return [
        model_map(publish(IMAGES, base.replace(init_seed=80))),
        model_map(publish(IMAGES, base.replace(init_seed=81), unit(by_animal))),
        model_map(publish(IMAGES, base.replace(init_seed=82))),
    ]


@pytest.fixture(scope="module")
def together(maps: list[ModelMap]) -> ComparedMaps:
    return compare_maps(maps, IMAGES, thumbs)


def centre(model: ModelMap, group: str) -> np.ndarray:
    here = (IMAGES.table["group"].to_numpy()[model.rows] == group) & (
        np.arange(len(model.rows)) < model.held_out
    )
    mean = model.z[here].astype(float).mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_the_table_has_every_pair_and_model_with_its_interval(together: ComparedMaps) -> None:
    found = description.describe_layouts(together, IMAGES)
    table = found.table.set_index("Distance of centres")
    assert list(table.columns) == ["First", "Second", "Third"]
    assert len(table) == 6
    for column, model in zip(table, together.models, strict=True):
        for one, other in combinations(SCENES.names, 2):
            said = table.loc[f"{GROUPS[one]} and {GROUPS[other]}", column]
            apart = 1 - centre(model, one) @ centre(model, other)
            assert float(said.split(" (")[0]) == pytest.approx(apart, rel=0.06, abs=1e-6)
            low, high = said.split("(")[1].rstrip(")").split(" to ")
            assert float(low) <= float(high)
    sentence = found.sentences[1]
    for one, other in (
        ("horse on grass", "horse in the desert"),
        ("camel in the desert", "camel on grass"),
    ):
        assert f"{one} lies with {other} (" in sentence
        assert f"{other} lies with {one} (" in sentence


def test_what_has_no_layout_is_said(home: Path, maps: list[ModelMap]) -> None:
    noise = unit(np.random.default_rng(1).normal(size=maps[0].z.shape))
    collapsed = model_map(
        publish(IMAGES, BASE.replace(data_seed=80, init_seed=83), end={"collapsed": True})
    )
    pair = compare_maps([dataclasses.replace(maps[0], z=noise), collapsed], IMAGES, thumbs)
    found = description.describe_layouts(pair, IMAGES)
    assert "has no nearest group that is decided" in found.sentences[0]
    assert found.sentences[1] == "The right model's groups cannot be placed: all lie in one point."
    assert list(found.table.columns) == ["Distance of centres", "Left"]


def test_a_model_did_not_move_from_itself_and_nothing_moves_from_one_point(
    maps: list[ModelMap],
) -> None:
    (still,) = description.largest_displacements(
        compare_maps([maps[0], maps[0]], IMAGES, thumbs), IMAGES
    ).values()
    assert still.table["Moved, in radii of the first map"].str.match(r"^\S*e-1\d|^0 ").all()
    assert (still.largest["kept"] == 1).all()
    point = dataclasses.replace(maps[0], points=np.zeros_like(maps[0].points))
    with pytest.raises(ValueError, match="one point"):
        description.largest_displacements(compare_maps([point, maps[1]], IMAGES, thumbs), IMAGES)


def test_what_moved_is_of_the_pictures_that_both_hold_out(together: ComparedMaps) -> None:
    found = description.largest_displacements(together, IMAGES, count=4)
    assert list(found) == ["second", "third"]
    places = together.points.set_index("id")
    first, shown = together.models[0], places[places["kind"] == "test"]
    for pane, one in enumerate(found.values(), start=1):
        assert one.table["Group"].tolist() == list(GROUPS.values())
        assert one.table["Pictures"].tolist() == [TEST_SCENES] * 4
        assert one.chance == pytest.approx(10 / (4 * TEST_SCENES - 1))
        overlap = neighbour_overlap(
            first.z[: first.held_out], together.models[pane].z[: first.held_out]
        )
        assert one.largest["kept"].to_numpy() == pytest.approx(
            overlap[first.index(one.largest["row"])]
        )
        every = np.hypot(shown[f"x{pane}"] - shown["x0"], shown[f"y{pane}"] - shown["y0"])
        ways = [every[f"p{row}"] for row in one.largest["row"]]
        assert ways == pytest.approx(sorted(every, reverse=True)[:4], abs=1e-4)
        assert (one.largest["way"] > 0).all()
