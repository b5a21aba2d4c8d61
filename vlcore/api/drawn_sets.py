"""New drawn sets, under names whose models were trained on the same images."""

from vlcore.api import audit, image_sets
from vlcore.artifacts import disk, store
from vlcore.data import drawn
from vlcore.data.drawn import Recipe
from vlcore.data.imageset import ImageSet, ImageSetError


def make_drawn_set(recipe: Recipe) -> ImageSet:
    """Write the description of a new drawn set, as `vlcore.data.drawn.make_set`.

    The key of a model, or of the checks of a set, names a drawn set and no recipe. Checks of a
    removed set with another recipe are deleted.

    Raises:
        ImageSetError: a set of this name, or models of a removed one, have another recipe.
    """
    name = recipe.name
    present, removed = drawn.recipe_of(name), drawn.remembered_recipe(name)
    if present is None and removed not in (None, recipe):
        models = [*_models_of(name), *image_sets.deleted_models_of(name)]
        if models:
            raise ImageSetError(
                f"There are models of an earlier image set {name!r} with other settings, such as"
                f" {models[0]}; choose another name, or delete all models of that set (a deleted"
                " one counts until `python -m vlcore clean` removes it, a week later)."
            )
        checks = audit.checks_key(name, drawn.VERSION)
        if store.published(checks):
            disk.delete_artifacts(checks)
    return drawn.make_set(recipe)


def _models_of(name: str) -> list[str]:
    """Keys of the published models of a drawn set, as this renderer draws it."""
    keys = [key for key in store.model_keys() if key.startswith(f"{name}-")]
    conditions = {key: store.condition_of(key) for key in keys}
    return [
        key
        for key, condition in conditions.items()
        if condition and (condition.data, condition.data_version) == (name, drawn.VERSION)
    ]
