"""Whether descriptive labels cost because captions of one animal must be told apart.

In the study ``apart-why`` some models are trained without mismatched captions of the image's own
animal: their weight is left out, or given to captions of the other animal. Its plan is in
``docs/results/plans/beyond.md``.
"""

from collections.abc import Mapping
from functools import cache

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.wording import difference, percent
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published
from vlcore.study.answer import SETS
from vlcore.study.contrasts import ArmRates, Contrast, arm_rates, contrast
from vlcore.study.statistics.paired import ALPHA

PLANNED_STUDY = "apart-why"
SHORT = "short"
NAMED = ("place", "sky")  # what captions name beside the animal
# How the name of an arm ends, by its mismatched captions.
USUAL, LEFT_OUT, APART = "", ", own animal left out", ", animals apart"
_CAPTIONS = {
    "place": "after captions that name the place",
    "sky": "after captions that name the sky, bright or dim",
}
_MISMATCHED = {
    LEFT_OUT: "the same, without mismatched captions of the image's own animal",
    APART: "the same, those of the other animal in their stead",
}
_Changes = Mapping[str, list[Contrast]]  # by what is named, one an image set


def cost(data: str, named: str, negatives: str, study: str = PLANNED_STUDY) -> Contrast:
    """What naming the place or the sky costs in rare images, less short labels.

    Args:
        data: the image set.
        named: one of `NAMED`.
        negatives: the mismatched captions, `USUAL`, `LEFT_OUT` or `APART`.
        study: with these arms.

    Raises:
        AnalysisError: no two seed pairs have all arms.
    """
    return _contrast(data, study, named + negatives, SHORT)


def change(
    data: str, named: str, negatives: str, before: str = USUAL, study: str = PLANNED_STUDY
) -> Contrast:
    """What other mismatched captions change of a cost; arguments and errors as for `cost`, and the
    mismatched captions `before`."""
    return _contrast(data, study, named + negatives, named + before)


def apart_found() -> str:
    """What it changes that captions of one animal need not be told apart, in three sentences.

    Raises:
        AnalysisError: the study is not published.
    """
    left_out, more = (
        {named: [change(data, named, negatives, before) for data in SETS] for named in NAMED}
        for negatives, before in ((LEFT_OUT, USUAL), (APART, LEFT_OUT))
    )
    n_pairs = left_out[NAMED[0]][0].n
    sets = " and ".join(f"`{data}`" for data in SETS)
    return (
        f"{_conclusion(left_out)} Without mismatched captions of the image's own animal, models"
        f" gain {_gains(left_out)} (log odds of rare images on {sets}, {n_pairs} seed pairs). With"
        f" captions of the other animal in their stead they gain {_gains(more)} more."
    )


def apart_table() -> str:
    """Rare images named right after each kind of captions, as a Markdown table.

    Raises:
        AnalysisError: the study is not published.
    """
    rows = {SHORT: "after short captions"}
    for named, words in _CAPTIONS.items():
        rows[named] = words
        rows |= {named + negatives: same for negatives, same in _MISMATCHED.items()}
    rates = [_rates(published.newest(), data, PLANNED_STUDY).rates for data in SETS]
    heads = " | ".join(f"`{data}`" for data in SETS)
    lines = [f"| Rare images named right | {heads} |", "| --- | --- | --- |"]
    for arm, words in rows.items():
        shares = " | ".join(percent(of_set[arm].mean()) for of_set in rates)
        lines.append(f"| {words} | {shares} |")
    return "\n".join(lines)


def _gains(changes: _Changes) -> str:
    parts = []
    for named, sets in changes.items():
        numbers = " and ".join(difference(result.mean_log_odds.as_dict()) for result in sets)
        parts.append(f"{numbers} where captions name the {named}")
    return ", and ".join(parts)


def _conclusion(left_out: _Changes) -> str:
    """What the plan allows to say, of the image sets where the change is rejected as 0."""
    costs: dict[str, list[str]] = {}
    for named, sets in left_out.items():
        where = [f"`{data}`" for data, result in zip(SETS, sets, strict=True) if _is_less(result)]
        if where:
            costs.setdefault(" and ".join(where), []).append(f"the {named}")
    if not costs:
        return "That captions of one animal must be told apart costs nothing that could be shown."
    parts = [f"of what {' and '.join(names)} cost on {where}" for where, names in costs.items()]
    return f"A part {', and '.join(parts)}, is that captions of one animal must be told apart."


def _is_less(result: Contrast) -> bool:
    return result.mean_log_odds.value > 0 and result.log_odds.p <= ALPHA


def _contrast(data: str, study: str, arm: str, than: str) -> Contrast:
    return contrast(_rates(published.newest(), data, study), {arm: 1, than: -1})


@cache
def _rates(_newest: float, data: str, study: str) -> ArmRates:
    plan = published.file_plan(study + SETS[data])
    rows = published.read_rows(moment="end", measure=PRIMARY, bias=STUDY_BIAS)
    counted = rows[published.counts(rows, plan.name)]
    return arm_rates(counted, plan, PRIMARY, STUDY_BIAS, *plan.arm_settings)
