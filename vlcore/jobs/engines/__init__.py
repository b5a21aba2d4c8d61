"""Engines: where the conditions of a study are trained, a file each.

An engine is a module with a function ``train(work, settings)``, which returns the outcome of each
key, and the number of the task of each key where others do the work later. It may have a function
``remove_leftovers()``, which removes what ended work left and returns its names.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.modules import load_modules, module_names

LOCAL = "local"
PACK = 50  # conditions of a task of Slurm


class EngineError(LabError):
    """An engine that is absent or refuses; nothing was begun, and the message says what to do."""


@dataclass(frozen=True)
class EngineSettings:
    """What engines are told.

    Attributes:
        jobs: worker processes of the local engine; one per core where None.
        address: of a Dask scheduler.
        pack: conditions of a task of Slurm.
        slurm: options of sbatch.
    """

    jobs: int | None = None
    address: str | None = None
    pack: int = PACK
    slurm: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """What an engine does.

    Attributes:
        keys: of all conditions.
        missing: the conditions that are not trained, the longest first.
        train: trains them over a pool; `True` where other machines share the home.
    """

    keys: Sequence[str]
    missing: Sequence[Condition]
    train: Callable[[Executor, bool], dict[str, str]]


def engines() -> list[str]:
    """The names of the engines, the local one first."""
    return sorted(module_names(__file__), key=lambda name: (name != LOCAL, name))


def engine(name: str) -> ModuleType:
    """An engine by its name; EngineError lists the names where there is none."""
    if name not in engines():
        raise EngineError(f"No engine is named {name!r}; choose one of {', '.join(engines())}.")
    return import_module(f"{__name__}.{name}")


def remove_leftovers() -> list[str]:
    """Remove what ended work of all engines left; returns the names."""
    removed: list[str] = []
    for module in load_modules(__name__).values():
        if hasattr(module, "remove_leftovers"):
            removed += module.remove_leftovers()
    return removed


def optional_library(module: str, engine: str) -> Any:
    """A library that only one engine needs; EngineError where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise EngineError(
            f"The engine {engine} needs {module}; run `pip install '.[{engine}]'`."
        ) from None
