"""The claims ledger: what the study said, what would show it, what it must beat, and what was measured.

The one idea: each claim of the study is a value with a contrast that gives one number a block. What comes out is a
status and the numbers behind it; no sentence says that labels help or hurt (design/science.md section 1.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from vlcore.core.grouping import SCENES, Grouping, group_words
from vlcore.studies.evidence import (
    Claim,
    ClaimResult,
    Contrast,
    Evidence,
    Query,
    Variation,
    evaluate_claim,
    means_of,
    paired_contrast,
    slopes_of,
)
from vlcore.studies.plans import PLACEBO
from vlcore.studies.runs_table import RUN


def ledger(frame: pd.DataFrame, grouping: Grouping = SCENES) -> list[ClaimResult]:
    """Every claim of the study with what the runs say of it.

    Args:
        frame: of `vlcore.studies.runs_table.runs_table`; label styles that no claim is about are left aside.
        grouping: which groups are the majority.

    Raises:
        AnalysisError: when the runs differ in more than label style, size mode, mitigation, bias and seeds.
    """
    evidence = Evidence(frame, grouping)
    return [evaluate_claim(claim, evidence) for claim in claims(grouping)]


def claims(grouping: Grouping = SCENES) -> list[Claim]:
    """The claims of the study, in its order; their groups are those of an image set."""
    return [
        _by_object(grouping),
        _by_context(),
        _separation(),
        _majority_pair(),
        _spread(grouping),
        _performance(),
        _interaction(),
        _easiest(grouping),
    ]


def _by_object(grouping: Grouping) -> Claim:
    query = Query("silhouette_object")
    return Claim(
        id="C1",
        says=f"Without bias and with undescriptive labels, points cluster by {grouping.object_word}.",
        test="Silhouette by object of held-out pictures at bias 0, after training less before.",
        null="the untrained encoder of the same run, and the pixels themselves",
        what="Silhouette by object at bias 0, above the untrained encoder",
        contrast=_above_untrained,
        query=query,
        sign=1,
        measures=("silhouette_object", "variance_object"),
        nulls=(("from raw pixels", _above_pixels),),
        variations=(_first_fit(query), _on("variance_object", query)),
    )


def _by_context() -> Claim:
    query = Query("silhouette_context")
    return Claim(
        id="C2",
        says="With descriptive labels, points cluster by context.",
        test="Silhouette by context, descriptive less undescriptive labels, by pairs of seeds, mean over bias below 1.",
        null="the untrained encoder, which clusters by context already",
        what="Silhouette by context with descriptive labels, above undescriptive ones",
        contrast=_descriptive_above,
        query=query,
        sign=1,
        measures=("silhouette_context", "variance_context"),
        nulls=(("from the untrained encoder", _descriptive_above_untrained),),
        variations=(_first_fit(query), _on("variance_context", query)),
        by_level=True,
    )


def _separation() -> Claim:
    query = Query("silhouette_group")
    return Claim(
        id="C3",
        says="Descriptive labels slightly improve the separation.",
        test="Silhouette by the four groups, descriptive less undescriptive labels, mean over bias below 1.",
        null="labels of the same words with a random context",
        what="Silhouette by group with descriptive labels, above undescriptive ones",
        contrast=_descriptive_above,
        query=query,
        sign=1,
        measures=("silhouette_group", "probe_group"),
        nulls=((_FROM_PLACEBO, partial(_descriptive_above, rival=PLACEBO)),),
        variations=(_first_fit(query), _on("probe_group", query)),
        by_level=True,
        margin=None,  # the study says "slightly"
    )


def _majority_pair() -> Claim:
    query = Query("silhouette_majority_pair")
    return Claim(
        id="C4",
        says="The more bias, the better the majority classes separate.",
        test="Slope on φ of the silhouette of the two majority groups alone, on the same held-out pictures.",
        null="as many pictures removed from all groups alike",
        what="Slope of the majority pair's silhouette on φ with undescriptive labels",
        contrast=_slope,
        query=query,
        sign=1,
        measures=("silhouette_majority_pair",),
        nulls=((_FROM_REMOVAL, _slope_above_removal),),
        variations=(_first_fit(query), _described(query), _total_kept(query)),
    )


def _spread(grouping: Grouping) -> Claim:
    query = Query("dispersion")
    return Claim(
        id="C5",
        says="Bias spreads the minority groups out.",
        test="Slope on φ of the unbiased dispersion of the two minority groups, on the same held-out pictures.",
        null="the same of the majority groups",
        what="Slope of the minority groups' dispersion on φ with undescriptive labels",
        contrast=_dispersion_slope,
        query=query,
        sign=1,
        measures=tuple(f"dispersion.{name}" for name in grouping.names),
        nulls=(("from the majority groups", _dispersion_slope_above_majority),),
        variations=(_first_fit(query), _described(query)),
    )


def _performance() -> Claim:
    query = Query("minority_accuracy", scale="logit")
    return Claim(
        id="C6",
        says="Bias lowers the performance on minority groups.",
        test="Slope on φ of the log odds of minority accuracy.",
        null="as many pictures removed from all groups alike",
        what="Slope of minority accuracy (log odds) on φ with undescriptive labels",
        contrast=_slope,
        query=query,
        sign=-1,
        measures=("minority_accuracy",),
        nulls=((_FROM_REMOVAL, _slope_above_removal),),
        variations=(_first_fit(query), _described(query), _total_kept(query), _unscaled(query)),
    )


def _interaction() -> Claim:
    query = Query("minority_accuracy", scale="logit")
    return Claim(
        id="C7",
        says="Descriptive labels partially mitigate that.",
        test="Slope on φ of log odds of minority accuracy, descriptive less undescriptive labels, by pairs of seeds.",
        null="labels of the same words with a random context; mitigations that know the groups are shown beside",
        what="Slope of minority accuracy (log odds) on φ with descriptive labels, less that with undescriptive ones",
        contrast=_slope_above,
        query=query,
        sign=1,
        measures=("minority_accuracy",),
        nulls=((_FROM_PLACEBO, partial(_slope_above, rival=PLACEBO)),),
        variations=(_first_fit(query), _unscaled(query), _on("readouts_linear_probe.minority_accuracy", query)),
        beside=_slope_beside,
    )


def _easiest(grouping: Grouping) -> Claim:
    words, easiest = group_words(grouping), grouping.majority[1]
    query = Query("group_accuracy")
    rivals = [name for name in grouping.names if name != easiest]
    return Claim(
        id="C8",
        says=f"The group {words[easiest]} is the easiest.",
        test=f"Accuracy of {words[easiest]} at bias 0, less that of the other groups.",
        null="each of the other groups, and pictures whose objects are swapped in the renderer",
        what=f"Accuracy of {words[easiest]} at bias 0, above the mean of the other groups",
        contrast=partial(_group_above, group=easiest, rivals=rivals),
        query=query,
        sign=1,
        measures=tuple(f"group_accuracy.{name}" for name in grouping.names),
        nulls=(
            *((f"from {words[name]}", partial(_group_above, group=easiest, rivals=[name])) for name in rivals),
            ("from pictures with swapped objects", None),
        ),
        variations=(_first_fit(query), _described(query)),
        margin=None,  # "easiest" has no size
    )


_FROM_PLACEBO = "from labels with a random context"
_FROM_REMOVAL = "from as many pictures removed at random"


def _first_fit(query: Query) -> Variation:
    return "moment", "at first fit", replace(query, moment="first_fit")


def _on(measure: str, query: Query) -> Variation:
    return "measure", f"on {measure}", replace(query, measure=measure)


def _described(query: Query) -> Variation:
    return "label style", "with descriptive labels", replace(query, labels="descriptive")


def _total_kept(query: Query) -> Variation:
    return "size mode", "with the total kept", replace(query, size_mode="fixed_total")


def _unscaled(query: Query) -> Variation:
    return "scale", "on the accuracy itself", replace(query, scale="value")


def _above_untrained(evidence: Evidence, query: Query) -> Contrast:
    query = replace(query, bias=0.0)
    return paired_contrast(evidence.arm(query), evidence.arm(replace(query, moment="untrained")), means_of)


def _above_pixels(evidence: Evidence, query: Query) -> Contrast:
    query = replace(query, bias=0.0)
    pixels = replace(query, measure=f"raw_pixels.{query.measure}", moment=RUN)
    return paired_contrast(evidence.arm(query), evidence.arm(pixels), means_of)


def _descriptive_above(evidence: Evidence, query: Query, rival: str = "undescriptive") -> Contrast:
    return paired_contrast(
        evidence.arm(replace(query, labels="descriptive")), evidence.arm(replace(query, labels=rival)), means_of
    )


def _descriptive_above_untrained(evidence: Evidence, query: Query) -> Contrast:
    query = replace(query, labels="descriptive")
    return paired_contrast(evidence.arm(query), evidence.arm(replace(query, moment="untrained")), means_of)


def _slope(evidence: Evidence, query: Query) -> Contrast:
    return Contrast(slopes_of(evidence.arm(query).dropna()))


def _slope_above_removal(evidence: Evidence, query: Query) -> Contrast:
    return paired_contrast(evidence.arm(query), evidence.arm(replace(query, size_mode="random_removal")), slopes_of)


def _slope_above(evidence: Evidence, query: Query, rival: str = "undescriptive") -> Contrast:
    return paired_contrast(
        evidence.arm(replace(query, labels="descriptive")), evidence.arm(replace(query, labels=rival)), slopes_of
    )


def _slope_beside(evidence: Evidence, query: Query) -> Contrast:
    return paired_contrast(evidence.arm(query), evidence.arm(replace(query, mitigation="none")), slopes_of)


def _dispersion_slope(evidence: Evidence, query: Query) -> Contrast:
    return Contrast(slopes_of(_mean_over(evidence, query, evidence.grouping.minority)))


def _dispersion_slope_above_majority(evidence: Evidence, query: Query) -> Contrast:
    minority, majority = evidence.grouping.minority, evidence.grouping.majority
    return paired_contrast(_mean_over(evidence, query, minority), _mean_over(evidence, query, majority), slopes_of)


def _group_above(evidence: Evidence, query: Query, group: str, rivals: Sequence[str]) -> Contrast:
    query = replace(query, bias=0.0)
    return paired_contrast(_mean_over(evidence, query, [group]), _mean_over(evidence, query, rivals), means_of)


def _mean_over(evidence: Evidence, query: Query, groups: Sequence[str]) -> pd.DataFrame:
    """The mean of a measure that each group has of its own, as blocks by levels; complete blocks only."""
    arms = [evidence.arm(replace(query, measure=f"{query.measure}.{group}")) for group in groups]
    total = arms[0]
    for arm in arms[1:]:
        total = total.add(arm)
    return total.dropna(axis="columns", how="all").dropna() / len(arms)
