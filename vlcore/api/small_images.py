"""Small images of image sets, encoded once in a process: for charts, and for the server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlcore.experiment.progress import silent
from vlcore.plots.thumbnails import thumb, thumb_uri

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet

# Image sets by name and edition, with their small images by row.
_registry: dict[tuple[str, str], tuple[ImageSet, dict[int, bytes]]] = {}


def edition(images: ImageSet) -> str:
    """What changes with the images under a name: the version, of a drawn set with a digest of its
    recipe, for a set that was removed can be made anew with other settings."""
    recipe = images.about.get("recipe")
    if recipe is None:
        return images.version
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    return f"{images.version}-{digest[:8]}"


def registered_set(name: str, edition: str) -> ImageSet | None:
    """The image set of a name and an edition, if `register_set` has seen it."""
    images, _ = _registry.get((name, edition), (None, {}))
    return images


def register_set(images: ImageSet) -> dict[int, bytes]:
    """Register an image set; returns its small images so far, by row."""
    key = images.name, edition(images)
    if key not in _registry or _registry[key][0].root != images.root:
        _registry[key] = images, {}
    return _registry[key][1]


def small_files(images: ImageSet, rows: Sequence[int]) -> list[bytes]:
    """Small images of rows as WebP files; drawn first where their files are gone."""
    encoded = register_set(images)
    if missing := {row: None for row in rows if row not in encoded}:
        images.ensure_rendered([row for row in missing if row not in images.small], silent)
        for row in missing:
            encoded[row] = images.small.get(row) or thumb(images.image(row))
    return [encoded[row] for row in rows]


def draw_thumbs(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """Small images of rows as data URIs."""
    files = small_files(images, rows)
    uris = {content: thumb_uri(content) for content in dict.fromkeys(files)}
    return [uris[content] for content in files]
