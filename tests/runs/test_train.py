"""The whole way of the data: what an artefact holds, and that its numbers follow from its arrays."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.special import logsumexp
from sklearn.metrics import silhouette_score

from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES
from vlcore.datasets import subset
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.drawn import folder_name
from vlcore.datasets.imageset import ImageSet, ImageSetError
from vlcore.datasets.importers import import_set
from vlcore.datasets.subset import map_rows, training_rows
from vlcore.learning import train
from vlcore.learning.model import Encoder
from vlcore.runs import recorder
from vlcore.runs import train as run_train
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.runs.snapshot import Snapshot
from vlcore.runs.train import train_condition
from vlcore.store import artefacts, jobs, queue

FILES = {
    "condition.json", "model.safetensors", "embeddings.npz", "snapshots.npz", "maps.npz", "metrics.json", "history.csv",
    "manifest.json",
}  # fmt: skip
ESTIMATES = {
    "balanced_accuracy": 2000, "minority_accuracy": 1000, "majority_accuracy": 1000, "worst_group_accuracy": 500,
    "total_variance": 2000, "effective_rank": 2000, "silhouette_object": 2000, "silhouette_context": 2000,
    "probe_object": 2000, "probe_context": 2000,
}  # fmt: skip
SHARES = [name for name in ESTIMATES if "accuracy" in name or "probe" in name]


@pytest.fixture(scope="module")
def images(quick: list[artefacts.Artefact]) -> ImageSet:
    return open_set("scenes")


@pytest.fixture
def other_home(home: Path, quick: list[artefacts.Artefact], empty_home: Path) -> Path:
    """Another home without models, whose pictures are those of the session, so that nothing is drawn again."""
    (empty_home / "data").symlink_to(home / "data", target_is_directory=True)
    return empty_home


def test_an_artefact_says_what_it_is_and_how_it_was_made(quick: list[artefacts.Artefact]) -> None:
    for artefact in quick:
        manifest, metrics = artefact.manifest, artefact.metrics
        assert {path.name for path in artefact.path.iterdir()} == FILES == {*manifest["files"], "manifest.json"}
        assert artefact.key == artefact.condition.key == manifest["key"] == artefact.path.name
        assert json.loads((artefact.path / "condition.json").read_text()) == artefact.condition.as_dict()
        assert {"python", "torch", "numpy", "scikit-learn", "pillow"} <= set(manifest["versions"])
        assert manifest["device"] == "cpu"
        assert 0 < manifest["training_seconds"] < manifest["seconds"]
        assert 100_000 < manifest["parameters"] < 400_000
        assert jobs.view(artefact.key).done
        assert not (jobs.work_folder(artefact.key) / "status.json").exists()
        # A dozen steps fit nothing, and a set with splits of its own has one model.
        assert (metrics["models"], metrics["first_fit_step"], metrics["first_fit"]) == (1, None, None)
        assert metrics["end"]["train_caption_accuracy"] < train.FIT_ACCURACY
        assert not [name for name in artefact.arrays("embeddings.npz") if name.startswith("first_fit")]


def test_every_number_has_its_interval_and_count(quick: list[artefacts.Artefact]) -> None:
    for artefact in quick:
        for moment in ("untrained", "end"):
            measured = artefact.metrics[moment]
            for name, n in ESTIMATES.items():
                estimate = measured[name]
                assert set(estimate) == {"value", "low", "high", "n"}
                assert estimate["n"] == n
                assert estimate["low"] <= estimate["high"]
                if name in SHARES:
                    assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
            assert set(measured["group_accuracy"]) == {"horse_grass", "horse_desert", "camel_desert", "camel_grass"}
            assert {estimate["n"] for estimate in measured["group_accuracy"].values()} == {500}
            assert measured["worst_group_accuracy"] == measured["group_accuracy"][measured["worst_group"]]
            assert measured["train_images"] == 2 * 48 + 2 * artefact.condition.n_minority


def test_the_caption_alone_tells_nothing(quick: list[artefacts.Artefact]) -> None:
    short, _, biased_short, biased_long = (artefact.metrics["text_only_match"] for artefact in quick)
    assert short == biased_short == pytest.approx(0.5)
    # Without its own caption among the negatives, a rare one is met less often as a negative than as a match.
    assert 0.5 < biased_long < 0.6


def test_rows_are_the_biased_subset_and_the_fixed_splits(quick: list[artefacts.Artefact], images: ImageSet) -> None:
    for artefact in quick:
        arrays, maps = artefact.arrays("embeddings.npz"), artefact.arrays("maps.npz")
        assert arrays["train_rows"].tolist() == training_rows(images, artefact.condition).tolist()
        for split in ("val", "probe", "test"):
            assert arrays[f"{split}_rows"].tolist() == images.rows(split).tolist()
        assert maps["map_rows"].tolist() == map_rows(images).tolist()
        for part in ("train", "val", "probe", "test", "captions"):
            for moment in ("untrained", "end"):
                assert np.linalg.norm(arrays[f"{moment}_{part}"], axis=1) == pytest.approx(1, abs=1e-5)


def test_both_label_styles_start_from_the_same_image_encoder(quick: list[artefacts.Artefact]) -> None:
    for short, long in (quick[:2], quick[2:]):
        assert (short.condition.labels, long.condition.labels) == ("undescriptive", "descriptive")
        one, other = short.arrays("embeddings.npz"), long.arrays("embeddings.npz")
        for part in ("train", "val", "probe", "test"):
            assert np.array_equal(one[f"untrained_{part}"], other[f"untrained_{part}"])
            assert not np.array_equal(one[f"end_{part}"], other[f"end_{part}"])
        assert one["caption_texts"].tolist() == ["horse", "camel"]
        assert other["caption_texts"].tolist() == [
            "horse on the grass", "horse in the desert", "a camel in the desert", "camel on the grass",
        ]  # fmt: skip


def test_snapshots_lead_from_the_untrained_encoder_to_the_end(quick: list[artefacts.Artefact]) -> None:
    for artefact in quick:
        snapshots, arrays = artefact.arrays("snapshots.npz"), artefact.arrays("embeddings.npz")
        assert snapshots["steps"].tolist() == train.snapshot_steps(artefact.condition.steps)
        on_map = np.searchsorted(arrays["test_rows"], snapshots["map_rows"])
        for place, moment in ((0, "untrained"), (-1, "end")):
            assert np.array_equal(snapshots["map"][place], arrays[f"{moment}_test"][on_map].astype(np.float16))
            assert np.array_equal(snapshots["train"][place], arrays[f"{moment}_train"].astype(np.float16))
            assert np.array_equal(snapshots["captions"][place], arrays[f"{moment}_captions"].astype(np.float16))
        moved = [np.abs(later.astype(float) - snapshots["map"][0]).max() for later in snapshots["map"][1:]]
        assert min(moved) > 0
        steps, majority, minority = snapshots["val_curve"].T
        assert steps.tolist() == snapshots["steps"].tolist()
        assert ((majority >= 0) & (majority <= 1) & (minority >= 0) & (minority <= 1)).all()


def test_history_has_a_line_a_step(quick: list[artefacts.Artefact]) -> None:
    for artefact in quick:
        with (artefact.path / "history.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert [int(line["step"]) for line in lines] == list(range(1, artefact.condition.steps + 1))
        assert all(float(line["loss"]) > 0 for line in lines)
        last = float(lines[-1]["train_caption_accuracy"])
        assert last == pytest.approx(artefact.metrics["end"]["train_caption_accuracy"], abs=1e-4)


def readout(artefact: artefacts.Artefact, moment: str) -> NDArray[np.str_]:
    """The predicted object of each test image, written down once more from the formula."""
    arrays = artefact.arrays("embeddings.npz")
    scale, bias = arrays[f"{moment}_scale_bias"]
    logits = scale * arrays[f"{moment}_test"] @ arrays[f"{moment}_captions"].T + bias
    scores = [
        logsumexp(logits[:, [name in text for text in arrays["caption_texts"].tolist()]], axis=1)
        for name in ("horse", "camel")
    ]
    return np.where(scores[0] >= scores[1], "horse", "camel")


@pytest.mark.parametrize("moment", ["untrained", "end"])
@pytest.mark.parametrize("number", range(4))
def test_measures_follow_from_the_embeddings(
    quick: list[artefacts.Artefact], images: ImageSet, number: int, moment: str
) -> None:
    artefact = quick[number]
    measured, arrays = artefact.metrics[moment], artefact.arrays("embeddings.npz")
    table, z = images.table.iloc[arrays["test_rows"]], arrays[f"{moment}_test"].astype(float)
    right = readout(artefact, moment) == table["object"].to_numpy()
    by_group = {name: right[(table["group"] == name).to_numpy()].mean() for name in images.grouping.names}
    assert {name: e["value"] for name, e in measured["group_accuracy"].items()} == pytest.approx(by_group)
    assert measured["balanced_accuracy"]["value"] == pytest.approx(np.mean(list(by_group.values())))
    for name, groups in (("minority", ("horse_desert", "camel_grass")), ("majority", ("horse_grass", "camel_desert"))):
        assert measured[f"{name}_accuracy"]["value"] == pytest.approx(np.mean([by_group[group] for group in groups]))
    assert measured["worst_group_accuracy"]["value"] == min(by_group.values())

    spectrum = np.linalg.eigvalsh(np.cov(z.T, bias=True)).clip(0)
    shares = spectrum[spectrum > 0] / spectrum.sum()
    assert measured["total_variance"]["value"] == pytest.approx(z.var(axis=0).sum(), rel=1e-4)
    assert measured["effective_rank"]["value"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-3)
    assert measured["collapsed"] == (spectrum.sum() < 1e-2 or measured["effective_rank"]["value"] < 1.5)
    for name in ("object", "context"):
        expected = silhouette_score(z, table[name], metric="cosine")
        assert measured[f"silhouette_{name}"]["value"] == pytest.approx(expected, abs=1e-4)

    own = arrays["caption_texts"].tolist()
    trained_on = images.table.iloc[arrays["train_rows"]]
    said = [own[k] for k in (arrays[f"{moment}_train"] @ arrays[f"{moment}_captions"].T).argmax(axis=1)]
    wanted = trained_on["object" if len(own) == 2 else "caption"].tolist()
    fitted = np.mean([a == b for a, b in zip(said, wanted, strict=True)])
    assert measured["train_caption_accuracy"] == pytest.approx(fitted)


def test_the_map_is_the_principal_plane_of_pictures_and_captions(quick: list[artefacts.Artefact]) -> None:
    for artefact in quick:
        end, maps = StoredEmbeddings(artefact).end, artefact.arrays("maps.npz")
        reference = np.concatenate([end.on_map, end.captions]).astype(float)
        centred = reference - reference.mean(axis=0)
        singular = np.linalg.svd(centred, compute_uv=False) ** 2
        assert maps["pca_shares"] == pytest.approx(singular[:2] / singular.sum(), rel=1e-3)
        assert float(maps["pca_variance"]) == pytest.approx(singular.sum() / len(reference), rel=1e-4)
        placed = np.concatenate([maps["map"], maps["captions"]])
        # Whatever the sign of an axis, distances on the plane are those along the first two components.
        directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
        assert np.linalg.norm(placed, axis=1) == pytest.approx(np.linalg.norm(centred @ directions.T, axis=1), abs=1e-5)
        assert maps["train"] == pytest.approx((end.train - maps["pca_centre"]) @ maps["pca_components"].T, abs=1e-6)


def test_first_fit_is_kept_and_measured(
    quick: list[artefacts.Artefact], other_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar so low that it is passed at the first look, which is at no step of the log-spaced snapshots."""
    monkeypatch.setattr(train, "FIT_ACCURACY", 0.0)
    monkeypatch.setattr(train, "CHECK_EVERY", 4)
    monkeypatch.setattr(train, "snapshot_steps", lambda steps: [0, 1, steps])
    reports = []
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    write = jobs.write_json
    monkeypatch.setattr(jobs, "write_json", lambda path, status: (reports.append(dict(status)), write(path, status)))
    condition = quick[0].condition.replace(steps=6)
    assert train_condition(condition) == "trained"
    artefact = artefacts.read(condition.key)
    assert artefact.metrics["first_fit_step"] == 4
    snapshots, arrays = artefact.arrays("snapshots.npz"), artefact.arrays("embeddings.npz")
    assert snapshots["steps"].tolist() == [0, 1, 4, 6]
    assert np.array_equal(snapshots["train"][2], arrays["first_fit_train"].astype(np.float16))
    right = readout(artefact, "first_fit") == open_set("scenes").table["object"].to_numpy()[arrays["test_rows"]]
    assert artefact.metrics["first_fit"]["balanced_accuracy"]["value"] == pytest.approx(right.mean())
    assert artefact.metrics["first_fit"].keys() == artefact.metrics["end"].keys()
    assert artefact.metrics["first_fit"] != artefact.metrics["end"]

    stages = list(dict.fromkeys(report["stage"] for report in reports))
    assert stages == ["starting", "drawing pictures", "reading pictures", "training", "measuring"]
    fractions = [report["fraction"] for report in reports]
    assert fractions == sorted(fractions), "a progress bar never goes back"
    assert (fractions[0], fractions[-1]) == (0.0, pytest.approx(1.0))
    training = [report for report in reports if report["stage"] == "training"]
    assert {report["step"] for report in training} == set(range(1, 7))
    assert training[-1]["steps"] == 6
    assert np.array(training[-1]["map"]).shape == (len(map_rows(open_set("scenes"))), 2)
    assert [place[0] for place in training[-1]["curve"]] == [0, 1, 4, 6]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (Condition(data_version="0"), "The image set 'scenes' is version '.*' now, not '0'; train on it again."),
        (Condition(data="nowhere"), "There is no usable image set named 'nowhere'; there are: scenes."),
        (Condition(n_per_group=481), "has 480 training images of horse_grass; choose at most that many as n_per_group"),
    ],
)
def test_an_image_set_that_does_not_fit_is_a_sentence(empty_home: Path, condition: Condition, sentence: str) -> None:
    with pytest.raises(ImageSetError, match=sentence) as caught:
        train_condition(condition)
    seen = jobs.view(condition.key)
    assert (seen.state, seen.status["message"]) == (jobs.State.FAILED, str(caught.value))
    assert artefacts.published_keys() == []


