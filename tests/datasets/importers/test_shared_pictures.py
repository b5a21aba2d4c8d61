"""Real pictures, imported end to end and read back: photographs and renders that nobody made for this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlcore.core.files import data_folder
from vlcore.core.grouping import SCENES
from vlcore.datasets.imageset import read_set
from vlcore.datasets.importers import import_set, look
from vlcore.datasets.subset import parts

SHARED = Path(__file__).parents[3] / ".." / "shared" / "images"


@pytest.mark.parametrize(
    ("folder", "sizes", "folds"), [("renders3d", (24, 24, 24, 24), 5), ("photos", (12, 4, 12, 4), 4)]
)
def test_shared_pictures_become_sets(folder: str, sizes: tuple[int, ...], folds: int, empty_home: Path) -> None:
    source = SHARED / folder
    if not source.is_dir():
        pytest.skip(f"needs the shared pictures in {SHARED}")
    counts = dict(zip(SCENES.names, sizes, strict=True))
    listing = look(source)
    assert listing.default_choice() == (SCENES.objects, SCENES.contexts)
    assert listing.skipped == []
    report = import_set(source, folder)
    images = read_set(data_folder() / folder)
    assert (report.format, report.counts, report.splitting) == ("folders", counts, {"kind": "folds", "folds": folds})
    assert images.counts() == {"pool": counts}
    assert images.grouping.objects == SCENES.objects
    assert images.pixels(range(len(images.table))).std() > 20
    assert images.table.groupby("scene")["group"].nunique().max() <= 2
    held_out = [part.counts()["test"] for part in parts(images, 0)]
    assert {name: sum(fold[name] for fold in held_out) for name in counts} == counts
    assert any("say little" in warning for warning in report.warnings) == (min(sizes) < 20)
