"""Sentences about a study: its answer, its notes and its claims.

A sentence says what was measured, with its interval, the number of seed pairs, the images and the
training length, and never more; where the numbers decide nothing it says so. No sentence says that
labels help or hurt.
"""

from collections.abc import Mapping, Sequence

from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import (
    STYLE_WORDS,
    decimal,
    describe_bias,
    difference,
    percent,
    points,
    rate_words,
    signed,
)
from vlcore.metrics.estimate import Estimate
from vlcore.study.analysis import Analysis, ArmComparison, Level
from vlcore.study.evidence import ClaimResult, ClaimTest
from vlcore.study.findings import Findings, bayes_lines
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


def answer_paragraph(findings: Findings) -> str:
    """The study's question answered from the numbers, in one paragraph."""
    condition, headline = findings.plan.conditions[0], findings.headline
    images = f"on {image_set_words(condition)} and after {condition.steps:,} steps"
    if findings.end is None or headline is None:
        return (
            "Inconclusive: a comparison needs two seed pairs with both label styles."
            f" {findings.n_trained} of {len(findings.plan.conditions)} runs {images} are there."
        )
    level, primary = headline.level, findings.end.primary
    n = len(level.blocks)
    sentences = []
    if n < ENOUGH:
        sentences.append(
            f"Exploratory: {n} of the {ENOUGH} seed pairs that a decision asks for are there."
        )
    sentences.append(
        f"{images[0].upper()}{images[1:]}, with {bias_words(findings, level)}, minority-group"
        f" accuracy was {rate_words(headline.short.as_dict())} with short labels and"
        f" {rate_words(headline.descriptive.as_dict())} with descriptive ones. The difference is"
        f" {both_scales_words(level)}: {tested_words(level)}."
    )
    sentences += reach_words(level)
    if findings.over_scenes is not None:
        sentences.append(over_scenes_words(findings.over_scenes))
    others = [
        f"{both_scales_words(secondary)} at {100 * secondary.bias:g}\u00a0%"
        f" ({status_words(secondary)})"
        for secondary in primary.levels
        if secondary.difference is not None and not secondary.apart and secondary is not level
    ]
    if others:
        sentences.append(f"At the other bias levels: {', '.join(others)}.")
    if slopes := slopes_words(primary):
        sentences.append(
            f"Over all levels below 100\u00a0%, the slope on φ differs by {' and '.join(slopes)}."
        )
    for early in () if findings.first_fit is None else findings.first_fit.primary.levels:
        if early.bias == level.bias and early.difference is not None:
            sentences.append(
                "At the fit step of each run, the difference was"
                f" {both_scales_words(early)}: {tested_words(early)}."
            )
    # What a model would lose that only makes rational use of the biased data.
    lines = bayes_lines(findings, [level.bias])
    if len(lines):
        leaves = " and ".join(
            f"{percent(line.value)} with {STYLE_WORDS[line.labels]}" for line in lines.itertuples()
        )
        expected = lines["value"].iat[-1] - lines["value"].iat[0]
        other_sign = expected * headline.difference.value < 0
        sentences.append(
            f"Bayes-optimal accuracy under the training prior would be {leaves} (Bayes line)"
            f"{', which differ in the other direction' if other_sign else ''}."
        )
    sentences.append("Other images, models and training lengths can give other numbers.")
    return " ".join(sentences)


def reach_words(level: Level) -> list[str]:
    """On how many images each rate of minority accuracy is counted at a level, and why the runs
    cannot call two arms equal there."""
    sentences = []
    if level.images is not None:
        counted = f"Each rate is counted on {level.images:,} held-out images of the minority groups"
        few = (
            f", so that one image is {100 / level.images:.3g} points: too few to call two label"
            f" styles equal within {100 * EQUIVALENCE:g}"
        )
        sentences.append(f"{counted}{few if level.is_coarse else ''}.")
    if level.difference is not None:
        sentences += filter(None, [no_spread_words(level.difference)])
    return sentences


def no_spread_words(difference: Paired) -> str:
    """What seed pairs that all differ by the same leave open; empty where they do not."""
    if difference.sd > 0:
        return ""
    return (
        "All seed pairs differ by the same, so that nothing says how far others would: the width of"
        " the interval is no precision."
    )


