"""A study is complete paired blocks about one setting, whether it has a name or a file."""

from pathlib import Path

import pytest

from tests.data.importers.sources import pets
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_n_per_group
from vlcore.experiment.condition import GRIDS, Condition
from vlcore.experiment.errors import LabError
from vlcore.study.plans import StudyError, find

DOSE = """
name: dose
factor: labels
baseline: undescriptive
arms: [random-background, descriptive]
bias: [0, 0.9]
seeds: 3
settings:
  steps: 40
  n_per_group: 20
"""
PARTS = """
baseline: one caption
arms:
  captioner: {objective: captioner}
  one caption: {}
  two classes: {objective: supervised, labels: short}
bias: [0.75]
seeds: 2
settings: {steps: 40}
"""


def write(folder: Path, text: str) -> str:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return str(folder / "mine.yaml")


@pytest.mark.parametrize("name", GRIDS)
def test_the_grids_of_the_study_cross_both_label_styles_with_bias(name: str) -> None:
    plan = find(name, Condition(steps=5), seeds=3)
    styles = ("undescriptive", "descriptive")
    assert (plan.baseline, plan.treatments) == ("short", ("descriptive",))
    cells = [(bias, labels) for bias in GRIDS[name] for labels in styles]
    assert [(c.bias, c.labels) for c in plan.conditions] == 3 * cells
    blocks = [(seed, seed, 5) for seed in range(3) for _ in cells]
    assert [(c.data_seed, c.init_seed, c.steps) for c in plan.conditions] == blocks
    assert len(set(plan.conditions)) == len(plan.conditions)


def test_a_file_is_a_study(tmp_path: Path) -> None:
    plan = find(write(tmp_path, DOSE), Condition(init_seed=5, data_seed=5))
    assert (plan.name, plan.baseline) == ("dose", "short")
    assert plan.treatments == ("random-background", "descriptive")
    assert len(plan.conditions) == 3 * 2 * 3
    assert {(c.steps, c.n_per_group, c.bias) for c in plan.conditions} == {
        (40, 20, 0.0),
        (40, 20, 0.9),
    }
    assert {c.init_seed for c in plan.conditions} == {5, 6, 7}
    text = DOSE.rstrip() + "\n  data_seed: 20\n  init_seed: 30\n"
    seeded = find(write(tmp_path, text), Condition(data_seed=5)).conditions
    assert {(c.data_seed, c.init_seed) for c in seeded} == {(20, 30), (21, 31), (22, 32)}
    text = "baseline: short\narms: [descriptive]\nbias: [0.5]"
    plan = find(write(tmp_path, text), Condition(steps=9), seeds=2)
    assert plan.name == "mine"
    assert [(c.labels, c.steps, c.init_seed) for c in plan.conditions] == [
        ("undescriptive", 9, 0),
        ("descriptive", 9, 0),
        ("undescriptive", 9, 1),
        ("descriptive", 9, 1),
    ]
    text = "factor: negatives\narms: [matched-only]\nbias: [0.5]"
    assert find(write(tmp_path, text)).treatments == ("matched-only",)


