"""A set that comes packed: unpacked once, whole or not at all, and read like an imported set."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.renders import SCENES
from vlcore.api import audit
from vlcore.data import feature_store, packed, uploads
from vlcore.data.catalogue import open_set, set_names
from vlcore.data.drawn import recipe_of
from vlcore.data.imageset import ImageSetError
from vlcore.data.subset import on_its_set, usual_condition
from vlcore.data.training_set import training_sets
from vlcore.experiment.captions import row_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import data_folder
from vlcore.experiment.options import style_names
from vlcore.experiment.templates import known_traits
from vlcore.model.views import Views

OPEN = """
import sys
from pathlib import Path
from vlcore.data import packed
packed.ARCHIVES = Path(sys.argv[1])
print(packed.packed_set("renders").image(0).shape)
"""


def test_a_packed_set_is_listed_before_it_is_unpacked(renders: Path) -> None:
    renders.unlink()  # nobody reads it to list the sets
    assert set_names() == ["scenes", "balanced-cues", "renders"]
    assert recipe_of("renders") is None, "nothing is drawn for it"


def test_to_open_it_writes_nothing(renders: Path, empty_home: Path) -> None:
    images = open_set("renders")
    assert len(images.table) == 4 * sum(SCENES.values())
    assert [path.name for path in empty_home.iterdir()] == ["archives"]
    assert images.image(3).shape == (32, 32, 3)
    assert open_set("renders").table.equals(images.table)


@pytest.mark.processes
def test_processes_that_unpack_at_once_all_read_the_whole_set(renders: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(packed.ARCHIVES)]
    opened = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in opened] == ["(32, 32, 3)"] * 3
    left = {path.name for path in data_folder().iterdir()}
    assert left - {".renders.lock"} == {"renders"}, "no part is left"


def test_without_locks_the_first_of_two_stays(
    renders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract = packed._extract

    def overtaken(archive: Path, root: Path) -> None:
        extract(archive, root)  # another process
        extract(archive, root)

    monkeypatch.setattr(packed, "_extract", overtaken)
    assert open_set("renders").image(0).shape == (32, 32, 3)


def removed(archive: Path) -> None:
    archive.unlink()


def cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:5000])


def flipped(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    middle = zipfile.ZipFile(archive).getinfo("metadata.csv").header_offset + 200
    content[middle] ^= 255
    archive.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"), [(removed, "lost its file"), (cut, "damaged"), (flipped, "damaged")]
)
def test_a_damaged_archive_is_a_sentence_and_hides_no_other_set(
    damage: Callable[[Path], None], words: str, renders: Path
) -> None:
    damage(renders)
    with pytest.raises(packed.PackedSetError, match=words) as error:
        open_set("renders")
    assert f"put {renders} there again" in str(error.value)
    assert not (data_folder() / "renders").exists(), "no half of a set is left"
    assert "renders" in set_names()


def test_damage_to_an_image_is_found_before_a_set_appears(renders: Path) -> None:
    content = bytearray(renders.read_bytes())
    image = zipfile.ZipFile(renders).getinfo("images/test/horse_grass/0000.webp")
    content[image.header_offset + 100] ^= 255
    renders.write_bytes(content)
    images = open_set("renders")
    with pytest.raises(packed.PackedSetError, match=f"put {renders} there again"):
        images.image(0)
    assert not images.root.exists(), "no half of a set is left"


def without_description(folder: Path) -> None:
    (folder / "dataset.json").unlink()


def without_columns(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file_name\n")


@pytest.mark.parametrize("damage", [without_description, without_columns])
def test_a_damaged_folder_says_to_delete_it_which_is_enough(
    damage: Callable[[Path], None], renders: Path
) -> None:
    open_set("renders").image(0)
    damage(data_folder() / "renders")
    with pytest.raises(packed.PackedSetError, match=r"delete .*, and the lab unpacks it again"):
        open_set("renders")
    shutil.rmtree(data_folder() / "renders")
    assert open_set("renders").image(0).shape == (32, 32, 3)


def test_an_image_that_is_broken_says_how_it_comes_back(renders: Path) -> None:
    images = open_set("renders")
    images.image(0)
    images.path(0).write_bytes(b"no image")
    with pytest.raises(ImageSetError, match=r"delete the folder .* unpacks it again"):
        images.image(0)
    shutil.rmtree(images.root)
    assert images.image(0).shape == (32, 32, 3), "and an open set needs no restart"


def test_it_is_trained_as_the_drawn_sets_are(renders: Path) -> None:
    images = open_set("renders")
    usual = usual_condition(images)
    changed = {"data": "renders", "data_version": "1", "n_per_group": SCENES["train"]}
    assert usual == Condition().replace(**changed)
    assert on_its_set(Condition(data="renders")) == usual
    assert feature_store.bundle_name(images, feature_store.PRETRAINED).startswith("renders-v1-")


def test_styles_fit_what_factors_record_so_the_sky_can_be_named(renders: Path) -> None:
    images = open_set("renders")
    assert style_names(images.traits) == style_names()
    assert known_traits('{"sky": "dusk", "coat": "plaid", "size": "large"}') == {"sky"}
    rows = images.rows("train")
    texts = [one.text for one in row_captions("sky", images.table, rows, images.grouping, 0)]
    skies = [json.loads(factors)["sky"] for factors in images.table["factors"].iloc[rows]]
    assert {(sky, text.split()[2]) for sky, text in zip(skies, texts, strict=True)} == {
        ("clear", "bright"),
        ("morning", "bright"),
        ("overcast", "dim"),
        ("dusk", "dim"),
    }


def test_its_twins_and_masks_are_used(renders: Path) -> None:
    images = open_set("renders")
    _, (sample,) = next(iter(uploads.samples(images, frozenset([0])).values()))
    twins = uploads.twins_of(sample, images)
    assert twins is not None
    found = [twins.other_object, *twins.other_backgrounds]
    shown = [(one.object, one.background) for one in (sample, *found)]
    assert shown == [("horse", "desert"), ("camel", "desert"), ("horse", "grass")]
    assert images.table["scene"].iloc[[one.row for one in (sample, *found)]].nunique() == 1
    assert "The background without the animal" in " ".join(
        check.sentence for check in audit.run_checks(images)
    )
    condition = usual_condition(images)
    views = Views(training_sets([images], condition)[0])
    assert views.panel is not None
