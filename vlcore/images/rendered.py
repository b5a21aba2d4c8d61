"""Image sets that are drawn by us, on demand, by as many processes as happen to need them.

The one idea: the table of all scenes is known without drawing one, so an experiment asks for the rows that it needs.
Rows are drawn in chunks; whoever finds a chunk missing takes its lock and draws it. Two workers that start together
thus share the work without knowing of each other, and what one has drawn the next finds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout
from PIL import Image

from vlcore.home import HomeError, data_folder, make_folder, write_json
from vlcore.images.captions import caption
from vlcore.images.groups import group_name
from vlcore.images.imagesets import COLUMNS, ImageSet, Progress, read_set, silent, with_groups
from vlcore.images.recipes import SCENES_RECIPE, Recipe, folder_name
from vlcore.scenes import RENDERER_VERSION, Scene, draw, sample

VERSION = str(RENDERER_VERSION)
PER_GROUP = {"train": 480, "val": 48, "probe": 100, "test": 500}
SIZE = 128  # pixels; averaged down to 64 for training
CHUNK = 48  # images drawn under one lock
_GROUP_OFFSET = 100_000  # keeps the scene numbers of groups apart where they are not twins


def drawn_set(recipe: Recipe, version: str | None = None) -> ImageSet:
    """A drawn set: of this renderer, drawn by `ImageSet.complete`, or an older version as it lies on the disk."""
    if version not in (None, VERSION):
        # The first renderer's pictures lie in a folder without a version.
        for older in (data_folder() / folder_name(recipe.name, str(version)), data_folder() / recipe.name):
            if (older / "dataset.json").exists():
                return read_set(older)
    root = data_folder() / folder_name(recipe.name)

    def complete(rows: Sequence[int], progress: Progress = silent) -> None:
        _complete(recipe, rows, progress)

    table, about = scene_table(recipe), description(recipe, SIZE)
    return ImageSet(recipe.name, VERSION, root, recipe.grouping, table, complete, about)


@lru_cache(maxsize=8)
def scene_table(recipe: Recipe = SCENES_RECIPE) -> pd.DataFrame:
    """All scenes of a set, one row an image. A test scene stands in all four cells, with the same other factors."""
    rows = []
    for split, per_group in PER_GROUP.items():
        for number, (obj, context) in enumerate(recipe.grouping.pairs):
            for index in range(per_group):
                crossed = split == "test"
                drawn = sample(obj, context, split=split, index=index if crossed else number * _GROUP_OFFSET + index)
                stem = f"{split}/{group_name(obj, context)}/{index:04d}"
                scene_id = f"{split}-{index:04d}" if crossed else stem.replace("/", "-")
                rows.append(_row(recipe.apply(drawn), stem, split, scene_id))
    return with_groups(pd.DataFrame(rows, columns=list(COLUMNS)))


def _row(scene: Scene, stem: str, split: str, scene_id: str) -> tuple[str, ...]:
    words = caption("descriptive", scene.object, scene.context)
    factors = json.dumps(scene.factors())
    return f"{stem}.png", scene.object, scene.context, split, words, f"masks/{stem}.png", scene_id, factors


def scene_of(images: ImageSet, row: int) -> Scene:
    """The scene that a row of the set shows."""
    return Scene.from_factors(json.loads(str(images.table["factors"].iat[row])))


def complete_rows(recipe: Recipe, rows: Sequence[int]) -> None:
    """Draw what is missing of some rows of a set; a function that a worker process can be sent."""
    _complete(recipe, rows, silent)


def missing_rows(recipe: Recipe, rows: Sequence[int]) -> list[int]:
    """Which of some rows of a set are not drawn yet."""
    return _missing(data_folder() / folder_name(recipe.name), scene_table(recipe), rows)


def make_set(recipe: Recipe) -> ImageSet:
    """Write down a new drawn set; its pictures are drawn when they are needed.

    Raises:
        HomeError: when the folder cannot be written.
    """
    _prepare(recipe)
    return drawn_set(recipe)


def _complete(recipe: Recipe, rows: Sequence[int], progress: Progress) -> None:
    """Draw what is missing of some rows, together with any other process that does the same.

    Raises:
        HomeError: when the folder cannot be written.
    """
    root = _prepare(recipe)
    table = scene_table(recipe)
    wanted = [int(row) for row in rows]
    chunks: dict[int, list[int]] = {}
    for row in wanted:
        chunks.setdefault(row // CHUNK, []).append(row)
    # Each process starts elsewhere, so that two of them rarely want the same lock.
    order = sorted(chunks, key=lambda chunk: hashlib.sha256(f"{os.getpid()} {chunk}".encode()).digest())
    missing = _missing(root, table, wanted)
    progress(len(wanted) - len(missing), len(wanted))
    while missing:
        before = len(missing)
        for chunk in order:
            if _missing(root, table, chunks[chunk]) and _draw_chunk(root, table, chunk, chunks[chunk]):
                missing = _missing(root, table, wanted)
                progress(len(wanted) - len(missing), len(wanted))
        missing = _missing(root, table, wanted)
        if missing and len(missing) == before:
            time.sleep(0.1)  # the rest is being drawn by others
        progress(len(wanted) - len(missing), len(wanted))


def _missing(root: Path, table: pd.DataFrame, rows: Sequence[int]) -> list[int]:
    names = table["file_name"].to_numpy()
    return [row for row in rows if not (root / names[row]).exists()]


def _draw_chunk(root: Path, table: pd.DataFrame, chunk: int, rows: Sequence[int]) -> bool:
    """Draw the missing rows of a chunk; False when another process is at it."""
    try:
        with FileLock(root / ".locks" / f"{chunk}.lock", timeout=0):
            for row in _missing(root, table, rows):
                scene = Scene.from_factors(json.loads(table["factors"].iat[row]))
                write_picture(scene, root / table["file_name"].iat[row], root / table["mask"].iat[row])
    except Timeout:
        return False
    return True


def write_picture(scene: Scene, picture: Path, mask: Path, size: int = SIZE) -> None:
    """Draw a scene into two PNG files. The picture appears last and at once: where it is, the mask is whole too.

    Raises:
        HomeError: when a file cannot be written.
    """
    drawing = draw(scene, size)
    for pixels, path in ((drawing.mask, mask), (drawing.image, picture)):
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(aside, "PNG", compress_level=1)
            os.replace(aside, path)
        except OSError as error:
            with contextlib.suppress(OSError):  # where no folder can be, there is no file to remove either
                aside.unlink()
            raise HomeError(
                f"{path} cannot be written ({error.strerror}); make room or choose another folder."
            ) from error


def _prepare(recipe: Recipe) -> Path:
    """The folder of a set, with its description, which is written once.

    Raises:
        HomeError: when the folder cannot be written.
    """
    root = data_folder() / folder_name(recipe.name)
    make_folder(root.parent)
    with FileLock(root.parent / f".{root.name}.lock", timeout=60):
        if not (root / "dataset.json").exists():
            make_folder(root / ".locks")
            write_metadata(root, scene_table(recipe), recipe, SIZE)
    return root


def write_metadata(root: Path, table: pd.DataFrame, recipe: Recipe, size: int) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a drawn set; ``dataset.json`` comes last and says it is whole."""
    listing = table[list(COLUMNS)].to_csv(index=False)
    (root / "metadata.csv").write_text(listing)
    counted = {"images": len(table), "checksum": hashlib.sha256(listing.encode()).hexdigest()}
    write_json(root / "dataset.json", {**description(recipe, size), **counted})


def description(recipe: Recipe, size: int) -> dict[str, Any]:
    """What ``dataset.json`` says of a drawn set, apart from its pictures."""
    return {
        "name": recipe.name,
        "version": VERSION,
        "source": f"drawn by vlcore.scenes, renderer {VERSION}",
        "licence": "Apache-2.0",
        "sizes": [size],
        "objects": list(recipe.grouping.objects),
        "contexts": list(recipe.contexts),
        "recipe": recipe.settings(),
    }


def browsable(per_group: int, seed: int, recipe: Recipe = SCENES_RECIPE) -> tuple[pd.DataFrame, list[Scene]]:
    """The first training scenes of each group under a seed, as a table and scenes, for ``data render --out``."""
    rows, scenes = [], []
    for number, (obj, context) in enumerate(recipe.grouping.pairs):
        for index in range(per_group):
            drawn = sample(obj, context, split="train", index=number * _GROUP_OFFSET + index, seed=seed)
            stem = f"{group_name(obj, context)}/{index:04d}"
            scenes.append(recipe.apply(drawn))
            rows.append(_row(scenes[-1], stem, "train", f"train-{stem.replace('/', '-')}"))
    return with_groups(pd.DataFrame(rows, columns=list(COLUMNS))), scenes
