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
from pathlib import Path

from benchmarks import FLAG, head, parse_options, publishing, row
from benchmarks.results_beyond import crossed_images, gain, levels_slope
from benchmarks.results_beyond_page import beyond_page
from benchmarks.results_data import (
    CHECKED,
    READOUTS,
    bias_slope,
    both,
    comparisons,
    cost_without,
    failing_pairs,
    odds,
)
from benchmarks.results_figures import write_figures
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import PER_GROUP
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import difference, percent
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import plans, published
from vlcore.study.answer import (
    COMMON,
    PLANNED_PAIRS,
    PROBE,
    SKY_LESS_SHORT,
    SYNONYM_COST,
    TOWERS,
    ChainStep,
    StepOutcome,
    answer_table,
    place_or_sky,
    run_chain,
)
from vlcore.study.contrasts import published_contrast
from vlcore.study.plans import StudyPlan
from vlcore.study.pooled import LABELS_COST, SETS, SHORT, pooled
from vlcore.study.results import Study
from vlcore.study.telling_apart import apart_found

TEMPLATE = Path(__file__).with_name("results_page.md")
NO_BIAS = {"scenes-again": "scenes-again-sanity", "again": "again-sanity"}
TABLE_WORDS = (
    "Log odds and points of minority-group accuracy at the end of training: differences with 95 %"
    " t intervals over seed pairs, and p of the two-sided exact sign-flip test in log odds. Nothing"
    " is adjusted, and studies share seed pairs ([plans](plans/README.md)). `classic/paper` is not"
    " here: its runs were not kept. On renders and photographs (eight of which show minority"
    " groups) intervals do not cover the choice of images. Written by `python -m"
    " benchmarks.results`."
)
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
        publish_plan(plan, plan.name, measures)
    else:
        for data in SETS:
            publish_pair(options, data, measures)


def write_pages() -> None:
    """Write the pages, the table and the figures."""
    (published.FOLDER / "README.md").write_text(results_page(), encoding="utf-8")
    (published.FOLDER / "table.md").write_text(table_page(), encoding="utf-8")
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
    publish_plan(plan, f"{options.name or options.grid}/{data}", measures)


def publish_plan(plan: StudyPlan, name: str, measures: Sequence[str]) -> None:
    counted = name.removesuffix(f"/{plan.conditions[0].data}")
    study = Study(plan, elsewhere=published.measured_runs(counted))
    publishing.publish_study(study, name, measures)


def results_page() -> str:
    """The page of results."""
    values = {"planned_chain": planned_chain(), **costs(), **why(), **beyond(), **how_sure()}
    return TEMPLATE.read_text(encoding="utf-8").format_map(values)


def planned_chain() -> str:
    """The section that the runs of docs/results/plans/answer.md fill."""
    steps = run_chain()
    start = (
        "Its [plan](plans/answer.md) was written before any run, on unused seed pairs; H1 is"
        " primary; p of *Words* is adjusted for its towers (Holm)."
    )
    lines = [start, ""]
    for step in steps:
        kind = "" if step.confirmatory else "Descriptive, for *Words* ended the chain: "
        results = [results_with(step, tower) for tower in step.towers]
        if step.outcome is StepOutcome.INCOMPLETE:
            kind = ""
        ending = "".join(f" {result}." for result in results if result)
        outcome = str(step.outcome)
        if step.outcome is StepOutcome.TOWERS_DIFFER:
            outcome = ", ".join(
                f"{step.outcome_with(tower)} {TOWERS[tower]}" for tower in step.towers
            )
        if step.name == "Sky" and step.outcome is not StepOutcome.INCOMPLETE:
            ending += equivalence_of_place_and_sky()
        predicted = f" Predicted: {step.predicted}." if step.predicted else ""
        lines.append(f"- **{step.name}.** {kind}*{step.hypothesis}*: {outcome}.{ending}{predicted}")
    return "\n".join(lines)


def equivalence_of_place_and_sky() -> str:
    """What the sky costs less short labels, and where it is equivalent to the background within
    half of what that costs."""
    costs, equivalent = [], []
    for name, ending in SETS.items():
        costs.append(both(published_contrast(f"second-word-scratch{ending}", SKY_LESS_SHORT)))
        if place_or_sky(name).log_odds.equivalent:
            equivalent.append(f"`{name}`")
    where = " and ".join(equivalent) or "neither set"
    return (
        f" Less short labels the sky is {' and '.join(costs)}: equivalent to the background, within"
        f" half of its cost, on {where}."
    )


