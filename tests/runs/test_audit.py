"""What is asked of a set: a clean one passes, and every planted fault is found and said with its numbers."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vlcore.core.grouping import SCENES
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet, ImageSetError
from vlcore.datasets.importers import import_set
from vlcore.datasets.subset import parts
from vlcore.runs import audit
from vlcore.runs.audit import Check, check, in_words
from vlcore.scenes import Drawing, Scene, draw
from vlcore.store import artefacts, jobs

NUMBER = re.compile(r"in \d+\u00a0% \(\d+ to \d+\) of [\d,]+ pictures; chance is 50 %\.$")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pictures are drawn and looked at."""
    monkeypatch.setattr(audit, "PER_GROUP", 10)
    monkeypatch.setattr(audit, "TWIN_SCENES", 2)
    monkeypatch.setattr(audit, "COMPARED", 8)


def by_name(found: list[Check]) -> dict[str, Check]:
    assert len({entry.name for entry in found}) == len(found)
    return {entry.name: entry for entry in found}


def asked(images: ImageSet, question: str) -> Check:
    return by_name(check(images))[question]


# --- a drawn set


def test_the_drawn_set_passes_and_every_answer_has_its_numbers(home: Path) -> None:
    seen: list[tuple[int, int]] = []
    images = open_set("scenes")
    found = by_name(check(images, lambda done, of: seen.append((done, of))))
    assert list(found) == [
        "held-out pictures", "factors and object", "factors and context",
        *(f"{view} and {label}" for view in ("colour", "rim", "pixels", "place", "outline")
          for label in ("object", "context")),
        "twins", "near-duplicates",
    ]  # fmt: skip
    assert seen[-1][0] == seen[-1][1] == 40 + 16, "what is compared is drawn in the same go"
    wrong = [entry.sentence for entry in found.values() if entry.ok is False]
    # With ten pictures a group the outline of the animal may stay below three standard errors.
    assert [sentence for sentence in wrong if "outline" not in sentence] == []
    for name, entry in found.items():
        if entry.number is None:
            assert re.search(r"\d", entry.sentence), name
            continue
        view, label = name.split(" and ")
        assert (entry.number["view"], entry.number["label"], entry.number["n"]) == (view, label, 40)
        assert 0 <= entry.number["low"] <= entry.number["value"] <= entry.number["high"] <= 1
        assert NUMBER.search(entry.sentence), entry.sentence
        assert f"tells the {label} in {entry.number['value'] * 100:.0f}" in entry.sentence
    free = {"colour and object", "rim and object", "pixels and object", "place and context"}
    assert {name for name in free if found[name].ok is None} == free, "what is easy to see is no fault"
    assert found["place and context"].number["value"] > 0.9
    assert found["twins"].sentence.endswith("(2 scenes of four looked at).")
    assert "No scene is in training and test; of 8 test pictures none is near" in found["near-duplicates"].sentence


def with_factors(images: ImageSet, **changes: Any) -> ImageSet:
    """The set as if some factors of its training pictures followed from the row."""
    table = images.table.copy()
    texts = []
    for row in table.itertuples():
        factors = json.loads(row.factors)
        if row.split == "train":
            factors |= {name: of(row) for name, of in changes.items()}
        texts.append(json.dumps(factors))
    return dataclasses.replace(images, table=table.assign(factors=texts))


def test_a_factor_that_goes_with_the_object_is_named(home: Path) -> None:
    planted = with_factors(open_set("scenes"), coat=lambda row: "bay" if row.object == "horse" else "sand")
    found = by_name(list(audit._factors(planted)))
    assert found["factors and object"].ok is False
    assert found["factors and object"].sentence == (
        "The factor coat goes with the object: Cramér's V is 1.00 in 1,920 pictures."
    )
    assert found["factors and context"].ok is True


def test_a_weak_two_valued_factor_is_named_though_another_has_a_larger_v_by_chance(home: Path) -> None:
    """V of eight values is larger by chance than that of two, but says less."""
    numbers = iter(range(10**6))
    images = with_factors(
        open_set("scenes"),
        pattern=lambda row: "dapples" if next(numbers) % 20 < (9 if row.context == "grass" else 11) else "plain",
    )
    found = by_name(list(audit._factors(images)))["factors and context"]
    assert found.ok is False
    assert found.sentence.startswith("The factor pattern goes with the context: Cramér's V is 0.10 in 1,920")


