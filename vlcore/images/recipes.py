"""Recipes of the image sets that we draw: which contexts, in what style, how easy to see.

The one idea: a drawn set is `scenes` with a few settings changed. The random factors of its pictures are the same, so
two recipes differ in their settings and in nothing else, and what a class finds on one can be put down to them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vlcore.home import data_folder
from vlcore.images.groups import Grouping
from vlcore.images.imagesets import ImageSetError, check_name, usable_name
from vlcore.scenes import CONTEXTS, OBJECTS, RENDERER_VERSION, STYLES, Scene


@dataclass(frozen=True)
class Recipe:
    """What a drawn set is made of.

    Attributes:
        name: of the set.
        contexts: the two contexts, in the order that defines the majority: horses belong in the first.
        style: one of `vlcore.scenes.STYLES`.
        context_contrast: how well the place can be seen, 0 (a bare field, the same for all) to 1.
        object_contrast: how well the animal can be seen, 0 to 1.
        object_size: length of the animals, as a multiple of that in `scenes`.

    Raises:
        ImageSetError: when a value is outside its set or range.
    """

    name: str
    contexts: tuple[str, str] = ("grass", "desert")
    style: str = "photo"
    context_contrast: float = 1.0
    object_contrast: float = 1.0
    object_size: float = 1.0

    def __post_init__(self) -> None:
        if len(set(self.contexts)) != 2 or not set(self.contexts) <= set(CONTEXTS):
            raise ImageSetError(
                f"The contexts are {' and '.join(self.contexts)}; choose two different ones of {', '.join(CONTEXTS)}."
            )
        if self.style not in STYLES:
            raise ImageSetError(f"No style is named {self.style!r}; choose one of {', '.join(STYLES)}.")
        for name, low, high in (("context_contrast", 0, 1), ("object_contrast", 0, 1), ("object_size", *SIZES)):
            value = getattr(self, name)
            if not low <= value <= high:  # NaN too is outside
                raise ImageSetError(f"{name} is {value:g}; give a number from {low:g} to {high:g}.")

    @property
    def grouping(self) -> Grouping:
        return Grouping((OBJECTS[0], OBJECTS[1]), self.contexts)

    def apply(self, scene: Scene) -> Scene:
        """A scene of `scenes` as this recipe shows it."""
        return scene.replace(
            style=self.style,
            context_contrast=self.context_contrast,
            object_contrast=self.object_contrast,
            size=scene.size * self.object_size,
        )

    def settings(self) -> dict[str, Any]:
        """Everything but the name, as JSON-able values."""
        values = asdict(self)
        del values["name"]
        return {**values, "contexts": list(self.contexts)}

    def in_words(self) -> str:
        """What sets it apart, in a few words."""
        words = []
        if self.contexts != Recipe.contexts:
            words.append(" and ".join(self.contexts))
        if self.style != "photo":
            words.append(self.style)
        if self.context_contrast != 1:
            words.append(f"background contrast {self.context_contrast * 100:g} %")
        if self.object_contrast != 1:
            words.append(f"animal contrast {self.object_contrast * 100:g} %")
        if self.object_size != 1:
            words.append(f"animals {self.object_size * 100:g} % of their size")
        return ", ".join(words) or "as drawn"


SIZES = (0.3, 1.1)
SCENES_RECIPE = Recipe("scenes")
# Calibrated so that object and context alone are learnt equally well: docs/balanced-cues.md has the numbers.
BALANCED_CUES = Recipe("balanced-cues", context_contrast=0.17)
BUILT_IN = {recipe.name: recipe for recipe in (SCENES_RECIPE, BALANCED_CUES)}


def recipe_of(name: str) -> Recipe | None:
    """The recipe of a drawn set; None where no set of this name is drawn.

    Raises:
        ImageSetError: when the set's description holds a recipe that cannot be used.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if not usable_name(name):  # it would be a pattern, or lead out of the folder
        return None
    for file in sorted(data_folder().glob(f"{name}-v*/dataset.json"), reverse=True):
        settings = _settings(file.read_text())
        if settings is not None:
            return from_settings(name, settings)
    return None


def _settings(text: str) -> Mapping[str, Any] | None:
    try:
        return json.loads(text).get("recipe")
    except (ValueError, AttributeError):
        return None


def from_settings(name: str, settings: Mapping[str, Any]) -> Recipe:
    """A recipe from its `Recipe.settings`.

    Raises:
        ImageSetError: when a setting is unknown or cannot be used.
    """
    try:
        return Recipe(name, **{**settings, "contexts": tuple(settings["contexts"])})
    except (KeyError, TypeError) as error:
        raise ImageSetError(f"The recipe of {name!r} cannot be used ({error}); make the set again.") from error


def folder_name(name: str, version: str = str(RENDERER_VERSION)) -> str:
    """Name of the folder of a drawn set: the renderer's version is part of it, so that old results stay valid."""
    return f"{name}-v{version}"


def new_recipe(name: str, **settings: Any) -> Recipe:
    """The recipe of a set that is not there yet.

    Raises:
        ImageSetError: when the name is taken or cannot be used, or a setting is out of range.
    """
    check_name(name)
    return Recipe(name, **settings)
