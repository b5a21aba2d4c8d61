"""A condition is a value: equal ones are one key, and what cannot be trained becomes none."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.artifacts.store import check_key
from vlcore.experiment import options
from vlcore.experiment.condition import Condition, ConditionError, from_dict, with_settings
from vlcore.experiment.options import shown_name
from vlcore.scenes import RENDERER_VERSION

OTHER: dict[str, Any] = {
    "data": "other",
    "data_version": "another",
    "bias": 0.75,
    "labels": "descriptive",
    "template": "one {object}",
    "objective": "siglip",
    "negatives": "none",
    "mitigation": "dfr",
    "architecture": "seed_faithful",
    "n_per_group": 47,
    "steps": 599,
    "batch_size": 127,
    "data_seed": 1,
    "init_seed": 1,
    "recipe": "classic",
    "width": 128,
    "embedding": 16,
    "text": "words",
    "edits": '[{"kind":"add","picture":137}]',
}
RANGES = {
    "n_per_group": (2, 10_000),
    "steps": (0, 100_000),
    "batch_size": (2, 4096),
    "data_seed": (0, 2**31 - 1),
    "init_seed": (0, 2**31 - 1),
}
CONDITIONS = st.builds(
    Condition,
    data=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True),
    data_version=st.text(max_size=5),
    bias=st.floats(0, 1),
    labels=st.sampled_from([style for style in options.style_names() if style != "own"]),
    negatives=st.sampled_from(list(options.NEGATIVES)),
    recipe=st.sampled_from(list(options.RECIPES)),
    mitigation=st.sampled_from(
        [name for name, one in options.MITIGATIONS.items() if not one.needs_groups]
    ),
    architecture=st.sampled_from(list(options.ARCHITECTURES)),
    text=st.sampled_from(list(options.TEXTS)),
    **{name: st.integers(*ends) for name, ends in RANGES.items()},
)
PRETRAINED: dict[str, Any] = {
    "objective": "pretrained",
    "architecture": "clip:openai/clip-vit-base-patch32",
    "steps": 0,
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Condition)])
def test_another_value_of_any_field_is_another_key(name: str) -> None:
    base = Condition(labels="own", template="a {object}") if name == "template" else Condition()
    assert base.replace(**{name: OTHER[name]}).key != base.key


@pytest.mark.parametrize(("one", "other"), [(0.0, 0), (0.0, -0.0), (1.0, 1), (0.3, 0.1 + 0.2)])
def test_one_bias_however_it_is_written_is_one_condition(one: float, other: float) -> None:
    assert Condition(bias=other) == Condition(bias=one)
    assert Condition(bias=other).key == Condition(bias=one).key


@given(CONDITIONS, CONDITIONS)
def test_a_condition_is_a_value_that_survives_json_and_settings(
    condition: Condition, other: Condition
) -> None:
    assert (condition.key == other.key) == (condition == other)
    again = from_dict(json.loads(json.dumps(condition.as_dict())))
    assert again == condition == condition.replace()
    assert (again.key, hash(again)) == (condition.key, hash(condition))
    texts = {
        name: repr(value) if isinstance(value, float) else str(value)
        for name, value in vars(condition).items()
    }
    assert with_settings(Condition(), texts) == condition
    assert set(condition.key) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert condition.key[0] not in ".-"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "scenes-b0-undescriptive-bce-s0-1113b3c9"),
        ({"labels": "short"}, "scenes-b0-undescriptive-bce-s0-1113b3c9"),
        ({"bias": 0.9, "labels": "descriptive"}, "scenes-b90-descriptive-bce-s0-37b40d1c"),
        ({"objective": "simclr", "labels": "constant"}, "scenes-b0-constant-simclr-s0-2597be06"),
        ({"bias": 0.125}, "scenes-b12.5-undescriptive-bce-s0"),
        ({"bias": 0.5, "steps": 0}, "scenes-b50-untrained-bce-s0"),
        (
            {"negatives": "none", "data_seed": 3, "init_seed": 3},
            "scenes-b0-undescriptive-bce-positives-s3",
        ),
        ({"data": "ponies", "data_seed": 2, "init_seed": 5}, "ponies-b0-undescriptive-bce-d2s5"),
        ({"labels": "sky", "objective": "infonce"}, "scenes-b0-sky-infonce-s0"),
        ({"bias": 0.9, "mitigation": "groupdro"}, "scenes-b90-undescriptive-bce-groupdro-s0"),
        (
            PRETRAINED | {"bias": 0.75, "labels": "own", "template": "a photo of a {object}"},
            "scenes-b75-own-clip-vit-base-patch32-pretrained-s0",
        ),
        (
            PRETRAINED | {"objective": "pretrained_probe"},
            "scenes-b0-undescriptive-clip-vit-base-patch32-probe-s0",
        ),
        (
            PRETRAINED | {"mitigation": "dfr"},
            "scenes-b0-undescriptive-clip-vit-base-patch32-pretrained-dfr-s0",
        ),
    ],
)
def test_a_key_can_be_read_and_stays(changes: dict[str, Any], key: str) -> None:
    assert f"{Condition(**changes).key}-".startswith(f"{key}-")


CHOICES = {name: known for name, (_, known) in options.CHOICES.items()}
CHOICES |= {"objective": options.objectives_here(), "labels": options.style_names()}
BAD_CHOICES = ("poetic", "", None, 3, ["descriptive"])
BAD_NAMES = ("", "..", ".hidden", "-x", "a/b", "a b", "Ponies", "pferdé", "a\n", 1, None, ["a"])
BAD_NETWORKS = ("", "ResNet18", "resnet18@", "resnet18@seed", "../x", "a b", "x" * 81, "resnet18\n")
NO_NUMBERS = (math.nan, math.inf, -math.inf, -0.1, 1.1, "0.5", None, True)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("bias", NO_NUMBERS, "a number from 0 to 1"),
        *(
            (name, BAD_CHOICES, f"one of {', '.join(shown_name(name, value) for value in known)}")
            for name, known in CHOICES.items()
        ),
        ("architecture", [f"timm:{name}" for name in BAD_NETWORKS], "No image encoder is named"),
        ("data", BAD_NAMES, "name"),
        ("data_version", (1, None, ["scenes"]), "give it as text"),
        ("template", (None, 3, ["descriptive"]), "give it as text"),
        *(
            (name, (low - 1, high + 1, 5.0, "5", True, None), f" to {high}")
            for name, (low, high) in RANGES.items()
        ),
    ],
)
def test_a_value_outside_its_set_or_range_is_refused(
    name: str, values: tuple[Any, ...], said: str
) -> None:
    for value in values:
        with pytest.raises(ConditionError, match=said):
            Condition(**{"data": "ponies", name: value})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": "own"}, "template"),
        ({"template": "a {object}"}, "template"),
        ({"objective": "simclr"}, "labels=constant"),
        ({"objective": "ce_object", "labels": "descriptive"}, "labels=short"),
        ({"objective": "siglip", "negatives": "none"}, "negatives=all"),
        ({"width": 40}, "multiple of 16"),
        ({"bias": 1.0, "mitigation": "groupdro"}, "groupdro is not applicable"),
        ({"objective": "simclr", "labels": "constant", "mitigation": "dfr"}, "mitigation=none"),
        ({"objective": "ce_object", "text": "words"}, "text=transformer"),
        ({"objective": "captioner", "text": "codes"}, "text=transformer"),
        (PRETRAINED | {"steps": 1}, "steps=0"),
        *(
            (PRETRAINED | {"architecture": name}, "architecture of a pretrained model")
            for name in ("conv_stem", "clip:", "clip:openai", "clip:/etc/passwd", "clip:a/b\n", 3)
        ),
        (PRETRAINED | {"mitigation": "groupdro"}, "mitigation=none or mitigation=dfr"),
        (PRETRAINED | {"negatives": "none"}, "no choice of negatives"),
        (PRETRAINED | {"objective": "pairwise_bce"}, "No image encoder"),
        (PRETRAINED | {"width": 128}, "no choice of width"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        Condition(**changes)


def test_numbers_of_numpy_are_numbers() -> None:
    plain = Condition(bias=0.75, init_seed=1, steps=12)
    same: Any = {"bias": np.float32(0.75), "init_seed": np.int64(1), "steps": np.int32(12)}
    assert (Condition(**same), Condition(**same).key) == (plain, plain.key)
    assert {type(Condition(**same).bias), type(Condition(**same).steps)} == {float, int}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"colour": "red"}, "'colour'"),
        ({"steps": "1.5"}, "whole number"),
        ({"bias": "much"}, "is not a number"),
        ({"bias": "nan"}, "bias is nan"),
    ],
)
def test_settings_that_do_not_fit_are_refused(texts: dict[str, str], said: str) -> None:
    with pytest.raises(ConditionError, match=said):
        with_settings(Condition(), texts)
    with pytest.raises(ConditionError):
        from_dict(texts)


def test_settings_of_version_0_6_are_read_where_they_had_their_usual_value() -> None:
    former = {"logit": "learned", "size_mode": "shrink", "schedule": "cosine"}
    values = Condition(bias=0.75).as_dict()
    assert not set(former) & set(values)
    assert from_dict(values | former) == Condition(bias=0.75)
    for name in former:
        with pytest.raises(ConditionError, match=f"cannot read {name}='other'; use version 0.6"):
            from_dict(values | {name: "other"})


def test_before_training_a_recipe_makes_no_difference_and_other_settings_do() -> None:
    condition = Condition(labels="descriptive", bias=0.75)
    untrained = condition.untrained.key
    assert untrained == "scenes-b75-untrained-bce-s0-bd32acf9"
    assert condition.replace(recipe="classic").untrained.key == untrained
    assert condition.replace(width=128).untrained.key != untrained
    assert condition.replace(text="words").untrained.key != untrained


@given(
    name=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,90}", fullmatch=True),
    tail=st.from_regex(r"(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,90}|@[0-9a-f]{8})", fullmatch=True),
)
def test_every_checkpoint_has_a_key_that_can_be_published(name: str, tail: str) -> None:
    values = PRETRAINED | {"architecture": f"clip:{name}{tail}"}
    if ".." in name + tail:
        with pytest.raises(ConditionError, match="architecture of a pretrained model"):
            Condition(**values)
    else:
        other = Condition(**values | {"architecture": f"clip:another/{name}"})
        assert check_key(Condition(**values).key) != other.key
        assert other.checkpoint == name


def test_a_choice_brings_what_goes_with_it() -> None:
    assert Condition().data_version == str(RENDERER_VERSION)
    assert Condition(data="ponies").data_version == ""
    assert Condition(labels="own", template="{place}").with_labels("descriptive").template == ""
    assert Condition(bias=1.0, mitigation="dfr").n_minority == 0
    assert Condition(n_per_group=10, bias=0.64).n_minority == 4
    assert Condition(n_per_group=10, bias=0.68).n_minority == 3
    condition = Condition(bias=0.9, labels="descriptive", steps=300)
    pretrained = condition.with_towers("pretrained")
    assert (pretrained.architecture, pretrained.text) == ("pretrained", "words")
    assert pretrained.with_towers("scratch") == condition
