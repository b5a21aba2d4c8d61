"""Does the recipe decide? The same conditions trained by the fast recipe, the classic one, and the
fast one without each of its ingredients, in paired blocks of seeds.

python -m benchmarks.recipes [--grid paper] [--seeds 6] [--first 0] [--data scenes ...] [--recipes
fast classic] python -m benchmarks.recipes --without --data balanced-cues

Prints accuracy on the held-out pictures and the difference between label styles, with t intervals
and an exact p over blocks; and what each recipe gives more than the reference, with the exact p of
the difference between label styles, by itself and adjusted over the rows of its set (Holm). Runs
are appended to `--runs`, one JSON document a line, compressed where its name ends in ``.gz``, and
those that are there are not trained again; `--limit 0` trains none.
"""

import dataclasses
import gzip
import json
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import head, options, row
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import GRIDS, STUDY_BIAS, STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.options import RECIPES
from vlcore.experiment.wording import difference, points, rate
from vlcore.study.statistics.factorial import logit_share, slopes
from vlcore.study.statistics.paired import holm, sign_flip, t_interval

HELD_OUT = 1000  # minority pictures of a drawn set that are held out
SCALES = {"long less short": "accuracy", "in log odds": "log odds"}
CLASSIC_STEPS = 600  # the standard of version 0.4
# Each ingredient of the fast recipe, taken back to what the classic one has.
WITHOUT: dict[str, dict[str, Any]] = {
    "small batches": {"batch_size": 128},
    "window": {"window": 64},
    "stem in Muon": {"matrices": r"image\.blocks"},
    "text tower in AdamW": {"matrices": r"image\.stem|blocks"},
    "Muon in float32": {
        "stock": True,
        "matrices": r"image\.blocks",
    },  # torch's takes no convolutions
}


def main() -> None:
    sets, recipes = (
        {"nargs": "+", "default": usual} for usual in (["scenes", "balanced-cues"], list(RECIPES))
    )
    without = {"action": "store_true", "help": "the ablation, at 75 %% on the first set"}
    asked = options(
        __doc__,
        grid="paper",
        seeds=6,
        first=0,
        data=sets,
        recipes=recipes,
        without=without,
        runs=Path("recipes.jsonl"),
        limit=10**6,
    )
    names, biases, among = asked.recipes, GRIDS[asked.grid], asked.data
    if asked.without:
        names, biases, among = ["fast", "classic", *WITHOUT], [STUDY_BIAS], asked.data[:1]
    seeds = range(asked.first, asked.first + asked.seeds)
    wanted = [
        (name, Condition(data=data, bias=bias, labels=labels, data_seed=seed, init_seed=seed))
        for seed, bias, name, data, labels in product(
            seeds, biases, names, among, STYLES_OF_THE_STUDY
        )
    ]
    opened = partial(gzip.open if asked.runs.suffix == ".gz" else open, asked.runs)
    there = []
    if asked.runs.exists():
        with opened("rt") as file:
            there = [json.loads(line) for line in file]
    known = {
        (run["trained_by"], run["data"], run["bias"], run["labels"], run["init_seed"]): run
        for run in there
    }
    found, trained = [], 0
    for name, condition in wanted:
        key = (name, condition.data, condition.bias, condition.labels, condition.init_seed)
        if key not in known and trained < asked.limit:
            known[key], trained = run(name, condition), trained + 1
            with opened("at") as file:
                file.write(json.dumps(known[key]) + "\n")
        found += [known[key]] if key in known else []
    show(pd.DataFrame(found), names[0] if asked.without else names[-1])


def run(name: str, condition: Condition) -> dict[str, Any]:
    """Train a condition by a recipe, or by the fast one without an ingredient, and ask it of the
    held-out pictures."""
    from benchmarks.trainers import held_out, train_here

    usual = RECIPES["fast"]
    RECIPES["fast"] = dataclasses.replace(usual, **WITHOUT.get(name, {}))
    condition = condition.replace(recipe=name if name in RECIPES else "fast", batch_size=0)
    if name == "classic":
        condition = condition.replace(steps=CLASSIC_STEPS)
    made, seconds = train_here(condition)
    RECIPES["fast"] = usual
    right = held_out(condition, made.model)
    return {
        "trained_by": name,
        **condition.as_dict(),
        "cpu_seconds": seconds,
        "first_fit_step": made.first_fit_step,
        "balanced_accuracy": right.balanced.value,
        "minority_accuracy": right.minority.value,
        "train_caption_accuracy": made.history[-1].train_caption_accuracy,
    }


