"""Results of the lesson “repair”: the ranking of teams, the baselines, and gains by kind of change.

Minority-group accuracy on held-out images ranks. It is never shown alone: fading the background of
the majority wholly reverses the shortcut. The majority pays for it, and teams whose majority
accuracy is below their minority accuracy rank last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.api.model_metrics import Metrics
from vlcore.classroom.repair import (
    ADVISED,
    ANY_ADDED,
    AS_IT_WAS,
    BY_CHANCE,
    LIKE_ADDED,
    changes_words,
)
from vlcore.classroom.session import LessonError
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, read_edits
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import percent, points, rate_words, signed
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import ENOUGH, t_interval
from vlcore.plots.classroom import ranking_chart
from vlcore.plots.theme import Palette

KINDS = {
    "add": "added images",
    "draw": "drawn images",
    "remove": "removed images",
    "caption": "changed captions",
    "weight": "weighted groups",
    "fade": "faded backgrounds",
}
REVERSED = (
    "Teams with lower accuracy on the majority than on the minority have reversed the shortcut, and"
    " rank last."
)
_MEASURES = {
    "minority": "minority_accuracy",
    "majority": "majority_accuracy",
    "balanced": "balanced_accuracy",
}
_ALL_GROUPS = "all groups alike"
_IMAGES = "images of the minority"


@dataclass(frozen=True)
class RepairResult:
    """The accuracy of one model on held-out images; intervals are over scenes.

    Of several models, as of a budget spent by chance, an interval is from the lowest to the
    highest.

    Attributes:
        name: of the team or baseline.
        edits: empty for a baseline.
        accuracy: of minority, majority, balanced, and each group by its name.
        unseen: accuracy in backgrounds and styles that no edit can draw.
        models: how many there are.
    """

    name: str
    edits: str
    accuracy: Mapping[str, Estimate]
    unseen: Estimate | None = None
    models: int = 1

    @property
    def minority(self) -> Estimate:
        return self.accuracy["minority"]

    @property
    def is_reversed(self) -> bool:
        """Whether majority accuracy is below minority accuracy, for certain."""
        return self.accuracy["majority"].high < self.minority.low

    @property
    def changes(self) -> int:
        return len(read_edits(self.edits))

    @property
    def words(self) -> str:
        """``62 % (60 to 64) of 1,000 images``."""
        if self.models > 1:
            return f"{rate_words(self.minority.as_dict())}, mean and range of {self.models} models"
        return f"{rate_words(self.minority.as_dict())} of {self.minority.n:,} images"


def repair_result(
    name: str,
    edits: str,
    ends: Sequence[Mapping[str, Any]],
    grouping: Grouping,
    unseen: Sequence[Estimate] = (),
) -> RepairResult:
    """The result of a model, or of several.

    Args:
        name: of the team or baseline.
        edits: of the team.
        ends: the metrics of each model at the end of training.
        grouping: of the image set.
        unseen: accuracy of each model in unseen scenes, if there are any.

    Raises:
        LessonError: where a model has no accuracy on a group.
    """
    measures = _MEASURES | {group: f"group_accuracy.{group}" for group in grouping.names}
    models = [Metrics(end) for end in ends]
    try:
        accuracy = {
            part: _mean_and_range([model[measure] for model in models])
            for part, measure in measures.items()
        }
    except KeyError as error:
        raise LessonError(f"{name} cannot be ranked: {error.args[0]}.") from error
    return RepairResult(
        name, edits, accuracy, _mean_and_range(unseen) if unseen else None, len(models)
    )


def _mean_and_range(estimates: Sequence[Estimate]) -> Estimate:
    if len(estimates) == 1:
        return estimates[0]
    values = [estimate.value for estimate in estimates]
    return Estimate(float(np.mean(values)), min(values), max(values), len(values))


def ranked(results: Sequence[RepairResult]) -> list[RepairResult]:
    """Best first, reversed shortcuts last; of equal ones that with fewer changes."""
    return sorted(results, key=lambda result: (*_rank(result), len(result.name), result.name))


def _rank(result: RepairResult) -> tuple[bool, float, int]:
    return result.is_reversed, -result.minority.value, result.changes


def places(results: Sequence[RepairResult]) -> dict[str, int]:
    """The place of each result by its name, from 1; equal ones share theirs."""
    ranks = [_rank(result) for result in results]
    return {
        result.name: 1 + sum(other < rank for other in ranks)
        for result, rank in zip(results, ranks, strict=True)
    }


def gains_by_kind(results: Sequence[RepairResult], base: RepairResult) -> pd.DataFrame:
    """Mean gain in accuracy over the model as it was, in points, of the teams that used each kind
    of change.

    Returns:
        ``kind of change``, ``all groups alike`` (by which rows are sorted), ``minority`` and the
        number of ``teams``; one row a kind that some team used.
    """
    rows = []
    for result in results:
        balanced, minority = (
            100 * (result.accuracy[part].value - base.accuracy[part].value)
            for part in ("balanced", "minority")
        )
        for kind in {edit.kind for edit in read_edits(result.edits)}:
            rows.append((KINDS[kind], balanced, minority))
    columns = ["kind of change", _ALL_GROUPS, "minority"]
    kinds = pd.DataFrame(rows, columns=columns).groupby("kind of change", as_index=False)
    table = kinds.agg(
        **{_ALL_GROUPS: (_ALL_GROUPS, "mean"), "minority": ("minority", "mean")},
        teams=("minority", "size"),
    )
    return table.sort_values(
        [_ALL_GROUPS, "kind of change"], ascending=[False, True], ignore_index=True
    )


def gains_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `gains_by_kind` in words: ``+5``."""
    table = table.set_index("kind of change")
    for column in (_ALL_GROUPS, "minority"):
        table[column] = table[column].map(lambda gain: signed(gain, 0))
    return table


