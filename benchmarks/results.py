"""The results that the lab publishes: tables, figures and words of its studies.

python -m benchmarks.results [--out docs/results]

writes every page once more, from the tables in docs/results alone. The tables themselves are
written there from the runs that are on the disk, a study at a time:

python -m vlcore study experiments --data scenes --seeds 7 python -m vlcore study experiments --data
balanced-cues --seeds 7 python -m benchmarks.results --grid experiments [--first-seed 20 --name
confirmation] python -m benchmarks.results --grid docs/results/plans/language.yaml [--brief]

Every run that is there counts, of a study's file also what docs/results has already: each level of
bias rests on its complete pairs of seeds, and what is missing is said. Models that came with this
version are not counted: another processor trained them. Nothing is trained here. A run of a study's
file that another study has to the digit is kept there alone. `--brief` keeps of the runs what the
page is made of, where nobody will ask for the rest.
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

from benchmarks import head, options, row
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import PRESETS
from vlcore.metrics.catalogue import PRIMARY, words_of
from vlcore.metrics.estimate import Estimate
from vlcore.plots.document import Chart
from vlcore.plots.theme import LIGHT
from vlcore.study import plans, published, registry, tables
from vlcore.study import text as words
from vlcore.study.analysis import Analysis
from vlcore.study.figures import LEGEND, reported
from vlcore.study.findings import over_pictures
from vlcore.study.plans import StudyPlan
from vlcore.study.registry import Entry
from vlcore.study.report import parts
from vlcore.study.results import Study

SETS = ("scenes", "balanced-cues")
WIDTH = 900
ARM_MEASURES = (
    PRIMARY,
    "majority_accuracy",
    "balanced_accuracy",
    *(
        f"readouts_{name}.minority_accuracy"
        for name in ("mean_caption", "given_context", "linear_probe", "training_probe")
    ),
)
PLANS, GENERAL = (
    "plans.json",
    "general.json",
)  # of a study of arms: when it was planned; what holds for other pictures
MADE = (
    "Written by `python -m benchmarks.results` from tables of runs in docs/results; nothing here is"
    " typed by hand."
)
CHECKED = (
    "train_caption_accuracy",
    "balanced_accuracy",
    "text_only_match",
    "probe_object",
)  # by the sanity check


def main() -> None:
    preset = {"choices": list(PRESETS), "default": "standard"}
    blocks = {"type": int, "default": 10, "help": "blocks to look for"}
    whole = {"type": int, "default": 0, "help": "data and initialisation seed of the first block"}
    name = {"help": "folder of the results; default: the grid's"}
    brief = {"action": "store_true", "help": "keep little of each run"}
    where = {"name": name, "brief": brief, "out": published.FOLDER}
    asked = options(__doc__, grid="", seeds=blocks, first_seed=whole, preset=preset, **where)
    os.environ["VLCORE_SHIPPED"] = os.devnull
    if not asked.grid:
        again(asked.out)
    elif asked.grid.endswith(".yaml"):
        keep_arms(plans.find(asked.grid), asked.brief)
    else:
        for data in SETS:
            keep(asked, data)


def again(out: Path) -> None:
    """Every page, from the tables that are published."""
    with tables_alone():
        for plan in sorted(published.FOLDER.glob("plans/*.yaml")):
            if (published.FOLDER / plan.stem / "runs.parquet").exists():
                write_arms(plans.find(str(plan)), out / plan.stem)
        for about in sorted(published.FOLDER.glob("**/study.json")):
            write(
                published.PublishedResults(about.parent),
                out / about.parent.relative_to(published.FOLDER),
            )


@contextmanager
def tables_alone() -> Iterator[None]:
    """Where no run is on the disk: a page is the same from the runs and from their tables, to the
    last digit."""
    with TemporaryDirectory() as home, patch.dict(os.environ, VLCORE_HOME=home):
        yield


def keep(asked: Namespace, data: str) -> None:
    """The runs of short and descriptive labels on an image set that are on the disk: their tables,
    and the page."""
    first = {"data_seed": asked.first_seed, "init_seed": asked.first_seed}
    base = usual_condition(open_set(data)).replace(steps=PRESETS[asked.preset], **first)
    wanted = plans.find(asked.grid, base, asked.seeds).conditions
    there = [one.init_seed - asked.first_seed for one in wanted if store.published(one.key)]
    seeds = 1 + max(there, default=-1)  # up to the last block of which a run is there
    if seeds == 0:
        print(f"{data}: no run of the grid {asked.grid!r}; run the study first")
        return
    study = plans.find(asked.grid, base, seeds)
    found = Study(study).findings()
    folder = published.FOLDER / (asked.name or asked.grid) / data
    published.write(found, folder)
    write(published.PublishedResults(folder), folder)


def write(results: published.PublishedResults, folder: Path) -> None:
    """The page of short and descriptive labels on an image set, with its figures and tables."""
    found = results.findings()
    folder.mkdir(parents=True, exist_ok=True)
    pictures, drawn = (
        [],
        {one.name: one for part in parts(found) for one in part.content if isinstance(one, Chart)},
    )
    figures = {  # of the report, by name: in which file they are published, and what they show
        f"by_bias_{PRIMARY}": ("by-bias", "Minority accuracy by bias"),
        **{
            f"heat_map_{one}": (one.replace("_", "-"), words_of(one, found.grouping))
            for one in reported(found)
        },
        f"paired_slopes_{PRIMARY}": ("blocks", "Block by block"),
        f"forest_{PRIMARY}": ("differences", "Descriptive less short labels"),
        "curves": ("probes", "What linear probes read off while training"),
        f"moments_{PRIMARY}": ("moments", "At first fit and at the end"),
    }
    for chart, (file, says) in figures.items():
        with suppress(KeyError, ValueError):  # there is nothing to draw
            drawn[chart].draw(LIGHT, WIDTH).save(str(folder / f"{file}.png"), scale_factor=1.0)
            pictures.append(f"![{says}]({file}.png)")
    if found.end is not None:
        for table, rows in tables.analysis_tables(found.end).items():
            if len(rows):
                rows.to_csv(
                    folder / f"{table}.csv.gz",
                    index=False,
                    compression={"method": "gzip", "mtime": 0},
                )
    text = [
        f"# {found.study.name}: {folder.name}",
        words.answer(found),
        *(words.notes(found.end) if found.end else ()),
        registry.said(found.study, found.plans),
        words.soundness(results.unsound, found.blocks) or "Every block passes the sanity check.",
        *([words.why_unsound(results.unsound)] if results.unsound else []),
        *(
            [f"Without these blocks: {words.answer(results.sound().findings())}"]
            if results.unsound
            else []
        ),
        "## The study's claims",
        markdown(tables.ledger_table(found.claims)),
        *(f"**{one.claim.id}** {words.claim_sentence(one)}" for one in found.claims),
        "## Figures",
        LEGEND,
        *pictures,
        "## Every comparison",
        markdown(tables.comparisons_table(found)),
        MADE,
    ]
    (folder / "README.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(f"{found.study.name}: {found.there} of {len(found.study.conditions)} runs -> {folder}")


def keep_arms(study: StudyPlan, brief: bool) -> None:
    """The runs of a study of any arms: their table, when it was planned, and the page; `brief`:
    little of each run."""
    folder = published.FOLDER / study.name
    results = Study(study, elsewhere=published.measured_runs(study.name))
    folder.mkdir(parents=True, exist_ok=True)
    runs = own(results)
    shown = (runs["measure"].isin(ARM_MEASURES) & (runs["moment"] == "end")) | runs["measure"].isin(
        CHECKED
    )
    (folder / "runs.parquet").unlink(missing_ok=True)
    kept = runs[shown] if brief else runs
    published.write_runs(kept[~kept["key"].isin(known(kept))], folder)
    if written := registry.history(study):  # on the machine of the runs
        (folder / PLANS).write_text(json.dumps([asdict(one) for one in written], indent=1) + "\n")
    pair = results.analyses().get("descriptive") if study.factor == "labels" else None
    if isinstance(pair, Analysis) and (models := results.published):
        level, grouping = pair.primary.levels[-1], open_set(study.conditions[0].data).grouping
        if last := over_pictures(models, level, grouping):
            (folder / GENERAL).write_text(json.dumps(last.as_dict()) + "\n")
    with tables_alone():
        write_arms(study, folder)


def known(runs: pd.DataFrame) -> set[str]:
    """Which runs stand with the same numbers in tables of other studies."""
    names = ["key", "moment", "measure"]
    both = runs.merge(
        published.measured_runs()[[*names, "value"]], "left", names, suffixes=("", "_there")
    )
    equal = (both["value"] - both["value_there"]).abs() <= 1e-6 * (1 + both["value"].abs())
    there = (equal | both[["value", "value_there"]].isna().all(axis=1)).groupby(both["key"]).all()
    return set(there[there].index)


def write_arms(study: StudyPlan, folder: Path) -> None:
    """The page of a study of any arms: a table of each arm less the baseline."""
    kept = published.FOLDER / study.name
    results = Study(study, elsewhere=published.measured_runs(study.name))
    runs, grouping = own(results), open_set(study.conditions[0].data).grouping
    table, tested = arms_table(results, grouping)
    written, general = kept / PLANS, kept / GENERAL
    entries = (
        tuple(Entry(**one) for one in json.loads(written.read_text())) if written.exists() else ()
    )
    drawn = Estimate(**json.loads(general.read_text())) if general.exists() else None
    asked = results.unbiased()["block"].nunique()
    checked = (
        words.soundness(results.unsound, asked) or f"All {asked} blocks pass the sanity check."
    )
    if not asked:
        checked = "The sanity check was not run: it asks for bias 0."
    elif not (runs["bias"] == 0).any():
        others = ", ".join(holders(study, set(results.unbiased()["key"])))
        checked += (
            " It is of short and descriptive labels on the same pairs of seeds, by runs of"
            f" {others}."
        )
    there = f"{results.there} of {len(study.conditions)} planned runs"
    sure = []
    if 0 < len(results.unsound) < asked - 1:  # two are left to compare
        sure = ["Without these blocks:", markdown(arms_table(results.sound(), grouping)[0])]
    elif results.unsound:
        sure = ["Fewer than two blocks pass, so nothing is left to compare without the others."]
    text = [
        f"# {study.name}: {study.factor}, each arm less {study.baseline}",
        registry.said(study, entries),
        checked,
        *([words.why_unsound(results.unsound)] if results.unsound else []),
        markdown(table),
        *sure,
        *over_levels(results, grouping),
        *(
            [f"{words_of(PRIMARY, grouping)}, descriptive: {words.general_words(drawn)}"]
            if drawn
            else []
        ),
        (
            f"On {words.pictures(study.conditions[0])}, {there}. Differences with t intervals over"
            f" blocks, which are not adjusted; p of sign-flip tests ({', '.join(tested)}), adjusted"
            " over levels and arms, and the interval that they do not reject, where they can"
            f" reject one. {MADE}"
        ),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(f"{study.name}: {there} -> {folder}")


def holders(study: StudyPlan, keys: set[str]) -> list[str]:
    """The studies whose tables have these runs, in the order in which a study believes them."""
    found, rest = [], set(keys)
    for path in published.tables(study.name):
        there = set(pd.read_parquet(path, columns=["key"])["key"])
        if rest & there:
            found.append(f"`{path.parent.relative_to(published.FOLDER).as_posix()}`")
        rest -= there
    return found


def own(results: Study) -> pd.DataFrame:
    """The rows of a study's planned runs, without those that its claims must beat."""
    runs = results.runs()
    return runs[runs["key"].isin([one.key for one in results.study.conditions])]


