"""Accuracy of a model on unseen scenes: both animals on backgrounds that no edit of a training set
can draw.

The usual held-out images have the backgrounds of the training set. A training set
that was repaired by looking at their groups may be fitted to them; here it cannot be."""

from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.data.drawn import SIZE, Recipe, recipe_of
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import HIDDEN_CONTEXTS
from vlcore.metrics.estimate import Estimate, rate
from vlcore.model.load import Loaded
from vlcore.scenes import OBJECTS, draw_scene, sample

SCENES = 25  # of each background, with both animals
SEED = 2  # of scenes that nothing else shows


def unseen_accuracy(model: ModelMap, loaded: Loaded, images: ImageSet) -> dict[str, Estimate]:
    """Accuracy of a model on unseen scenes, by background, and in ``all``; intervals are over
    scenes.

    Raises:
        ComparisonError: when the image set is not drawn, or the labels name no object.
    """
    recipe = recipe_of(images.name)
    if recipe is None:
        raise ComparisonError(
            f"The images of {images.name!r} are not drawn, so it has no unseen scenes."
        )
    pixels, table = _unseen_scenes(recipe)
    z = loaded.embed_images([Image.fromarray(image) for image in pixels])
    predicted = model.predicted_objects(images.grouping.objects, z)
    if predicted is None:
        raise ComparisonError("This model's labels name no object, so it has no accuracy.")
    table = table.assign(is_right=predicted == table["object"])
    parts = {str(context): part for context, part in table.groupby("context")} | {"all": table}
    return {name: rate(part["is_right"], part["scene"]) for name, part in parts.items()}


@lru_cache(maxsize=2)
def _unseen_scenes(recipe: Recipe) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Unseen images as a recipe draws them, (n, S, S, 3), and a row with ``object``, ``context``
    and ``scene`` of each."""
    contexts = [context for context in HIDDEN_CONTEXTS if context not in recipe.contexts]
    pixels, rows = [], []
    for context, index, animal in product(contexts, range(SCENES), OBJECTS):
        scene = sample(animal, context, split="demo", index=index, seed=SEED)
        pixels.append(draw_scene(recipe.apply(scene), SIZE).image)
        # The same scene in every background, as its twins are.
        rows.append((animal, context, str(index)))
    if not rows:
        raise ComparisonError(f"The set {recipe.name!r} contains all unseen backgrounds itself.")
    return np.stack(pixels), pd.DataFrame(rows, columns=["object", "context", "scene"])
