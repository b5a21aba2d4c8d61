"""Importers of anybody's own pictures, and of published benchmarks, as image sets."""

from vlcore.datasets.importers.formats import format_names, look
from vlcore.datasets.importers.importing import Report, import_set
from vlcore.datasets.importers.selection import Listing
from vlcore.datasets.importers.source import ImportSetError
from vlcore.datasets.staging import ImportBusyError

__all__ = ["ImportBusyError", "ImportSetError", "Listing", "Report", "format_names", "import_set", "look"]
