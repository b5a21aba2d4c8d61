"""Anybody's own pictures, and published benchmarks, as image sets.

The one idea: `look` says what a folder or a zip holds without decoding a picture; `import_set` makes an image set of
two of its objects in two of its contexts, and reports what it left out and why.
"""

from vlcore.images.importers.formats import format_names, look
from vlcore.images.importers.importing import Report, import_set
from vlcore.images.importers.listing import Listing
from vlcore.images.importers.source import ImportSetError
from vlcore.images.staging import ImportBusyError

__all__ = ["ImportBusyError", "ImportSetError", "Listing", "Report", "format_names", "import_set", "look"]
