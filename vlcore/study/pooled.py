"""The study's question, answered from the table of published runs: what descriptive labels change.

One number for each image set, over all seed pairs that no tuning has used. Pages, handouts and
documents take it from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.wording import difference, percent, points
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published
from vlcore.study.contrasts import ArmRates, Contrast, contrast, rates_by_arm, shared_sign
from vlcore.study.evidence import Claim
from vlcore.study.plans import StudyError
from vlcore.study.published import made_once_per_table

SETS = {"scenes": "", "balanced-cues": "-cues"}  # with what a study's name ends with
SHORT, DESCRIPTIVE = STYLES_OF_THE_STUDY
LABELS_COST = {DESCRIPTIVE: 1, SHORT: -1}  # weights of arms: what descriptive labels cost
UNTOUCHED = 20  # seeds below it were looked at while the recipe was tuned
DIGITS = 1  # of points, wherever the answer is said
TOLD = "readouts_given_context.minority_accuracy"


@dataclass(frozen=True)
class Pooled:
    """Descriptive less short labels by study, in seed pairs that no study above has, and over all.

    Attributes:
        data: the image set.
        studies: by study, with the number of its pairs.
        all_pairs: over all of them.
        rates: of every run, one row a seed pair, one column a label style.
    """

    data: str
    studies: Mapping[str, Contrast]
    all_pairs: Contrast
    rates: pd.DataFrame

    @property
    def n(self) -> int:
        """The number of all seed pairs."""
        return self.all_pairs.n

    @property
    def seeds(self) -> list[int]:
        """The seeds of all pairs."""
        return sorted(self.rates.index.get_level_values("init_seed").tolist())

    @property
    def words(self) -> str:
        """The number on both scales: ``-0.27 (-0.34 to -0.20) in log odds [-5.7 points (-7.3 to
        -4.2)]``."""
        odds = difference(self.all_pairs.mean_log_odds.as_dict())
        return f"{odds} in log odds [{self.points}]"

    @property
    def points(self) -> str:
        """The number in points: ``-5.7 points (-7.3 to -4.2)``."""
        return points(self.all_pairs.mean_points.as_dict(), DIGITS)


@made_once_per_table(100)
def pooled(data: str, measure: str = PRIMARY, bias: float = STUDY_BIAS) -> Pooled:
    """Descriptive less short labels on an image set at a bias level, over disjoint seed pairs that
    no tuning has used; StudyError where none was published."""
    pairs = published.seed_pairs(Condition(data=data, bias=bias, data_version="2"))
    if measure != PRIMARY:
        pairs = _with_measure(pairs, data, measure, bias)
    known: set[str] = set()
    parts: dict[str, ArmRates] = {}
    for study, runs in pairs.items():
        rows = runs.dropna(subset="value")
        rows = rows[(rows["data_seed"] >= UNTOUCHED) & ~rows["block"].isin(known)]
        rates = rates_by_arm(rows, "labels", STYLES_OF_THE_STUDY)
        if not rates.rates.empty:
            parts[study] = rates
            known |= set(rows["block"])
    if not parts:
        raise StudyError(f"No seed pairs of both label styles on {data} are published.")
    every = ArmRates(
        pd.concat([part.rates for part in parts.values()]),
        pd.concat([part.images for part in parts.values()]),
    )
    studies = {study: contrast(part, LABELS_COST) for study, part in parts.items()}
    return Pooled(data, studies, contrast(every, LABELS_COST), every.rates)


def studies_to_open(data: str) -> list[str]:
    """The published studies that `PublishedStudy` opens on an image set: those of short and
    descriptive labels, and all that the answer counts; those with most untouched seed pairs
    first."""
    names = published.study_names(data)
    if not names:
        return []
    untouched = pooled(data).studies
    others = [name for name in untouched if name not in names]
    # Those of label styles alone first: they have more bias levels.
    names += sorted(others, key=lambda name: published.published_plan(name).factor != "labels")
    return sorted(names, key=lambda name: -untouched[name].n if name in untouched else 0)


def _with_measure(
    pairs: Mapping[str, pd.DataFrame], data: str, measure: str, bias: float
) -> dict[str, pd.DataFrame]:
    """The same runs with another measure than minority accuracy."""
    is_told = measure == TOLD  # short labels name no place
    measures = [measure, PRIMARY] if is_told else [measure]
    rates = published.read_rows(moment="end", measure=measures, data=data, bias=bias)
    if is_told:
        rates = rates[(rates["measure"] == TOLD) | (rates["labels"] == SHORT)]
    home = rates["studies"].str.split().str[0]
    return {
        study: rates[(home == study) & rates["key"].isin(runs["key"])]
        for study, runs in pairs.items()
    }


def asks(claim: Claim) -> bool:
    """Whether a claim is about what descriptive labels change in minority accuracy."""
    query = claim.query
    return (query.measure, query.labels, claim.reference) == (
        PRIMARY,
        DESCRIPTIVE,
        {"labels": SHORT},
    )


def answer_sentence() -> str:
    """What was found on both image sets, in one sentence."""
    answers = [pooled(data) for data in SETS]
    sign = shared_sign([answer.all_pairs.mean_log_odds for answer in answers])
    outcomes = {-1: "*less* often", 1: "*more* often", 0: "neither clearly more nor less often"}
    numbers = []
    for answer in answers:
        rates = answer.rates.mean()
        numbers.append(
            f"{percent(rates[DESCRIPTIVE])} instead of {percent(rates[SHORT])} on `{answer.data}`"
            f" ({answer.words}, {answer.n} seed pairs)"
        )
    return (
        f"With {100 * STUDY_BIAS:g}\u00a0% of the rare images removed, models trained from scratch"
        f" name the animal of rare images right {outcomes[sign]} after captions that also name the"
        f" background than after short ones: {' and '.join(numbers)}, 95\u00a0% intervals."
    )


def forest_rows() -> pd.DataFrame:
    """The rows of `vlcore.plots.intervals.paired_forest_chart`: a study, image set and scale
    each."""
    rows = []
    for answer in map(pooled, SETS):
        for study, result in {**answer.studies, "": answer.all_pairs}.items():
            pairs = f"{result.n} seed pairs"
            for scale, mean in result.by_scale.items():
                row = {
                    "images": answer.data,
                    "words": f"{pairs} ({study})" if study else f"all {pairs}",
                    "kind": "study" if study else "pooled",
                    "scale": scale,
                }
                rows.append(row | mean.as_dict())
    return pd.DataFrame(rows)