def over_scenes_words(estimate: Estimate) -> str:
    """The interval over seed pairs and scenes, of `vlcore.study.findings.over_scenes`."""
    low, high = (signed(100 * end, 0) for end in (estimate.low, estimate.high))
    return f"With test scenes drawn anew as well as seed pairs, {low} to {high} points."


def slopes_words(comparison: ArmComparison) -> list[str]:
    """How the slopes of two arms differ, on each scale: what shows on one alone depends on the
    scale (Loftus 1978)."""
    scales: dict[str, tuple[SlopeTest | None, float | None]] = {}
    scales["on the value itself"] = comparison.slope_on_value, None
    if comparison.scale == "logit":
        scales["in log odds"] = comparison.slope, comparison.slope_p
    sentences = []
    for scale, (slope, adjusted_p) in scales.items():
        if slope is None:
            continue
        test = slope.difference
        mean, low, high = (
            signed(end, 2) for end in (test.mean.value, test.mean.low, test.mean.high)
        )
        p = test.p if adjusted_p is None else adjusted_p
        status = _with_arm(test.status(p), comparison.levels[0].arm)
        sentences.append(
            f"{mean} ({low} to {high}) {scale} ({exact_words(test)}: {status}, n = {test.mean.n})"
        )
    return sentences


def exact_words(difference: Paired) -> str:
    """The exact test of a difference: ``p = 0.031, exact interval -1.2 to -0.1``."""
    p, exact = f"p = {difference.p:.2g}", difference.exact
    if exact is None:
        return p
    return f"{p}, exact interval {signed(exact.low, 2)} to {signed(exact.high, 2)}"


def bias_words(findings: Findings, level: Level) -> str:
    """A bias level, with the counts."""
    return describe_bias(findings.plan.conditions[0].replace(bias=level.bias))


def image_set_words(condition: Condition) -> str:
    """An image set: ``the images of scenes (renderer 2)``."""
    kind = "renderer" if condition.data == "scenes" else "version"
    version = condition.data_version
    return f"the images of {condition.data} ({kind} {version})" if version else condition.data


def status_words(level: Level) -> str:
    """A level's status: ``higher with descriptive``, ``equivalent within ±5 points``."""
    if level.status is not Status.EQUIVALENT:
        return _with_arm(level.status, level.arm)
    margin = f"{EQUIVALENCE * 100:g} points" if level.share else f"{EQUIVALENCE:g}"
    return f"{level.status} within ±{margin}"


def level_words(level: Level) -> str:
    """A level's status with its number of seed pairs: ``inconclusive (10 seed pairs)``."""
    return f"{status_words(level)} ({pairs_words(len(level.blocks))})"


def tested_words(level: Level) -> str:
    """A level's status with its number of seed pairs and its p; an interval, which is not adjusted,
    may say otherwise."""
    p = ""
    if level.holm_p is not None:
        p = f", adjusted p = {level.holm_p:.2g}{' of the points' * level.share}"
    return f"{status_words(level)} ({pairs_words(len(level.blocks))}{p})"


def _with_arm(status: Status, arm: str) -> str:
    outcome = outcome_words(status)
    return outcome if status is Status.NOT_DECIDED else f"{outcome} with {arm}"


def outcome_words(status: Status) -> str:
    """A status as pages say it; files keep their own word for one that decides nothing."""
    return "inconclusive" if status is Status.NOT_DECIDED else str(status)


def pairs_words(n: int) -> str:
    """``10 seed pairs``"""
    return f"{n} seed pair{'s' * (n != 1)}"


def seeds_words(pairs: Sequence[tuple[int, int]]) -> str:
    """The seeds of pairs, `(data, initialisation)`: ``30 to 89, both alike``."""
    pairs = sorted(pairs)
    if any(data != init for data, init in pairs):
        return ", ".join(f"({data}, {init})" for data, init in pairs)
    ranges: list[list[int]] = []
    for seed, _ in pairs:
        if ranges and seed == ranges[-1][-1] + 1:
            ranges[-1].append(seed)
        else:
            ranges.append([seed])
    listed = [f"{each[0]} to {each[-1]}" if len(each) > 1 else f"{each[0]}" for each in ranges]
    return f"{', '.join(listed)}, both alike"


