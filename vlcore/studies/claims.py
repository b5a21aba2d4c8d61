"""Claims of the study as a table: what it said, what would show it, what it must beat, and which numbers decide.

What comes out is a status and the numbers behind it; no sentence says that labels help or hurt.
"""

import pandas as pd

from vlcore.core.grouping import SCENES, Grouping, group_words
from vlcore.measures.catalogue import words_of
from vlcore.studies.evidence import Claim, ClaimResult, Evidence, Query, evaluate_claim
from vlcore.studies.plans import PLACEBO
from vlcore.studies.runs_table import RUN

_SHORT, _UNTRAINED = {"labels": "undescriptive"}, {"moment": "untrained"}
_PLACEBO = ("from labels with a random context", {"labels": PLACEBO})
_REMOVAL = ("from as many pictures removed at random", {"size_mode": "random_removal"})
_DESCRIBED = ("label style", "with descriptive labels", {"labels": "descriptive"})
_TOTAL_KEPT = ("size mode", "with the total kept", {"size_mode": "fixed_total"})
_UNSCALED = ("scale", "on the accuracy itself", {"scale": "value"})


def ledger(frame: pd.DataFrame, grouping: Grouping = SCENES) -> list[ClaimResult]:
    """Every claim of the study with what a `vlcore.studies.runs_table.runs_table` says of it; other label styles and
    mitigations are left aside. AnalysisError when runs differ in more than these, size mode, bias and seeds."""
    evidence = Evidence(frame)
    return [evaluate_claim(claim, evidence) for claim in claims(grouping)]


def claims(grouping: Grouping = SCENES) -> list[Claim]:
    """The claims of the study, in its order; their groups are those of an image set."""
    words, easiest = group_words(grouping), grouping.majority[1]
    rivals = tuple(name for name in grouping.names if name != easiest)

    def on(measure: str) -> tuple[str, str, dict[str, str]]:
        return "measure", f"on “{words_of(measure, grouping)}”", {"measure": measure}

    return [
        Claim(
            id="C1",
            says=f"Without bias and with undescriptive labels, points cluster by {grouping.object_word}.",
            test="Silhouette by object of held-out pictures at bias 0, after training less before.",
            null="the untrained encoder of the same run, and the pixels themselves",
            what="Silhouette by object at bias 0, above the untrained encoder",
            query=Query("silhouette_object", bias=0.0),
            reference=_UNTRAINED,
            nulls=(("from raw pixels", {"measure": "raw_pixels.silhouette_object", "moment": RUN}),),
            variations=(on("variance_object"),),
        ),
        Claim(
            id="C2",
            says="With descriptive labels, points cluster by context.",
            test="Silhouette by context, descriptive less undescriptive labels, by pairs of seeds, mean over bias "
            "below 1.",
            null="the untrained encoder, which clusters by context already",
            what="Silhouette by context with descriptive labels, above undescriptive ones",
            query=Query("silhouette_context", labels="descriptive"),
            reference=_SHORT,
            nulls=(("from the untrained encoder", _UNTRAINED),),
            variations=(on("variance_context"),),
            by_level=True,
        ),
        Claim(
            id="C3",
            says="Descriptive labels slightly improve the separation.",
            test="Silhouette by the four groups, descriptive less undescriptive labels, mean over bias below 1.",
            null="labels of the same words with a random context",
            what="Silhouette by group with descriptive labels, above undescriptive ones",
            query=Query("silhouette_group", labels="descriptive"),
            reference=_SHORT,
            nulls=(_PLACEBO,),
            variations=(on("probe_group"),),
            by_level=True,
            small=True,  # the study says "slightly"
        ),
        Claim(
            id="C4",
            says="The more bias, the better the majority classes separate.",
            test="Slope on φ of the silhouette of the two majority groups alone, on the same held-out pictures.",
            null="as many pictures removed from all groups alike",
            what="Slope of the majority pair's silhouette on φ with undescriptive labels",
            query=Query("silhouette_majority_pair"),
            slope=True,
            nulls=(_REMOVAL,),
            variations=(_DESCRIBED, _TOTAL_KEPT),
        ),
        Claim(
            id="C5",
            says="Bias spreads the minority groups out.",
            test="Slope on φ of the unbiased dispersion of the two minority groups, on the same held-out pictures.",
            null="the same of the majority groups",
            what="Slope of the minority groups' dispersion on φ with undescriptive labels",
            query=Query("dispersion", groups=tuple(grouping.minority)),
            slope=True,
            nulls=(("from the majority groups", {"groups": tuple(grouping.majority)}),),
            variations=(_DESCRIBED,),
        ),
        Claim(
            id="C6",
            says="Bias lowers the performance on minority groups.",
            test="Slope on φ of the log odds of minority accuracy.",
            null="as many pictures removed from all groups alike",
            what="Slope of minority accuracy (log odds) on φ with undescriptive labels",
            query=Query("minority_accuracy", scale="logit"),
            slope=True,
            sign=-1,
            nulls=(_REMOVAL,),
            variations=(_DESCRIBED, _TOTAL_KEPT, _UNSCALED),
        ),
        Claim(
            id="C7",
            says="Descriptive labels partially mitigate that.",
            test="Slope on φ of log odds of minority accuracy, descriptive less undescriptive labels, by pairs of "
            "seeds.",
            null="labels of the same words with a random context",
            what="Slope of minority accuracy (log odds) on φ with descriptive labels, less that with undescriptive "
            "ones",
            query=Query("minority_accuracy", labels="descriptive", scale="logit"),
            reference=_SHORT,
            slope=True,
            nulls=(_PLACEBO,),
            variations=(_UNSCALED, on("readouts_linear_probe.minority_accuracy")),
        ),
        Claim(
            id="C8",
            says=f"The group {words[easiest]} is the easiest.",
            test=f"Accuracy of {words[easiest]} at bias 0, less that of the other groups.",
            null="each of the other groups",
            what=f"Accuracy of {words[easiest]} at bias 0, above the mean of the other groups",
            query=Query("group_accuracy", groups=(easiest,), bias=0.0),
            reference={"groups": rivals},
            nulls=tuple((f"from {words[name]}", {"groups": (name,)}) for name in rivals),
            variations=(_DESCRIBED,),
            small=True,  # "easiest" has no size
        ),
    ]
