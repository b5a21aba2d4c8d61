"""Embeddings of a model of ours, brought back, give its numbers; an import of pictures is a job."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from tests.api.trainings import watch
from tests.cli.conftest import Document
from tests.conftest import Cli
from tests.data.importers.sources import arrays, groups, save, write
from vlcore.api import compared_maps, imports
from vlcore.api.description import describe_evaluation
from vlcore.api.exports import parquet_bytes
from vlcore.api.metrics_table import measures_of
from vlcore.api.model_map import ComparisonError, model_map
from vlcore.api.model_metrics import absence_reason, estimate_of
from vlcore.api.models import Model
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set, set_names
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.data.importers import importing
from vlcore.data.subset import describe_sample, measured_rows
from vlcore.experiment.captions import captions_of
from vlcore.experiment.condition import ConditionError
from vlcore.experiment.files import data_folder, models_folder
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.wording import title
from vlcore.jobs import jobs
from vlcore.metrics import catalogue
from vlcore.model import load
from vlcore.model.evaluate import ELSEWHERE
from vlcore.study.runs_table import runs_table

MANY = (48, 36, 40, 36)  # rows of each group: enough of each held out for the geometry
NOT_MEASURED = "not measured by this version"
TEXT = ("text", "captions", "text_object")
DRAWN = ["scenes", "balanced-cues", "renders"]


def brought(tmp_path: Path, name: str, **changes: Any) -> tuple[dict[str, Any], store.Artifact]:
    """Import made-up birds in this process."""
    return brought_file(save(tmp_path / "birds.npz", **arrays(**changes)), name)


def brought_file(file: Path, name: str) -> tuple[dict[str, Any], store.Artifact]:
    report = imports.import_embeddings(file, name)
    return report, store.read(report["key"])


def of_a_model(path: Path, artifact: store.Artifact, scenes: ImageSet) -> Path:
    """The embeddings of a trained model in the arrays of an import, in an order of their own."""
    kept = artifact.arrays("embeddings.npz")
    splits = ("train", "val", "probe", "test")
    rows = np.concatenate([kept[f"{split}_rows"] for split in splits])
    order = np.argsort(rows)
    table = scenes.table.iloc[rows[order]]
    said = captions_of(artifact.condition.labels, scenes.grouping)
    z = np.concatenate([kept[f"end_{split}"] for split in splits])[order]
    return save(
        path,
        z=z * np.random.default_rng(0).uniform(0.5, 2, (len(z), 1)),  # lengths mean nothing
        split=np.repeat(splits, [len(kept[f"{split}_rows"]) for split in splits])[order],
        **{name: table[name].to_numpy(str) for name in ("object", "context", "scene")},
        name=table["file_name"].to_numpy(str),
        text=kept["end_captions"],
        captions=kept["caption_texts"],
        text_object=kept["caption_objects"],
        text_context=np.array([caption.context for caption in said]),
        scale=kept["end_scale_bias"][0],
    )


def numbers(artifact: store.Artifact) -> dict[str, float]:
    """All numbers of its end by name, but for what an import cannot know, or answers otherwise
    without pixels."""
    found = pd.json_normalize(artifact.metrics["end"]).select_dtypes("number").iloc[0].to_dict()
    elsewise = ("panel", "background_gap", "background_answer", "similarity_to", "readouts_bare")
    # Training pictures come in another order, and so in other folds; the map shows other pictures.
    elsewise += ("readouts_training_probe", "map_quality")
    return {name: value for name, value in found.items() if not name.startswith(elsewise)}


def test_a_models_own_embeddings_give_its_own_numbers_and_map(
    quick: list[store.Artifact], tmp_path: Path
) -> None:
    file = of_a_model(tmp_path / "again.npz", quick[3], open_set("scenes"))
    pair = quick[3], store.read(imports.import_embeddings(file, "again")["key"])
    before, after = (numbers(artifact) for artifact in pair)
    assert set(before) == set(after)
    assert len(before) > 200
    for name, value in before.items():
        # The choice of a probe's strength and ties among neighbours turn on last bits, which a
        # change of length moves.
        assert after[name] == pytest.approx(
            value, abs=0.03 if "probe" in name or "neighbours" in name else 2e-4
        ), name
    model, back = (model_map(artifact) for artifact in pair)
    again = open_set("again")
    assert sorted(back.rows.tolist()) == list(range(len(again.table))), "all are on the map"
    names = open_set("scenes").table["file_name"].to_numpy(str)[model.rows]
    rows = pd.Index(again.user_columns["source"]).get_indexer(names)
    index = back.index(rows)
    assert np.allclose(back.z[index], model.z, atol=1e-6)
    objects = again.grouping.objects
    (here, there) = (one.predicted_objects(objects) for one in (model, back))
    assert here is not None
    assert there is not None
    assert (there[index] == here).all()
    assert back.captions == model.captions


def test_what_is_absent_has_its_reason(tmp_path: Path, empty_home: Path) -> None:
    _, artifact = brought(tmp_path, "birds", per_group=MANY)
    metrics = artifact.metrics
    for measure in ("panel", "background_gap"):
        assert absence_reason(metrics["end"], measure) == "no pictures"
    assert {"object", "context"} == set(metrics["end"]["similarity_to"])
    assert absence_reason(metrics["end"], "similarity_to.colour") == "no pictures"
    for measure in (one.name for one in catalogue.table_measures()):
        assert estimate_of(metrics["untrained"], measure) is None
        assert absence_reason(metrics["untrained"], measure) == ELSEWHERE[ArtifactKind.IMPORTED]
        has_reason = absence_reason(metrics["end"], measure) != NOT_MEASURED
        assert (estimate_of(metrics["end"], measure) is None) == has_reason
    assert absence_reason(metrics["raw_pixels"], "silhouette_object") == "no pictures"
    table = measures_of(artifact, open_set("birds").grouping)
    assert len(table) == len(catalogue.table_measures())
    assert not table["Measured"].str.contains(NOT_MEASURED).any()
    with pytest.raises(store.StoreError, match="was not trained here"):
        len(Model(artifact).history)
    frame = runs_table([artifact])
    assert (frame["value"].notna() | (frame["reason"] != "")).all()
    assert set(frame[frame["moment"] == "first_fit"]["reason"]) == {
        ELSEWHERE[ArtifactKind.IMPORTED]
    }
    assert not frame["reason"].str.contains("never fitted").any()


def test_without_captions_the_rest_is_measured(
    tmp_path: Path, empty_home: Path, document: Document
) -> None:
    report, artifact = brought(
        tmp_path, "birds", per_group=MANY, text=None, captions=None, text_object=None
    )
    assert report["captions"] == 0
    end = artifact.metrics["end"]
    for measure in (
        "minority_accuracy",
        "train_caption_accuracy",
        "alignment",
        "worst_group_cross_fitted",
    ):
        assert end["absent"][measure] == "no captions were given"
    assert {"silhouette_object", "total_variance", "map_quality"} <= set(end)
    key = report["key"]
    document("compare", key, key, "--out", tmp_path / "map.html")
    assert (
        "rare images is not defined: no captions were given" in (tmp_path / "map.html").read_text()
    )


def test_captions_that_fit_only_some_groups_are_nobodys_own(
    tmp_path: Path, empty_home: Path
) -> None:
    _, artifact = brought(tmp_path, "birds", text_context=np.array(["sea", "land"]))
    end = artifact.metrics["end"]
    assert "balanced_accuracy" in end
    for measure in ("train_caption_accuracy", "alignment", "modality_gap"):
        assert end["absent"][measure].startswith("no caption fits images of ")


def test_two_encoders_of_the_same_pictures_can_be_compared(
    tmp_path: Path, empty_home: Path
) -> None:
    made = arrays(name=np.array([f"picture {row}" for row in range(60)]))
    turned = {**made, "z": made["z"][:, ::-1] + 0.01, "text": made["text"][:, ::-1]}
    # Whose file lists them in another order.
    order = np.random.default_rng(5).permutation(len(made["z"]))
    keys = {}
    sets = {
        "one": made,
        "two": {n: a if n in TEXT else a[order] for n, a in turned.items()},
        "fewer": {n: a if n in TEXT else a[:-1] for n, a in made.items()},
    }
    for name, held in sets.items():
        keys[name] = imports.import_embeddings(save(tmp_path / f"{name}.npz", **held), name)["key"]
    one, two, fewer = (model_map(store.read(key)) for key in keys.values())
    uri = "data:image/webp;base64,AA"
    together = compared_maps.compare_maps(
        [one, two], open_set("one"), lambda _set, rows: [uri] * len(rows)
    )
    assert not together.points[["x0", "y0", "x1", "y1"]].isna().any(axis=None)
    assert together.infos[0].title == "Imported embeddings “one”"
    assert together.infos[0].subtitle.startswith("8 dimensions; total variance")
    with pytest.raises(ComparisonError, match="trained on different image sets"):
        compared_maps.compare_maps(
            [one, fewer], open_set("one"), lambda _set, rows: [""] * len(rows)
        )


def test_two_encoders_of_the_same_images_may_have_other_captions(
    tmp_path: Path, empty_home: Path
) -> None:
    made = arrays(name=np.array([f"picture {row}" for row in range(60)]))
    other = made | {"captions": np.array(["gull!", "crow!"])}
    wordless = {name: array for name, array in made.items() if name not in TEXT}
    files = {"clip": made, "again": made, "other": other, "dino": wordless}
    models = {
        name: model_map(brought_file(save(tmp_path / "e.npz", **held), name)[1])
        for name, held in files.items()
    }

    def beside(*names: str) -> pd.DataFrame:
        shown = [models[name] for name in names]
        compared = compared_maps.compare_maps(
            shown, open_set("clip"), lambda _set, rows: [*map(str, rows)]
        )
        return compared.points

    points = beside("dino", "other")
    is_gull = points["object"] == "gull"
    assert set(points["caption_0"]) == {"none"}
    assert points["caption_1"].tolist() == np.where(is_gull, "gull!", "crow!").tolist()
    for name in ("clip", "again", "other"):  # as versions before 0.6 published them
        del models[name].artifact.manifest["images"]
    (data_folder() / "again").rename(tmp_path / "gone")
    points = beside("clip", "again")
    assert points["caption_0"].tolist() == points["caption_1"].tolist()
    for name in ("other", "dino"):
        with pytest.raises(ComparisonError, match="trained on different image sets"):
            beside("clip", name)


def test_measures_of_many_rest_on_a_sample_and_the_map_and_exports_on_all(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = {"train": 10, "val": 3, "probe": 5, "test": 7}
    monkeypatch.setattr(importing, "MEASURED", most)
    ids = np.array([f"id {row:03d}" for row in range(200)])
    file = save(tmp_path / "birds.npz", **arrays(per_group=(50,) * 4, name=ids, tag=ids))
    report, artifact = brought_file(file, "birds")
    images, end = open_set("birds"), artifact.metrics["end"]
    assert sum(report["counts"].values()) == len(images.table) == 200
    assert end["balanced_accuracy"]["n"] == 4 * most["test"]
    assert end["train_images"] == 4 * most["train"]
    said = "Measured on 25 of 50 images a group, chosen by chance (seed 0)."
    assert said in report["warnings"]
    assert said in describe_evaluation(images)
    model, stored = model_map(artifact), artifact.embeddings
    assert sorted(model.rows.tolist()) == list(range(200))
    assert model.n_held_out == 200 - len(images.rows("train"))
    assert len(stored.test_correct) == len(stored.rows("test")) == len(images.rows("test"))
    assert len(stored.caption_index) == len(stored.rows("train"))
    tiles = compared_maps.compare_maps([model], images, lambda _set, rows: [*map(str, rows)])
    table = compared_maps.points_table(tiles, tiles.points)
    assert table["source"].tolist() == table["tag"].tolist() == ids.tolist()
    frame = pd.read_parquet(BytesIO(parquet_bytes(artifact, images)))
    rows = frame[frame["kind"] != "caption"].set_index("source").loc[ids]
    assert rows["tag"].tolist() == ids.tolist()
    z = np.load(file)["z"]
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    assert np.allclose(np.stack(rows["embedding"]), z / lengths, atol=1e-6)
    assert frame["image"].str["bytes"].nunique() == 4 + 2, "a tile for each group and caption"


def test_a_set_that_was_imported_before_still_opens(tmp_path: Path, empty_home: Path) -> None:
    brought(tmp_path, "birds")
    about_file = data_folder() / "birds" / "dataset.json"
    about = json.loads(about_file.read_text())
    del about["measured"], about["numbers"]
    about_file.write_text(json.dumps(about))
    images = open_set("birds")
    assert (describe_sample(images), list(images.user_columns)) == ("", ["source"])
    assert measured_rows(images, "test").tolist() == images.rows("test").tolist()


def test_commands_work_on_it(
    tmp_path: Path, empty_home: Path, document: Document, cli: Cli
) -> None:
    file = save(tmp_path / "birds.npz", **arrays())
    choice = ("--objects", "gull,crow", "--contexts", "sea,land")
    report = document("data", "import", file, "--name", "birds", *choice)
    key = report["key"]
    assert report["counts"] == {"gull_sea": 20, "gull_land": 12, "crow_land": 16, "crow_sea": 12}
    assert (report["format"], report["captions"]) == ("embeddings", 2)
    assert set(report["splits"]) == {"train", "val", "probe", "test"}
    assert document("status", key) == [{"key": key, "kind": "model", "state": "done"}]
    assert document("verify") == [{"key": key, "ok": True}]
    (listed,) = [entry for entry in document("data", "list") if entry["name"] == "birds"]
    assert (listed["images"], listed["on_disk"]) == (60, 0)
    document("compare", key, key, "--out", tmp_path / "map.html")
    assert "Imported embeddings" in (tmp_path / "map.html").read_text()
    refused = {
        ("train", "--data", "birds"): "holds embeddings only: there are no images to train on",
        ("data", "check", "birds"): "holds embeddings only",
        ("train", "--set", "objective=imported"): "bring them with `data import FILE.npz`",
        ("data", "import", file, "--name", "other", "--short", "a {object}"): "are for images",
    }
    for command, sentence in refused.items():
        code, _, said = cli(*command)
        assert (code, sentence in said) == (2, True), said


def test_a_failed_import_can_be_tried_again(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(imports, "write_imported", Mock(side_effect=ValueError("no luck")))
        with pytest.raises(ValueError, match="no luck"):
            brought(tmp_path, "birds")
    assert not (data_folder() / "birds").exists()
    assert not store.published_keys()
    report, _ = brought(tmp_path, "birds")
    # A set that was removed comes back; its measures are there still.
    (data_folder() / "birds").rename(tmp_path / "gone")
    assert brought(tmp_path, "birds")[0] == report
    assert not list((models_folder() / ".work").glob("*/out-*"))
    assert not list((data_folder() / ".incoming").glob("*"))


def test_nobody_can_train_under_its_name_or_ask_it(tmp_path: Path, empty_home: Path) -> None:
    _, artifact = brought(tmp_path, "birds")
    condition = artifact.condition
    assert condition == imports.imported_condition(open_set("birds"))
    assert (condition.objective, condition.steps, artifact.key) == ("imported", 0, condition.key)
    assert condition.key == "birds-imported-7f79cd09", (
        "of the same file every version makes the same key"
    )
    assert title(condition) == "Imported embeddings “birds”"
    with pytest.raises(ConditionError, match="computed elsewhere"):
        condition.replace(steps=10)
    with pytest.raises(store.StoreError, match="holds embeddings that were computed elsewhere"):
        load.load_model(artifact)


@pytest.fixture
def source(empty_home: Path) -> Path:
    """Four pictures of noise a group, beside a home with nothing in it."""
    return write(empty_home / "source", groups(4, 4, 4, 4))


def test_the_report_is_published_and_pictures_are_seen_counted(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "horse_grass" / "broken.png").write_bytes(b"no picture")
    key, seen = imports.import_key("mine"), watch(monkeypatch)
    assert (
        imports.run_import(key, source, "mine", {"licence": "CC0", "short": "a {object}"})
        == "trained"
    )
    artifact = store.read(key)
    report = artifact.json("report.json")
    assert artifact.manifest["set"] == report["name"] == "mine"
    assert report["skipped"][0][0] == "horse_grass/broken.png"
    images = open_set("mine")
    assert (len(images.table), images.about["licence"]) == (16, "CC0")
    assert store.model_keys() == [], "a report is no model"
    reading = [status for status in seen if status["stage"] == "reading images"]
    assert [(status["done"], status["of"]) for status in reading] == [
        (done, 17) for done in range(18)
    ]
    fractions = [status["fraction"] for status in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 0.95)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"short": "thing"}, "mine", "cannot be filled in"),
    # Without options of a command.
    ({"objects": ("horse", "")}, "mine", "Give two different objects, not 'horse,'."),
    ({}, "scenes", "There is an image set named 'scenes' already; choose another name."),
]


@pytest.mark.parametrize(("options", "name", "sentence"), REFUSED)
def test_a_failure_is_a_sentence_and_no_set(
    source: Path, options: dict[str, Any], name: str, sentence: str
) -> None:
    key = imports.import_key(name)
    with pytest.raises(ImageSetError) as caught:
        imports.run_import(key, source, name, options)
    assert sentence in str(caught.value)
    view = jobs.view(key)
    assert (view.state, view.status["message"]) == (jobs.State.FAILED, str(caught.value))
    assert set_names() == DRAWN
    assert store.published_keys() == []


def test_a_cancelled_import_leaves_no_set(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    key = imports.import_key("mine")
    call = jobs.Reporter.__call__

    def cancel_midway(self: jobs.Reporter, *, now: bool = False, **news: Any) -> None:
        if news.get("done") == 5:
            assert jobs.cancel(key)
        call(self, now=now, **news)

    monkeypatch.setattr(jobs.Reporter, "__call__", cancel_midway)
    with pytest.raises(jobs.JobCancelledError):
        imports.run_import(key, source, "mine", {})
    assert jobs.view(key).state is jobs.State.CANCELLED
    assert set_names() == DRAWN
    assert not [path for path in (data_folder() / ".incoming").glob("*") if path.is_dir()]