def difference_words(level: Level | None) -> str:
    """``-10 points (-13 to -7)``, or in the measure itself; empty where nothing was compared."""
    if level is None or level.difference is None:
        return ""
    return (points if level.share else difference)(level.difference.mean.as_dict())


def both_scales_words(level: Level) -> str:
    """``-0.52 (-0.70 to -0.34) in log odds [-10 points (-13 to -7)]``; in the measure itself where
    it is no share of images."""
    words = difference_words(level)
    if level.log_odds is None:
        return words
    return f"{difference(level.log_odds.as_dict())} in log odds [{words}]"


def exact_interval_words(level: Level) -> str:
    """The differences that a level's exact test does not reject; empty where it rejects none."""
    if level.difference is None or level.difference.exact is None:
        return ""
    scale, digits = (100, 0) if level.share else (1, 2)
    exact = level.difference.exact
    return f"{signed(scale * exact.low, digits)} to {signed(scale * exact.high, digits)}"


def too_few(analysis: Analysis) -> str:
    """Why no single level can be decided, however large its difference; empty where one can."""
    tests, p = analysis.primary.tests, analysis.primary.smallest_p
    if p is None:
        return ""
    most = max(len(level.blocks) for level in analysis.primary.levels if not level.apart)
    if most < ENOUGH:
        return (
            f"Exploratory: with {most} seed pairs the smallest p of an exact test is"
            f" {smallest_p(most):.2g}; a decision asks for at least {ENOUGH}."
        )
    if p > ALPHA:
        differences = [level.difference for level in analysis.primary.levels if level.difference]
        # More of what all differ by the same shows nothing.
        has_spread = any(difference.sd > 0 for difference in differences)
        enough = f"; {blocks_to_decide(tests)} seed pairs can show it" if has_spread else ""
        return (
            f"No single level can be shown to differ with {most} seed pairs: adjusted for {tests}"
            f" tests the smallest p is {p:.2g}{enough}."
        )
    return ""


def notes(analysis: Analysis) -> list[str]:
    """How far the numbers of an analysis reach."""
    primary = analysis.primary
    sentences = []
    if missing := len(analysis.missing):
        sentences.append(
            f"Runs of the design that are not there: {missing}; each level rests on its complete"
            " pairs."
        )
    if few := too_few(analysis):
        sentences.append(few)
    tests = [
        slope.difference for slope in (primary.slope, primary.slope_on_value) if slope is not None
    ]
    statuses = {test.status(test.p) for test in tests}
    signs = {test.mean.value > 0 for test in tests}
    if len(statuses) > 1 or len(signs) > 1:
        sentences.append(
            "The slope differences on log odds and on the value itself do not say the same; look at"
            " each level."
        )
    differences = [level.difference for level in primary.levels if level.difference is not None]
    sentences += sorted({*map(no_spread_words, differences)} - {""})
    if any(level.apart for level in primary.levels):
        sentences.append(
            f"At bias {LIMIT:g} nothing tells object from context; that level is in no test and no"
            " average."
        )
    if analysis.versions > 1:
        sentences.append(
            f"The runs were made with {analysis.versions} different sets of package versions."
        )
    return sentences


def sanity_words(findings: Findings) -> str:
    """How many seed pairs fail the sanity check, and what the others alone say; empty where none
    fails. It is one of the recipe, so no seed pair is excluded, and the others decide nothing."""
    if not findings.failing:
        return ""
    blocks = findings.frame["block"].nunique()
    sentence = f"The sanity check fails in {len(findings.failing)} of {blocks} seed pairs"
    if passing := findings.passing:
        sentence += f"; the other {passing.n} alone differ by {points(passing.as_dict())}"
    return f"{sentence}."


def failing_words(failing: Mapping[str, Sequence[str]]) -> str:
    """In what each seed pair fails the sanity check, a list for markdown."""
    lines = []
    for block, facts in failing.items():
        data, init = block.removeprefix("d").split("s")
        seeds = data if data == init else f"{data} and {init}"
        lines.append(f"- {seeds}: {'; '.join(facts)}")
    return "\n".join(lines)


