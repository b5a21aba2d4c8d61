"""Addresses of small images, by which a browser asks for them when they are shown.

A browser keeps a small image: its address names the image set with its edition. Only images of sets
that a page has shown are served, and never a visitor's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vlcore.api import small_images
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.plots.thumbnails import thumb_address
from vlcore.web.components.browser import KEEP_FOREVER

if TYPE_CHECKING:
    from vlcore.data.imageset import ImageSet

_ROW = re.compile(r"[0-9]{1,9}")  # Python refuses to read very many digits
base_paths: list[str] = []  # before the addresses, once a server serves small images


def addresses(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """Return the addresses of small images of rows; without a server, the images themselves."""
    before = folder(images)
    if not before:
        return small_images.draw_thumbs(images, rows)
    return [f"{before}/{row:d}" for row in rows]


def folder(images: ImageSet) -> str:
    """Return the address of the small images of a set but for their rows; empty without a
    server."""
    if not base_paths:
        return ""
    small_images.register_set(images)
    edition = small_images.edition(images)
    return thumb_address(base_paths[0], images.name, edition, 0).removesuffix("/0")


def markdown_images(images: ImageSet, rows: Sequence[int]) -> dict[int, str]:
    """Return small images of rows as Markdown, by row, each read out by its group and row."""
    words, groups = group_words(images.grouping), images.table["group"]
    return {
        row: f"![{plain(words[groups.iat[row]])}, {row}]({address})"
        for row, address in zip(rows, addresses(images, rows), strict=True)
    }


async def serve_small_image(request: Request) -> Response:
    """Answer a request for a small image."""
    name, edition, row = (request.path_params[part] for part in ("name", "edition", "row"))
    images = small_images.registered_set(name, edition)
    if images is None or not _ROW.fullmatch(row) or int(row) >= len(images.table):
        raise HTTPException(404)
    try:
        (small,) = await run_in_threadpool(small_images.small_files, images, [int(row)])
    except (LabError, OSError) as error:
        raise HTTPException(404) from error
    return Response(small, media_type="image/webp", headers=KEEP_FOREVER)
