"""Whether descriptive labels cost because captions of one animal must be told apart.

In the study ``apart-why`` some models are trained without mismatched captions of the image's own
animal: their weight is left out, or given to captions of the other animal. Its plan is in
``docs/results/plans/beyond.md``.
"""

from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.pooled import SETS
from vlcore.study.statistics.paired import ALPHA

PLANNED_STUDY = "apart-why"
SHORT = "short"
# What captions name beside the animal, by the names of arms and in words.
NAMED = {"place": "the background", "sky": "the sky"}
# How the name of an arm ends, by its mismatched captions.
USUAL, LEFT_OUT, APART = "", ", own animal left out", ", animals apart"


def cost(data: str, named: str, negatives: str, study: str = PLANNED_STUDY) -> Contrast:
    """What naming the background or the sky costs in rare images, less short labels.

    Args:
        data: the image set.
        named: one of `NAMED`.
        negatives: the mismatched captions, `USUAL`, `LEFT_OUT` or `APART`.
        study: with these arms.

    Raises:
        AnalysisError: no two seed pairs have all arms.
    """
    return published_contrast(study + SETS[data], {named + negatives: 1, SHORT: -1})


def change(
    data: str, named: str, negatives: str, before: str = USUAL, study: str = PLANNED_STUDY
) -> Contrast:
    """What other mismatched captions change of a cost; arguments and errors as for `cost`, and the
    mismatched captions `before`."""
    return published_contrast(study + SETS[data], {named + negatives: 1, named + before: -1})


def is_gone(data: str, named: str, study: str = PLANNED_STUDY) -> bool:
    """Whether what is left of a cost with the other animal's captions alone is equivalent to 0,
    within half of the usual cost, as the plan asks; arguments and errors as for `cost`."""
    margin = abs(cost(data, named, USUAL, study).mean_log_odds.value) / 2
    left = published_contrast(study + SETS[data], {named + APART: 1, SHORT: -1}, margin=margin)
    return bool(left.log_odds.equivalent)


def apart_found() -> str:
    """What it changes that captions of one animal need not be told apart, in two sentences.

    Raises:
        AnalysisError: the study is not published.
    """
    more = [change(data, named, APART, LEFT_OUT) for named in NAMED for data in SETS]
    if any(result.log_odds.p <= ALPHA for result in more):
        further = "To meet captions of the other animal more often changes more."
    else:
        further = (
            "To meet captions of the other animal more often changes nothing more that could be"
            " shown."
        )
    return f"{_conclusion()} {further}"


def _conclusion() -> str:
    """What the plan allows to say, of the image sets where the change is rejected as 0."""
    costs: dict[str, list[str]] = {}
    for named in NAMED:
        where = [f"`{data}`" for data in SETS if _is_less(change(data, named, LEFT_OUT))]
        if where:
            costs.setdefault(" and ".join(where), []).append(NAMED[named])
    if not costs:
        return "That captions of one animal must be told apart costs nothing that could be shown."
    parts = [
        f"of what {' and '.join(names)} {'cost' if len(names) > 1 else 'costs'} on {where}"
        for where, names in costs.items()
    ]
    return f"A part {', and '.join(parts)}, is that captions of one animal must be told apart."


def _is_less(result: Contrast) -> bool:
    return result.mean_log_odds.value > 0 and result.log_odds.p <= ALPHA
