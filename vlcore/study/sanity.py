"""Sanity check of a recipe: whether its models learn captions and objects without bias.

What a biased model fails at means something only if the same recipe succeeds at bias 0, in both
label styles. Whether training has reached a plateau is not checked.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pandas as pd

from vlcore.artifacts import store
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition, ConditionError
from vlcore.experiment.option_names import shown_name
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
    """Whether a recipe learns without bias, and one sentence for each check."""

    status: SanityStatus
    sentences: list[str]


def sanity_check(
    condition: Condition, read: Callable[[str], store.Artifact] = store.read
) -> SanityCheck:
    """Check a condition's recipe, from the runs at bias 0 with its seeds and settings.

    They are in both of the study's label styles where its objective reads labels, else in its own.
    """
    plain = condition.replace(bias=0.0, size_mode="shrink")
    unbiased = []
    for labels in STYLES_OF_THE_STUDY:
        # An objective or a choice of negatives may exclude a style.
        with suppress(ConditionError):
            unbiased.append(plain.with_labels(labels))
    sentences, passed = [], True
    for run in unbiased or [plain]:
        labels = shown_name("labels", run.labels)
        if not store.published(run.key):
            sentence = f"Train no bias with {labels} labels and this seed to check it."
            return SanityCheck(SanityStatus.NOT_RUN, [sentence])
        facts = checks(read(run.key).metrics, is_frozen=bool(run.frozen_tower))
        for fact, holds in facts.items():
            passed &= holds
            verdict = "as it should be" if holds else "not as it should be"
            sentences.append(f"{labels.capitalize()}: {fact} ({verdict}).")
    return SanityCheck(SanityStatus.PASSED if passed else SanityStatus.FAILED, sentences)


def failing_seed_pairs(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The seed pairs whose unbiased runs of the study's two label styles fail the check, and in
    what.

    Args:
        frame: of `vlcore.study.runs_table.runs_table`.
    """
    rows = frame[
        (frame["bias"] == 0) & frame["labels"].isin(STYLES_OF_THE_STUDY) & frame["value"].notna()
    ]
    styles: dict[str, dict[str, list[str]]] = {}  # that fail, by seed pair and fact
    for (block, labels, _), run in rows.groupby(["block", "labels", "key"]):
        value = run.set_index(["moment", "measure"])["value"].to_dict()
        if ("end", "train_caption_accuracy") not in value:
            continue  # trained without captions
        metrics = {
            "end": {"train_caption_accuracy": value["end", "train_caption_accuracy"]},
            "untrained": {"collapsed": False},
            "text_only_match": value.get(("run", "text_only_match")),
        }
        for moment, measure in (("end", "balanced_accuracy"), ("untrained", "probe_object")):
            if (moment, measure) in value:
                metrics[moment][measure] = {"value": value[moment, measure]}
        is_frozen = str(run["architecture"].iat[0]).startswith(FROZEN)
        for fact, holds in checks(metrics, is_frozen=is_frozen).items():
            if not holds:
                failing = styles.setdefault(str(block), {}).setdefault(fact, [])
                failing.append(shown_name("labels", str(labels)))
    return {
        block: [f"{' and '.join(labels)}: {fact}" for fact, labels in facts.items()]
        for block, facts in styles.items()
    }


def checks(metrics: Mapping[str, Any], *, is_frozen: bool = False) -> dict[str, bool]:
    """Check the metrics of a run at bias 0: each fact in words, and whether it holds.

    An untrained encoder should not show the object, but a frozen network may know it already.
    """
    end, untrained = metrics["end"], metrics["untrained"]
    fitted, match = end["train_caption_accuracy"], metrics["text_only_match"]
    facts = {f"{fitted * 100:.4g} % of training captions fitted, at least 99 wanted": fitted >= FIT}
    if "balanced_accuracy" in end:
        balanced = end["balanced_accuracy"]["value"]
        words = f"balanced accuracy {balanced * 100:.4g} % on held-out images, at least 85 wanted"
        facts[words] = balanced >= BALANCED
    if match is not None:  # only the pairwise objective has mismatched captions of its own
        words = f"caption alone tells matched pairs at {match:.2f}, 0.50 wanted"
        facts[words] = abs(match - 0.5) <= MATCH_TOLERANCE
    if is_frozen:
        return facts
    if "probe_object" in untrained:  # a small set has no images to fit one on
        probe = untrained["probe_object"]["value"]
        words = f"untrained encoder shows the object at {probe * 100:.4g} %"
        facts[f"{words}, at most {UNTRAINED_PROBE * 100:.0f} wanted"] = probe <= UNTRAINED_PROBE
    elif untrained["collapsed"]:
        facts["untrained encoder maps all images to one point"] = False
    return facts
