"""Image sets in use: the jobs and models of a set, and its removal."""

import re

from vlcore.artifacts import store
from vlcore.data import catalogue
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


def _is_key_of_set(key: str, name: str) -> bool:
    """Whether a key is that of a model, a map, a check or an import of a set."""
    models = r"b[\d.e+-]+-.+|imported-[0-9a-f]{8}.*"
    kinds = rf"{models}|[0-9a-z]+-q\d+\.checks|[0-9a-f]{{8}}\.import"
    return re.fullmatch(rf"{re.escape(name)}-({kinds})", key) is not None
