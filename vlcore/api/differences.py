"""Differences between the settings of conditions, and the controlled baseline of one."""

from collections.abc import Sequence
from dataclasses import fields

from vlcore.experiment.condition import Condition
from vlcore.experiment.options import RECIPES, SCRATCH, towers_of

SETTINGS = {field.name: field.name.replace("_", " ") for field in fields(Condition)} | {
    "data": "image set",
    "labels": "captions",
    "data_version": "version of the image set",
    "template": "caption template",
    "architecture": "image encoder",
    "text": "text encoder",
    "n_per_group": "images of a group",
    "data_seed": "choice of images",
    "init_seed": "initial weights and order",
    "edits": "changes of the training set",
}
# A setting that follows another one, which is then named alone.
_FOLLOWS = {
    "data_version": "data",
    "template": "labels",
    "init_seed": "data_seed",
    "batch_size": "recipe",
}
# The settings that a controlled baseline sets back to the default, the first that differs alone;
# and the baseline in words.
BASELINES = {
    "edits": "no changes of the training set",
    "mitigation": "no mitigation",
    "objective": "the pairwise objective",
    "negatives": "the default negatives",
    "architecture": "the default image encoder",
    "text": "the default text encoder",
    "recipe": "the default training",
    "labels": "short captions",
    "bias": "no bias",
}


def controlled_baseline(condition: Condition) -> tuple[Condition, str] | None:
    """The condition to compare a model with, and its difference in words; None for the default.

    It has the same seeds, images and steps, and one setting is set back to the default."""
    towers = towers_of(condition.architecture, condition.text) or SCRATCH
    default = Condition().with_towers(towers)
    for field, words in BASELINES.items():
        value = getattr(default, field)
        if getattr(condition, field) == value:
            continue
        if field == "labels":
            return condition.with_labels(value), words
        return condition.replace(**{field: value}), words
    return None


def differing_settings(conditions: Sequence[Condition]) -> list[str]:
    """The settings in which conditions differ, in words; those that follow another one are left
    out."""
    differing = [
        name for name in SETTINGS if len({getattr(condition, name) for condition in conditions}) > 1
    ]
    followers = [
        name
        for name in differing
        if _FOLLOWS.get(name) in differing and all(_is_usual(name, each) for each in conditions)
    ]
    words = {name: SETTINGS[name] for name in differing if name not in followers}
    if "init_seed" in followers:
        words["data_seed"] = "seed"
    return list(words.values())


def _is_usual(name: str, condition: Condition) -> bool:
    """Whether a setting has the value that the one which it follows brings with it."""
    if name == "batch_size":
        return condition.batch_size == RECIPES[condition.recipe].batch_size
    return name != "init_seed" or condition.init_seed == condition.data_seed


def describe_differences(first: Condition, second: Condition) -> str:
    """Which settings two models differ in, and whether they are a controlled pair, in Markdown."""
    settings = differing_settings([first, second])
    if not settings:
        return "The models have the same condition, so their maps are identical."
    if len(settings) == 1:
        return f"**Controlled pair**: the models differ only in the {settings[0]}."
    listed = f"{', '.join(settings[:-1])} and {settings[-1]}"
    return (
        f"The models differ in {len(settings)} settings: {listed}. Any of them may cause a"
        " difference between the maps."
    )
