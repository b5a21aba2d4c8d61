"""A study: its runs, and what they say, as tables, a sentence, a figure and an offline report.

A reader who has nothing but the report can see what was measured, how, on what, and what is
missing.
"""

import hashlib
import html
import shlex
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.api.panel_views import PanelView, on_paper
from vlcore.api.panels import STUDY, find_panel, panels
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import write_file
from vlcore.experiment.version import __version__
from vlcore.experiment.wording import decimal, percent, plural
from vlcore.metrics.catalogue import PRIMARY, secondary
from vlcore.metrics.estimate import Estimate
from vlcore.plots.blocks import Heading
from vlcore.plots.document import page_html
from vlcore.study.analysis import Level, compare_arms
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.runs_table import measure_rows, runs_table


class Study:
    """A study and its trained runs, as they are now; a later look is another value. Example:
    ``Study(plans.find("experiments", seeds=7)).comparisons()``"""

    def __init__(self, plan: StudyPlan, read: Callable[[str], Artifact] = store.read) -> None:
        """Read the runs of a study.

        Args:
            plan: the study.
            read: reads the artifact of a key that is on the disk.

        Raises:
            CorruptArtifactError: an artifact is damaged.
        """
        self.plan = plan
        keys = (condition.key for condition in plan.conditions)
        self.artifacts = [read(key) for key in keys if store.published(key)]

    @cached_property
    def missing(self) -> list[Condition]:
        """The planned runs that are not trained."""
        trained = {run.key for run in self.artifacts}
        return [condition for condition in self.plan.conditions if condition.key not in trained]

    @property
    def n_trained(self) -> int:
        """How many of the planned runs are trained."""
        return len(self.artifacts)

    @property
    def n_pairs(self) -> int:
        """How many seed pairs are planned."""
        return len({(run.data_seed, run.init_seed) for run in self.plan.conditions})

    @cached_property
    def digest(self) -> str:
        """Changes with the plan and with every run."""
        planned = [condition.key for condition in self.plan.conditions]
        state = planned, [(run.key, run.digest) for run in self.artifacts]
        return hashlib.sha256(repr(state).encode()).hexdigest()

    def runs(self) -> pd.DataFrame:
        """Everything that was measured, of `vlcore.study.runs_table.runs_table`."""
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return runs_table(self.artifacts)

    @cached_property
    def measures(self) -> list[str]:
        """The measures that some run has, the primary one first."""
        names = dict.fromkeys((self.plan.measure, PRIMARY, *secondary()))
        return [name for name in names if measure_rows(self._frame, name)["value"].notna().any()]

    def levels(self, measure: str = "") -> list[Level]:
        """Compare every arm with the baseline at every bias level.

        Args:
            measure: the primary one of the plan where it is empty.

        Raises:
            StudyError: no run is trained, or none has the measure.
            AnalysisError: the runs do not compare.
        """
        plan, measure = self.plan, measure or self.plan.measure
        if not self.n_trained:
            raise StudyError(
                f"No run of the study {plan.name!r} is finished. Run `python -m vlcore study"
                f" {plan.grid}` with the same settings first."
            )
        arms = {condition.key: plan.arm_of(condition) for condition in plan.conditions}
        rows = self._frame.assign(arm=self._frame["key"].map(arms))
        return compare_arms(rows, plan.baseline, plan.treatments, measure, free=plan.varied)

    def comparisons(self, measure: str = "") -> pd.DataFrame:
        """Every arm beside the baseline, one row per measure, arm and bias level.

        Args:
            measure: the only measure; all of `measures` where it is empty.

        Raises:
            LabError: as `levels`.
        """
        rows = [
            {"measure": name, **_flat(level.as_dict())}
            for name in ([measure] if measure else self.measures or [""])
            for level in self.levels(name)
        ]
        return pd.DataFrame(rows)

    @cached_property
    def images(self) -> ImageSet:
        """The image set of its models."""
        first = self.plan.conditions[0]
        return open_set(first.data, first.data_version)

    def panel(self, name: str, /, **inputs: Any) -> PanelView:
        """Look closer: a panel by its name, such as ``study-answer``, with its inputs; PanelError
        lists the names."""
        return PanelView(find_panel(name, STUDY), self, inputs)

    def report(self, path: str | Path, measure: str = "") -> Path:
        """Write all panels as an offline HTML file, with a figure of one measure; raises as
        `levels` does, or OSError."""
        return write_file(Path(path), report_html(self, measure))

    def __repr__(self) -> str:
        plan, first = self.plan, self.plan.conditions[0]
        return (
            f"Study {plan.name!r} on {first.data}, {first.steps:,} steps:"
            f" {self.n_trained} of {len(plan.conditions)} planned runs are finished."
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def _flat(document: dict[str, object], prefix: str = "") -> dict[str, object]:
    """Nested values by their dotted names; a list becomes one text, and None has no column."""
    flat: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            flat[f"{prefix}{name}"] = " ".join(map(str, value))
        elif value is not None:
            flat[f"{prefix}{name}"] = value
    return flat


def comparisons_table(plan: StudyPlan, levels: Sequence[Level]) -> pd.DataFrame:
    """The levels in words, one row per arm and bias level."""
    rows = []
    for level in levels:
        p = "" if level.holm_p is None else f"{level.holm_p:.2g}"
        rows.append(
            {
                "Variant": level.arm,
                "Removed": f"{100 * level.bias:g}%",
                f"Mean, {plan.baseline}": in_words(level.baseline, level.share),
                "Mean, variant": in_words(level.treatment, level.share),
                "Difference (95% interval)": level.difference_words,
                "Seed pairs": len(level.blocks),
                "p (Holm)": p,
                "Finding": level.verdict,
            }
        )
    return pd.DataFrame(rows)


def in_words(estimate: Estimate | None, share: bool) -> str:
    """An estimate without its interval; empty where there is none."""
    if estimate is None:
        return ""
    return percent(estimate.value) if share else decimal(estimate.value)


def report_html(study: Study, measure: str = "") -> str:
    """A whole study as one offline HTML page: its panels, those that ask for a measure with this
    one. LabError as `Study.levels`."""
    plan = study.plan
    first = plan.conditions[0]
    about = (
        f"{', '.join(plan.arms)} on {first.data} {first.data_version}, {first.steps:,} steps."
        f" {study.n_trained} of {len(plan.conditions)} planned runs are finished, in"
        f" {plural(study.n_pairs, 'seed pair')}. Analysed by VL Bias Lab {__version__}."
    )
    content: list[Any] = [about]
    for panel in panels(STUDY):
        if panel.on_paper:
            takes_measure = any(each.name == "measure" for each in panel.inputs)
            inputs = {"measure": measure} if takes_measure else {}
            content += [Heading(panel.title)]
            content += on_paper(panel.blocks(study, **inputs), study.images)
    content += filter(None, [study.images.attribution])
    return page_html(content, f"Study {plan.name}")


def command(plan: StudyPlan) -> str:
    """The command line that runs a study."""
    condition = plan.conditions[0]
    pairs = len({(run.data_seed, run.init_seed) for run in plan.conditions})
    preset = condition.preset
    steps = f"--set steps={condition.steps}" if preset == "custom" else f"--preset {preset}"
    options = [f"--data {condition.data}", steps, f"--seeds {pairs}"]
    usual = usual_condition(open_set(condition.data))
    by_itself = {**vars(usual.replace(recipe=condition.recipe)), "recipe": usual.recipe}
    for name, value in vars(condition).items():
        if value != by_itself[name] and name not in {"data", "steps", "bias", *plan.varied}:
            options.append(f"--set {shlex.quote(f'{name}={value}')}")
    return f"python -m vlcore study {shlex.quote(plan.grid)} {' '.join(options)}"
