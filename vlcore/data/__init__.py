"""Image sets: drawn, imported and generated images of two objects in two contexts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet


def names() -> list[str]:
    """Names of the image sets there are.

    >>> import vlcore as vl
    >>> "scenes" in vl.data.names()
    True
    """
    from vlcore.data.catalogue import set_names

    return set_names()


def load(name: str) -> ImageSet:
    """An image set by its name, or a `LabError`; its images are drawn as they are needed.

    >>> import vlcore as vl
    >>> vl.data.load("scenes").grouping.names
    ('horse_grass', 'horse_desert', 'camel_desert', 'camel_grass')
    """
    from vlcore.data.catalogue import open_set

    return open_set(name)


def add(source: str | Path, name: str, **options: Any) -> ImageSet:
    """Import a folder or zip of images, in one of the layouts of docs/images.md, as an image set.

    The options are those of `vlcore.data.importers.import_set`, such as ``objects=("dog", "cat")``.
    Where the source cannot be used, a `LabError` says why and nothing is left behind.

    >>> import vlcore as vl
    >>> vl.data.add("images/", name="mine")  # doctest: +SKIP
    """
    from vlcore.data.importers import import_set

    import_set(Path(source), name, **options)
    return load(name)
