"""The comparisons that the page of results shows, read from the table of published runs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import difference, signed
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study import published
from vlcore.study.answer import PROBE
from vlcore.study.contrasts import ArmRates, Contrast, contrast, published_contrast, rates_by_arm
from vlcore.study.plans import StudyPlan
from vlcore.study.pooled import DESCRIPTIVE, LABELS_COST, SHORT, TOLD
from vlcore.study.results import Study
from vlcore.study.runs_table import SEEDS, AnalysisError
from vlcore.study.statistics.factorial import phi, slopes

# The nine readouts of one model, and whether each is fitted on balanced images.
READOUTS = {
    "readouts_bare.minority_accuracy": ("the bare name", False),
    "readouts_training_probe.minority_accuracy": ("probe on the training images", False),
    "readouts_mean_caption.minority_accuracy": ("mean caption", False),
    PRIMARY: ("sum over captions (usual)", False),
    "readouts_best_caption.minority_accuracy": ("best caption", False),
    TOLD: ("captions, told the background", False),
    "readouts_adjusted.minority_accuracy": ("captions less log frequency", False),
    PROBE: ("linear probe", True),
    "readouts_nearest_neighbours.minority_accuracy": ("five neighbours", True),
}
# What the sanity check reads beside balanced accuracy.
CHECKED = ("train_caption_accuracy", "text_only_match", "probe_object")
RECIPE_STUDIES = ("contrast", "ingredients", "other-pictures")
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


def short_arm(study: str) -> str:
    """The name of the arm with short labels."""
    plan = published.published_plan(study)
    arms = {str(arm) for arm in (plan.baseline, *plan.treatments)}
    return SHORT if SHORT in arms else "short"


def in_common_pairs(contrasts: Mapping[float, Contrast]) -> dict[float, Contrast]:
    """Contrasts over the seed pairs that all of them have."""
    log_odds = [result.log_odds_by_pair for result in contrasts.values()]
    pairs = pd.concat(log_odds, axis=1, join="inner").index
    return {
        x: Contrast(result.log_odds_by_pair[pairs], result.points_by_pair[pairs])
        for x, result in contrasts.items()
    }


def slope_on(contrasts: Mapping[float, Contrast]) -> Contrast:
    """The least-squares slope of contrasts on a number, seed pair by seed pair."""
    common = in_common_pairs(contrasts)
    log_odds = pd.DataFrame({x: result.log_odds_by_pair for x, result in common.items()})
    points = pd.DataFrame({x: result.points_by_pair for x, result in common.items()})
    return Contrast(
        pd.Series(slopes(log_odds.columns, log_odds), log_odds.index),
        pd.Series(slopes(points.columns, points), points.index),
    )


def bias_slope(study: str, weights: Mapping[str, float], biases: Sequence[float]) -> Contrast:
    """The slope of a contrast of a study's arms on φ."""
    return slope_on(
        {float(phi(bias)): published_contrast(study, weights, bias=bias) for bias in biases}
    )


@dataclass(frozen=True)
class PublishedComparison:
    """A row of the table of all comparisons."""

    study: str
    data: str
    bias: float
    words: str
    result: Contrast


def comparisons() -> Iterator[PublishedComparison]:
    """Every arm of every published study less its baseline, at each bias level."""
    names = {path.stem for path in (published.FOLDER / "plans").glob("*.yaml")}
    rows = published.read_rows(moment="end", measure=PRIMARY)
    counted = {name for names in rows["studies"].unique() for name in names.split()}
    pairs = {name for name, about in published.studies().items() if "grid" in about}
    for study in sorted(pairs | (names & counted)):
        plan = published.published_plan(study)
        data = plan.conditions[0].data
        for bias in sorted({condition.bias for condition in plan.conditions}):
            for arm in map(str, plan.treatments):
                baseline = baseline_of(plan, arm)
                if arm == baseline:
                    continue
                try:
                    result = published_contrast(study, {arm: 1, baseline: -1}, bias=bias)
                except AnalysisError:  # fewer than two pairs have both
                    continue
                data_of_arm = plan.arm_settings.get(arm, {}).get("data", data)
                words = f"{arm} less {baseline}"
                yield PublishedComparison(study, data_of_arm, bias, words, result)
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


def recipe_comparisons() -> Iterator[PublishedComparison]:
    """Descriptive less short labels in the studies of recipes, by recipe."""
    rows = published.read_rows(moment="end", measure=PRIMARY)
    home = rows["studies"].str.split().str[0]
    rows = rows.assign(home=home)[home.isin(RECIPE_STUDIES)]
    for (study, data, bias, recipe), cell in rows.groupby(["home", "data", "bias", "recipe"]):
        result = contrast(rates_by_arm(cell, "labels", LABELS_COST), LABELS_COST)
        words = f"{DESCRIPTIVE} less {SHORT}, {recipe}"
        yield PublishedComparison(study, data, bias, words, result)


def outside_comparisons() -> Iterator[PublishedComparison]:
    """Descriptive less short labels on images that nobody drew for training, by image tower."""
    names = [f"{source}.group_accuracy.{group}" for source in OUTSIDE for group in SCENES.minority]
    rows = published.read_rows(moment="end", bias=STUDY_BIAS, measure=names)
    rows["right"] = rows["value"] * rows["n"].astype(float)
    rows["source"] = rows["measure"].str.split(".").str[0]
    for (study, data, source), cell in rows.groupby(["studies", "data", "source"]):
        totals = cell.pivot_table(["right", "n"], SEEDS, "labels", aggfunc="sum").astype(float)
        arms = ArmRates((totals["right"] / totals["n"]).dropna(), totals["n"])
        words = f"{DESCRIPTIVE} less {SHORT}, {OUTSIDE[source]}"
        result = contrast(arms, LABELS_COST)
        yield PublishedComparison(study, data, STUDY_BIAS, words, result)


def failing_pairs(study: str) -> list[str]:
    """The seed pairs of a study that fail the sanity check."""
    runs = published.measured_runs(study, measure=["balanced_accuracy", *CHECKED])
    return list(Study(published.published_plan(study), read=None, elsewhere=runs).failing_blocks)


def cost_without(study: str, blocks: Collection[str]) -> Contrast:
    """Descriptive less short labels of a study without some of its seed pairs."""
    result = published_contrast(study, LABELS_COST)
    log_odds, points = result.log_odds_by_pair, result.points_by_pair
    is_left = [f"d{data}s{init}" not in blocks for data, init in log_odds.index]
    return Contrast(log_odds[is_left], points[is_left])


def both(result: Contrast) -> str:
    """A contrast in log odds with its interval, and in points: ``-0.3 (-0.4 to -0.2) [-5.9]``."""
    return f"{odds(result.mean_log_odds)} [{signed(result.by_scale['points'].value, 1)}]"


def odds(mean: Estimate) -> str:
    """A mean with its interval: ``-0.33 (-0.41 to -0.25)``."""
    return difference(mean.as_dict())
