"""Does TracIn find the training images that a wrong prediction came from? Retrainings decide.

python -m benchmarks.influence [--halves 50] [--images 24] [--seeds 3] [--out docs/results]
python -m benchmarks.influence --halves 0 --images 0 --seeds 0  # the page anew from its tables

The model sees through the pretrained tower and was trained on scenes with 90 % of the minority
removed (5 of 48 kept), short labels, 400 steps, seed 0. It is trained again

- on random halves of its training set, a fresh seed each, for the linear datamodeling score: of
  each of 40 held-out images (10 a group, by chance) Spearman's correlation, over the halves, of the
  margin with the sum of the influences of the half;
- without each single training image, three seeds each, in the same batches: of the same held-out
  images Spearman's correlation, over the training images, of what the margin loses with the
  influence;
- without the twelve images that TracIn blames for a wrong prediction, without the twelve nearest
  images of the wrong object and without twelve by chance, five seeds each; and in reverse with
  twelve unused images. The predictions are wrong ones of held-out images, drawn by chance.

Every retraining is written at once to influence/halves.csv, influence/singles.csv or
influence/changes.csv, and none that is there is done again. The page influence.md is made from
these tables alone.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata, zscore

from benchmarks import head, parse_options, row
from benchmarks.training import train_on
from vlcore.api.explain import (
    ARMS,
    ATTRIBUTED,
    CHANCE,
    NEAREST,
    SEEDS,
    UNCHANGED,
    MarginQuestion,
    ask_rows,
    attribute,
    replayed_training,
)
from vlcore.api.models import Model, train
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import difference, number
from vlcore.metrics.accuracy import logits, object_scores
from vlcore.metrics.estimate import Estimate
from vlcore.model.dual_encoder import Encoder
from vlcore.model.inference import embed_captions, embed_images, scale_and_bias
from vlcore.model.loop import TrainingData
from vlcore.study.statistics.paired import t_interval

CONDITION = Condition(bias=0.9, steps=400).with_towers("pretrained")
PER_GROUP = 10  # held-out images of a group, of the linear datamodeling score
FIRST_SEED = 1000  # of the halves
RESAMPLES = 200  # of the halves, for an interval
NOTHING = "nothing"  # the change of a training set that is as it was
TEST = ["change", "row", "arm", "seed"]


def main() -> None:
    options = parse_options(__doc__, halves=50, images=24, seeds=3, out=Path("docs/results"))
    tables: Path = options.out / "influence"
    tables.mkdir(parents=True, exist_ok=True)
    if options.halves or options.images or options.seeds:
        model = train(CONDITION)
        predicted = Predicted.for_model(model)
        retrain_halves(model, predicted, options.halves, tables / "halves.csv")
        retrain_without_each(model, predicted, options.seeds, tables / "singles.csv")
        retrain_changed(model, options.images, tables / "changes.csv")
    names = "halves", "singles", "changes"
    stored_tables = [pd.read_csv(tables / f"{name}.csv") for name in names]
    (options.out / "influence.md").write_text(influence_page(*stored_tables))


def retrained(model: Model, data: TrainingData, seed: int) -> Encoder:
    """The same model trained on other images, from the first weights of a seed."""
    return train_on(model.condition.replace(init_seed=seed), data).model


def chosen(data: TrainingData, index: NDArray[np.int64]) -> TrainingData:
    """Some images of a training set."""
    arrays = {name: getattr(data, name)[index] for name in ("images", "caption_index", "groups")}
    return dataclasses.replace(data, **arrays)


def changed(model: Model, rows: Sequence[int], change: str) -> TrainingData:
    """The training set without some images, or with some of the pool."""
    source = replayed_training(model.key)
    data = source.replayed.data
    if change == "remove":
        return chosen(data, np.flatnonzero(~np.isin(source.training.rows, rows)))
    pool_rows, pool = source.pool()
    added = chosen(pool, np.searchsorted(pool_rows, rows))
    arrays = {
        name: np.concatenate([getattr(data, name), getattr(added, name)])
        for name in ("images", "caption_index", "groups")
    }
    return dataclasses.replace(data, **arrays)


def rounded_margins(
    model: Model, encoder: Encoder, questions: Sequence[MarginQuestion]
) -> list[float]:
    """The margin in each of some single images, rounded as it is stored."""
    labels = replayed_training(model.key).labels
    captions = embed_captions(encoder, labels.vocabulary, labels.texts)
    z = embed_images(encoder, np.concatenate([about.inputs for about in questions]))
    scores = logits(z, captions, *scale_and_bias(encoder), model.condition.logit)
    objects = model.images.grouping.objects
    by_object = dict(zip(objects, object_scores(scores, labels.objects, objects).T, strict=True))
    return [
        round(float(by_object[about.object][number] - by_object[about.other][number]), 4)
        for number, about in enumerate(questions)
    ]


@dataclass(frozen=True, eq=False)
class Predicted:
    """What is predicted of each training image for held-out images, drawn by chance.

    Attributes:
        rows: the held-out images.
        questions: one about each of them.
        influence: of each training image on its margin, (images, n).
        similarity: cosine of each training image, of the other object negative, (images, n).
    """

    rows: NDArray[np.int64]
    questions: list[MarginQuestion]
    influence: NDArray[np.float64]
    similarity: NDArray[np.float64]

    @classmethod
    def for_model(cls, model: Model) -> Self:
        training = replayed_training(model.key).training
        test, groups = model.embeddings.rows("test"), model.images.table["group"].to_numpy()
        random = np.random.default_rng(FIRST_SEED)
        rows = np.concatenate(
            [
                random.permutation(test[groups[test] == name])[:PER_GROUP]
                for name in model.images.grouping.names
            ]
        )
        questions = [ask_rows(model.artifact, model.images, [image]) for image in rows.tolist()]
        tables = [attribute(model.key, about).images.set_index("row") for about in questions]
        tables = [table.loc[training.rows] for table in tables]
        influence = np.stack([table["influence"] for table in tables])
        similarity = np.stack(
            [
                table["similarity"] * np.where(table["object"] == about.object, 1, -1)
                for table, about in zip(tables, questions, strict=True)
            ]
        )
        return cls(rows, questions, influence, similarity)


def retrain_halves(model: Model, predicted: Predicted, halves: int, file: Path) -> None:
    """Add the halves that the table lacks: margins, and what influence and similarity predict."""
    missing = sorted(set(range(halves)) - {half for (half,) in stored(file, ["half"])})
    count = predicted.influence.shape[1]
    for half in missing:
        index = np.random.default_rng([FIRST_SEED, half]).permutation(count)[: count // 2]
        data = chosen(replayed_training(model.key).replayed.data, np.sort(index))
        encoder = retrained(model, data, FIRST_SEED + half)
        entry = {
            "half": half,
            "row": predicted.rows,
            "margin": rounded_margins(model, encoder, predicted.questions),
            "influence": predicted.influence[:, index].sum(axis=1).round(2),
            "similarity": predicted.similarity[:, index].sum(axis=1).round(4),
        }
        add_rows(file, pd.DataFrame(entry))


def retrain_without_each(model: Model, predicted: Predicted, seeds: int, file: Path) -> None:
    """Add the training images that the table lacks: what the margins lose without each, the mean
    over seeds, in batches that are otherwise the same."""
    source = replayed_training(model.key)
    data, rows = source.replayed.data, source.training.rows.tolist()
    done = stored(file, ["removed"])
    missing = [position for position, row in enumerate(rows) if (row,) not in done]
    if not (seeds and missing):
        return

    def margins_with(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        weighted = dataclasses.replace(data, weights=weights)
        by_seed = [
            rounded_margins(model, retrained(model, weighted, seed), predicted.questions)
            for seed in range(seeds)
        ]
        return np.mean(by_seed, axis=0)

    with_all = margins_with(np.ones(len(rows)))
    for position in missing:
        weights = np.ones(len(rows))
        weights[position] = 0
        entry = {
            "removed": rows[position],
            "row": predicted.rows,
            "lost": (with_all - margins_with(weights)).round(4),
            "influence": predicted.influence[:, position].round(3),
            "similarity": predicted.similarity[:, position].round(4),
        }
        add_rows(file, pd.DataFrame(entry))


def retrain_changed(model: Model, images: int, file: Path) -> None:
    """Add the trainings of tests that the table lacks, with the margin in the image."""
    done = stored(file, TEST)
    test = model.embeddings.rows("test")
    wrong = test[~np.asarray(model.embeddings.test_correct)]
    rows = np.random.default_rng(FIRST_SEED).permutation(wrong)[:images].tolist()
    questions = {image: ask_rows(model.artifact, model.images, [image]) for image in rows}
    for seed in range(SEEDS):
        missing = [image for image in rows if (NOTHING, image, UNCHANGED, seed) not in done]
        if missing:
            encoder = retrained(model, replayed_training(model.key).replayed.data, seed)
            entries = [(NOTHING, image, UNCHANGED, seed) for image in missing]
            margin = rounded_margins(model, encoder, [questions[image] for image in missing])
            add_rows(file, pd.DataFrame(entries, columns=TEST).assign(margin=margin))
    for change in ("remove", "add"):
        for image, about in questions.items():
            tests = [(change, image, arm, seed) for arm in ARMS for seed in range(SEEDS)]
            missing = [test for test in tests if test not in done]
            explanation = attribute(model.key, about, add=change == "add") if missing else None
            for test in missing:
                _, _, arm, seed = test
                data = changed(model, explanation.changed_rows(arm, seed), change)
                margin = rounded_margins(model, retrained(model, data, seed), [about])
                add_rows(file, pd.DataFrame([test], columns=TEST).assign(margin=margin))


def stored(file: Path, columns: list[str]) -> set[tuple[object, ...]]:
    """What a table has rows of."""
    if not file.exists():
        return set()
    return set(pd.read_csv(file)[columns].itertuples(index=False, name=None))


def add_rows(file: Path, rows: pd.DataFrame) -> None:
    rows.to_csv(file, mode="a", header=not file.exists(), index=False)


def rank_correlation(table: pd.DataFrame, over: str, measured: str, by: str) -> Estimate:
    """Mean over images of Spearman's correlation of what was measured and what was predicted, with
    a bootstrap interval over retrainings, of which it says the number.

    Args:
        table: one row a retraining and image.
        over: the column that tells retrainings apart.
        measured: the column of what was measured.
        by: the column of what was predicted.
    """
    true, predicted = (
        table.pivot(index=over, columns="row", values=name).to_numpy() for name in (measured, by)
    )
    random, count = np.random.default_rng(0), len(true)

    def score(index: NDArray[np.int64]) -> float:
        ranks = (zscore(rankdata(values[index], axis=0)) for values in (true, predicted))
        return float(np.mean(np.multiply(*ranks)))

    drawn = [score(random.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(score(np.arange(count)), float(low), float(high), count)


class Changes:
    """Margins after changes of the training set, by change, arm and image."""

    def __init__(self, table: pd.DataFrame) -> None:
        counts = table.groupby(["change", "row"])["margin"].transform("size")
        is_whole = (table["change"] == NOTHING) | (counts == len(ARMS) * SEEDS)
        self.table = table[is_whole]
        self.means = self.table.groupby(["change", "arm", "row"])["margin"].mean()

    def images(self, change: str) -> int:
        """Images of which all trainings of a change are there."""
        return int(self.table.loc[self.table["change"] == change, "row"].nunique())

    def moved(self, change: str, arm: str, baseline: str = UNCHANGED) -> Estimate:
        """How far an arm moves the margin, with a t interval over images."""
        after = self.means[change, arm]
        before = self.means[(NOTHING if baseline == UNCHANGED else change), baseline]
        return t_interval((after - before.loc[after.index]).to_numpy())

    def flips(self, change: str, arm: str) -> str:
        """How many of the predictions that were wrong become right."""
        index = ["change", "arm", "row", "seed"]
        margin = self.table.set_index(index)["margin"].sort_index()
        after = margin[change, arm]
        before = margin[NOTHING, UNCHANGED].loc[after.index]
        return f"{((before < 0) & (after > 0)).sum()} of {(before < 0).sum()}"


def influence_page(halves: pd.DataFrame, singles: pd.DataFrame, changes: pd.DataFrame) -> str:
    """The page of the three tables."""
    tested = Changes(changes)
    sections = [INTRODUCTION, "## How well it predicts retrainings"]
    lines = [head("prediction", "half left out", "one image left out")]
    for name, (of_halves, of_singles) in PREDICTIONS.items():
        half = number(rank_correlation(halves, "half", "margin", name).as_dict())
        single = number(rank_correlation(singles, "removed", "lost", name).as_dict())
        lines.append(row(f"{of_halves}; {of_singles}", half, single))
    counts = {
        "images": halves["row"].nunique(),
        "halves": halves["half"].nunique(),
        "singles": singles["removed"].nunique(),
    }
    sections += [RETRAININGS.format(**counts), "\n".join(lines)]
    for change, (title, about, names) in CHANGES.items():
        if not tested.images(change):
            continue
        lines = [head("twelve images", "the margin moves by", "wrong become right")]
        for arm in ARMS:
            moved = difference(tested.moved(change, arm).as_dict())
            lines.append(row(names[arm], moved, tested.flips(change, arm)))
        beyond = [
            f"{difference(tested.moved(change, ATTRIBUTED, arm).as_dict())} beside {names[arm]}"
            for arm in (NEAREST, CHANCE)
        ]
        count = tested.images(change)
        sections += [
            title,
            about.format(images=count, trainings=count * len(ARMS) * SEEDS),
            "\n".join(lines),
            f"The attributed twelve move the margin by {' and by '.join(beyond)}.",
        ]
    return "\n\n".join([*sections, COMMAND]) + "\n"


INTRODUCTION = """\
# Training images that are blamed for a prediction