def test_a_broken_picture_is_a_sentence_and_publishes_nothing(
    home: Path, quick: list[artefacts.Artefact], empty_home: Path
) -> None:
    condition = quick[0].condition
    row = int(training_rows(open_set("scenes"), condition)[0])
    broken = open_set("scenes").table["file_name"].iat[row]
    for path in (home / "data").rglob("*"):  # links to every picture but one
        copy = empty_home / "data" / path.relative_to(home / "data")
        if path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
    (empty_home / "data" / folder_name("scenes") / broken).unlink()
    (empty_home / "data" / folder_name("scenes") / broken).write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ImageSetError, match=r"cannot be read; delete it and run `python -m vlcore data render` again"):
        train_condition(condition)
    assert jobs.view(condition.key).state is jobs.State.FAILED
    assert artefacts.published_keys() == []


def test_a_device_that_is_not_there_is_a_sentence(other_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLCORE_DEVICE", "abacus")
    condition = Condition(steps=1)
    with pytest.raises(ValueError, match="VLCORE_DEVICE='abacus' is not available here; use auto or one of cpu"):
        train_condition(condition)
    assert "abacus" in jobs.view(condition.key).status["message"]


# --- small sets: a model for each fold


def write_small(home: Path) -> ImageSet:
    """Five pictures of noise a group, one more in the first; two of the last are alike, so four folds are possible."""
    for number, group in enumerate(SCENES.names):
        (home / "source" / group).mkdir(parents=True, exist_ok=True)
        for index in range(5 if number else 6):
            seed = [number, 0 if (number, index) == (3, 4) else index]  # the last one is a copy
            field = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(field).resize((64, 64), Image.Resampling.BICUBIC)
            picture.save(home / "source" / group / f"{index}.png")
    import_set(home / "source", "small")
    return open_set("small")


@pytest.fixture(scope="module")
def in_folds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ImageSet, artefacts.Artefact]]:
    """A small set and a condition that was trained on it, in a home of their own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("small")
        patch.setenv("VLCORE_HOME", str(folder))
        images = write_small(folder)
        condition = subset.usual_condition(images).replace(steps=6, batch_size=8, bias=0.5, labels="descriptive")
        assert train_condition(condition) == "trained"
        yield images, artefacts.read(condition.key)


def test_a_small_set_elsewhere_has_a_model_for_each_fold_and_the_same_bits(
    in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path
) -> None:
    images, first = in_folds
    assert images.folds == first.metrics["models"] == 4
    write_small(empty_home)
    assert train_condition(first.condition) == "trained"
    again = artefacts.read(first.key)
    assert again.path != first.path
    assert set(again.manifest["files"]) == FILES - {"manifest.json"}
    for name in again.manifest["files"]:
        assert (first.path / name).read_bytes() == (again.path / name).read_bytes(), name
    assert train_condition(first.condition) == "cached"


def test_no_steps_is_the_untrained_encoder(in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path) -> None:
    _, trained = in_folds
    write_small(empty_home)
    condition = trained.condition.untrained
    train_condition(condition)
    artefact = artefacts.read(condition.key)
    assert "untrained" in artefact.key
    assert artefact.metrics["models"] == 4
    assert artefact.metrics["untrained"] == artefact.metrics["end"] == trained.metrics["untrained"]
    assert (artefact.metrics["first_fit_step"], artefact.metrics["first_fit"]) == (None, None)
    arrays = artefact.arrays("embeddings.npz")
    assert np.array_equal(arrays["untrained_test"], arrays["end_test"])
    assert np.array_equal(arrays["end_test"], trained.arrays("embeddings.npz")["untrained_test"])
    assert artefact.arrays("snapshots.npz")["steps"].tolist() == [0]
    assert (artefact.path / "history.csv").read_text() == "step,loss,train_caption_accuracy\n"


def test_many_are_trained_by_a_pool_and_one_that_fails_stops_no_other(
    in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(empty_home)
    monkeypatch.setattr(queue, "worker_pool", ThreadPoolExecutor)
    good = in_folds[1].condition.replace(steps=0)
    bad, told = good.replace(n_per_group=5, steps=6), {}
    outcomes = run_train.train_all([good, bad], 2, told.__setitem__)
    assert told == outcomes
    assert outcomes[good.key] == "trained"
    assert outcomes[bad.key].startswith("failed: The image set 'small' has ")
    assert run_train.train_all([good], 1) == {good.key: "cached"}


def test_whoever_interrupts_many_leaves_none_running(
    in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def waits(condition: Condition) -> str:
        def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
            begun.append(condition.key)
            while True:
                report(now=True)

        return "cached" if condition.steps == 0 else jobs.run(condition.key, make)

    def interrupt(_key: str, _outcome: str) -> None:
        while not begun:
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(queue, "worker_pool", ThreadPoolExecutor)
    monkeypatch.setattr(run_train, "train_condition", waits)
    base = in_folds[1].condition
    with pytest.raises(KeyboardInterrupt):
        run_train.train_all([base.replace(steps=steps) for steps in (0, 6, 7)], 1, interrupt)
    assert begun == [base.key]
    assert [jobs.view(base.replace(steps=steps).key).state.value for steps in (6, 7)] == ["cancelled", "absent"]


def test_every_picture_is_judged_once(in_folds: tuple[ImageSet, artefacts.Artefact]) -> None:
    images, artefact = in_folds
    sizes = images.counts()["pool"]
    assert list(sizes.values()) == [6, 5, 5, 5]
    for moment in ("untrained", "end"):
        measured = artefact.metrics[moment]
        by_group = measured["group_accuracy"]
        assert {name: estimate["n"] for name, estimate in by_group.items()} == sizes
        assert measured["balanced_accuracy"]["n"] == 21
        for name, estimate in by_group.items():
            assert estimate["value"] * sizes[name] == pytest.approx(round(estimate["value"] * sizes[name]))
        assert measured["balanced_accuracy"]["value"] == pytest.approx(
            np.mean([estimate["value"] for estimate in by_group.values()])
        )


def test_each_picture_is_judged_by_the_model_that_has_not_seen_it(
    in_folds: tuple[ImageSet, artefacts.Artefact], monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    """The verdicts of all models, taken on their way to being counted."""
    from vlcore.measures import accuracy

    images, artefact = in_folds
    trained_on, judged = [], []
    count = accuracy.group_accuracy

    def look(part: ImageSet, condition: Condition) -> NDArray[np.int64]:
        trained_on.append((part, training_rows(part, condition)))
        return trained_on[-1][1]

    def judge(*columns: Any) -> accuracy.GroupAccuracy:
        judged.append(columns)
        return count(*columns)

    monkeypatch.setattr(run_train, "training_rows", look)
    monkeypatch.setattr(accuracy, "group_accuracy", judge)
    write_small(empty_home)
    train_condition(artefact.condition)
    assert len(trained_on) == 4
    scenes = images.table["scene"].to_numpy()
    for part, rows in trained_on:
        assert not set(scenes[rows]) & set(scenes[part.rows("test")])
        assert len(rows) == 2 * artefact.condition.n_per_group + 2 * artefact.condition.n_minority
    order = np.concatenate([part.rows("test") for part, _ in trained_on])
    assert len(judged) == 2
    for said, objects, groups, of_scenes, _ in judged:
        assert len(said) == 21
        for column, values in (("object", objects), ("group", groups), ("scene", of_scenes)):
            assert values.tolist() == images.table[column].to_numpy()[order].tolist()


def test_what_a_small_set_cannot_tell_is_absent_with_its_reason(in_folds: tuple[ImageSet, artefacts.Artefact]) -> None:
    for moment in ("untrained", "end"):
        measured = in_folds[1].metrics[moment]
        reasons = {name: reason.split(" ")[0] for name, reason in measured["absent"].items()}
        few = ("silhouette_object", "silhouette_context", "silhouette_group", "silhouette_majority_pair", "variance",
               "axis_angle", "dispersion", "uniformity_images", "probe_object_minority", "similarity_to")  # fmt: skip
        unfitted = ("probe_object", "probe_context", "probe_group", "neighbours_object", "neighbours_context",
                    "readouts_nearest_neighbours", "readouts_linear_probe", "worst_group_cross_fitted", "panel",
                    "background_gap")  # fmt: skip
        uncrossed = ("context_flip_rate", "object_flip_rate", "background_reliance", "background_reliance_z",
                     "object_effect", "context_effect", "interaction_effect")  # fmt: skip
        assert reasons == {
            **dict.fromkeys(few, "too"), **dict.fromkeys(unfitted, "no"), **dict.fromkeys(uncrossed, "Swapping"),
        }  # fmt: skip
        assert not set(measured) & set(measured["absent"])
        assert measured["total_variance"]["value"] > 0


def test_what_is_shown_is_of_the_first_fold(in_folds: tuple[ImageSet, artefacts.Artefact]) -> None:
    images, artefact = in_folds
    shown = subset.parts(images, artefact.condition.data_seed)[0]
    arrays, maps = artefact.arrays("embeddings.npz"), artefact.arrays("maps.npz")
    assert arrays["test_rows"].tolist() == shown.rows("test").tolist()
    assert arrays["train_rows"].tolist() == training_rows(shown, artefact.condition).tolist()
    assert maps["map_rows"].tolist() == map_rows(shown).tolist() == shown.rows("test").tolist()
    for split in ("val", "probe"):
        assert arrays[f"{split}_rows"].tolist() == []
        assert arrays[f"end_{split}"].shape == (0, arrays["end_test"].shape[1])
    assert arrays["end_test"].shape[0] == len(shown.rows("test"))
    snapshots = artefact.arrays("snapshots.npz")
    assert snapshots["map"].shape[:2] == (len(snapshots["steps"]), len(maps["map_rows"]))
    assert snapshots["val_curve"].size == 0


def test_first_fit_is_measured_only_where_every_fold_has_one(
    in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(empty_home)
    monkeypatch.setattr(train, "FIT_ACCURACY", 0.0)
    monkeypatch.setattr(train, "CHECK_EVERY", 4)
    condition = in_folds[1].condition
    train_condition(condition)
    metrics = artefacts.read(condition.key).metrics
    assert metrics["first_fit_step"] == 4
    assert metrics["first_fit"]["balanced_accuracy"]["n"] == 21

    other = condition.replace(init_seed=1)
    snapshots = recorder.SnapshotRecorder.snapshots

    def without_one(self: recorder.SnapshotRecorder, model: Encoder) -> dict[str, Snapshot]:
        found = snapshots(self, model)
        return {name: snapshot for name, snapshot in found.items() if (self.number, name) != (2, "first_fit")}

    monkeypatch.setattr(recorder.SnapshotRecorder, "snapshots", without_one)
    train_condition(other)
    artefact = artefacts.read(other.key)
    assert (artefact.metrics["first_fit_step"], artefact.metrics["first_fit"]) == (None, None)
    assert artefact.metrics["end"]["balanced_accuracy"]["n"] == 21


def test_the_models_of_a_small_set_are_watched_and_cancelled_in_turn(
    in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(empty_home)
    condition = in_folds[1].condition
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    seen: list[dict[str, Any]] = []
    write = jobs.write_json

    def watch(path: Path, status: dict[str, Any]) -> None:
        seen.append(dict(status))
        write(path, status)
        if (status["stage"], status.get("step")) == ("training model 2 of 4", 3):
            assert jobs.cancel(condition.key)

    monkeypatch.setattr(jobs, "write_json", watch)
    with pytest.raises(jobs.JobCancelledError):
        train_condition(condition)
    assert jobs.view(condition.key).state is jobs.State.CANCELLED
    assert artefacts.published_keys() == []
    stages = dict.fromkeys(status["stage"] for status in seen if status["stage"].startswith("training"))
    assert list(stages) == ["training model 1 of 4", "training model 2 of 4"]
    fractions = [status["fraction"] for status in seen]
    assert fractions == sorted(fractions)
    assert recorder.RENDERING + recorder.TRAINING / 4 < fractions[-1] < recorder.RENDERING + recorder.TRAINING / 2


def test_more_pictures_than_a_fold_leaves_is_a_sentence(
    in_folds: tuple[ImageSet, artefacts.Artefact], empty_home: Path
) -> None:
    write_small(empty_home)
    condition = in_folds[1].condition.replace(n_per_group=5)
    with pytest.raises(ImageSetError, match="choose at most that many as n_per_group instead of 5"):
        train_condition(condition)
