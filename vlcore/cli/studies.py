"""Commands of many runs: which a study has, running them, and what they say; every answer says what is missing."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.cli.common import (
    CommandError,
    add_command,
    base_condition,
    page_path,
    training_groups,
    training_options,
    whole,
    write_page,
)
from vlcore.cli.runs import headline
from vlcore.core.condition import Condition
from vlcore.core.files import write_errors
from vlcore.runs import train
from vlcore.store import artefacts, jobs, queue
from vlcore.store.progress import progress_bar
from vlcore.studies import plans

if TYPE_CHECKING:
    from vlcore.studies.analysis import Analysis

GRID_HELP = f"one of {', '.join(plans.STUDIES)}, or a .yaml file"


def _study_of(options: Namespace) -> plans.Study:
    return plans.find(options.grid, base_condition(options), options.seeds)


def add_conditions(commands: Any) -> None:
    option = add_command(commands, "conditions", "a grid, with the state of each condition", conditions).add_argument
    option("--grid", default="paper", help=GRID_HELP)
    training_options(option, seeds=True)


def conditions(options: Namespace) -> list[dict[str, Any]]:
    found = _study_of(options)
    return [{**_named(condition), "state": jobs.view(condition.key).state.value} for condition in found.everything]


def _named(condition: Condition) -> dict[str, Any]:
    """What tells a condition of a study from the others."""
    usual = Condition()
    others = ("objective", "negatives", "mitigation", "size_mode")
    differs = {name: getattr(condition, name) for name in others if getattr(condition, name) != getattr(usual, name)}
    return {
        "key": condition.key,
        "bias": condition.bias,
        "labels": condition.labels,
        **differs,
        "seed": condition.init_seed,
    }


def add_study(commands: Any) -> None:
    option = add_command(commands, "study", "run all conditions of a grid that are missing", study).add_argument
    option("grid", help=GRID_HELP)
    option("--controls", action="store_true", help="also what the claims must beat: placebo, removal")
    jobs_help = "worker processes; default: one a core, four at most"
    option("--jobs", type=whole(1, 256), default=queue.default_workers(), help=jobs_help)
    training_options(option, seeds=True)


def study(options: Namespace) -> list[dict[str, Any]]:
    """Run a grid over worker processes; one that fails does not stop the others."""
    found = _study_of(options)
    wanted = [*found.everything, *(plans.controls(found) if options.controls else ())]
    training_groups(wanted[0])
    with progress_bar(len(wanted), f"study {found.name}", unit="model") as bar:
        outcomes = train.train_all(wanted, options.jobs, lambda _key, _outcome: bar.update())
    results = [
        {**_named(condition), "state": outcomes[condition.key]}
        | ({"metrics": headline(artefacts.read(condition.key))} if artefacts.published(condition.key) else {})
        for condition in wanted
    ]
    failed = [entry for entry in results if "metrics" not in entry]
    if failed and len(failed) == len(results):
        raise CommandError(f"No condition could be trained; the first {failed[0]['state']}")
    return results


def add_analyse(commands: Any) -> None:
    option = add_command(commands, "analyse", "compare arms of a study, with tests and intervals", analyse).add_argument
    option("grid", help=GRID_HELP)
    option("--measure", default="minority_accuracy", help="the one that the study is about")
    option("--moment", default="end", help="end, first_fit or untrained")
    option("--out", type=Path, metavar="DIR", help="write tables here, as CSV and parquet")
    training_options(option, seeds=True)


def analyse(options: Namespace) -> dict[str, Any]:
    """Compare every arm of a study with its baseline, and write tables where they are asked for."""
    from vlcore.studies.results import StudyResults, joined
    from vlcore.studies.runs_table import AnalysisError, write_tables

    results = StudyResults(_study_of(options))
    found = results.analyses(options.measure, options.moment)
    files: list[str] = []
    if options.out is not None:
        for name, table in {"runs": results.runs(), **joined(found)}.items():
            with write_errors(options.out, "give --out another folder"):
                files += map(str, write_tables(table, options.out, name))
    return {
        "study": results.study.name,
        "factor": results.study.factor,
        "baseline": results.study.baseline,
        "measure": options.measure,
        "moment": options.moment,
        "runs": results.there,
        "planned": len(results.study.conditions),
        "comparisons": [
            {"treatment": treatment, "refused": str(one)} if isinstance(one, AnalysisError) else _in_short(one)
            for treatment, one in found.items()
        ],
        "files": files,
    }


def _in_short(found: Analysis) -> dict[str, Any]:
    """One comparison as a document: the verdict at each level, the slope test, what is missing."""
    from vlcore.studies.tables import level_dict
    from vlcore.studies.text import notes

    slope = found.primary.slope
    return {
        "treatment": found.treatment,
        "levels": [level_dict(level) for level in found.primary.levels],
        "slope": None if slope is None else slope.as_dict(),
        "missing": [asdict(one) for one in found.missing],
        "notes": notes(found),
    }


def add_report(commands: Any) -> None:
    option = add_command(commands, "report", "a study of label styles as one offline HTML file", report).add_argument
    option("grid", help=GRID_HELP)
    option("--out", required=True, type=page_path, metavar="FILE.html")
    training_options(option, seeds=True)


def report(options: Namespace) -> dict[str, Any]:
    """Write a study of label styles as one offline HTML file."""
    from vlcore.studies.report import report_html
    from vlcore.studies.results import StudyResults
    from vlcore.studies.text import answer, claim_sentence, claim_words

    results = StudyResults(_study_of(options))
    made = results.findings()
    size = write_page(options.out, report_html(made))
    return {
        "study": results.study.name,
        "file": str(options.out),
        "bytes": size,
        "runs": made.there,
        "planned": len(results.study.conditions),
        "blocks": made.blocks,
        "answer": answer(made),
        "claims": [
            {"claim": one.claim.id, "verdict": claim_words(one), "n": one.n, "sentence": claim_sentence(one)}
            for one in made.claims
        ],
    }
