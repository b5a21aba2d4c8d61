"""Sentences about a study: its answer, its notes and its claims.

A sentence says what was measured, with its interval, the number of blocks, the pictures and the
training length, and never more; where the numbers decide nothing it says so. No sentence says that
labels help or hurt.
"""

import math
from collections.abc import Collection, Mapping

from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import (
    STYLE_WORDS,
    decimal,
    describe_bias,
    difference,
    percent,
    points,
    rate,
    signed,
)
from vlcore.metrics.estimate import Estimate
from vlcore.study.analysis import Analysis, ArmComparison, Level
from vlcore.study.evidence import ClaimResult
from vlcore.study.findings import Findings, Headline, bayes_lines
from vlcore.study.runs_table import LIMIT
from vlcore.study.statistics.factorial import SlopeTest
from vlcore.study.statistics.paired import (
    ALPHA,
    ENOUGH,
    EQUIVALENCE,
    Paired,
    Status,
    blocks_to_decide,
    smallest_p,
)


def answer(found: Findings) -> str:
    """The study's question answered from the numbers, in one paragraph."""
    condition, headline = found.study.conditions[0], found.headline
    where = f"on {pictures(condition)} and after {condition.steps:,} steps"
    if found.end is None or headline is None:
        need = "Not decided: a comparison needs two blocks with both label styles"
        return f"{need}. {found.there} of {len(found.planned)} runs {where} are there."
    level, primary = headline.level, found.end.primary
    n, said = len(level.blocks), []
    if n < ENOUGH:
        said.append(f"Exploratory: {n} of the {ENOUGH} blocks that a decision asks for are there.")
    said.append(
        f"{where[0].upper()}{where[1:]}, with {bias_words(found, headline)}, minority pictures were"
        f" named right {rate(headline.short.as_dict())} with short labels and"
        f" {rate(headline.descriptive.as_dict())} with descriptive ones. The difference is"
        f" {difference_words(level)}: {tested_words(level)}."
    )
    if found.general is not None:
        said.append(general_words(found.general))
    others = [
        f"{signed(100 * other.difference.mean.value, 0)} at {100 * other.bias:g}\u00a0%"
        f" ({status_words(other)})"
        for other in primary.levels
        if other.difference is not None and not other.apart and other is not level
    ]
    if others:
        said.append(f"At the other levels of bias, in points: {', '.join(others)}.")
    if slopes := slopes_words(primary):
        said.append(
            f"Over all levels below 100\u00a0%, the slope on φ differs by {' and '.join(slopes)}."
        )
    said += [
        "When each had just fitted its training captions, the difference was"
        f" {difference_words(early)}: {tested_words(early)}."
        for early in (() if found.first_fit is None else found.first_fit.primary.levels)
        if early.bias == level.bias and early.difference is not None
    ]
    # What a model would lose that only makes rational use of the biased data.
    lines = bayes_lines(found, [level.bias])
    if len(lines):
        left = " and ".join(
            f"{percent(row.value)} with {STYLE_WORDS[row.labels]}" for row in lines.itertuples()
        )
        said.append(f"Rational use of the biased data alone would leave {left} (Bayes line).")
    return " ".join([*said, "Other pictures, models and training lengths can give other numbers."])


def general_words(general: Estimate) -> str:
    """What is left of a difference where its scenes are drawn anew too, see
    `vlcore.study.findings.over_pictures`."""
    low, high = (signed(100 * end, 0) for end in (general.low, general.high))
    return f"With test scenes drawn anew as well as blocks, {low} to {high} points."


def slopes_words(comparison: ArmComparison) -> list[str]:
    """How the slopes of two arms differ, on each scale: what shows on one alone depends on the
    scale (Loftus 1978)."""
    scales: dict[str, tuple[SlopeTest | None, float | None]] = {}
    scales["on the value itself"] = comparison.slope_on_value, None
    if comparison.scale == "logit":
        scales["in log odds"] = comparison.slope, comparison.slope_p
    arm, said = comparison.levels[0].arm, []
    for words, (slope, p) in scales.items():
        if slope is not None:
            d = slope.difference
            value, low, high = (signed(end, 2) for end in (d.mean.value, d.mean.low, d.mean.high))
            status = _with_arm(d.status(d.p if p is None else p), arm)
            said.append(
                f"{value} ({low} to {high}) {words} ({exact_words(d)}: {status}, n = {d.mean.n})"
            )
    return said


def exact_words(difference: Paired) -> str:
    """The exact test of a difference: ``p = 0.031, exact interval -1.2 to -0.1``."""
    exact = difference.exact
    ends = (
        ""
        if exact is None
        else f", exact interval {signed(exact.low, 2)} to {signed(exact.high, 2)}"
    )
    return f"p = {difference.p:.2g}{ends}"


