"""The whole way of the data: what an artifact holds, and that its numbers follow from its
arrays."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from tests.conftest import publish_as
from tests.data.importers.sources import groups, write
from vlcore.api import training as run_train
from vlcore.api.compared_maps import compare_maps, row_numbers
from vlcore.api.model_map import model_map
from vlcore.api.training import train_condition
from vlcore.api.training_animation import animate_training
from vlcore.artifacts import store
from vlcore.artifacts.embeddings import REMAINING
from vlcore.artifacts.store import Artifact
from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.data.importers import import_set
from vlcore.data.subset import map_rows, training_rows
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import EditError, Relabel, canonical_edits
from vlcore.experiment.grouping import SCENES
from vlcore.jobs import jobs
from vlcore.metrics import accuracy, geometry
from vlcore.model import loop, recorder
from vlcore.model.dual_encoder import Encoder
from vlcore.model.inference import embed_images, load_encoder
from vlcore.model.views import Labels

FILES = {
    "condition.json",
    "model.safetensors",
    "embeddings.npz",
    "snapshots.npz",
    "maps.npz",
    "metrics.json",
    "history.csv",
    "manifest.json",
}
ESTIMATES = {"minority_accuracy": 1000, "majority_accuracy": 1000, "worst_group_accuracy": 500}
ESTIMATES |= dict.fromkeys(("balanced_accuracy", "total_variance", "effective_rank"), 2000)
ESTIMATES |= dict.fromkeys(("silhouette_object", "probe_context", "modality_gap"), 2000)
SPLITS = ("train", "val", "probe", "test")
MOMENTS = ("untrained", "end")
Folds = tuple[ImageSet, Artifact]


@pytest.fixture(scope="module")
def images(quick: list[Artifact]) -> ImageSet:
    return open_set("scenes")


def test_an_artifact_says_what_it_is_and_how_it_was_made(quick: list[Artifact]) -> None:
    for artifact in quick:
        manifest, metrics, condition = artifact.manifest, artifact.metrics, artifact.condition
        assert {path.name for path in artifact.path.iterdir()} == FILES
        assert {*manifest["files"], "manifest.json"} == FILES
        assert artifact.key == condition.key == manifest["key"] == artifact.path.name
        assert {"python", "torch", "numpy", "scikit-learn", "pillow"} <= set(manifest["versions"])
        assert manifest["device"] == "cpu"
        assert 0 < manifest["training_seconds"] < manifest["seconds"]
        assert 100_000 < manifest["parameters"] < 400_000
        # A dozen steps fit nothing, and a set with splits of its own has one model.
        assert metrics["models"] == 1
        assert metrics["first_fit_step"] is metrics["first_fit"] is None
        history = pd.read_csv(artifact.path / "history.csv")
        assert history["step"].tolist() == list(range(1, condition.steps + 1))
        assert (history["loss"] > 0).all()
        last = history["train_caption_accuracy"].iat[-1]
        assert last == pytest.approx(metrics["end"]["train_caption_accuracy"], abs=1e-4)
        assert last < loop.FIT_ACCURACY


def test_a_stored_change_of_a_caption_that_changes_nothing_opens_and_no_new_one_is_trained(
    quick: list[Artifact], images: ImageSet, empty_home: Path
) -> None:
    condition = quick[0].condition
    row = int(training_rows(images, condition)[0])
    condition = condition.replace(edits=canonical_edits([Relabel(row, condition.labels)]))
    for refuse in (run_train.check_trainable, train_condition):
        with pytest.raises(EditError):
            refuse(condition)
    publish_as(quick[0], condition)
    run_train.check_trainable(condition)
    assert train_condition(condition) == "cached"


@pytest.mark.parametrize("moment", ["untrained", "end"])
def test_every_number_has_its_interval_and_count(quick: list[Artifact], moment: str) -> None:
    for artifact in quick:
        measured = artifact.metrics[moment]
        for name, n in ESTIMATES.items():
            assert measured[name]["n"] == n
            assert measured[name]["low"] <= measured[name]["high"]
        by_group = measured["group_accuracy"]
        assert {group: estimate["n"] for group, estimate in by_group.items()} == dict.fromkeys(
            SCENES.names, 500
        )
        assert measured["worst_group_accuracy"] == by_group[measured["worst_group"]]
        assert measured["train_images"] == 2 * 48 + 2 * artifact.condition.n_minority
    short, _, biased_short, biased_long = (
        artifact.metrics["text_only_match"] for artifact in quick
    )
    assert short == biased_short == pytest.approx(0.5)
    # Without its own caption among the negatives, a rare one is met less often as a negative than
    # as a match.
    assert 0.5 < biased_long < 0.6


def test_gap_and_distances_of_captions_are_those_of_held_out_images(
    quick: list[Artifact], images: ImageSet
) -> None:
    for artifact in quick:
        arrays, measured = artifact.arrays("embeddings.npz"), artifact.metrics["end"]
        said = [
            (one.object, one.context)
            for one in Labels.from_condition(artifact.condition, SCENES).captions
        ]
        shown = images.table.iloc[arrays["test_rows"]]
        own = [
            said.index((obj, context) if len(said) == 4 else (obj, ""))
            for obj, context in zip(shown["object"], shown["context"], strict=True)
        ]
        z, t = (arrays[f"end_{name}"].astype(float) for name in ("test", "captions"))
        apart = ((z - t[own]) ** 2).sum(axis=1).mean()
        assert measured["alignment"]["value"] == pytest.approx(apart, rel=1e-5)
        gap = np.linalg.norm(z.mean(axis=0) - t[own].mean(axis=0))
        assert measured["modality_gap"]["value"] == pytest.approx(gap, rel=1e-5)


def test_effects_are_log_odds_by_a_temperature_of_validation_images(
    quick: list[Artifact], images: ImageSet
) -> None:
    for artifact in quick:
        arrays, measured = artifact.arrays("embeddings.npz"), artifact.metrics["end"]
        if "temperature" in measured["absent"]:  # a dozen steps teach little
            assert {"object_effect", "calibration_error"} <= set(measured["absent"])
            continue
        scores = {split: object_scores(artifact, "end", split) for split in ("val", "test")}
        val = images.table.iloc[arrays["val_rows"]]
        objects, scenes = val["object"].to_numpy(), val["scene"].to_numpy()
        temperature = accuracy.temperature(scores["val"], objects, scenes, SCENES).value
        assert measured["temperature"]["value"] == pytest.approx(temperature, rel=1e-4)
        margins = scores["test"][:, 0] - scores["test"][:, 1]
        shown = images.table.iloc[arrays["test_rows"]].assign(margin=margins)
        swapped = shown.groupby(["scene", "object"])["margin"].mean().unstack()
        effect = (swapped["horse"] - swapped["camel"]).abs().mean() / temperature
        assert measured["object_effect"]["value"] == pytest.approx(effect, rel=1e-4)


def test_rows_are_the_biased_subset_and_the_fixed_splits(
    quick: list[Artifact], images: ImageSet
) -> None:
    for artifact in quick:
        arrays, maps = artifact.arrays("embeddings.npz"), artifact.arrays("maps.npz")
        assert arrays["train_rows"].tolist() == training_rows(images, artifact.condition).tolist()
        for split in SPLITS[1:]:
            assert arrays[f"{split}_rows"].tolist() == images.rows(split).tolist()
        assert maps["map_rows"].tolist() == map_rows(images).tolist()
        for name in (f"{moment}_{part}" for moment in MOMENTS for part in (*SPLITS, "captions")):
            assert np.linalg.norm(arrays[name], axis=1) == pytest.approx(1, abs=1e-5)
    for short, long in (quick[:2], quick[2:]):
        one, other = short.arrays("embeddings.npz"), long.arrays("embeddings.npz")
        for part in SPLITS:  # both label styles start from the same image encoder
            assert np.array_equal(one[f"untrained_{part}"], other[f"untrained_{part}"])
            assert not np.array_equal(one[f"end_{part}"], other[f"end_{part}"])


def test_snapshots_lead_from_the_untrained_encoder_to_the_end(quick: list[Artifact]) -> None:
    for artifact in quick:
        snapshots, arrays = artifact.arrays("snapshots.npz"), artifact.arrays("embeddings.npz")
        steps = snapshots["steps"].tolist()
        assert steps == loop.checkpoint_steps(artifact.condition.steps)
        on_map = np.searchsorted(arrays["test_rows"], snapshots["map_rows"])
        for place, moment in ((0, "untrained"), (-1, "end")):
            expected = {part: arrays[f"{moment}_{part}"] for part in ("train", "captions")}
            expected["map"] = arrays[f"{moment}_test"][on_map]
            for part, z in expected.items():
                assert np.array_equal(snapshots[part][place], z.astype(np.float16))
        assert (snapshots["map"][1:] != snapshots["map"][0]).any(axis=(1, 2)).all()
        for curve in (snapshots["val_curve"], snapshots["probe_curve"]):
            assert curve[:, 0].tolist() == sorted({0, *steps[::-2]}), "every second step"
            assert ((curve[:, 1:] >= 0) & (curve[:, 1:] <= 1)).all()


def object_scores(artifact: Artifact, moment: str, split: str = "test") -> NDArray[np.float64]:
    """Log scores of the two objects for each image of a split."""
    arrays = artifact.arrays("embeddings.npz")
    z, captions, scale = (arrays[f"{moment}_{of}"] for of in (split, "captions", "scale_bias"))
    return accuracy.object_scores(
        accuracy.logits(z, captions, *scale), arrays["caption_objects"], SCENES.objects
    )


def readout(artifact: Artifact, moment: str) -> NDArray[np.str_]:
    """The predicted object of each test image."""
    return np.array(SCENES.objects)[object_scores(artifact, moment).argmax(axis=1)]


@pytest.mark.parametrize("moment", ["untrained", "end"])
def test_measures_follow_from_the_embeddings(
    quick: list[Artifact], images: ImageSet, moment: str
) -> None:
    artifact = quick[1]
    measured, arrays = artifact.metrics[moment], artifact.arrays("embeddings.npz")
    table, z = images.table.iloc[arrays["test_rows"]], arrays[f"{moment}_test"].astype(float)
    right = table.assign(right=readout(artifact, moment) == table["object"].to_numpy())
    by_group = right.groupby("group")["right"].mean()
    assert {
        name: estimate["value"] for name, estimate in measured["group_accuracy"].items()
    } == pytest.approx(by_group.to_dict())
    minority, majority = list(SCENES.minority), list(SCENES.majority)
    for name, expected in {
        "balanced_accuracy": by_group.mean(),
        "minority_accuracy": by_group[minority].mean(),
        "majority_accuracy": by_group[majority].mean(),
        "worst_group_accuracy": by_group.min(),
        "total_variance": z.var(axis=0).sum(),
        "silhouette_object": silhouette_score(z, table["object"], metric="cosine"),
        "silhouette_context": silhouette_score(z, table["context"], metric="cosine"),
    }.items():
        assert measured[name]["value"] == pytest.approx(expected, rel=1e-4, abs=1e-4), name
    rank = geometry.effective_rank(z, table["scene"].to_numpy(str))
    assert measured["effective_rank"] == pytest.approx(rank.as_dict(), rel=1e-3)

    cosines = arrays[f"{moment}_train"] @ arrays[f"{moment}_captions"].T
    said = arrays["caption_texts"][cosines.argmax(axis=1)]
    wanted = images.table.iloc[arrays["train_rows"]]["caption"]
    assert measured["train_caption_accuracy"] == pytest.approx(np.mean(said == wanted))


def test_first_fit_stays(
    home: Path, quick: list[Artifact], empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar so low that it is passed at the first look, which is at no step of the log-spaced
    snapshots."""
    (empty_home / "data").symlink_to(home / "data", target_is_directory=True)
    fits_at_once(monkeypatch)
    monkeypatch.setattr(loop, "checkpoint_steps", lambda steps: [0, 1, steps])
    reports = watch(monkeypatch)
    condition = quick[0].condition.replace(steps=6)
    assert train_condition(condition) == "trained"
    artifact = store.read(condition.key)
    first_fit = artifact.metrics["first_fit"]
    assert artifact.metrics["first_fit_step"] == 4
    snapshots, arrays = artifact.arrays("snapshots.npz"), artifact.arrays("embeddings.npz")
    assert snapshots["steps"].tolist() == [0, 1, 4, 6]
    assert np.array_equal(snapshots["train"][2], arrays["first_fit_train"].astype(np.float16))
    objects = open_set("scenes").table["object"].to_numpy()[arrays["test_rows"]]
    right = readout(artifact, "first_fit") == objects
    assert first_fit["balanced_accuracy"]["value"] == pytest.approx(right.mean())
    assert first_fit.keys() == artifact.metrics["end"].keys()
    assert first_fit != artifact.metrics["end"]

    stages = list(dict.fromkeys(report["stage"] for report in reports))
    assert stages == ["starting", "drawing images", "reading images", "training", "measuring"]
    fractions = [report["fraction"] for report in reports]
    assert fractions == sorted(fractions), "a progress bar never goes back"
    assert (fractions[0], fractions[-1]) == (0.0, pytest.approx(1.0))
    training = [report for report in reports if report["stage"] == "training"]
    assert {report["step"] for report in training} == set(range(1, 7))
    assert np.array(training[-1]["map"]).shape == (len(snapshots["map_rows"]), 2)
    assert [place[0] for place in training[-1]["curve"]] == [0, 4, 6], "and at first fit"