def arms_table(results: Study, grouping: Grouping) -> tuple[pd.DataFrame, list[str]]:
    """Each arm less the baseline, a row a measure, arm and level of bias; and which tests were
    made."""
    rows, tested = [], dict[str, None]()
    for measure in (one for one in ARM_MEASURES if one in set(own(results)["measure"])):
        for arm, one in results.analyses(measure).items():
            for level in one.primary.levels if isinstance(one, Analysis) else ():
                if (
                    level.difference is not None
                    and level.baseline is not None
                    and level.treatment is not None
                ):
                    both = (f"{100 * of.value:.1f} %" for of in (level.baseline, level.treatment))
                    said = (
                        words.difference_words(level),
                        words.exact_interval_words(level),
                        f"{level.holm_p:.2g}",
                    )
                    cell = words_of(measure, grouping), arm, f"{100 * level.bias:g} %"
                    rows.append((*cell, *both, *said, words.level_words(level)))
                    tested[level.difference.p_from] = None
    compared = ["Right on", "Arm", "Removed", f"{results.study.baseline}", "Arm's"]
    columns = [*compared, "Difference", "Interval of the test", "p (Holm)", "Verdict"]
    return pd.DataFrame(rows, columns=columns), list(tested)


def over_levels(results: Study, grouping: Grouping) -> list[str]:
    """Whether each arm's difference from the baseline changes with the bias, where there is more
    than one level."""
    compared = {
        arm: one.primary for arm, one in results.analyses().items() if isinstance(one, Analysis)
    }
    slopes = {arm: words.slopes_words(one) for arm, one in compared.items()}
    about = words_of(PRIMARY, grouping)
    return [
        f"{about}, {arm}: the slope on φ differs by {' and '.join(said)}."
        for arm, said in slopes.items()
        if said
    ]


def markdown(table: pd.DataFrame) -> str:
    """A table for a page of text."""
    cells = table.astype(str).replace(r"\|", "/", regex=True)
    return "\n".join([head(*cells.columns), *(row(*one) for one in cells.itertuples(index=False))])


if __name__ == "__main__":
    main()
