"""Image sets that are drawn by us: their recipes, and their rendering on demand.

A drawn set is `scenes` with a few settings changed. The random factors of its images are the same,
but where its seed is another, so two recipes differ in their settings and in nothing else, and a
difference between models can be attributed to them. The table of all scenes is known without
drawing one, and an experiment asks for the rows that it needs. They are drawn in chunks, each under
a lock: workers that start together share the work without knowing of each other."""

import hashlib
import json
import os
import random
import re
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import Timeout
from PIL import Image

from vlcore.data import imageset
from vlcore.data.imageset import COLUMNS, ImageSet, ImageSetError, read_set, usable_name
from vlcore.experiment.captions import caption
from vlcore.experiment.files import (
    atomic,
    data_folder,
    locked,
    make_folder,
    write_errors,
    write_json,
)
from vlcore.experiment.grouping import Grouping, group_name
from vlcore.experiment.memo import made_once
from vlcore.experiment.progress import Progress, silent
from vlcore.scenes import CONTEXTS, OBJECTS, RENDERER_VERSION, Scene, draw_scene, sample

VERSION = str(RENDERER_VERSION)
PER_GROUP = {"train": 480, "val": 48, "probe": 100, "test": 500}
DRAW_AGAIN = "delete it and run `python -m vlcore data render` again"
SIZE = 128  # pixels; averaged down to 64 for training
CHUNK = 16  # scenes drawn under one lock, each with all its twins
_GROUP_OFFSET = 100_000  # keeps the scene numbers of groups apart where they are not twins


@dataclass(frozen=True)
class Recipe:
    """What a drawn set is made of; an `ImageSetError` where a value is outside its set or range."""

    name: str
    contexts: tuple[str, str] = ("grass", "desert")  # horses belong in the first
    # How well the background can be seen, from 0, a bare field, the same for all.
    context_contrast: float = 1.0
    object_contrast: float = 1.0  # how well the animal can be seen, from 0
    object_size: float = 1.0  # length of the animals, as a multiple of that in `scenes`
    seed: int = 0  # of the random factors: another one has other images in every split

    def __post_init__(self) -> None:
        if len(set(self.contexts)) != 2 or not set(self.contexts) <= set(CONTEXTS):
            raise ImageSetError(
                f"The contexts are {' and '.join(self.contexts)}; choose two different ones of"
                f" {', '.join(CONTEXTS)}."
            )
        for name, low, high in (
            ("context_contrast", 0, 1),
            ("object_contrast", 0, 1),
            ("object_size", *SIZES),
        ):
            value = getattr(self, name)
            if not low <= value <= high:  # NaN too is outside
                raise ImageSetError(f"{name} is {value:g}; give a number from {low:g} to {high:g}.")
        if not (isinstance(self.seed, int) and 0 <= self.seed < 2**31):
            raise ImageSetError(f"seed is {self.seed!r}; give a whole number from 0 to 2^31 - 1.")

    @property
    def grouping(self) -> Grouping:
        return Grouping((OBJECTS[0], OBJECTS[1]), self.contexts)

    def apply(self, scene: Scene) -> Scene:
        """A scene of `scenes` as this recipe shows it."""
        return scene.replace(
            context_contrast=self.context_contrast,
            object_contrast=self.object_contrast,
            size=scene.size * self.object_size,
        )

    def settings(self) -> dict[str, Any]:
        """Everything but the name, as JSON-able values."""
        settings = asdict(self) | {"contexts": list(self.contexts)}
        del settings["name"]
        return settings

    def in_words(self) -> str:
        """What sets it apart, in a few words."""
        words = {
            "contexts": " and ".join(self.contexts),
            "context_contrast": f"background contrast {self.context_contrast * 100:g}%",
            "object_contrast": f"animal contrast {self.object_contrast * 100:g}%",
            "object_size": f"animals {self.object_size * 100:g}% of their size",
            "seed": f"other images, by seed {self.seed}",
        }
        changed = [
            text for name, text in words.items() if getattr(self, name) != getattr(Recipe, name)
        ]
        return ", ".join(changed) or "as drawn"


SIZES = (0.3, 1.1)
SCENES_RECIPE = Recipe("scenes")
# Calibrated so that object and context alone are equally often right after 600 steps, the context
# being learnt sooner: docs/balanced-cues.md has the numbers.
BALANCED_CUES = Recipe("balanced-cues", context_contrast=0.17)
BUILT_IN = {recipe.name: recipe for recipe in (SCENES_RECIPE, BALANCED_CUES)}


