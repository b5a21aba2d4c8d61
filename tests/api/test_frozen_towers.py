"""Models on a frozen image tower are as any other, from features computed once."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.api.trainings import watch
from tests.data.importers.sources import groups, write
from tests.model.tiny_tower import ARCHITECTURE, as_in_a_new_process, write_weights
from vlcore.api.model_map import model_map
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data import feature_store as feature_files
from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.feature_store import FOLDER, stored_precision
from vlcore.data.imageset import ImageSet
from vlcore.data.importers import import_set
from vlcore.experiment.condition import Condition
from vlcore.jobs import jobs
from vlcore.metrics.memory import Memory
from vlcore.model import image_features, load
from vlcore.model.frozen_towers import Tower, open_tower
from vlcore.model.image_features import feature_store, features_of_images


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with the weights of a small network and a set of 20 images in folds."""
    with pytest.MonkeyPatch.context() as patch, as_in_a_new_process():
        folder = tmp_path_factory.mktemp("frozen")
        patch.setenv("VLCORE_HOME", str(folder))
        patch.setenv("HF_HUB_CACHE", str(folder / "nothing"))
        import_set(write(folder / "source", groups(5, 5, 5, 5)), "small")
        yield write_weights()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images a network was asked for, call by call."""
    calls: list[int] = []
    embed = Tower.embed

    def counted(tower: Tower, images: Sequence[np.ndarray]) -> np.ndarray:
        calls.append(len(images))
        return embed(tower, images)

    monkeypatch.setattr(Tower, "embed", counted)
    return calls


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return open_set("small")


@pytest.fixture(scope="module")
def condition(images: ImageSet) -> Condition:
    usual = subset.usual_condition(images)
    return usual.replace(
        architecture=ARCHITECTURE,
        text="words",
        labels="descriptive",
        bias=0.5,
        steps=20,
        batch_size=8,
    )


@pytest.fixture(scope="module")
def trained(condition: Condition) -> Artifact:
    assert train_condition(condition) == "trained"
    return store.read(condition.key)


def test_features_are_computed_once_for_all_conditions(
    trained: Artifact, condition: Condition, images: ImageSet, asked: list[int]
) -> None:
    feature_cache = feature_store(images, ARCHITECTURE)
    assert feature_cache.missing(range(len(images.table))) == []
    others = condition.replace(labels="undescriptive", bias=0.0, data_seed=1, init_seed=1, steps=1)
    assert train_condition(others) == "trained"
    assert asked == []
    assert train_condition(others.replace(architecture=f"{ARCHITECTURE}@random")) == "trained"
    assert sum(asked) == len(images.table), "the control has features of its own"
    assert len(list((images.root / FOLDER).glob("*.safetensors"))) == 2


def test_an_image_lies_where_the_map_has_it(trained: Artifact, images: ImageSet) -> None:
    model, stored = load.load_model(trained), trained.embeddings
    assert isinstance(model, load.OwnModel)
    assert model.frozen_tower == ARCHITECTURE
    rows = stored.map_rows
    pictures = [Image.fromarray(images.image(int(row))) for row in rows]
    assert model.embed_images(pictures) == pytest.approx(stored.end.on_map, abs=1e-3)
    shown = model_map(trained)
    assert model.embed_captions(shown.captions) == pytest.approx(stored.end.captions, abs=1e-3)
    assert model.embed_captions(["a dromedary on the lawn"]).shape == (1, 32)


def test_uploads_are_computed_once_and_forgotten_in_the_end(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_features, "_remembered", Memory(5))
    random = np.random.default_rng(1)
    uploads = [random.integers(0, 256, (40 + number, 60, 3), dtype=np.uint8) for number in range(5)]
    direct = stored_precision(open_tower(ARCHITECTURE).embed(uploads))
    asked.clear()
    assert (features_of_images(ARCHITECTURE, uploads) == direct).all()
    assert (
        features_of_images(ARCHITECTURE, uploads[::-1] + uploads)
        == np.concatenate([direct[::-1], direct])
    ).all()
    assert sum(asked) == 5
    assert features_of_images(ARCHITECTURE, []).shape == (0, direct.shape[1])
    random_weights = features_of_images(f"{ARCHITECTURE}@random", uploads[:1])
    assert (random_weights != direct[:1]).any(), "each tower has its own"
    assert (features_of_images(ARCHITECTURE, uploads[:1]) == direct[:1]).all()
    assert sum(asked) == 7, "the latest are remembered"


def test_features_are_watched_and_a_cancelled_job_keeps_those_that_it_has(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    shutil.rmtree(images.root / FOLDER, ignore_errors=True)
    monkeypatch.setattr(feature_files, "CHUNK", 4)
    seen = watch(monkeypatch)
    condition = subset.usual_condition(images).replace(architecture=ARCHITECTURE, steps=1)
    call = jobs.Reporter.__call__

    def cancel_midway(self: jobs.Reporter, *, now: bool = False, **news: Any) -> None:
        if (
            news.get("stage") == "computing image features"
            and news["done"] == 8
            and sum(asked) == 8
        ):
            assert jobs.cancel(condition.key)
        call(self, now=now, **news)

    monkeypatch.setattr(jobs.Reporter, "__call__", cancel_midway)
    with pytest.raises(jobs.JobCancelledError):
        train_condition(condition)
    assert (
        len(feature_store(images, ARCHITECTURE).missing(range(len(images.table))))
        == len(images.table) - 8
    )
    asked.clear()
    seen.clear()
    jobs.clear_last_failure(condition.key)
    assert train_condition(condition) == "trained"
    assert sum(asked) == len(images.table) - 8
    fractions = [status["fraction"] for status in seen]
    assert fractions == sorted(fractions)
