"""The store: a folder exists only whole, matches its checksums, and no key leads out of it."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vlcore.artifacts import store
from vlcore.artifacts.store import CorruptArtifactError, StoreError
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs

FILES = {"condition.json": b"{}", "metrics.json": b'{"a": 1}', "embeddings.npz": bytes(range(256))}
HOSTILE = ["../x", "..", "", "A", "/etc/passwd", "a\\b", "a..b", ".work", "-x", "a\n", "ä", "a\x00"]
HOSTILE += ["a" * 232, "~root"]


def finished(files: dict[str, bytes] = FILES) -> Path:
    """A folder as a job leaves it: beside the store, not yet published."""
    (models_folder() / ".work").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=models_folder() / ".work"))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def set_aside(key: str) -> list[Path]:
    return list((models_folder() / ".quarantine").glob(f"{key}-*"))


@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}\.(json|npz|csv)", fullmatch=True),
        st.binary(max_size=200),
        max_size=5,
    ),
    facts=st.dictionaries(
        st.sampled_from(["seconds", "device", "of"]), st.integers() | st.text(), max_size=3
    ),
)
@settings(max_examples=15)
def test_what_is_published_is_read_back(files: dict[str, bytes], facts: dict[str, object]) -> None:
    files.pop("manifest.json", None)
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", home)
        made = finished(files)
        published = store.publish("a-key", made, facts)
        assert not made.exists(), "it is moved, not copied"
        artifact = store.read("a-key")
        assert artifact.path == models_folder() / "a-key"
        on_disk = contents(artifact.path)
        del on_disk["manifest.json"]
        assert on_disk == files
        assert artifact.manifest["files"] == {
            name: hashlib.sha256(data).hexdigest() for name, data in files.items()
        }
        assert {name: artifact.manifest[name] for name in facts} == facts
        assert artifact.manifest["key"] == "a-key"
        assert artifact.digest == published.digest


def test_an_artifact_reads_its_files_and_no_pickle(empty_home: Path) -> None:
    made = finished({})
    condition = Condition(bias=0.975, negatives="none", steps=0, init_seed=2**31 - 1)
    (made / "condition.json").write_text(json.dumps(condition.as_dict()))
    (made / "metrics.json").write_text('{"first_fit_step": null}')
    np.savez(made / "maps.npz", map=np.arange(6).reshape(3, 2))
    np.savez(made / "pickled.npz", map=np.array([{"a": 1}], dtype=object))
    artifact = store.publish(condition.key, made, {})
    assert (artifact.key, artifact.condition) == (store.check_key(condition.key), condition)
    assert artifact.metrics == {"first_fit_step": None}
    assert artifact.maps["map"].tolist() == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(ValueError, match="allow_pickle=False"):
        artifact.arrays("pickled.npz")


def test_an_interval_reaches_its_value(empty_home: Path) -> None:
    estimates = {"below": (0.1, 0.2, 0.4), "inside": (0.3, 0.2, 0.4), "above": (0.5, 0.2, 0.4)}
    stored = {
        name: dict(zip(("value", "low", "high", "n"), (*numbers, 9), strict=True))
        for name, numbers in estimates.items()
    }
    made = finished({**FILES, "metrics.json": json.dumps({"values": stored, "step": 3}).encode()})
    metrics = store.publish("a", made, {}).metrics
    ends = {name: (one["low"], one["high"]) for name, one in metrics["values"].items()}
    assert ends == {"below": (0.1, 0.4), "inside": (0.2, 0.4), "above": (0.2, 0.5)}
    assert metrics["step"] == 3


def test_the_digest_follows_the_content_alone(empty_home: Path) -> None:
    first, twin = (store.publish(key, finished(), {"seconds": len(key)}) for key in ("a", "twin"))
    other = store.publish("other", finished({**FILES, "metrics.json": b'{"a": 2}'}), {})
    assert first.digest == twin.digest != other.digest


@given(
    name=st.sampled_from(sorted(FILES)),
    place=st.integers(min_value=0),
    bit=st.integers(0, 7),
    gone=st.booleans(),
)
@settings(max_examples=15)
def test_one_flipped_bit_and_a_file_that_is_gone_are_found(
    name: str, place: int, bit: int, gone: bool
) -> None:
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", home)
        path = store.publish("a-key", finished(), {}).path
        content = bytearray((path / name).read_bytes())
        content[place % len(content)] ^= 1 << bit
        if gone:
            (path / name).unlink()
        else:
            (path / name).write_bytes(content)
        with pytest.raises(CorruptArtifactError) as caught:
            store.read("a-key")
        assert (
            str(caught.value)
            == f"The model a-key was damaged ({name}) and has been set aside; train it again."
        )
        assert not store.published("a-key")
        (aside,) = set_aside("a-key")
        assert contents(aside).get(name) == (None if gone else bytes(content)), (
            "kept for whoever wants to know"
        )
        assert store.publish("a-key", finished(), {}).key == "a-key", "the key is free again"


@pytest.mark.parametrize(
    "manifest", [None, b"", b"{", b"[]", b"{}", b'{"files": null}', b"\xff\xfe"]
)
def test_without_a_sound_manifest_nothing_is_trusted(
    empty_home: Path, manifest: bytes | None
) -> None:
    path = store.publish("a-key", finished(), {}).path
    if manifest is None:
        (path / "manifest.json").unlink()
    else:
        (path / "manifest.json").write_bytes(manifest)
    with pytest.raises(CorruptArtifactError, match=r"damaged \(manifest.json\)"):
        store.read("a-key")
    assert len(set_aside("a-key")) == 1


def test_what_lost_its_manifest_gives_way(empty_home: Path) -> None:
    (store.publish("a-key", finished(), {}).path / "manifest.json").unlink()
    assert not store.published("a-key")
    assert store.publish("a-key", finished(), {"seconds": 2}).manifest["seconds"] == 2


@given(place=st.integers(0, 2**31), bit=st.integers(0, 7))
@settings(max_examples=30)
@example(place=0, bit=0)
def test_one_flipped_bit_of_the_manifest_is_found_or_changes_nothing(place: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", home)
        sound = store.publish("a-key", finished(), {"seconds": 1.5, "name": "Kamele"})
        file = sound.path / "manifest.json"
        content = bytearray(file.read_bytes())
        content[place % len(content)] ^= 1 << bit
        file.write_bytes(content)
        try:
            read = store.read("a-key")
        except CorruptArtifactError:
            assert len(set_aside("a-key")) == 1
        else:  # of the name of its own checksum
            assert read.manifest.items() >= sound.manifest.items()


def published_model(condition: Condition) -> Path:
    described = {"condition.json": json.dumps(condition.as_dict()).encode()}
    return store.publish(condition.key, finished(described), {}).path


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, None])
def test_a_model_whose_description_is_damaged_is_set_aside_as_models_are_listed(
    empty_home: Path, content: bytes | None
) -> None:
    condition, other = Condition(steps=0), Condition(steps=0, bias=0.5)
    path = published_model(condition) / "condition.json"
    published_model(other)
    assert store.condition_of(condition.key) == condition
    path.unlink() if content is None else path.write_bytes(content)
    assert [store.condition_of(key) for key in store.model_keys()] == [None, other]
    assert store.model_keys() == [other.key]
    assert len(set_aside(condition.key)) == 1


def test_a_description_that_became_that_of_another_model_is_found(empty_home: Path) -> None:
    condition = Condition(steps=0, bias=0.5)
    description = published_model(condition) / "condition.json"
    description.write_text(json.dumps(condition.replace(bias=0.75).as_dict()))
    assert store.condition_of(condition.key) is None
    assert store.published_keys() == []


def test_a_model_of_another_version_is_left_alone(empty_home: Path) -> None:
    store.publish("a-key", finished({"condition.json": b'{"colour": "red"}'}), {})
    assert store.condition_of("a-key") is None
    assert store.published("a-key")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES, errno.ESTALE])
def test_what_cannot_be_read_now_is_not_damaged(
    empty_home: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = store.publish("a-key", finished(), {})
    for name in ("is_dir", "is_file", "open", "read_text"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, name, Mock(side_effect=OSError(number, os.strerror(number))))
            with pytest.raises(StoreError) as caught:
                store.read("a-key")
            assert type(caught.value) is StoreError
    assert store.read("a-key").digest == sound.digest


def test_another_reader_may_set_it_aside_first(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.publish("a-key", finished(), {})

    def meanwhile(path: Path) -> str:
        shutil.rmtree(models_folder() / "a-key", ignore_errors=True)
        return "another checksum"

    monkeypatch.setattr(store, "_checksum", meanwhile)
    with pytest.raises(CorruptArtifactError, match="has been set aside; train it again"):
        store.read("a-key")


def test_a_damaged_model_that_cannot_be_set_aside_says_so(empty_home: Path) -> None:
    artifact = store.publish("a-key", finished(), {})
    (artifact.path / "metrics.json").write_bytes(b"?")
    (models_folder() / ".quarantine").write_text("a file is in the way")
    with pytest.raises(CorruptArtifactError, match=r"cannot be set aside \(File exists\)"):
        store.read("a-key")
    assert artifact.path.is_dir()


def test_publishing_twice_raises_and_overwrites_nothing(empty_home: Path) -> None:
    first = store.publish("a-key", finished(), {"seconds": 1})
    before = contents(first.path)
    second = finished({"metrics.json": b"{}"})
    with pytest.raises(OSError, match="not empty"):
        store.publish("a-key", second, {"seconds": 2})
    assert contents(first.path) == before
    assert contents(second)["metrics.json"] == b"{}"
    assert store.read("a-key").manifest["seconds"] == 1


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_is_refused_everywhere(empty_home: Path, key: str) -> None:
    made = finished()
    before = sorted(empty_home.rglob("*"))
    for use in (
        store.check_key,
        store.read,
        store.published,
        store.fingerprint,
        jobs.work_folder,
        jobs.view,
        jobs.cancel,
        jobs.clear_last_failure,
        lambda key: jobs.run(key, lambda *_: pytest.fail("made")),
        lambda key: store.publish(key, made, {}),
    ):
        with pytest.raises(StoreError, match="is not a model key"):
            use(key)
    assert sorted(empty_home.rglob("*")) == before


@given(st.text() | st.from_regex(store.KEY_PATTERN) | st.sampled_from(HOSTILE))
def test_a_key_that_passes_is_a_name_within_the_folder(key: str) -> None:
    try:
        assert store.check_key(key) == key
    except StoreError:
        return
    assert (models_folder() / key).parent == models_folder()
    assert (models_folder() / key).resolve() == models_folder().resolve() / key
    assert not key.startswith(".")


def test_the_fingerprint_changes_when_a_file_does(empty_home: Path) -> None:
    path = store.publish("a-key", finished(), {}).path
    metrics, found = path / "metrics.json", [store.fingerprint("a-key")]
    assert store.fingerprint("a-key") == found[0]
    for change in (
        lambda: metrics.write_bytes(b"longer than it was"),
        lambda: os.utime(metrics, ns=(1, 1)),  # rewritten with the same size
        metrics.unlink,
        lambda: shutil.rmtree(path),
    ):
        change()
        found.append(store.fingerprint("a-key"))
    assert len(set(found)) == 5
    assert store.fingerprint("never-there") == found[-1]


def test_only_what_is_published_is_listed(empty_home: Path) -> None:
    with pytest.raises(StoreError, match="'nowhere' is on disk; train it first"):
        store.read("nowhere")
    assert store.published_keys() == []
    assert not models_folder().exists(), "looking makes no folder"
    for key in ("b-key", "a-key", "a-key.umap"):
        store.publish(key, finished(), {})
    finished()
    shutil.copytree(models_folder() / "a-key", models_folder() / "Copy of a-key")
    (models_folder() / "half-made").mkdir()
    shutil.rmtree(models_folder() / "b-key")
    assert store.published_keys() == ["a-key", "a-key.umap"]
    assert not store.published("half-made")


def test_no_artifact_holds_a_pickle(quick: list[store.Artifact]) -> None:
    for artifact in quick:
        assert {Path(name).suffix for name in artifact.manifest["files"]} == {
            ".json",
            ".npz",
            ".csv",
            ".safetensors",
        }
        weights = (artifact.path / "model.safetensors").read_bytes()
        header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
        header.pop("__metadata__", None)
        assert {entry["dtype"] for entry in header.values()} == {"F32"}
        for path in artifact.path.glob("*.npz"):
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays.files)