def recipe_of(name: str) -> Recipe | None:
    """The recipe of a drawn set, built in or on the disk; None where no set of this name is drawn.
    ImageSetError where the recipe cannot be used."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    if not usable_name(name):  # it could be a pattern, or lead out of the folder
        return None
    for file in sorted(data_folder().glob(f"{name}-v*/dataset.json"), reverse=True):
        if not re.fullmatch(r"-v\d+", file.parent.name.removeprefix(name)):
            continue  # of a set with a longer name
        settings = None
        with suppress(ValueError, AttributeError):  # no JSON, or no object
            settings = json.loads(file.read_text()).get("recipe")
        try:
            if settings is not None:
                return _recipe(name, settings)
        except (KeyError, TypeError) as error:
            raise ImageSetError(
                f"The recipe of {name!r} cannot be used ({error}); make the set again."
            ) from error
    return None


def _recipe(name: str, settings: Mapping[str, Any]) -> Recipe:
    """A recipe from its stored settings. Version 0.6 also stored a style: ``photo`` is as all
    scenes are drawn."""
    changed = {**settings, "contexts": tuple(settings["contexts"])}
    if changed.get("style") == "photo":
        del changed["style"]
    return Recipe(name, **changed)


def folder_name(name: str, version: str = VERSION) -> str:
    """Name of the folder of a drawn set: the renderer's version is part of it, so that old results
    stay valid."""
    return f"{name}-v{version}"


def drawn_set(recipe: Recipe, version: str | None = None) -> ImageSet:
    """A drawn set: of this renderer, drawn when it is needed, or an older version as it lies on the
    disk."""
    if version not in (None, VERSION):
        # The first renderer's images lie in a folder without a version.
        for folder in (folder_name(recipe.name, str(version)), recipe.name):
            if (data_folder() / folder / "dataset.json").exists():
                return replace(read_set(data_folder() / folder), mend=DRAW_AGAIN)
    return ImageSet(
        recipe.name,
        VERSION,
        _root(recipe),
        recipe.grouping,
        scene_table(recipe),
        partial(ensure_rendered, recipe),
        description(recipe, SIZE),
        _small(recipe),
        DRAW_AGAIN,
        recipe.name in BUILT_IN,
    )


def _root(recipe: Recipe) -> Path:
    return data_folder() / folder_name(recipe.name)


@lru_cache(maxsize=8)
def _small(recipe: Recipe) -> dict[int, bytes]:
    """Small bundled images of a built-in set: those of the maps and of the first training set."""
    file = Path(__file__).parent / "small" / f"{folder_name(recipe.name)}.zip"
    if recipe.name not in BUILT_IN or not file.is_file():
        return {}
    with zipfile.ZipFile(file) as archive:
        return {int(name.removesuffix(".webp")): archive.read(name) for name in archive.namelist()}


@made_once(maxsize=8)
def scene_table(recipe: Recipe = SCENES_RECIPE) -> pd.DataFrame:
    """All scenes of a set, one row an image. A test scene is in all four groups, with its other
    factors equal."""
    splits = [
        first_scenes(recipe, split, per_group, f"{split}/", recipe.seed)[0]
        for split, per_group in PER_GROUP.items()
    ]
    return pd.concat(splits, ignore_index=True)


def first_scenes(
    recipe: Recipe, split: str, per_group: int, inside: str = "", seed: int = 0
) -> tuple[pd.DataFrame, list[Scene]]:
    """The first scenes of each group of a split under a seed, as a table of files `inside` a
    folder, and the scenes."""
    rows, scenes = [], []
    for number, (obj, context) in enumerate(recipe.grouping.pairs):
        for index in range(per_group):
            path = f"{group_name(obj, context)}/{index:04d}"
            if split == "test":  # twins: the same scene in all groups
                scene_index, scene_id = index, f"test-{index:04d}"
            else:
                scene_index = number * _GROUP_OFFSET + index
                scene_id = f"{split}/{path}".replace("/", "-")
            scene = sample(obj, context, split=split, index=scene_index, seed=seed)
            scenes.append(recipe.apply(scene))
            row = {
                "file_name": f"{inside}{path}.png",
                "object": obj,
                "context": context,
                "split": split,
                "caption": caption("descriptive", obj, context),
                "mask": f"masks/{inside}{path}.png",
                "scene": scene_id,
                "factors": json.dumps(scenes[-1].factors()),
            }
            rows.append(row)
    return imageset.with_groups(pd.DataFrame(rows, columns=list(COLUMNS))), scenes


def scene_of(images: ImageSet, row: int) -> Scene:
    """The scene that a row of the set shows."""
    return Scene.from_factors(json.loads(str(images.table["factors"].iat[row])))


def missing_rows(recipe: Recipe, rows: Sequence[int]) -> list[int]:
    """Which of some rows of a set are not drawn yet."""
    root, files = _root(recipe), scene_table(recipe)["file_name"].to_numpy()
    return [row for row in rows if not os.path.exists(f"{root}/{files[row]}")]


def make_set(recipe: Recipe) -> ImageSet:
    """Write the description of a new drawn set; its images are drawn when they are needed."""
    ensure_rendered(recipe, [])
    return drawn_set(recipe)


def remember_recipe(name: str) -> None:
    """Keep the recipe of a drawn set that is about to go: keys of its models name the set alone."""
    recipe = recipe_of(name)
    if recipe is not None:
        record = _recipe_record(name)
        make_folder(record.parent)
        write_json(record, recipe.settings())


def remembered_recipe(name: str) -> Recipe | None:
    """The recipe of a drawn set that was removed last under a name; None where none is known."""
    try:
        settings = json.loads(_recipe_record(name).read_text())
        return _recipe(name, settings)
    except (OSError, ValueError, KeyError, TypeError, ImageSetError):
        return None


def _recipe_record(name: str) -> Path:
    return data_folder() / ".recipes" / f"{folder_name(name)}.json"


def ensure_rendered(recipe: Recipe, rows: Sequence[int], progress: Progress = silent) -> None:
    """Draw what is missing of some rows of a set, together with any other process that does the
    same; `ImageSetError` where the name stands for another recipe."""
    root = _root(recipe)
    make_folder(root.parent)
    errors = write_errors(root, "make room or point VLCORE_HOME to another folder")
    with locked(root.parent / f".{root.name}.lock", 60), errors:
        if recipe_of(recipe.name) not in (None, recipe):
            raise ImageSetError(
                f"The image set {recipe.name!r} has other settings; open it again, or choose"
                " another name."
            )
        if not (root / "dataset.json").exists():  # it is written once
            make_folder(root / ".locks")
            write_metadata(root, scene_table(recipe), recipe, SIZE)
    wanted = [int(row) for row in rows]
    scenes = pd.factorize(scene_table(recipe)["scene"])[0]
    chunks: dict[int, list[int]] = {}
    # Twins together: they have their halves in common.
    for row in sorted(wanted, key=lambda row: (scenes[row], row)):
        chunks.setdefault(int(scenes[row]) // CHUNK, []).append(row)
    # Each process starts elsewhere, so that two of them rarely want the same lock.
    order = random.sample(list(chunks), len(chunks))
    before = -1
    while True:
        missing = len(missing_rows(recipe, wanted))
        progress(len(wanted) - missing, len(wanted))
        if not missing:
            return
        if missing == before:
            time.sleep(0.1)  # other processes draw what is missing
        before = missing
        for chunk in order:
            if missing_rows(recipe, chunks[chunk]) and _draw_chunk(recipe, chunk, chunks[chunk]):
                progress(len(wanted) - len(missing_rows(recipe, wanted)), len(wanted))


def _draw_chunk(recipe: Recipe, chunk: int, rows: Sequence[int]) -> bool:
    """Draw the missing rows of a chunk; False when another process is at it."""
    root, table = _root(recipe), scene_table(recipe)
    with suppress(Timeout), locked(root / ".locks" / f"{chunk}.lock", 0):
        for row in missing_rows(recipe, rows):
            scene = Scene.from_factors(json.loads(table["factors"].iat[row]))
            name = table["file_name"].iat[row]
            write_picture(scene, root / name, root / table["mask"].iat[row])
        return True
    return False


def write_picture(scene: Scene, image: Path, mask: Path, size: int = SIZE) -> None:
    """Draw a scene into two PNG files. The image appears last and at once: where it is, the mask is
    complete too."""
    drawing = draw_scene(scene, size)
    for pixels, path in ((drawing.mask, mask), (drawing.image, image)):
        with write_errors(path, "make room or choose another folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as temporary:
                Image.fromarray(pixels).save(temporary, "PNG", compress_level=1)


def write_metadata(root: Path, table: pd.DataFrame, recipe: Recipe, size: int) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a drawn set; ``dataset.json`` comes last and
    marks it as complete."""
    listing = table[list(COLUMNS)].to_csv(index=False)
    with atomic(root / "metadata.csv") as temporary:
        temporary.write_text(listing)
    counted = {"images": len(table), "checksum": hashlib.sha256(listing.encode()).hexdigest()}
    write_json(root / "dataset.json", {**description(recipe, size), **counted})


def description(recipe: Recipe, size: int) -> dict[str, Any]:
    """What ``dataset.json`` says of a drawn set, apart from its images."""
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
