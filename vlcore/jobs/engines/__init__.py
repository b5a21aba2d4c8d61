"""Engines: where the conditions of a study are trained, a file each.

An engine is a module with a function ``train(work, options)``, which returns the outcome of each
key, and the number of the task of each key where others do the work later. It may have

- ``OPTIONS``, the options that it takes, by name: the command ``study`` offers them;
- ``remove_leftovers()``, which removes what ended work left and returns its names.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.modules import load_modules, module_names

LOCAL = "local"


class EngineError(LabError):
    """An engine that is absent or refuses; nothing was begun, and the message says what to do."""


@dataclass(frozen=True)
class EngineOption:
    """An option of an engine: a text, a whole number, or settings.

    Attributes:
        help: what it is, in a line.
        bounds: least and greatest whole number; None where it is none.
        is_settings: whether it is given as KEY=VALUE, once or more often, and becomes a mapping.
    """

    help: str
    bounds: tuple[int, int] | None = None
    is_settings: bool = False


Options = Mapping[str, Any]  # values by the names of `EngineOption`s


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


def options_of(name: str) -> dict[str, EngineOption]:
    """The options of an engine, by name."""
    return getattr(engine(name), "OPTIONS", {})


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
