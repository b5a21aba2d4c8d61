"""Embeddings that were computed elsewhere: those of a model of ours, brought back, give the model's own numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Cli
from tests.datasets.importers.vectors import arrays, save
from vlcore.compare import comparison
from vlcore.compare.metrics_table import absence_reason, estimate_of, measures_of
from vlcore.compare.model_map import ComparisonError, model_map, predictions
from vlcore.core.captions import captions_of
from vlcore.core.condition import Condition, ConditionError
from vlcore.core.files import data_folder, models_folder
from vlcore.core.options import IMPORTED, ArtefactKind
from vlcore.core.wording import title
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.measures import catalogue
from vlcore.measures.projection import align
from vlcore.runs import imported, load, train
from vlcore.runs.evaluate import ELSEWHERE
from vlcore.store import artefacts, jobs
from vlcore.studies.runs_table import runs_table

Document = Callable[..., Any]
MANY = (48, 36, 40, 36)  # rows of each group: enough of each held out for the geometry


def brought(tmp_path: Path, name: str, **changes: Any) -> tuple[dict[str, Any], artefacts.Artefact]:
    """Import made-up birds in this process."""
    report = imported.import_embeddings(save(tmp_path / "birds.npz", **arrays(**changes)), name)
    return report, artefacts.read(report["key"])


def of_a_model(path: Path, artefact: artefacts.Artefact, scenes: ImageSet) -> Path:
    """The embeddings of a trained model in the arrays of an import, in an order of their own."""
    kept = artefact.arrays("embeddings.npz")
    splits = ("train", "val", "probe", "test")
    rows = np.concatenate([kept[f"{split}_rows"] for split in splits])
    order = np.argsort(rows)
    table = scenes.table.iloc[rows[order]]
    said = captions_of(artefact.condition.labels, scenes.grouping)
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


@pytest.fixture(scope="module")
def again(
    quick: list[artefacts.Artefact], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[artefacts.Artefact, artefacts.Artefact]]:
    """By label style: a biased model of ours, and the same brought back as embeddings."""
    folder, scenes = tmp_path_factory.mktemp("npz"), open_set("scenes")
    made = {}
    for model in quick[2:]:
        name = f"again-{model.condition.labels}"
        key = imported.import_embeddings(of_a_model(folder / f"{name}.npz", model, scenes), name)["key"]
        made[model.condition.labels] = model, artefacts.read(key)
    return made


def numbers(document: dict[str, Any], before: str = "") -> dict[str, float]:
    """All numbers of a document by name."""
    found: dict[str, float] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{before}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{before}{name}"] = value
    return found


# What an import cannot know, or what has another answer without pixels.
ELSEWISE = ("panel", "background_gap", "similarity_to")


@pytest.mark.parametrize("labels", ["undescriptive", "descriptive"])
def test_a_models_own_embeddings_give_its_own_numbers(
    again: dict[str, tuple[artefacts.Artefact, artefacts.Artefact]], labels: str
) -> None:
    model, back = again[labels]
    # The objects' bare names are among short captions only.
    left_out = ELSEWISE if labels == "undescriptive" else (*ELSEWISE, "readouts_bare")
    before, after = (
        {name: value for name, value in numbers(artefact.metrics["end"]).items() if not name.startswith(left_out)}
        for artefact in (model, back)
    )
    assert set(before) == set(after)
    assert len(before) > 200
    for name in (
        "minority_accuracy.value", "silhouette_context.low", "probe_object.value", "margin.horse_grass.value",
        "background_reliance.value", "alignment.value", "train_caption_accuracy", "map_quality.trustworthiness.k10",
    ):  # fmt: skip
        assert name in before
    for name, value in before.items():
        # The choice of a probe's strength and ties among neighbours turn on last bits, which a change of length moves.
        assert after[name] == pytest.approx(value, abs=0.03 if "probe" in name or "neighbours" in name else 2e-4), name


def test_the_map_shows_the_same_pictures_in_the_same_shape(
    again: dict[str, tuple[artefacts.Artefact, artefacts.Artefact]],
) -> None:
    model, back = (model_map(artefact) for artefact in again["descriptive"])
    assert len(model.points) == len(back.points)
    by_name = np.argsort(open_set("scenes").table["file_name"].to_numpy(str)[model.rows[: model.held_out]])
    here, there = model.points[: model.held_out][by_name], back.points[: back.held_out]
    turn = align(there, here)
    assert np.allclose(turn.apply(there), here, atol=1e-3)
    assert back.captions == model.captions


@pytest.mark.parametrize("per_group", [(20, 12, 16, 12), MANY])
def test_what_is_not_there_stands_with_its_reason(
    tmp_path: Path, empty_home: Path, per_group: tuple[int, int, int, int]
) -> None:
    _, artefact = brought(tmp_path, "birds", per_group=per_group)
    metrics = artefact.metrics
    for measure in ("panel", "background_gap"):
        assert absence_reason(metrics["end"], measure) == "no pictures"
    if per_group == MANY:
        assert {"object", "context"} == set(metrics["end"]["similarity_to"])
        assert absence_reason(metrics["end"], "similarity_to.colour") == "no pictures"
    for measure in (one.name for one in catalogue.listed()):
        assert estimate_of(metrics["untrained"], measure) is None
        assert absence_reason(metrics["untrained"], measure) == ELSEWHERE[ArtefactKind.IMPORTED]
        assert (estimate_of(metrics["end"], measure) is None) == (
            absence_reason(metrics["end"], measure) != NOT_MEASURED
        )
    assert absence_reason(metrics["raw_pixels"], "silhouette_object") == "no pictures"
    table = measures_of(artefact, open_set("birds").grouping)
    assert len(table) == len(catalogue.listed())
    assert not table["Measured"].str.contains(NOT_MEASURED).any()
    frame = runs_table([artefact])
    assert (frame["value"].notna() | (frame["reason"] != "")).all()
    assert set(frame[frame["moment"] == "first_fit"]["reason"]) == {ELSEWHERE[ArtefactKind.IMPORTED]}
    assert not frame["reason"].str.contains("never fitted").any()


NOT_MEASURED = "not measured by this version"


def test_without_captions_the_rest_is_measured(tmp_path: Path, empty_home: Path) -> None:
    report, artefact = brought(tmp_path, "birds", per_group=MANY, text=None, captions=None, text_object=None)
    assert report["captions"] == 0
    end = artefact.metrics["end"]
    absent = end["absent"]
    for measure in ("minority_accuracy", "train_caption_accuracy", "alignment", "worst_group_cross_fitted"):
        assert absent[measure] == "no captions were given"
    assert {"silhouette_object", "total_variance", "map_quality"} <= set(end)
    model = model_map(artefact)
    alone = comparison.compare([model], open_set("birds"), lambda _set, rows: [""] * len(rows))
    points, captions = alone.points, alone.captions
    assert set(points["caption_0"]) == {"none"}
    assert set(points["predicted_0"]) == {"none: its labels name no object"}
    assert captions.empty
    table = measures_of(artefact, open_set("birds").grouping)
    assert not table["Measured"].str.contains(NOT_MEASURED).any()


def test_captions_that_fit_only_some_groups_are_nobodys_own(tmp_path: Path, empty_home: Path) -> None:
    _, artefact = brought(tmp_path, "birds", text_context=np.array(["sea", "land"]))
    end = artefact.metrics["end"]
    assert "balanced_accuracy" in end
    for measure in ("train_caption_accuracy", "alignment", "modality_gap"):
        assert end["absent"][measure].startswith("no caption fits pictures of ")


def test_one_object_is_named_for_every_picture_of_the_map(tmp_path: Path, empty_home: Path) -> None:
    report, artefact = brought(tmp_path, "birds")
    images, model = open_set("birds"), model_map(artefact)
    said = predictions(model, images.grouping)
    assert said is not None
    by_hand = np.array(["gull", "crow"])[model.z[:, :2].argmax(axis=1)]
    assert said.tolist() == by_hand.tolist()
    right = by_hand == images.table["object"].to_numpy()[model.rows]
    assert report["counts"] == {"crow_land": 16, "crow_sea": 12, "gull_sea": 20, "gull_land": 12}
    test = np.flatnonzero(images.table["split"] == "test")
    assert artefact.metrics["end"]["balanced_accuracy"]["n"] == len(test)
    assert model.held_out == len(test)
    groups = images.table["group"].to_numpy()[test]
    rates = [right[: len(test)][groups == name].mean() for name in images.grouping.names]
    measured = artefact.metrics["end"]["group_accuracy"]
    assert [measured[name]["value"] for name in images.grouping.names] == pytest.approx(rates)


def test_two_encoders_of_the_same_pictures_can_be_compared(tmp_path: Path, empty_home: Path) -> None:
    made = arrays(name=np.array([f"picture {row}" for row in range(60)]))
    turned = {**made, "z": made["z"][:, ::-1] + 0.01, "text": made["text"][:, ::-1]}
    order = np.random.default_rng(5).permutation(len(made["z"]))  # whose file lists them in another order
    keys = {}
    for name, held in {
        "one": made,
        "two": {n: a if n in TEXT else a[order] for n, a in turned.items()},
        "fewer": {n: a if n in TEXT else a[:-1] for n, a in made.items()},
    }.items():
        keys[name] = imported.import_embeddings(save(tmp_path / f"{name}.npz", **held), name)["key"]
    one, two, fewer = (model_map(artefacts.read(key)) for key in keys.values())
    together = comparison.compare(
        [one, two], open_set("one"), lambda _set, rows: ["data:image/webp;base64,AA"] * len(rows)
    )
    assert not together.points[["x0", "y0", "x1", "y1"]].isna().any(axis=None)
    assert together.infos[0].title == "Imported embeddings “one”"
    assert together.infos[0].subtitle.startswith("8 dimensions; total variance")
    with pytest.raises(ComparisonError, match="trained on different image sets"):
        comparison.compare([one, fewer], open_set("one"), lambda _set, rows: [""] * len(rows))


TEXT = ("text", "captions", "text_object")


def test_commands_work_on_it(tmp_path: Path, empty_home: Path, document: Document, cli: Cli) -> None:
    file = save(tmp_path / "birds.npz", **arrays())
    report = document("data", "import", file, "--name", "birds", "--objects", "gull,crow", "--contexts", "sea,land")
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
    code, _, said = cli("data", "import", file, "--name", "birds")
    assert (code, "There is an image set named 'birds' already" in said) == (2, True)
    for command, sentence in {
        ("train", "--data", "birds"): "The image set 'birds' holds embeddings only: there are no pictures to train on",
        ("data", "check", "birds"): "The image set 'birds' holds embeddings only",
        ("embed", file, "--model", key): "birds.npz",
        ("train", "--set", "objective=imported"): "bring them with `data import FILE.npz`",
        ("train", "--set", "objective=imported", "--set", "steps=0", "--labels", "constant"): "brought, not trained",
    }.items():
        code, _, said = cli(*command)
        assert (code, sentence in said) == (2, True), said


def test_a_map_of_embeddings_without_captions_is_written_without_a_board(
    tmp_path: Path, empty_home: Path, document: Document
) -> None:
    key = brought(tmp_path, "birds", text=None, captions=None, text_object=None)[0]["key"]
    document("compare", key, key, "--out", tmp_path / "map.html")
    assert "so none can be right or wrong" in (tmp_path / "map.html").read_text()


def test_no_model_is_asked_of_other_pictures(tmp_path: Path, empty_home: Path) -> None:
    with pytest.raises(artefacts.StoreError, match=r"holds embeddings that were computed elsewhere; there is no model"):
        load.load(brought(tmp_path, "birds")[1])


def test_what_fails_leaves_nothing_and_can_be_tried_again(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr(imported, "write_model", fail)
        with pytest.raises(ValueError, match="no luck"):
            brought(tmp_path, "birds")
    assert not (data_folder() / "birds").exists()
    assert not artefacts.published_keys()
    report, _ = brought(tmp_path, "birds")
    # A set that was removed comes back; its measures are there still.
    (data_folder() / "birds").rename(tmp_path / "gone")
    assert brought(tmp_path, "birds")[0] == report
    assert not list((models_folder() / ".work").glob("*/out-*"))
    assert not list((data_folder() / ".incoming").glob("*"))


def test_nobody_can_train_under_its_name(tmp_path: Path, empty_home: Path) -> None:
    _, artefact = brought(tmp_path, "birds")
    condition = artefact.condition
    assert condition == imported.condition_of(open_set("birds"))
    assert (condition.objective, condition.steps, artefact.key) == (IMPORTED, 0, condition.key)
    assert condition.key == "birds-imported-7f79cd09", "of the same file every version makes the same key"
    assert title(condition) == "Imported embeddings “birds”"
    with pytest.raises(ConditionError, match="computed elsewhere"):
        condition.replace(steps=10)
    with pytest.raises(ConditionError, match="brought, not trained"):
        train.train_condition(Condition(objective=IMPORTED, labels="constant", steps=0))
    assert jobs.view(artefact.key).done
