"""Sets by name: a new one needs a name of its own; one is taken away whole, and nothing else is."""

from pathlib import Path

import pytest

from vlcore.data import catalogue
from vlcore.data.catalogue import check_name, set_names
from vlcore.data.drawn import Recipe, make_set
from vlcore.data.imageset import ImageSetError
from vlcore.experiment import trash
from vlcore.experiment.files import data_folder


@pytest.fixture
def sets(empty_home: Path) -> Path:
    """Folders with descriptions, and one without."""
    for name in ("zoo", "zoo-2", "zoological", "snowy-v1", "snowy-v2", "snowy-v2-more"):
        (data_folder() / name / "images").mkdir(parents=True)
        (data_folder() / name / "dataset.json").write_text("{}")
        (data_folder() / name / "images" / "1.jpg").write_text("x")
    (data_folder() / "loose").mkdir()
    return data_folder()


def left(sets: Path) -> set[str]:
    return {path.name for path in sets.iterdir() if path.name not in (".incoming", ".trash")}


def test_a_set_goes_with_all_its_versions_and_nothing_else(sets: Path, tmp_path: Path) -> None:
    (sets / "zoo").rename(tmp_path / "elsewhere")
    (sets / "zoo").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for name, folders in (("zoo", {"zoo"}), ("snowy", {"snowy-v1", "snowy-v2"})):
        before = left(sets)
        assert {path.name for path in catalogue.discard_set(name)} == folders
        assert left(sets) == before - folders
        assert name not in set_names()
        assert {path.name for path in trash.restore_deleted(name)} == folders
        assert left(sets) == before, "and can be put back"
        with pytest.raises(trash.TrashError, match="nothing deleted"):
            trash.restore_deleted(name)
    catalogue.discard_set("snowy")
    catalogue.discard_set("zoo")
    for name, folder in (("snowy", "snowy"), ("zoo", "zoo-v2")):
        (sets / folder).mkdir()
        before = left(sets)
        with pytest.raises(trash.TrashError, match=f"{folder} again; delete it first"):
            trash.restore_deleted(name)
        assert left(sets) == before, "neither an import nor a drawn set hides the other"
    assert (tmp_path / "elsewhere" / "images" / "1.jpg").exists(), (
        "a link goes and what it leads to stays"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [("scenes", "built in"), ("renders", "built in")]
    + [("nowhere", "there are: scenes, balanced-cues, renders, ")]
    + [(name, "There is no image set named") for name in ("loose", "z*", "../data/zoo", "")],
)
def test_what_is_no_set_of_ones_own_stays(sets: Path, name: str, words: str) -> None:
    before = left(sets)
    with pytest.raises(ImageSetError, match=words):
        catalogue.discard_set(name)
    assert left(sets) == before


def test_a_new_set_needs_a_name_of_its_own(empty_home: Path) -> None:
    make_set(Recipe("odd"))
    taken = ("odd", "scenes", "balanced-cues", "renders")
    for name in (*taken, "Snow", "my set", ".x", "../up", "a..b", "snow-v2", "", "a" * 61):
        with pytest.raises(ImageSetError, match="already" if name in taken else "cannot be named"):
            check_name(name)
