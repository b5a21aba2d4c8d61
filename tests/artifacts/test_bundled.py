"""Models that come with this version: as any other but for rounding, and give way to ours."""

import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vlcore.artifacts import bundled, store
from vlcore.artifacts.store import Artifact, CorruptArtifactError
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.data.feature_store import BUNDLED, PRETRAINED, bundle_of
from vlcore.experiment.files import models_folder
from vlcore.experiment.version import __version__
from vlcore.jobs import jobs
from vlcore.metrics.counterfactual import PANEL_KINDS
from vlcore.model.load import load_model


@pytest.fixture(scope="module")
def packed(quick: list[Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as it comes with this version: one compressed file."""
    file = tmp_path_factory.mktemp("packed") / f"{quick[3].key}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in bundled.bundled_contents(quick[3].path, quick[3].manifest).items():
            archive.writestr(name, content)
    return file


@pytest.fixture
def comes(
    quick: list[Artifact], packed: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Artifact:
    """The original of a model that comes with this version, to a home that is empty."""
    folder = empty_home / "came"
    folder.mkdir()
    monkeypatch.setenv("VLCORE_SHIPPED", str(folder))
    shutil.copy(packed, folder)
    return quick[3]


def test_it_is_there_before_anything_is_trained(comes: Artifact) -> None:
    assert store.published(comes.key)
    assert store.published_keys() == [comes.key]
    assert store.condition_of(comes.key) == comes.condition
    assert not models_folder().exists(), "a list of models unpacks none"
    assert not store.made_here(comes.key)
    assert jobs.view(comes.key).done
    found = store.read(comes.key)
    assert (found.bundled_with, comes.bundled_with) == (__version__, None)
    assert found.metrics == comes.metrics
    expected = {**comes.manifest, "came_with": __version__, "files": found.manifest["files"]}
    assert found.manifest == expected


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("embeddings.npz", bundled.VECTORS),
        ("snapshots.npz", bundled.ANIMATION_VECTORS),
        ("maps.npz", 512),
    ],
)
def test_its_arrays_are_rounded(comes: Artifact, name: str, steps: int) -> None:
    original, rounded = comes.arrays(name), store.read(comes.key).arrays(name)
    assert set(rounded) <= set(original)
    for array, values in rounded.items():
        assert values.dtype == original[array].dtype
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, original[array], rtol=1e-3, atol=0.5 / steps + 1e-3)
        else:
            np.testing.assert_array_equal(values, original[array])


def test_its_model_answers_as_the_original(comes: Artifact) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
    ours, theirs = (
        load_model(model).embed_pixels(pixels) for model in (store.read(comes.key), comes)
    )
    assert (np.sum(ours * theirs, axis=1) > 0.999).all()


def test_weights_keep_eight_significant_bits(comes: Artifact) -> None:
    ours, theirs = (
        (one.path / "model.safetensors").read_bytes() for one in (store.read(comes.key), comes)
    )
    end = 8 + int.from_bytes(ours[:8], "little")
    assert ours[:end] == theirs[:end]
    rounded, exact = (
        np.frombuffer(content[end:], "<f4").astype(float) for content in (ours, theirs)
    )
    assert (np.abs(rounded - exact) <= np.abs(exact) * 2.0**-8).all()
    mantissa, _ = np.frexp(rounded)
    assert (mantissa * 2**8 == np.round(mantissa * 2**8)).all()


def test_one_that_is_damaged_is_set_aside_and_comes_again(comes: Artifact) -> None:
    (store.read(comes.key).path / "metrics.json").write_text("{}")
    with pytest.raises(CorruptArtifactError):
        store.read(comes.key)
    assert store.read(comes.key).metrics == comes.metrics


@pytest.mark.parametrize("kept", [0, 100, 50_000])
def test_a_damaged_file_is_said_to_be_and_leaves_nothing(
    comes: Artifact, empty_home: Path, kept: int
) -> None:
    (file,) = (empty_home / "came").iterdir()
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(bundled.DamagedFileError):
        store.read(comes.key)
    assert store.condition_of(comes.key) is None
    assert list(models_folder().iterdir()) == []


def test_many_ask_at_once_and_get_one(comes: Artifact) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.read, [comes.key] * 16))
    assert {one.digest for one in found} == {found[0].digest}
    assert [path.name for path in models_folder().iterdir()] == [comes.key]


@pytest.mark.parametrize("unpacked", [True, False])
def test_it_is_trained_when_asked_to_and_then_gives_way(comes: Artifact, unpacked: bool) -> None:
    if unpacked:
        store.read(comes.key)

    def make(out: Path, _report: jobs.Reporter) -> dict[str, object]:
        (out / "metrics.json").write_text(json.dumps({"ours": 1}))
        return {}

    assert jobs.run(comes.key, make) == "cached"
    assert jobs.run(comes.key, make, fresh=True) == "trained"
    assert store.read(comes.key).metrics == {"ours": 1}
    assert store.made_here(comes.key)
    assert jobs.run(comes.key, make, fresh=True) == "cached"


def test_one_that_fails_in_training_leaves_what_came(comes: Artifact) -> None:
    def fail(_out: Path, _report: jobs.Reporter) -> dict[str, object]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        jobs.run(comes.key, fail, fresh=True)
    assert store.read(comes.key).bundled_with == __version__


def test_features_of_all_images_of_the_built_in_sets_are_bundled() -> None:
    for name in BUILT_IN_SETS:
        images = open_set(name)
        bundle = bundle_of(images, PRETRAINED)
        assert bundle is not None
        assert set(bundle.rows) == set(range(len(images.table)))
        assert set(bundle.panel) >= set(PANEL_KINDS)
        assert (
            bundle.random["test"].shape
            == bundle.pixels["test"].shape
            == (len(images.rows("test")), 32)
        )
    assert sum(file.stat().st_size for file in BUNDLED.glob("*.npz")) <= 9_000_000
