"""Sanity check of a recipe: do models of this kind learn their captions, and the animals, where
nothing is biased? What a biased model fails at means something only if the same recipe succeeds at
bias 0, in both label styles.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pandas as pd

from vlcore.artifacts import store
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, ConditionError
from vlcore.experiment.options import FROZEN

FIT, BALANCED, MATCH_TOLERANCE = 0.99, 0.85, 0.03
# Renderer 2 draws animals large enough to be enjoyed; their outline shows a little even in a random
# encoder (62 %).
UNTRAINED_PROBE = 0.65


class SanityStatus(Enum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run yet"


@dataclass(frozen=True)
class SanityCheck:
    """Whether a recipe learns where nothing is biased, and one sentence for each thing that was
    looked at."""

    status: SanityStatus
    sentences: list[str]


def sanity_check(
    condition: Condition, read: Callable[[str], store.Artifact] = store.read
) -> SanityCheck:
    """The check of a condition's recipe, from the runs at bias 0 with its seeds and settings: in
    both of the study's label styles where its objective reads labels, else in its own."""
    plain, runs = condition.replace(bias=0.0, size_mode="shrink"), []
    for labels in STYLES_OF_THE_STUDY:
        with suppress(
            ConditionError
        ):  # an objective or a choice of negatives that does not go with the style
            runs.append(plain.with_labels(labels))
    sentences, passed = [], True
    for unbiased in runs or [plain]:
        if not store.published(unbiased.key):
            sentence = f"Train no bias with {unbiased.labels} labels and this seed to check it."
            return SanityCheck(SanityStatus.NOT_RUN, [sentence])
        facts = checks(read(unbiased.key).metrics, is_frozen=bool(unbiased.frozen_tower))
        for fact, holds in facts.items():
            passed &= holds
            sentences.append(
                f"{unbiased.labels.capitalize()}: {fact} ({'' if holds else 'not '}as it should"
                " be)."
            )
    return SanityCheck(SanityStatus.PASSED if passed else SanityStatus.FAILED, sentences)


def unsound(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The blocks of a table of runs (`vlcore.study.runs_table.runs_table`) whose runs of the
    study's two label styles at bias 0 fail the check, and what of it."""
    rows = frame[
        (frame["bias"] == 0) & frame["labels"].isin(STYLES_OF_THE_STUDY) & frame["value"].notna()
    ]
    failed: dict[str, dict[str, list[str]]] = {}  # what, and of which label styles
    for (block, labels, _), run in rows.groupby(["block", "labels", "key"]):
        value = run.set_index(["moment", "measure"])["value"].to_dict()
        if ("end", "train_caption_accuracy") not in value:
            continue  # trained without captions
        end = {"train_caption_accuracy": value["end", "train_caption_accuracy"]}
        match = value.get(("run", "text_only_match"))
        metrics = {"end": end, "untrained": {"collapsed": False}, "text_only_match": match}
        for moment, measure in (("end", "balanced_accuracy"), ("untrained", "probe_object")):
            if (moment, measure) in value:
                metrics[moment][measure] = {"value": value[moment, measure]}
        is_frozen = str(run["architecture"].iat[0]).startswith(FROZEN)
        for fact in (
            fact for fact, holds in checks(metrics, is_frozen=is_frozen).items() if not holds
        ):
            failed.setdefault(str(block), {}).setdefault(fact, []).append(str(labels))
    return {
        block: [f"{' and '.join(labels)}: {fact}" for fact, labels in facts.items()]
        for block, facts in failed.items()
    }


def checks(metrics: Mapping[str, Any], *, is_frozen: bool = False) -> dict[str, bool]:
    """What is asked of the metrics of a run at bias 0, in words, and whether it holds. An untrained
    encoder should not show the object, but for a frozen network, which may know it from
    elsewhere."""
    end, untrained = metrics["end"], metrics["untrained"]
    fitted, match = end["train_caption_accuracy"], metrics["text_only_match"]
    found = {f"{fitted * 100:.4g} % of training captions fitted, at least 99 wanted": fitted >= FIT}
    if "balanced_accuracy" in end:
        balanced = end["balanced_accuracy"]["value"]
        found[f"right on {balanced * 100:.4g} % of held-out pictures, at least 85 wanted"] = (
            balanced >= BALANCED
        )
    if (
        match is not None
    ):  # objectives other than the pairwise one have no mismatched captions of their own
        found[f"caption alone tells matched pairs at {match:.2f}, 0.50 wanted"] = (
            abs(match - 0.5) <= MATCH_TOLERANCE
        )
    if is_frozen:
        return found
    if "probe_object" in untrained:  # a small set has no pictures to fit one on
        probe, wanted = (
            untrained["probe_object"]["value"],
            f"at most {UNTRAINED_PROBE * 100:.0f} wanted",
        )
        found[f"untrained encoder shows the object at {probe * 100:.4g} %, {wanted}"] = (
            probe <= UNTRAINED_PROBE
        )
    elif untrained["collapsed"]:
        found["untrained encoder maps all pictures to one point"] = False
    return found