def bias_words(found: Findings, headline: Headline) -> str:
    """The headline's level of bias, with the counts."""
    return describe_bias(found.study.conditions[0].replace(bias=headline.level.bias))


def pictures(condition: Condition) -> str:
    """An image set in words: ``the pictures of scenes (renderer 2)``."""
    kind = "renderer" if condition.data == "scenes" else "version"
    version = condition.data_version
    return f"the pictures of {condition.data} ({kind} {version})" if version else condition.data


def status_words(level: Level) -> str:
    """A level's status: ``higher with descriptive``, ``equivalent within ±5 points``."""
    if level.status is Status.EQUIVALENT:
        return (
            f"{level.status} within"
            f" ±{f'{EQUIVALENCE * 100:g} points' if level.share else f'{EQUIVALENCE:g}'}"
        )
    return _with_arm(level.status, level.arm)


def level_words(level: Level) -> str:
    """A level's status with its number of blocks."""
    return f"{status_words(level)} (n = {len(level.blocks)})"


def tested_words(level: Level) -> str:
    """A level's status with its number of blocks and its p; an interval, which is not adjusted, may
    say otherwise."""
    p = "" if level.holm_p is None else f", adjusted p = {level.holm_p:.2g}"
    return f"{status_words(level)} (n = {len(level.blocks)}{p})"


def _with_arm(status: Status, arm: str) -> str:
    return status if status is Status.NOT_DECIDED else f"{status} with {arm}"


def difference_words(level: Level | None) -> str:
    """``-10 points (-13 to -7)``, or in the measure itself; empty where nothing was compared."""
    if level is None or level.difference is None:
        return ""
    return (points if level.share else difference)(level.difference.mean.as_dict())


def exact_interval_words(level: Level) -> str:
    """Which differences the exact test of a level does not reject; empty where it rejects none."""
    if level.difference is None or level.difference.exact is None:
        return ""
    scale, digits = (100, 0) if level.share else (1, 2)
    return " to ".join(
        signed(scale * end, digits)
        for end in (level.difference.exact.low, level.difference.exact.high)
    )


def too_few(analysis: Analysis) -> str:
    """Why no single level can be decided, however large its difference; empty where one can."""
    tested = [
        level
        for level in analysis.primary.levels
        if not level.apart and level.difference is not None
    ]
    fewest, levels = min((len(level.blocks) for level in tested), default=0), len(tested)
    if tested and fewest < ENOUGH:
        smallest = (
            f"Exploratory: with {fewest} blocks the smallest p of an exact test is"
            f" {smallest_p(fewest):.2g}"
        )
        return f"{smallest}; a decision asks for at least {ENOUGH}."
    if tested and smallest_p(fewest) * levels > ALPHA:
        smallest = (
            f"adjusted for {levels} levels the smallest p is {smallest_p(fewest) * levels:.2g}"
        )
        more = f"{blocks_to_decide(levels)} blocks can show it"
        return f"No single level can be shown to differ with {fewest} blocks: {smallest}; {more}."
    return ""


def notes(analysis: Analysis) -> list[str]:
    """How far the numbers of an analysis reach."""
    primary, said = analysis.primary, []
    if missing := len(analysis.missing):
        said.append(
            f"Runs of the design that are not there: {missing}; each level stands on its complete"
            " pairs."
        )
    if few := too_few(analysis):
        said.append(few)
    slopes = [one.difference for one in (primary.slope, primary.slope_on_value) if one is not None]
    if (
        len({slope.status(slope.p) for slope in slopes}) > 1
        or len({slope.mean.value > 0 for slope in slopes}) > 1
    ):
        both = "The slope differences on log odds and on the value itself"
        said.append(f"{both} do not say the same; look at each level.")
    if any(level.apart for level in primary.levels):
        said.append(
            f"At bias {LIMIT:g} nothing tells object from context; that level is in no test and no"
            " average."
        )
    if analysis.versions > 1:
        said.append(
            f"The runs were made with {analysis.versions} different sets of package versions."
        )
    return said


def soundness(unsound: Collection[str], blocks: int) -> str:
    """Which blocks of a study fail the sanity check; empty where none does."""
    failing = (
        f"The sanity check fails in {len(unsound)} of {blocks} blocks of seeds:"
        f" {', '.join(unsound)}."
    )
    return failing if unsound else ""


