"""Write the results that the project publishes: tables, figures and sentences of its studies.

python -m benchmarks.results [--out docs/results]

writes every page again, from the tables in docs/results alone. The tables themselves are written
from the runs that are on the disk, a study at a time:

python -m vlcore study experiments --data scenes --seeds 7
python -m vlcore study experiments --data balanced-cues --seeds 7
python -m benchmarks.results --grid experiments [--first-seed 20 --name confirmation]
python -m benchmarks.results --grid docs/results/plans/language.yaml [--brief]

Every run on the disk counts, and for a plan's file every run in docs/results too: each bias level
rests on its complete seed pairs, and missing ones are counted. Bundled models are excluded: another
processor trained them. Nothing is trained here. A run of a plan's file that another study has to
the digit stays in that study's table alone. `--brief` stores only the measures that the page shows.
"""

import json
import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pandas as pd

from benchmarks import FLAG, head, parse_options, row
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.grouping import Grouping
from vlcore.metrics.catalogue import PRIMARY, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.plots.document import Chart
from vlcore.plots.theme import LIGHT
from vlcore.study import plans, published, registry, tables
from vlcore.study import text as words
from vlcore.study.analysis import Analysis
from vlcore.study.figures import LEGEND, reported
from vlcore.study.findings import over_scenes
from vlcore.study.plans import StudyPlan
from vlcore.study.registry import Entry
from vlcore.study.report import parts
from vlcore.study.results import Study

SETS = ("scenes", "balanced-cues")
WIDTH = 900  # px of a figure
READOUTS = ("mean_caption", "given_context", "linear_probe", "training_probe")
ARM_MEASURES = (
    PRIMARY,
    "majority_accuracy",
    "balanced_accuracy",
    *(f"readouts_{name}.minority_accuracy" for name in READOUTS),
)
# What the sanity check reads.
CHECKED = ("train_caption_accuracy", "balanced_accuracy", "text_only_match", "probe_object")
PLANS = "plans.json"  # when a study of arms was planned
GENERAL = "general.json"  # its effect with the choice of test images in the interval
MADE = (
    "Written by `python -m benchmarks.results` from tables of runs in docs/results; nothing here is"
    " typed by hand."
)


def main() -> None:
    options = parse_options(
        __doc__,
        grid="",
        seeds={"type": int, "default": 10, "help": "seed pairs of the study"},
        first_seed={"type": int, "default": 0, "help": "seed of the first pair"},
        name={"help": "folder of the results; default: the grid's"},
        brief={**FLAG, "help": "store only the measures that the page shows"},
        out=published.FOLDER,
    )
    os.environ["VLCORE_SHIPPED"] = os.devnull
    if not options.grid:
        rewrite_pages(options.out)
    elif options.grid.endswith(".yaml"):
        publish_arms(plans.find(options.grid), options.brief)
    else:
        for data in SETS:
            publish_pair(options, data)


def rewrite_pages(out: Path) -> None:
    """Write every page from the tables that are published."""
    with no_runs():
        for plan in sorted(published.FOLDER.glob("plans/*.yaml")):
            if (published.FOLDER / plan.stem / "runs.parquet").exists():
                write_arms(plans.find(str(plan)), out / plan.stem)
        for study in sorted(published.FOLDER.glob("**/study.json")):
            folder = out / study.parent.relative_to(published.FOLDER)
            write_pair(published.PublishedStudy(study.parent), folder)


@contextmanager
def no_runs() -> Iterator[None]:
    """Hide the runs on the disk, so that a page comes from its tables to the last digit."""
    with TemporaryDirectory() as home, patch.dict(os.environ, VLCORE_HOME=home):
        yield


def publish_pair(options: Namespace, data: str) -> None:
    """Write tables and page of short and descriptive labels on an image set."""
    first = options.first_seed
    base = usual_condition(open_set(data)).replace(data_seed=first, init_seed=first)
    study = plans.find(options.grid, base, options.seeds)
    if not any(store.published(condition.key) for condition in study.conditions):
        print(f"{data}: no run of the grid {options.grid!r}; run the study first")
        return
    folder = published.FOLDER / (options.name or options.grid) / data
    published.write_findings(Study(study).findings(), folder)
    write_pair(published.PublishedStudy(folder), folder)