def gains_caveat(table: pd.DataFrame) -> str:
    """What the table of `gains_by_kind` does not say, in a sentence or two."""
    caveat = (
        "A team that made several kinds of changes counts in each, so this does not tell them"
        " apart."
    )
    few = table[table["teams"] < ENOUGH]["kind of change"].tolist()
    if not few:
        return caveat
    *first, last = few
    kinds = f"{', '.join(first)} and {last}" if first else last
    return f"{caveat} Fewer than {ENOUGH} teams say little about {kinds}."


@dataclass(frozen=True)
class TeamRanking:
    """The ranking of the teams of a class.

    Attributes:
        teams: those that have trained, as `ranked`.
        baselines: the model as it was first, where it is trained.
        waiting: keys of models that count and are not trained yet.
        last: whether they were tested in unseen scenes too.
    """

    teams: Sequence[RepairResult]
    baselines: Sequence[RepairResult]
    waiting: Sequence[str]
    last: bool

    @property
    def results(self) -> list[RepairResult]:
        return [*self.teams, *self.baselines]

    @property
    def before(self) -> RepairResult | None:
        """The model as it was; None where it is not trained."""
        return next((result for result in self.baselines if result.name == AS_IT_WAS), None)

    @property
    def words(self) -> str:
        """The description of the chart."""
        return "; ".join(f"{result.name}: {result.words}" for result in self.results)

    @property
    def about(self) -> str:
        """The caption of the chart."""
        single = [result for result in self.results if result.models == 1]
        estimates = [result.unseen if self.last else result.minority for result in single]
        counts = [estimate.n for estimate in estimates if estimate]
        sentences = []
        if counts:
            sentences.append(f"{min(counts):,} images a model, 95 % intervals.")
        sentences.append("The order is that of before." if self.last else REVERSED)
        if draws := self._several_models(BY_CHANCE):
            sentences.append(f"By chance: mean and range of {draws} draws of {MOST} single images.")
        if seeds := self._several_models(ADVISED, ANY_ADDED, LIKE_ADDED):
            sentences.append(
                f"Advised, and unused images by chance: mean and range of {seeds} seeds."
            )
        return " ".join(sentences)

    def _several_models(self, *names: str) -> str:
        """How many models baselines have so far, as ``5`` or ``2 to 5``; empty where none has
        several."""
        counts = {result.models for result in self.baselines if result.name in names}
        if max(counts, default=0) < 2:
            return ""
        return " to ".join(map(str, sorted({min(counts), max(counts)})))

    def before_and_after(self, name: str) -> str:
        """The accuracy of a team's model and of the model as it was, in a sentence; empty where it
        has none."""
        compared = {result.name: result for result in self.results}
        if name not in compared:
            return ""
        parts = []
        for part in ("minority", "majority"):
            words = f"{part} {rate_words(compared[name].accuracy[part].as_dict())}"
            if self.before:
                words += f", as it was {rate_words(self.before.accuracy[part].as_dict())}"
            parts.append(words)
        return f"Accuracy: {'; '.join(parts)}."

    def place(self, name: str) -> str:
        """The rank of a team, in a sentence or two; empty where it has none."""
        team = next((team for team in self.teams if team.name == name), None)
        if team is None:
            return ""
        place_of = places(self.teams)
        place = f"place {place_of[name]} of {len(self.teams)}"
        if list(place_of.values()).count(place_of[name]) > 1:
            place += ", shared"
        reverses = " The shortcut is reversed." * team.is_reversed
        return f"{name}: {place}, {team.words}.{reverses}"

    def chart(self, palette: Palette, width: int, height: int) -> alt.LayerChart:
        """The ranking as a chart, see `vlcore.plots.classroom.ranking_chart`."""
        measure, hollow = "accuracy on minority images that nobody saw", "majority"
        if self.last:
            measure, hollow = "accuracy in scenes that nobody drew", "minority before"
        return ranking_chart(
            chart_rows(self),
            palette=palette,
            width=width,
            height=height,
            title=f"{measure}; hollow: {hollow}",
            second_title=hollow,
            baseline=AS_IT_WAS,
        )


