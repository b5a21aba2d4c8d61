"""The document `vlcore/study/answer.json`: contrasts, claims, lessons and limits."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.results_chain import run_chain
from benchmarks.results_contrasts import (
    DESCRIPTIVE,
    PROBE,
    SETS,
    SHORT,
    UNTOUCHED,
    ContrastPlan,
    Difference,
    Measured,
    all_measured,
    in_points,
    pair_rates,
    usual_of,
)
from benchmarks.results_data import DESCRIPTIVE as DESCRIPTIVE_STYLE
from benchmarks.results_data import LABELS_COST, OUTSIDE, outside_rates
from benchmarks.results_data import SHORT as SHORT_STYLE
from benchmarks.results_documents import TEMPLATES, with_contrasts
from benchmarks.results_images import crossed_images
from vlcore.classroom.answers import estimate_over_runs, values_of
from vlcore.classroom.lessons import LessonStep, lessons
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.version import __version__
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import published
from vlcore.study.answer_file import PublishedContrast, contrast_of
from vlcore.study.claims import evaluate_claims, study_claims
from vlcore.study.contrasts import ArmRates, Contrast, contrast
from vlcore.study.evidence import STYLES, Claim, ClaimResult
from vlcore.study.runs_table import AnalysisError, matching_runs
from vlcore.study.statistics.factorial import phi
from vlcore.study.statistics.paired import ALPHA, Status

LEVELS = (0.0, STUDY_BIAS)  # bias levels of the claims, which most seed pairs have
VERDICTS = {
    Status.SUPPORTED: "supported",
    Status.CONTRADICTED: "contradicted",
    Status.DEPENDS: "depends",
    Status.NOT_DECIDED: "not decided",
}
NOT_TESTED = "not tested"
_DECIDED = (Status.SUPPORTED, Status.CONTRADICTED)
_MOMENTS = {  # tests of a claim, in words for a page
    "at the end": "at the end of training",
    "at the fit step": "at the first step that fits the training captions",
    "with descriptive labels": "with descriptive captions",
    "on the accuracy itself": "in points",
    "on “Minority-group accuracy by a linear probe”": "for a probe fitted on balanced images",
    "with the total kept": "with the number of training images kept",
}
PLACES = 4  # decimals of a stored number


def answer_document(commit: str) -> dict[str, Any]:
    """Compute the whole document from the published runs.

    Args:
        commit: of the code that computes it.
    """
    contrasts = [*(_contrast(*measured) for measured in all_measured()), *_other_images()]
    by_id = {entry["id"]: contrast_of(entry) for entry in contrasts}
    return {
        "version": __version__,
        "commit": commit,
        "contrasts": contrasts,
        "claims": [claim for data in SETS for claim in _claims(data)],
        "chain": list(_chain()),
        "lessons": dict(_lessons(by_id)),
        "limits": [with_contrasts(limit, by_id) for limit in written_words()["limits"]],
    }


def written_words() -> dict[str, Any]:
    """Sentences that are written by hand, with no number in them."""
    return read_yaml(TEMPLATES / "words.yaml")


def _contrast(plan: ContrastPlan | Difference, data: str, measured: Measured) -> dict[str, Any]:
    two_variants = plan if isinstance(plan, ContrastPlan) else None
    settings = usual_of(data).replace(**two_variants.second) if two_variants else None
    pretrained = plan.name.startswith("pretrained")
    entry: dict[str, Any] = {
        "id": f"{data}.{plan.name}",
        "set": data,
        "label": plan.label,
        "bias": two_variants.bias if two_variants else STUDY_BIAS,
        "towers": "pretrained" if pretrained else "scratch",
        "text": settings.text if settings else "",
        "images": plan.images,
        "readout": two_variants.readout if two_variants else "captions",
        "short": _rounded(measured.second),
        "other": _rounded(measured.first),
        "points": [_rounded(end) for end in in_points(measured.contrast.mean_points)],
        "log_odds": _ends(measured.contrast.mean_log_odds),
        "pairs": measured.contrast.n,
        "planned": plan.planned.get(data, ""),
        "predicted": plan.predicted.get(data, 0),
    }
    return entry


def _other_images() -> Iterator[dict[str, Any]]:
    """The cost of naming the background on images drawn again, and on images that no model saw the
    like of: 3-D renders and photographs."""
    label = "Captions also name the true background"
    usual = {"bias": STUDY_BIAS, "images": "rare", "readout": "captions", "predicted": 0}
    for data, study in {"scenes": "images-scenes", "balanced-cues": "images-cues"}.items():
        in_odds, in_shares = crossed_images(study), crossed_images(study, shares=True)
        yield {
            "id": f"{data}.new-images",
            "set": data,
            "label": f"{label}; six newly drawn image sets by six initialisations",
            "towers": "scratch",
            "text": "transformer",
            "short": None,
            "other": None,
            "points": [_rounded(end) for end in in_points(in_shares.mean)],
            "log_odds": _ends(in_odds.mean),
            "pairs": in_odds.mean.n,
            "planned": "beyond, images",
            **usual,
            "predicted": -1,
        }
    for study, data, source, rates in outside_rates():
        _, towers = study.removesuffix("-cues").split("-")
        text = "words" if towers == "words" else "transformer"
        if towers == "random":
            continue  # a random image encoder, the control of another study
        result = contrast(rates, LABELS_COST)
        yield {
            "id": f"{data}.outside.{source}.{towers}",
            "set": data,
            "label": f"{label}; tested on {OUTSIDE[source]} that no model was trained on",
            "towers": "scratch" if towers == "scratch" else "pretrained",
            "text": text,
            "short": _rounded(rates.rates[SHORT_STYLE].mean()),
            "other": _rounded(rates.rates[DESCRIPTIVE_STYLE].mean()),
            "points": [_rounded(end) for end in in_points(result.mean_points)],
            "log_odds": _ends(result.mean_log_odds),
            "pairs": result.n,
            "planned": "",
            **usual,
        }


def _chain() -> Iterator[dict[str, Any]]:
    """The tests of the planned chain, in its order."""
    for step in run_chain():
        for test in step.tests:
            assert test.contrast is not None  # all of them have run
            yield {
                "step": step.name,
                "set": test.data,
                "towers": test.tower,
                "points": [_rounded(end) for end in in_points(test.contrast.mean_points)],
                "log_odds": _ends(test.contrast.mean_log_odds),
                "p": float(f"{test.p:.2g}"),
                "pairs": test.n_pairs,
                "rejected": bool(test.p <= ALPHA),
                "confirmatory": step.confirmatory,
            }


def _ends(mean: Estimate) -> list[float | None]:
    return [_rounded(end) for end in (mean.value, mean.low, mean.high)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), PLACES)


def _claims(data: str) -> Iterator[dict[str, Any]]:
    """Put every claim to all untouched runs of an image set, at `LEVELS`."""
    usual = usual_of(data)
    runs = published.measured_runs(data=data, labels=list(STYLES), bias=list(LEVELS))
    runs = matching_runs(runs, usual, ("labels", "bias", "size_mode", "data_seed", "init_seed"))
    runs = runs[runs["data_seed"] >= UNTOUCHED]
    results = {result.claim.id: result for result in evaluate_claims(runs)} if len(runs) else {}
    is_one_level = runs["bias"].nunique() < len(LEVELS)
    for claim in study_claims():
        result = results.get(claim.id)
        tested = result is not None and result.main.difference is not None
        if not tested or (is_one_level and (claim.slope or claim.query.bias == 0.0)):
            verdict, sentence = NOT_TESTED, _why_not_tested(claim)
        else:
            assert result is not None
            verdict, sentence = VERDICTS[result.status], _sentence(result, data)
        text = claim.says
        yield {"id": claim.id, "text": text, "set": data, "verdict": verdict, "sentence": sentence}


def _why_not_tested(claim: Claim) -> str:
    levels = "several bias levels" if claim.slope else "models trained without bias"
    return f"Testing this claim needs {levels}."


def _sentence(result: ClaimResult, data: str) -> str:
    """Say what was measured of a claim, in points if it is about accuracy, and what the verdict
    depends on."""
    claim, estimate = result.claim, result.estimate
    assert estimate is not None
    if claim.id == "C6":
        sentence = _falls(data)
    elif claim.id == "C7":
        sentence = _mitigates(data)
    else:
        low, high = (phi(bias) for bias in LEVELS)
        scaled = Estimate(*(end * (high - low) for end in _values(estimate)), n=estimate.n)
        sentence = written_words()["claims"][claim.id].format(
            number=_plain(estimate),
            change=_plain(scaled),
            points=_points(estimate),
            pairs=estimate.n,
        )
    for control in result.controls:
        if control.status is Status.CONTRADICTED and control.difference is not None:
            other = control.words.removeprefix("from ")
            sentence += f" Against {other}: {_points(control.difference.mean)}."
    if result.status is not Status.DEPENDS:
        return sentence
    tests = [result.main, *(test for test in result.variations if test.status in _DECIDED)]
    outcomes = [f"{_verdict(test.status)} {_MOMENTS.get(test.words, test.words)}" for test in tests]
    return f"{sentence} The verdict depends: {', '.join(outcomes)}."


def _verdict(status: Status) -> str:
    return VERDICTS[status]


def _values(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _falls(data: str) -> str:
    """The change of accuracy on rare images between the bias levels, with short captions."""
    change = _between_levels(data, "undescriptive")
    return (
        f"With short captions, accuracy on rare images changes by {_points(change.mean_points)}"
        f" from no bias to {100 * STUDY_BIAS:g}% bias, {change.n} seed pairs."
    )


def _mitigates(data: str) -> str:
    """How the cost of descriptive captions changes between the bias levels, by two readouts."""
    parts = []
    for readout, measured in (
        ("read by captions", PRIMARY),
        ("read by a probe fitted on balanced images", PROBE),
    ):
        descriptive = _between_levels(data, "descriptive", measured)
        short = _between_levels(data, "undescriptive", measured)
        shares = (descriptive.points_by_pair - short.points_by_pair).dropna()
        odds = (descriptive.log_odds_by_pair - short.log_odds_by_pair).dropna()
        both = Contrast(odds, shares)
        odds_words = _plain(both.mean_log_odds)
        parts.append(
            f"{_points(both.mean_points)} {readout} (in log odds {odds_words}; {both.n} seed pairs)"
        )
    return (
        "From no bias to 75% bias, accuracy on rare images changes by this much more with"
        f" descriptive captions than with short captions: {' and '.join(parts)}."
    )


def _between_levels(data: str, labels: str, measured: str = PRIMARY) -> Contrast:
    """A rate at the higher bias level less the rate at the lower one, by seed pair."""
    levels = {}
    for bias in LEVELS:
        rates = pair_rates(data, DESCRIPTIVE, SHORT, measured, bias)
        column = "first" if labels == "descriptive" else "second"
        levels[bias] = rates.rates[column], rates.images[column]
    low, high = (levels[bias] for bias in LEVELS)
    pairs = low[0].index.intersection(high[0].index)
    frames = [
        {f"at {bias}": part[number].loc[pairs] for bias, part in levels.items()}
        for number in (0, 1)
    ]
    arms = ArmRates(*(pd.DataFrame(frame) for frame in frames))
    return contrast(arms, {f"at {LEVELS[1]}": 1.0, f"at {LEVELS[0]}": -1.0})


def _points(mean: Estimate) -> str:
    value, low, high = in_points(mean)
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"


def _plain(mean: Estimate) -> str:
    return f"{mean.value:+.2f} ({mean.low:+.2f} to {mean.high:+.2f})"


def _lessons(contrasts: Mapping[str, PublishedContrast]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sentences to take home, and the published number of each question of a lesson."""
    for name, entry in written_words()["lessons"].items():
        steps = {}
        for data in SETS:
            lesson = lessons(usual_of(data), SCENES).get(name)
            for step in lesson.steps if lesson else ():
                try:
                    estimate = _published_number(step, data)
                except (ValueError, AnalysisError):
                    continue
                numbers = {
                    end: _rounded(getattr(estimate, end)) for end in ("value", "low", "high")
                }
                steps.setdefault(step.name, {})[data] = {**numbers, "n": estimate.n}
        take_home = with_contrasts(entry["take_home"], contrasts)
        yield name, {**entry, "take_home": take_home, "steps": steps}


def _published_number(step: LessonStep, data: str) -> Estimate:
    quantity = step.quantity
    measures = sorted({quantity.measure, quantity.less} - {""})
    runs = published.measured_runs(data=data, moment="end", measure=measures)
    seeds = sorted(set(runs.loc[runs["init_seed"] >= UNTOUCHED, "init_seed"]))
    return estimate_over_runs(quantity, (step.left, step.right), values_of(runs, [quantity]), seeds)
