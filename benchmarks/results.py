"""Write the page of results from the table of published runs, or add runs to that table.

python -m benchmarks.results

writes README.md, beyond.md, table.md and the figures of docs/results again; every number is from
runs.parquet there. Runs that are on the disk are added to that, a study at a time:

python -m vlcore study experiments --data scenes --seeds 7
python -m benchmarks.results --grid experiments --seeds 7 [--first-seed 20 --name confirmation]
python -m benchmarks.results --grid docs/results/plans/language.yaml [--brief]

Every run on the disk counts, and for a plan's file every published run too: each bias level rests
on its complete seed pairs, and missing ones are counted. Bundled models are excluded: another
processor trained them. Nothing is trained here. A run that the table has to the digit is only
counted there. `--brief` stores only the measures that the page and the sanity check read.
"""

import os
from argparse import Namespace
from collections.abc import Sequence

from benchmarks import FLAG, parse_options, publishing
from benchmarks.results_beyond_page import beyond_page
from benchmarks.results_data import CHECKED, READOUTS
from benchmarks.results_figures import write_figures
from benchmarks.results_page import page, table
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.study import plans, published
from vlcore.study.plans import StudyPlan
from vlcore.study.pooled import SETS
from vlcore.study.results import Study

BRIEF = (*READOUTS, "majority_accuracy", "balanced_accuracy", *CHECKED)


def main() -> None:
    options = parse_options(
        __doc__,
        grid="",
        seeds={"type": int, "default": 10, "help": "seed pairs of the study"},
        first_seed={"type": int, "default": 0, "help": "seed of the first pair"},
        name={"help": "of the study; default: the grid's"},
        brief={**FLAG, "help": "store only the measures that the page shows"},
    )
    os.environ["VLCORE_SHIPPED"] = os.devnull
    measures = BRIEF if options.brief else ()
    if not options.grid:
        write_pages()
    elif options.grid.endswith(".yaml"):
        plan = plans.find(options.grid)
        publish(plan, plan.name, measures)
    else:
        for data in SETS:
            publish_pair(options, data, measures)


def write_pages() -> None:
    """Write the pages, the table and the figures."""
    (published.FOLDER / "README.md").write_text(page(), encoding="utf-8")
    (published.FOLDER / "table.md").write_text(table(), encoding="utf-8")
    (published.FOLDER / "beyond.md").write_text(beyond_page(), encoding="utf-8")
    write_figures(published.FOLDER)


def publish_pair(options: Namespace, data: str, measures: Sequence[str]) -> None:
    """Publish a study of short and descriptive labels on an image set."""
    first = options.first_seed
    base = usual_condition(open_set(data)).replace(data_seed=first, init_seed=first)
    plan = plans.find(options.grid, base, options.seeds)
    if not any(store.published(condition.key) for condition in plan.conditions):
        print(f"{data}: no run of the grid {options.grid!r}; run the study first")
        return
    publish(plan, f"{options.name or options.grid}/{data}", measures)


def publish(plan: StudyPlan, name: str, measures: Sequence[str]) -> None:
    counted = name.removesuffix(f"/{plan.conditions[0].data}")
    results = Study(plan, elsewhere=published.measured_runs(counted))
    publishing.publish(results, name, measures)
    print(f"{name}: {results.n_trained} of {len(plan.conditions)} planned runs are published")


if __name__ == "__main__":
    main()
