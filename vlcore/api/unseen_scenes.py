"""A second hidden set: both animals in places and styles that no edit can draw in, so that no
repair has met them.

The usual held-out pictures have the places and the style of the training set. A training set that
was repaired by looking at their groups may be fitted to them; here it is asked of neither."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.model_map import ComparisonError, ModelMap, object_scores_of
from vlcore.data.drawn import SIZE, Recipe, recipe_of
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import HIDDEN_CONTEXTS, HIDDEN_STYLES
from vlcore.metrics.estimate import Estimate, rate
from vlcore.model.load import Loaded
from vlcore.scenes import OBJECTS, draw, sample

SCENES = 25  # of each place and style, with both animals
SEED = 2  # of scenes that nothing else shows


def elsewhere(model: ModelMap, loaded: Loaded, images: ImageSet) -> dict[str, Estimate]:
    """How often a model names the animal right in hidden places, by the place, and in ``all``;
    intervals are over scenes. ComparisonError where its set is not drawn by us, or nothing names
    the animal."""
    recipe = recipe_of(images.name)
    if recipe is None:
        raise ComparisonError(
            f"The pictures of {images.name!r} are not drawn, so there are no hidden places of it."
        )
    pictures, objects, places, scenes = _hidden(recipe)
    scores = object_scores_of(
        model, loaded.embed_pictures([Image.fromarray(one) for one in pictures]), images.grouping
    )
    if scores is None:
        raise ComparisonError(
            "This model's labels name no object, so it cannot be right about one."
        )
    right = np.asarray(images.grouping.objects)[scores.argmax(axis=1)] == objects
    by_place = {place: places == place for place in np.unique(places).tolist()}
    here = {**by_place, "all": np.ones(len(right), dtype=bool)}
    return {name: rate(right[of], scenes[of]) for name, of in here.items()}


@lru_cache(maxsize=2)
def _hidden(
    recipe: Recipe,
) -> tuple[NDArray[np.uint8], NDArray[np.str_], NDArray[np.str_], NDArray[np.str_]]:
    """Hidden pictures as a recipe shows them, (n, S, S, 3), with their objects, places and scenes,
    (n,) each."""
    pictures, facts = [], []
    for place in (one for one in HIDDEN_CONTEXTS if one not in recipe.contexts):
        for style in (one for one in HIDDEN_STYLES if one != recipe.style):
            for index in range(SCENES):
                for name in OBJECTS:
                    scene = sample(name, place, split="demo", index=index, seed=SEED)
                    pictures.append(draw(recipe.apply(scene).replace(style=style), SIZE).image)
                    facts.append((name, place, f"{place}-{style}-{index}"))
    if not pictures:
        raise ComparisonError(f"The set {recipe.name!r} has all hidden places itself.")
    objects, places, scenes = np.array(facts).T
    return np.stack(pictures), objects, places, scenes
