"""Modules of a folder: a registry of files, each of which may be deleted."""

from importlib import import_module
from pathlib import Path
from types import ModuleType


def module_names(package_file: str) -> list[str]:
    """The names of the modules beside a package's ``__file__``, without those that begin with an
    underscore."""
    return sorted(file.stem for file in Path(package_file).parent.glob("[!_]*.py"))


def load_modules(package: str, package_file: str) -> dict[str, ModuleType]:
    """The modules of a package by name, imported."""
    names = module_names(package_file)
    return {name: import_module(f"{package}.{name}") for name in names}