def write_pair(results: published.PublishedStudy, folder: Path) -> None:
    """Write the page of short and descriptive labels on an image set, with figures and tables."""
    findings = results.findings()
    folder.mkdir(parents=True, exist_ok=True)
    charts = {
        content.name: content
        for part in parts(findings)
        for content in part.content
        if isinstance(content, Chart)
    }
    figures = {  # file and caption, by the chart's name in the report
        f"by_bias_{PRIMARY}": ("by-bias", "Minority accuracy by bias"),
        **{
            f"heat_map_{measure}": (measure.replace("_", "-"), words_of(measure, findings.grouping))
            for measure in reported(findings)
        },
        f"paired_slopes_{PRIMARY}": ("blocks", "Seed pair by seed pair"),
        f"forest_{PRIMARY}": ("differences", "Descriptive less short labels"),
        "probes": ("probes", "What linear probes read off while training"),
        f"moments_{PRIMARY}": ("moments", "At the fit step and at the end"),
    }
    links = []
    for name, (file, caption) in figures.items():
        with suppress(KeyError, ValueError):  # there is nothing to draw
            charts[name].draw(LIGHT, WIDTH).save(str(folder / f"{file}.png"))
            links.append(f"![{caption}]({file}.png)")
    if findings.end is not None:
        compression = {"method": "gzip", "mtime": 0}
        for name, table in tables.analysis_tables(findings.end).items():
            if len(table):
                table.to_csv(folder / f"{name}.csv.gz", index=False, compression=compression)
    check = [words.sanity_words(results.failing_blocks, findings.n_blocks)]
    if results.failing_blocks:
        answer = words.answer(results.passing().findings())
        check += [
            words.failing_words(results.failing_blocks),
            f"Without these seed pairs: {answer}",
        ]
    text = [
        f"# {findings.plan.name}: {folder.name}",
        words.answer(findings),
        *(words.notes(findings.end) if findings.end else ()),
        registry.plan_words(findings.plan, findings.plans),
        check[0] or "Every seed pair passes the sanity check.",
        *check[1:],
        "## The study's claims",
        markdown(tables.claims_table(findings.claims)),
        *(f"**{test.claim.id}** {words.claim_sentence(test)}" for test in findings.claims),
        "## Figures",
        LEGEND,
        *links,
        "## Every comparison",
        markdown(tables.comparisons_table(findings)),
        MADE,
    ]
    write_readme(folder, text)
    print(
        f"{findings.plan.name}: {findings.n_trained} of {len(findings.plan.conditions)} runs"
        f" -> {folder}"
    )


def publish_arms(study: StudyPlan, brief: bool) -> None:
    """Write the table of runs of a study of any arms, when it was planned, and its page."""
    folder = published.FOLDER / study.name
    results = Study(study, elsewhere=published.measured_runs(study.name))
    folder.mkdir(parents=True, exist_ok=True)
    runs = planned_runs(results)
    if brief:
        is_compared = runs["measure"].isin(ARM_MEASURES) & (runs["moment"] == "end")
        runs = runs[is_compared | runs["measure"].isin(CHECKED)]
    (folder / "runs.parquet").unlink(missing_ok=True)
    published.write_runs(runs[~runs["key"].isin(keys_published_elsewhere(runs))], folder)
    if entries := registry.plan_history(study):  # on the machine of the runs
        history = [asdict(entry) for entry in entries]
        (folder / PLANS).write_text(json.dumps(history, indent=1) + "\n")
    labels = results.analyses().get("descriptive") if study.factor == "labels" else None
    if isinstance(labels, Analysis) and (models := results.artifacts):
        grouping = open_set(study.conditions[0].data).grouping
        if general := over_scenes(models, labels.primary.levels[-1], grouping):
            (folder / GENERAL).write_text(json.dumps(general.as_dict()) + "\n")
    with no_runs():
        write_arms(study, folder)


def keys_published_elsewhere(runs: pd.DataFrame) -> set[str]:
    """Keys of the runs whose numbers are all in tables of other studies."""
    columns = ["key", "moment", "measure"]
    published_runs = published.measured_runs()[[*columns, "value"]]
    both = runs.merge(published_runs, "left", columns, suffixes=("", "_published"))
    value, published_value = both["value"], both["value_published"]
    is_equal = (value - published_value).abs() <= 1e-6 * (1 + value.abs())
    is_equal |= value.isna() & published_value.isna()
    is_published = is_equal.groupby(both["key"]).all()
    return set(is_published[is_published].index)


