"""What teams' repairs came to: their standings, what they are held against, and what helped by kind
of change.

The number that ranks is the share of held-out minority pictures that a model gets right. It never
stands alone: who fades the background of the majority wholly turns the shortcut round. The majority
pays for it, and who is right on it less often than on the minority stands below all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.api.model_metrics import Metrics
from vlcore.classroom.repair import AS_IT_WAS, CHANCE, changes_words
from vlcore.classroom.session import LessonError
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, read_edits
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import rate
from vlcore.metrics.estimate import Estimate
from vlcore.plots.ranking import ranking_chart
from vlcore.plots.theme import Palette
from vlcore.study.statistics.paired import ENOUGH

KINDS = {
    "add": "added pictures",
    "draw": "drawn pictures",
    "remove": "removed pictures",
    "caption": "changed captions",
    "weight": "weighted groups",
    "fade": "faded backgrounds",
}
TURNED = (
    "Whoever gets the majority right less often than the minority has turned the shortcut round,"
    " and stands last."
)
_MEASURES = {
    "minority": "minority_accuracy",
    "majority": "majority_accuracy",
    "balanced": "balanced_accuracy",
}


@dataclass(frozen=True)
class RepairResult:
    """What one model came to, on pictures that no training set has; intervals are over scenes, but
    of several models, as of a budget spent by chance, from the least of them to the most, with
    their number."""

    name: str
    edits: str  # empty of what no team did
    measured: Mapping[str, Estimate]  # minority, majority, balanced, and each group by its name
    elsewhere: Estimate | None = None  # in places and styles that no edit can draw in
    models: int = 1

    @property
    def minority(self) -> Estimate:
        return self.measured["minority"]

    @property
    def turned(self) -> bool:
        """Whether the shortcut is turned round: the majority is right less often than the minority,
        for certain."""
        return self.measured["majority"].high < self.minority.low

    @property
    def changes(self) -> int:
        return len(read_edits(self.edits))

    @property
    def words(self) -> str:
        """``62 % (60 to 64) of 1,000 pictures``."""
        if self.models > 1:
            return f"{rate(self.minority.as_dict())}, mean and range of {self.models} models"
        return f"{rate(self.minority.as_dict())} of {self.minority.n:,} pictures"


def repair_result(
    name: str,
    edits: str,
    ends: Sequence[Mapping[str, Any]],
    grouping: Grouping,
    hidden: Sequence[Estimate] = (),
) -> RepairResult:
    """The standing of a model, or of several, from what each measured at its end; `hidden` is what
    they are elsewhere, or nothing. LessonError, which says why, where a model cannot be right about
    a group."""
    groups = {group: f"group_accuracy.{group}" for group in grouping.names}
    every = [Metrics(end) for end in ends]
    try:
        measured = {
            name: _of_all([one[of] for one in every]) for name, of in (_MEASURES | groups).items()
        }
    except KeyError as error:
        raise LessonError(f"{name} cannot be ranked: {error.args[0]}.") from error
    return RepairResult(name, edits, measured, _of_all(hidden) if hidden else None, len(every))


def _of_all(found: Sequence[Estimate]) -> Estimate:
    if len(found) == 1:
        return found[0]
    values = [one.value for one in found]
    return Estimate(float(np.mean(values)), min(values), max(values), len(values))


def ranked(standings: Sequence[RepairResult]) -> list[RepairResult]:
    """Best first, those who turned the shortcut round last; of equal ones who changed less."""
    return sorted(
        standings, key=lambda one: (one.turned, -one.minority.value, one.changes, one.name)
    )


def gains_by_kind(standings: Sequence[RepairResult], base: RepairResult) -> pd.DataFrame:
    """How many points more than the model as it was those teams got right on average that used a
    kind of change: of all groups alike, by which the kinds are sorted, and of the minority; one row
    a kind that some team used, with the number of `teams`."""
    gains: dict[str, list[tuple[float, float]]] = {}
    for one in standings:
        gain = [
            100 * (one.measured[of].value - base.measured[of].value)
            for of in ("balanced", "minority")
        ]
        for kind in {edit.kind for edit in read_edits(one.edits)}:
            gains.setdefault(kind, []).append((gain[0], gain[1]))
    rows = [(KINDS[kind], *np.mean(of, axis=0).tolist(), len(of)) for kind, of in gains.items()]
    table = pd.DataFrame(rows, columns=["kind of change", "all groups alike", "minority", "teams"])
    return table.sort_values(
        ["all groups alike", "kind of change"], ascending=[False, True], ignore_index=True
    )


def gains_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table of `helped` as it is shown: ``+5``."""
    shown = table.set_index("kind of change")
    return shown.assign(
        **{name: shown[name].map("{:+.0f}".format) for name in ("all groups alike", "minority")}
    )


