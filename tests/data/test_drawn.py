"""The set `scenes`: known without a picture, drawn where it is asked for, once."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from vlcore.data import drawn
from vlcore.data.catalogue import open_set, set_names
from vlcore.data.drawn import (
    BALANCED_CUES,
    SCENES_RECIPE,
    SIZE,
    Recipe,
    ensure_rendered,
    missing_rows,
    scene_of,
)
from vlcore.data.imageset import COLUMNS, ImageSetError, read_set
from vlcore.experiment.files import HomeError
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.experiment.progress import silent
from vlcore.scenes import RENDERER_VERSION, Scene, draw_scene, sample

ROOT = Path(__file__).parents[2]
TABLE = drawn.scene_table()
FOLDER = drawn.folder_name("scenes")
ODD = Recipe("odd", ("snow", "room"), 0.25, 0.5, 0.8)


def pictures(home: Path) -> set[str]:
    root = home / "data" / FOLDER
    return {
        str(file.relative_to(root))
        for file in root.glob("*/*/*.png")
        if file.parent.parent.name != "masks"
    }


def names_of(rows: list[int]) -> set[str]:
    return set(TABLE["file_name"].iloc[rows])


def test_another_seed_has_other_images_in_every_split() -> None:
    other = drawn.scene_table(Recipe("other", seed=1))
    assert list(other["file_name"]) == list(TABLE["file_name"])
    assert not set(other["factors"]) & set(TABLE["factors"])
    assert (other.groupby("scene").size() == TABLE.groupby("scene").size()).all()
    for seed in (-1, 2**31, 0.5):
        with pytest.raises(ImageSetError, match="seed"):
            Recipe("other", seed=seed)


def test_a_longer_name_is_of_another_set(empty_home: Path) -> None:
    drawn.make_set(Recipe("birds-vivid", seed=1))
    assert drawn.recipe_of("birds-vivid") == Recipe("birds-vivid", seed=1)
    assert drawn.recipe_of("birds") is None


def test_test_scenes_stand_in_all_four_cells_and_no_scene_is_in_two_splits() -> None:
    assert list(TABLE) == [*COLUMNS, "group"]
    assert pd.concat([TABLE["file_name"], TABLE["mask"]]).is_unique
    nuisances = TABLE["factors"].map(
        lambda text: json.dumps(json.loads(text) | {"object": "", "context": ""})
    )
    assert (TABLE["split"].groupby(nuisances).nunique() == 1).all()
    assert TABLE["factors"].is_unique
    assert (TABLE.groupby("scene")["split"].nunique() == 1).all()
    test, rest = TABLE[TABLE["split"] == "test"], TABLE[TABLE["split"] != "test"]
    assert test["scene"].nunique() == 500
    sizes = {"train": 480, "val": 48, "probe": 100, "test": 500}
    by_group = {split: dict.fromkeys(SCENES.names, size) for split, size in sizes.items()}
    assert drawn.drawn_set(SCENES_RECIPE).counts() == by_group
    for _, cells in test.groupby("scene"):
        assert sorted(cells["group"]) == sorted(SCENES.names)
        assert nuisances[cells.index].nunique() == 1
    assert rest["scene"].is_unique, "outside the test no image has a twin"
    assert rest["factors"].map(lambda text: json.loads(text)["cloud_seed"]).nunique() > 0.99 * len(
        rest
    )
    images = drawn.drawn_set(SCENES_RECIPE)
    for row in (0, 479, 1920, 2500, -1):
        scene, about = scene_of(images, row), TABLE.iloc[row]
        assert (scene.object, scene.context) == (about["object"], about["context"])


def test_only_the_rows_asked_for_are_drawn_as_their_scenes_and_redrawn_equal(
    empty_home: Path,
) -> None:
    images = open_set("scenes")
    assert pictures(empty_home) == set()  # opening draws nothing
    rows = [3, 47, 48, 1000, 4000]
    seen: list[tuple[int, int]] = []
    assert missing_rows(SCENES_RECIPE, rows) == rows
    images.ensure_rendered(rows, lambda done, of: seen.append((done, of)))
    assert pictures(empty_home) == names_of(rows)
    assert missing_rows(SCENES_RECIPE, [*rows, 5]) == [5]
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((0, 5), (5, 5))
    for row in rows:
        drawing = draw_scene(scene_of(images, row), SIZE)
        assert (images.image(row) == drawing.image).all()
        with Image.open(images.root / TABLE["mask"].iat[row]) as mask:
            assert (np.asarray(mask) == drawing.mask).all()
    assert (images.image(200) == draw_scene(scene_of(images, 200), SIZE).image).all(), (
        "one that is looked at is drawn first"
    )
    assert not list(images.root.rglob("*.png.*"))
    before = [images.path(row).read_bytes() for row in rows]
    for row in rows[:2]:
        images.path(row).unlink()
    kept = [images.path(row).stat().st_mtime_ns for row in rows[2:]]
    images.ensure_rendered(rows, silent)
    assert [images.path(row).read_bytes() for row in rows] == before
    assert [images.path(row).stat().st_mtime_ns for row in rows[2:]] == kept, (
        "what is there is not drawn again"
    )
    about, again = json.loads((images.root / "dataset.json").read_text()), read_set(images.root)
    assert (about["name"], about["version"]) == ("scenes", str(RENDERER_VERSION))
    assert (about["licence"], about["recipe"]) == ("Apache-2.0", SCENES_RECIPE.settings())
    listing = (images.root / "metadata.csv").read_bytes()
    assert about["checksum"] == hashlib.sha256(listing).hexdigest()
    assert again.table.equals(TABLE.astype(again.table.dtypes.to_dict()))
    assert (again.grouping, set_names()) == (SCENES, ["scenes", "balanced-cues", "renders"])


TELLER = """
from vlcore.data import drawn
write_picture = drawn.write_picture
def told(scene, picture, mask):
    print("/".join(picture.parts[-3:]), flush=True)
    return write_picture(scene, picture, mask)