def write_arms(study: StudyPlan, folder: Path) -> None:
    """Write the page of a study of any arms: a table of each arm less the baseline."""
    source = published.FOLDER / study.name
    results = Study(study, elsewhere=published.measured_runs(study.name))
    grouping = open_set(study.conditions[0].data).grouping
    table, p_kinds = arms_table(results, grouping)
    entries: tuple[Entry, ...] = ()
    if (source / PLANS).exists():
        entries = tuple(Entry(**entry) for entry in json.loads((source / PLANS).read_text()))
    general = []
    if (source / GENERAL).exists():
        estimate = Estimate(**json.loads((source / GENERAL).read_text()))
        name = words_of(PRIMARY, grouping)
        general = [f"{name}, descriptive: {words.over_scenes_words(estimate)}"]
    counted = f"{results.n_trained} of {len(study.conditions)} planned runs"
    text = [
        f"# {study.name}: {study.factor}, each arm less {study.baseline}",
        registry.plan_words(study, entries),
        sanity_check_words(results),
        *([words.failing_words(results.failing_blocks)] if results.failing_blocks else []),
        markdown(table),
        *sound_arms(results, grouping),
        *slope_sentences(results, grouping),
        *general,
        (
            f"On {words.image_set_words(study.conditions[0])}, {counted}. Differences with t"
            " intervals over seed pairs, which are not adjusted; p of sign-flip tests"
            f" ({', '.join(p_kinds)}), adjusted over levels and arms, and the interval that they do"
            f" not reject, where they can reject one. {MADE}"
        ),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_readme(folder, text)
    print(f"{study.name}: {counted} -> {folder}")


def sanity_check_words(results: Study) -> str:
    """Whether the seed pairs pass the sanity check, and whose runs it read."""
    unbiased = results.unbiased_runs()
    pairs = unbiased["block"].nunique()
    if not pairs:
        return "The sanity check was not run: it asks for bias 0."
    failures = words.sanity_words(results.failing_blocks, pairs)
    sentence = failures or f"All {pairs} seed pairs pass the sanity check."
    if (planned_runs(results)["bias"] == 0).any():
        return sentence
    studies = ", ".join(studies_with_runs(results.plan, set(unbiased["key"])))
    return (
        f"{sentence} It is of short and descriptive labels on the same seed pairs, by runs of"
        f" {studies}."
    )


def sound_arms(results: Study, grouping: Grouping) -> list[str]:
    """The table without the seed pairs that fail the sanity check."""
    if not results.failing_blocks:
        return []
    if len(results.failing_blocks) < results.unbiased_runs()["block"].nunique() - 1:
        return ["Without these seed pairs:", markdown(arms_table(results.passing(), grouping)[0])]
    return ["Fewer than two seed pairs pass, so nothing is left to compare without the others."]


def studies_with_runs(study: StudyPlan, keys: set[str]) -> list[str]:
    """The studies whose tables have these runs, in the order in which they are read."""
    names = []
    for path in published.run_tables(study.name):
        known = set(pd.read_parquet(path, columns=["key"])["key"])
        if keys & known:
            names.append(f"`{path.parent.relative_to(published.FOLDER).as_posix()}`")
        keys = keys - known
    return names


def planned_runs(results: Study) -> pd.DataFrame:
    """The rows of a study's planned runs, without the controls of its claims."""
    runs = results.runs()
    return runs[runs["key"].isin([condition.key for condition in results.plan.conditions])]


def arms_table(results: Study, grouping: Grouping) -> tuple[pd.DataFrame, list[str]]:
    """Each arm less the baseline, a row a measure, arm and bias level; and the tests of its p."""
    rows = []
    p_kinds: list[str] = []
    measured = set(planned_runs(results)["measure"])
    for measure in filter(measured.__contains__, ARM_MEASURES):
        for arm, analysis in results.analyses(measure).items():
            if not isinstance(analysis, Analysis):
                continue
            for level in analysis.primary.levels:
                if not (level.difference and level.baseline and level.treatment):
                    continue
                rows.append(
                    {
                        "Right on": words_of(measure, grouping),
                        "Arm": arm,
                        "Removed": f"{100 * level.bias:g} %",
                        f"{results.plan.baseline}": f"{100 * level.baseline.value:.1f} %",
                        "Arm's": f"{100 * level.treatment.value:.1f} %",
                        "Difference": words.difference_words(level),
                        "Interval of the test": words.exact_interval_words(level),
                        "p (Holm)": f"{level.holm_p:.2g}",
                        "Verdict": words.level_words(level),
                    }
                )
                p_kinds.append(level.difference.p_from)
    return pd.DataFrame(rows), list(dict.fromkeys(p_kinds))


def slope_sentences(results: Study, grouping: Grouping) -> list[str]:
    """Whether each arm's difference from the baseline changes with the bias."""
    sentences = []
    for arm, analysis in results.analyses().items():
        if isinstance(analysis, Analysis) and (slopes := words.slopes_words(analysis.primary)):
            name = words_of(PRIMARY, grouping)
            sentences.append(f"{name}, {arm}: the slope on φ differs by {' and '.join(slopes)}.")
    return sentences


def write_readme(folder: Path, paragraphs: list[str]) -> None:
    (folder / "README.md").write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")


def markdown(table: pd.DataFrame) -> str:
    cells = table.astype(str).replace(r"\|", "/", regex=True)
    rows = [row(*entry) for entry in cells.itertuples(index=False, name=None)]
    return "\n".join([head(*cells.columns), *rows])


if __name__ == "__main__":
    main()
