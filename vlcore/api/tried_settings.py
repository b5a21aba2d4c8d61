"""Board of a server: what was tried there, equal settings stacked as seeds, with their spread."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vlcore.api.description import SETTINGS
from vlcore.api.metrics_table import estimate_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import title
from vlcore.metrics.estimate import Estimate
from vlcore.study.statistics.paired import t_interval

_FREE_TEXT = {"template", "checkpoint"}  # what somebody typed is no setting to choose from
_SEEDS = ("data_seed", "init_seed")


@dataclass(frozen=True)
class Tried:
    """Models that differ in their seeds alone."""

    condition: Condition  # of the first seed
    keys: tuple[str, ...]  # by seed
    ends: tuple[Mapping[str, Any], ...]  # what each measured at the end of its training

    @property
    def words(self) -> str:
        """What was set; of a template that somebody wrote, only that it is one."""
        named = self.condition.template
        return (
            title(self.condition).replace(f"“{named}”", "of one's own")
            if named
            else title(self.condition)
        )

    def estimate(self, measure: str) -> Estimate | None:
        """A measure with its 95 % interval: of two runs or more their mean, with a t interval over
        runs, else that of the one run, over scenes. None where no run has it."""
        found = [
            one
            for end in self.ends
            if (one := estimate_of(end, measure)) and one.get("value") is not None
        ]
        if len(found) > 1:
            return t_interval([one["value"] for one in found])
        return (
            Estimate(*(found[0][part] for part in ("value", "low", "high", "n"))) if found else None
        )


def stacked(models: Mapping[str, tuple[Condition, Mapping[str, Any]]]) -> list[Tried]:
    """Models of one image set by key, each with its condition and what it measured at the end, as
    stacks of seeds."""
    stacks: dict[Condition, list[tuple[Condition, str, Mapping[str, Any]]]] = {}
    for key, (condition, end) in models.items():
        stacks.setdefault(condition.replace(**dict.fromkeys(_SEEDS, 0)), []).append(
            (condition, key, end)
        )
    found = []
    for runs in stacks.values():
        runs.sort(key=lambda run: [getattr(run[0], name) for name in _SEEDS])
        conditions, keys, ends = zip(*runs, strict=True)
        found.append(Tried(conditions[0], keys, ends))
    return sorted(found, key=lambda one: (one.condition.bias, one.words))


def settings(every: Iterable[Tried]) -> dict[str, tuple[str, object]]:
    """What can be chosen by, as ``steps: 700``: each setting in which some differ, with each of its
    values; a field and the value that it has."""
    conditions = [one.condition for one in every]
    choices: dict[str, tuple[str, object]] = {}
    for field, words in SETTINGS.items():
        values = {getattr(one, field) for one in conditions}
        if len(values) > 1 and field not in _FREE_TEXT.union(_SEEDS):
            choices |= {f"{words}: {value}": (field, value) for value in sorted(values, key=str)}
    return choices


def chosen(every: Iterable[Tried], only: Iterable[tuple[str, object]]) -> list[Tried]:
    """Those that have one of the values that are asked for of each setting that is asked for."""
    wanted: dict[str, set[object]] = {}
    for field, value in only:
        wanted.setdefault(field, set()).add(value)
    return [
        one
        for one in every
        if all(getattr(one.condition, field) in wanted[field] for field in wanted)
    ]
