"""A set that is exported and imported again is the same set, also the second time."""

from pathlib import Path
from typing import Any

import pytest

from tests.data.importers.sources import groups, table, write
from vlcore.data.archive import pack
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.importers import import_set

OPTIONS = {"short": "one {object}", "descriptive": "one {object} seen {place}", "licence": "CC0"}


@pytest.fixture
def again(empty_home: Path, tmp_path: Path) -> Any:
    """Imports the export of a set under a name."""

    def import_again(images: ImageSet, name: str, **options: Any) -> ImageSet:
        path = tmp_path / f"{name}.zip"
        path.write_bytes(pack(images, None))
        import_set(path, name, **options)
        return open_set(name)

    return import_again


@pytest.fixture
def first(empty_home: Path, tmp_path: Path) -> ImageSet:
    files = groups(4, 4, 4, 4)
    lines = [(name, *name.split("/")[0].split("_"), name[-5]) for name in files]
    listing = table(("file", "label", "background", "number"), *lines)
    import_set(write(tmp_path / "source", files | {"labels.csv": listing}), "first", **OPTIONS)
    return open_set("first")


def test_captions_and_licence_come_back_unless_others_are_given(
    again: Any, first: ImageSet
) -> None:
    second = again(first, "second")
    assert second.about["captions"] == first.about["captions"]
    assert second.about["licence"] == "CC0"
    assert sorted(second.table["caption"]) == sorted(first.table["caption"])
    other = again(first, "other", short="{object}", licence="mine")
    assert other.about["captions"] == first.about["captions"] | {"undescriptive": "{object}"}
    assert other.about["licence"] == "mine"


def test_names_of_columns_differ_in_each_generation(again: Any, first: ImageSet) -> None:
    second = again(first, "second")
    third = again(second, "third")
    assert list(second.user_columns) == ["source", "source (yours)", "number"]
    names = ["source", "source (yours)", "source (yours) (yours)", "number"]
    assert list(third.user_columns) == names
    assert set(third.user_columns["source (yours) (yours)"]) == set(first.user_columns["source"])
