"""The comparisons that the page of results shows, read from the table of published runs."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.results_contrasts import PROBE
from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published
from vlcore.study.contrasts import ArmRates, Contrast, contrast, published_contrast, rates_by_arm
from vlcore.study.plans import StudyPlan
from vlcore.study.runs_table import SEEDS, AnalysisError

SHORT, DESCRIPTIVE = STYLES_OF_THE_STUDY
LABELS_COST = {DESCRIPTIVE: 1, SHORT: -1}  # weights of variants: the cost of descriptive captions
TOLD = "readouts_given_context.minority_accuracy"
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


@dataclass(frozen=True)
class PublishedComparison:
    """A row of the table of all comparisons: a variant against its baseline."""

    study: str
    data: str
    bias: float
    variant: str
    baseline: str
    result: Contrast
    images: str = "rare"
    readout: str = "captions"


def comparisons() -> Iterator[PublishedComparison]:
    """Compare every variant of every published study with its baseline, at each bias level."""
    archive = zipfile.ZipFile(published.FOLDER / published.PLANS)
    names = {name.removesuffix(".yaml") for name in archive.namelist() if name.endswith(".yaml")}
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
                yield PublishedComparison(study, data_of_arm, bias, arm, baseline, result)
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
    """Compare descriptive with short captions in the studies of recipes, by recipe."""
    rows = published.read_rows(moment="end", measure=PRIMARY)
    home = rows["studies"].str.split().str[0]
    rows = rows.assign(home=home)[home.isin(RECIPE_STUDIES)]
    for (study, data, bias, recipe), cell in rows.groupby(["home", "data", "bias", "recipe"]):
        result = contrast(rates_by_arm(cell, "labels", LABELS_COST), LABELS_COST)
        variant, baseline = (f"{style}, {recipe}" for style in (DESCRIPTIVE, SHORT))
        yield PublishedComparison(study, data, bias, variant, baseline, result)


def outside_comparisons() -> Iterator[PublishedComparison]:
    """Compare descriptive with short captions on images that no model was trained on."""
    for study, data, source, rates in outside_rates():
        result = contrast(rates, LABELS_COST)
        images = f"rare, {OUTSIDE[source]}"
        yield PublishedComparison(study, data, STUDY_BIAS, DESCRIPTIVE, SHORT, result, images)


def outside_rates() -> Iterator[tuple[str, str, str, ArmRates]]:
    """Accuracy on rare images from outside: the study, its image set, the source of the images, and
    the rates by label style."""
    names = [f"{source}.group_accuracy.{group}" for source in OUTSIDE for group in SCENES.minority]
    rows = published.read_rows(moment="end", bias=STUDY_BIAS, measure=names)
    rows["right"] = rows["value"] * rows["n"].astype(float)
    rows["source"] = rows["measure"].str.split(".").str[0]
    for (study, data, source), cell in rows.groupby(["studies", "data", "source"]):
        totals = cell.pivot_table(["right", "n"], SEEDS, "labels", aggfunc="sum").astype(float)
        yield study, data, source, ArmRates((totals["right"] / totals["n"]).dropna(), totals["n"])
