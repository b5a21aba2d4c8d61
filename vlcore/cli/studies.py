"""The commands about many runs at once: which there are, running them, and what they say.

The one idea: a study that lost a run goes on, and every answer says what is missing.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.cli.runs import CommandError, base_of, check_set, headline, page_path, within, write_page
from vlcore.core.condition import Condition
from vlcore.core.files import HomeError
from vlcore.runs import train
from vlcore.store import artefacts, jobs, queue
from vlcore.store.progress import progress_bar
from vlcore.studies import plans

if TYPE_CHECKING:
    from vlcore.studies.analysis import Analysis


def conditions(options: Namespace) -> list[dict[str, Any]]:
    found = plans.find(options.grid, base_of(options), options.seeds)
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


def study(options: Namespace) -> list[dict[str, Any]]:
    """Run a grid over worker processes; one that fails does not stop the others."""
    found = plans.find(options.grid, base_of(options), options.seeds)
    wanted = [*found.everything, *(plans.controls(found) if options.controls else ())]
    check_set(wanted[0])
    workers = queue.default_workers() if options.jobs is None else options.jobs
    within("--jobs", workers, 1, 256)
    with progress_bar(len(wanted), f"study {found.name}", unit="model") as bar:
        outcomes = train.train_all(wanted, workers, lambda _key, _outcome: bar.update())
    results = [
        {**_named(condition), "state": outcomes[condition.key]}
        | ({"metrics": headline(artefacts.read(condition.key))} if artefacts.published(condition.key) else {})
        for condition in wanted
    ]
    failed = [entry for entry in results if "metrics" not in entry]
    if failed and len(failed) == len(results):
        raise CommandError(f"No condition could be trained; the first {failed[0]['state']}")
    return results


def analyse(options: Namespace) -> dict[str, Any]:
    """Compare every arm of a study with its baseline, and write tables where they are asked for."""
    from vlcore.studies.results import StudyResults, joined
    from vlcore.studies.runs_table import AnalysisError, write_tables

    results = StudyResults(plans.find(options.grid, base_of(options), options.seeds))
    found = results.analyses(options.measure, options.moment)
    files: list[str] = []
    if options.out is not None:
        for name, table in {"runs": results.runs(), **joined(found)}.items():
            try:
                files += [str(file) for file in write_tables(table, Path(options.out), name)]
            except OSError as error:
                raise HomeError(
                    f"{options.out} cannot be written ({error.strerror}); give --out another folder."
                ) from error
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


def report(options: Namespace) -> dict[str, Any]:
    """Write a study of label styles as one offline HTML file."""
    from vlcore.studies.report import report_html
    from vlcore.studies.results import StudyResults
    from vlcore.studies.text import answer, claim_sentence, claim_words

    out = page_path(options.out)
    results = StudyResults(plans.find(options.grid, base_of(options), options.seeds))
    made = results.findings()
    page = report_html(made)
    write_page(out, page)
    return {
        "study": results.study.name,
        "file": str(out),
        "bytes": len(page.encode()),
        "runs": made.there,
        "planned": len(results.study.conditions),
        "blocks": made.blocks,
        "answer": answer(made),
        "claims": [
            {"claim": one.claim.id, "verdict": claim_words(one), "n": one.n, "sentence": claim_sentence(one)}
            for one in made.claims
        ],
    }