def ranking(
    lists: Mapping[str, Condition],
    baselines: Mapping[str, Sequence[Condition]],
    grouping: Grouping,
    end: Callable[[str], Mapping[str, Any] | None],
    unseen: Callable[[str], Estimate | None] | None = None,
) -> TeamRanking:
    """Rank teams and their baselines.

    Args:
        lists: the condition that counts, by team.
        baselines: conditions by the baseline's name.
        grouping: of the image set.
        end: the metrics at the end of training by key; None of a model that is not trained.
        unseen: at the last reveal, accuracy in unseen scenes by key.
    """

    def result(name: str, conditions: Sequence[Condition], edits: str) -> RepairResult | None:
        ends, accuracies = [], []
        for condition in conditions:
            metrics = end(condition.key)
            if metrics is None:
                continue
            ends.append(metrics)
            if unseen and (accuracy := unseen(condition.key)):
                accuracies.append(accuracy)
        return repair_result(name, edits, ends, grouping, accuracies) if ends else None

    results = {
        name: result(name, [condition], condition.edits) for name, condition in lists.items()
    }
    waiting = [lists[name].key for name, team in results.items() if team is None]
    teams = ranked([team for team in results.values() if team])
    trained = [result(name, conditions, "") for name, conditions in baselines.items()]
    compared = [baseline for baseline in trained if baseline]
    return TeamRanking(teams, compared, waiting, any(team.unseen for team in [*teams, *compared]))


def chart_rows(ranking: TeamRanking) -> pd.DataFrame:
    """Results as `vlcore.plots.classroom.ranking_chart` draws them.

    They are minority accuracy with that of the majority as the other number, or at the last reveal
    accuracy in unseen scenes with that of the minority.
    """
    rows = []
    for result in ranking.results:
        accuracy, second = result.minority, result.accuracy["majority"]
        if ranking.last and result.unseen:
            accuracy, second = result.unseen, result.minority
        second_name = "minority before" if ranking.last and result.unseen else "majority"
        words = [rate_words(accuracy.as_dict()), f"{second_name} {percent(second.value)}"]
        if result.edits:
            words.append(changes_words(result.edits))
        if result.is_reversed:
            words.append("reversed")
        row = {
            "name": result.name,
            "value": accuracy.value,
            "low": accuracy.low,
            "high": accuracy.high,
            "second": second.value,
            "words": " · ".join(words),
            "is_baseline": result in ranking.baselines,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def advice_sentence(minority: Mapping[str, Sequence[float]]) -> str:
    """How much more the advised images help than others, over seeds.

    Args:
        minority: accuracy on the minority by arm of `advice_conditions`, a number a seed.
    """
    advised = np.array(minority[ADVISED])
    words = [
        f"{points(t_interval(advised - np.array(minority[arm])).as_dict())} beside {chance}"
        for arm, chance in (
            (ANY_ADDED, "unused images by chance"),
            (LIKE_ADDED, "images by chance of the same groups"),
        )
    ]
    return (
        f"The advised images move accuracy on the minority by {' and by '.join(words)}; n ="
        f" {len(advised)} seeds, 95 % intervals."
    )


def group_table(results: Sequence[RepairResult], grouping: Grouping) -> pd.DataFrame:
    """Accuracy on all groups alike and on each, in words; one row a result."""
    columns = {"balanced": _ALL_GROUPS} | group_words(grouping)
    for group in grouping.minority:
        columns[group] = f"{columns[group]} (minority)"
    rows = {
        result.name: {
            words: rate_words(result.accuracy[part].as_dict()) for part, words in columns.items()
        }
        for result in results
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def changes_table(teams: Sequence[RepairResult]) -> pd.DataFrame:
    """How many changes of each kind teams made; one row a team."""
    rows = []
    for team in teams:
        counts = Counter(KINDS[edit.kind] for edit in read_edits(team.edits))
        rows.append({"Team": team.name} | {kind: counts[kind] for kind in KINDS.values()})
    return pd.DataFrame(rows, columns=["Team", *KINDS.values()])


def export_table(ranking: TeamRanking, grouping: Grouping, towers: str) -> pd.DataFrame:
    """The ranking for a spreadsheet: one row a team, best first, then the baselines; accuracies
    from 0 to 1, with the ends of their intervals."""
    parts = {"minority": "minority", "majority": "majority", "balanced": "all groups"}
    parts |= group_words(grouping)
    rows = []
    place_of = places(ranking.teams)
    for result in ranking.results:
        kinds = {edit.kind for edit in read_edits(result.edits)}
        row: dict[str, Any] = {
            "place": place_of.get(result.name),
            "who": result.name,
            "models": result.models,
            "changes": result.changes,
            "kinds": ", ".join(words for kind, words in KINDS.items() if kind in kinds),
        }
        estimates = {words: result.accuracy[part] for part, words in parts.items()}
        if result.unseen:
            estimates["elsewhere"] = result.unseen
        for words, estimate in estimates.items():
            row[words] = estimate.value
            row[f"{words}, from"] = estimate.low
            row[f"{words}, to"] = estimate.high
        row[_IMAGES] = result.minority.n if result.models == 1 else None
        row["edits"] = result.edits
        row["towers"] = towers
        rows.append(row)
    table = pd.DataFrame(rows)
    counts = [name for name in ("place", _IMAGES) if name in table]
    return table.astype(dict.fromkeys(counts, "Int64"))  # else a missing one makes all 1.0, 2.0