@pytest.mark.parametrize("changed", ["horse", "desert"])
def test_twins_that_differ_elsewhere_are_found(home: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    def careless(scene: Scene, size: int = 128) -> Drawing:
        made = draw(scene, size)
        if scene.object == changed:
            made.image[0, 0] ^= 1  # a corner, which no animal covers
        if scene.context == changed:
            made.mask[0, 0] = 255
        return made

    monkeypatch.setattr(audit, "draw", careless)
    (found,) = audit._twins(open_set("scenes"))
    assert found.ok is False
    assert found.sentence == "Twins differ in more than the changed factor in 2 of 2 scenes looked at."


def test_a_scene_in_training_and_test_is_found(home: Path) -> None:
    images = open_set("scenes")
    scenes = images.table["scene"].to_numpy().copy()
    scenes[images.rows("train")[3]] = scenes[images.rows("test")[700]]
    found = asked(dataclasses.replace(images, table=images.table.assign(scene=scenes)), "near-duplicates")
    assert found.ok is False
    assert re.search(r"not unseen: 1 of [\d,]+ scenes are in training and in test\.", found.sentence)


def test_a_training_picture_in_the_test_under_another_name_is_found(home: Path) -> None:
    images = open_set("scenes")
    files = images.table["file_name"].to_numpy().copy()
    files[images.rows("test")[0]] = files[images.rows("train")[0]]  # both are looked at, whatever is left out
    found = asked(dataclasses.replace(images, table=images.table.assign(file_name=files)), "near-duplicates")
    assert found.ok is False
    assert "found again, or nearly so, in 1 of 8 test pictures (smallest mean difference 0 of 255" in found.sentence


def test_equally_many_unrelated_pictures_are_looked_at(home: Path) -> None:
    images = open_set("scenes")
    rows = audit.balanced_rows(images)
    table = images.table.iloc[rows]
    assert table["group"].value_counts().to_dict() == dict.fromkeys(SCENES.names, 10)
    assert set(table["split"]) == {"probe"}
    assert table["scene"].is_unique
    assert rows.tolist() == audit.balanced_rows(images).tolist() == sorted(rows)


# --- imported sets


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
    import_set(source(empty_home / "source", "{0}_{1}/{2}.png", 12, 8, 9, 8, bright="horse"), "small")
    return open_set("small")


@pytest.fixture
def fixed(empty_home: Path) -> ImageSet:
    """A set with training and test pictures of its own."""
    root = source(empty_home / "source", "train/{0}/{1}/{2}.png", 12, 10, 12, 10, bright="grass")
    import_set(source(root, "test/{0}/{1}/{2}.png", 6, 6, 1, 6, bright="grass"), "fixed")
    return open_set("fixed")


def test_a_small_set_is_asked_what_applies_to_it(small: ImageSet) -> None:
    found = by_name(check(small))
    assert list(found) == [
        "held-out pictures",
        *(f"{view} and {label}" for view in ("colour", "rim", "pixels") for label in ("object", "context")),
        "near-duplicates",
    ]
    assert found["held-out pictures"].ok is False
    assert found["held-out pictures"].sentence == (
        "Small set: 5 models are trained in turn, so that each picture is held out once; the smallest group has 8 "
        "pictures, and numbers from fewer than 20 say little."
    )
    colour = found["colour and object"]
    assert colour.number["value"] > 0.9
    assert colour.number["n"] == 32
    assert colour.ok is None
    assert abs(found["colour and context"].number["value"] - 0.5) < 0.3
    near = found["near-duplicates"]
    assert near.ok is True
    assert near.sentence.startswith("No fold cuts a scene; of 8 test pictures of the first fold none is near one of 8")


def test_a_fold_that_tests_what_it_trained_on_is_found(small: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds that know nothing of scenes would cut some."""
    scenes = small.table["scene"].to_numpy().copy()
    scenes[:2] = "the-same"
    pair = dataclasses.replace(small, table=small.table.assign(scene=scenes))
    assert asked(pair, "near-duplicates").ok is True
    cut = [part.table["split"].to_numpy().copy() for part in parts(pair, 0)]
    cut[3][:2] = ["train", "test"]
    careless = [dataclasses.replace(pair, table=pair.table.assign(split=split)) for split in cut]
    monkeypatch.setattr(audit.subset, "parts", lambda *_, **__: careless)
    found = asked(pair, "near-duplicates")
    assert found.ok is False
    assert "1 of 36 scenes are in training and in test" in found.sentence


def test_a_set_with_its_own_test_pictures_is_asked_about_those(fixed: ImageSet) -> None:
    found = by_name(check(fixed))
    assert found["held-out pictures"].ok is False
    assert found["held-out pictures"].sentence == (
        "The smallest group has 1 held-out picture; numbers from fewer than 20 say little."
    )
    assert found["near-duplicates"].ok is True
    assert found["near-duplicates"].sentence.startswith("No scene is in training and test; of 8 test pictures")
    assert found["colour and context"].number["value"] > 0.9
    assert not {"twins", "factors and object", "place and object"} & set(found), "no factors, no masks, no twins"


def test_near_copies_with_scenes_of_their_own_are_found(fixed: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same picture, saved anew at a low quality."""
    monkeypatch.setattr(audit, "COMPARED", 200)
    there = fixed.path(int(fixed.rows("train")[0]))
    Image.open(there).save(fixed.path(int(fixed.rows("test")[2])), quality=40)
    found = asked(fixed, "near-duplicates")
    assert found.ok is False
    assert "in 1 of 19 test pictures" in found.sentence


def test_too_few_pictures_for_a_probe_are_said(empty_home: Path) -> None:
    import_set(source(empty_home / "source", "{0}_{1}/{2}.png", 4, 4, 4, 4), "tiny")
    found = by_name(check(open_set("tiny")))
    assert found["probes"].ok is None
    assert found["probes"].sentence == "Too few pictures to ask what a linear model could cheat with."
    assert not [entry for entry in found.values() if entry.number]
    assert in_words(list(found.values()), "object") is None


def test_a_picture_that_is_gone_is_a_sentence(small: ImageSet) -> None:
    small.path(int(audit.balanced_rows(small)[0])).unlink()
    with pytest.raises(ImageSetError, match="cannot be read; import it again"):
        check(small)


# --- the job


def test_the_answers_are_published_and_read_back(small: ImageSet) -> None:
    key = audit.checks_key(small.name, small.version)
    assert key == f"small-{small.version}-q{audit.QUESTIONS}.checks"
    assert audit.make_checks(small.name, small.version) == "trained"
    artefact = artefacts.read(key)
    assert audit.read_checks(artefact) == check(small)
    assert artefact.manifest["seconds"] > 0
    assert audit.make_checks(small.name, small.version) == "cached"
    assert artefacts.model_keys() == []


def test_a_job_on_a_set_that_is_not_there_is_a_sentence(empty_home: Path) -> None:
    with pytest.raises(ImageSetError, match="There is no usable image set named 'nowhere'"):
        audit.make_checks("nowhere", "1")
    view = jobs.view(audit.checks_key("nowhere", "1"))
    assert view.state is jobs.State.FAILED
    assert "no usable image set" in view.status["message"]


# --- in words


def rates(seen: tuple[float, float, float], place: tuple[float, float, float]) -> list[Check]:
    return [
        Check(f"pixels and {label}", None, "", {"value": value, "low": low, "high": high, "n": 1400})
        for label, (value, low, high) in (("object", seen), ("context", place))
    ]


@pytest.mark.parametrize(
    ("seen", "place", "words"),
    [
        ((0.6, 0.55, 0.65), (0.95, 0.9, 0.97), "The background is easier to see than the camel: "),
        ((0.95, 0.9, 0.97), (0.6, 0.55, 0.65), "The camel is easier to see than the background: "),
        ((0.6, 0.5, 0.7), (0.8, 0.7, 0.9), "Neither the camel nor the background is clearly easier to see: "),
        ((0.8, 0.7, 0.9), (0.6, 0.5, 0.7), "Neither the camel nor the background is clearly easier to see: "),
    ],
)
def test_what_is_easier_to_see_needs_intervals_apart(seen: Any, place: Any, words: str) -> None:
    said = in_words(rates(seen, place), "camel")
    assert said is not None
    assert said.startswith(words)
    for value, low, high in (seen, place):
        assert f"{value * 100:.0f}\u00a0% ({low * 100:.0f} to {high * 100:.0f})" in said
    assert "1,400 pictures" in said
    assert ("shortcut" in said) is ("background is easier" in words)


def test_one_rate_alone_is_no_comparison() -> None:
    both = rates((0.6, 0.5, 0.7), (0.8, 0.7, 0.9))
    assert in_words(both[:1], "camel") is None
    assert in_words([], "camel") is None
