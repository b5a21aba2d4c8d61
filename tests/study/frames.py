"""Studies that nobody trained: runs in memory, whose numbers a test chooses."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.artifacts.store import Artifact
from vlcore.experiment.condition import Condition
from vlcore.study.runs_table import runs_table

BIASES = (0.0, 0.5, 0.75, 0.9)
STYLES = ("undescriptive", "descriptive")


@dataclass(frozen=True, eq=False)
class InMemory(Artifact):
    """An artifact whose files are given."""

    documents: dict[str, Any] = field(default_factory=dict)

    def json(self, name: str) -> dict[str, Any]:
        return self.documents[name]

    @property
    def metrics(self) -> dict[str, Any]:  # type: ignore[override]
        return self.documents["metrics.json"]  # it stores no predictions


def run(
    condition: Condition, metrics: dict[str, Any], device: str = "cpu", torch: str = "2.9"
) -> InMemory:
    manifest = {"device": device, "versions": {"torch": torch, "numpy": "2.4"}}
    documents = {"condition.json": condition.as_dict(), "metrics.json": metrics}
    return InMemory(condition.key, Path(), manifest, documents)


def moments(
    end: dict[str, Any], untrained: dict[str, Any] | None = None, first: Any = "end"
) -> dict[str, Any]:
    """A metrics document from the estimates of its moments; the first fit is like the end where
    nothing is said."""
    return {
        "models": 1,
        "first_fit_step": None if first is None else 120,
        "untrained": end if untrained is None else untrained,
        "first_fit": end if first == "end" else first,
        "end": end,
    }


def conditions(
    seeds: Iterable[int], biases: Sequence[float] = BIASES, **arms: Sequence[Any]
) -> list[Condition]:
    """Every seed with every bias and every value of one other setting (by default both label
    styles)."""
    ((name, values),) = (arms or {"labels": STYLES}).items()
    return [
        Condition(bias=bias, data_seed=seed, init_seed=seed, **{name: value})
        for seed in seeds
        for bias in biases
        for value in values
    ]


def frame(
    wanted: Sequence[Condition], metrics: Callable[[Condition], dict[str, Any]]
) -> pd.DataFrame:
    """The table of a study in which each run measured what `metrics` says."""
    return runs_table([run(condition, metrics(condition)) for condition in wanted])
