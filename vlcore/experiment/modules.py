"""Modules of a folder: a registry of files, each of which may be deleted."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

# Packages that hang on the core, whose modules register themselves as they are loaded.
hanging_packages: list[str] = []


def module_names(package_file: str) -> list[str]:
    """The names of the modules beside a package's ``__file__``, without those that begin with an
    underscore."""
    return sorted(file.stem for file in Path(package_file).parent.glob("[!_]*.py"))


def load_modules(package: str) -> dict[str, ModuleType]:
    """The modules of a package by name, imported."""
    file = import_module(package).__file__
    assert file is not None  # no package here is without its file
    return {name: import_module(f"{package}.{name}") for name in module_names(file)}
