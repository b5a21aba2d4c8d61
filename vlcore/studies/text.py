"""Sentences about a study: its answer, its notes and its claims.

A sentence says what was measured, with its interval, the number of blocks, the pictures and the training length, and
never more; where the numbers decide nothing it says so. No sentence says that labels help or hurt.
"""

from __future__ import annotations

import math

from vlcore.core.condition import Condition
from vlcore.core.wording import STYLE_WORDS, decimal, describe_bias, difference, percent, points, rate, signed
from vlcore.measures.estimate import Estimate
from vlcore.studies.analysis import Analysis, Level
from vlcore.studies.evidence import ClaimResult
from vlcore.studies.findings import Findings, Headline, bayes_lines
from vlcore.studies.runs_table import LIMIT
from vlcore.studies.statistics.paired import ALPHA, ENOUGH, MARGIN, Status, blocks_to_decide, smallest_p


def answer(found: Findings) -> str:
    """The study's question answered from the numbers, in one paragraph."""
    condition, headline = found.study.conditions[0], found.headline
    where = f"on {pictures(condition)} and after {condition.steps:,} steps"
    if found.end is None or headline is None:
        return (
            f"Not decided: a comparison needs two blocks with both label styles. {found.there} of "
            f"{len(found.study.conditions)} runs {where} are there."
        )
    n = len(headline.level.blocks)
    sentences = [
        f"Exploratory: {n} of the {ENOUGH} blocks that a decision asks for are there." if n < ENOUGH else "",
        f"{where[0].upper()}{where[1:]}, with {bias_words(found, headline)}, minority pictures were named right "
        f"{rate(headline.short.as_dict())} with short labels and {rate(headline.descriptive.as_dict())} with "
        f"descriptive ones. The difference is {difference_words(headline.level)}: {level_words(headline.level)}.",
        _other_levels(found.end, headline),
        _slope(found.end),
        _first_fit(found, headline),
        _bayes(found, headline),
        "Other pictures, models and training lengths can give other numbers.",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def bias_words(found: Findings, headline: Headline) -> str:
    """The headline's level of bias, with the counts."""
    return describe_bias(found.study.conditions[0].replace(bias=headline.level.bias))


def pictures(condition: Condition) -> str:
    """An image set in words: ``the pictures of scenes (renderer 2)``."""
    version = (
        f"renderer {condition.data_version}" if condition.data == "scenes" else f"version {condition.data_version}"
    )
    return f"the pictures of {condition.data} ({version})" if condition.data_version else condition.data


def status_words(level: Level) -> str:
    """A level's status: ``higher with descriptive``, ``equivalent within ±5 points``."""
    if level.status is Status.EQUIVALENT:
        return f"{level.status} within ±{f'{MARGIN * 100:g} points' if level.share else f'{MARGIN:g}'}"
    return _with_arm(level.status, level.arm)


def level_words(level: Level) -> str:
    """A level's status with its number of blocks."""
    return f"{status_words(level)} (n = {len(level.blocks)})"


def _with_arm(status: Status, arm: str) -> str:
    return status if status is Status.NOT_DECIDED else f"{status} with {arm}"


def difference_words(level: Level | None) -> str:
    """``-10 points (-13 to -7)``, or in the measure itself; empty where nothing was compared."""
    if level is None or level.difference is None:
        return ""
    return (points if level.share else difference)(level.difference.mean.as_dict())


def _other_levels(analysis: Analysis, headline: Headline) -> str:
    others = [
        f"{signed(100 * level.difference.mean.value, 0)} at {100 * level.bias:g}\u00a0% ({status_words(level)})"
        for level in analysis.primary.levels
        if level.difference is not None and not level.apart and level is not headline.level
    ]
    return f"At the other levels of bias, in points: {', '.join(others)}." if others else ""


def _slope(analysis: Analysis) -> str:
    slope = analysis.primary.slope
    if slope is None:
        return ""
    p, n = slope.difference.test.p, slope.difference.mean.n
    said = _with_arm(slope.difference.status(p), analysis.treatment)
    value, low, high = (signed(slope.difference.mean.as_dict()[end], 1) for end in ("value", "low", "high"))
    scale = "log odds" if analysis.primary.scale == "logit" else "accuracy"
    return (
        f"Over all levels below 100\u00a0%, the slope of {scale} on φ differs by {value} ({low} to {high}, "
        f"p = {p:.2g}): {said} (n = {n})."
    )


def _first_fit(found: Findings, headline: Headline) -> str:
    levels = () if found.first_fit is None else found.first_fit.primary.levels
    for level in levels:
        if level.bias == headline.level.bias and level.difference is not None:
            return (
                "When each had just fitted its training captions, the difference was "
                f"{difference_words(level)}: {level_words(level)}."
            )
    return ""


def _bayes(found: Findings, headline: Headline) -> str:
    """What a model would lose that only makes rational use of the biased data."""
    lines = bayes_lines(found.frame, [headline.level.bias])
    said = [
        f"{percent(row.value)} with {STYLE_WORDS[row.labels]}"
        for row in lines.itertuples()
        if row.labels in (found.study.baseline, *found.study.treatments)
    ]
    return f"Rational use of the biased data alone would leave {' and '.join(said)} (Bayes line)." if said else ""


def notes(analysis: Analysis) -> list[str]:
    """How far the numbers of an analysis reach."""
    primary = analysis.primary
    tested = [level for level in primary.levels if not level.apart and level.difference is not None]
    fewest = min((len(level.blocks) for level in tested), default=0)
    said = []
    if missing := len(analysis.missing):
        said.append(f"Runs of the design that are not there: {missing}; each level stands on its complete pairs.")
    if tested and fewest < ENOUGH:
        said.append(
            f"Exploratory: with {fewest} blocks the smallest p of an exact test is {smallest_p(fewest):.2g}; "
            f"a decision asks for at least {ENOUGH}."
        )
    elif tested and smallest_p(fewest) * len(tested) > ALPHA:
        said.append(
            f"No single level can be shown to differ with {fewest} blocks: adjusted for {len(tested)} levels the "
            f"smallest p is {smallest_p(fewest) * len(tested):.2g}; {blocks_to_decide(len(tested))} blocks can show it."
        )
    if primary.scales_disagree:
        said.append(
            "The slope differences on log odds and on the value itself have opposite signs; look at each level."
        )
    if any(level.apart for level in primary.levels):
        said.append(f"At bias {LIMIT:g} nothing tells object from context; that level is in no test and no average.")
    if analysis.versions > 1:
        said.append(f"The runs were made with {analysis.versions} different sets of package versions.")
    return said


def claim_words(result: ClaimResult) -> str:
    """A claim's status as it is shown, such as ``not decided (n = 5)``."""
    if result.status is Status.NOT_DECIDED:
        return f"{result.status} (n = {result.n})"
    if result.status is not Status.DEPENDS:
        return result.status
    read = [one for one in (result.own, *result.readings) if one.status is not Status.NOT_DECIDED]
    return f"{depends_words(result)}: {', '.join(f'{one.status} {one.words}' for one in read)}"


def depends_words(result: ClaimResult) -> str:
    """What a claim depends on: ``depends on the moment and the bias``."""
    odd = [one for one in result.readings if one.status not in (Status.NOT_DECIDED, result.own.status)]
    return f"{Status.DEPENDS} the {' and the '.join(dict.fromkeys(one.axis for one in odd))}"


def claim_sentence(result: ClaimResult) -> str:
    """What was measured of a claim, and why its status is no more than it is."""
    said = []
    if (own := result.own).difference is not None:
        beside = f", on {decimal(own.reference.value)}" if own.reference else ""
        said.append(f"{result.claim.what}: {estimate_words(result.estimate)}{beside}; {result.n} blocks.")
    for null in result.nulls:
        if null.difference is not None:
            there = f" (there {decimal(null.reference.value)})" if null.reference else ""
            said.append(f"The difference {null.words}{there}: {estimate_words(null.difference.mean)}.")
    return " ".join([*said, _why(result)]).rstrip()


def _why(result: ClaimResult) -> str:
    """Why a claim is contradicted by its nulls or not decided; empty where its own reading says it."""
    own, nulls = result.own, result.nulls
    behind = [null.words for null in nulls if null.status is Status.CONTRADICTED]
    if result.status is Status.CONTRADICTED and behind and own.status is not Status.CONTRADICTED:
        return f"It does not stand out {'; '.join(behind)}."
    if result.status is not Status.NOT_DECIDED:
        return ""
    if own.difference is None:
        return f"It was not read: {own.reason}."
    if result.n < ENOUGH:
        return f"Fewer than {ENOUGH} blocks decide nothing."
    if own.status is Status.NOT_DECIDED:
        return "The interval leaves both signs open."
    if missing := [f"{null.words} ({null.reason})" for null in nulls if null.difference is None]:
        return f"The null was not run: {'; '.join(missing)}."
    return f"It is not shown to stand out {'; '.join(n.words for n in nulls if n.status is not Status.SUPPORTED)}."


def not_run(result: ClaimResult) -> str:
    """Which of the controls that a claim must beat have not been run, in a sentence; empty where all have."""
    missing = [reading.words for reading in result.nulls if reading.reason]
    return f"Not decided as long as this has not been run: {'; '.join(missing)}." if missing else ""


def estimate_words(estimate: Estimate | None) -> str:
    """``-0.12 (-0.20 to -0.04)``; a dash where nothing was measured."""
    return "–" if estimate is None else difference(estimate.as_dict())


def how_long(seconds: float) -> str:
    """A duration to the nearest that people say: ``about 40 minutes``."""
    if seconds < 90:
        return "about a minute"
    minutes = seconds / 60
    if minutes < 90:
        return f"about {5 * math.ceil(minutes / 5)} minutes" if minutes > 10 else f"about {math.ceil(minutes)} minutes"
    return f"about {minutes / 60:.0f} hours" if minutes >= 150 else "about two hours"