def results_with(step: ChainStep, tower: str) -> str:
    """The complete tests of a step with an image tower."""
    tests = [
        f"{both(test.contrast)} on `{test.data}` (p = {test.p:.2g})"
        for test in step.tests
        if test.tower == tower and test.contrast and test.n_pairs == PLANNED_PAIRS
    ]
    start = f"{TOWERS[tower].capitalize()}: " if len(step.towers) > 1 and tests else ""
    return start + ", ".join(tests)


def costs() -> dict[str, object]:
    """What descriptive labels cost, and whether bias makes it worse."""
    scenes, cues = (pooled(name).all_pairs for name in SETS)
    scenes_slope, cues_slope = (
        bias_slope(study, LABELS_COST, (0.0, STUDY_BIAS)) for study in NO_BIAS.values()
    )
    return {
        "scenes": both(scenes),
        "cues": both(cues),
        "answer_table": answer_table(),
        "scenes_slope": odds(scenes_slope.mean_log_odds),
        "cues_slope": odds(cues_slope.mean_log_odds),
        "scenes_levels": odds(levels_slope("made-of-words-scratch").mean_log_odds),
        "cues_levels": odds(levels_slope("made-of-words-scratch-cues").mean_log_odds),
    }


def why() -> dict[str, object]:
    """Where it is lost: readouts, arms and recipes."""
    readouts = {
        name: pooled("scenes", f"readouts_{measure}.minority_accuracy").all_pairs
        for name, measure in {"bare": "bare", "neighbours": "nearest_neighbours"}.items()
    }
    values: dict[str, object] = {name: both(result) for name, result in readouts.items()}
    values["balanced_images"] = PER_GROUP["probe"] * len(SCENES.names)
    synonym = published_contrast("second-word-scratch", SYNONYM_COST, measure=PROBE)
    values["synonym_probe"] = both(synonym)
    for name, study in {"scenes": "cause-scenes", "cues": "again"}.items():
        values[f"{name}_helped"] = both(gain(study, "same place"))
        values[f"{name}_price"] = both(gain(study, "same place", COMMON))
    return values


def beyond() -> dict[str, object]:
    """Captions that need not be told apart, and other images."""
    images = crossed_images("images-cues")
    return {
        "apart": apart_found(),
        "scenes_anew": odds(crossed_images("images-scenes").mean),
        "images_anew": odds(images.mean),
        "images_spread": f"{images.by_images:.2f}",
        "initialisation_spread": f"{images.by_initialisation:.2f}",
        "residual_spread": f"{images.residual:.2f}",
    }


def how_sure() -> dict[str, object]:
    """How right the frozen tower is after short labels, and what the sanity check changes."""
    runs = published.read_rows(moment="end", measure=PRIMARY, bias=STUDY_BIAS, labels=SHORT)
    runs = runs[runs["studies"].str.contains("made-of-words-pretrained")]
    means = runs.groupby(["data", "text"])["value"].mean()
    values: dict[str, object] = {
        "frozen_tower": f"{100 * means.min():.0f} to {percent(means.max())}"
    }
    for prefix, study in (("", "scenes-again"), ("cues_", "again")):
        checked = NO_BIAS[study]
        failing = failing_pairs(checked)
        values |= {
            f"{prefix}failing": len(failing),
            f"{prefix}passing": both(cost_without(checked, failing)),
        }
    return values


def table_page() -> str:
    """Every comparison, a row each."""
    lines = []
    for entry in comparisons():
        p = entry.result.log_odds.p
        lines.append(
            row(
                f"`{entry.study}`",
                f"`{entry.data}`",
                f"{100 * entry.bias:g} %",
                entry.words,
                entry.result.n,
                odds(entry.result.mean_log_odds),
                difference(entry.result.by_scale["points"].as_dict(), 1),
                "< 0.0001" if p < 0.0001 else f"{p:.2g}",
            )
        )
    columns = ("study", "images", "removed", "arms", "pairs", "log odds", "points", "p")
    return "\n".join(["# Every comparison", "", TABLE_WORDS, "", head(*columns), *lines, ""])


if __name__ == "__main__":
    main()