def show(runs: pd.DataFrame, reference: str) -> None:
    """What each recipe gives, and what it gives more than the reference on the same blocks."""
    of = runs.pivot(index=["data", "bias", "trained_by", "init_seed"], columns="labels")
    short, long = STYLES_OF_THE_STUDY
    columns = {
        f"{what}, {words}": of[f"{what}_accuracy", style]
        for what in ("balanced", "minority")
        for words, style in (("short", short), ("long", long))
    }
    columns["long less short"] = columns["minority, long"] - columns["minority, short"]
    odds = [
        logit_share(columns[f"minority, {words}"].to_numpy(), HELD_OUT)
        for words in ("long", "short")
    ]
    in_odds = pd.Series(odds[0] - odds[1], of.index, name="in log odds")
    captions, seconds = of["train_caption_accuracy"].min(axis=1), of["cpu_seconds"].mean(axis=1)
    known = {**columns, "in log odds": in_odds, "captions": captions, "seconds": seconds}
    table = pd.DataFrame(known).dropna(subset=list(columns))
    print(
        head(
            "set",
            "bias",
            "recipe",
            "n",
            *columns,
            "its sd",
            "its p",
            "fewest captions right",
            "CPU s",
        )
    )
    for (data, bias, name), blocks in table.groupby(level=[0, 1, 2], sort=False):
        if len(blocks) > 1:
            found = [t_interval(blocks[column]).as_dict() for column in columns]
            spread = (
                f"{100 * blocks['long less short'].std():.0f}",
                f"{sign_flip(blocks['long less short'])[0]:.3f}",
            )
            ends = f"{blocks['captions'].min():.3f}", f"{blocks['seconds'].median():.1f}"
            cells = (*map(rate, found[:-1]), points(found[-1]), *spread, *ends)
            print(row(data, f"{100 * bias:g} %", called(name), len(blocks), *cells))
    ends = ("p", "adjusted", "p in log odds", "adjusted")
    print(
        f"\nMore than {reference}, block by"
        f" block\n\n{head('set', 'bias', 'recipe', 'n', *columns, *ends)}"
    )
    compared = [*columns, "in log odds"]
    against = table.xs(reference, level="trained_by")[compared]
    tests: dict[str, list[tuple[Any, ...]]] = {}  # by set, with the two p last
    for name in dict.fromkeys(runs["trained_by"]):
        more = (table.xs(name, level="trained_by")[compared] - against).dropna()
        for (data, bias), blocks in more.groupby(level=[0, 1], sort=False):
            if name != reference and len(blocks) > 1:
                found = [points(t_interval(blocks[column]).as_dict()) for column in columns]
                both = (sign_flip(blocks[scale])[0] for scale in ("long less short", "in log odds"))
                tests.setdefault(data, []).append(
                    (f"{100 * bias:g} %", called(name), len(blocks), *found, *both)
                )
    for data, rows in tests.items():
        adjusted = (holm([of[place] for of in rows]) for place in (-2, -1))
        for (*said, p, p_odds), *of in zip(rows, *adjusted, strict=True):
            print(row(data, *said, *(f"{one:.3f}" for one in (p, of[0], p_odds, of[1]))))
    by_contrast(table.xs(reference, level="trained_by"))


def called(name: str) -> str:
    return f"without {name}" if name in WITHOUT else name


def by_contrast(table: pd.DataFrame) -> None:
    """Whether the difference between label styles changes with the contrast of the place, where
    sets differ in it: in accuracy, and in log odds, where what is nearly always right can lose no
    less."""
    contrast = {
        name: open_set(name).about["recipe"]["context_contrast"]
        for name in table.index.unique("data")
    }
    if len(set(contrast.values())) < 3:
        return
    print(
        "\nLong less short, for each doubling of the"
        f" contrast\n\n{head('bias', 'scale', 'sets', 'n', 'slope', 'p')}"
    )
    for scale, said in (("long less short", points), ("in log odds", difference)):
        for bias, part in table[scale].groupby(level="bias"):
            blocks = part.unstack("data").dropna(axis=1, how="all").dropna()  # one column a set
            along = slopes(np.log2([contrast[name] for name in blocks.columns]), blocks)
            cells = said(t_interval(along).as_dict()), f"{sign_flip(along)[0]:.3f}"
            print(row(f"{100 * bias:g} %", SCALES[scale], len(blocks.columns), len(blocks), *cells))


if __name__ == "__main__":
    main()
