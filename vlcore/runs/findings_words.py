"""A study in words: the answer from its numbers, and its tables as a reader wants them.

The one idea: a sentence says what was measured, with its interval, the number of blocks, the pictures and the training
length, and never more; where the numbers decide nothing it says so. No sentence says that labels help or hurt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vlcore.conditions import STUDY_BIAS, Condition, describe_bias
from vlcore.core.wording import decimal, difference, percent, points, rate, signed
from vlcore.figures.scales import STYLE_WORDS
from vlcore.measures.bayes import bayes_line
from vlcore.measures.catalogue import PRIMARY, find, words_of
from vlcore.measures.estimate import Estimate
from vlcore.measures.paired import ALPHA, ENOUGH, SignFlip
from vlcore.runs.analysis import Analysis
from vlcore.runs.compared import Level, not_decided
from vlcore.runs.findings import Findings, values
from vlcore.runs.findings_figures import cells_of
from vlcore.runs.table import LIMIT
from vlcore.runs.verdicts import Verdict


def answer(found: Findings) -> str:
    """The study's question answered from the numbers, in one paragraph."""
    condition, first = found.study.conditions[0], headline(found)
    where = f"on {pictures(condition)} and after {condition.steps:,} steps"
    level = None if found.end is None else _headline(found.end)
    if found.end is None or level is None or first is None:
        return (
            f"Not decided: a comparison needs two blocks with both label styles. {found.there} of "
            f"{len(found.study.conditions)} runs {where} are there."
        )
    n = len(level.blocks)
    sentences = [
        f"Exploratory: {n} of the {ENOUGH} blocks that a decision asks for are there." if n < ENOUGH else "",
        f"{where[0].upper()}{where[1:]}, with {first.bias}, minority pictures were named right {first.short} with "
        f"short labels and {first.descriptive} with descriptive ones. The difference is {first.difference}: "
        f"{first.verdict}.",
        _other_levels(found.end, level),
        _slope(found.end),
        _first_fit(found, level),
        _bayes(found, level),
        "Other pictures, models and training lengths can give other numbers.",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


@dataclass(frozen=True)
class Headline:
    """The answer at one level of bias, in words.

    Attributes:
        bias: the level.
        short, descriptive: right on minority pictures, with the interval over blocks.
        difference: descriptive less short.
        verdict: with the number of blocks.
    """

    bias: str
    short: str
    descriptive: str
    difference: str
    verdict: str


def headline(found: Findings) -> Headline | None:
    """The study's own example of bias, or the strongest below 100 % that was compared; None where none was."""
    level = None if found.end is None else _headline(found.end)
    if level is None or level.difference is None:
        return None
    return Headline(
        bias=describe_bias(found.study.conditions[0].replace(bias=level.bias)),
        short=_arm(found, "undescriptive", level.bias),
        descriptive=_arm(found, "descriptive", level.bias),
        difference=points(level.difference.mean.as_dict()),
        verdict=verdict_words(level),
    )


def pictures(condition: Condition) -> str:
    """An image set in words: ``the pictures of scenes (renderer 2)``."""
    version = (
        f"renderer {condition.data_version}" if condition.data == "scenes" else f"version {condition.data_version}"
    )
    return f"the pictures of {condition.data} ({version})" if condition.data_version else condition.data


def verdict_words(level: Level) -> str:
    """A level's verdict, always with its number of blocks."""
    n = len(level.blocks)
    return level.verdict if level.verdict == not_decided(n) else f"{level.verdict} (n = {n})"


def chance(test: SignFlip) -> str:
    """``p = 0.002`` of a sign-flip test."""
    return f"p = {test.p:.2g}"


def _headline(analysis: Analysis) -> Level | None:
    """The study's own example of bias, or the strongest below 1 that was compared."""
    levels = [level for level in analysis.primary.levels if level.difference is not None and not level.apart]
    return next((level for level in levels if level.bias == STUDY_BIAS), levels[-1] if levels else None)


def _arm(found: Findings, style: str, bias: float) -> str:
    rows = cells_of(found, PRIMARY)
    return rate(rows[(rows["labels"] == style) & (rows["bias"] == bias)].iloc[0].to_dict())


def _other_levels(analysis: Analysis, headline: Level) -> str:
    others = [
        f"{signed(100 * level.difference.mean.value, 0)} at {100 * level.bias:g}\u00a0% "
        f"({level.verdict.partition(' (n')[0]})"
        for level in analysis.primary.levels
        if level.difference is not None and not level.apart and level is not headline
    ]
    return f"At the other levels of bias, in points: {', '.join(others)}." if others else ""


def _slope(analysis: Analysis) -> str:
    slope = analysis.primary.slope
    if slope is None:
        return ""
    test, mean = slope.difference.test, slope.difference.mean
    if slope.difference.exploratory or test.p > ALPHA:
        said = not_decided(mean.n)
    else:
        said = f"{'lower' if mean.value < 0 else 'higher'} with descriptive (n = {mean.n})"
    value, ends = signed(mean.value, 1), f"{signed(mean.low, 1)} to {signed(mean.high, 1)}"
    scale = "log odds" if analysis.primary.scale == "logit" else "accuracy"
    return (
        f"Over all levels below 100\u00a0%, the slope of {scale} on φ differs by {value} ({ends}, {chance(test)}): "
        f"{said}."
    )


def _first_fit(found: Findings, headline: Level) -> str:
    levels = () if found.first_fit is None else found.first_fit.primary.levels
    early = next((level for level in levels if level.bias == headline.bias and level.difference is not None), None)
    if early is None or early.difference is None:
        return ""
    return (
        "When each had just fitted its training captions, the difference was "
        f"{points(early.difference.mean.as_dict())}: {verdict_words(early)}."
    )


def _bayes(found: Findings, headline: Level) -> str:
    """What a model would lose that only makes rational use of the biased data."""
    unbiased = values(found.frame, "balanced_accuracy")
    starts = unbiased[unbiased["bias"] == 0]
    lines = {
        style: float(np.mean([bayes_line(one, headline.bias).minority for one in part["value"] if 0.5 < one < 1]))
        for style, part in starts.groupby("labels", sort=False)
        if style in ("undescriptive", "descriptive") and ((part["value"] > 0.5) & (part["value"] < 1)).any()
    }
    if not lines:
        return ""
    said = " and ".join(f"{percent(line)} with {STYLE_WORDS[str(style)]}" for style, line in lines.items())
    return f"Rational use of the biased data alone would leave {said} (Bayes line)."


def estimate_words(estimate: Estimate | None) -> str:
    """``-0.12 (-0.20 to -0.04)``; a dash where nothing was measured."""
    return "–" if estimate is None else difference(estimate.as_dict())


def ledger_table(verdicts: tuple[Verdict, ...]) -> pd.DataFrame:
    """The claims of the study with what was measured, one row each."""
    return pd.DataFrame(
        [
            {
                "Claim": verdict.claim.id,
                "The study says": verdict.claim.says,
                "Test": verdict.claim.test,
                "Must beat": verdict.claim.null,
                "Estimate (95 % interval)": estimate_words(verdict.estimate),
                "Blocks": verdict.n,
                "Status": verdict.words,
            }
            for verdict in verdicts
        ]
    )


def comparisons_table(found: Findings) -> pd.DataFrame:
    """Descriptive less short labels, every measure at every level of bias, at first fit and at the end."""
    if found.end is None:
        return pd.DataFrame(columns=list(_COMPARED))
    early = {
        (one.measure, level.bias): level
        for one in ((found.first_fit.primary, *found.first_fit.secondary) if found.first_fit else ())
        for level in one.levels
    }
    rows = []
    for one in (found.end.primary, *found.end.secondary):
        for level in one.levels:
            if level.difference is None:
                continue
            rows.append(
                {
                    "Measure": words_of(one.measure, found.grouping),
                    "Role": "primary" if one is found.end.primary else "secondary",
                    "Removed": f"{100 * level.bias:g} %",
                    "Short labels": _iqm(level.baseline, one.measure),
                    "Descriptive labels": _iqm(level.treatment, one.measure),
                    "Difference": _difference(level, one.measure),
                    "Blocks": len(level.blocks),
                    "p (Holm)": f"{level.holm_p:.2g}" if level.holm_p is not None and level.bias != LIMIT else "",
                    "Verdict": f"{level.verdict}{', in no average' if level.bias == LIMIT else ''}",
                    "Difference at first fit": _difference(early.get((one.measure, level.bias)), one.measure),
                }
            )
    return pd.DataFrame(rows, columns=list(_COMPARED))  # a single block of seeds has no differences to show


_COMPARED = (
    "Measure", "Role", "Removed", "Short labels", "Descriptive labels", "Difference", "Blocks", "p (Holm)", "Verdict",
    "Difference at first fit",
)  # fmt: skip


def _iqm(estimate: Estimate | None, measure: str) -> str:
    if estimate is None:
        return ""
    if find(measure).is_share:
        return f"{100 * estimate.value:.0f} %"
    return decimal(estimate.value)


def _difference(level: Level | None, measure: str) -> str:
    if level is None or level.difference is None:
        return ""
    return (points if find(measure).is_share else difference)(level.difference.mean.as_dict())


def how_long(seconds: float) -> str:
    """A duration to the nearest that people say: ``about 40 minutes``."""
    if seconds < 90:
        return "about a minute"
    minutes = seconds / 60
    if minutes < 90:
        return f"about {5 * math.ceil(minutes / 5)} minutes" if minutes > 10 else f"about {math.ceil(minutes)} minutes"
    return f"about {minutes / 60:.0f} hours" if minutes >= 150 else "about two hours"
