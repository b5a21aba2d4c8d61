"""Results of a study by a class: a dot a block, and what they say together, as Findings does.

Mean, interval and p are those of `compare_arms` on the planned blocks that are trained; the plan
decides when all of them are. Blocks beyond the plan are shown, and decide nothing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import altair as alt
import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.classroom import tower_pairs
from vlcore.classroom.one_room import (
    DIRECTIONS,
    REHEARSAL,
    Block,
    BlockState,
    ClassContrast,
    ClassPlan,
    Pair,
    contrasts,
    planned_places,
    study_of,
)
from vlcore.classroom.phone_results import PhoneRun
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.plain_text import safe_csv
from vlcore.experiment.wording import TOWERS_SEEN, plural, points, signed
from vlcore.metrics.catalogue import PRIMARY, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import ALPHA, EQUIVALENCE, Paired, Status, half_width
from vlcore.plots import classroom as charts
from vlcore.plots.theme import Palette
from vlcore.study.analysis import Level, compare_arms
from vlcore.study.answer_file import DIGITS, PublishedAnswer, PublishedContrast
from vlcore.study.answer_words import same_setting
from vlcore.study.plans import StudyPlan
from vlcore.study.runs_table import measure_rows, runs_table

MORE_STUDENTS = (10, 30, 100)  # for which the width of the interval is computed
_OUTCOMES = dict(zip((Status.LOWER, Status.EQUIVALENT, Status.HIGHER), DIRECTIONS, strict=True))


@dataclass(frozen=True)
class Dot:
    """A trained block.

    Attributes:
        place: of the block.
        seed: of both runs.
        keys: of the baseline, and of the treatment.
        values: the same.
        planned: whether the plan counts it.
        by_phone: whether a phone trained it, and not the server.
    """

    place: int
    seed: int
    keys: tuple[str, str]
    values: tuple[float, float]
    planned: bool
    by_phone: bool = False

    @property
    def difference(self) -> float:
        return self.values[1] - self.values[0]


@dataclass(frozen=True)
class ClassResults:
    """The dots of a class by place, and what the planned ones say.

    Attributes:
        dots: trained blocks with the measure.
        level: the comparison; None with fewer than two planned blocks.
        unmeasured: number of trained blocks without the measure.
    """

    dots: tuple[Dot, ...]
    level: Level | None
    unmeasured: int = 0

    @property
    def counted(self) -> int:
        """How many dots the plan counts."""
        return sum(dot.planned for dot in self.dots)

    @property
    def difference(self) -> Paired | None:
        return self.level.difference if self.level else None


def class_results(
    study: StudyPlan,
    pairs: Mapping[int, Pair],
    planned: set[int],
    read: Callable[[str], Artifact | PhoneRun],
) -> ClassResults:
    """The results of a study of a class.

    Args:
        study: the study.
        pairs: conditions of the trained blocks, by place.
        planned: the places that the plan counts.
        read: reads a run by its key.
    """
    arms = {condition.key: study.arm_of(condition) for pair in pairs.values() for condition in pair}
    runs = {key: read(key) for key in arms}
    frame = runs_table([*runs.values()], study.measure)
    frame = frame.assign(arm=frame["key"].map(arms))
    ends = measure_rows(frame, study.measure).set_index("key")["value"]
    class_dots = []
    for place, (first, second) in sorted(pairs.items()):
        keys = first.key, second.key
        values = float(ends.get(first.key, math.nan)), float(ends.get(second.key, math.nan))
        if not any(map(math.isnan, values)):
            by_phone = isinstance(runs[first.key], PhoneRun)
            dot = Dot(place, first.data_seed, keys, values, place in planned, by_phone)
            class_dots.append(dot)
    counted = {key for dot in class_dots if dot.planned for key in dot.keys}
    level = None
    if len(counted) > 2:
        (level,) = compare_arms(
            frame[frame["key"].isin(counted)],
            study.baseline,
            study.treatments,
            study.measure,
            free=study.varied,
        )
    return ClassResults(tuple(class_dots), level, len(pairs) - len(class_dots))


@dataclass(frozen=True)
class ClassStudy:
    """The state of a study of a class.

    Attributes:
        code: of the session.
        kind: of the class, or a rehearsal.
        plan: what was decided.
        usual: condition of its image set.
        grouping: of its image set.
        blocks: those that were taken.
        states: of these blocks.
        results: of the trained ones.
        repeats: by the place of each block that a phone and the server trained, whether both
            trained the same models.
    """

    code: str
    kind: str
    plan: ClassPlan
    usual: Condition
    grouping: Grouping
    blocks: tuple[Block, ...]
    states: tuple[BlockState, ...]
    results: ClassResults
    repeats: Mapping[int, bool] = field(default_factory=dict)

    @property
    def study(self) -> StudyPlan:
        return study_of(self.plan, self.usual, self.grouping, self.code)

    @property
    def counted(self) -> set[int]:
        """The places of the planned blocks."""
        return planned_places(self.states, self.plan.planned)

    @property
    def complete(self) -> bool:
        """Whether all planned blocks are trained, so that the plan decides."""
        return self.results.counted >= self.plan.planned

    @property
    def free(self) -> int:
        """How many planned blocks nobody trains, those included that nobody has taken."""
        busy = {
            block.place
            for block, state in zip(self.blocks, self.states, strict=True)
            if not state.is_free
        }
        return len(self.counted - busy)

    @property
    def contrast(self) -> ClassContrast:
        """The comparison."""
        usual = tower_pairs.on_towers(self.usual, self.plan.towers)
        return contrasts(usual, self.grouping)[self.plan.contrast]

    @property
    def title(self) -> str:
        """The comparison, in a line."""
        title = self.contrast.title
        if self.plan.towers == tower_pairs.PHONES:
            return f"{title}, trained on phones"
        towers = self.plan.towers
        return title if towers == tower_pairs.USUAL else f"{title}, {towers} encoders"

    @property
    def planned(self) -> str:
        """What was planned, when, and on which towers."""
        if self.kind == REHEARSAL:
            plan = "Rehearsal."
        else:
            plan = f"Plan {self.plan.hash} was fixed before the first run."
        return f"{plan} {rule(self.plan, self.grouping)} {TOWERS_SEEN[self.plan.towers]}"

    def numbers(self) -> dict[str, str]:
        """Number of seed pairs, mean difference and its interval, as a projector shows them."""
        counted = self.results.counted
        beyond = len(self.results.dots) - counted
        pairs = f"{counted} of {self.plan.planned}"
        numbers = {"Code": self.code, "Seed pairs": f"{pairs} + {beyond}" if beyond else pairs}
        if difference := self.results.difference:
            mean, low, high = (signed(100 * end, DIGITS) for end in _ends(difference.mean))
            numbers["Mean difference, points"] = mean
            numbers["95% interval"] = f"{low} to {high}"
        return numbers

    @property
    def on_phones(self) -> str:
        """How many seed pairs phones trained, and how many of those that the server repeated came
        out the same; empty in a class whose server trains."""
        if self.plan.towers != tower_pairs.PHONES or self.kind == REHEARSAL:
            return ""
        count = sum(bool(block.result) for block in self.blocks)
        trained = f"Phones trained {plural(count, 'seed pair')}."
        if not self.repeats:
            return f"{trained} The server repeats one of ten, at random; none is finished yet."
        same = sum(self.repeats.values())
        return f"{trained} The server repeated {len(self.repeats)}; {same} came out the same."

    @property
    def expectation(self) -> str:
        """Whether it came out as the class expected; empty before the plan decides."""
        level, expected = self.results.level, self.plan.prediction
        if level is None or not self.complete or not expected:
            return ""
        outcome = _OUTCOMES.get(level.status)
        agrees = "and so it came out" if outcome == expected else "and it came out otherwise"
        return f"The class expected “{expected}”, {agrees if outcome else 'and that stays open'}."

    def how_sure(self, looks: Mapping[int, float]) -> list[str]:
        """What stands behind the verdict.

        Args:
            looks: p by the number of dots at which the class looked.
        """
        sentences = []
        if difference := self.results.difference:
            sentences.append(f"Exact test: p = {difference.p:.2g}.")
        if self.complete:
            sentences.append(with_more_students(self.results))
        sentences.append(peeking(looks, self.plan))
        if self.results.unmeasured:
            sentences.append(
                f"The metric is not defined in {plural(self.results.unmeasured, 'pair')}, which"
                " leaves no dot."
            )
        return [sentence for sentence in sentences if sentence]

    def end_sentence(self, answer: PublishedAnswer) -> str:
        """Compare what this room found with published runs of the same setting."""
        outcome = "This room has too few seed pairs to find a difference"
        if difference := self.results.difference:
            words = points(difference.mean.as_dict(), DIGITS)
            outcome = f"This room found {words}, {plural(self.results.counted, 'seed pair')}"
        published = self.published(answer)
        if published is None:
            return f"{outcome}. No published runs have this setting."
        pairs = plural(published.pairs, "seed pair")
        return (
            f"{outcome}; published runs with the same setting found {published.in_points}, {pairs}."
        )

    def published(self, answer: PublishedAnswer) -> PublishedContrast | None:
        """Find the published contrast of the same arms, bias level and encoders."""
        if not self.contrast.published or self.plan.towers == tower_pairs.PHONES:
            return None
        usual, encoders = self.usual.with_towers(self.plan.towers), ""
        if self.plan.towers != tower_pairs.USUAL:
            encoders = f"{self.plan.towers}.{usual.text}."
        name = f"{encoders}{self.contrast.published}"
        return same_setting(answer, name, usual.data, self.contrast.bias)

    def csv(self) -> str:
        """The dots as a CSV file, without names."""
        baseline, treatment = self.study.arms
        rows = []
        for dot in self.results.dots:
            row = {
                "block": dot.place + 1,
                "seed": dot.seed,
                "within_plan": dot.planned,
                baseline: round(dot.values[0], 9),
                treatment: round(dot.values[1], 9),
                "difference": round(dot.difference, 9),
                "measure": PRIMARY,
                "plan": self.plan.hash,
                "towers": self.plan.towers,
                "trained_by": "phone" if dot.by_phone else "server",
                f"key, {baseline}": dot.keys[0],
                f"key, {treatment}": dot.keys[1],
            }
            rows.append(row)
        return safe_csv(pd.DataFrame(rows))

    def chart(
        self,
        palette: Palette,
        width: int,
        height: int,
        *,
        highlight: int = -1,
        head: alt.Title | None = None,
    ) -> alt.LayerChart | None:
        """The dots; None while there are none.

        Args:
            palette: light or dark.
            width: px.
            height: px.
            highlight: place of the block that is told apart.
            head: title of a slide.
        """
        rows = []
        for dot in self.results.dots:
            kind = charts.PLANNED if dot.planned else charts.BEYOND
            if dot.place == highlight:
                kind = charts.OWN
            label = f"seed pair {dot.place + 1}: {signed(100 * dot.difference, DIGITS)}"
            rows.append((dot.difference, kind, label))
        if not rows:
            return None
        study, difference = self.study, self.results.difference
        measure = words_of(PRIMARY, self.grouping)
        return charts.dots_chart(
            pd.DataFrame(rows, columns=["difference", "kind", "words"]),
            palette=palette,
            width=width,
            height=height,
            title=f"{measure}: {study.treatments[0]} minus {study.baseline}, points",
            unit=100.0,
            head=head,
            mean=_ends(difference.mean) if difference else None,
        )


def _ends(mean: Estimate) -> tuple[float, float, float]:
    return mean.value, mean.low, mean.high


def verdict(results: ClassResults, plan: ClassPlan) -> str:
    """What the planned blocks decide, in a sentence, or how many of them are still missing."""
    level = results.level
    if level is None:
        return "Inconclusive: a comparison needs two seed pairs."
    pairs = plural(len(level.blocks), "seed pair")
    decided = f"{level.difference_words}: {level.verdict} ({pairs})"
    if (missing := plan.planned - results.counted) > 0:
        return (
            f"So far {decided}. The plan decides when {missing} more of its"
            f" {plan.planned} seed pairs are finished."
        )
    return f"{decided[0].upper()}{decided[1:]}."


def rule(plan: ClassPlan, grouping: Grouping) -> str:
    """By which numbers a plan decides, and what was expected."""
    words = (
        f"“{words_of(PRIMARY, grouping)}” decides at {plan.planned} seed pairs by an exact"
        f" test (p at most {ALPHA:g}). “About the same” needs the whole 90% interval within"
        f" {100 * EQUIVALENCE:g} points."
    )
    if plan.prediction:
        words += f" Expected: {plan.prediction}."
    return words


def peeking(looks: Mapping[int, float], plan: ClassPlan) -> str:
    """How often the class looked at the result before it was complete, and what that does; empty
    where it did not."""
    early = [p for count, p in looks.items() if count < plan.planned]
    if not early:
        return ""
    low = sum(p <= ALPHA for p in early)
    return (
        f"Looked at {len(early)} time{'s' * (len(early) != 1)} on the way, p was {ALPHA:g} or less"
        f" at {low or 'none of them'}: stopping at any of them finds differences too often. The"
        f" plan decides at {plan.planned} only."
    )


def with_more_students(results: ClassResults) -> str:
    """How narrow the interval would be with more students; empty without a spread."""
    level = results.level
    if level is None or level.difference is None or not level.difference.sd:
        return ""
    sd, n = level.difference.sd, results.counted

    def width(blocks: int) -> str:
        return f"±{100 * half_width(sd, blocks):.{DIGITS}f}"

    wider = ", ".join(f"{students} more {width(n + students)}" for students in MORE_STUDENTS)
    return f"With this spread between seed pairs the interval is {width(n)}; with {wider}."
