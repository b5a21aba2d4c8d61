"""The ledger on studies whose truth is known: supported, contradicted, open or dependent."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.study.frames import BIASES, estimate, moments, run
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.study.claims import evaluate_claims, study_claims
from vlcore.study.evidence import (
    ClaimResult,
    ClaimTest,
    Evidence,
    claim_status,
    evaluate_claim,
    with_status,
)
from vlcore.study.runs_table import AnalysisError, runs_table
from vlcore.study.statistics.factorial import phi
from vlcore.study.statistics.paired import Status, paired
from vlcore.study.text import claim_sentence, claim_words, not_run

STYLES = ("undescriptive", "descriptive", "shuffled_context")
# Of a condition and a moment: what is measured, by name.
Truth = Callable[[Condition, str], dict[str, Any]]
Worlds = dict[str, dict[str, ClaimResult]]
IDS = [f"C{number}" for number in range(1, 9)]


def grid(
    seeds: int = 7, biases: Sequence[float] = BIASES, styles: Sequence[str] = STYLES
) -> list[Condition]:
    """The study's runs with the placebo, and the control of size with undescriptive labels (bias 0
    is in the study)."""
    plain = [
        Condition(bias=bias, labels=labels, data_seed=seed, init_seed=seed)
        for seed in range(seeds)
        for bias in biases
        for labels in styles
    ]
    removed = [
        one.replace(size_mode="random_removal")
        for one in plain
        if one.bias and one.labels == "undescriptive"
    ]
    return plain + removed


def table(
    truth: Truth,
    wanted: Sequence[Condition] | None = None,
    *,
    fitted: bool = True,
    pixels: float = 0.1,
) -> pd.DataFrame:
    """A study that measured `truth`, and a little noise of each run."""

    def measured(condition: Condition, moment: str) -> dict[str, Any]:
        code = [
            condition.init_seed,
            int(condition.bias * 100),
            STYLES.index(condition.labels),
            len(moment),
        ]
        random = np.random.default_rng([*code, len(condition.size_mode), len(condition.mitigation)])
        noisy: dict[str, Any] = {}
        for name, value in truth(condition, moment).items():
            *path, last = name.split(".")
            place = noisy
            for part in path:
                place = place.setdefault(part, {})
            place[last] = estimate(value + random.normal(0, 0.005))
        return noisy

    runs = []
    for condition in grid() if wanted is None else wanted:
        first = measured(condition, "first_fit") if fitted else None
        metrics = moments(measured(condition, "end"), measured(condition, "untrained"), first)
        runs.append(
            run(condition, {**metrics, "raw_pixels": {"silhouette_object": estimate(pixels)}})
        )
    return runs_table(runs)


def verdict(name: str, frame: pd.DataFrame, grouping: Grouping = SCENES) -> ClaimResult:
    claim = next(one for one in study_claims(grouping) if one.id == name)
    return evaluate_claim(claim, Evidence(frame))


def described(condition: Condition) -> bool:
    return condition.labels == "descriptive"


def biased(condition: Condition) -> float:
    """φ as training has it: none where pictures go from all groups alike."""
    return 0.0 if condition.size_mode == "random_removal" else float(phi(condition.bias))


def claimed(condition: Condition, moment: str) -> dict[str, float]:
    """A world in which all that the study says is so."""
    trained, more = moment != "untrained", described(condition)
    minority = 0.9 - (0.2 if more else 0.5) * biased(condition)
    return {
        "silhouette_object": 0.4 * trained,
        "variance_object": 0.3 * trained,
        "silhouette_context": 0.5 + 0.3 * more * trained,
        "variance_context": 0.4 + 0.2 * more * trained,
        "silhouette_group": 0.2 + 0.1 * more,
        "probe_group": 0.6 + 0.1 * more,
        "silhouette_majority_pair": 0.5 + 0.3 * biased(condition),
        "dispersion.horse_grass": 0.2,
        "dispersion.camel_desert": 0.2,
        "dispersion.horse_desert": 0.2 + 0.2 * biased(condition),
        "dispersion.camel_grass": 0.2 + 0.2 * biased(condition),
        "minority_accuracy": minority,
        "readouts_linear_probe.minority_accuracy": minority,
        "group_accuracy.horse_grass": 0.8,
        "group_accuracy.horse_desert": 0.75,
        "group_accuracy.camel_desert": 0.95,
        "group_accuracy.camel_grass": 0.8,
    }


def opposite(condition: Condition, moment: str) -> dict[str, float]:
    """A world in which the opposite of everything is so."""
    trained, more, bias = moment != "untrained", described(condition), biased(condition)
    minority = 0.5 + (0.1 if more else 0.3) * bias
    return {
        "silhouette_object": 0.5 - 0.3 * trained,
        "silhouette_context": 0.6 - 0.3 * more * trained,
        "silhouette_group": 0.4 - 0.1 * more,
        "silhouette_majority_pair": 0.5 - 0.3 * bias,
        "dispersion.horse_grass": 0.2 + 0.1 * bias,
        "dispersion.camel_desert": 0.2 + 0.1 * bias,
        "dispersion.horse_desert": 0.5 - 0.2 * bias,
        "dispersion.camel_grass": 0.5 - 0.2 * bias,
        "minority_accuracy": minority,
        **{f"group_accuracy.{name}": 0.9 - 0.2 * (name == "camel_desert") for name in SCENES.names},
    }


@pytest.fixture(scope="module")
def worlds() -> Worlds:
    return {
        name: {one.claim.id: one for one in evaluate_claims(table(truth))}
        for name, truth in (("claimed", claimed), ("opposite", opposite))
    }


@pytest.mark.parametrize("name", IDS)
def test_what_is_so_is_supported_and_its_opposite_contradicted(worlds: Worlds, name: str) -> None:
    assert worlds["opposite"][name].status is Status.CONTRADICTED
    found = worlds["claimed"][name]
    assert found.main.status is Status.SUPPORTED
    assert found.n == 7
    assert found.estimate.value * found.claim.sign > 0
    assert found.runs
    assert found.status is Status.SUPPORTED
    assert all(null.status is Status.SUPPORTED for null in found.controls)
    assert name != "C8" or len(found.controls) == 3, (
        "the easiest group stands out from each of the others"
    )


def test_numbers_are_those_of_the_runs(worlds: Worlds) -> None:
    found = worlds["claimed"]
    values = {name: one.estimate.value for name, one in found.items() if one.estimate is not None}
    expected = {"C1": 0.4, "C2": 0.3, "C4": 0.3, "C5": 0.2, "C8": 0.95 - (0.8 + 0.75 + 0.8) / 3}
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=0.02)
    (untrained,) = found["C2"].controls
    assert untrained.reference.value == pytest.approx(0.5, abs=0.01)
    assert "(there 0.50)" in claim_sentence(found["C2"])
    assert found["C1"].main.reference.value == pytest.approx(0, abs=0.01)
    logits = [np.log(p / (1 - p)) for p in 0.9 - 0.5 * phi(np.array(BIASES))]
    assert values["C6"] == pytest.approx(np.polyfit(phi(BIASES), logits, 1)[0], abs=0.1)


def test_the_runs_behind_a_verdict_are_named(worlds: Worlds) -> None:
    found = worlds["claimed"]
    unbiased = {one.key for one in grid() if one.bias == 0 and one.labels == "undescriptive"}
    assert set(found["C1"].runs) == unbiased
    assert {one.key for one in grid() if one.size_mode == "random_removal"} < set(found["C6"].runs)
    assert not any("shuffled_context" in key for key in found["C2"].runs)
    assert any("shuffled_context" in key for key in found["C7"].runs)


@pytest.mark.parametrize(
    ("name", "styles", "without"),
    [
        ("C3", STYLES[:2], "labels=shuffled_context"),
        ("C7", STYLES[:2], "labels=shuffled_context"),
        ("C4", STYLES, ""),
        ("C6", STYLES, ""),
    ],
)
def test_a_null_that_was_not_run_is_not_beaten(
    name: str, styles: Sequence[str], without: str
) -> None:
    wanted = [one for one in grid(styles=styles) if without or one.size_mode == "shrink"]
    found = verdict(name, table(claimed, wanted))
    assert (found.status, found.n) == (Status.NOT_DECIDED, 7)
    assert found.main.status is Status.SUPPORTED
    assert "The control was not run: from " in claim_sentence(found)
    assert claim_words(found) == "control not run (7 seed pairs)"
    assert not_run(found).startswith("Inconclusive as long as this has not been run: from ")
    assert (without or "size_mode=random_removal") in claim_sentence(found)
    assert verdict(name, table(opposite, wanted)).status is Status.CONTRADICTED, (
        "that needs no null"
    )


def minority_falls_by(**slopes: float) -> Truth:
    """A world where minority accuracy falls by so much a φ with each label style."""
    return lambda condition, moment: {
        **claimed(condition, moment),
        "minority_accuracy": 0.9 - slopes[condition.labels] * biased(condition),
    }


@pytest.mark.parametrize(
    ("name", "truth", "pixels", "status", "sentence"),
    [
        (
            "C7",
            minority_falls_by(undescriptive=0.5, descriptive=0.2, shuffled_context=0.2),
            0.1,
            Status.NOT_DECIDED,
            "It is not shown to stand out from labels with a random context.",
        ),
        (
            "C7",
            minority_falls_by(undescriptive=0.5, descriptive=0.3, shuffled_context=0.1),
            0.1,
            Status.CONTRADICTED,
            "It does not stand out from labels with a random context.",
        ),
        (
            "C6",
            lambda condition, moment: {"minority_accuracy": 0.9 - 0.4 * float(phi(condition.bias))},
            0.1,
            Status.NOT_DECIDED,
            "It is not shown to stand out from as many images removed at random.",
        ),
        (
            "C2",
            lambda condition, moment: {
                "silhouette_context": (
                    0.8 if moment == "untrained" else 0.6 if described(condition) else 0.2
                )
            },
            0.1,
            Status.CONTRADICTED,
            "It does not stand out from the untrained encoder.",
        ),
        ("C1", claimed, 0.6, Status.CONTRADICTED, "It does not stand out from raw pixels."),
    ],
)
def test_a_null_takes_the_claim_away(
    name: str, truth: Truth, pixels: float, status: Status, sentence: str
) -> None:
    found = verdict(name, table(truth, grid(seeds=9), pixels=pixels))
    assert found.main.status is Status.SUPPORTED
    assert (found.status, found.n) == (status, 9)
    assert sentence in claim_sentence(found)


def test_a_kind_of_measure_that_a_run_lacks_has_its_reason() -> None:
    def kindless(condition: Condition) -> dict[str, Any]:
        end = {
            "absent": {"group_accuracy": "this model has no readout"},
            "minority_accuracy": estimate(0.5),
        }
        return moments(
            end if condition.labels == "undescriptive" else {"group_accuracy": {"a": estimate(0.5)}}
        )

    frame = runs_table([run(condition, kindless(condition)) for condition in grid(seeds=6)])
    assert claim_sentence(verdict("C8", frame)) == "It was not tested: this model has no readout."


def test_nothing_is_close_to_zero_on_a_measure_that_counts_no_pictures() -> None:
    found = verdict("C1", table(lambda condition, moment: {"silhouette_object": 0.3}))
    assert found.main.difference.margin is None
    assert found.status is Status.NOT_DECIDED
    found = verdict("C3", table(lambda condition, moment: {"silhouette_group": 0.3}))
    assert (found.status, found.n) == (Status.NOT_DECIDED, 7)
    assert "The interval leaves both signs open." in claim_sentence(found)


def by_moment(condition: Condition, moment: str) -> dict[str, float]:
    return (opposite if moment == "first_fit" else claimed)(condition, moment)


def by_level(condition: Condition, moment: str) -> dict[str, float]:
    return {
        "silhouette_group": 0.4 + 0.1 * (1 if condition.bias < 0.8 else -1) * described(condition)
    }


def by_measure(condition: Condition, moment: str) -> dict[str, float]:
    return {**claimed(condition, moment), "variance_object": 0.3 * (moment == "untrained")}


def by_style(condition: Condition, moment: str) -> dict[str, float]:
    return {
        "silhouette_majority_pair": (
            0.5 + (-0.3 if described(condition) else 0.3) * biased(condition)
        )
    }


@pytest.mark.parametrize(
    ("name", "truth", "axis", "contradicted"),
    [
        ("C6", by_moment, "moment", "at the fit step"),
        ("C3", by_level, "bias", "at bias 90 %"),
        ("C1", by_measure, "measure", "on “Share of variance between animals”"),
        ("C4", by_style, "label style", "with descriptive labels"),
    ],
)
def test_readings_that_disagree_make_it_depend(
    name: str, truth: Truth, axis: str, contradicted: str
) -> None:
    found = verdict(name, table(truth))
    assert found.status is Status.DEPENDS
    assert claim_words(found).startswith(f"depends on the {axis}: ")
    assert f"contradicted {contradicted}" in claim_words(found)
    assert "supported " in claim_words(found)
    open_ = replace(
        found,
        main=replace(found.main, status=Status.NOT_DECIDED),
        variations=(*found.variations, replace(found.main, status=Status.NOT_DECIDED)),
    )
    for sentence in (claim_words(open_), claim_sentence(open_)):
        assert "inconclusive " in sentence
        assert "not decided" not in sentence


def test_five_blocks_and_no_run_decide_nothing() -> None:
    assert {claim_words(one) for one in evaluate_claims(runs_table([]))} == {"not measured"}
    for found in evaluate_claims(table(claimed, grid(seeds=5))):
        assert (found.status, found.n) == (Status.NOT_DECIDED, 5)
        assert "Fewer than 6 seed pairs decide nothing." in claim_sentence(found)
        assert found.estimate is not None, "it is measured all the same"


def test_what_was_not_measured_says_so() -> None:
    bare = table(lambda condition, moment: {"minority_accuracy": 0.6}, fitted=False)
    found = verdict("C1", bare)
    assert (found.status, found.estimate, found.n) == (Status.NOT_DECIDED, None, 0)
    assert (
        claim_sentence(found)
        == "It was not tested: no run has silhouette_object at the moment end."
    )
    early = next(one for one in verdict("C6", bare).variations if one.axis == "moment")
    assert early.reason == "the training captions were never fitted"
    one_level = verdict("C6", table(claimed, grid(biases=(0.75,))))
    assert "levels of bias: 1, two needed for a slope" in claim_sentence(one_level)
    one_block = verdict("C6", table(claimed, grid(seeds=1)))
    assert "complete seed pairs: 1, two needed" in claim_sentence(one_block)


def test_bias_1_is_in_no_claim(worlds: Worlds) -> None:
    def truth(condition: Condition, moment: str) -> dict[str, float]:
        values = claimed(condition, moment)
        return dict.fromkeys(values, 0.5) if condition.bias == 1 else values

    for found in evaluate_claims(table(truth, grid(biases=(*BIASES, 1.0)))):
        without = worlds["claimed"][found.claim.id]
        assert found.status == without.status
        assert found.runs == without.runs
        assert found.estimate == without.estimate


def test_the_control_shares_the_runs_at_bias_0() -> None:
    """Where nothing is removed it does not matter from which groups: two levels are enough for a
    slope."""
    frame = table(claimed, grid(biases=(0.0, 0.75)))
    assert not ((frame["size_mode"] == "random_removal") & (frame["bias"] == 0)).any()
    (control,) = verdict("C6", frame).controls
    assert control.reference.value == pytest.approx(0, abs=0.15)
    own = [
        one for one in grid(biases=(0.0, 0.75)) if one.labels == "undescriptive" and one.bias == 0
    ]
    again = table(
        claimed,
        [*grid(biases=(0.0, 0.75)), *(one.replace(size_mode="random_removal") for one in own)],
    )
    assert verdict("C6", again).controls[0].reference is not None


def test_runs_that_do_not_compare_are_refused() -> None:
    wanted = grid(seeds=2)
    with pytest.raises(AnalysisError, match="The runs differ in objective"):
        evaluate_claims(table(claimed, [*wanted, wanted[0].replace(objective="infonce")]))
    frame = table(claimed, wanted)
    with pytest.raises(AnalysisError, match="is in the table twice"):
        evaluate_claims(pd.concat([frame, frame]))


def test_other_label_styles_and_mitigations_are_left_aside(worlds: Worlds) -> None:
    other = table(claimed, [Condition(labels="descriptive", steps=7)]).assign(labels="context")
    mitigated = [one.replace(mitigation="reweight") for one in grid(seeds=2)]
    more = pd.concat([table(claimed), other, table(opposite, mitigated)])
    assert [(one.status, one.runs) for one in evaluate_claims(more)] == [
        (one.status, one.runs) for one in worlds["claimed"].values()
    ]


def test_groups_of_another_set_have_their_own_names() -> None:
    cows = Grouping(("cow", "gull"), ("meadow", "shore"))

    def truth(condition: Condition, moment: str) -> dict[str, float]:
        renamed = dict(zip(SCENES.names, cows.names, strict=True))
        values = claimed(condition, moment)
        return {
            re.sub("|".join(renamed), lambda m: renamed[m.group()], name): v
            for name, v in values.items()
        }

    found = verdict("C8", table(truth), cows)
    assert found.estimate is not None
    assert "gull, shore" in found.claim.says
    assert verdict("C5", table(truth), cows).status is Status.SUPPORTED


def test_no_sentence_says_that_labels_help_or_hurt(worlds: Worlds) -> None:
    for found in (one for world in worlds.values() for one in world.values()):
        parts = (
            claim_sentence(found),
            claim_words(found),
            found.claim.what,
            found.claim.test,
            found.claim.control,
        )
        said = " ".join(parts)
        assert not re.search(r"help|hurt|harm|better|worse|improve|mitigates", said)


def made(status: str, axis: str = "claim", words: str = "at the end") -> ClaimTest:
    """A reading whose blocks say what its status is."""
    sign = {"supported": 1, "contradicted": -1, "not decided": 0}[status]
    noise = np.array([0.3, -0.3, 0.2, -0.2, 0.1, -0.1, 0.25, -0.25])
    difference = paired(sign + noise, None)
    return with_status([ClaimTest(axis, words, difference)], 1)[0]


@pytest.mark.parametrize("claim", ["supported", "contradicted", "not decided"])
@pytest.mark.parametrize("null", ["supported", "contradicted", "not decided"])
@pytest.mark.parametrize("other", ["supported", "contradicted", "not decided"])
def test_one_status_out_of_three_readings(claim: str, null: str, other: str) -> None:
    status = claim_status(
        made(claim),
        [made(null, "control", "from chance")],
        [made(other, "moment", "at the fit step")],
    )
    if null == "contradicted":
        expected = "contradicted"
    elif {claim, other} == {"supported", "contradicted"} or (claim == "not decided" != other):
        expected = "depends on"
    elif claim == "contradicted":
        expected = "contradicted"
    elif claim == null == "supported":
        expected = "supported"
    else:
        expected = "not decided"
    assert status == expected


def test_support_needs_no_adjustment_but_one_null_of_many_does() -> None:
    """Six blocks of one sign have p = 1/32: enough for each of several that must all hold, not for
    any one of three."""
    readings = [ClaimTest("control", "x", paired(np.linspace(0.1, 0.2, 6)))] * 3
    assert [one.status for one in with_status(readings, -1)] == [Status.CONTRADICTED] * 3
    assert [one.status for one in with_status(readings, 1, adjust=True)] == [Status.SUPPORTED] * 3
    assert [one.status for one in with_status(readings, -1, adjust=True)] == [
        Status.NOT_DECIDED
    ] * 3
    assert with_status(readings[:1], -1, adjust=True)[0].status is Status.CONTRADICTED


def test_how_often_a_claim_is_supported_where_nothing_is_so() -> None:
    random = np.random.default_rng(3)
    supported = []
    for _ in range(12):
        frame = table(
            lambda condition, moment: {
                "silhouette_object": random.normal(0.3, 0.1),
                "silhouette_context": random.normal(0.3, 0.1),
                "minority_accuracy": min(max(random.normal(0.6, 0.1), 0.05), 0.95),
            },
            grid(seeds=6, biases=(0.0, 0.75)),
        )
        supported += [one.status is Status.SUPPORTED for one in evaluate_claims(frame)]
    assert np.mean(supported) <= 0.05
