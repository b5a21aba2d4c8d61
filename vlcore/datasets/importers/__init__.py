"""Anybody's own pictures, and published benchmarks, as image sets.

The one idea: `look` says what a folder or a zip holds without decoding a picture; `import_set` makes an image set of
two of its objects in two of its contexts, and reports what it left out and why.
"""

from vlcore.datasets.importers.formats import format_names, look
from vlcore.datasets.importers.importing import Report, import_set
from vlcore.datasets.importers.selection import Listing
from vlcore.datasets.importers.source import ImportSetError
from vlcore.datasets.staging import ImportBusyError

__all__ = ["ImportBusyError", "ImportSetError", "Listing", "Report", "format_names", "import_set", "look"]
