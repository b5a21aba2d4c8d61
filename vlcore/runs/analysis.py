"""What a study found: two arms compared on every measure, with what is missing and how far the numbers reach.

The one idea: one measure is primary and everything else is labelled secondary; runs that differ in anything but the
factor, the bias and the seeds are refused, because a difference between them could not be told from the factor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from vlcore.conditions import Condition
from vlcore.measures import catalogue
from vlcore.measures.catalogue import PRIMARY
from vlcore.measures.design import SlopeTest
from vlcore.measures.paired import ALPHA, ENOUGH, blocks_to_decide, smallest_p
from vlcore.runs.compared import Compared, compared
from vlcore.runs.table import LIMIT, SEEDS, AnalysisError, check_alike, rows_of, settings_of


@dataclass(frozen=True)
class Missing:
    """A run that would complete the design and is not there."""

    arm: str
    bias: float
    data_seed: int
    init_seed: int

    @property
    def words(self) -> str:
        return f"{self.arm} at bias {self.bias:g}, data seed {self.data_seed}, initialisation seed {self.init_seed}"


@dataclass(frozen=True)
class Analysis:
    """A finished analysis.

    Attributes:
        factor: the setting that tells the arms apart.
        baseline, treatment: its two values.
        moment: when the measures were taken.
        settings: what all runs share, by name.
        primary: the one measure that the study is about.
        secondary: the others, each analysed the same way; none of them decides.
        missing: runs that would complete the design.
        notes: sentences on how far the numbers reach.
        runs: keys of the runs.
    """

    factor: str
    baseline: str
    treatment: str
    moment: str
    settings: dict[str, Any]
    primary: Compared
    secondary: tuple[Compared, ...]
    missing: tuple[Missing, ...]
    notes: tuple[str, ...]
    runs: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The analysis as JSON-able values."""
        return {
            "factor": self.factor,
            "baseline": self.baseline,
            "treatment": self.treatment,
            "moment": self.moment,
            "settings": self.settings,
            "primary": self.primary.as_dict(),
            "secondary": [one.as_dict() for one in self.secondary],
            "missing": [asdict(one) for one in self.missing],
            "notes": list(self.notes),
            "runs": list(self.runs),
        }

    def tables(self) -> dict[str, pd.DataFrame]:
        """The analysis as tables, by the names of `TABLES`.

        One row a comparison, slope test, mean over all, effect, measure, run or reason; parts of an estimate have
        columns of their own, such as ``difference.low``. What is not defined is empty, with its row in ``absent``.
        """
        lines: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for role, one in (("primary", self.primary), *(("secondary", one) for one in self.secondary)):
            start = {"role": role, "measure": one.measure, "moment": self.moment}
            lines["comparisons"] += [{**start, **_flat(level.as_dict())} for level in one.levels]
            lines["anova"] += [{**start, **effect.as_dict()} for effect in one.anova]
            lines["absent"] += [{**start, "part": part, "reason": reason} for part, reason in one.absent.items()]
            for scale, slope in {"value": one.slope_on_value, one.scale: one.slope}.items():
                if slope is not None:
                    lines["slopes"].append({**start, "scale": scale, **_flat(slope.as_dict())})
            if one.overall is not None:
                lines["overall"].append({**start, **one.overall.as_dict()})
            if one.components is not None:
                lines["components"].append({**start, **one.components.as_dict()})
        lines["missing"] = [asdict(one) for one in self.missing]
        return {name: pd.DataFrame(rows, columns=None if rows else _FIRST[name]) for name, rows in lines.items()}


_MEASURE = ("role", "measure", "moment")
_FIRST = dict.fromkeys(("comparisons", "slopes", "overall", "anova", "components", "absent"), _MEASURE) | {
    "missing": ("arm", "bias", *SEEDS)
}
TABLES = tuple(_FIRST)


def analyse(
    frame: pd.DataFrame,
    factor: str = "labels",
    baseline: str | float = "undescriptive",
    treatment: str | float = "descriptive",
    measure: str = PRIMARY,
    moment: str = "end",
    secondary: Sequence[str] | None = None,
    planned: Sequence[Condition] = (),
) -> Analysis:
    """Compare two values of one setting over blocks of seeds, at every level of bias.

    Args:
        frame: of `vlcore.runs.table.runs_table`; rows of other values of the factor are left aside.
        factor: a field of the condition; ``bias`` compares two levels of bias.
        baseline, treatment: its two values.
        measure: the primary one.
        moment: ``end``, ``first_fit`` or ``untrained``.
        secondary: other measures, analysed the same way; None for those that the catalogue of measures names.
        planned: the conditions of the study; without them, what is missing is told from the runs that are there.

    Raises:
        AnalysisError: when an arm has no run, a run is there twice, or the runs differ in anything else.
    """
    frame, biases = _arms(frame, factor, baseline, treatment)
    first, second = (frame[frame[factor] == value] for value in (baseline, treatment))
    if factor == "bias":  # one comparison, at the treatment's level
        biases = [float(treatment)]
        first, second = first.assign(bias=biases[0]), second.assign(bias=biases[0])
    others = catalogue.secondary() if secondary is None else secondary
    results = [
        compared(rows_of(first, name, moment), rows_of(second, name, moment), name, moment, str(treatment), biases)
        for name in (measure, *(name for name in others if name != measure))
    ]
    missing = _missing(frame, factor, (baseline, treatment), planned)
    return Analysis(
        factor=factor,
        baseline=str(baseline),
        treatment=str(treatment),
        moment=moment,
        settings={
            name: _plain(frame[name].iloc[0]) for name in settings_of(frame) if name not in (factor, "bias", *SEEDS)
        },
        primary=results[0],
        secondary=tuple(results[1:]),
        missing=missing,
        notes=tuple(_notes(frame, results[0], missing)),
        runs=tuple(sorted(frame["key"].unique())),
    )