def gains_caveat(table: pd.DataFrame) -> str:
    """What the table of `helped` does not say, in a sentence or two."""
    said = (
        "A team that made several kinds of changes counts in each, so this does not tell them apart"
    )
    few = table[table["teams"] < ENOUGH]["kind of change"].tolist()
    return f"{said}." + (f" Fewer than {ENOUGH} teams say little about {_and(few)}." if few else "")


@dataclass(frozen=True)
class Ranking:
    """What is shown of the teams of a lesson."""

    teams: Sequence[RepairResult]  # that have trained, as `ranked`
    others: Sequence[
        RepairResult
    ]  # what they are held against, the model as it was first where it is there
    waiting: Sequence[str]  # keys of lists that count and are not trained yet
    last: bool  # whether they were asked elsewhere too

    @property
    def before(self) -> Ranking:
        """As it was before they were asked elsewhere."""
        teams, others = (
            [replace(one, elsewhere=None) for one in of] for of in (self.teams, self.others)
        )
        return replace(self, teams=teams, others=others, last=False)

    @property
    def words(self) -> str:
        """All of it for those who do not see the chart."""
        return "; ".join(f"{one.name}: {one.words}" for one in [*self.teams, *self.others])

    @property
    def about(self) -> str:
        """What stands under the chart."""
        counted = [
            one.elsewhere if self.last else one.minority for one in [*self.teams, *self.others]
        ]
        numbers = [one.n for one in counted if one and one.n > len(CHANCE)]
        said = [f"{min(numbers):,} pictures a model, 95 % intervals."] if numbers else []
        said += ["The order is that of before." if self.last else TURNED]
        if any(one.models > 1 for one in self.others):
            said += [f"By chance: mean and range of {len(CHANCE)} draws of {MOST} single pictures."]
        return " ".join(said)

    def place(self, name: str) -> str:
        """Where a team stands, in a sentence or two; empty where it does not."""
        for place, one in enumerate(self.teams, start=1):
            if one.name == name:
                turned = " The shortcut is turned round." * one.turned
                return f"{name}: place {place} of {len(self.teams)}, {one.words}.{turned}"
        return ""

    def chart(self, palette: Palette, width: int, height: int) -> alt.LayerChart:
        """The ranking, see `vlcore.plots.ranking.ranking_chart`."""
        what, other = "minority pictures that nobody saw, named right", "majority"
        if self.last:
            what, other = "right in places and styles that nobody drew", "minority before"
        looks = {"title": f"{what}; hollow: {other}", "second_title": other, "baseline": AS_IT_WAS}
        rows = chart_rows(self.teams, self.others)
        return ranking_chart(rows, palette=palette, width=width, height=height, **looks)


