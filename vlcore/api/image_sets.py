"""Image sets in use: the jobs and models of a set, its removal, and new drawn sets."""

import re

from vlcore.api import audit
from vlcore.artifacts import disk, store
from vlcore.data import catalogue, drawn
from vlcore.data.drawn import Recipe
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.experiment import trash
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs


def models_of(name: str) -> list[str]:
    """Keys of the published models of a set."""
    return [key for key in store.model_keys() if _is_key_of_set(key, name)]


def deleted_models_of(name: str) -> list[str]:
    """Keys of the models of a set that were deleted and can be restored."""
    folders = [entry for entry in trash.deleted_folders() if entry.origin.parent == models_folder()]
    keys = [entry.name for entry in folders if store.kind_of_key(entry.name) is None]
    return [key for key in keys if _is_key_of_set(key, name)]


def check_unused(name: str) -> None:
    """Refuse, with a `BusyError`, a set that a job is at work on."""
    for job in jobs.active_and_ended():
        if job.state.is_active and _is_key_of_set(job.key, name):
            raise BusyError(f"{name} is in use by {job.key}; wait for it or cancel it.")


def remove_set(name: str) -> None:
    """Remove a set that is unused, as `vlcore.data.catalogue.discard_set`."""
    check_unused(name)
    catalogue.discard_set(name)


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
        models = [*_drawn_models(name), *deleted_models_of(name)]
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


def _drawn_models(name: str) -> list[str]:
    """Keys of the published models of a drawn set, as this renderer draws it."""
    keys = []
    for key in models_of(name):
        condition = store.condition_of(key)
        if condition and (condition.data, condition.data_version) == (name, drawn.VERSION):
            keys.append(key)
    return keys


def _is_key_of_set(key: str, name: str) -> bool:
    """Whether a key is that of a model, a map, a check or an import of a set."""
    kinds = r"b[\d.e+-]+-.+|[0-9a-z]+-q\d+\.checks|[0-9a-f]{8}\.import"
    return re.fullmatch(rf"{re.escape(name)}-({kinds})", key) is not None
