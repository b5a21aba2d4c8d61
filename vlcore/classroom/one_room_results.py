"""The wall of a room that does one study: a dot a block, and what they say together, as Findings
says it.

Mean, interval and p are those of `vlcore.study.analysis.analyse` on the planned blocks that are
there; the plan decides when all of them are. Blocks beyond the plan are shown, and decide
nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from vlcore.api.model_metrics import absence_reason, estimate_of
from vlcore.artifacts.store import Artifact
from vlcore.classroom import tower_pairs
from vlcore.classroom.one_room import (
    DIRECTIONS,
    REHEARSAL,
    Block,
    BlockState,
    Pair,
    Plan,
    contrasts,
    planned_places,
    study_of,
)
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import TOWERS_SEEN
from vlcore.experiment.plain_text import safe_csv
from vlcore.experiment.wording import signed
from vlcore.metrics.catalogue import measure_of, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.plots import dots
from vlcore.plots.theme import Palette
from vlcore.study import registry
from vlcore.study.analysis import Level, analyse
from vlcore.study.plans import ARM, StudyPlan
from vlcore.study.runs_table import SEEDS, matching_runs, measure_rows, runs_table
from vlcore.study.statistics.paired import ALPHA, ENOUGH, EQUIVALENCE, Status, half_width
from vlcore.study.text import difference_words, duration_words, level_words

MORE = (10, 30, 100)  # students, of whom it is said what they would change
_OUTCOMES = dict(zip((Status.LOWER, Status.EQUIVALENT, Status.HIGHER), DIRECTIONS, strict=True))


@dataclass(frozen=True)
class Dot:
    """A block whose runs are there."""

    place: int
    seed: int
    keys: tuple[str, str]
    values: tuple[float, float]  # of the baseline, and of the treatment
    planned: bool  # whether the plan counts it

    @property
    def difference(self) -> float:
        return self.values[1] - self.values[0]


@dataclass(frozen=True)
class ClassResults:
    """The dots of a room by place, and what the planned ones say: without numbers while fewer than
    two are there."""

    dots: tuple[Dot, ...]
    level: Level | None
    unmeasured: int = 0  # blocks whose runs are there and do not have the measure

    @property
    def counted(self) -> int:
        """How many dots the plan counts."""
        return sum(dot.planned for dot in self.dots)


def class_results(
    study: StudyPlan, there: Mapping[int, Pair], planned: set[int], read: Callable[[str], Artifact]
) -> ClassResults:
    """The wall of a study whose blocks at these places are there, those that the plan counts among
    them; `read` takes the key of a run."""
    conditions = [one for pair in there.values() for one in pair]
    arms = {one.key: study.arm_of(one) for one in conditions}
    frame = runs_table([read(key) for key in arms], study.measure)
    frame = frame.assign(**{ARM: frame["key"].map(arms)})
    ends = measure_rows(frame, study.measure, "end")
    values = dict(zip(ends["key"], ends["value"], strict=True))
    found_dots, unmeasured = [], 0
    for place, pair in sorted(there.items()):
        first, second = (float(values.get(one.key, float("nan"))) for one in pair)
        if pd.isna(first) or pd.isna(second):
            unmeasured += 1
            continue
        keys = pair[0].key, pair[1].key
        found_dots.append(Dot(place, pair[0].data_seed, keys, (first, second), place in planned))
    counted = {key for dot in found_dots if dot.planned for key in dot.keys}
    level = None
    if len(counted) > 2:
        (treatment,) = study.treatments
        of_plan = frame[frame["key"].isin(counted)]
        found = analyse(
            of_plan, ARM, study.baseline, treatment, study.measure, secondary=(), free=study.varied
        )
        (level,) = found.primary.levels
    return ClassResults(tuple(found_dots), level, unmeasured)


@dataclass(frozen=True)
class ClassStudy:
    """A study of a room as it stands now."""

    code: str
    kind: str  # of the class, or a rehearsal
    plan: Plan
    usual: Condition  # of its image set
    grouping: Grouping
    blocks: tuple[Block, ...] = ()
    stands: tuple[BlockState, ...] = ()
    found: ClassResults = ClassResults((), None)

    @property
    def study(self) -> StudyPlan:
        return study_of(self.plan, self.usual, self.grouping, self.code)

    @property
    def counted(self) -> set[int]:
        """The places of the planned blocks."""
        return planned_places(self.stands, self.plan.planned)

    @property
    def complete(self) -> bool:
        """Whether all planned blocks are there, so that the plan decides."""
        return self.found.counted >= self.plan.planned

    @property
    def free(self) -> int:
        """How many planned blocks are neither there nor on their way, those included that nobody
        has yet."""
        taken = {
            block.place
            for block, one in zip(self.blocks, self.stands, strict=True)
            if not one.is_free
        }
        return len(self.counted - taken)

    @property
    def title(self) -> str:
        """What the room asks, in a line."""
        title = contrasts(self.usual, self.grouping)[self.plan.contrast].title
        return (
            title
            if self.plan.towers == tower_pairs.USUAL
            else f"{title}, {self.plan.towers} towers"
        )

    @property
    def planned(self) -> str:
        """What was written down, when, and on which towers."""
        said = (
            "Rehearsal."
            if self.kind == REHEARSAL
            else registry.plan_words(self.study, registry.plan_history(self.study))
        )
        return f"{said} {rule(self.plan)} {TOWERS_SEEN[self.plan.towers]}"

    def numbers(self) -> dict[str, str]:
        """How many blocks are there, their mean difference, its interval and p, as a projector
        shows them."""
        difference = self.found.level.difference if self.found.level else None
        beyond = len(self.found.dots) - self.found.counted
        shown = {"Code": self.code} | {
            "Blocks": (
                f"{self.found.counted} of {self.plan.planned}" + (f" + {beyond}" if beyond else "")
            )
        }
        if difference:
            unit, digits, words = _unit(self.plan.measure)
            mean, low, high = (signed(unit * end, digits) for end in _ends(difference.mean))
            shown |= {f"Mean difference{words}": mean, "95 % interval": f"{low} to {high}"}
            shown["Exact p"] = f"{difference.p:.2g}"
        return shown

    def sentences(self, looks: Mapping[int, float], others: tuple[list[float], int]) -> list[str]:
        """What is said below the dots, the verdict first; of `others`, the published differences,
        where there are."""
        said, (differences, steps) = [verdict(self.found, self.plan)], others
        if differences:
            said.append(
                f"Beneath the line: {len(differences)} published pairs, trained for {steps:,}"
                " steps."
            )
        if self.complete:
            said.append(what_more_would_change(self.found))
        said.append(peeking(looks, self.plan))
        if self.found.unmeasured:
            said.append(
                f"In {self.found.unmeasured} pairs the measure is not defined; they have no dot."
            )
        return [one for one in said if one]

    def chart(
        self,
        palette: Palette,
        width: int,
        height: int,
        *,
        own: int = -1,
        others: tuple[list[float], int] = ([], 0),
        head: alt.Title | None = None,
    ) -> alt.LayerChart | None:
        """The dots, one's own told apart, with published ones beneath the line; None while there
        are none."""
        unit, digits, words = _unit(self.plan.measure)
        rows = []
        for dot in self.found.dots:
            kind = dots.OWN if dot.place == own else dots.PLANNED if dot.planned else dots.BEYOND
            rows.append(
                (
                    dot.difference,
                    kind,
                    f"block {dot.place + 1}: {signed(unit * dot.difference, digits)}",
                )
            )
        if not rows:
            return None
        differences, steps = others
        rows += [
            (one, dots.PUBLISHED, f"a published pair of {steps:,} steps") for one in differences
        ]
        study, level = self.study, self.found.level
        what = words_of(self.plan.measure, self.grouping)
        return dots.dots_chart(
            pd.DataFrame(rows, columns=["difference", "kind", "words"]),
            palette=palette,
            width=width,
            height=height,
            title=f"{what}: {study.treatments[0]} less {study.baseline}{words}",
            unit=unit,
            head=head,
            mean=_ends(level.difference.mean) if level and level.difference else None,
        )


def _unit(measure: str) -> tuple[float, int, str]:
    """By what differences of a measure are multiplied, their digits, and what is said of them."""
    return (100.0, 1, ", points") if measure_of(measure).is_share else (1.0, 3, "")


def _ends(mean: Estimate) -> tuple[float, float, float]:
    return mean.value, mean.low, mean.high


def published_differences(study: StudyPlan, frame: pd.DataFrame) -> tuple[list[float], int]:
    """The differences of the published runs of the same two arms (a table of `runs_table`), a pair
    of seeds each, and the steps that they were trained for: the training length that most have.
    None where nobody published any.
    """
    rows = frame[(frame["measure"] == study.measure) & (frame["moment"] == "end")].dropna(
        subset="value"
    )
    found = []
    for condition in study.conditions[:2]:
        arm = matching_runs(rows, condition, (*SEEDS, "steps"))
        found.append(arm.set_index(["steps", *SEEDS])["value"])
    differences = (found[1] - found[0]).dropna()
    if differences.empty:
        return [], 0
    steps = int(differences.index.get_level_values("steps").value_counts().idxmax())
    return differences.loc[steps].tolist(), steps


def verdict(found: ClassResults, plan: Plan) -> str:
    """What the planned blocks decide, in a sentence, or how many of them are still missing."""
    if found.level is None or found.level.difference is None:
        return "Not decided: a comparison needs two blocks."
    said = f"{difference_words(found.level)}: {level_words(found.level)}"
    if (missing := plan.planned - found.counted) > 0:
        return (
            f"So far {said}. The plan decides when {missing} more of its {plan.planned} blocks are"
            " there."
        )
    outcome = _OUTCOMES.get(found.level.status)
    hit = (
        "and so it came out"
        if outcome == plan.prediction
        else "and it came out otherwise"
        if outcome
        else ""
    )
    expected = (
        f"The class expected “{plan.prediction}”, {hit or 'and that stays open'}."
        if plan.prediction
        else ""
    )
    return f"{said[0].upper()}{said[1:]}. {expected}".rstrip()


def rule(plan: Plan) -> str:
    """By which numbers a plan decides, and what was expected."""
    close = (
        f"; smaller than {100 * EQUIVALENCE:g} points is about the same"
        * measure_of(plan.measure).is_share
    )
    said = f"It decides at {plan.planned} blocks by an exact test (p at most {ALPHA:g}){close}."
    said += f" Fewer than {ENOUGH} blocks decide nothing." * (plan.planned < ENOUGH)
    return f"{said} Expected: {plan.prediction}." if plan.prediction else said


def peeking(looks: Mapping[int, float], plan: Plan) -> str:
    """How often the room looked at the result before it was complete, and what that does; empty
    where it did not."""
    early = [p for dots, p in looks.items() if dots < plan.planned]
    if not early:
        return ""
    low = sum(p <= ALPHA for p in early)
    seen = (
        f"Looked at {len(early)} time{'s' * (len(early) != 1)} on the way, p was {ALPHA:g} or less"
        f" at {low}"
    )
    return (
        f"{seen}: who may stop at any of them finds differences too often. The plan decides at"
        f" {plan.planned} only."
    )


def what_more_would_change(found: ClassResults) -> str:
    """How narrow the interval would be with more students, and how many see a difference; empty
    without an interval."""
    if found.level is None or found.level.difference is None:
        return ""
    sd, n = found.level.difference.sd, found.counted
    unit, digits = (100, 1) if found.level.share else (1, 3)
    now = f"±{unit * half_width(sd, n):.{digits}f}"
    then = ", ".join(f"{more} more ±{unit * half_width(sd, n + more):.{digits}f}" for more in MORE)
    said = f"With this spread between blocks the interval is {now}; with {then}."
    for delta, seeds in list(found.level.seeds_needed.items())[:1]:
        ends = f"{seeds.low:,} to {seeds.high:,}, as the spread is known from {n}"
        said += (
            f" To see {100 * delta:g} points in four of five rooms takes {seeds.value:,} blocks"
            f" ({ends})."
        )
    return said


def dots_csv(found: ClassResults, plan: Plan, study: StudyPlan) -> bytes:
    """The dots as a CSV file; no name of anybody is in it."""
    first, second = study.arm_settings
    rows = [
        {
            "block": dot.place + 1,
            "seed": dot.seed,
            "within_plan": dot.planned,
            first: dot.values[0],
            second: dot.values[1],
            "difference": dot.difference,
            "measure": study.measure,
            "plan": plan.hash,
            "towers": plan.towers,
            **{f"key, {name}": key for name, key in zip(study.arm_settings, dot.keys, strict=True)},
        }
        for dot in found.dots
    ]
    return safe_csv(pd.DataFrame(rows)).encode()


def pair_difference(measure: str, ends: Sequence[Mapping[str, Any]]) -> Estimate:
    """The difference of two runs with its interval over pictures, the widest that those of both
    allow; ValueError, which says why, where the measure is not defined."""
    found = []
    for end in ends:
        one = estimate_of(end, measure)
        if one is None or one.get("value") is None:
            raise ValueError(absence_reason(end, measure))
        found.append(one)
    first, second = found
    low, high = second["low"] - first["high"], second["high"] - first["low"]
    return Estimate(second["value"] - first["value"], low, high, min(first["n"], second["n"]))


def seconds_left(position: int, fractions: Sequence[float], seconds: float, workers: int) -> float:
    """Seconds until a pair is there that waits at a position of the queue (0: it has begun, with
    these parts of its two runs done), when a pair takes so many `seconds` and so many are made at
    once."""
    still = seconds * (1 - sum(fractions) / len(fractions))
    return max(0.0, still) + seconds * position / workers


def time_left(position: int, fractions: Sequence[float], seconds: float, workers: int) -> str:
    """What `seconds_left` gives, in words."""
    return time_words(seconds_left(position, fractions, seconds, workers))


def time_words(left: float) -> str:
    """Seconds that are left: ``about 35 s``, ``about 8 minutes``."""
    return duration_words(left) if left >= 60 else f"about {max(5, round(left / 5) * 5)} s"
