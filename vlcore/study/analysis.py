"""Comparison of the arms of a study on one measure: paired differences at every bias level.

Each level rests on the seed pairs that are complete there. Runs that differ in anything but the
arm, the bias and the seeds are refused, because a difference between them could not be told from
the arm's."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from vlcore.experiment.wording import difference, points, signed
from vlcore.metrics.catalogue import PRIMARY, measure_of
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import EQUIVALENCE, Paired, Status, holm, paired, t_interval
from vlcore.study import runs_table as runs

LIMIT = 1.0  # the bias at which nothing tells object from context: it is in no test


@dataclass(frozen=True)
class Level:
    """An arm beside the baseline at one bias level; without numbers where fewer than two seed pairs
    have both.

    Attributes:
        arm: that is compared with the baseline.
        bias: the level.
        share: whether the measure counts images, so that a difference is in points.
        blocks: the seed pairs that have both arms here.
        baseline: mean over these seed pairs.
        treatment: the same of the treatment.
        difference: treatment minus baseline by seed pair.
        images: the fewest that a share was counted on; None of a measure that counts none.
        holm_p: p adjusted for the number of levels and arms; None at bias 1, which is not tested.
        equivalence_p: p of being smaller than the margin, adjusted alike.
    """

    arm: str
    bias: float
    share: bool
    blocks: tuple[str, ...] = ()
    baseline: Estimate | None = None
    treatment: Estimate | None = None
    difference: Paired | None = None
    images: int | None = None
    holm_p: float | None = None
    equivalence_p: float | None = None

    @property
    def status(self) -> Status:
        """Higher, lower, equivalent, or not decided."""
        if self.difference is None or self.holm_p is None:
            return Status.NOT_DECIDED
        return self.difference.status(self.holm_p, self.equivalence_p)

    @property
    def verdict(self) -> str:
        """The status in words: ``higher with descriptive``, ``inconclusive``."""
        if self.bias == LIMIT:
            return "not tested: no image tells object from background"
        if self.status is Status.NOT_DECIDED:
            return str(self.status)
        if self.status is Status.EQUIVALENT:
            return f"{self.status} within ±{EQUIVALENCE * 100:g} points"
        return f"{self.status} with {self.arm}"

    @property
    def difference_words(self) -> str:
        """``-5.3 points (-6.4 to -4.2)``, or in the measure itself; ``0.0 points (the same in all
        seed pairs)`` where an interval would have no width; empty without a difference."""
        if self.difference is None:
            return ""
        mean = self.difference.mean
        if self.difference.sd == 0:
            in_points = f"{signed(100 * mean.value, 1)} points"
            value = in_points if self.share else signed(mean.value, 2)
            return f"{value} (the same in all seed pairs)"
        return points(mean.as_dict(), 1) if self.share else difference(mean.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Everything as a document."""
        spread = None if self.difference is None else self.difference.as_dict()
        counted = {"n": len(self.blocks), "blocks": list(self.blocks)}
        return asdict(self) | counted | {"difference": spread, "verdict": self.verdict}


def compare_arms(
    frame: pd.DataFrame,
    baseline: str,
    treatments: Sequence[str],
    measure: str = PRIMARY,
    free: Collection[str] = (),
) -> list[Level]:
    """Compare arms with a baseline over seed pairs, at every bias level.

    Args:
        frame: of `vlcore.study.runs_table.runs_table`, with the arm of each run in the column
            ``arm``; runs of other arms are ignored.
        baseline: an arm.
        treatments: the arms that are compared with it.
        measure: the measure.
        free: the settings in which arms may differ.

    Returns:
        Every level, arm by arm.

    Raises:
        AnalysisError: no run has the measure, a run is there twice, or runs differ in anything
            else.
    """
    frame = frame[frame["arm"].isin([baseline, *treatments])]
    runs.check_comparable(frame, free=("arm", "bias", *free))
    rows = runs.measure_rows(frame, measure)
    if rows["value"].isna().all():
        raise runs.AnalysisError(f"No run has a value of {measure}: {runs.why_absent(rows)}.")
    values = {arm: runs.by_block(rows[rows["arm"] == arm]) for arm in (baseline, *treatments)}
    share = measure_of(measure).is_share
    images = rows.groupby("bias")["n"].min().dropna().astype(int).to_dict() if share else {}
    levels = [
        _compared(values[baseline], values[arm], Level(arm, bias, share, images=images.get(bias)))
        for arm in treatments
        for bias in sorted(float(bias) for bias in frame["bias"].unique())
    ]
    return _adjusted(levels)


def _compared(first: pd.DataFrame, second: pd.DataFrame, level: Level) -> Level:
    """Fill in a level from the two arms, each (blocks, levels)."""
    bias = level.bias
    if bias not in first or bias not in second:
        return level
    both = pd.concat([first[bias], second[bias]], axis=1, keys=["first", "second"]).dropna()
    both = both.sort_index()
    level = replace(level, blocks=tuple(f"d{data}s{init}" for data, init in both.index))
    if len(both) < 2:
        return level
    # Nobody can say what is close if nothing is counted, or if one image is more than the margin.
    is_fine = level.images is not None and 1 / level.images <= EQUIVALENCE
    return replace(
        level,
        baseline=t_interval(both["first"]),
        treatment=t_interval(both["second"]),
        difference=paired(both["second"] - both["first"], EQUIVALENCE if is_fine else None),
    )


def _adjusted(levels: Sequence[Level]) -> list[Level]:
    """Adjust the p values of all levels below `LIMIT` for their number (Holm 1979)."""
    tested = {
        number: level.difference
        for number, level in enumerate(levels)
        if level.difference is not None and level.bias < LIMIT
    }
    closeness = [difference.equivalence_p for difference in tested.values()]
    p_values = holm([difference.p for difference in tested.values()])
    equivalence = holm([1.0 if p is None else p for p in closeness])
    adjusted = list(levels)
    for number, p, close, close_p in zip(tested, p_values, closeness, equivalence, strict=True):
        equivalence_p = None if close is None else close_p
        adjusted[number] = replace(levels[number], holm_p=p, equivalence_p=equivalence_p)
    return adjusted