def test_arms_may_be_sets_of_settings_or_numbers(tmp_path: Path) -> None:
    plan = find(write(tmp_path, PARTS))
    arms = ("one caption", "captioner", "two classes")
    assert (plan.baseline, plan.treatments) == (arms[0], arms[1:])
    assert [(c.objective, c.labels, c.init_seed) for c in plan.conditions[:3]] == [
        ("pairwise_bce", "undescriptive", 0),
        ("captioner", "undescriptive", 0),
        ("ce_object", "undescriptive", 0),
    ]
    assert [plan.arm_of(condition) for condition in plan.conditions] == 2 * list(arms)
    aliases = "{short words: {labels: short}, long words: {labels: descriptive, batch_size: 0}}"
    plan = find(write(tmp_path, f"baseline: short words\narms: {aliases}\nbias: [0.75, 0.75001]"))
    assert [plan.arm_of(condition) for condition in plan.conditions] == [
        "short words",
        "long words",
    ]
    assert plan.arms["short words"]["labels"] == "undescriptive"
    numbers = find(write(tmp_path, "factor: n_per_group\nbaseline: 48\narms: [24, 96]\nbias: [0]"))
    assert [condition.n_per_group for condition in numbers.conditions] == [48, 24, 96]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no fields"),
        ("- a\n- b", "holds no fields"),
        ("arms: [", "no YAML file (line"),
        ("colour: red", "a field 'colour'"),
        ("bias: [0]", "give arms as a list"),
        ("arms: [descriptive]\nbias: []", "give bias as a list"),
        ("arms: [descriptive]\nbias: 0.5", "give bias as a list"),
        (PARTS.replace("baseline: one caption", ""), "names its arms"),
        (PARTS.replace("{}", "3"), "an arm 'one caption' without settings"),
        (PARTS.replace("{}", "{colour: red}"), "No setting is named 'colour'"),
        (PARTS.replace("{}", "{bias: 0.5}"), "arms that differ in bias"),
        (PARTS.replace("{}", "{objective: captioner}"), "two arms of the same settings"),
        (
            "arms: {a: {labels: short}, b: {labels: undescriptive}}\nbaseline: a\nbias: [0]",
            "two arms of the same settings",
        ),
        ("arms: [undescriptive]\nbias: [0]", "no arm but the baseline"),
        ("arms: [poetic]\nbias: [0]", "No caption style is named 'poetic'"),
        ("arms: [3]\nbias: [0]", "an arm 3, which is no value of labels"),
        ("factor: seed\narms: [a]\nbias: [0]", "compares by 'seed'"),
        ("factor: [1]\narms: [a]\nbias: [0]", "compares by [1]"),
        ("arms: [descriptive]\nbias: [2]", "The bias is 2"),
        ("arms: [descriptive]\nbias: [much]", "The bias is 'much'"),
        ("arms: [descriptive]\nbias: [[0]]", "The bias is [0]"),
        ("arms: [descriptive]\nbias: [0]\nseeds: 0", "number of seeds is 0"),
        ("arms: [descriptive]\nbias: [0]\nseeds: many", "number of seeds is 'many'"),
        ("arms: [descriptive]\nbias: [0]\nsettings: {colour: red}", "No setting is named 'colour'"),
        ("arms: [descriptive]\nbias: [0]\nsettings: {steps: some}", "steps is 'some'"),
        ("arms: [descriptive]\nbias: [0]\nsettings: {bias: 0.5}", "a bias among its settings"),
        ("arms: [descriptive]\nbias: [0]\nsettings: 7", "settings that are no fields"),
        (
            "factor: mitigation\nbaseline: none\narms: [dfr, reweight]\nbias: [1]",
            "reweight is not applicable",
        ),
        ("!!python/object/apply:os.system ['true']", "no YAML file"),
        ("arms: [descriptive]\nbias: [2020-99-99]", "no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: " + "9" * 5000, "no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: !!bool maybe", "no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: !!timestamp never", "no YAML file"),
        ("[" * 5000, "no YAML file"),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(LabError) as caught:
        find(write(tmp_path, text))
    assert words in str(caught.value)


def test_an_unknown_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="No study is named 'huge'"):
        find("huge")
    with pytest.raises(StudyError, match=r"missing.yaml cannot be read"):
        find(str(tmp_path / "missing.yaml"))


def test_a_file_that_names_an_image_set_means_its_current_version(empty_home: Path) -> None:
    import_set(pets(empty_home / "pictures"), "pets")
    images = open_set("pets")
    (empty_home / "settings.yaml").write_text(
        "arms: [descriptive]\nbias: [0, 0.5]\nsettings: {data: pets, steps: 10}"
    )
    (empty_home / "sets.yaml").write_text("factor: data\nbaseline: pets\narms: [scenes]\nbias: [0]")
    by_settings, by_arms = (
        find(str(empty_home / name)).conditions for name in ("settings.yaml", "sets.yaml")
    )
    assert {condition.data_version for condition in by_settings} == {images.version}
    assert {condition.n_per_group for condition in by_settings} == {usual_n_per_group(images)}
    assert [condition.data_version for condition in by_arms] == [
        images.version,
        Condition().data_version,
    ]
