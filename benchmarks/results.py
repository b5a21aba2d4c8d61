"""The results that the lab publishes: tables, figures and words of its two studies, from the runs that are on the disk.

python -m vlcore study experiments --data scenes --seeds 7
python -m vlcore study experiments --data balanced-cues --seeds 7
python -m benchmarks.results --grid experiments [--first-seed 20 --name confirmation] [--out docs/results]
python -m benchmarks.results --grid docs/results/plans/language.yaml [--brief]

Every run that is there counts, of a study's file also what docs/results has already: each level of bias rests on its
complete pairs of seeds, and what is missing is said. Models that came with this version are not counted: another
processor trained them. Nothing is trained here. `--brief` keeps of the runs what the page is made of, where another
study keeps the rest or nobody will ask for it."""

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks import head, options, row
from vlcore.charts.theme import LIGHT
from vlcore.core.grouping import Grouping
from vlcore.core.options import PRESETS
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.subset import usual_condition
from vlcore.measures.catalogue import PRIMARY, words_of
from vlcore.measures.estimate import Estimate
from vlcore.store import artefacts
from vlcore.studies import plans, published, registry, tables
from vlcore.studies import text as words
from vlcore.studies.analysis import Analysis
from vlcore.studies.figures import LEGEND, reported
from vlcore.studies.findings import Findings, over_pictures
from vlcore.studies.report import Chart, parts
from vlcore.studies.results import StudyResults

SETS = ("scenes", "balanced-cues")
WIDTH = 900
ARM_MEASURES = (PRIMARY, "majority_accuracy", "balanced_accuracy", *(
    f"readouts_{name}.minority_accuracy" for name in ("mean_caption", "given_context", "linear_probe", "training_probe")
))  # fmt: skip
CHECKED = ("train_caption_accuracy", "balanced_accuracy", "text_only_match", "probe_object")  # by the sanity check


def main() -> None:
    preset = {"choices": list(PRESETS), "default": "standard"}
    blocks = {"type": int, "default": 10, "help": "blocks to look for"}
    whole = {"type": int, "default": 0, "help": "data and initialisation seed of the first block"}
    name = {"help": "folder of the results; default: the grid's"}
    brief, out = {"action": "store_true", "help": "keep little of each run"}, Path("docs/results")
    where = {"brief": brief, "out": out}
    asked = options(__doc__, grid="paper", seeds=blocks, first_seed=whole, name=name, preset=preset, **where)
    os.environ["VLCORE_SHIPPED"] = os.devnull
    if asked.grid.endswith(".yaml"):
        study = plans.find(asked.grid)
        write_arms(StudyResults(study, elsewhere=published.measured_runs(study.name)), asked.out, asked.brief)
        return
    for name in SETS:
        first = {"data_seed": asked.first_seed, "init_seed": asked.first_seed}
        base = usual_condition(open_set(name)).replace(steps=PRESETS[asked.preset], **first)
        wanted = plans.find(asked.grid, base, asked.seeds).conditions
        there = [one.init_seed - asked.first_seed for one in wanted if artefacts.published(one.key)]
        seeds = 1 + max(there, default=-1)  # up to the last block of which a run is there
        if seeds == 0:
            print(f"{name}: no run of the grid {asked.grid!r}; run the study first")
            continue
        study = plans.find(asked.grid, base, seeds)
        found = StudyResults(study).findings()
        folder = asked.out / (asked.name or asked.grid) / name
        write(found, name, folder)
        print(f"{name}: {found.there} of {len(study.conditions)} runs in {seeds} blocks -> {folder}")


