"""Commands of studies: their conditions, running them, and what they found."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.api import training
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
    write_page,
)
from vlcore.cli.runs import headline_metrics
from vlcore.experiment.condition import Condition, from_dict
from vlcore.experiment.files import write_errors
from vlcore.experiment.option_names import shown_name
from vlcore.jobs import engines
from vlcore.metrics import catalogue
from vlcore.study import plans

if TYPE_CHECKING:
    from vlcore.api.studies import StudyRun

PUBLISHED_HELP = "count runs that docs/results has as done"
STUDY_HELP = f"one of {', '.join(plans.STUDIES)}, or a .yaml file"


def add_commands(commands: Any) -> None:
    option = add_command(commands, conditions)
    option("--study", "--grid", default="paper", metavar="STUDY", help=STUDY_HELP)
    training_options(option, seeds=True)

    option = add_command(commands, study)
    option("study", help=STUDY_HELP)
    option(
        "--controls",
        action="store_true",
        help="also the controls of the claims: placebo labels, random removal",
    )
    option("--published", action="store_true", help=PUBLISHED_HELP)
    option("--jobs", type=whole_number(1, 256), help="worker processes; default: one a core")
    option(
        "--engine",
        choices=engines.ENGINES,
        default="local",
        help="where it runs; see docs/clusters.md",
    )
    option("--address", help="of a Dask scheduler, such as tcp://HOST:8786")
    option(
        "--pack",
        type=whole_number(1, 10_000),
        default=engines.PACK,
        help="conditions of a task of Slurm",
    )
    option(
        "--slurm",
        action="append",
        default=[],
        type=setting,
        metavar="KEY=VALUE",
        help=(
            "any option of sbatch, such as partition=NAME, time=60, cpus-per-task=8, mem=16G; may"
            " be repeated"
        ),
    )
    option(
        "--dry-run",
        action="store_true",
        help="write the sbatch file and the list of conditions, submit nothing",
    )
    training_options(option, seeds=True)

    option = add_command(commands, analyse)
    option("study", help=STUDY_HELP)
    secondary = ", ".join(catalogue.secondary(label_styles=True))
    option(
        "--measure",
        default=catalogue.PRIMARY,
        metavar="NAME",
        help=(
            f"the primary measure, default {catalogue.PRIMARY}; also {secondary}, or any of"
            " metrics.json"
        ),
    )
    option("--moment", default="end", help="end, first_fit or untrained")
    option("--published", action="store_true", help=PUBLISHED_HELP)
    option("--out", type=Path, metavar="DIR", help="write tables here, as CSV and parquet")
    training_options(option, seeds=True)

    option = add_command(commands, report)
    option("study", help=STUDY_HELP)
    option("--out", required=True, type=common.page_path, metavar="FILE.html")
    training_options(option, seeds=True)

    add_command(commands, reproduce)("key", nargs="?")


def _plan(options: Namespace) -> plans.StudyPlan:
    return plans.find(options.study, base_condition(options), options.seeds)


def conditions(options: Namespace) -> list[Document]:
    """The conditions of a study, each with its state."""
    tasks = engines.tasks()
    return [
        {**_summary(condition), "state": engines.state_of(condition.key, tasks).value}
        for condition in _plan(options).all_conditions
    ]


def _summary(condition: Condition) -> Document:
    """What tells a condition of a study from the others."""
    summary = {"key": condition.key, "bias": condition.bias, "labels": condition.labels}
    default = Condition()
    for name in ("objective", "negatives", "mitigation", "size_mode"):
        value = getattr(condition, name)
        if value != getattr(default, name):
            summary[name] = value
    return summary | {"seed": condition.init_seed}


def study(options: Namespace) -> list[Document] | Document:
    """Train all conditions of a study that are missing.

    They are trained in the workers of an engine; one that fails does not stop the others. Slurm is
    not waited for.
    """
    from vlcore.api.studies import Engine, train_missing

    slurm, dask = options.engine == "slurm", options.engine == "dask"
    if ((options.slurm or options.dry_run) and not slurm) or (options.address and not dask):
        raise CommandError(
            "--slurm and --dry-run are for --engine slurm, --address is for --engine dask."
        )
    engine = Engine(
        options.engine,
        options.jobs,
        options.address,
        options.pack,
        dict(options.slurm),
        options.dry_run,
    )
    run = train_missing(
        _plan(options), controls=options.controls, count_published=options.published, engine=engine
    )
    if run.submission is not None:
        return run.submission
    run.check_any_trained()
    return [_result(condition, run) for condition in run.conditions]


def _result(condition: Condition, run: StudyRun) -> Document:
    result = {**_summary(condition), "state": run.outcomes[condition.key]}
    if condition.key in run.tasks:
        result["job"] = run.tasks[condition.key]
    if store.published(condition.key):
        result["metrics"] = headline_metrics(store.read(condition.key))
    return result


def analyse(options: Namespace) -> Document:
    """Compare arms of a study, with tests and intervals."""
    from vlcore.study import published
    from vlcore.study.results import Study, joined_tables
    from vlcore.study.runs_table import AnalysisError, write_tables
    from vlcore.study.tables import level_dict
    from vlcore.study.text import notes

    plan = _plan(options)
    elsewhere = published.measured_runs(plan.name) if options.published else None
    results = Study(plan, elsewhere=elsewhere)
    analyses = results.analyses(options.measure, options.moment)
    files: list[str] = []
    if options.out is not None:
        for name, table in {"runs": results.runs(), **joined_tables(analyses)}.items():
            with write_errors(options.out, "give --out another folder"):
                files += map(str, write_tables(table, options.out, name))
    comparisons: list[Document] = []
    for treatment, analysis in analyses.items():
        comparison: Document = {"treatment": _shown(plan, treatment)}
        if isinstance(analysis, AnalysisError):
            comparison["refused"] = str(analysis)
        else:
            slope = analysis.primary.slope
            comparison["levels"] = [level_dict(level) for level in analysis.primary.levels]
            comparison["slope"] = None if slope is None else slope.as_dict()
            comparison["missing"] = analysis.missing
            comparison["notes"] = notes(analysis)
        comparisons.append(comparison)
    return {
        "study": plan.name,
        "factor": plan.factor,
        "baseline": _shown(plan, plan.baseline),
        "measure": options.measure,
        "moment": options.moment,
        "runs": results.n_trained,
        "planned": len(plan.conditions),
        "comparisons": comparisons,
        "files": files,
    }


def _shown(plan: plans.StudyPlan, arm: plans.Value) -> plans.Value:
    """An arm of a study, by the name that pages show."""
    return shown_name(plan.factor, arm) if isinstance(arm, str) else arm


def report(options: Namespace) -> Document:
    """A study of label styles as one offline HTML file."""
    from vlcore.study.report import report_html
    from vlcore.study.results import Study
    from vlcore.study.text import answer_paragraph, claim_sentence, claim_words

    plan = _plan(options)
    findings = Study(plan).findings()
    claims = [
        {
            "claim": result.claim.id,
            "verdict": claim_words(result),
            "n": result.n,
            "sentence": claim_sentence(result),
        }
        for result in findings.claims
    ]
    return {
        "study": plan.name,
        **write_page(options.out, report_html(findings)),
        "runs": findings.n_trained,
        "planned": len(plan.conditions),
        "seed pairs": findings.n_blocks,
        "answer": answer_paragraph(findings),
        "claims": claims,
    }


def reproduce(options: Namespace) -> Document | list[Document]:
    """Train a published run again, and say whether it agrees; without a key, list them."""
    from vlcore.study import published

    runs = published.published_runs().set_index("key", drop=False)
    if options.key is None:
        listed = [from_dict(row) for row in runs.drop(columns="key").to_dict("records")]
        return [_summary(run) | {"recipe": run.recipe, "steps": run.steps} for run in listed]
    if options.key not in runs.index:
        raise CommandError(
            f"No published run has the key {options.key!r}; `python -m vlcore reproduce` lists"
            " them."
        )
    condition = from_dict(runs.loc[options.key].drop("key").to_dict())
    training.train_condition(condition, fresh=True)  # a bundled model proves nothing
    return published.agreement(store.read(condition.key))
