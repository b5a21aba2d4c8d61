"""A study: its runs, and what they say, as tables, a sentence, a figure and an offline report.

A reader who has nothing but the report can see what was measured, how, on what, and what is
missing.
"""

import hashlib
import html
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import altair as alt
import pandas as pd

from vlcore.api.panel_views import on_paper
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.files import write_file
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import shown_name
from vlcore.experiment.version import __version__
from vlcore.experiment.wording import decimal, describe_bias, percent, plural
from vlcore.metrics.catalogue import PRIMARY, measure_of, secondary, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import ENOUGH, EQUIVALENCE, EXACT
from vlcore.plots.blocks import Block, Chart, Command, Heading, Table, Text
from vlcore.plots.document import page_html
from vlcore.plots.intervals import forest_chart
from vlcore.plots.theme import Palette
from vlcore.study.analysis import LIMIT, Level, compare_arms
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.runs_table import measure_rows, runs_table

HOW = (
    "A seed pair is one model per variant with the same seeds. Differences are taken within each"
    " seed pair, with 95% t intervals over seed pairs. p is of the exact sign-flip test, adjusted"
    " for the number of bias levels and variants (Holm). With more than"
    f" {EXACT} seed pairs, the test counts random sign patterns. Fewer than {ENOUGH} seed pairs"
    " decide nothing. A difference in accuracy is equivalent if two one-sided tests put it within"
    f" {100 * EQUIVALENCE:.0f} points."
)
_RUN_COLUMNS = ("key", "bias", "block", "value", "low", "high", "n", "device", "versions")


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

    def report(self, path: str | Path, measure: str = "") -> Path:
        """Write the comparisons as an offline HTML file, with a figure of one measure; raises as
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


def answer_sentence(study: Study, measure: str, levels: Sequence[Level], grouping: Grouping) -> str:
    """What the study says at the usual bias level, or at the strongest that was compared."""
    compared = [level for level in levels if level.difference and level.bias < LIMIT]
    if not compared:
        return "Inconclusive: a comparison needs two seed pairs with both variants."
    usual = [level for level in compared if level.bias == STUDY_BIAS]
    level = (usual or compared)[-1]
    bias = describe_bias(study.plan.conditions[0].replace(bias=level.bias))
    first, second = (
        _value(estimate, level.share) for estimate in (level.baseline, level.treatment)
    )
    baseline = study.plan.baseline
    p = "" if level.holm_p is None else f", adjusted p = {level.holm_p:.2g}"
    return (
        f"{words_of(measure, grouping)} with {bias}: {second} with {level.arm}, {first} with"
        f" {baseline}. The difference is {level.difference_words}, {level.verdict}"
        f" ({plural(len(level.blocks), 'seed pair')}{p})."
    )


def comparisons_table(plan: StudyPlan, levels: Sequence[Level]) -> pd.DataFrame:
    """The levels in words, one row per arm and bias level."""
    rows = []
    for level in levels:
        p = "" if level.holm_p is None else f"{level.holm_p:.2g}"
        rows.append(
            {
                "Variant": level.arm,
                "Removed": f"{100 * level.bias:g}%",
                f"Mean, {plan.baseline}": _value(level.baseline, level.share),
                "Mean, variant": _value(level.treatment, level.share),
                "Difference (95% interval)": level.difference_words,
                "Seed pairs": len(level.blocks),
                "p (Holm)": p,
                "Finding": level.verdict,
            }
        )
    return pd.DataFrame(rows)


def _value(estimate: Estimate | None, share: bool) -> str:
    if estimate is None:
        return ""
    return percent(estimate.value) if share else decimal(estimate.value)


def forest(study: Study, measure: str, palette: Palette, width: int) -> alt.LayerChart:
    """The difference of each arm at each bias level; ValueError where there is none."""
    rows, plan = [], study.plan
    for level in study.levels(measure):
        if level.difference is not None:
            words = f"{100 * level.bias:g}% removed"
            if len(plan.treatments) > 1:
                words = f"{level.arm}, {words}"
            mean = level.difference.mean.as_dict()
            rows.append({"words": words, **mean, "status": level.verdict})
    if not rows:
        raise ValueError("no bias level has two seed pairs with both variants")
    is_share = measure_of(measure).is_share
    baseline = plan.baseline
    title = f"difference from {baseline}, {'points' if is_share else 'in the measure itself'}"
    table = pd.DataFrame(rows)
    unit = 100 if is_share else 1
    return forest_chart(table, palette=palette, width=width, title=title, unit=unit)


def comparison_blocks(study: Study, measure: str, grouping: Grouping) -> list[Block]:
    """What a study says of one measure: its sentence, figure and table.

    Raises:
        LabError: as `Study.levels`.
    """
    levels = study.levels(measure)
    words = f"Differences from {study.plan.baseline}, whose numbers are in the table below"
    return [
        Text(answer_sentence(study, measure, levels, grouping)),
        Chart(words, partial(forest, study, measure)),
        Table(comparisons_table(study.plan, levels)),
        Text(HOW, note=True),
    ]


def report_html(study: Study, measure: str = "") -> str:
    """A whole study as one offline HTML page, with a figure of one measure; raises as
    `Study.levels`."""
    plan, measure = study.plan, measure or study.plan.measure
    first = plan.conditions[0]
    images = open_set(first.data, first.data_version)
    about = (
        f"{', '.join(plan.arms)} on {first.data} {first.data_version}, {first.steps:,} steps."
        f" {study.n_trained} of {len(plan.conditions)} planned runs are finished, in"
        f" {plural(study.n_pairs, 'seed pair')}. Analysed by VL Bias Lab {__version__}."
    )
    content = comparison_blocks(study, measure, images.grouping)
    missing = ", ".join(run.key for run in study.missing) or "Every planned run is finished."
    blocks: list[Block] = [
        Text(about),
        Heading(words_of(measure, images.grouping)),
        *content,
        *_other_measures(study, measure, images.grouping),
        Heading("To run it again"),
        Command(command(plan), "Command"),
        _settings(first),
        Heading("What is missing"),
        Text(missing),
        Heading("Runs"),
        _runs(study, measure),
    ]
    on_page = [*on_paper(blocks, images), *filter(None, [images.attribution])]
    return page_html(on_page, f"Study {plan.name}")


def _other_measures(study: Study, measure: str, grouping: Grouping) -> Iterator[Block]:
    """A table of all measures but one, if there are any."""
    tables = [
        comparisons_table(study.plan, study.levels(name)).assign(Measure=words_of(name, grouping))
        for name in study.measures
        if name != measure
    ]
    if tables:
        yield Heading("Other measures")
        yield Table(pd.concat(tables), "Measure")


def _settings(condition: Condition) -> Table:
    rows = [(name, str(shown_name(name, value))) for name, value in vars(condition).items()]
    return Table(pd.DataFrame(rows, columns=["Setting", "First run"]))


def _runs(study: Study, measure: str) -> Table:
    rows = study.runs()
    rows = rows[(rows["measure"] == measure) & (rows["moment"] == "end")]
    return Table(rows[list(_RUN_COLUMNS)])


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