def why_unsound(unsound: Mapping[str, list[str]]) -> str:
    """What of the sanity check fails in which block, a list for markdown."""
    return "\n".join(f"- {block}: {'; '.join(facts)}" for block, facts in unsound.items())


def left_out(found: Findings) -> str:
    """Which blocks of a study a reader leaves out; empty where that is none."""
    return (
        f"Left out, because the sanity check fails: {', '.join(found.left_out)}."
        if found.left_out
        else ""
    )


def claim_words(result: ClaimResult) -> str:
    """A claim's status as it is shown, such as ``not decided (n = 5)`` or ``control not run (n =
    10)``."""
    if result.status is Status.NOT_DECIDED:
        # The claim's own number decides, and what it must beat was not measured: more seeds would
        # not help.
        waits = result.own.status is Status.SUPPORTED and any(
            null.difference is None for null in result.nulls
        )
        return f"{'control not run' if waits else result.status} (n = {result.n})"
    if result.status is not Status.DEPENDS:
        return result.status
    read = [
        one
        for one in (result.own, *result.readings)
        if one is result.own or one.status is not Status.NOT_DECIDED
    ]
    return f"{depends_words(result)}: {', '.join(f'{one.status} {one.words}' for one in read)}"


def depends_words(result: ClaimResult) -> str:
    """What a claim depends on: ``depends on the moment and the bias``."""
    odd = [
        one for one in result.readings if one.status not in (Status.NOT_DECIDED, result.own.status)
    ]
    return f"{Status.DEPENDS} the {' and the '.join(dict.fromkeys(one.axis for one in odd))}"


def claim_sentence(result: ClaimResult) -> str:
    """What was measured of a claim, and why its status is no more than it is."""
    said, own = [], result.own
    if own.difference is not None:
        beside = f", on {decimal(own.reference.value)}" if own.reference else ""
        said.append(
            f"{result.claim.what}: {estimate_words(result.estimate)}{beside}; {result.n} blocks."
        )
    for null in result.nulls:
        if null.difference is not None:
            there = f" (there {decimal(null.reference.value)})" if null.reference else ""
            said.append(
                f"The difference {null.words}{there}: {estimate_words(null.difference.mean)}."
            )
    behind = [null.words for null in result.nulls if null.status is Status.CONTRADICTED]
    lacking = [f"{null.words} ({null.reason})" for null in result.nulls if null.difference is None]
    if result.status is Status.CONTRADICTED and behind and own.status is not Status.CONTRADICTED:
        said.append(f"It does not stand out {'; '.join(behind)}.")
    elif result.status is Status.DEPENDS:
        read = [
            (f"{one.status} {one.words}", one.difference)
            for one in result.readings
            if one.difference is not None
        ]
        said.append(
            f"Read otherwise: {'; '.join(f'{words} ({exact_words(of)})' for words, of in read)}."
        )
    elif result.status is not Status.NOT_DECIDED:
        pass
    elif own.difference is None:
        said.append(f"It was not read: {own.reason}.")
    elif result.n < ENOUGH:
        said.append(f"Fewer than {ENOUGH} blocks decide nothing.")
    elif own.status is Status.NOT_DECIDED:
        open_ = own.difference.mean.low <= 0 <= own.difference.mean.high
        test = (
            "The t interval excludes 0, and the exact test does not reach 5\u00a0%"
            f" ({exact_words(own.difference)})."
        )
        said.append("The interval leaves both signs open." if open_ else test)
    elif lacking:
        said.append(f"The null was not run: {'; '.join(lacking)}.")
    else:
        level = [null.words for null in result.nulls if null.status is not Status.SUPPORTED]
        said.append(f"It is not shown to stand out {'; '.join(level)}.")
    return " ".join(said)


def not_run(result: ClaimResult) -> str:
    """Which of the controls that a claim must beat have not been run, in a sentence; empty where
    all have."""
    missing = [reading.words for reading in result.nulls if reading.reason]
    return f"Not decided as long as this has not been run: {'; '.join(missing)}." if missing else ""


def estimate_words(estimate: Estimate | None) -> str:
    """``-0.12 (-0.20 to -0.04)``; a dash where nothing was measured."""
    return "–" if estimate is None else difference(estimate.as_dict())


def how_long(seconds: float) -> str:
    """A duration to the nearest that people say: ``about 40 minutes``."""
    if seconds < 75:
        return "about a minute"
    minutes = seconds / 60
    if minutes < 90:
        return (
            f"about {5 * math.ceil(minutes / 5)} minutes"
            if minutes > 10
            else f"about {math.ceil(minutes)} minutes"
        )
    return f"about {minutes / 60:.0f} hours" if minutes >= 150 else "about two hours"
