"""Trainings on a small set in folds: one model a fold, and the map of an imported set."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.trainings import FILES, fits_at_once, watch, write_small
from vlcore.api import training as run_train
from vlcore.api.compared_maps import compare_maps, points_table, row_numbers, with_held_out
from vlcore.api.model_map import model_map
from vlcore.api.training import train_condition
from vlcore.api.training_animation import animate_training
from vlcore.artifacts import store
from vlcore.artifacts.embeddings import REMAINING
from vlcore.artifacts.new_measures import stored_predictions
from vlcore.artifacts.store import Artifact
from vlcore.data import subset
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import shown_name
from vlcore.jobs import jobs
from vlcore.metrics import accuracy
from vlcore.metrics.accuracy import balanced_accuracy
from vlcore.model import loop, recorder
from vlcore.model.dual_encoder import Encoder
from vlcore.model.inference import embed_images, load_encoder

Folds = tuple[ImageSet, Artifact]


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
    animated = animate_training(comparison)
    assert set(animated.points["id"]) == {f"p{row}" for row in artifact.checkpoints.rows}
    end = animated.tracks[0].positions[-1]
    index = np.searchsorted(every, row_numbers(animated.points))
    stored = comparison.points[["x0", "y0"]].to_numpy()[index]
    np.testing.assert_allclose(end, stored, atol=0.01)


def test_a_table_of_images_counts_the_accuracies_again(
    in_folds: Folds, elsewhere: Artifact
) -> None:
    comparison = compare_maps([model_map(elsewhere)], in_folds[0])
    table = points_table(comparison, with_held_out(comparison))
    assert sorted(table["id"]) == sorted(f"p{row}" for row in range(21))
    assert set(table["split"]) == {"test"}
    assert set(table["Model caption style"]) == {shown_name("labels", elsewhere.condition.labels)}
    fold = table.set_index("id")["Model fold"]
    for number, part in enumerate(subset.split_parts(in_folds[0], elsewhere.condition.data_seed)):
        assert set(fold[[f"p{row}" for row in part.rows("test")]]) == {number + 1}
    is_right = table["Model prediction"].str.endswith("(correct)")
    groups = table["object"] + "_" + table["context"]
    for group, estimate in elsewhere.metrics["end"]["group_accuracy"].items():
        assert np.isclose(is_right[groups == group].mean(), estimate["value"])


def test_every_fold_judges_what_it_lacks(
    in_folds: Folds, elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts of all models, taken on their way to being counted; elsewhere all bits are the
    same."""
    images, trained_on, judged = in_folds[0], [], []
    count, sets = accuracy.Predictions, run_train.training_sets

    def look(parts: list[ImageSet], condition: Condition) -> list[TrainingSet]:
        made = sets(parts, condition)
        trained_on.extend((one.images, one.rows) for one in made)
        return made

    monkeypatch.setattr(run_train, "training_sets", look)
    monkeypatch.setattr(
        accuracy, "Predictions", lambda *columns: judged.append(columns) or count(*columns)
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
    assert (
        balanced_accuracy(stored_predictions(again.condition, again.embeddings)).as_dict()
        == (again.metrics["end"]["balanced_accuracy"])
    )
    # Other readouts are judged in the first fold alone.
    together = [columns for columns in judged if len(columns[0]) == len(order)]
    assert len(together) == 3, "untrained, at first fit and at the end"
    for _, *columns, _ in together:
        for column, values in zip(("group", "scene"), columns, strict=True):
            assert values.tolist() == images.table[column].to_numpy()[order].tolist()


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
