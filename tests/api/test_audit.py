"""Shortcut audit: a clean set passes, and every planted fault is checks with its numbers."""

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
from vlcore.data.subset import parts
from vlcore.experiment.grouping import SCENES
from vlcore.scenes import Drawing, Scene, draw


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures are drawn and looked at."""
    monkeypatch.setattr(audit, "PER_GROUP", 10)
    monkeypatch.setattr(audit, "TWIN_SCENES", 2)
    monkeypatch.setattr(audit, "COMPARED", 8)


def by_name(checks: Iterable[Check]) -> dict[str, Check]:
    entries = list(checks)
    assert len({entry.name for entry in entries}) == len(entries)
    return {entry.name: entry for entry in entries}


def check_of(images: ImageSet, question: str) -> Check:
    return by_name(run_checks(images))[question]


def test_the_drawn_set_passes_and_every_answer_has_its_numbers(home: Path) -> None:
    progress: list[tuple[int, int]] = []
    checks = by_name(run_checks(open_set("scenes"), lambda *counts: progress.append(counts)))
    assert list(checks) == [
        "held-out pictures",
        "factors and object",
        "factors and context",
        *(
            f"{view} and {label}"
            for view in ("colour", "rim", "pixels", "place", "outline")
            for label in ("object", "context")
        ),
        "twins",
        "near-duplicates",
    ]
    assert progress[-1] == (40 + 16, 40 + 16), "all images are drawn at once"
    # With ten pictures a group the outline of the animal may stay below three standard errors.
    assert [
        name for name, entry in checks.items() if entry.ok is False and "outline" not in name
    ] == []
    for name, entry in checks.items():
        if entry.number is None:
            assert re.search(r"\d", entry.sentence), name
            continue
        assert f"{entry.number['view']} and {entry.number['label']}" == name
        assert entry.number["n"] == 40
        assert 0 <= entry.number["low"] <= entry.number["value"] <= entry.number["high"] <= 1
        assert f"{entry.number['value'] * 100:.0f}\u00a0%" in entry.sentence
    free = {"colour and object", "rim and object", "pixels and object", "place and context"}
    assert {name for name in free if checks[name].ok is None} == free, (
        "what is easy to see is no fault"
    )
    assert checks["place and context"].number["value"] > 0.9


def with_factor(name: str, value_of: Callable[[Any], str]) -> dict[str, Check]:
    """Checks of the factors of the drawn set, if one of them followed from the row in training."""
    images = open_set("scenes")
    texts = []
    for row in images.table.itertuples():
        planted = {name: value_of(row)} if row.split == "train" else {}
        texts.append(json.dumps(json.loads(row.factors) | planted))
    table = images.table.assign(factors=texts)
    return by_name(audit._factors(dataclasses.replace(images, table=table)))


def test_a_factor_that_goes_with_a_label_is_named(home: Path) -> None:
    """V of eight values is larger by chance than that of two, but says less."""
    checks = with_factor("coat", lambda row: "bay" if row.object == "horse" else "sand")
    assert (checks["factors and object"].ok, checks["factors and context"].ok) == (False, True)
    assert {"coat", "1.00", "1,920"} <= set(checks["factors and object"].sentence.split())
    numbers = iter(range(10**6))
    bars = {"grass": 9, "desert": 11}
    checks = with_factor(
        "pattern", lambda row: "dapples" if next(numbers) % 20 < bars[row.context] else "plain"
    )
    assert checks["factors and context"].ok is False
    assert {"pattern", "0.10"} <= set(checks["factors and context"].sentence.split())


@pytest.mark.parametrize("changed", ["horse", "desert"])
def test_twins_that_differ_elsewhere_are_found(
    home: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    def careless(scene: Scene, size: int = 128) -> Drawing:
        drawing = draw(scene, size)
        if scene.object == changed:
            drawing.image[0, 0] ^= 1  # a corner, which no animal covers
        if scene.context == changed:
            drawing.mask[0, 0] = 255
        return drawing

    monkeypatch.setattr(audit, "draw", careless)
    (check,) = audit._twins(open_set("scenes"))
    assert check.ok is False
    assert "in 2 of 2 scenes" in check.sentence


@pytest.mark.parametrize(
    ("column", "trained", "tested", "words"),
    [("scene", 3, 700, r"1 of [\d,]+ scenes"), ("file_name", 0, 0, ": 1 of 8 test images")],
)
def test_what_is_in_training_and_test_is_found(
    home: Path, column: str, trained: int, tested: int, words: str
) -> None:
    """A scene; or a picture under another name, of which the first are looked at, whatever is left
    out."""
    images = open_set("scenes")
    values = images.table[column].to_numpy().copy()
    values[images.rows("train")[trained]] = values[images.rows("test")[tested]]
    check = check_of(
        dataclasses.replace(images, table=images.table.assign(**{column: values})),
        "near-duplicates",
    )
    assert check.ok is False
    assert re.search(words, check.sentence)


def noise(seed: Any, tone: int = 128) -> Image.Image:
    field = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)) * 0.5 + tone * 0.5
    return Image.fromarray(field.astype(np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)


def source(root: Path, pattern: str, *sizes: int, bright: str = "") -> Path:
    """Pictures of noise in folders; those of one object or context can be brighter."""
    for number, ((obj, context), size) in enumerate(zip(SCENES.pairs, sizes, strict=True)):
        for index in range(size):
            path = root / pattern.format(obj, context, index)
            path.parent.mkdir(parents=True, exist_ok=True)
            noise([number, index, len(pattern)], 220 if bright in (obj, context) else 60).save(path)
    return root


@pytest.fixture
def small(empty_home: Path) -> ImageSet:
    """A set in folds whose horses are bright."""
    import_set(
        source(empty_home / "source", "{0}_{1}/{2}.png", 12, 8, 9, 8, bright="horse"), "small"
    )
    return open_set("small")


@pytest.fixture
def fixed(empty_home: Path) -> ImageSet:
    """A set with training and test pictures of its own."""
    root = source(empty_home / "source", "train/{0}/{1}/{2}.png", 12, 10, 12, 10, bright="grass")
    import_set(source(root, "test/{0}/{1}/{2}.png", 6, 6, 1, 6, bright="grass"), "fixed")
    return open_set("fixed")


def test_a_small_set_is_asked_what_applies_to_it(small: ImageSet) -> None:
    checks = by_name(run_checks(small))
    probed = [
        f"{view} and {label}"
        for view in ("colour", "rim", "pixels")
        for label in ("object", "context")
    ]
    assert list(checks) == ["held-out pictures", *probed, "near-duplicates"]
    assert checks["held-out pictures"].ok is False
    for words in ("5 models", "8 images", "fewer than 20"):
        assert words in checks["held-out pictures"].sentence
    colour = checks["colour and object"]
    assert (colour.ok, colour.number["n"], colour.number["value"] > 0.9) == (None, 32, True)
    assert abs(checks["colour and context"].number["value"] - 0.5) < 0.3
    assert checks["near-duplicates"].ok is True
    small.path(int(audit.balanced_rows(small)[0])).unlink()
    with pytest.raises(ImageSetError, match="cannot be read; import it again"):
        run_checks(small)


def test_a_fold_that_tests_what_it_trained_on_is_found(
    small: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folds that know nothing of scenes would cut some."""
    scenes = small.table["scene"].to_numpy().copy()
    scenes[:2] = "the-same"
    pair = dataclasses.replace(small, table=small.table.assign(scene=scenes))
    assert check_of(pair, "near-duplicates").ok is True
    cut = [part.table["split"].to_numpy().copy() for part in parts(pair, 0)]
    cut[3][:2] = ["train", "test"]
    careless = [dataclasses.replace(pair, table=pair.table.assign(split=split)) for split in cut]
    monkeypatch.setattr(audit.subset, "parts", lambda *_, **__: careless)
    check = check_of(pair, "near-duplicates")
    assert check.ok is False
    assert "1 of 36 scenes" in check.sentence