TracIn (Pruthi et al. 2020) over 22 checkpoints, on all trained parameters, of a model that sees
through the pretrained tower: scenes, 90 % of the minority removed (5 of 48 kept, 106 training
images), short labels, 400 steps, seed 0. Figures are log odds of what an image shows over the other
animal. AdamW trains the model; TracIn supposes plain gradient descent."""
RETRAININGS = """\
Of {images} held-out images, two questions. The linear datamodeling score: {halves} retrainings on
random halves of the training set, each from other first weights; does what is predicted for a half
rank the margins? And one image left out: without each of the {singles} training images, in batches
that are otherwise the same, the mean of three seeds; does what is predicted of the image rank what
the margin loses? Spearman's correlation over the retrainings, the mean over held-out images, with a
95 % bootstrap interval over retrainings."""
PREDICTIONS = {
    "influence": ("sum of the influences of the half", "influence of the image"),
    "similarity": ("sum of cosines, those of the wrong animal negative", "its cosine"),
}
CHANGES = {
    "remove": (
        "## Removed: is it the blamed images?",
        "{images} wrong predictions of held-out images, by chance, and {trainings} trainings: each"
        " arm with five seeds, beside the same seeds unchanged. Intervals are over images.",
        {
            ATTRIBUTED: "that TracIn blames",
            NEAREST: "nearest of the wrong animal",
            CHANCE: "by chance, of the same animals as the blamed",
        },
    ),
    "add": (
        "## Added: what would mend it?",
        "The same in reverse, with twelve of the images that the training set does not use:"
        " {images} wrong predictions, {trainings} trainings.",
        {
            ATTRIBUTED: "that TracIn expects to help most",
            NEAREST: "nearest of the right animal",
            CHANCE: "by chance, of the same animals as the attributed",
        },
    ),
}
COMMAND = """\
```sh
python -m benchmarks.influence
```

Its tables are `influence/halves.csv`, `influence/singles.csv` and `influence/changes.csv`. 50
halves, all training images and 24 wrong predictions are planned; the figures above are of those
that ran, and the command goes on where it stopped."""


if __name__ == "__main__":
    main()
