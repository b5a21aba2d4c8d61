"""Exports: one file with everything in it, whole or not there, and sentences for the rest."""

import json
import stat
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.api.stand_ins import BASE, made_elsewhere, pictured, publish
from vlcore.api.export_table import MapTable, shown
from vlcore.api.exports import FORMATS, NEIGHBOURS, Format, export, parquet_bytes
from vlcore.artifacts import store
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.experiment.files import HomeError, write_json

CONDITION = BASE.replace(labels="descriptive", bias=0.5)


@pytest.fixture
def images(empty_home: Path) -> ImageSet:
    (empty_home / "pictures").mkdir()
    return pictured(empty_home / "pictures")


@pytest.fixture
def model(images: ImageSet) -> Any:
    """What `export` reads of a model."""
    return SimpleNamespace(artifact=publish(images, CONDITION), images=images)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def gathered(model: Any, images: ImageSet) -> MapTable:
    return shown(model.artifact, images)


def test_the_parquet_file_holds_table_embeddings_and_pictures(
    gathered: MapTable, model: Any, images: ImageSet
) -> None:
    table = pq.read_table(BytesIO(parquet_bytes(gathered)))
    read = table.to_pandas()
    for column in gathered.table:
        expected = gathered.table[column]
        assert read[column].isna().tolist() == expected.isna().tolist(), column
        assert read[column].dropna().tolist() == expected.dropna().tolist(), column
    assert np.array_equal(np.stack(read["embedding"]), gathered.z)
    assert [image["bytes"] for image in read["image"]] == list(gathered.pictures)
    assert [image["path"] for image in read["image"]] == [f"{name}.webp" for name in read["id"]]
    assert parquet_bytes(shown(model.artifact, images)) == parquet_bytes(gathered), (
        "equal models are equal files"
    )


@pytest.mark.parametrize("labels", ["descriptive", "constant"])  # of the second no verdict is known
def test_columns_have_the_types_that_other_tools_look_for(labels: str, images: ImageSet) -> None:
    gathered = shown(publish(images, CONDITION.replace(labels=labels)), images)
    schema = pq.read_schema(BytesIO(parquet_bytes(gathered)))
    assert schema.field("image").type == pa.struct({"bytes": pa.binary(), "path": pa.string()})
    assert schema.field("embedding").type.value_type == pa.float32()
    assert schema.field("x").type == schema.field("y").type == pa.float64()
    assert schema.field("right").type == schema.field("minority").type == pa.bool_()
    assert all(
        schema.field(name).type == pa.string() for name in ("id", "caption", "predicted", "group")
    )
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features == {"image": {"_type": "Image"}}
    assert json.loads(schema.metadata[b"vlcore"]) == gathered.about


def test_neighbours_are_the_nearest_other_rows(gathered: MapTable) -> None:
    found = pq.read_table(BytesIO(parquet_bytes(gathered)))["neighbors"].to_pylist()
    cosines = gathered.z.astype(float) @ gathered.z.astype(float).T
    for row, near in enumerate(found):
        assert row not in near["ids"]
        assert len(near["ids"]) == NEIGHBOURS
        others = np.delete(cosines[row], row)
        assert np.allclose(
            1 - np.array(near["distances"]), np.sort(others)[::-1][:NEIGHBOURS], atol=1e-5
        )
        assert np.allclose(1 - np.array(near["distances"]), cosines[row, near["ids"]], atol=1e-5)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_one_file_for_all_to_read_in_place_of_an_older_one(
    form: str, model: Any, out: Path
) -> None:
    target = out / f"model.{form}"
    target.write_text("an older file is replaced")
    assert export(model, form, target) == {target.name: target.stat().st_size}
    assert target.stat().st_size > 1000
    assert list(out.iterdir()) == [target]
    assert stat.S_IMODE(target.stat().st_mode) & 0o044 == 0o044


def test_exported_weights_are_the_models(model: Any, out: Path) -> None:
    from safetensors.numpy import load_file

    export(model, "safetensors", out / "model.safetensors")
    stored, exported = (
        load_file(folder / "model.safetensors") for folder in (model.artifact.path, out)
    )
    assert stored.keys() == exported.keys()
    assert all(np.array_equal(stored[name], exported[name]) for name in stored)


def test_places_that_cannot_be_written_are_sentences_and_what_is_there_is_left_alone(
    model: Any, out: Path
) -> None:
    (out / "mine.txt").write_text("mine")
    (out / "taken.parquet").mkdir()
    for form, place, message in (
        ("csv", "model.csv", "choose one of parquet, safetensors"),
        ("safetensors", "mine.txt/model", "Not a directory"),
        ("parquet", "none/model.parquet", r"No such file or directory\); give --out another place"),
        ("parquet", "taken.parquet", "Is a directory"),
    ):
        with pytest.raises(ValueError if form == "csv" else HomeError, match=message):
            export(model, form, out / place)
    assert sorted(path.name for path in out.iterdir()) == ["mine.txt", "taken.parquet"]
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "fault",
    [
        ImageSetError("The picture is gone."),
        OSError(28, "No space left on device"),
        KeyboardInterrupt(),
    ],
)
def test_a_failure_leaves_nothing(
    fault: BaseException, model: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_model: object, file: Path, _progress: object) -> None:
        file.write_text("half")
        raise fault

    monkeypatch.setitem(FORMATS, "parquet", Format(fail, ""))
    with pytest.raises(HomeError if isinstance(fault, OSError) else type(fault)) as error:
        export(model, "parquet", out / "model.parquet")
    assert not isinstance(fault, OSError) or "No space left on device" in str(error.value)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("objective", "message"),
    [("imported", "choose --format parquet"), ("pretrained", "is the checkpoint openai/clip")],
)
def test_models_without_weights_of_their_own(
    objective: str, message: str, model: Any, out: Path
) -> None:
    write_json(model.artifact.path / "checkpoint.json", {"name": "openai/clip"})
    model.artifact = made_elsewhere(model.artifact, objective)
    with pytest.raises(store.StoreError, match=message):
        export(model, "safetensors", out / "model.safetensors")
    assert list(out.iterdir()) == []
    assert export(model, "parquet", out / "model.parquet")["model.parquet"] > 0


def test_a_new_format_is_an_entry(
    model: Any, out: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(model: Any, out: Path, _progress: object) -> None:
        out.write_text(model.artifact.key)

    monkeypatch.setitem(FORMATS, "txt", Format(write, "cat {out}"))
    assert export(model, "txt", out / "model.txt") == {"model.txt": len(model.artifact.key)}
    assert "{parquet,safetensors,txt}" in cli("export", "--help")[1]
    code, said, _ = cli(
        "export", model.artifact.key, "--format", "txt", "--out", out / "other.txt", "--json"
    )
    assert (code, json.loads(said)["open_with"]) == (0, f"cat {out / 'other.txt'}")
    assert cli("export", model.artifact.key, "--format", "txt", "--out", out / "model")[0] == 2
