"""Importers of anybody's own pictures, and of published benchmarks, as image sets."""

from vlcore.data.catalogue import ImportBusyError
from vlcore.data.importers.formats import format_names, look, look_apart
from vlcore.data.importers.importing import import_set
from vlcore.data.importers.selection import Listing
from vlcore.data.importers.source import ImportSetError

__all__ = [
    "ImportBusyError",
    "ImportSetError",
    "Listing",
    "format_names",
    "import_set",
    "look",
    "look_apart",
]