def watch(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    write = jobs.write_json
    monkeypatch.setattr(
        jobs, "write_json", lambda path, status: (reports.append(dict(status)), write(path, status))
    )
    return reports


@pytest.mark.parametrize(
    "condition",
    [Condition(data_version="0"), Condition(data="nowhere"), Condition(n_per_group=481)],
)
def test_an_image_set_that_does_not_fit_is_a_failed_job(
    empty_home: Path, condition: Condition
) -> None:
    with pytest.raises(ImageSetError) as caught:
        train_condition(condition)
    seen = jobs.view(condition.key)
    assert (seen.state, seen.status["message"]) == (jobs.State.FAILED, str(caught.value))


def write_small(home: Path) -> ImageSet:
    """Five pictures of noise a group, one more in the first; two of the last are alike, so four
    folds are possible."""
    import_set(write(home / "source", groups(6, 5, 5, 5) | {"camel_grass/4.png": 16}), "small")
    return open_set("small")


@pytest.fixture(scope="module")
def in_folds(tmp_path_factory: pytest.TempPathFactory) -> Folds:
    """A small set and a condition that was trained on it to a first fit, in a home of their own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("small")
        patch.setenv("VLCORE_HOME", str(folder))
        fits_at_once(patch)
        images = write_small(folder)
        condition = subset.usual_condition(images).replace(
            steps=5, batch_size=8, bias=0.5, labels="descriptive"
        )
        assert train_condition(condition) == "trained"
        return images, store.read(condition.key)


def fits_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loop, "FIT_ACCURACY", 0.0)
    patch.setattr(loop, "CHECK_EVERY", 4)


@pytest.fixture
def elsewhere(in_folds: Folds, empty_home: Path) -> Artifact:
    """The model in folds, in another home that has its pictures and no model."""
    (empty_home / "data").symlink_to(in_folds[0].root.parent, target_is_directory=True)
    return in_folds[1]


def test_the_map_of_an_imported_set_shows_all_of_its_images(
    in_folds: Folds, elsewhere: Artifact
) -> None:
    """Those that are neither trained on nor measured too, as the model embeds them."""
    images, artifact = in_folds[0], elsewhere
    every = np.arange(len(images.table))
    assert len(artifact.embeddings.rows(REMAINING)) > 0
    on_map = model_map(artifact)
    untrained = on_map.untrained()
    assert untrained is not None
    assert sorted(on_map.rows) == sorted(untrained.rows) == every.tolist()
    trained_rows = artifact.embeddings.rows("train")
    assert on_map.rows[on_map.n_held_out :].tolist() == trained_rows.tolist()
    encoder, _ = load_encoder(artifact.path / "model.safetensors")
    expected = embed_images(encoder, images.pixels(on_map.rows))
    np.testing.assert_allclose(on_map.z, expected, atol=1e-5)
    assert np.abs(untrained.z - expected).max() > 1e-3
    comparison = compare_maps([on_map], images)
    assert comparison.rows.tolist() == every.tolist()
    animated = animate_training(comparison, images)
    assert set(animated.points["id"]) == {f"p{row}" for row in artifact.checkpoints.rows}
    end = animated.tracks[0].positions[-1]
    index = np.searchsorted(every, row_numbers(animated.points))
    stored = comparison.points[["x0", "y0"]].to_numpy()[index]
    np.testing.assert_allclose(end, stored, atol=0.01)


def test_every_fold_judges_what_it_lacks(
    in_folds: Folds, elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts of all models, taken on their way to being counted; elsewhere all bits are the
    same."""
    images, trained_on, judged = in_folds[0], [], []
    count, sets = accuracy.group_accuracy, run_train.training_sets

    def look(parts: list[ImageSet], condition: Condition) -> list[TrainingSet]:
        made = sets(parts, condition)
        trained_on.extend((one.images, one.rows) for one in made)
        return made

    monkeypatch.setattr(run_train, "training_sets", look)
    monkeypatch.setattr(
        accuracy, "group_accuracy", lambda *columns: judged.append(columns) or count(*columns)
    )
    fits_at_once(monkeypatch)
    assert train_condition(elsewhere.condition) == "trained"
    again = store.read(elsewhere.key)
    assert again.path != elsewhere.path
    assert set(again.manifest["files"]) == FILES - {"manifest.json"}
    for name in again.manifest["files"]:
        assert (elsewhere.path / name).read_bytes() == (again.path / name).read_bytes(), name
    assert train_condition(elsewhere.condition) == "cached"

    assert images.folds == again.metrics["models"] == len(trained_on) == 4
    assert again.metrics["first_fit_step"] == 4, "the first look"
    by_group = again.metrics["end"]["group_accuracy"]
    assert {name: estimate["n"] for name, estimate in by_group.items()} == images.counts()["pool"]
    scenes = images.table["scene"].to_numpy()
    for part, rows in trained_on:
        assert not set(scenes[rows]) & set(scenes[part.rows("test")])
        assert len(rows) == 2 * again.condition.n_per_group + 2 * again.condition.n_minority
    order = np.concatenate([part.rows("test") for part, _ in trained_on])
    assert sorted(order) == list(range(21))
    stored = again.embeddings.fold_predictions
    assert stored is not None
    rows, predicted = stored
    assert rows.tolist() == order.tolist()
    is_right = predicted == images.table["object"].to_numpy()[rows]
    for name, estimate in by_group.items():
        of_group = is_right[images.table["group"].to_numpy()[rows] == name]
        assert np.isclose(of_group.mean(), estimate["value"])
    # Other readouts are judged in the first fold alone.
    together = [columns for columns in judged if len(columns[0]) == len(order)]
    assert len(together) == 3, "untrained, at first fit and at the end"
    for _, *columns, _ in together:
        for column, values in zip(("group", "scene"), columns, strict=True):
            assert values.tolist() == images.table[column].to_numpy()[order].tolist()


def test_two_captions_a_picture_are_kept_apart(
    elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[loop.TrainingData] = []
    trained = loop.train_encoder
    monkeypatch.setattr(
        loop,
        "train_encoder",
        lambda one, data, **more: given.append(data) or trained(one, data, **more),
    )
    condition = elsewhere.condition.replace(objective="two_part", labels="undescriptive", steps=1)
    train_condition(condition)
    stored = store.read(condition.key).embeddings
    table = open_set(condition.data).table.iloc[stored.rows("train")]
    objects = store.read(condition.key).arrays("embeddings.npz")["caption_objects"]
    assert objects[stored.caption_index].tolist() == table["object"].tolist()
    places = given[0].backgrounds
    assert [places.captions[number].context for number in places.caption_index] == table[
        "context"
    ].tolist()
    assert given[0].caption_index.tolist() == stored.caption_index.tolist()


def test_no_steps_is_the_untrained_encoder(elsewhere: Artifact) -> None:
    condition = elsewhere.condition.untrained
    train_condition(condition)
    artifact = store.read(condition.key)
    metrics, arrays = artifact.metrics, artifact.arrays("embeddings.npz")
    assert metrics["untrained"] == metrics["end"] == elsewhere.metrics["untrained"]
    assert metrics["first_fit_step"] is metrics["first_fit"] is None
    assert np.array_equal(arrays["untrained_test"], arrays["end_test"])
    assert np.array_equal(arrays["end_test"], elsewhere.arrays("embeddings.npz")["untrained_test"])
    assert artifact.checkpoints.steps == (0,)
    assert (artifact.path / "history.csv").read_text() == "step,loss,train_caption_accuracy\n"


def test_a_pool_trains_many_and_one_that_fails_stops_none(elsewhere: Artifact) -> None:
    good = elsewhere.condition.untrained
    bad, told = elsewhere.condition.replace(n_per_group=5), {}
    with ThreadPoolExecutor(2) as pool:
        outcomes = run_train.train_all([good, bad], pool, told.__setitem__)
        assert told == outcomes
        assert run_train.train_all([good], pool, told.__setitem__) == {good.key: "cached"}
    assert outcomes[good.key] == "trained"
    assert outcomes[bad.key].startswith("failed: The image set 'small' has ")


def test_whoever_interrupts_many_leaves_none_running(
    elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def waits(condition: Condition, **_options: object) -> str:
        def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
            begun.append(condition.key)
            while True:
                report(now=True)

        return "cached" if condition.steps == 8 else jobs.run(condition.key, make)

    def interrupt(_key: str, _outcome: str) -> None:
        while not begun:
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(run_train, "train_condition", waits)
    conditions = [elsewhere.condition.replace(steps=steps) for steps in (8, 7, 6)]
    with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor(1) as pool:
        run_train.train_all(conditions, pool, interrupt)
    assert begun == [conditions[1].key]
    assert [jobs.view(one.key).state.value for one in conditions[1:]] == ["cancelled", "absent"]


@pytest.mark.parametrize("moment", ["untrained", "end"])
def test_what_a_small_set_cannot_tell_is_absent_with_its_reason(
    in_folds: Folds, moment: str
) -> None:
    measured = in_folds[1].metrics[moment]
    absent = measured["absent"]
    assert {"silhouette_object", "probe_object", "panel", "temperature"} <= set(absent)
    assert all(len(reason.split()) > 1 for reason in absent.values())
    assert not set(measured) & set(absent)
    assert measured["total_variance"]["value"] > 0


def test_what_is_shown_is_of_the_first_fold(in_folds: Folds) -> None:
    images, artifact = in_folds
    shown = subset.split_parts(images, artifact.condition.data_seed)[0]
    arrays = artifact.arrays("embeddings.npz")
    rows = shown.rows("test").tolist()
    assert arrays["test_rows"].tolist() == rows
    assert arrays["train_rows"].tolist() == training_rows(shown, artifact.condition).tolist()
    assert [len(arrays[f"end_{split}"]) for split in ("val", "probe")] == [0, 0]
    snapshots = artifact.arrays("snapshots.npz")
    assert snapshots["map"].shape[:2] == (len(snapshots["steps"]), len(rows))
    assert snapshots["val_curve"].size == 0


def test_a_first_fit_is_measured_where_every_fold_has_one(
    elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = recorder.CheckpointRecorder.on_checkpoint

    def without_one(self: recorder.CheckpointRecorder, step: int, model: Encoder) -> None:
        record(self, step, model)
        if self.number == 2:
            self.checkpoints.pop("first_fit", None)

    fits_at_once(monkeypatch)
    monkeypatch.setattr(recorder.CheckpointRecorder, "on_checkpoint", without_one)
    train_condition(elsewhere.condition)
    metrics = store.read(elsewhere.key).metrics
    assert (metrics["first_fit_step"], metrics["first_fit"]) == (None, None)
    assert metrics["end"] == elsewhere.metrics["end"]


def test_folds_are_watched_and_cancelled_in_turn(
    elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, step = watch(monkeypatch), recorder.CheckpointRecorder.on_step

    def cancel_in_the_second(self: recorder.CheckpointRecorder, progress: loop.Progress) -> None:
        if (self.number, progress.step) == (1, 4):
            assert jobs.cancel(elsewhere.key)
        step(self, progress)

    monkeypatch.setattr(recorder.CheckpointRecorder, "on_step", cancel_in_the_second)
    with pytest.raises(jobs.JobCancelledError):
        train_condition(elsewhere.condition)
    assert jobs.view(elsewhere.key).state is jobs.State.CANCELLED
    assert store.published_keys() == []
    stages = dict.fromkeys(
        status["stage"] for status in seen if status["stage"].startswith("training")
    )
    assert list(stages) == ["training model 1 of 4", "training model 2 of 4"]
    fractions = [status["fraction"] for status in seen]
    assert fractions == sorted(fractions)
    assert (
        recorder.RENDERING + recorder.TRAINING / 4
        < fractions[-1]
        < recorder.RENDERING + recorder.TRAINING / 2
    )
