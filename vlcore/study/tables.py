"""Tables of a study: its analyses as numbers, and its claims and comparisons as a reader wants
them."""

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

_OF_MEASURES = ("comparisons", "slopes", "overall", "anova", "components", "absent")
_FIRST = dict.fromkeys(_OF_MEASURES, ("role", "measure", "moment")) | {
    "missing": ("arm", "bias", *SEEDS)
}
TABLES = tuple(_FIRST)


def analysis_tables(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """An analysis as numbers, by the names of `TABLES`: one row a comparison, slope test, mean over
    all, effect, measure, run or reason; parts of an estimate are columns such as
    ``difference.low``. ``absent`` has reasons.
    """
    lines: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for one in analysis.comparisons:
        role = "primary" if one is analysis.primary else "secondary"
        start = {"role": role, "measure": one.measure, "moment": analysis.moment}
        lines["comparisons"] += [{**start, **_flat(level_dict(level))} for level in one.levels]
        lines["anova"] += [{**start, **effect} for effect in one.anova]
        lines["absent"] += [
            {**start, "part": part, "reason": reason} for part, reason in one.absent.items()
        ]
        for scale, slope in {"value": one.slope_on_value, one.scale: one.slope}.items():
            if slope is not None:
                lines["slopes"].append({**start, "scale": scale, **_flat(slope.as_dict())})
        if one.overall is not None:
            lines["overall"].append({**start, **one.overall.as_dict()})
        if one.components is not None:
            lines["components"].append({**start, **one.components})
    lines["missing"] = analysis.missing
    return {
        name: pd.DataFrame(rows, columns=None if rows else _FIRST[name])
        for name, rows in lines.items()
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
        "verdict": _decided(level),
    }


def _decided(level: Level) -> str:
    """A level's status, with the number of blocks where nothing is decided."""
    return (
        words.level_words(level)
        if level.status is Status.NOT_DECIDED
        else words.status_words(level)
    )


def _flat(document: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values by their dotted names; a list is its items in one text, and what is None has no
    column."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        elif value is not None:
            flat[f"{before}{name}"] = (
                " ".join(map(str, value)) if isinstance(value, list) else value
            )
    return flat


def both_moments(found: Findings) -> pd.DataFrame:
    """The comparisons as numbers, at the end and at first fit; no rows while a label style has no
    run."""
    tables = [
        analysis_tables(one)["comparisons"]
        for one in (found.end, found.first_fit)
        if one is not None
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def ledger_table(claims: Sequence[ClaimResult]) -> pd.DataFrame:
    """The claims of the study with what was measured, one row each."""
    columns = [
        "Claim",
        "The study says",
        "Test",
        "Must beat",
        "Estimate (95 % interval)",
        "Blocks",
        "Status",
    ]
    rows = []
    for one in claims:
        said = (one.claim.id, one.claim.says, one.claim.test, one.claim.null)
        rows.append((*said, words.estimate_words(one.estimate), one.n, words.claim_words(one)))
    return pd.DataFrame(rows, columns=columns)


_COMPARED = [
    "Measure",
    "Role",
    "Removed",
    "Short labels",
    "Descriptive labels",
    "Difference",
    "Blocks",
    "p (Holm)",
    "Exact interval",
    "Verdict",
    "Difference at first fit",
]


def comparisons_table(found: Findings) -> pd.DataFrame:
    """Descriptive less short labels in words, a row a measure and level of bias, at first fit and
    at the end."""
    compared, early = (
        () if one is None else one.comparisons for one in (found.end, found.first_fit)
    )
    at_first_fit = {(one.measure, level.bias): level for one in early for level in one.levels}
    rows = [
        (
            words_of(one.measure, found.grouping),
            "primary" if number == 0 else "secondary",
            f"{100 * level.bias:g} %",
            _value_words(level.baseline, level.share),
            _value_words(level.treatment, level.share),
            words.difference_words(level),
            len(level.blocks),
            f"{level.holm_p:.2g}" if level.holm_p is not None and not level.apart else "",
            words.exact_interval_words(level),
            _decided(level) + (", in no average" if level.apart else ""),
            words.difference_words(at_first_fit.get((one.measure, level.bias))),
        )
        for number, one in enumerate(compared)
        for level in one.levels
        if level.difference is not None
    ]
    return pd.DataFrame(rows, columns=_COMPARED)


def _value_words(estimate: Estimate | None, share: bool) -> str:
    if estimate is None:
        return ""
    return f"{100 * estimate.value:.0f} %" if share else decimal(estimate.value)
