"""The store: a folder exists only whole, matches its checksums or is set aside, and no key leads out of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.core.condition import Condition
from vlcore.core.files import models_folder
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store import artefacts, jobs
from vlcore.store.artefacts import CorruptArtefactError, StoreError

FILES = {"condition.json": b"{}", "metrics.json": b'{"a": 1}', "embeddings.npz": bytes(range(256))}
HOSTILE = [
    "../x", "a/../b", "..", ".", "", "A B", "/etc/passwd", "a/b", "a\\b", "a..b", ".work", "-x", "_x", "a\n", "ä", "A",
    "a\x00", "a" * 152, "~root",
]  # fmt: skip


def finished(files: dict[str, bytes] = FILES) -> Path:
    """A folder as a job leaves it: beside the store, not yet published."""
    (models_folder() / ".work").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=models_folder() / ".work"))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def set_aside(key: str) -> list[Path]:
    return list((models_folder() / ".quarantine").glob(f"{key}-*"))


@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}\.(json|npz|csv)", fullmatch=True), st.binary(max_size=200), max_size=5
    ),
    facts=st.dictionaries(st.sampled_from(["seconds", "device", "of"]), st.integers() | st.text(), max_size=3),
)
@settings(max_examples=25, deadline=None)
def test_what_is_published_is_read_back(files: dict[str, bytes], facts: dict[str, object]) -> None:
    files.pop("manifest.json", None)
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", home)
        made = finished(files)
        published = artefacts.publish("a-key", made, facts)
        assert not made.exists(), "it is moved, not copied"
        artefact = artefacts.read("a-key")
        assert artefact.path == models_folder() / "a-key"
        on_disk = contents(artefact.path)
        del on_disk["manifest.json"]
        assert on_disk == files
        assert artefact.manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        assert {name: artefact.manifest[name] for name in facts} == facts
        assert artefact.manifest["key"] == "a-key"
        assert artefact.digest == published.digest


def test_an_artefact_reads_its_files(empty_home: Path) -> None:
    made = finished({})
    condition = Condition(bias=0.5)
    (made / "condition.json").write_text(json.dumps(condition.as_dict()))
    (made / "metrics.json").write_text('{"first_fit_step": null}')
    np.savez(made / "maps.npz", map=np.arange(6).reshape(3, 2), texts=np.array(["horse", "camel"]))
    artefact = artefacts.publish(condition.key, made, {})
    assert artefact.condition == condition
    assert artefact.metrics == {"first_fit_step": None}
    arrays = artefact.arrays("maps.npz")
    assert arrays["map"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert arrays["texts"].tolist() == ["horse", "camel"]
    assert {"python", "torch", "numpy"} <= set(artefact.manifest["versions"])


def test_embeddings_know_which_rows_they_are_of(empty_home: Path) -> None:
    made, random = finished({}), np.random.default_rng(0)
    z = {
        name: random.normal(size=(n, 4)).astype(np.float32) for name, n in (("test", 4), ("train", 2), ("captions", 2))
    }
    scores = {name: random.normal(size=(len(z[name]), 2)).astype(np.float32) for name in ("test", "train")}
    layer = {"layer_objects": ["camel", "horse"], "layer_direction": np.ones(4), "layer_shift": -0.5}
    np.savez(
        made / "embeddings.npz", test_rows=[3, 5, 8, 9], train_rows=[7, 1], caption_texts=["horse", "camel"],
        train_own=[1, 0], end_scale_bias=[10.0, -1.0], map_predicted=["camel", "horse"], train_predicted=["horse"] * 2,
        **{f"end_{name}": part for name, part in z.items()},
        **{f"end_{name}_scores": part for name, part in scores.items()}, **layer,
    )  # fmt: skip
    pca = {"pca_centre": np.zeros(4), "pca_components": np.eye(2, 4), "pca_shares": [0.6, 0.3], "pca_variance": 2.0}
    np.savez(made / "maps.npz", map_rows=[5, 9], **pca)
    stored = StoredEmbeddings(artefacts.publish("a-key", made, {}))
    assert (stored.rows("train").tolist(), stored.map_rows.tolist()) == ([7, 1], [5, 9])
    assert (stored.own.tolist(), stored.caption_texts) == ([1, 0], ("horse", "camel"))
    assert stored.relabelled is not None
    assert stored.relabelled.tolist() == ["camel", "horse", "horse", "horse"]
    assert (stored.plane.components.shape, stored.plane.variance) == ((2, 4), 2.0)
    assert stored.layer is not None
    assert (stored.layer.objects, stored.layer.shift) == (("camel", "horse"), -0.5)
    end = stored.end
    assert np.array_equal(end.on_map, z["test"][[1, 3]])
    assert np.array_equal(end.train, z["train"])
    assert np.array_equal(end.captions, z["captions"])
    assert (end.scale, end.bias, stored.untrained) == (10, -1, None)
    assert end.scores == pytest.approx(np.concatenate([scores["test"][[1, 3]], scores["train"]]))


def test_an_array_of_objects_is_never_unpickled(empty_home: Path) -> None:
    made = finished({})
    np.savez(made / "maps.npz", map=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        artefacts.publish("a-key", made, {}).arrays("maps.npz")


def test_the_digest_follows_the_content_alone(empty_home: Path) -> None:
    first, twin = (artefacts.publish(key, finished(), {"seconds": len(key)}) for key in ("a", "twin"))
    other = artefacts.publish("other", finished({**FILES, "metrics.json": b'{"a": 2}'}), {})
    assert first.digest == twin.digest != other.digest


@given(name=st.sampled_from(sorted(FILES)), place=st.integers(min_value=0), bit=st.integers(0, 7))
@settings(max_examples=25, deadline=None)
def test_one_flipped_bit_is_found(name: str, place: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", home)
        path = artefacts.publish("a-key", finished(), {}).path
        content = bytearray((path / name).read_bytes())
        content[place % len(content)] ^= 1 << bit
        (path / name).write_bytes(content)
        with pytest.raises(CorruptArtefactError) as caught:
            artefacts.read("a-key")
        assert str(caught.value) == f"The model a-key was damaged ({name}) and has been set aside; train it again."
        assert not artefacts.published("a-key")
        (aside,) = set_aside("a-key")
        assert contents(aside)[name] == bytes(content), "kept for whoever wants to know"
        assert artefacts.publish("a-key", finished(), {}).key == "a-key", "the key is free again"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_gone_is_named(empty_home: Path, name: str) -> None:
    (artefacts.publish("a-key", finished(), {}).path / name).unlink()
    with pytest.raises(CorruptArtefactError, match=rf"damaged \({name}\)"):
        artefacts.read("a-key")
    assert set_aside("a-key")


@pytest.mark.parametrize("manifest", [None, b"", b"{", b"[]", b"3", b"{}", b'{"files": null}', b"\xff\xfe"])
def test_without_a_sound_manifest_nothing_is_trusted(empty_home: Path, manifest: bytes | None) -> None:
    path = artefacts.publish("a-key", finished(), {}).path
    if manifest is None:
        (path / "manifest.json").unlink()
    else:
        (path / "manifest.json").write_bytes(manifest)
    with pytest.raises(CorruptArtefactError, match=r"damaged \(manifest.json\)"):
        artefacts.read("a-key")
    assert len(set_aside("a-key")) == 1
    artefacts.publish("a-key", finished(), {})
    assert len(set_aside("a-key")) == 1


def test_another_reader_may_set_it_aside_first(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artefacts.publish("a-key", finished(), {})

    def meanwhile(path: Path) -> str:
        if artefacts.published("a-key"):
            artefacts.quarantine("a-key")
        return "another checksum"

    monkeypatch.setattr(artefacts, "_checksum", meanwhile)
    with pytest.raises(CorruptArtefactError, match="has been set aside; train it again"):
        artefacts.read("a-key")
    assert len(set_aside("a-key")) == 1


def test_a_damaged_model_that_cannot_be_set_aside_says_so(empty_home: Path) -> None:
    artefact = artefacts.publish("a-key", finished(), {})
    (artefact.path / "metrics.json").write_bytes(b"?")
    (models_folder() / ".quarantine").write_text("a file is in the way")
    with pytest.raises(CorruptArtefactError, match=r"cannot be set aside \(File exists\); make .* writable"):
        artefacts.read("a-key")
    assert artefact.path.is_dir()


def test_publishing_twice_raises_and_overwrites_nothing(empty_home: Path) -> None:
    first = artefacts.publish("a-key", finished(), {"seconds": 1})
    before = contents(first.path)
    second = finished({"metrics.json": b"{}"})
    with pytest.raises(OSError, match="not empty"):
        artefacts.publish("a-key", second, {"seconds": 2})
    assert contents(first.path) == before
    assert contents(second)["metrics.json"] == b"{}"
    assert artefacts.read("a-key").manifest["seconds"] == 1


def test_an_unknown_key_says_what_to_do(empty_home: Path) -> None:
    with pytest.raises(StoreError) as caught:
        artefacts.read("nowhere")
    assert str(caught.value) == "No model 'nowhere' is on disk; train it first."
    assert not isinstance(caught.value, CorruptArtefactError)
    assert not models_folder().exists(), "reading makes no folder"


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_is_refused_everywhere(empty_home: Path, key: str) -> None:
    made = finished()
    before = sorted(empty_home.rglob("*"))
    for use in (
        artefacts.check_key, artefacts.read, artefacts.published, artefacts.fingerprint, artefacts.quarantine,
        jobs.work_folder, jobs.view,
        jobs.cancel, jobs.clear_last_failure, lambda key: jobs.run(key, lambda *_: pytest.fail("made")),
        lambda key: artefacts.publish(key, made, {}),
    ):  # fmt: skip
        with pytest.raises(StoreError, match="is not a model key; `python -m vlcore status` lists the keys there are"):
            use(key)
    assert sorted(empty_home.rglob("*")) == before


@given(st.text() | st.from_regex(artefacts.KEY_PATTERN) | st.sampled_from(HOSTILE))
@settings(deadline=None)
def test_a_key_that_passes_is_a_name_within_the_folder(key: str) -> None:
    try:
        assert artefacts.check_key(key) == key
    except StoreError:
        return
    assert (models_folder() / key).parent == models_folder()
    assert (models_folder() / key).resolve() == models_folder().resolve() / key
    assert not key.startswith(".")


@pytest.mark.parametrize(
    "condition", [Condition(), Condition(bias=0.975, negatives="none", steps=0, init_seed=2**31 - 1)]
)
def test_the_key_of_a_condition_passes(condition: Condition) -> None:
    assert artefacts.check_key(condition.key) == condition.key


def test_the_stamp_changes_when_a_file_does(empty_home: Path) -> None:
    path = artefacts.publish("a-key", finished(), {}).path
    stamps = [artefacts.fingerprint("a-key")]
    assert artefacts.fingerprint("a-key") == stamps[0]
    with (path / "metrics.json").open("ab") as file:
        file.write(b" ")
    stamps.append(artefacts.fingerprint("a-key"))
    os.utime(path / "metrics.json", ns=(1, 1))  # rewritten with the same size
    stamps.append(artefacts.fingerprint("a-key"))
    (path / "metrics.json").unlink()
    stamps.append(artefacts.fingerprint("a-key"))
    shutil.rmtree(path)
    stamps.append(artefacts.fingerprint("a-key"))
    assert len(set(stamps)) == 5
    assert artefacts.fingerprint("never-there") == stamps[-1]


def test_only_what_is_published_is_listed(empty_home: Path) -> None:
    assert artefacts.published_keys() == []
    for key in ("b-key", "a-key", "a-key.umap"):
        artefacts.publish(key, finished(), {})
    finished()
    shutil.copytree(models_folder() / "a-key", models_folder() / "Copy of a-key")
    (models_folder() / "half-made").mkdir()
    artefacts.quarantine("b-key")
    assert artefacts.published_keys() == ["a-key", "a-key.umap"]
    assert not artefacts.published("half-made")


def test_no_artefact_holds_a_pickle(quick: list[artefacts.Artefact]) -> None:
    for artefact in quick:
        files = [path for path in artefact.path.rglob("*") if path.is_file()]
        assert {path.suffix for path in files} == {".json", ".npz", ".csv", ".safetensors"}
        weights = (artefact.path / "model.safetensors").read_bytes()
        header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
        assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F32"}
        for path in artefact.path.glob("*.npz"):
            with zipfile.ZipFile(path) as archive:
                assert {Path(name).suffix for name in archive.namelist()} == {".npy"}
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays.files)
                assert arrays.files
