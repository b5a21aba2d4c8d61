"""Tables of a study: its analyses as numbers, and its claims and comparisons in words."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from vlcore.experiment.wording import decimal
from vlcore.metrics.catalogue import words_of
from vlcore.metrics.estimate import Estimate
from vlcore.study import text as words
from vlcore.study.analysis import Analysis, Level
from vlcore.study.evidence import ClaimResult
from vlcore.study.findings import Findings
from vlcore.study.runs_table import SEEDS
from vlcore.study.statistics.paired import Status

_BY_MEASURE = ("comparisons", "slopes", "overall", "anova", "components", "absent")
_FIRST_COLUMNS: dict[str, Sequence[str]] = {
    **dict.fromkeys(_BY_MEASURE, ("role", "measure", "moment")),
    "missing": ("arm", "bias", *SEEDS),
}
TABLES = tuple(_FIRST_COLUMNS)


def analysis_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """An analysis as numbers, by the names of `TABLES`.

    There is one row a comparison, slope test, mean over levels, effect, measure, run or reason;
    parts of an estimate are columns such as ``difference.low``.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for comparison in analysis.comparisons:
        role = "primary" if comparison is analysis.primary else "secondary"
        first = {"role": role, "measure": comparison.measure, "moment": analysis.moment}
        for level in comparison.levels:
            rows["comparisons"].append(first | _flat(level_dict(level)))
        for effect in comparison.anova:
            rows["anova"].append(first | effect)
        for part, reason in comparison.absent.items():
            rows["absent"].append(first | {"part": part, "reason": reason})
        slopes = {"value": comparison.slope_on_value, comparison.scale: comparison.slope}
        for scale, slope in slopes.items():
            if slope is not None:
                rows["slopes"].append(first | {"scale": scale} | _flat(slope.as_dict()))
        if comparison.overall is not None:
            rows["overall"].append(first | comparison.overall.as_dict())
        if comparison.components is not None:
            rows["components"].append(first | comparison.components)
    rows["missing"] = analysis.missing
    return {
        name: pd.DataFrame(table, columns=None if table else _FIRST_COLUMNS[name])
        for name, table in rows.items()
    }


def level_dict(level: Level) -> dict[str, Any]:
    """One level of a comparison as a document."""
    parts = {
        "baseline": level.baseline,
        "treatment": level.treatment,
        "difference": level.difference,
    }
    return {
        "bias": level.bias,
        "phi": level.phi,
        "apart": level.apart,
        "n": len(level.blocks),
        "blocks": list(level.blocks),
        **{name: None if part is None else part.as_dict() for name, part in parts.items()},
        "holm_p": level.holm_p,
        "equivalence_holm_p": level.equivalence_p,
        "seeds_needed": {
            f"{delta:g}": asdict(seeds) for delta, seeds in level.seeds_needed.items()
        },
        "verdict": _verdict(level),
    }


def _verdict(level: Level) -> str:
    """A level's status, with the number of seed pairs where nothing is decided."""
    if level.status is Status.NOT_DECIDED:
        return words.level_words(level)
    return words.status_words(level)


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by their dotted names; a list becomes one text, and None has no column."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            flat[f"{prefix}{name}"] = " ".join(map(str, value))
        elif value is not None:
            flat[f"{prefix}{name}"] = value
    return flat


def both_moments(findings: Findings) -> pd.DataFrame:
    """The comparisons as numbers, at the end and at the fit step; empty while a label style has no
    run."""
    analyses = [analysis for analysis in (findings.end, findings.first_fit) if analysis is not None]
    tables = [analysis_tables(analysis)["comparisons"] for analysis in analyses]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def claims_table(claims: Sequence[ClaimResult]) -> pd.DataFrame:
    """The claims of the study with what was measured, one row each."""
    rows = [
        {
            "Claim": result.claim.id,
            "The study says": result.claim.says,
            "Test": result.claim.test,
            "Control": result.claim.control,
            "Estimate (95 % interval)": words.estimate_words(result.estimate),
            "Seed pairs": result.n,
            "Status": words.claim_words(result),
        }
        for result in claims
    ]
    return pd.DataFrame(rows)


_COMPARISON_COLUMNS = (
    "Measure",
    "Role",
    "Removed",
    "Short labels",
    "Descriptive labels",
    "Difference",
    "Seed pairs",
    "p (Holm)",
    "Exact interval",
    "Verdict",
    "Difference at the fit step",
)


def comparisons_table(findings: Findings) -> pd.DataFrame:
    """Descriptive less short labels in words, at the end and at the fit step, a row a measure and
    bias level."""
    fitted = {
        (comparison.measure, level.bias): level
        for comparison in (() if findings.first_fit is None else findings.first_fit.comparisons)
        for level in comparison.levels
    }
    rows = []
    for number, comparison in enumerate(() if findings.end is None else findings.end.comparisons):
        for level in comparison.levels:
            if level.difference is None:
                continue
            tested = level.holm_p is not None and not level.apart
            row = (
                words_of(comparison.measure, findings.grouping),
                "secondary" if number else "primary",
                f"{100 * level.bias:g} %",
                _value_words(level.baseline, level.share),
                _value_words(level.treatment, level.share),
                words.difference_words(level),
                len(level.blocks),
                f"{level.holm_p:.2g}" if tested else "",
                words.exact_interval_words(level),
                _verdict(level) + (", in no average" if level.apart else ""),
                words.difference_words(fitted.get((comparison.measure, level.bias))),
            )
            rows.append(row)
    return pd.DataFrame(rows, columns=list(_COMPARISON_COLUMNS))


def _value_words(estimate: Estimate | None, share: bool) -> str:
    if estimate is None:
        return ""
    return f"{100 * estimate.value:.0f} %" if share else decimal(estimate.value)
