"""Whether descriptive labels cost because captions of one animal must be told apart.

In the study ``apart-again`` mismatched captions name the other animal alone, beside the usual ones;
its plan is in ``docs/results/plans/beyond.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.wording import difference, percent
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import published
from vlcore.study.answer import SETS
from vlcore.study.contrasts import ArmRates, Contrast, arm_rates, contrast
from vlcore.study.statistics.paired import ALPHA

PLANNED_STUDY = "apart-again"
NAMED = ("place", "sky")  # what captions name beside the animal
_APART = ", animals apart"  # how an arm ends whose mismatched captions name the other animal
_OTHERS = "mismatched with those of the other animal alone"
_WORDS_OF_ARMS = {
    "short": "after short captions",
    "place": "after captions that name the place",
    "place" + _APART: f"the same, {_OTHERS}",
    "sky": "after captions that name the sky, bright or dim",
    "sky" + _APART: f"the same, {_OTHERS}",
}


@dataclass(frozen=True)
class AnimalsApart:
    """What naming something costs, with the usual mismatched captions and with the other animal's.

    Attributes:
        usual: log odds of rare images, less short labels, with the usual mismatched captions.
        apart: the same with those of the other animal alone; half of `usual` is the margin within
            which it is equivalent to 0.
        change: `apart` less `usual`.
    """

    usual: Contrast
    apart: Contrast
    change: Contrast


def animals_apart(data: str, named: str, study: str = PLANNED_STUDY) -> AnimalsApart:
    """Read what naming the place or the sky costs on an image set from the published runs.

    Raises:
        AnalysisError: no two seed pairs have all arms.
    """
    rates = _rates(published.newest(), data, study)
    usual = contrast(rates, {named: 1, "short": -1})
    margin = abs(usual.mean_log_odds.value) / 2
    return AnimalsApart(
        usual,
        contrast(rates, {named + _APART: 1, "short": -1}, margin),
        contrast(rates, {named + _APART: 1, named: -1}),
    )


def apart_found() -> str:
    """What it changes that captions of one animal need not be told apart, in two sentences.

    Raises:
        AnalysisError: the study is not published.
    """
    costs = {named: [animals_apart(data, named) for data in SETS] for named in NAMED}
    n_pairs = costs["place"][0].usual.n
    place, sky = (_change(costs[named]) for named in NAMED)
    return (
        f"{_conclusion(costs)} Where mismatched captions name the other animal alone, so that"
        f" captions of one animal need not be told apart, the place costs {place}, and the sky"
        f" {sky} (log odds less short labels on `scenes` and `balanced-cues`, {n_pairs} seed"
        " pairs)."
    )


def apart_table() -> str:
    """Rare images named right after each kind of captions, as a Markdown table.

    Raises:
        AnalysisError: the study is not published.
    """
    rates = [_rates(published.newest(), data, PLANNED_STUDY).rates for data in SETS]
    heads = " | ".join(f"`{data}`" for data in SETS)
    lines = [f"| Rare images named right | {heads} |", "| --- | --- | --- |"]
    for arm, words in _WORDS_OF_ARMS.items():
        shares = " | ".join(percent(of_set[arm].mean()) for of_set in rates)
        lines.append(f"| {words} | {shares} |")
    return "\n".join(lines)


def _change(costs: list[AnimalsApart]) -> str:
    apart = " and ".join(_interval(cost.apart.mean_log_odds) for cost in costs)
    usual = " and ".join(_interval(cost.usual.mean_log_odds) for cost in costs)
    return f"{apart} instead of {usual}"


def _interval(mean: Estimate) -> str:
    return difference(mean.as_dict())


def _conclusion(costs: Mapping[str, list[AnimalsApart]]) -> str:
    """What the plan allows to say: where the change is rejected on both sets, and what is left of
    the cost equivalent to 0 on both."""
    gone: list[str] = []
    less: list[str] = []
    for named, sets in costs.items():
        if not all(_is_less(cost) for cost in sets):
            break  # the second hypothesis counts only where the first was rejected
        is_gone = all(cost.apart.log_odds.equivalent for cost in sets)
        (gone if is_gone else less).append(f"the {named}")
    sentences = [
        f"{start} {' and '.join(names)} {'cost' if len(names) > 1 else 'costs'} is to tell captions"
        " of one animal apart."
        for start, names in (("What", gone), ("A part of what", less))
        if names
    ]
    nothing = "To tell captions of one animal apart costs nothing that these seed pairs could show."
    return " ".join(sentences) or nothing


def _is_less(cost: AnimalsApart) -> bool:
    return cost.change.mean_log_odds.value > 0 and cost.change.log_odds.p <= ALPHA


@cache
def _rates(_newest: float, data: str, study: str) -> ArmRates:
    plan = published.file_plan(study + SETS[data])
    rows = published.read_rows(moment="end", measure=PRIMARY, bias=STUDY_BIAS)
    counted = rows[published.counts(rows, plan.name)]
    return arm_rates(counted, plan, PRIMARY, STUDY_BIAS, *_WORDS_OF_ARMS)
