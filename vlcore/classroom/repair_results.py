"""Results of the lesson “repair”: the ranking of teams beside their baselines.

Accuracy on held-out minority images ranks. Accuracy on the majority is always shown beside it,
because mending the rare images may cost the common ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.api.model_metrics import Metrics
from vlcore.classroom.repair import AS_IT_WAS, changes_words
from vlcore.classroom.session import LessonError
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import read_edits
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import percent, rate_words
from vlcore.metrics.estimate import Estimate
from vlcore.plots.classroom import ranking_chart
from vlcore.plots.theme import Palette


@dataclass(frozen=True)
class RepairResult:
    """The accuracy of one model on held-out images; intervals are over scenes.

    Of several models, as of a budget spent by chance, an interval is from the lowest to the
    highest.

    Attributes:
        name: of the team or baseline.
        edits: empty for a baseline.
        accuracy: of ``minority``, ``majority``, and each group by its name.
        models: how many there are.
    """

    name: str
    edits: str
    accuracy: Mapping[str, Estimate]
    models: int = 1

    @property
    def minority(self) -> Estimate:
        return self.accuracy["minority"]

    @property
    def rank(self) -> tuple[float, int]:
        """Lower is better; of equal accuracies that with fewer changes."""
        return -self.minority.value, len(read_edits(self.edits))

    @property
    def words(self) -> str:
        """``62% (60 to 64) · common images 92% · 3 changes``."""
        majority = f"common images {percent(self.accuracy['majority'].value)}"
        words = [rate_words(self.minority.as_dict()), majority]
        if self.edits:
            words.append(changes_words(self.edits))
        return " · ".join(words)


@dataclass(frozen=True)
class TeamRanking:
    """The ranking of the teams of a class.

    Attributes:
        teams: those that have trained, best first.
        baselines: the model as it was first, if it is trained.
        waiting: keys of models that count and are not trained yet.
    """

    teams: Sequence[RepairResult]
    baselines: Sequence[RepairResult]
    waiting: Sequence[str]

    @property
    def results(self) -> list[RepairResult]:
        return [*self.teams, *self.baselines]

    def place_of(self, name: str) -> int | None:
        """Return the place of a team, which equal ones share; None without a trained model."""
        ranks = {team.name: team.rank for team in self.teams}
        if name not in ranks:
            return None
        return 1 + sum(rank < ranks[name] for rank in ranks.values())

    def place_words(self, name: str) -> str:
        """Return ``Team 1: place 2 of 5``; empty without a trained model."""
        place = self.place_of(name)
        return f"{name}: place {place} of {len(self.teams)}" if place else ""

    @property
    def sentence(self) -> str:
        """Who is first, and how far the model was before; empty without a team's model."""
        if not self.teams:
            return ""
        first = self.teams[0]
        rate = rate_words(first.minority.as_dict())
        before = [result.minority.value for result in self.baselines if result.name == AS_IT_WAS]
        was = f"; before, the model was correct on {percent(before[0])}" if before else ""
        verb = "are" if first.name == "You" else "is"
        return f"{first.name} {verb} first: correct on {rate} of the rare images{was}."

    @property
    def words(self) -> str:
        """The description of the chart."""
        return "; ".join(f"{result.name}: {result.words}" for result in self.results)

    def chart(self, palette: Palette, width: int, height: int) -> alt.LayerChart:
        """Draw the ranking, see `vlcore.plots.classroom.ranking_chart`."""
        rows = [
            {
                "name": result.name,
                "value": result.minority.value,
                "low": result.minority.low,
                "high": result.minority.high,
                "second": result.accuracy["majority"].value,
                "words": result.words,
                "is_baseline": result in self.baselines,
            }
            for result in self.results
        ]
        return ranking_chart(
            pd.DataFrame(rows),
            palette=palette,
            width=width,
            height=height,
            title="accuracy on held-out rare images; hollow: common images",
            second_title="common images",
            baseline=AS_IT_WAS,
        )

    def table(self, grouping: Grouping) -> pd.DataFrame:
        """Return the ranking as numbers, one row per result: accuracies from 0 to 1."""
        groups = group_words(grouping)
        for group in grouping.minority:
            groups[group] += " (rare)"
        rows = []
        for result in self.results:
            row: dict[str, Any] = {
                "place": self.place_of(result.name),
                "who": result.name,
                "minority": result.minority.value,
                "from": result.minority.low,
                "to": result.minority.high,
                "majority": result.accuracy["majority"].value,
            }
            row |= {words: result.accuracy[group].value for group, words in groups.items()}
            rows.append(row | {"edits": result.edits})
        return pd.DataFrame(rows).astype({"place": "Int64"})  # else None makes 1.0 of 1


def rank_teams(
    lists: Mapping[str, Condition],
    baselines: Mapping[str, Sequence[Condition]],
    grouping: Grouping,
    end: Callable[[str], Mapping[str, Any] | None],
) -> TeamRanking:
    """Rank teams and their baselines.

    Args:
        lists: the condition that counts, by team.
        baselines: conditions by the baseline's name.
        grouping: of the image set.
        end: the metrics at the end of training by key; None of a model that is not trained.

    Raises:
        LessonError: a model has no accuracy on a group.
    """

    teams, compared, waiting = [], [], []
    for name, condition in lists.items():
        if metrics := end(condition.key):
            teams.append(_result(name, condition.edits, [metrics], grouping))
        else:
            waiting.append(condition.key)
    for name, conditions in baselines.items():
        if ends := [metrics for model in conditions if (metrics := end(model.key))]:
            compared.append(_result(name, "", ends, grouping))
    return TeamRanking(sorted(teams, key=lambda team: team.rank), compared, waiting)


def _result(
    name: str, edits: str, ends: Sequence[Mapping[str, Any]], grouping: Grouping
) -> RepairResult:
    measures = {part: f"{part}_accuracy" for part in ("minority", "majority")}
    measures |= {group: f"group_accuracy.{group}" for group in grouping.names}
    models = [Metrics(metrics) for metrics in ends]
    try:
        accuracy = {
            part: _mean_and_range([model[measure] for model in models])
            for part, measure in measures.items()
        }
    except KeyError as error:
        raise LessonError(f"{name} cannot be ranked: {error.args[0]}.") from error
    return RepairResult(name, edits, accuracy, len(models))


def _mean_and_range(estimates: Sequence[Estimate]) -> Estimate:
    if len(estimates) == 1:
        return estimates[0]
    values = [estimate.value for estimate in estimates]
    return Estimate(float(np.mean(values)), min(values), max(values), len(values))
