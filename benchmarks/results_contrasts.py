"""Every published contrast: two variants of training that differ in what is asked, over seed pairs.

One rule holds for all of them. Counted are all untouched seed pairs (from seed 20 on) whose runs
have the usual settings but those that a variant names. Both runs of a pair are from one study. The
study with most pairs counts first, and no pair counts twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pandas as pd

from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import published
from vlcore.study.contrasts import ArmRates, Contrast, contrast, rates_by_arm
from vlcore.study.runs_table import SEEDS, AnalysisError, matching_runs

COMMON = "majority_accuracy"
PROBE = "readouts_linear_probe.minority_accuracy"
SETS = ("scenes", "balanced-cues", "renders")
UNTOUCHED = 20  # lower seeds were looked at while the recipe was tuned
FEWEST_PAIRS = 6  # a contrast with fewer seed pairs is not published
Settings = Mapping[str, Any]

SHORT = {"labels": "undescriptive"}
DESCRIPTIVE = {"labels": "descriptive"}
RANDOM_BACKGROUND = {"labels": "shuffled_context"}
SYNONYM = {"labels": "synonym"}
SKY = {"labels": "sky"}
COAT = {"labels": "attribute_other"}
NO_ARTICLE = {"labels": "descriptive-plain"}
NO_FUNCTION_WORDS = {"labels": "own", "template": "{object} {context}"}
OWN_LEFT_OUT = {"negatives": "own_object_left_out"}
SAME_BACKGROUND = DESCRIPTIVE | {"negatives": "same_place_100"}
BALANCED = SHORT | {"mitigation": "resample"}
TEXTS = {
    "codes": "one learned vector per caption",
    "transformer": "transformer",
    "words@random": "average of random word vectors",
    "words": "average of pretrained word vectors",
}
ADDED = {  # what captions name beside the animal
    "background": ("the true background", DESCRIPTIVE),
    "random-background": ("a random background", RANDOM_BACKGROUND),
    "synonym": ("a random synonym", SYNONYM),
    "sky": ("the sky", SKY),
    "coat": ("the coat", COAT),
}
SIZES = (24, 48, 96, 192, 384)
READOUTS = {"captions": PRIMARY, "balanced probe": PROBE}
_PLAN = "second-world"


@dataclass(frozen=True)
class ContrastPlan:
    """A contrast to publish: `first` against `second`.

    Attributes:
        name: the part of its id after the image set.
        label: what the first variant does that the second does not.
        first: settings of the first variant.
        second: settings of the second variant.
        sets: the image sets.
        bias: the share of rare images removed.
        images: ``rare`` or ``common``.
        readout: one of `READOUTS`.
        planned: the plan that named it, by image set.
        predicted: the sign that the plan predicted, by image set.
    """

    name: str
    label: str
    first: Settings
    second: Settings = field(default_factory=lambda: SHORT)
    sets: tuple[str, ...] = SETS
    bias: float = STUDY_BIAS
    images: str = "rare"
    readout: str = "captions"
    planned: Mapping[str, str] = field(default_factory=dict)
    predicted: Mapping[str, int] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        if self.images == "common":
            return COMMON
        return READOUTS[self.readout]


@dataclass(frozen=True)
class Measured:
    """A contrast as it was measured, with the mean accuracy of both variants."""

    contrast: Contrast
    first: float | None = None
    second: float | None = None


def _planned(signs: Mapping[str, int], plan: str = _PLAN) -> dict[str, Any]:
    return {"planned": dict.fromkeys(signs, plan), "predicted": dict(signs)}


def published_contrasts() -> Iterator[ContrastPlan]:
    """Name every published contrast of two variants."""
    yield from _from_scratch()
    yield from _by_text()
    yield from _other_training()
    yield from _by_size()


def _from_scratch() -> Iterator[ContrastPlan]:
    chain = {"planned": {"scenes": "answer, H1", "balanced-cues": "answer, H1", "renders": _PLAN}}
    signs = {"predicted": dict.fromkeys(SETS, -1)}
    for name, (words, settings) in ADDED.items():
        label = f"Captions also name {words}"
        plan: dict[str, Any] = {}
        if name == "background":
            plan = chain | signs
        elif name != "coat":
            plan = _planned({"renders": -1})
        yield ContrastPlan(name, label, settings, **plan)
        yield ContrastPlan(f"{name}.probe", label, settings, readout="balanced probe")
        yield ContrastPlan(f"{name}.common", label, settings, images="common")
    label = "Captions also name the true background"
    yield ContrastPlan("background.unbiased", label, DESCRIPTIVE, bias=0.0)
    for readout in READOUTS:
        yield ContrastPlan(
            "true-background" + (".probe" if readout != "captions" else ""),
            "Captions name the true background, not a random one",
            DESCRIPTIVE,
            RANDOM_BACKGROUND,
            readout=readout,
            **(_planned({"renders": 1}) if readout == "captions" else {}),
        )


def _by_text() -> Iterator[ContrastPlan]:
    """With the pretrained image encoder, by what reads the captions."""
    predicted = {"codes": -1, "transformer": -1, "words@random": -1, "words": 0}
    for text, words in TEXTS.items():
        encoders = {"architecture": "pretrained", "text": text}
        for name, (added, settings) in ADDED.items():
            plan = {}
            if name == "background":
                plan = _planned({"renders": predicted[text]})
            for readout in READOUTS:
                yield ContrastPlan(
                    f"pretrained.{text}.{name}" + (".probe" if readout != "captions" else ""),
                    f"Pretrained, {words}: captions also name {added}",
                    settings | encoders,
                    SHORT | encoders,
                    readout=readout,
                    **(plan if readout == "captions" else {}),
                )
        yield ContrastPlan(
            f"pretrained.{text}.true-background",
            f"Pretrained, {words}: captions name the true background, not a random one",
            DESCRIPTIVE | encoders,
            RANDOM_BACKGROUND | encoders,
            **(_planned({"renders": 1}) if text == "codes" else {}),
        )
        for name, settings in {
            "no-article": NO_ARTICLE,
            "no-function-words": NO_FUNCTION_WORDS,
        }.items():
            is_planned = name == "no-article" and text == "words@random"
            yield ContrastPlan(
                f"pretrained.{text}.{name}",
                f"Pretrained, {words}: captions also name the true background,"
                f" {'no article' if name == 'no-article' else 'no function words'}",
                settings | encoders,
                SHORT | encoders,
                sets=SETS[:2],
                **(_planned({"scenes": 0, "balanced-cues": -1}) if is_planned else {}),
            )
    random_words = {"architecture": "pretrained", "text": "words@random"}
    above = dict.fromkeys(SETS[:2], 1)
    yield ContrastPlan(
        "pretrained.words@random.article-dropped",
        "Pretrained, average of random word vectors: descriptive captions lose the article",
        NO_ARTICLE | random_words,
        DESCRIPTIVE | random_words,
        sets=SETS[:2],
        **_planned(above),
    )
    yield ContrastPlan(
        "pretrained.words@random.function-words-dropped",
        "Pretrained, average of random word vectors: captions without the article lose the other"
        " function words",
        NO_FUNCTION_WORDS | random_words,
        NO_ARTICLE | random_words,
        sets=SETS[:2],
        **_planned(above),
    )
    for text, words in TEXTS.items():
        label = f"From scratch, {words}: captions also name the true background"
        read = {"text": text}
        yield ContrastPlan(f"scratch.{text}.background", label, DESCRIPTIVE | read, SHORT | read)
    for towers, words in {"scratch": "From scratch", "pretrained": "Pretrained"}.items():
        for text, reads in TEXTS.items():
            encoders = {"text": text}
            if towers == "pretrained":
                encoders["architecture"] = "pretrained"
            for bias in (0.0, 0.9):
                yield ContrastPlan(
                    f"{towers}.{text}.background.b{100 * bias:.0f}",
                    f"{words}, {reads}: captions also name the true background",
                    DESCRIPTIVE | encoders,
                    SHORT | encoders,
                    bias=bias,
                )


def _other_training() -> Iterator[ContrastPlan]:
    sets = SETS[:2]
    above, below = dict.fromkeys(sets, 1), dict.fromkeys(sets, -1)
    for images in ("rare", "common"):
        ending = "" if images == "rare" else ".common"
        plans = {True: (above, above, below), False: ({}, {}, {})}[images == "rare"]
        shared: dict[str, Any] = {"sets": sets, "images": images}
        yield ContrastPlan(
            f"same-background{ending}",
            "Descriptive captions; every mismatched caption names the image's own background",
            SAME_BACKGROUND,
            **shared,
            **_planned(plans[0]),
        )
        yield ContrastPlan(
            f"balanced{ending}",
            "Short captions; each group is shown equally often",
            BALANCED,
            **shared,
            **_planned(plans[1]),
        )
        yield ContrastPlan(
            f"same-background-against-balanced{ending}",
            "Mismatched captions with the image's own background, against short captions with"
            " balanced sampling",
            SAME_BACKGROUND,
            BALANCED,
            **shared,
            **_planned(plans[2]),
        )
    for name, settings in {"background": DESCRIPTIVE, "sky": SKY}.items():
        words = ADDED[name][0]
        yield ContrastPlan(
            f"{name}.own-left-out",
            f"Captions also name {words}; no mismatched caption of the image's own animal",
            settings | OWN_LEFT_OUT,
            sets=sets,
            planned=dict.fromkeys(sets, "beyond, apart-why"),
        )


def _by_size() -> Iterator[ContrastPlan]:
    """By the number of training images per group, before rare ones are removed."""
    for images in SIZES:
        for name in ("background", "sky"):
            words, settings = ADDED[name]
            size = {"n_per_group": images}
            yield ContrastPlan(
                f"size.{images}.{name}",
                f"{images} images per group: captions also name {words}",
                settings | size,
                SHORT | size,
                sets=("balanced-cues",),
                planned={"balanced-cues": "beyond, size"},
            )


def measure(plan: ContrastPlan, data: str) -> Measured:
    """Measure a contrast on an image set; AnalysisError with fewer than `FEWEST_PAIRS` pairs."""
    rates = pair_rates(data, plan.first, plan.second, plan.measure, plan.bias)
    result = contrast(rates, {"first": 1.0, "second": -1.0})
    first, second = (float(rates.rates[name].mean()) for name in ("first", "second"))
    return Measured(result, first, second)


def pair_rates(
    data: str, first: Settings, second: Settings, measured: str, bias: float = STUDY_BIAS
) -> ArmRates:
    """Lay out a rate of two variants by seed pair, columns ``first`` and ``second``.

    Raises:
        AnalysisError: fewer than `FEWEST_PAIRS` seed pairs have both.
    """
    usual = usual_of(data).replace(bias=bias)
    rows = _rows(data, measured, bias)
    arms = []
    for name, settings in (("first", first), ("second", second)):
        runs = matching_runs(rows, usual.replace(**settings), SEEDS)
        arms.append(runs.assign(arm=name))
    both = pd.concat(arms)
    parts = [
        rates_by_arm(runs.drop_duplicates(["arm", *SEEDS]), "arm", ("first", "second"))
        for _, runs in both.groupby("study")
    ]
    parts.sort(key=lambda part: -len(part.rates))
    chosen, known = [], set()
    for part in parts:
        new = [pair for pair in part.rates.index if pair not in known]
        chosen.append(ArmRates(part.rates.loc[new], part.images.loc[new]))
        known |= set(new)
    if len(known) < FEWEST_PAIRS:
        raise AnalysisError(f"{len(known)} seed pairs on {data} have both variants.")
    rates = pd.concat([part.rates for part in chosen])
    return ArmRates(rates, pd.concat([part.images for part in chosen]))


@cache
def usual_of(data: str) -> Condition:
    return usual_condition(open_set(data))


@cache
def _rows(data: str, measured: str, bias: float) -> pd.DataFrame:
    """The untouched runs of an image set, one row per run and study that counts it."""
    rows = published.read_rows(moment="end", measure=measured, data=data, bias=bias)
    rows = rows[rows["data_seed"] >= UNTOUCHED].dropna(subset="value")
    return rows.assign(study=rows["studies"].str.split()).explode("study")


def minus(first: Contrast, second: Contrast) -> Contrast:
    """Subtract a contrast from another, in the seed pairs that both have."""
    log_odds = (first.log_odds_by_pair - second.log_odds_by_pair).dropna()
    shares = (first.points_by_pair - second.points_by_pair).dropna()
    if len(shares) < FEWEST_PAIRS:
        raise AnalysisError(f"{len(shares)} seed pairs have both contrasts.")
    return Contrast(log_odds, shares)


@dataclass(frozen=True)
class Difference:
    """A difference between two contrasts to publish: `first` less `second`, by their names."""

    name: str
    label: str
    first: str
    second: str
    sets: tuple[str, ...] = SETS
    images: str = "rare"
    planned: Mapping[str, str] = field(default_factory=dict)
    predicted: Mapping[str, int] = field(default_factory=dict)


DIFFERENCES = (
    Difference(
        "background.rare-against-common",
        "Cost of naming the background: rare images against common images",
        "background",
        "background.common",
    ),
    Difference(
        "background.biased-against-unbiased",
        "Cost of naming the background: 75% of the rare images removed against none",
        "background",
        "background.unbiased",
    ),
    Difference(
        "background.own-left-out-change",
        "Cost of naming the background: without mismatched captions of the image's own animal,"
        " against usual",
        "background.own-left-out",
        "background",
        SETS[:2],
        planned=dict.fromkeys(SETS[:2], "beyond, apart-why"),
    ),
    Difference(
        "sky.own-left-out-change",
        "Cost of naming the sky: without mismatched captions of the image's own animal, against"
        " usual",
        "sky.own-left-out",
        "sky",
        SETS[:2],
        planned=dict.fromkeys(SETS[:2], "beyond, apart-why"),
    ),
    Difference(
        "pretrained.random-words-against-codes",
        "Pretrained, cost of naming the background: average of random word vectors against one"
        " learned vector per caption",
        "pretrained.words@random.background",
        "pretrained.codes.background",
        planned={"scenes": "answer, Words", "balanced-cues": "answer, Words", "renders": _PLAN},
        predicted=dict.fromkeys(SETS, 1),
    ),
    Difference(
        "scratch.random-words-against-codes",
        "From scratch, cost of naming the background: average of random word vectors against one"
        " learned vector per caption",
        "scratch.words@random.background",
        "scratch.codes.background",
        SETS[:2],
        planned=dict.fromkeys(SETS[:2], "answer, Words"),
    ),
)


def all_measured() -> Iterator[tuple[ContrastPlan | Difference, str, Measured]]:
    """Measure every contrast on every image set that has enough runs of it."""
    known: dict[tuple[str, str], Measured] = {}
    for data in SETS:
        for plan in published_contrasts():
            if data not in plan.sets:
                continue
            try:
                known[data, plan.name] = measure(plan, data)
            except AnalysisError:
                continue
            yield plan, data, known[data, plan.name]
        for difference in DIFFERENCES:
            parts = [known.get((data, name)) for name in (difference.first, difference.second)]
            if data in difference.sets and None not in parts:
                first, second = (part.contrast for part in parts if part)
                yield difference, data, Measured(minus(first, second))


def in_points(mean: Estimate) -> tuple[float, float, float]:
    """A difference of shares in percentage points, with the ends of its interval."""
    return 100 * mean.value, 100 * mean.low, 100 * mean.high