def _arms(
    frame: pd.DataFrame, factor: str, baseline: str | float, treatment: str | float
) -> tuple[pd.DataFrame, list[float]]:
    """The rows of the two arms, seen to be comparable, and their levels of bias."""
    if factor not in settings_of(frame) or factor in SEEDS:
        known = ", ".join(name for name in settings_of(frame) if name not in SEEDS)
        raise AnalysisError(f"Runs are not compared by {factor!r}; choose one of {known}.")
    if baseline == treatment:
        raise AnalysisError(f"Both arms are {factor}={baseline}; choose two different values.")
    for value in (baseline, treatment):
        if not (frame[factor] == value).any():
            found = ", ".join(sorted(str(one) for one in frame[factor].unique())) or "none"
            raise AnalysisError(f"No run has {factor}={value}; the runs have {found}.")
    kept = frame[frame[factor].isin([baseline, treatment])]
    check_alike(kept, free=(factor, "bias"))
    return kept, sorted(float(bias) for bias in kept["bias"].unique())


def _missing(
    frame: pd.DataFrame, factor: str, arms: tuple[str | float, str | float], planned: Sequence[Condition]
) -> tuple[Missing, ...]:
    """Runs of the plan, or of the crossing of arms, levels and blocks, that are not in the table."""
    cells = [factor, "bias", *SEEDS] if factor != "bias" else ["bias", *SEEDS]
    there = set(frame[cells].drop_duplicates().itertuples(index=False, name=None))
    if planned:
        wanted = [tuple(getattr(condition, name) for name in cells) for condition in planned]
        wanted = [cell for cell in wanted if cell[0] in arms]
    else:
        blocks = sorted(frame[SEEDS].drop_duplicates().itertuples(index=False, name=None))
        levels = [(bias,) for bias in sorted(frame["bias"].unique())] if factor != "bias" else [()]
        wanted = [(arm, *level, *block) for arm in arms for level in levels for block in blocks]
    lost = [cell for cell in dict.fromkeys(wanted) if cell not in there]
    return tuple(Missing(str(cell[0]), float(cell[-3]), int(cell[-2]), int(cell[-1])) for cell in lost)


def _notes(frame: pd.DataFrame, primary: Compared, missing: tuple[Missing, ...]) -> list[str]:
    tested = [level for level in primary.levels if not level.apart and level.difference is not None]
    notes = []
    if missing:
        notes.append(f"Runs of the design that are not there: {len(missing)}; each level stands on its complete pairs.")
    fewest = min((len(level.blocks) for level in tested), default=0)
    if tested and fewest < ENOUGH:
        notes.append(
            f"Exploratory: with {fewest} blocks the smallest p of an exact test is {smallest_p(fewest):.2g}; "
            f"a decision asks for at least {ENOUGH}."
        )
    elif tested and smallest_p(fewest) * len(tested) > ALPHA:
        notes.append(
            f"No single level can be shown to differ with {fewest} blocks: adjusted for {len(tested)} levels the "
            f"smallest p is {smallest_p(fewest) * len(tested):.2g}; {blocks_to_decide(len(tested))} blocks can show it."
        )
    if primary.slope and primary.slope_on_value and _disagree(primary.slope, primary.slope_on_value):
        notes.append(
            "The slope differences on log odds and on the value itself have opposite signs; look at each level."
        )
    if any(level.apart for level in primary.levels):
        notes.append(f"At bias {LIMIT:g} nothing tells object from context; that level is in no test and no average.")
    if (sets := frame["versions"].nunique()) > 1:
        notes.append(f"The runs were made with {sets} different sets of package versions.")
    return notes


def _disagree(one: SlopeTest, other: SlopeTest) -> bool:
    return one.difference.mean.value * other.difference.mean.value < 0


def _flat(document: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values by their dotted names; a list is its items in one text, and what is None has no column."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            flat[f"{before}{name}"] = " ".join(str(item) for item in value)
        elif value is not None:
            flat[f"{before}{name}"] = value
    return flat


def _plain(value: Any) -> Any:
    """A value of a table as JSON knows it."""
    return value.item() if hasattr(value, "item") else value