def test_a_set_with_test_pictures_is_asked_about_those(
    fixed: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = by_name(run_checks(fixed))
    assert checks["held-out pictures"].ok is False
    assert "1 held-out image;" in checks["held-out pictures"].sentence
    assert checks["near-duplicates"].ok is True
    assert checks["colour and context"].number["value"] > 0.9
    assert not {"twins", "factors and object", "place and object"} & set(checks), (
        "no factors, no masks, no twins"
    )
    # A near copy with a scene of its own: the same picture, saved anew at a low quality.
    monkeypatch.setattr(audit, "COMPARED", 200)
    original = fixed.path(int(fixed.rows("train")[0]))
    Image.open(original).save(fixed.path(int(fixed.rows("test")[2])), quality=40)
    near = check_of(fixed, "near-duplicates")
    assert near.ok is False
    assert "1 of 19 test images" in near.sentence


def test_too_few_pictures_for_a_probe_are_said(empty_home: Path) -> None:
    import_set(source(empty_home / "source", "{0}_{1}/{2}.png", 4, 4, 4, 4), "tiny")
    checks = by_name(run_checks(open_set("tiny")))
    assert checks["probes"].ok is None
    assert not [entry for entry in checks.values() if entry.number]
    assert easier_cue(list(checks.values()), "object") is None


def test_the_answers_are_published_and_read_back(small: ImageSet) -> None:
    key = audit.checks_key(small.name, small.version)
    assert key == f"small-{small.version}-q{audit.QUESTIONS}.checks"
    assert audit.make_checks(small.name, small.version) == "trained"
    artifact = store.read(key)
    assert audit.read_checks(artifact) == run_checks(small)
    assert artifact.manifest["seconds"] > 0
    assert audit.make_checks(small.name, small.version) == "cached"
    assert store.model_keys() == []


def rates(seen: tuple[float, float, float], place: tuple[float, float, float]) -> list[Check]:
    return [
        Check(
            f"pixels and {label}", None, "", {"value": value, "low": low, "high": high, "n": 1400}
        )
        for label, (value, low, high) in (("object", seen), ("context", place))
    ]


@pytest.mark.parametrize(
    ("seen", "place", "words"),
    [
        ((0.6, 0.55, 0.65), (0.95, 0.9, 0.97), "The background is easier to see than the camel: "),
        ((0.95, 0.9, 0.97), (0.6, 0.55, 0.65), "The camel is easier to see than the background: "),
        (
            (0.6, 0.5, 0.7),
            (0.8, 0.7, 0.9),
            "Neither the camel nor the background is clearly easier to see",
        ),
        (
            (0.8, 0.7, 0.9),
            (0.6, 0.5, 0.7),
            "Neither the camel nor the background is clearly easier to see: ",
        ),
    ],
)
def test_what_is_easier_to_see_needs_two_intervals_apart(seen: Any, place: Any, words: str) -> None:
    sentence = easier_cue(rates(seen, place), "camel")
    assert sentence.startswith(words)
    for value, low, high in (seen, place):
        assert f"{value * 100:.0f}\u00a0% ({low * 100:.0f} to {high * 100:.0f})" in sentence
    assert ("shortcut" in sentence) is ("background is easier" in words)
    assert easier_cue(rates(seen, place)[:1], "camel") is None