def write(found: Findings, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pictures, drawn = [], {one.name: one for part in parts(found) for one in part.content if isinstance(one, Chart)}
    figures = {  # of the report, by name: in which file they are published, and what they show
        f"by_bias_{PRIMARY}": ("by-bias", "Minority accuracy by bias"),
        **{f"heat_map_{one}": (one.replace("_", "-"), words_of(one, found.grouping)) for one in reported(found)},
        f"paired_slopes_{PRIMARY}": ("blocks", "Block by block"),
        f"forest_{PRIMARY}": ("differences", "Descriptive less short labels"),
        "curves": ("probes", "What linear probes read off while training"),
        f"moments_{PRIMARY}": ("moments", "At first fit and at the end"),
    }
    for chart, (file, says) in figures.items():
        with suppress(KeyError, ValueError):  # there is nothing to draw
            drawn[chart].draw(LIGHT, WIDTH).save(str(folder / f"{file}.png"), scale_factor=1.0)
            pictures.append(f"![{says}]({file}.png)")
    published.write(found, folder)
    if found.end is not None:
        for table, rows in tables.analysis_tables(found.end).items():
            if len(rows):
                rows.to_csv(folder / f"{table}.csv.gz", index=False, compression={"method": "gzip", "mtime": 0})
    text = [
        f"# {found.study.name}: {name}",
        words.answer(found),
        *(words.notes(found.end) if found.end else ()),
        "## The study's claims",
        markdown(tables.ledger_table(found.claims)),
        *(f"**{one.claim.id}** {words.claim_sentence(one)}" for one in found.claims),
        "## Figures",
        LEGEND,
        *pictures,
        "## Every comparison",
        markdown(tables.comparisons_table(found)),
        "Written by `python -m benchmarks.results` from the runs in `runs.parquet`; nothing here is typed by hand.",
    ]
    (folder / "README.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")


def write_arms(results: StudyResults, out: Path, brief: bool = False) -> None:
    """A study of any arms: every run, and a table of each arm less the baseline; `brief`: of the runs what is in it."""
    study, folder = results.study, out / results.study.name
    folder.mkdir(parents=True, exist_ok=True)
    runs = own(results)
    published.write_runs(runs[runs["measure"].isin((*ARM_MEASURES, *CHECKED))] if brief else runs, folder)
    grouping = open_set(study.conditions[0].data).grouping
    table, tested = arms_table(results, grouping)
    plans_file, written = folder / "plans.json", registry.history(study)
    if not written and plans_file.exists():  # on the machine of the runs
        written = tuple(registry.Entry(**one) for one in json.loads(plans_file.read_text()))
    if written:
        plans_file.write_text(json.dumps([asdict(one) for one in written], indent=1) + "\n")
    general = folder / "general.json"
    pair = results.analyses().get("descriptive") if study.factor == "labels" else None
    models = results.published if isinstance(pair, Analysis) else []
    if models and (last := over_pictures(models, pair.primary.levels[-1], grouping)):
        general.write_text(json.dumps(last.as_dict()) + "\n")
    drawn = Estimate(**json.loads(general.read_text())) if general.exists() else None
    unbiased = (runs["bias"] == 0).any()
    sound = "Every block passes the sanity check." if unbiased else "The sanity check was not run: it asks for bias 0."
    there = f"{results.there} of {len(study.conditions)} planned runs"
    command = f"python -m benchmarks.results --grid {study.grid}{' --brief' if brief else ''}"
    sure = ["Without these blocks:", markdown(arms_table(results.sound(), grouping)[0])] if results.unsound else []
    text = [
        f"# {study.name}: {study.factor}, each arm less {study.baseline}",
        registry.said(study, written),
        words.soundness(results.unsound, runs["block"].nunique()) or sound,
        markdown(table),
        *sure,
        *([f"{words_of(PRIMARY, grouping)}, descriptive: {words.general_words(drawn)}"] if drawn else []),
        f"On {words.pictures(study.conditions[0])}, {there}. Differences with t intervals over blocks, which are not "
        f"adjusted; p of sign-flip tests ({', '.join(tested)}), adjusted over levels and arms. Written by `{command}` "
        "from the runs in `runs.parquet`; nothing here is typed by hand.",
    ]
    (folder / "README.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    print(f"{study.name}: {results.there} of {len(study.conditions)} runs -> {folder}")


def own(results: StudyResults) -> pd.DataFrame:
    """The rows of a study's planned runs, without those that its claims must beat."""
    runs = results.runs()
    return runs[runs["key"].isin([one.key for one in results.study.conditions])]


def arms_table(results: StudyResults, grouping: Grouping) -> tuple[pd.DataFrame, list[str]]:
    """Each arm less the baseline, a row a measure, arm and level of bias; and which tests were made."""
    rows, tested = [], dict[str, None]()
    for measure in (one for one in ARM_MEASURES if one in set(own(results)["measure"])):
        for arm, one in results.analyses(measure).items():
            for level in one.primary.levels if isinstance(one, Analysis) else ():
                if level.difference is not None and level.baseline is not None and level.treatment is not None:
                    both = (f"{100 * of.value:.1f} %" for of in (level.baseline, level.treatment))
                    said = words.difference_words(level), words.exact_interval_words(level), f"{level.holm_p:.2g}"
                    cell = words_of(measure, grouping), arm, f"{100 * level.bias:g} %"
                    rows.append((*cell, *both, *said, words.level_words(level)))
                    tested[level.difference.p_from] = None
    compared = ["Right on", "Arm", "Removed", f"{results.study.baseline}", "Arm's"]
    columns = [*compared, "Difference", "Interval of the test", "p (Holm)", "Verdict"]
    return pd.DataFrame(rows, columns=columns), list(tested)


def markdown(table: pd.DataFrame) -> str:
    """A table for a page of text."""
    cells = table.astype(str).replace(r"\|", "/", regex=True)
    return "\n".join([head(*cells.columns), *(row(*one) for one in cells.itertuples(index=False))])


if __name__ == "__main__":
    main()
