"""Exports: one parquet file with everything in it, folders that are whole or not there, and sentences for the rest."""

from __future__ import annotations

import json
import stat
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.runs.pictured import pictured
from tests.runs.stand_ins import BASE, made_elsewhere, publish
from vlcore.core.files import HomeError, write_json
from vlcore.datasets.imageset import ImageSet, ImageSetError
from vlcore.exports import export as export_export
from vlcore.exports.export import FORMATS, NEIGHBOURS, parquet_bytes, write_model
from vlcore.exports.table import MapTable, shown
from vlcore.store import artefacts

CONDITION = BASE.replace(labels="descriptive", bias=0.5)


@pytest.fixture
def images(empty_home: Path) -> ImageSet:
    folder = empty_home / "pictures"
    folder.mkdir()
    return pictured(folder)


@pytest.fixture
def artefact(images: ImageSet) -> artefacts.Artefact:
    return publish(images, CONDITION)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def gathered(artefact: artefacts.Artefact, images: ImageSet) -> MapTable:
    return shown(artefact, images)


def test_the_parquet_file_holds_table_embeddings_and_pictures(
    gathered: MapTable, artefact: artefacts.Artefact, images: ImageSet
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
    assert parquet_bytes(shown(artefact, images)) == parquet_bytes(gathered), "equal models are equal files"


@pytest.mark.parametrize("labels", ["descriptive", "constant"])  # of the second no verdict is known
def test_columns_have_the_types_that_other_tools_look_for(labels: str, images: ImageSet) -> None:
    gathered = shown(publish(images, CONDITION.replace(labels=labels)), images)
    schema = pq.read_schema(BytesIO(parquet_bytes(gathered)))
    assert schema.field("image").type == pa.struct({"bytes": pa.binary(), "path": pa.string()})
    assert schema.field("embedding").type.value_type == pa.float32()
    assert schema.field("x").type == schema.field("y").type == pa.float64()
    assert schema.field("right").type == schema.field("minority").type == pa.bool_()
    assert all(schema.field(name).type == pa.string() for name in ("id", "caption", "predicted", "group"))
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
        assert np.allclose(1 - np.array(near["distances"]), np.sort(others)[::-1][:NEIGHBOURS], atol=1e-5)
        assert np.allclose(1 - np.array(near["distances"]), cosines[row, near["ids"]], atol=1e-5)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_is_written_whole_and_for_all_to_read(
    form: str, artefact: artefacts.Artefact, images: ImageSet, out: Path
) -> None:
    target = out / ("model.parquet" if form == "parquet" else "model")
    if form == "parquet":
        target.write_text("an older file is replaced")
    else:
        target.mkdir()  # an empty folder is filled
    sizes = write_model(artefact, images, form, target)
    assert [path.name for path in out.iterdir()] == [target.name]
    files = [target] if form == "parquet" else sorted(target.iterdir())
    assert sizes == {file.name: file.stat().st_size for file in files}
    assert all(stat.S_IMODE(file.stat().st_mode) & 0o044 == 0o044 for file in [*files, out])


def test_the_hub_folder_gives_the_models_own_embeddings(
    artefact: artefacts.Artefact, images: ImageSet, out: Path
) -> None:
    import torch
    from transformers import AutoModel

    from vlcore.learning import inference, transformers_export

    write_model(artefact, images, "hf", out / "model")
    model, vocabulary = inference.load(artefact.path / "model.safetensors")
    again = AutoModel.from_pretrained(out / "model")
    assert isinstance(again, transformers_export.VlBiasModel)
    texts = list(again.config.id2label.values())
    assert texts == ["horse on the grass", "horse in the desert", "a camel in the desert", "camel on the grass"]
    tokens = torch.from_numpy(vocabulary.tokens(texts))
    with torch.inference_mode():
        mine = again.get_text_features(tokens).numpy()
    assert np.array_equal(mine, inference.embed_captions(model, vocabulary, texts))
    assert (out / "model" / "README.md").read_text(encoding="utf-8").startswith("---\nlicense: ")


@pytest.mark.parametrize("form", ["projector", "hf"])
def test_what_is_there_is_left_alone(form: str, artefact: artefacts.Artefact, images: ImageSet, out: Path) -> None:
    (out / "mine.txt").write_text("mine")
    with pytest.raises(HomeError, match="is not empty; give --out a new folder"):
        write_model(artefact, images, form, out)
    with pytest.raises(HomeError, match="is a file; give --out a new folder"):
        write_model(artefact, images, form, out / "mine.txt")
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert (out / "mine.txt").read_text() == "mine"


def test_places_that_cannot_be_written_are_sentences(artefact: artefacts.Artefact, images: ImageSet, out: Path) -> None:
    with pytest.raises(ValueError, match="choose one of parquet, projector, hf"):
        write_model(artefact, images, "csv", out / "model.csv")
    with pytest.raises(HomeError, match=r"No such file or directory\); give --out another place"):
        write_model(artefact, images, "parquet", out / "none" / "model.parquet")
    (out / "taken.parquet").mkdir()
    with pytest.raises(HomeError, match="Is a directory"):
        write_model(artefact, images, "parquet", out / "taken.parquet")
    (out / "file").write_text("")
    with pytest.raises(HomeError, match="Not a directory"):
        write_model(artefact, images, "projector", out / "file" / "model")
    assert sorted(path.name for path in out.iterdir()) == ["file", "taken.parquet"]


@pytest.mark.parametrize(
    "fault", [ImageSetError("The picture is gone."), OSError(28, "No space left on device"), KeyboardInterrupt()]
)
def test_a_failure_leaves_nothing_behind(
    fault: BaseException, artefact: artefacts.Artefact, images: ImageSet, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_shown: MapTable, folder: Path) -> None:
        (folder / "half.tsv").write_text("half")
        raise fault

    monkeypatch.setattr(export_export, "write_projector", fail)
    with pytest.raises(HomeError if isinstance(fault, OSError) else type(fault)) as error:
        write_model(artefact, images, "projector", out / "model")
    assert not isinstance(fault, OSError) or "No space left on device" in str(error.value)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("imported", "computed elsewhere, so there are no weights; choose --format parquet or projector"),
        ("pretrained", "is the checkpoint openai/clip"),
    ],
)
def test_models_without_weights_of_their_own(
    objective: str, message: str, artefact: artefacts.Artefact, images: ImageSet, out: Path
) -> None:
    write_json(artefact.path / "checkpoint.json", {"name": "openai/clip"})
    elsewhere = made_elsewhere(artefact, objective)
    with pytest.raises(artefacts.StoreError, match=message):
        write_model(elsewhere, images, "hf", out / "model")
    assert list(out.iterdir()) == []
    assert write_model(elsewhere, images, "parquet", out / "model.parquet")["model.parquet"] > 0
