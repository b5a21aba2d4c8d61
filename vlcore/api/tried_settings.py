"""Runs of an image set with equal settings, stacked over their seeds, with their spread."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vlcore.api.model_metrics import Metrics
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import title
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import t_interval


@dataclass(frozen=True)
class SeedStack:
    """Models that differ in their seeds alone."""

    condition: Condition  # of the first seed
    keys: tuple[str, ...]  # by seed
    ends: tuple[Mapping[str, Any], ...]  # metrics at the end of each training

    @property
    def words(self) -> str:
        """The settings; a template that a user typed is not shown."""
        words = title(self.condition)
        template = self.condition.template
        return words.replace(f"“{template}”", "of one's own") if template else words

    def estimate(self, measure: str) -> Estimate | None:
        """A measure with its 95% interval; None where no run has it.

        Of two runs or more it is their mean with a t interval over runs, else that of the one run
        over scenes."""
        estimates = [Metrics(end).get(measure) for end in self.ends]
        defined = [estimate for estimate in estimates if estimate is not None]
        if len(defined) > 1:
            return t_interval([estimate.value for estimate in defined])
        return defined[0] if defined else None


def stack_seeds(models: Mapping[str, tuple[Condition, Mapping[str, Any]]]) -> list[SeedStack]:
    """Stack models of one image set that differ in their seeds alone.

    Args:
        models: condition and metrics at the end of training of each model, by key.
    """
    stacks: dict[Condition, list[str]] = {}
    for key, (condition, _) in models.items():
        stacks.setdefault(condition.replace(data_seed=0, init_seed=0), []).append(key)
    tried = []
    for keys in stacks.values():
        keys.sort(key=lambda key: (models[key][0].data_seed, models[key][0].init_seed))
        conditions, ends = zip(*(models[key] for key in keys), strict=True)
        tried.append(SeedStack(conditions[0], tuple(keys), ends))
    return sorted(tried, key=lambda stack: (stack.condition.bias, stack.words))
