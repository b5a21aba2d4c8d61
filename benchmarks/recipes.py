"""Does the recipe decide? The same conditions trained by the fast recipe, the classic one, and the
fast one without each of its ingredients, in paired blocks of seeds.

python -m benchmarks.recipes [--grid paper] [--seeds 6] [--first 0] [--data scenes ...]
    [--recipes fast classic]
python -m benchmarks.recipes --without --data balanced-cues

Prints accuracy on the held-out images and the difference between label styles, with t intervals
and an exact p over blocks; and the gain of each recipe over the reference, with the exact p of the
difference between label styles, by itself and adjusted over the rows of its set (Holm). Runs are
appended to `--runs`, one JSON document a line, compressed where its name ends in ``.gz``, and are
not trained again; `--limit 0` trains none.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from benchmarks import FLAG, head, parse_options, print_table, row
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import GRIDS, STUDY_BIAS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.options import RECIPES
from vlcore.experiment.wording import difference, points, rate
from vlcore.study.statistics.factorial import logit_share, slopes
from vlcore.study.statistics.paired import holm, sign_flip, t_interval

HELD_OUT = 1000  # minority images of a drawn set that are held out
STYLES = dict(zip(("short", "long"), STYLES_OF_THE_STUDY, strict=True))
CHANGE, CHANGE_IN_ODDS = "long less short", "in log odds"  # of minority-group accuracy
START = ("set", "bias", "recipe", "n")
CLASSIC_STEPS = 600  # the standard of version 0.4
# Each ingredient of the fast recipe, set back to what the classic one has.
WITHOUT: dict[str, dict[str, Any]] = {
    "small batches": {"batch_size": 128},
    "window": {"window": 64},
    "stem in Muon": {"matrices": r"image\.blocks"},
    "text tower in AdamW": {"matrices": r"image\.stem|blocks"},
    # torch's Muon takes no convolutions
    "Muon in float32": {"stock": True, "matrices": r"image\.blocks"},
}
RUN_KEY = ("init_seed", "bias", "trained_by", "data", "labels")


def main() -> None:
    options = parse_options(
        __doc__,
        grid="paper",
        seeds=6,
        first=0,
        data={"nargs": "+", "default": ["scenes", "balanced-cues"]},
        recipes={"nargs": "+", "default": list(RECIPES)},
        without={**FLAG, "help": "the ablation, at 75 %% on the first set"},
        runs=Path("recipes.jsonl"),
        limit=10**6,
    )
    recipes, biases, sets = options.recipes, GRIDS[options.grid], options.data
    reference = recipes[-1]
    if options.without:
        recipes, biases, sets = ["fast", "classic", *WITHOUT], [STUDY_BIAS], sets[:1]
        reference = "fast"
    seeds = range(options.first, options.first + options.seeds)
    open_runs = partial(gzip.open if options.runs.suffix == ".gz" else open, options.runs)
    known = {}
    if options.runs.exists():
        with open_runs("rt") as file:
            known = {tuple(run[name] for name in RUN_KEY): run for run in map(json.loads, file)}
    grid = list(product(seeds, biases, recipes, sets, STYLES_OF_THE_STUDY))
    missing = [cell for cell in grid if cell not in known]
    for seed, bias, recipe, data, labels in missing[: options.limit]:
        condition = Condition(data=data, bias=bias, labels=labels, data_seed=seed, init_seed=seed)
        run = train_by(recipe, condition)
        known[seed, bias, recipe, data, labels] = run
        with open_runs("at") as file:
            file.write(json.dumps(run) + "\n")
    show_runs(pd.DataFrame([known[cell] for cell in grid if cell in known]), reference)


def train_by(name: str, condition: Condition) -> dict[str, Any]:
    """Train a condition by a recipe, or by the fast one without an ingredient, and measure it on
    the held-out images."""
    from benchmarks.training import held_out, train_here

    condition = condition.replace(recipe=name if name in RECIPES else "fast", batch_size=0)
    if name == "classic":
        condition = condition.replace(steps=CLASSIC_STEPS)
    fast = replace(RECIPES["fast"], **WITHOUT.get(name, {}))
    with patch.dict(RECIPES, fast=fast):
        trained, seconds = train_here(condition)
    accuracy = held_out(condition, trained.model)
    return {
        "trained_by": name,
        **condition.as_dict(),
        "cpu_seconds": seconds,
        "first_fit_step": trained.first_fit_step,
        "balanced_accuracy": accuracy.balanced.value,
        "minority_accuracy": accuracy.minority.value,
        "train_caption_accuracy": trained.history[-1].train_caption_accuracy,
    }


def show_runs(runs: pd.DataFrame, reference: str) -> None:
    """Print accuracies by recipe, the gain of each over the reference on the same blocks, and the
    difference between label styles by the contrast of the background."""
    blocks = runs.pivot(index=["data", "bias", "trained_by", "init_seed"], columns="labels")
    table = pd.DataFrame(
        {
            f"{name}, {words}": blocks[f"{name}_accuracy", style]
            for name in ("balanced", "minority")
            for words, style in STYLES.items()
        }
    ).dropna()
    long, short = table["minority, long"], table["minority, short"]
    table[CHANGE] = long - short
    columns = list(table)
    table[CHANGE_IN_ODDS] = logit_share(long, HELD_OUT) - logit_share(short, HELD_OUT)
    table["captions"] = blocks["train_caption_accuracy"].min(axis=1)
    table["seconds"] = blocks["cpu_seconds"].mean(axis=1)
    ends = ("its sd", "its p", "fewest captions right", "CPU s")
    print_table((*START, *columns, *ends), recipe_rows(table, columns))
    print(f"\nMore than {reference}, seed pair by seed pair\n")
    ends = ("p", "adjusted", "p in log odds", "adjusted")
    print_table((*START, *columns, *ends), gain_rows(table, columns, reference))
    show_by_contrast(table.xs(reference, level="trained_by"))


def arms(table: pd.DataFrame) -> Iterator[tuple[tuple[object, ...], pd.DataFrame]]:
    """The first cells of a row, and the blocks of each set, bias level and recipe, two or more."""
    for (data, bias, name), blocks in table.groupby(level=[0, 1, 2]):
        if len(blocks) > 1:
            recipe = f"without {name}" if name in WITHOUT else name
            yield (data, f"{100 * bias:g} %", recipe, len(blocks)), blocks


def recipe_rows(table: pd.DataFrame, columns: list[str]) -> Iterator[tuple[object, ...]]:
    for start, blocks in arms(table):
        *rates, change = (t_interval(blocks[column]).as_dict() for column in columns)
        yield (
            *start,
            *map(rate, rates),
            points(change),
            f"{100 * blocks[CHANGE].std():.0f}",
            f"{sign_flip(blocks[CHANGE])[0]:.3f}",
            f"{blocks['captions'].min():.3f}",
            f"{blocks['seconds'].median():.1f}",
        )


def gain_rows(
    table: pd.DataFrame, columns: list[str], reference: str
) -> Iterator[tuple[object, ...]]:
    """Rows of the gain of each recipe over the reference, set by set, for p is adjusted there."""
    gains = (table - table.xs(reference, level="trained_by")).dropna()
    for _, of_set in gains.drop(reference, level="trained_by").groupby(level="data"):
        rows, p, p_in_odds = [], [], []
        for start, blocks in arms(of_set):
            rows.append((*start, *(points(t_interval(blocks[name]).as_dict()) for name in columns)))
            p.append(sign_flip(blocks[CHANGE])[0])
            p_in_odds.append(sign_flip(blocks[CHANGE_IN_ODDS])[0])
        tests = zip(p, holm(p), p_in_odds, holm(p_in_odds), strict=True)
        for cells, numbers in zip(rows, tests, strict=True):
            yield *cells, *(f"{number:.3f}" for number in numbers)


def show_by_contrast(table: pd.DataFrame) -> None:
    """Print whether the difference between label styles changes with the contrast of the
    background, where sets differ in it: in accuracy, and in log odds, which have no ceiling."""
    contrasts = {
        name: open_set(name).about["recipe"]["context_contrast"]
        for name in table.index.unique("data")
    }
    if len(set(contrasts.values())) < 3:
        return
    print("\nLong less short, for each doubling of the contrast\n")
    print(head("bias", "scale", "sets", "n", "slope", "p"))
    scales = ((CHANGE, "accuracy", points), (CHANGE_IN_ODDS, "log odds", difference))
    for column, scale, in_words in scales:
        for bias, part in table[column].groupby(level="bias"):
            blocks = part.unstack("data").dropna(axis=1, how="all").dropna()  # a column a set
            doublings = np.log2([contrasts[name] for name in blocks.columns])
            slope = slopes(doublings, blocks)
            cells = (in_words(t_interval(slope).as_dict()), f"{sign_flip(slope)[0]:.3f}")
            print(row(f"{100 * bias:g} %", scale, len(blocks.columns), len(blocks), *cells))


if __name__ == "__main__":
    main()