drawn.write_picture = told
drawn.ensure_rendered(drawn.SCENES_RECIPE, range(20, 60))
"""


def test_two_processes_together_draw_everything_once(empty_home: Path) -> None:
    command = [sys.executable, "-c", TELLER]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate()[0].decode().split() for process in both]
    names = names_of(list(range(20, 60)))
    assert Counter(told[0] + told[1]) == dict.fromkeys(names, 1)
    assert pictures(empty_home) == names


def test_a_chunk_that_another_holds_is_left_to_it(empty_home: Path) -> None:
    ensure_rendered(SCENES_RECIPE, [0])
    root = empty_home / "data" / FOLDER
    with FileLock(root / ".locks" / "1.lock"):
        assert not drawn._draw_chunk(SCENES_RECIPE, 1, [50])
        assert drawn._draw_chunk(SCENES_RECIPE, 2, [100])
    assert pictures(empty_home) == names_of([0, 100])
    assert drawn._draw_chunk(SCENES_RECIPE, 1, [50])


@pytest.mark.parametrize("folder", ["scenes-v0", "scenes"])
def test_pictures_of_another_renderer_stay_where_they_are(folder: str, empty_home: Path) -> None:
    """Old results stay valid: the renderer's version is in the folder's name; the first one's had
    none."""
    ensure_rendered(SCENES_RECIPE, [0])
    older = (empty_home / "data" / FOLDER).rename(empty_home / "data" / folder)
    about = older / "dataset.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "version": "0"}))
    ensure_rendered(SCENES_RECIPE, [1])
    assert pictures(empty_home) == names_of([1])
    images = open_set("scenes", "0")
    assert (images.root, images.name, images.version) == (older, "scenes", "0")
    assert images.image(0).shape == (128, 128, 3)
    with pytest.raises(ImageSetError, match="now, not '-1'"):
        open_set("scenes", "-1")
    assert open_set("scenes").root == empty_home / "data" / FOLDER
    assert set_names() == ["scenes", "balanced-cues", "renders"]


def test_sets_of_other_recipes_show_the_same_scenes(empty_home: Path) -> None:
    other = drawn.make_set(Recipe("odd", ("snow", "beach"), 0.5, 0.8, 0.7))
    same: dict[str, Any] = {"context_contrast": 0.5, "object_contrast": 0.8}
    for row in (0, 1000, 4000):
        usual = scene_of(open_set("scenes"), row)
        context = {"grass": "snow", "desert": "beach"}[usual.context]
        assert scene_of(other, row) == usual.replace(context=context, size=usual.size * 0.7, **same)
    assert other.grouping == Grouping(("horse", "camel"), ("snow", "beach"))
    assert set_names() == ["scenes", "balanced-cues", "renders", "odd"]
    again = open_set("odd")
    assert again.table.equals(other.table)
    again.ensure_rendered([5], silent)
    assert (again.image(5) == draw_scene(scene_of(again, 5), SIZE).image).all()


@pytest.mark.parametrize("blocked", ["data", f"data/{FOLDER}/masks"])
def test_a_file_in_the_way_is_one_sentence(blocked: str, empty_home: Path) -> None:
    if blocked.count("/") == 2:
        ensure_rendered(SCENES_RECIPE, [])
    (empty_home / blocked).parent.mkdir(exist_ok=True)
    (empty_home / blocked).touch()
    with pytest.raises(HomeError, match=r"cannot be written"):
        ensure_rendered(SCENES_RECIPE, [0])


def full(_image: Image.Image, path: Path, *_arguments: Any, **_options: Any) -> None:
    path.write_bytes(b"a part")
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_one_sentence_and_leaves_no_part(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_rendered(SCENES_RECIPE, [])
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(HomeError, match=r"cannot be written \(No space left on device\)"):
        ensure_rendered(SCENES_RECIPE, [0])
    files = [file for file in (empty_home / "data" / FOLDER).rglob("*") if file.is_file()]
    assert {file.name for file in files} == {"dataset.json", "metadata.csv", "0.lock"}


def test_browsable_sets_are_tables_of_new_scenes_and_of_seed_0_the_training_scenes() -> None:
    table, scenes = drawn.first_scenes(SCENES_RECIPE, "train", 2, seed=3)
    assert [Scene.from_factors(json.loads(text)) for text in table["factors"]] == scenes
    assert [scene.object for scene in scenes] == table["object"].tolist()
    tables = (
        drawn.first_scenes(SCENES_RECIPE, "train", n, seed=seed)[0]
        for n, seed in ((4, 0), (4, 1), (6, 1))
    )
    zero, one, larger = tables
    assert not set(zero["factors"]) & set(one["factors"])
    assert set(zero["factors"]) == set(
        TABLE[TABLE["split"] == "train"].groupby("group").head(4)["factors"]
    )
    assert pd.merge(one, larger, on="file_name")["factors_y"].tolist() == one["factors"].tolist()


def test_the_usual_recipe_changes_nothing_and_balanced_cues_the_contrast_alone() -> None:
    scene = sample("camel", "grass", split="test", index=3)
    assert SCENES_RECIPE.apply(scene) == scene
    assert SCENES_RECIPE.in_words() == "as drawn"
    settings, usual = BALANCED_CUES.settings(), SCENES_RECIPE.settings()
    assert {name for name in settings if settings[name] != usual[name]} == {"context_contrast"}
    assert 0 < BALANCED_CUES.context_contrast < 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"contexts": ("snow", "snow")}, "The contexts are snow and snow; choose two different ones"),
    ({"contexts": ("snow", "moon")}, "snow and moon"),
    ({"object_contrast": float("nan")}, "object_contrast is nan"),
    ({"object_size": 2}, "object_size is 2; give a number from 0.3 to 1.1"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED)
def test_what_cannot_be_drawn_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ImageSetError, match=words):
        Recipe("odd", **settings)


@pytest.mark.parametrize(
    "content", ["[]", '{"recipe": {"contexts": ["snow", "room"], "style": "pencil"}}']
)
def test_a_damaged_description_is_no_recipe_or_one_sentence(content: str, empty_home: Path) -> None:
    assert drawn.recipe_of("odd") is None
    drawn.make_set(ODD)
    assert drawn.recipe_of("odd") == ODD
    next((empty_home / "data").glob("odd-v*/dataset.json")).write_text(content)
    expected = (
        pytest.raises(ImageSetError, match="recipe of 'odd' cannot")
        if "recipe" in content
        else nullcontext()
    )
    with expected:
        assert drawn.recipe_of("odd") is None


def test_a_recipe_that_version_0_6_stored_is_read(empty_home: Path) -> None:
    drawn.make_set(ODD)
    stored = next((empty_home / "data").glob("odd-v*/dataset.json"))
    about = json.loads(stored.read_text())
    about["recipe"]["style"] = "photo"
    stored.write_text(json.dumps(about))
    assert drawn.recipe_of("odd") == ODD
