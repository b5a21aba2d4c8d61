"""Write the published answer from the table of published runs, or add runs to that table.

python -m benchmarks.results [--commit HASH]

writes `vlcore/study/answer.json`, and from it docs/results/README.md, details.md, answer.png and
the part of README.md that shows results; docs/results/comparisons.csv too. Every number is from
docs/results/runs.parquet. HASH is the commit of the code, HEAD unless given. Runs that are on the
disk are added to that table, one study at a time:

python -m vlcore study plans/stray-article.yaml
python -m benchmarks.results --grid plans/stray-article.yaml [--brief]
python -m benchmarks.results --grid experiments --seeds 7 [--first-seed 20 --name confirmation]

Every run on the disk counts, and for a plan's file every published run too: each bias level rests
on its complete seed pairs, and missing ones are counted. Bundled models are excluded, because
another processor trained them. Nothing is trained here. A run that the table has to the digit is
only counted there. `--brief` stores only the metrics that the pages and the sanity check read.
"""

import json
import os
import subprocess
from argparse import Namespace
from collections.abc import Sequence

from benchmarks import FLAG, parse_options, publishing
from benchmarks.results_answer import answer_document
from benchmarks.results_chain import SETS
from benchmarks.results_data import CHECKED, READOUTS
from benchmarks.results_documents import PAGES, ROOT, comparisons_table, page_text, save_figure
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import write_text
from vlcore.study import answer_file, plans, published
from vlcore.study.plans import StudyPlan
from vlcore.study.results import Study

BRIEF = (*READOUTS, "majority_accuracy", "balanced_accuracy", *CHECKED)


def main() -> None:
    options = parse_options(
        __doc__,
        grid="",
        seeds={"type": int, "default": 10, "help": "seed pairs of the study"},
        first_seed={"type": int, "default": 0, "help": "seed of the first pair"},
        name={"help": "of the study; default: the grid's"},
        brief={**FLAG, "help": "store only the metrics that the page shows"},
        commit={"default": "", "help": "of the code that computes the answer; default: HEAD"},
    )
    os.environ["VLCORE_SHIPPED"] = os.devnull
    measures = BRIEF if options.brief else ()
    if not options.grid:
        write_answer(options.commit or _head())
    elif options.grid.endswith(".yaml"):
        plan = plans.find(options.grid)
        publish_plan(plan, plan.name, measures)
    else:
        for data in SETS:
            publish_pair(options, data, measures)


def write_answer(commit: str) -> None:
    """Write answer.json, the pages, the figure and the table of comparisons."""
    document = answer_document(commit)
    answer_file.FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    write_pages()
    save_figure(answer_file.published_answer(), published.FOLDER / "answer.png")
    comparisons_table().to_csv(published.FOLDER / "comparisons.csv", index=False)


def write_pages() -> None:
    """Write the pages from answer.json."""
    answer = answer_file.published_answer()
    for page in PAGES:
        write_text(page, page_text(page, answer))


def _head() -> str:
    command = ["git", "rev-parse", "--short=8", "HEAD"]
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def publish_pair(options: Namespace, data: str, measures: Sequence[str]) -> None:
    """Publish a study of short and descriptive labels on an image set."""
    first = options.first_seed
    base = usual_condition(open_set(data)).replace(data_seed=first, init_seed=first)
    plan = plans.find(options.grid, base, options.seeds)
    if not any(store.published(condition.key) for condition in plan.conditions):
        print(f"{data}: no run of the grid {options.grid!r}; run the study first")
        return
    publish_plan(plan, f"{options.name or options.grid}/{data}", measures)


def publish_plan(plan: StudyPlan, name: str, measures: Sequence[str]) -> None:
    """Publish the runs of a plan under a name."""
    counted = name.removesuffix(f"/{plan.conditions[0].data}")
    study = Study(plan, elsewhere=published.measured_runs(counted))
    publishing.publish_study(study, name, measures)


if __name__ == "__main__":
    main()
