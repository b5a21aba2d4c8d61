"""What is bundled is what `tools.ship` bundles."""

import shutil
from pathlib import Path

import pytest

from vlcore.api import audit
from vlcore.artifacts import bundled, store
from vlcore.classroom.lessons import lessons
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.data.packed import PACKED
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import models_folder
from vlcore.study import plans

ROOT = Path(__file__).parents[2]


def test_what_the_repository_ships_fits_this_version(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grid from scratch and the lessons of both drawn sets, the experiments of the renders, and
    of all three those on the pretrained towers; else run `python -m tools.ship` again."""
    monkeypatch.delenv("VLCORE_SHIPPED")
    wanted = set()
    for name in BUILT_IN_SETS:
        images = open_set(name)
        usual = usual_condition(images)
        pretrained = usual.with_towers("pretrained")
        conditions = [
            *plans.find("experiments" if name in PACKED else "paper", usual).conditions,
            *plans.find("experiments", pretrained).conditions,
        ]
        untrained = (usual.untrained, pretrained.untrained)
        wanted |= {condition.key for condition in (*conditions, *untrained)}
        for lesson in () if name in PACKED else lessons(usual, images.grouping).values():
            wanted |= {one.key for step in lesson.steps for one in (step.left, step.right)}
    checks = set()
    for name in BUILT_IN_SETS:
        images = open_set(name)
        key = audit.checks_key(name, images.version)
        assert audit.easier_cue(audit.read_checks(store.read(key))), name
        checks.add(key)
    assert set(bundled.keys()) == wanted | checks
    assert (
        sum(file.stat().st_size for file in (ROOT / "models" / "shipped").iterdir()) <= 36_000_000
    )
    for key in wanted:
        assert store.read(key).condition.key == key
    shutil.rmtree(models_folder())
