"""The results that the lab publishes: tables, figures and words of its two studies, from the runs that are on the disk.

python -m vlcore study experiments --data scenes --seeds 7
python -m vlcore study experiments --data balanced-cues --seeds 7
python -m benchmarks.results --grid experiments [--out docs/results]

Every run that is there counts: each level of bias rests on its complete pairs of seeds, and what is missing is said.
Nothing is trained here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from vlcore.charts.theme import LIGHT
from vlcore.core.options import PRESETS
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.subset import usual_condition
from vlcore.measures.catalogue import PRIMARY, words_of
from vlcore.store import artefacts
from vlcore.studies import plans, tables
from vlcore.studies import text as words
from vlcore.studies.figures import legend, reported
from vlcore.studies.findings import Findings
from vlcore.studies.report import Chart, parts
from vlcore.studies.results import StudyResults
from vlcore.studies.runs_table import write_tables

SETS = ("scenes", "balanced-cues")
WIDTH = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", default="paper")
    parser.add_argument("--seeds", type=int, default=10, help="blocks to look for")
    parser.add_argument("--preset", choices=PRESETS, default="standard")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    for name in SETS:
        base = usual_condition(open_set(name)).replace(steps=PRESETS[options.preset])
        wanted = plans.find(options.grid, base, options.seeds)
        seeds = blocks_begun(wanted)
        if seeds == 0:
            print(f"{name}: no run of the grid {options.grid!r}; run the study first")
            continue
        study = plans.find(options.grid, base, seeds)
        found = StudyResults(study).findings()
        folder = options.out / options.grid / name
        write(found, name, folder)
        print(f"{name}: {found.there} of {len(study.conditions)} runs in {seeds} blocks -> {folder}")


def blocks_begun(study: plans.Study) -> int:
    """How many blocks there are, up to the last one of which a run is there."""
    return 1 + max((c.init_seed for c in study.conditions if artefacts.published(c.key)), default=-1)


def write(found: Findings, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pictures, drawn = [], {one.name: one for part in parts(found) for one in part.content if isinstance(one, Chart)}
    for chart, (file, says) in published(found).items():
        if chart in drawn:
            drawn[chart].draw(LIGHT, WIDTH).save(str(folder / f"{file}.png"), scale_factor=1.0)
            pictures.append(f"![{says}]({file}.png)")
    write_tables(found.frame, folder, "runs")
    (folder / "runs.csv").unlink()  # forty times the size of the parquet file that says the same
    if found.end is not None:
        for table, rows in tables.analysis_tables(found.end).items():
            if len(rows):
                rows.to_csv(folder / f"{table}.csv", index=False)
    text = [
        f"# {found.study.name}: {name}",
        words.answer(found),
        *(words.notes(found.end) if found.end else ()),
        "## The study's claims",
        markdown(tables.ledger_table(found.claims)),
        *(f"**{one.claim.id}** {words.claim_sentence(one)}" for one in found.claims),
        "## Figures",
        legend(),
        *pictures,
        "## Every comparison",
        markdown(tables.comparisons_table(found)),
        "Written by `python -m benchmarks.results` from the runs in `runs.parquet`; nothing here is typed by hand.",
    ]
    (folder / "README.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")


def published(found: Findings) -> dict[str, tuple[str, str]]:
    """The figures of the report that are published, by name: in which file, and what they show."""
    maps = {f"heat_map_{name}": (name.replace("_", "-"), words_of(name, found.grouping)) for name in reported(found)}
    return {
        f"by_bias_{PRIMARY}": ("by-bias", "Minority accuracy by bias"),
        **maps,
        f"paired_slopes_{PRIMARY}": ("blocks", "Block by block"),
        f"forest_{PRIMARY}": ("differences", "Descriptive less short labels"),
        "curves": ("probes", "What linear probes read off while training"),
        f"moments_{PRIMARY}": ("moments", "At first fit and at the end"),
    }


def markdown(table: pd.DataFrame) -> str:
    """A table for a page of text."""
    rows = [list(map(str, table.columns)), ["---"] * len(table.columns), *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)


if __name__ == "__main__":
    main()
