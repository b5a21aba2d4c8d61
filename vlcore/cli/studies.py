"""Commands of many runs: which a study has, running them, and what they say; every answer says what
is missing."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.api import training
from vlcore.artifacts import store
from vlcore.cli import common
from vlcore.cli.common import (
    CommandError,
    add_command,
    base_condition,
    setting,
    training_options,
    whole_number,
    write_page,
)
from vlcore.cli.runs import headline
from vlcore.experiment.condition import Condition, from_dict
from vlcore.experiment.files import write_errors
from vlcore.jobs import engines
from vlcore.metrics import catalogue
from vlcore.study import plans

if TYPE_CHECKING:
    from vlcore.api.studies import StudyRun

PUBLISHED_HELP = "count runs that docs/results has as done"
GRID_HELP = f"one of {', '.join(plans.STUDIES)}, or a .yaml file"


def add_commands(commands: Any) -> None:
    option = add_command(
        commands, "conditions", "a grid, with the state of each condition", conditions
    )
    option("--grid", default="paper", help=GRID_HELP)
    training_options(option, seeds=True)
    option = add_command(commands, "study", "run all conditions of a grid that are missing", study)
    option("grid", help=GRID_HELP)
    option(
        "--controls", action="store_true", help="also what the claims must beat: placebo, removal"
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
    slurm_help = (
        "any option of sbatch, such as partition=NAME, time=60, cpus-per-task=8, mem=16G; may be"
        " repeated"
    )
    option(
        "--slurm", action="append", default=[], type=setting, metavar="KEY=VALUE", help=slurm_help
    )
    option(
        "--dry-run",
        action="store_true",
        help="write the sbatch file and the list of conditions, submit nothing",
    )
    training_options(option, seeds=True)
    option = add_command(
        commands, "analyse", "compare arms of a study, with tests and intervals", analyse
    )
    option("grid", help=GRID_HELP)
    others = ", ".join(catalogue.secondary(label_styles=True))
    what = (
        f"the one that the study is about, {catalogue.PRIMARY} unless you say so; also {others}, or"
        " any of metrics.json"
    )
    option("--measure", default=catalogue.PRIMARY, metavar="NAME", help=what)
    option("--moment", default="end", help="end, first_fit or untrained")
    option("--published", action="store_true", help=PUBLISHED_HELP)
    option("--out", type=Path, metavar="DIR", help="write tables here, as CSV and parquet")
    training_options(option, seeds=True)
    option = add_command(
        commands, "report", "a study of label styles as one offline HTML file", report
    )
    option("grid", help=GRID_HELP)
    option("--out", required=True, type=common.page_path, metavar="FILE.html")
    training_options(option, seeds=True)
    about = "train a published run again, and say whether it agrees; without a key, list them"
    add_command(commands, "reproduce", about, reproduce)("key", nargs="?")


def _study_of(options: Namespace) -> plans.StudyPlan:
    return plans.find(options.grid, base_condition(options), options.seeds)


def conditions(options: Namespace) -> list[dict[str, Any]]:
    found = _study_of(options)
    tasks = engines.tasks()
    return [
        {**_named(one), "state": engines.state_of(one.key, tasks).value} for one in found.everything
    ]


def _named(condition: Condition) -> dict[str, Any]:
    """What tells a condition of a study from the others."""
    others = {
        name: getattr(condition, name)
        for name in ("objective", "negatives", "mitigation", "size_mode")
    }
    differs = {name: value for name, value in others.items() if value != getattr(Condition(), name)}
    plain = {"key": condition.key, "bias": condition.bias, "labels": condition.labels}
    return {**plain, **differs, "seed": condition.init_seed}


def study(options: Namespace) -> list[dict[str, Any]] | dict[str, Any]:
    """Run a grid in the workers of an engine; one that fails does not stop the others. Slurm's are
    not waited for."""
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
    plan = _study_of(options)
    run = train_missing(
        plan, controls=options.controls, count_published=options.published, engine=engine
    )
    if run.submission is not None:
        return run.submission
    run.check_any_trained()
    return [_result(condition, run) for condition in run.conditions]


def _result(condition: Condition, run: StudyRun) -> dict[str, Any]:
    result = {**_named(condition), "state": run.outcomes.get(condition.key, "published")}
    if condition.key in run.tasks:
        result["job"] = run.tasks[condition.key]
    if store.published(condition.key):
        result["metrics"] = headline(store.read(condition.key))
    return result


def analyse(options: Namespace) -> dict[str, Any]:
    from vlcore.study import published
    from vlcore.study.results import Study, joined
    from vlcore.study.runs_table import AnalysisError, write_tables
    from vlcore.study.tables import level_dict
    from vlcore.study.text import notes

    study = _study_of(options)
    elsewhere = published.measured_runs(study.name) if options.published else None
    results = Study(study, elsewhere=elsewhere)
    found = results.analyses(options.measure, options.moment)
    files: list[str] = []
    if options.out is not None:
        for name, table in {"runs": results.runs(), **joined(found)}.items():
            with write_errors(options.out, "give --out another folder"):
                files += map(str, write_tables(table, options.out, name))
    comparisons: list[dict[str, Any]] = []
    for treatment, one in found.items():
        entry: dict[str, Any] = {"treatment": treatment}
        if isinstance(one, AnalysisError):
            entry["refused"] = str(one)
        else:
            slope = one.primary.slope
            entry["levels"] = [level_dict(level) for level in one.primary.levels]
            entry["slope"] = None if slope is None else slope.as_dict()
            entry |= {"missing": one.missing, "notes": notes(one)}
        comparisons.append(entry)
    study = results.study
    return {
        "study": study.name,
        "factor": study.factor,
        "baseline": study.baseline,
        "measure": options.measure,
        "moment": options.moment,
        "runs": results.there,
        "planned": len(study.conditions),
        "comparisons": comparisons,
        "files": files,
    }


def report(options: Namespace) -> dict[str, Any]:
    from vlcore.study.report import report_html
    from vlcore.study.results import Study
    from vlcore.study.text import answer, claim_sentence, claim_words

    results = Study(_study_of(options))
    made = results.findings()
    claims = [
        {
            "claim": one.claim.id,
            "verdict": claim_words(one),
            "n": one.n,
            "sentence": claim_sentence(one),
        }
        for one in made.claims
    ]
    return {
        "study": results.study.name,
        **write_page(options.out, report_html(made)),
        "runs": made.there,
        "planned": len(results.study.conditions),
        "blocks": made.blocks,
        "answer": answer(made),
        "claims": claims,
    }


def reproduce(options: Namespace) -> dict[str, Any] | list[dict[str, Any]]:
    from vlcore.study import published

    made = published.published_runs().set_index("key", drop=False)
    if options.key is None:
        every = [from_dict(row) for row in made.drop(columns="key").to_dict("records")]
        return [{**_named(one), "recipe": one.recipe, "steps": one.steps} for one in every]
    if options.key not in made.index:
        raise CommandError(
            f"No published run has the key {options.key!r}; `python -m vlcore reproduce` lists"
            " them."
        )
    condition = from_dict(made.loc[options.key].drop("key").to_dict())
    training.train_condition(
        condition, fresh=True
    )  # one that came with this version proves nothing
    return published.agreement(store.read(condition.key))
