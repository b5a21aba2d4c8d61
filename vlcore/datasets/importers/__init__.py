"""Importers of anybody's own pictures, and of published benchmarks, as image sets."""

from vlcore.datasets.catalogue import ImportBusyError
from vlcore.datasets.importers.formats import format_names, look, look_apart
from vlcore.datasets.importers.importing import import_set
from vlcore.datasets.importers.selection import Listing
from vlcore.datasets.importers.source import ImportSetError

__all__ = ["ImportBusyError", "ImportSetError", "Listing", "format_names", "import_set", "look", "look_apart"]
