"""Small pictures of image sets, each made once in a process: for charts, and for whoever hands them
out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlcore.plots.thumbnails import thumb, thumb_uri

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet

# Image sets by name and version, with their small pictures by row.
_known: dict[tuple[str, str], tuple[ImageSet, dict[int, bytes]]] = {}


def known(name: str, version: str) -> ImageSet | None:
    """The image set of a name and a version, if its pictures were asked for already."""
    return _known.get((name, version), (None,))[0]


def remember(images: ImageSet) -> dict[int, bytes]:
    """The small pictures of a set that were made, by row; from now on the set is `known`."""
    there = _known.get((images.name, images.version))
    if there is None or there[0].root != images.root:
        there = _known[images.name, images.version] = (images, {})
    return there[1]


def small_pictures(images: ImageSet, rows: Sequence[int]) -> list[bytes]:
    """Small pictures of rows as WebP files; drawn first where their files are gone."""
    made = remember(images)
    if missing := [row for row in rows if row not in made]:
        images.ensure_rendered(
            [row for row in missing if row not in images.small], lambda done, of: None
        )
        made.update((row, images.small.get(row) or thumb(images.image(row))) for row in missing)
    return [made[row] for row in rows]


def draw_thumbs(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """Small pictures of rows as data URIs."""
    return [thumb_uri(small) for small in small_pictures(images, rows)]