def claim_words(result: ClaimResult) -> str:
    """A claim's status, such as ``inconclusive (5 seed pairs)``; ``not measured`` where no test
    was possible."""
    main = result.main
    if result.status is Status.DEPENDS:
        tests = [main, *(test for test in result.variations if _decided(test))]
        listed = ", ".join(f"{outcome_words(test.status)} {test.words}" for test in tests)
        return f"{depends_words(result)}: {listed}"
    if result.status is not Status.NOT_DECIDED:
        return result.status
    if main.difference is None:
        return "not measured"
    # The claim's number decides, and a control was not measured: more seeds would not help.
    waits = main.status is Status.SUPPORTED and any(
        control.difference is None for control in result.controls
    )
    outcome = "control not run" if waits else outcome_words(result.status)
    return f"{outcome} ({pairs_words(result.n)})"


def _decided(test: ClaimTest) -> bool:
    return test.status is not Status.NOT_DECIDED


def depends_words(result: ClaimResult) -> str:
    """What a claim depends on: ``depends on the moment and the bias``."""
    axes = dict.fromkeys(
        test.axis
        for test in result.variations
        if _decided(test) and test.status is not result.main.status
    )
    return f"{Status.DEPENDS} the {' and the '.join(axes)}"


def claim_sentence(result: ClaimResult) -> str:
    """What was measured of a claim, and why its status is no more than it is."""
    sentences = []
    main = result.main
    if main.difference is not None:
        against = f", on {decimal(main.reference.value)}" if main.reference else ""
        measured = estimate_words(result.estimate)
        sentences.append(f"{result.claim.what}: {measured}{against}; {pairs_words(result.n)}.")
    for control in result.controls:
        if control.difference is not None:
            reference = control.reference
            against = f" (there {decimal(reference.value)})" if reference else ""
            measured = estimate_words(control.difference.mean)
            sentences.append(f"The difference {control.words}{against}: {measured}.")
    sentences.append(_why_no_more(result))
    return " ".join(filter(None, sentences))


def _why_no_more(result: ClaimResult) -> str:
    """Why a claim's status is no more than it is; empty where there is nothing to add."""
    main, controls = result.main, result.controls
    if result.status is Status.CONTRADICTED:
        behind = [test.words for test in controls if test.status is Status.CONTRADICTED]
        if behind and main.status is not Status.CONTRADICTED:
            return f"It does not stand out {'; '.join(behind)}."
        return ""
    if result.status is Status.DEPENDS:
        tests = [
            f"{outcome_words(test.status)} {test.words} ({exact_words(test.difference)})"
            for test in result.variations
            if test.difference is not None
        ]
        return f"Tested otherwise: {'; '.join(tests)}."
    if result.status is not Status.NOT_DECIDED:
        return ""
    if main.difference is None:
        return f"It was not tested: {main.reason}."
    if result.n < ENOUGH:
        return f"Fewer than {ENOUGH} seed pairs decide nothing."
    if main.status is Status.NOT_DECIDED:
        if alike := no_spread_words(main.difference):
            return alike
        if main.difference.mean.low <= 0 <= main.difference.mean.high:
            return "The interval leaves both signs open."
        return (
            "The t interval excludes 0, and the exact test does not reach 5\u00a0%"
            f" ({exact_words(main.difference)})."
        )
    lacking = [f"{test.words} ({test.reason})" for test in controls if test.difference is None]
    if lacking:
        return f"The control was not run: {'; '.join(lacking)}."
    level = [test.words for test in controls if test.status is not Status.SUPPORTED]
    return f"It is not shown to stand out {'; '.join(level)}."


def not_run(result: ClaimResult) -> str:
    """Which controls of a claim have not been run, in a sentence; empty where all have."""
    missing = [control.words for control in result.controls if control.reason]
    return (
        f"Inconclusive as long as this has not been run: {'; '.join(missing)}." if missing else ""
    )


def estimate_words(estimate: Estimate | None) -> str:
    """``-0.12 (-0.20 to -0.04)``; a dash where nothing was measured."""
    return "–" if estimate is None else difference(estimate.as_dict())
