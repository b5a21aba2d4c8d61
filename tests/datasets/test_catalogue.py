"""Sets by name: a new one needs a name of its own; one is taken away whole, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from vlcore.core.files import data_folder
from vlcore.datasets import catalogue, staging
from vlcore.datasets.catalogue import new_recipe, set_names
from vlcore.datasets.drawn import Recipe, make_set
from vlcore.datasets.imageset import ImageSetError
from vlcore.datasets.importers import ImportBusyError


@pytest.fixture
def sets(empty_home: Path) -> Path:
    """Folders with descriptions, and one without."""
    for name in ("zoo", "zoo-2", "zoological", "snowy-v1", "snowy-v2", "snowy-v2-more", "scenes-v2"):
        (data_folder() / name / "images").mkdir(parents=True)
        (data_folder() / name / "dataset.json").write_text("{}")
        (data_folder() / name / "images" / "1.jpg").write_text("x")
    (data_folder() / "loose").mkdir()
    return data_folder()


def left(sets: Path) -> set[str]:
    return {path.name for path in sets.iterdir() if path.name != ".incoming"}


@pytest.mark.parametrize(("name", "folders"), [("zoo", {"zoo"}), ("snowy", {"snowy-v1", "snowy-v2"})])
def test_a_set_goes_with_all_its_versions_and_nothing_else(sets: Path, name: str, folders: set[str]) -> None:
    before = left(sets)
    assert {path.name for path in catalogue.remove(name)} == folders
    assert left(sets) == before - folders
    assert list((sets / ".incoming").iterdir()) == []
    assert name not in set_names()


def test_a_link_goes_and_what_it_leads_to_stays(sets: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (sets / "zoo").rename(elsewhere)
    (sets / "zoo").symlink_to(elsewhere, target_is_directory=True)
    catalogue.remove("zoo")
    assert "zoo" not in left(sets)
    assert (elsewhere / "images" / "1.jpg").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [("scenes", "built in"), ("balanced-cues", "built in"), ("nowhere", "there are: scenes, balanced-cues, ")]
    + [(name, "There is no image set named") for name in ("loose", "z*", "../data/zoo", "")],
)
def test_what_is_no_set_of_ones_own_stays(sets: Path, name: str, words: str) -> None:
    before = left(sets)
    with pytest.raises(ImageSetError, match=words):
        catalogue.remove(name)
    assert left(sets) == before


def test_a_set_that_somebody_makes_anew_is_busy(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "LOCK_WAIT", 0)
    (sets / ".incoming").mkdir()
    with FileLock(sets / ".incoming" / "zoo.lock"), pytest.raises(ImportBusyError):
        catalogue.remove("zoo")
    assert "zoo" in left(sets)


@pytest.mark.parametrize("name", ["odd", "scenes", "Snow", "../up", "a..b", "snow-v2", "", "a" * 61])
def test_a_new_set_needs_a_name_of_its_own(name: str, empty_home: Path) -> None:
    make_set(Recipe("odd"))
    with pytest.raises(ImageSetError, match="already" if name in ("odd", "scenes") else "cannot be named"):
        new_recipe(name)
