"""A study is complete paired blocks about one setting, whether it has a name or a file."""

from pathlib import Path

import pytest

from tests.pages.app import pets
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_n_per_group
from vlcore.experiment.condition import GRIDS, Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import MITIGATIONS, NEGATIVES, objectives_here
from vlcore.study.plans import STUDIES, StudyError, controls, find

DOSE = """
name: dose
factor: labels
baseline: undescriptive
arms: [partial_50, descriptive]
bias: [0, 0.9]
seeds: 3
settings:
  steps: 40
  n_per_group: 20
"""


def write(folder: Path, text: str) -> str:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return str(folder / "mine.yaml")


@pytest.mark.parametrize("name", STUDIES)
def test_a_block_differs_in_the_factor_and_the_bias_alone(name: str) -> None:
    study = find(name, Condition(steps=7, data_seed=4, init_seed=9), seeds=2)
    arms = {str(getattr(condition, study.factor)) for condition in study.conditions}
    assert arms == {study.baseline, *study.treatments}
    assert (
        len(set(study.conditions))
        == len(study.conditions)
        == len({c.key for c in study.conditions})
    )
    blocks = [
        study.conditions[: len(study.conditions) // 2],
        study.conditions[len(study.conditions) // 2 :],
    ]
    for seed, block in enumerate(blocks):
        assert {(c.data_seed, c.init_seed, c.steps) for c in block} == {(4 + seed, 9 + seed, 7)}
        levels = {condition.bias for condition in block}
        for bias in levels:
            cell = [condition for condition in block if condition.bias == bias]
            assert len(cell) == len(arms)
            neutral = {condition.replace(**{study.factor: study.baseline}) for condition in cell}
            assert len(neutral) == 1
    assert not set(study.extra) & set(study.conditions)


@pytest.mark.parametrize(
    ("name", "size"), [("experiments", 4), ("paper", 12), ("class", 6), ("full", 14)]
)
def test_the_grids_of_the_study_are_studies_of_labels(name: str, size: int) -> None:
    study = find(name, Condition(steps=5), seeds=3)
    assert (study.factor, study.baseline, study.treatments) == (
        "labels",
        "undescriptive",
        ("descriptive",),
    )
    assert len(study.conditions) == 3 * size
    assert {(one.bias, one.labels) for one in study.conditions[:size]} == {
        (bias, labels) for bias in GRIDS[name] for labels in ("undescriptive", "descriptive")
    }


def test_every_choice_is_in_a_study() -> None:
    tried = {
        (study.factor, value)
        for study in map(find, STUDIES)
        for value in (study.baseline, *study.treatments)
    }
    beside = {condition.objective for condition in find("objectives").extra}
    assert {value for factor, value in tried if factor == "objective"} | beside == set(
        objectives_here()
    )
    assert {value for factor, value in tried if factor == "negatives"} == set(NEGATIVES)
    assert {value for factor, value in tried if factor == "mitigation"} == set(MITIGATIONS)


def test_a_study_of_something_else_keeps_the_labels_that_were_asked_for() -> None:
    assert {c.labels for c in find("mitigation", Condition(labels="descriptive")).conditions} == {
        "descriptive"
    }
    assert {c.labels for c in find("objectives", Condition(labels="undescriptive")).conditions} == {
        "descriptive"
    }


def test_controls_are_the_placebo_and_the_removal_without_bias() -> None:
    study = find("class", seeds=2)
    found = controls(study)
    assert len(set(found)) == len(found)
    assert {(c.labels, c.size_mode) for c in found} == {
        ("shuffled_context", "shrink"),
        ("undescriptive", "random_removal"),
        ("descriptive", "random_removal"),
    }
    assert {c.bias for c in found if c.size_mode == "random_removal"} == {0.75, 1.0}
    assert len(found) == 2 * (3 + 2 * 2)
    assert controls(find("mitigation")) == ()
    assert not set(controls(find("labels"))) & set(find("labels").conditions)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    study = find(write(tmp_path, DOSE), Condition(init_seed=5, data_seed=5))
    assert (study.name, study.factor, study.baseline) == ("dose", "labels", "undescriptive")
    assert study.treatments == ("partial_50", "descriptive")
    assert len(study.conditions) == 3 * 2 * 3
    assert {(c.steps, c.n_per_group, c.bias) for c in study.conditions} == {
        (40, 20, 0.0),
        (40, 20, 0.9),
    }
    assert {c.init_seed for c in study.conditions} == {5, 6, 7}
    text = DOSE.rstrip() + "\n  data_seed: 20\n  init_seed: 30\n"
    found = find(write(tmp_path, text), Condition(data_seed=5)).conditions
    assert {(one.data_seed, one.init_seed) for one in found} == {(20, 30), (21, 31), (22, 32)}, (
        "of its first block"
    )


def test_a_file_names_short_labels_as_pages_do(tmp_path: Path) -> None:
    text = "baseline: {}\narms: [descriptive]\nbias: [0]\nseeds: 1\n"
    named = find(write(tmp_path, text.format("short")))
    assert named.baseline == "undescriptive"
    assert named.conditions == find(write(tmp_path, text.format("undescriptive"))).conditions


def test_what_a_file_leaves_out_is_that_of_the_command(tmp_path: Path) -> None:
    study = find(write(tmp_path, "arms: [descriptive]\nbias: [0.5]"), Condition(steps=9), seeds=2)
    assert (study.name, study.factor) == ("mine", "labels")
    assert [(c.labels, c.steps, c.init_seed) for c in study.conditions] == [
        ("undescriptive", 9, 0),
        ("descriptive", 9, 0),
        ("undescriptive", 9, 1),
        ("descriptive", 9, 1),
    ]


PARTS = """
baseline: one caption
arms:
  two captions: {objective: two_part}
  one caption: {}
  four classes: {objective: ce_group, labels: descriptive}
bias: [0.75]
seeds: 2
settings: {steps: 40}
"""


def test_arms_may_be_sets_of_settings_or_numbers(tmp_path: Path) -> None:
    study = find(write(tmp_path, PARTS))
    assert (study.factor, study.baseline, study.treatments) == (
        "arm",
        "one caption",
        ("two captions", "four classes"),
    )
    assert [(one.objective, one.labels, one.init_seed) for one in study.conditions[:3]] == [
        ("pairwise_bce", "undescriptive", 0),
        ("two_part", "undescriptive", 0),
        ("ce_group", "descriptive", 0),
    ]
    assert [study.arm_of(one) for one in study.conditions] == 2 * [
        "one caption",
        "two captions",
        "four classes",
    ]
    numbers = find(write(tmp_path, "factor: n_per_group\nbaseline: 48\narms: [24, 96]\nbias: [0]"))
    assert [one.n_per_group for one in numbers.conditions] == [48, 24, 96]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "mine.yaml holds no fields; write factor, baseline, arms and bias."),
        ("- a\n- b", "mine.yaml holds no fields"),
        ("arms: [", "mine.yaml is no YAML file (line"),
        ("colour: red", "mine.yaml has a field 'colour'; a study has name, factor"),
        (
            "bias: [0]",
            "mine.yaml has an empty grid: give arms as a list, such as `arms: [partial_25",
        ),
        (
            "arms: [descriptive]\nbias: []",
            "has an empty grid: give bias as a list, such as `bias: [0, 0.75]`",
        ),
        (PARTS.replace("baseline: one caption", ""), "mine.yaml names its arms"),
        (PARTS.replace("{}", "3"), "mine.yaml has an arm 'one caption' without settings"),
        (PARTS.replace("{}", "{colour: red}"), "No setting is named 'colour'"),
        (PARTS.replace("{}", "{bias: 0.5}"), "mine.yaml has arms that differ in bias"),
        (
            PARTS.replace("{}", "{objective: two_part}"),
            "mine.yaml has two arms of the same settings",
        ),
        ("arms: [descriptive]\nbias: 0.5", "mine.yaml has an empty grid: give bias as a list"),
        ("arms: [undescriptive]\nbias: [0]", "mine.yaml has no arm but the baseline"),
        ("arms: [poetic]\nbias: [0]", "No label style is named 'poetic'"),
        ("arms: [3]\nbias: [0]", "mine.yaml has an arm 3, which is no value of labels"),
        ("factor: seed\narms: [a]\nbias: [0]", "mine.yaml compares by 'seed'; choose one of data"),
        ("factor: [1]\narms: [a]\nbias: [0]", "mine.yaml compares by [1]"),
        ("arms: [descriptive]\nbias: [2]", "The bias is 2; give the removed share"),
        ("arms: [descriptive]\nbias: [much]", "The bias is 'much'"),
        (
            "arms: [descriptive]\nbias: [0]\nseeds: 0",
            "number of seeds is 0; give a whole number from 1 to 1000",
        ),
        ("arms: [descriptive]\nbias: [0]\nseeds: many", "number of seeds is 'many'"),
        ("arms: [descriptive]\nbias: [0]\nsettings: {colour: red}", "No setting is named 'colour'"),
        ("arms: [descriptive]\nbias: [0]\nsettings: {steps: some}", "steps is 'some'"),
        (
            "arms: [descriptive]\nbias: [0]\nsettings: 7",
            "mine.yaml has settings that are no fields",
        ),
        (
            "factor: mitigation\nbaseline: none\narms: [dfr, reweight]\nbias: [1]",
            "reweight is not applicable",
        ),
        ("arms: [descriptive]\nbias: [[0]]", "The bias is [0]"),
        ("arms: [descriptive]\nbias: [{a: 1}]", "The bias is {'a': 1}"),
        ("!!python/object/apply:os.system ['true']", "mine.yaml is no YAML file"),
        ("arms: [descriptive]\nbias: [2020-99-99]", "mine.yaml is no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: " + "9" * 5000, "mine.yaml is no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: 0x" + "f" * 5000, "mine.yaml is no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: !!bool maybe", "mine.yaml is no YAML file"),
        ("arms: [descriptive]\nbias: [0]\nseeds: !!timestamp never", "mine.yaml is no YAML file"),
        ("[" * 5000, "mine.yaml is no YAML file"),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(LabError) as caught:
        find(write(tmp_path, text))
    assert sentence in str(caught.value)


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        StudyError, match=r"No grid is named 'huge'; choose one of experiments, .* or give the path"
    ):
        find("huge")
    with pytest.raises(StudyError, match=r"missing.yaml cannot be read \(No such file"):
        find(str(tmp_path / "missing.yaml"))


def test_a_file_that_names_an_image_set_means_the_one_that_is_there(empty_home: Path) -> None:
    import_set(pets(empty_home / "pictures"), "pets")
    images = open_set("pets")
    (empty_home / "own.yaml").write_text(
        "arms: [descriptive]\nbias: [0, 0.5]\nsettings: {data: pets, steps: 10}"
    )
    (empty_home / "sets.yaml").write_text("factor: data\nbaseline: pets\narms: [scenes]\nbias: [0]")
    own, sets = (find(str(empty_home / name)) for name in ("own.yaml", "sets.yaml"))
    assert {one.data_version for one in own.conditions} == {images.version}
    assert {one.n_per_group for one in own.conditions} == {usual_n_per_group(images)}
    assert [one.data_version for one in sets.conditions] == [
        images.version,
        Condition().data_version,
    ]