def ranking(
    lists: Mapping[str, Condition],
    held: Mapping[str, Sequence[Condition]],
    grouping: Grouping,
    end: Callable[[str], Mapping[str, Any] | None],
    hidden: Callable[[str], Estimate | None] | None = None,
) -> Ranking:
    """The wall of the lists that count, by team, and of what they are held against: `end` gives
    what a model measured by its key, None of one that is not there, and `hidden`, at the last
    reveal, how it is elsewhere.
    """

    def of(name: str, conditions: Sequence[Condition], edits: str) -> RepairResult | None:
        there = {one.key: found for one in conditions if (found := end(one.key)) is not None}
        asked = [hidden(key) for key in there] if hidden else []
        return (
            repair_result(
                name, edits, list(there.values()), grouping, [one for one in asked if one]
            )
            if there
            else None
        )

    teams = {name: of(name, [condition], condition.edits) for name, condition in lists.items()}
    others = [of(name, conditions, "") for name, conditions in held.items()]
    waiting = [lists[name].key for name, one in teams.items() if one is None]
    found = ranked([one for one in teams.values() if one])
    held_against = [one for one in others if one]
    return Ranking(
        found, held_against, waiting, any(one.elsewhere for one in [*found, *held_against])
    )


def chart_rows(teams: Sequence[RepairResult], others: Sequence[RepairResult]) -> pd.DataFrame:
    """Standings as `vlcore.plots.ranking.ranking_chart` draws them: right on the minority with the
    majority as the other number, or where they were asked elsewhere, that with the minority."""
    rows = []
    for one in [*teams, *others]:
        main, other = one.minority, one.measured["majority"]
        if one.elsewhere:
            main, other = one.elsewhere, one.minority
        said = f"{rate(main.as_dict())}" + (f" · {changes_words(one.edits)}" if one.edits else "")
        said += " · turned round" if one.turned else ""
        ends = {name: getattr(main, name) for name in ("value", "low", "high")}
        rows.append(
            {
                "name": one.name,
                **ends,
                "second": other.value,
                "words": said,
                "is_baseline": one in others,
            }
        )
    return pd.DataFrame(rows)


def group_table(every: Sequence[RepairResult], grouping: Grouping) -> pd.DataFrame:
    """How often standings are right on all groups alike and on each, in words; one row a
    standing."""
    names = {"balanced": "all groups alike"} | group_words(grouping)
    rows = {
        one.name: {said: rate(one.measured[of].as_dict()) for of, said in names.items()}
        for one in every
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename(
        columns={
            said: f"{said} (minority)" for of, said in names.items() if of in grouping.minority
        }
    )


def changes_table(teams: Sequence[RepairResult]) -> pd.DataFrame:
    """How many changes of each kind teams made; one row a team."""
    made = [Counter(KINDS[edit.kind] for edit in read_edits(one.edits)) for one in teams]
    kinds = {kind: [of[kind] for of in made] for kind in KINDS.values()}
    return pd.DataFrame({"Team": [one.name for one in teams]} | kinds)


def _and(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def export_table(
    teams: Sequence[RepairResult], others: Sequence[RepairResult], grouping: Grouping, towers: str
) -> pd.DataFrame:
    """The wall as a table for a spreadsheet: one row a team, best first, then what they are held
    against; shares from 0 to 1, with the ends of their intervals."""
    named = {
        "minority": "minority",
        "majority": "majority",
        "balanced": "all groups",
    } | group_words(grouping)
    rows = []
    for place, one in enumerate([*teams, *others], start=1):
        kinds = [
            KINDS[kind]
            for kind in KINDS
            if any(edit.kind == kind for edit in read_edits(one.edits))
        ]
        row: dict[str, Any] = {
            "place": place if place <= len(teams) else None,
            "who": one.name,
            "models": one.models,
        }
        row |= {"changes": one.changes, "kinds": ", ".join(kinds)}
        shown = {words: one.measured[name] for name, words in named.items()}
        for words, found in (
            shown | ({"elsewhere": one.elsewhere} if one.elsewhere else {})
        ).items():
            row |= {words: found.value, f"{words}, from": found.low, f"{words}, to": found.high}
        row |= {
            "pictures of the minority": one.minority.n if one.models == 1 else None,
            "edits": one.edits,
        }
        rows.append(row | {"towers": towers})
    return pd.DataFrame(rows)
