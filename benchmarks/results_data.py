"""The comparisons that the page of results shows, read from the table of published runs."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pandas as pd

from vlcore.experiment.condition import STUDY_BIAS, from_dict
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import plans, published
from vlcore.study.contrasts import ArmRates, Contrast, arm_rates, contrast
from vlcore.study.plans import StudyPlan
from vlcore.study.pooled import DESCRIPTIVE, SHORT, TOLD
from vlcore.study.results import Study
from vlcore.study.runs_table import SEEDS, AnalysisError
from vlcore.study.statistics.factorial import logit_share, phi, slopes
from vlcore.study.statistics.paired import t_interval

# The nine readouts of one model, and whether each is fitted on balanced images.
READOUTS = {
    "readouts_bare.minority_accuracy": ("the bare name", False),
    "readouts_training_probe.minority_accuracy": ("probe on the training images", False),
    "readouts_mean_caption.minority_accuracy": ("mean caption", False),
    PRIMARY: ("sum over captions (usual)", False),
    "readouts_best_caption.minority_accuracy": ("best caption", False),
    TOLD: ("captions, told the background", False),
    "readouts_adjusted.minority_accuracy": ("captions less log frequency", False),
    "readouts_linear_probe.minority_accuracy": ("linear probe", True),
    "readouts_nearest_neighbours.minority_accuracy": ("five neighbours", True),
}
# What the sanity check reads beside balanced accuracy.
CHECKED = ("train_caption_accuracy", "text_only_match", "probe_object")
PROBE = "readouts_linear_probe.minority_accuracy"
# Images that nobody drew for training: 96 renders and 32 photographs.
OUTSIDE = {"renders3d": "3-D renders", "photos": "photographs"}
# The arms of `again` and what each names.
ARMS = {
    "descriptive": "the background",
    "codes": "a code for each combination",
    "two captions": "animal and background, apart",
    "product": "the background, frequency taken out",
    "four classes": "four classes, no text",
    "random places": "a random background",
    "same place": "the background, mismatched in the animal",
}


@cache
def rates() -> pd.DataFrame:
    """Every rate of every published run at the end of training, with the studies that count it."""
    measures = [*READOUTS, "majority_accuracy", "balanced_accuracy"]
    return published.read_rows(moment="end", measure=measures).dropna(subset="value")


@cache
def plan_of(study: str) -> StudyPlan:
    """The plan of a study, by its name; that of a study of several image sets ends in one, and has
    random places, its control, as an arm."""
    about = published.studies().get(study, {})
    if "grid" in about:
        plan = plans.find(about["grid"], from_dict(about["base"]), about["seeds"])
        placebos = [run for run in plans.controls(plan) if run.labels == plans.PLACEBO]
        return replace(
            plan,
            treatments=(*plan.treatments, plans.PLACEBO),
            conditions=(*plan.conditions, *placebos),
        )
    return published.file_plan(study)


@cache
def arms_of(study: str, measure: str, bias: float, *arms: str) -> ArmRates:
    """The rates of arms of a study, seed pair by seed pair."""
    plan, rows = plan_of(study), rates()
    name = study.removesuffix(f"/{plan.conditions[0].data}")
    return arm_rates(rows[published.counts(rows, name)], plan, measure, bias, *arms)


def less(
    study: str,
    arm: str = DESCRIPTIVE,
    baseline: str = SHORT,
    *,
    measure: str = PRIMARY,
    bias: float = STUDY_BIAS,
) -> Contrast:
    """An arm of a study less another."""
    return contrast(arms_of(study, measure, bias, arm, baseline), {arm: 1, baseline: -1})


def short_arm(study: str) -> str:
    """The name of the arm with short labels."""
    arms = {str(arm) for arm in (plan_of(study).baseline, *plan_of(study).treatments)}
    return SHORT if SHORT in arms else "short"


def slope(study: str, biases: Sequence[float]) -> Estimate:
    """The slope on φ of descriptive less short labels, in log odds."""
    table = pd.DataFrame({float(phi(bias)): _log_odds(study, bias) for bias in biases}).dropna()
    return t_interval(slopes(list(table.columns), table))


def _log_odds(study: str, bias: float) -> pd.Series:
    """Descriptive less short labels in log odds, seed pair by seed pair."""
    names = [short_arm(study), DESCRIPTIVE]
    arms = arms_of(study, PRIMARY, bias, *names)
    short, descriptive = (logit_share(arms.rates[name], arms.images[name]) for name in names)
    return pd.Series(descriptive - short, arms.rates.index)


@dataclass(frozen=True)
class Comparison:
    """A row of the table of all comparisons."""

    study: str
    data: str
    bias: float
    words: str
    result: Contrast


def comparisons() -> Iterator[Comparison]:
    """Every arm of every published study less its baseline, at each bias level."""
    names = {path.stem for path in (published.FOLDER / "plans").glob("*.yaml")}
    counted = {name for names in rates()["studies"].unique() for name in names.split()}
    pairs = {name for name, about in published.studies().items() if "grid" in about}
    for study in sorted(pairs | (names & counted)):
        plan = plan_of(study)
        data = plan.conditions[0].data
        for bias in sorted({condition.bias for condition in plan.conditions}):
            for arm in map(str, plan.treatments):
                baseline = baseline_of(plan, arm)
                if arm == baseline:
                    continue
                try:
                    result = less(study, arm, baseline, bias=bias)
                except (AnalysisError, ValueError):  # fewer than two pairs have both
                    continue
                data_of_arm = plan.arm_settings.get(arm, {}).get("data", data)
                yield Comparison(study, data_of_arm, bias, f"{arm} less {baseline}", result)
    yield from recipe_comparisons()
    yield from outside_comparisons()


def baseline_of(plan: StudyPlan, arm: str) -> str:
    """Another arm with short labels that is else like an arm; the plan's baseline where none is."""
    alike = _all_but_captions(plan, arm)
    for name, settings in plan.arm_settings.items():
        is_short = settings.get("labels") == SHORT
        if name != arm and is_short and _all_but_captions(plan, name) == alike:
            return name
    return str(plan.baseline)


