"""Importers of anybody's own images, and of published benchmarks, as image sets.

`formats` lists what can be imported, and says how to add to it. An import goes from `source`
through a reader, `selection` (two objects in two contexts) and `writing` (decoding) to `splits`;
`importing` does them in turn.
"""

from vlcore.data.catalogue import ImportBusyError
from vlcore.data.importers.formats import (
    format_names,
    format_titles,
    list_source,
    list_source_apart,
)
from vlcore.data.importers.importing import import_set
from vlcore.data.importers.selection import Listing
from vlcore.data.importers.source import ImportSetError

__all__ = [
    "ImportBusyError",
    "ImportSetError",
    "Listing",
    "format_names",
    "format_titles",
    "import_set",
    "list_source",
    "list_source_apart",
]
