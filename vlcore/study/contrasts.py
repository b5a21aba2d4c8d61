"""Contrasts of a study's arms, seed pair by seed pair, in log odds with points beside them.

A contrast is a weighted sum of arms whose weights add up to 0: one arm less another, or the
difference of two such differences (an interaction)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import published
from vlcore.study.plans import StudyPlan
from vlcore.study.runs_table import SEEDS, AnalysisError
from vlcore.study.statistics.factorial import logit_share
from vlcore.study.statistics.paired import Paired, paired, t_interval


@dataclass(frozen=True)
class ArmRates:
    """A rate of each arm in each seed pair that has all arms.

    Attributes:
        rates: one row a seed pair, one column an arm.
        images: on how many images each rate was counted; like `rates`.
    """

    rates: pd.DataFrame
    images: pd.DataFrame


@dataclass(frozen=True)
class Contrast:
    """A contrast on both scales; log odds decide, points are for reading.

    Attributes:
        log_odds_by_pair: one value a seed pair, which is its index.
        points_by_pair: the same as shares of images.
        margin: what counts as no difference that matters, in log odds; None where nobody can say.
    """

    log_odds_by_pair: pd.Series
    points_by_pair: pd.Series
    margin: float | None = None

    @property
    def n(self) -> int:
        """The number of seed pairs."""
        return len(self.points_by_pair)

    @cached_property
    def mean_log_odds(self) -> Estimate:
        return t_interval(self.log_odds_by_pair)

    @cached_property
    def mean_points(self) -> Estimate:
        return t_interval(self.points_by_pair)

    @property
    def by_scale(self) -> dict[str, Estimate]:
        """Its mean on each scale, in units of the scale."""
        share = self.mean_points
        in_points = Estimate(100 * share.value, 100 * share.low, 100 * share.high, share.n)
        return {"log odds": self.mean_log_odds, "points": in_points}

    # The exact test counts a million sign patterns of twenty pairs: only where it is asked for.
    @cached_property
    def log_odds(self) -> Paired:
        return paired(self.log_odds_by_pair, self.margin)


def shared_sign(means: Sequence[Estimate]) -> int:
    """1 where the intervals of all means lie above 0, -1 where all lie below, else 0."""
    if all(mean.low > 0 for mean in means):
        return 1
    return -1 if all(mean.high < 0 for mean in means) else 0


def arm_rates(
    runs: pd.DataFrame, plan: StudyPlan, measure: str, bias: float, *arms: str
) -> ArmRates:
    """Lay out a rate of a study's arms at one bias level, at the end of training.

    Args:
        runs: rows of a `vlcore.study.runs_table.runs_table`; those of other runs are left out.
        plan: the study.
        measure: a rate, such as minority-group accuracy.
        bias: the bias level.
        arms: the arms that a seed pair must have to be counted.

    Raises:
        AnalysisError: where no seed pair has all of these arms.
    """
    arm_of_key = {
        condition.key: arm
        for condition in plan.conditions
        if condition.bias == bias and (arm := str(plan.arm_of(condition))) in arms
    }
    is_wanted = (runs["measure"] == measure) & (runs["moment"] == "end")
    is_wanted &= runs["key"].isin(arm_of_key)
    rows = runs.loc[is_wanted, ["key", *SEEDS, "value", "n"]]
    rows = rows.assign(arm=rows["key"].map(arm_of_key))
    rates = rates_by_arm(rows, "arm", arms)
    if rates.rates.empty:
        raise AnalysisError(
            f"No seed pair of {plan.name} has a value of {measure} in all of {', '.join(arms)};"
            " run the study first."
        )
    return rates


def rates_by_arm(rows: pd.DataFrame, column: str, arms: Iterable[str]) -> ArmRates:
    """Lay out a rate of runs, in the seed pairs that have it in all arms.

    Args:
        rows: of a `vlcore.study.runs_table.runs_table`, at most one for a seed pair and an arm.
        column: names the arm of a row.
        arms: the columns of the rates.
    """
    by_arm = rows.set_index([*SEEDS, column])[["value", "n"]].astype(float)
    names = list(arms)
    rates, images = (by_arm[name].unstack(column).reindex(columns=names) for name in by_arm)
    rates = rates.dropna()
    return ArmRates(rates, images.loc[rates.index])


def contrast(arms: ArmRates, weights: Mapping[str, float], margin: float | None = None) -> Contrast:
    """Estimate a contrast of arms.

    Args:
        arms: their rates by seed pair.
        weights: of each arm that takes part; they add up to 0.
        margin: what counts as no difference that matters, in log odds; None where nobody can say.

    Raises:
        AnalysisError: where fewer than two seed pairs have the arms.
        ValueError: for weights that do not add up to 0.
    """
    if abs(sum(weights.values())) > 1e-9:
        raise ValueError(f"The weights of a contrast add up to 0, and not {weights!r}.")
    if len(arms.rates) < 2:
        raise AnalysisError(f"{len(arms.rates)} seed pairs have no interval; give two or more.")
    log_odds, points = (pd.Series(0.0, arms.rates.index) for _ in range(2))
    for arm, weight in weights.items():
        log_odds += weight * logit_share(arms.rates[arm], arms.images[arm])
        points += weight * arms.rates[arm]
    return Contrast(log_odds, points, margin)


def published_contrast(
    study: str,
    weights: Mapping[str, float],
    *,
    measure: str = PRIMARY,
    bias: float = STUDY_BIAS,
    margin: float | None = None,
) -> Contrast:
    """Estimate a contrast of the arms of a published study, over its seed pairs that have them.

    Args:
        study: its name; a built-in one ends in its image set, ``paper/scenes``.
        weights: as for `contrast`.
        measure: a rate.
        bias: the bias level.
        margin: as for `contrast`.

    Raises:
        AnalysisError: where fewer than two seed pairs have the arms.
        StudyError: where no such study is published.
    """
    return contrast(_published_rates(study, measure, bias, *weights), weights, margin)


@published.made_once_per_table(200)
def _published_rates(study: str, measure: str, bias: float, *arms: str) -> ArmRates:
    """`arm_rates` of a published study: Findings asks for the same ones at every visit."""
    plan = published.published_plan(study)
    runs = published.read_rows(moment="end", measure=measure)
    name = study.removesuffix(f"/{plan.conditions[0].data}")
    counted = runs[published.counts(runs, name)]
    return arm_rates(counted, plan, measure, bias, *arms)
