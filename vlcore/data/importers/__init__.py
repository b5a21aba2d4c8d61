"""Importers of anybody's own images as image sets.

An import goes from `source` through `layouts`, `selection` (two objects in two contexts) and
`writing` (decoding) to `splits`; `importing` does them in turn.
"""

from vlcore.data.catalogue import ImportBusyError
from vlcore.data.importers.importing import import_set
from vlcore.data.importers.layouts import list_source, list_source_apart
from vlcore.data.importers.selection import Listing
from vlcore.data.importers.source import ImportSetError

__all__ = [
    "ImportBusyError",
    "ImportSetError",
    "Listing",
    "import_set",
    "list_source",
    "list_source_apart",
]
