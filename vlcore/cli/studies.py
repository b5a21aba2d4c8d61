"""Commands of studies: their conditions, running them, and what they found."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.artifacts import store
from vlcore.cli import common
from vlcore.cli.common import (
    CommandError,
    Document,
    add_command,
    base_condition,
    setting,
    training_options,
    whole_number,
    write_out,
)
from vlcore.cli.runs import headline_metrics
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import write_errors
from vlcore.jobs import engines, jobs
from vlcore.metrics import catalogue
from vlcore.study import plans

if TYPE_CHECKING:
    from vlcore.study.running import StudyRun

STUDY_HELP = f"one of {', '.join(plans.STUDIES)}, or a .yaml file"
MEASURE_HELP = (
    f"default {catalogue.PRIMARY}; also {', '.join(catalogue.secondary())}, or any of metrics.json"
)


def add_commands(commands: Any) -> None:
    option = add_command(commands, conditions)
    option("study", help=STUDY_HELP)
    training_options(option, seeds=True)

    option = add_command(commands, study)
    option("study", help=STUDY_HELP)
    option(
        "--engine",
        choices=engines.engines(),
        default=engines.LOCAL,
        help="where it runs; see docs/studies.md",
    )
    for engine in engines.engines():
        for name, about in engines.options_of(engine).items():
            how: dict[str, Any] = {}
            if about.is_settings:
                how = {"action": "append", "type": setting, "metavar": "KEY=VALUE"}
            elif about.bounds:
                how = {"type": whole_number(*about.bounds)}
            option(f"--{name}", help=about.help, **how)
    training_options(option, seeds=True)

    option = add_command(commands, analyse)
    option("study", help=STUDY_HELP)
    option("--measure", default=catalogue.PRIMARY, metavar="NAME", help=MEASURE_HELP)
    option("--out", type=Path, metavar="DIR", help="write tables here, as CSV and parquet")
    training_options(option, seeds=True)

    option = add_command(commands, report)
    option("study", help=STUDY_HELP)
    option("--measure", default=catalogue.PRIMARY, metavar="NAME", help=MEASURE_HELP)
    option("--out", required=True, type=common.page_path, metavar="FILE.html")
    training_options(option, seeds=True)


def _plan(options: Namespace) -> plans.StudyPlan:
    return plans.find(options.study, base_condition(options), options.seeds)


def conditions(options: Namespace) -> list[Document]:
    """The conditions of a study, each with its state."""
    return [
        {**_summary(condition), "state": jobs.view(condition.key).state.value}
        for condition in _plan(options).conditions
    ]


def _summary(condition: Condition) -> Document:
    """What tells a condition of a study from the others."""
    summary = {"key": condition.key, "bias": condition.bias, "labels": condition.labels}
    default = Condition()
    for name in ("objective", "negatives", "mitigation"):
        value = getattr(condition, name)
        if value != getattr(default, name):
            summary[name] = value
    return summary | {"seed": condition.init_seed}


def study(options: Namespace) -> list[Document]:
    """Train all conditions of a study that are missing.

    They are trained in the workers of an engine; one that fails does not stop the others. Not all
    engines are waited for.
    """
    from vlcore.study.running import train_missing

    chosen = _engine_options(options)
    plan = _plan(options)
    run = train_missing(plan, options.engine, chosen)
    run.check_any_trained()
    return [_result(condition, run) for condition in plan.conditions]


def _engine_options(options: Namespace) -> engines.Options:
    """The options of the chosen engine; CommandError for an option of another engine."""
    chosen: dict[str, Any] = {}
    for engine in engines.engines():
        for name, about in engines.options_of(engine).items():
            value = getattr(options, name)
            if value is None:
                continue
            if engine != options.engine:
                raise CommandError(f"--{name} is for --engine {engine}.")
            chosen[name] = dict(value) if about.is_settings else value
    return chosen


def _result(condition: Condition, run: StudyRun) -> Document:
    result = {**_summary(condition), "state": run.outcomes[condition.key]}
    if condition.key in run.tasks:
        result["job"] = run.tasks[condition.key]
    if store.published(condition.key):
        result["metrics"] = headline_metrics(store.read(condition.key))
    return result


def analyse(options: Namespace) -> Document:
    """Compare arms of a study, with tests and intervals."""
    from vlcore.study.results import Study
    from vlcore.study.runs_table import write_tables

    plan = _plan(options)
    results = Study(plan)
    levels = results.levels(options.measure)
    files: list[str] = []
    if options.out is not None:
        for name, table in (("runs", results.runs()), ("comparisons", results.comparisons())):
            with write_errors(options.out, "give --out another folder"):
                files += map(str, write_tables(table, options.out, name))
    return {
        "study": plan.name,
        "baseline": plan.baseline,
        "measure": options.measure,
        "runs": results.n_trained,
        "planned": len(plan.conditions),
        "comparisons": [level.as_dict() for level in levels],
        "files": files,
    }


def report(options: Namespace) -> Document:
    """Write a study as one offline HTML file."""
    from vlcore.study.results import Study, report_html

    results = Study(_plan(options))
    return {
        "study": results.plan.name,
        **write_out(options.out, report_html(results, options.measure)),
        "runs": results.n_trained,
        "planned": len(results.plan.conditions),
        "seed pairs": results.n_pairs,
    }