def _all_but_captions(plan: StudyPlan, arm: str) -> dict[str, Any]:
    settings = plan.arm_settings.get(arm, {})
    return {name: value for name, value in settings.items() if name not in ("labels", "template")}


def recipe_comparisons() -> Iterator[Comparison]:
    """Descriptive less short labels in the studies that benchmarks.recipes trained, by recipe."""
    rows = rates()
    home = rows["studies"].str.split().str[0]
    rows = rows.assign(home=home)[home.isin(RECIPE_STUDIES) & (rows["measure"] == PRIMARY)]
    for (study, data, bias, recipe), cell in rows.groupby(["home", "data", "bias", "recipe"]):
        table = cell.pivot(index=SEEDS, columns="labels", values=["value", "n"]).astype(float)
        table = table.dropna()
        result = contrast(ArmRates(table["value"], table["n"]), {DESCRIPTIVE: 1, SHORT: -1})
        words = f"{DESCRIPTIVE} less {SHORT}, {recipe}"
        yield Comparison(study, data, bias, words, result)


def outside_comparisons() -> Iterator[Comparison]:
    """Descriptive less short labels on images that nobody drew for training, by image tower."""
    names = [f"{source}.group_accuracy.{group}" for source in OUTSIDE for group in SCENES.minority]
    rows = published.read_rows(moment="end", bias=STUDY_BIAS, measure=names)
    rows["right"] = rows["value"] * rows["n"].astype(float)
    rows["source"] = rows["measure"].str.split(".").str[0]
    for (study, data, source), cell in rows.groupby(["studies", "data", "source"]):
        totals = cell.pivot_table(["right", "n"], SEEDS, "labels", aggfunc="sum").astype(float)
        arms = ArmRates((totals["right"] / totals["n"]).dropna(), totals["n"])
        words = f"{DESCRIPTIVE} less {SHORT}, {OUTSIDE[source]}"
        result = contrast(arms, {DESCRIPTIVE: 1, SHORT: -1})
        yield Comparison(study, data, STUDY_BIAS, words, result)


def failing(study: str) -> list[str]:
    """The seed pairs of a study that fail the sanity check."""
    runs = published.measured_runs(study, measure=["balanced_accuracy", *CHECKED])
    return list(Study(plan_of(study), read=None, elsewhere=runs).failing_blocks)


def without(study: str, blocks: Collection[str]) -> Contrast:
    """Descriptive less short labels of a study without some of its seed pairs."""
    arms = arms_of(study, PRIMARY, STUDY_BIAS, DESCRIPTIVE, SHORT)
    left = [f"d{data}s{init}" not in blocks for data, init in arms.rates.index]
    return contrast(ArmRates(arms.rates[left], arms.images[left]), {DESCRIPTIVE: 1, SHORT: -1})


RECIPE_STUDIES = ("contrast", "ingredients", "other-pictures")
