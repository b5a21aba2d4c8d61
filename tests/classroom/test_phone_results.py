"""What a phone tells of its two models: counted as the server counts, and repeated by chance."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.classroom import one_room
from vlcore.classroom.one_room import ClassPlan, Pair
from vlcore.classroom.phone_results import EVERY, PhoneRun, is_repeated, is_same, phone_runs
from vlcore.classroom.session import LessonError
from vlcore.classroom.tower_pairs import PHONES
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.metrics.catalogue import PRIMARY
from vlcore.model.in_browser import WEIGHTS, rows_by_group

PLAN = ClassPlan("labels", 5, towers=PHONES)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return open_set("scenes")


@pytest.fixture(scope="module")
def pair(images: ImageSet) -> Pair:
    return one_room.pair_of(PLAN, usual_condition(images), images.grouping, 0)


@pytest.fixture(scope="module")
def rows(images: ImageSet) -> np.ndarray:
    """Rows of the held-out images as a phone has them, group by group."""
    return rows_by_group(images, "test").ravel()


def told(predicted: str, checksum: list[float] | None = None) -> dict[str, object]:
    return {"predicted": predicted, "checksum": checksum or [1.0] * len(WEIGHTS)}


def test_accuracies_are_those_of_the_predictions(
    images: ImageSet, pair: Pair, rows: np.ndarray
) -> None:
    digits = np.random.default_rng(0).integers(0, 2, len(rows))
    result = json.dumps([told("".join(map(str, digits))), told("0" * len(rows))])
    first, second = phone_runs(result, pair, images)
    rare: dict[str, list[bool]] = {name: [] for name in images.grouping.minority}
    for digit, row in zip(digits.tolist(), rows, strict=True):
        entry = images.table.iloc[row]
        if entry["group"] in rare:
            rare[entry["group"]].append(images.grouping.objects[digit] == entry["object"])
    estimate = first.metrics["end"][PRIMARY]
    assert estimate["value"] == pytest.approx(np.mean([np.mean(hits) for hits in rare.values()]))
    assert estimate["low"] < estimate["value"] < estimate["high"]
    assert second.metrics["end"][PRIMARY]["value"] == 0.5
    assert (first.condition, second.condition) == pair


def test_what_is_no_result_is_refused(images: ImageSet, pair: Pair, rows: np.ndarray) -> None:
    good, count = told("0" * len(rows)), len(rows)
    for wrong in (
        None,
        [],
        [good],
        [good, good, good],
        [good, {"predicted": "0" * count}],
        [good, told("0" * (count - 1))],
        [good, told("0" * (count - 1) + "2")],
        [good, told("0" * count, [1.0])],
        [good, told("0" * count, [float("nan")] * len(WEIGHTS))],
        [good, told("0" * count, ["much"] * len(WEIGHTS))],  # type: ignore[list-item]
        [good, "text"],
    ):
        with pytest.raises(LessonError):
            phone_runs(json.dumps(wrong), pair, images)
    with pytest.raises(LessonError):
        phone_runs("no JSON", pair, images)


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory, pair: Pair) -> Iterator[Artifact]:
    """The first model of the pair, as the server trains it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("home")))
        short = pair[0].replace(steps=25)
        train_condition(short)
        yield store.read(short.key)


@pytest.fixture
def run(repeated: Artifact, pair: Pair, images: ImageSet, rows: np.ndarray) -> PhoneRun:
    """What a phone would tell of the same model."""
    from safetensors.numpy import load_file

    held_out = repeated.embeddings.rows("test").tolist()
    correct = repeated.embeddings.test_correct
    assert correct is not None
    digits = []
    for row in rows.tolist():
        truth = images.grouping.objects.index(images.table["object"].iloc[row])
        digits.append(truth if correct[held_out.index(row)] else 1 - truth)
    weights = load_file(Path(repeated.path) / "model.safetensors")
    checksum = [float(np.square(weights[name], dtype=np.float64).sum()) for name in WEIGHTS]
    result = json.dumps([told("".join(map(str, digits)), checksum)] * 2)
    return phone_runs(result, pair, images)[0]


def test_the_same_model_is_told_from_another(
    run: PhoneRun, repeated: Artifact, images: ImageSet
) -> None:
    assert is_same(run, repeated, images)
    assert run.metrics["end"][PRIMARY] == pytest.approx(repeated.metrics["end"][PRIMARY])
    wrong = np.arange(len(run.predicted)) < 0.02 * len(run.predicted)
    assert not is_same(replace(run, predicted=run.predicted ^ wrong), repeated, images)
    changed = list(run.checksum)
    changed[WEIGHTS.index("text.project.weight")] *= 1.1
    assert not is_same(replace(run, checksum=tuple(changed)), repeated, images)


def test_one_seed_pair_of_ten_is_repeated_and_each_class_has_its_own() -> None:
    def places(token: str) -> list[int]:
        return [place for place in range(10 * EVERY) if is_repeated(token, place)]

    first = places("a token")
    assert [place // EVERY for place in first] == list(range(10))
    assert first == places("a token") != places("another token")
    assert len({place % EVERY for place in first}) > 1
