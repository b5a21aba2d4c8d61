"""Shortcut audit: a clean set passes, and every planted fault is found with its numbers."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vlcore.api import audit
from vlcore.api.audit import Check, easier_cue, run_checks
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.data.importers import import_set
from vlcore.experiment.grouping import SCENES
from vlcore.scenes import Drawing, Scene, draw_scene


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PER_GROUP", 10)
    monkeypatch.setattr(audit, "TWIN_SCENES", 2)
    monkeypatch.setattr(audit, "COMPARED", 8)


def by_name(checks: Iterable[Check]) -> dict[str, Check]:
    checks = list(checks)
    named = {check.name: check for check in checks}
    assert len(named) == len(checks)
    return named


def near_duplicates(images: ImageSet) -> Check:
    """That question alone."""
    with pytest.MonkeyPatch.context() as patch:
        for other in ("_factors", "_probes", "_twins"):
            patch.setattr(audit, other, lambda *_: [])
        return by_name(run_checks(images))["near-duplicates"]


def probe_names(*views: str) -> list[str]:
    return [f"{view} and {label}" for view in views for label in ("object", "context")]


def test_the_drawn_set_passes_and_every_answer_has_its_numbers(home: Path) -> None:
    progress: list[tuple[int, int]] = []
    checks = by_name(run_checks(open_set("scenes"), lambda *counts: progress.append(counts)))
    probes = probe_names("colour", "rim", "pixels", "place", "outline")
    factors = ["factors and object", "factors and context"]
    assert list(checks) == [
        "held-out images",
        *factors,
        *probes,
        audit.EASIER,
        "twins",
        "near-duplicates",
    ]
    assert progress[-1] == (40 + 16, 40 + 16), "all images are drawn at once"
    # With ten images a group the outline of the animal may stay below three standard errors.
    assert not any(check.ok is False for name, check in checks.items() if "outline" not in name)
    for name, check in checks.items():
        assert (check.number is not None) == (name in probes)
        assert re.search(r"\d", check.sentence), name
    number = checks["place and context"].number
    assert (number["view"], number["label"], number["n"]) == ("place", "context", 40)
    assert 0.9 < number["value"] <= number["high"] <= 1
    for name in ("colour and object", "rim and object", "pixels and object", "place and context"):
        assert checks[name].ok is None, "a cue that is easy to see is no fault"


def with_factor(name: str, value_of: Callable[[Any], str]) -> dict[str, Check]:
    """Checks of the factors of the drawn set, if one of them followed from the row in training."""
    images = open_set("scenes")
    texts = []
    for row in images.table.itertuples():
        planted = {name: value_of(row)} if row.split == "train" else {}
        texts.append(json.dumps(json.loads(row.factors) | planted))
    table = images.table.assign(factors=texts)
    return by_name(audit._factors(dataclasses.replace(images, table=table)))


def test_a_factor_that_follows_from_the_object_is_named(home: Path) -> None:
    checks = with_factor("coat", lambda row: "bay" if row.object == "horse" else "sand")
    assert (checks["factors and object"].ok, checks["factors and context"].ok) == (False, True)
    assert {"coat", "1.00", "1,920"} <= set(checks["factors and object"].sentence.split())


def test_the_least_likely_association_is_named_and_not_the_largest(home: Path) -> None:
    """V of eight values is larger by chance than that of two."""
    numbers = iter(range(10**6))
    bars = {"grass": 9, "desert": 11}
    checks = with_factor(
        "pattern", lambda row: "dapples" if next(numbers) % 20 < bars[row.context] else "plain"
    )
    assert checks["factors and context"].ok is False
    assert {"pattern", "0.10"} <= set(checks["factors and context"].sentence.split())


@pytest.mark.parametrize("changed", ["horse", "desert"])
def test_twins_that_differ_in_more_than_one_factor_are_found(
    home: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    def careless(scene: Scene, size: int = 128) -> Drawing:
        drawing = draw_scene(scene, size)
        if scene.object == changed:
            drawing.image[0, 0] ^= 1  # a corner, which no animal covers
        if scene.context == changed:
            drawing.mask[0, 0] = 255
        return drawing

    monkeypatch.setattr(audit, "draw_scene", careless)
    (check,) = audit._twins(open_set("scenes"))
    assert check.ok is False
    assert "in 2 of 2 scenes" in check.sentence


@pytest.mark.parametrize(
    ("column", "train", "test", "count"),
    [("scene", 3, 700, r"1 of [\d,]+ scenes"), ("file_name", 0, 0, ": 1 of 8 test images")],
)
def test_training_scenes_and_images_among_test_ones_are_found(
    home: Path, column: str, train: int, test: int, count: str
) -> None:
    images = open_set("scenes")
    values = images.table[column].to_numpy().copy()
    values[images.rows("train")[train]] = values[images.rows("test")[test]]
    table = images.table.assign(**{column: values})
    check = near_duplicates(dataclasses.replace(images, table=table))
    assert check.ok is False
    assert re.search(count, check.sentence)


def noise(seed: Any, tone: int) -> Image.Image:
    field = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)) * 0.5 + tone * 0.5
    return Image.fromarray(field.astype(np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)


def source(root: Path, pattern: str, *sizes: int, bright: str = "") -> Path:
    """Images of noise in folders; those of one object or context can be brighter."""
    for number, ((obj, context), size) in enumerate(zip(SCENES.pairs, sizes, strict=True)):
        for index in range(size):
            path = root / pattern.format(obj, context, index)
            path.parent.mkdir(parents=True, exist_ok=True)
            noise([number, index, len(pattern)], 220 if bright in (obj, context) else 60).save(path)
    return root


@pytest.fixture
def small(empty_home: Path) -> ImageSet:
    """A set in folds whose horses are bright."""
    folder = source(empty_home / "source", "{0}/{1}/{2}.png", 12, 8, 9, 8, bright="horse")
    import_set(folder, "small")
    return open_set("small")


@pytest.fixture
def fixed(empty_home: Path) -> ImageSet:
    """A set with training and test images of its own."""
    root = source(empty_home / "source", "train/{0}/{1}/{2}.png", 12, 10, 12, 10, bright="grass")
    import_set(source(root, "test/{0}/{1}/{2}.png", 6, 6, 1, 6, bright="grass"), "fixed")
    return open_set("fixed")


def test_checks_of_a_small_set(small: ImageSet) -> None:
    checks = by_name(run_checks(small))
    probes = probe_names("colour", "rim", "pixels")
    assert list(checks) == ["held-out images", *probes, audit.EASIER, "near-duplicates"]
    size = checks["held-out images"]
    assert size.ok is False
    assert {"5", "8", "20"} <= set(size.sentence.split())
    colour = checks["colour and object"]
    assert (colour.ok, colour.number["n"], colour.number["value"] > 0.9) == (None, 32, True)
    assert abs(checks["colour and context"].number["value"] - 0.5) < 0.3
    assert checks["near-duplicates"].ok is True
    small.path(int(audit.balanced_rows(small)[0])).unlink()
    with pytest.raises(ImageSetError):
        run_checks(small)


def test_checks_of_a_set_with_test_images(fixed: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = by_name(run_checks(fixed))
    assert checks["held-out images"].ok is False
    assert checks["near-duplicates"].ok is True
    assert checks["colour and context"].number["value"] > 0.9
    assert not {"twins", "factors and object", "place and object"} & set(checks)
    # A near copy with a scene of its own: the same image, saved anew at a low quality.
    monkeypatch.setattr(audit, "COMPARED", 19)  # all test images, and not all training images
    monkeypatch.setattr(audit, "BLOCK", 10)
    original = fixed.path(int(fixed.rows("train")[1]))
    Image.open(original).save(fixed.path(int(fixed.rows("test")[2])), quality=40)
    check = near_duplicates(fixed)
    assert check.ok is False
    assert "1 of 19 test images, compared with 36 of 36 training images" in check.sentence


def test_a_set_that_is_too_small_for_probes(empty_home: Path) -> None:
    import_set(source(empty_home / "source", "{0}/{1}/{2}.png", 4, 4, 4, 4), "tiny")
    checks = run_checks(open_set("tiny"))
    assert by_name(checks)["probes"].ok is None
    assert not any(check.number for check in checks)
    assert easier_cue(checks) is None


def test_checks_are_published_and_read_back(
    small: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = run_checks(small)
    monkeypatch.setattr(audit, "run_checks", lambda *_: checks)
    key = audit.checks_key(small.name, small.version)
    assert key == f"small-{small.version}-q{audit.QUESTIONS}.checks"
    assert audit.make_checks(small.name, small.version) == "trained"
    assert audit.read_checks(store.read(key)) == checks
    assert audit.make_checks(small.name, small.version) == "cached"
    assert store.model_keys() == []
