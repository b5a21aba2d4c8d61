"""The whole way of the data: what an artifact holds, and that its numbers follow from its
arrays."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from tests.data.importers.sources import groups, write
from vlcore.api import training as run_train
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet, ImageSetError
from vlcore.data.importers import import_set
from vlcore.data.subset import map_rows, training_rows
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.jobs import jobs
from vlcore.metrics import accuracy, geometry
from vlcore.metrics.estimate import mean
from vlcore.metrics.projection import fit_plane
from vlcore.model import loop, recorder
from vlcore.model.dual_encoder import Encoder
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
ESTIMATES = {
    "balanced_accuracy": 2000,
    "minority_accuracy": 1000,
    "majority_accuracy": 1000,
    "worst_group_accuracy": 500,
    "total_variance": 2000,
    "effective_rank": 2000,
    "silhouette_object": 2000,
    "silhouette_context": 2000,
    "probe_object": 2000,
    "probe_context": 2000,
    "alignment": 2000,
    "modality_gap": 2000,
}
Folds = tuple[ImageSet, Artifact]


@pytest.fixture(scope="module")
def images(quick: list[Artifact]) -> ImageSet:
    return open_set("scenes")


def test_an_artifact_says_what_it_is_and_how_it_was_made(quick: list[Artifact]) -> None:
    for artifact in quick:
        manifest, metrics, condition = artifact.manifest, artifact.metrics, artifact.condition
        assert (
            {path.name for path in artifact.path.iterdir()}
            == FILES
            == {*manifest["files"], "manifest.json"}
        )
        assert artifact.key == condition.key == manifest["key"] == artifact.path.name
        assert json.loads((artifact.path / "condition.json").read_text()) == condition.as_dict()
        assert {"python", "torch", "numpy", "scikit-learn", "pillow"} <= set(manifest["versions"])
        assert manifest["device"] == "cpu"
        assert 0 < manifest["training_seconds"] < manifest["seconds"]
        assert 100_000 < manifest["parameters"] < 400_000
        assert jobs.view(artifact.key).done
        assert not (jobs.work_folder(artifact.key) / "status.json").exists()
        # A dozen steps fit nothing, and a set with splits of its own has one model.
        assert (metrics["models"], metrics["first_fit_step"], metrics["first_fit"]) == (
            1,
            None,
            None,
        )
        assert not [
            name for name in artifact.arrays("embeddings.npz") if name.startswith("first_fit")
        ]
        with (artifact.path / "history.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert [int(line["step"]) for line in lines] == list(range(1, condition.steps + 1))
        assert all(float(line["loss"]) > 0 for line in lines)
        last = float(lines[-1]["train_caption_accuracy"])
        assert last == pytest.approx(metrics["end"]["train_caption_accuracy"], abs=1e-4)
        assert last < loop.FIT_ACCURACY


def test_every_number_has_its_interval_and_count(quick: list[Artifact]) -> None:
    for artifact in quick:
        for moment in ("untrained", "end"):
            measured = artifact.metrics[moment]
            for name, n in ESTIMATES.items():
                value, low, high = (measured[name][part] for part in ("value", "low", "high"))
                assert measured[name]["n"] == n
                assert low <= high
                if "accuracy" in name or "probe" in name:
                    assert 0 <= low <= value <= high <= 1
            assert set(measured["group_accuracy"]) == set(SCENES.names)
            assert {estimate["n"] for estimate in measured["group_accuracy"].values()} == {500}
            assert (
                measured["worst_group_accuracy"]
                == measured["group_accuracy"][measured["worst_group"]]
            )
            assert measured["train_images"] == 2 * 48 + 2 * artifact.condition.n_minority
    short, _, biased_short, biased_long = (
        artifact.metrics["text_only_match"] for artifact in quick
    )
    assert short == biased_short == pytest.approx(0.5)
    # Without its own caption among the negatives, a rare one is met less often as a negative than
    # as a match.
    assert 0.5 < biased_long < 0.6


def test_gap_and_distances_of_captions_are_those_of_held_out_pictures(
    quick: list[Artifact], images: ImageSet
) -> None:
    for artifact in quick:
        arrays, measured = artifact.arrays("embeddings.npz"), artifact.metrics["end"]
        said = [(one.object, one.context) for one in Labels.of(artifact.condition, SCENES).captions]
        shown = images.table.iloc[arrays["test_rows"]][["object", "context"]].itertuples(
            index=False
        )
        own = [
            next(k for k, one in enumerate(said) if one in (tuple(row), (row.object, "")))
            for row in shown
        ]
        z, t = (arrays[f"end_{name}"].astype(float) for name in ("test", "captions"))
        apart = np.mean([((one - t[k]) ** 2).sum() for one, k in zip(z, own, strict=True)])
        assert measured["alignment"]["value"] == pytest.approx(apart, rel=1e-5)
        gap = np.linalg.norm(z.mean(axis=0) - np.mean([t[k] for k in own], axis=0))
        assert measured["modality_gap"]["value"] == pytest.approx(gap, rel=1e-5)


def test_effects_are_log_odds_by_a_temperature_of_validation_pictures(
    quick: list[Artifact], images: ImageSet
) -> None:
    for artifact in quick:
        arrays, measured = artifact.arrays("embeddings.npz"), artifact.metrics["end"]
        scores = {split: object_scores(artifact, "end", split) for split in ("val", "test")}
        margins = {split: of[:, 0] - of[:, 1] for split, of in scores.items()}
        objects = images.table["object"].to_numpy()[arrays["val_rows"]]
        scenes = images.table["scene"].to_numpy()[arrays["val_rows"]]
        if (
            mean(margins["val"] * np.where(objects == "horse", 1, -1), scenes).low <= 0
        ):  # a dozen steps teach little
            assert {"temperature", "object_effect", "calibration_error"} <= set(measured["absent"])
            continue
        by = accuracy.temperature(scores["val"], objects, scenes, SCENES)
        assert measured["temperature"]["value"] == pytest.approx(by.value, rel=1e-4)
        shown = images.table.iloc[arrays["test_rows"]].assign(margin=margins["test"])
        swapped = shown.groupby(["scene", "object"])["margin"].mean().unstack()
        effect = (swapped["horse"] - swapped["camel"]).abs().mean() / by.value
        assert measured["object_effect"]["value"] == pytest.approx(effect, rel=1e-4)


def test_rows_are_the_biased_subset_and_the_fixed_splits(
    quick: list[Artifact], images: ImageSet
) -> None:
    for artifact in quick:
        arrays, maps = artifact.arrays("embeddings.npz"), artifact.arrays("maps.npz")
        assert arrays["train_rows"].tolist() == training_rows(images, artifact.condition).tolist()
        for split in ("val", "probe", "test"):
            assert arrays[f"{split}_rows"].tolist() == images.rows(split).tolist()
        assert maps["map_rows"].tolist() == map_rows(images).tolist()
        for part in ("train", "val", "probe", "test", "captions"):
            for moment in ("untrained", "end"):
                assert np.linalg.norm(arrays[f"{moment}_{part}"], axis=1) == pytest.approx(
                    1, abs=1e-5
                )
    for short, long in (quick[:2], quick[2:]):
        one, other = short.arrays("embeddings.npz"), long.arrays("embeddings.npz")
        for part in (
            "train",
            "val",
            "probe",
            "test",
        ):  # both label styles start from the same image encoder
            assert np.array_equal(one[f"untrained_{part}"], other[f"untrained_{part}"])
            assert not np.array_equal(one[f"end_{part}"], other[f"end_{part}"])
        assert one["caption_texts"].tolist() == ["horse", "camel"]
        assert other["caption_texts"].tolist() == [
            "horse on the grass",
            "horse in the desert",
            "a camel in the desert",
            "camel on the grass",
        ]


def test_snapshots_lead_from_the_untrained_encoder_to_the_end(quick: list[Artifact]) -> None:
    for artifact in quick:
        snapshots, arrays = artifact.arrays("snapshots.npz"), artifact.arrays("embeddings.npz")
        assert snapshots["steps"].tolist() == loop.checkpoint_steps(artifact.condition.steps)
        on_map = np.searchsorted(arrays["test_rows"], snapshots["map_rows"])
        for place, moment in ((0, "untrained"), (-1, "end")):
            assert np.array_equal(
                snapshots["map"][place], arrays[f"{moment}_test"][on_map].astype(np.float16)
            )
            for part in ("train", "captions"):
                assert np.array_equal(
                    snapshots[part][place], arrays[f"{moment}_{part}"].astype(np.float16)
                )
        assert (
            min(
                np.abs(later.astype(float) - snapshots["map"][0]).max()
                for later in snapshots["map"][1:]
            )
            > 0
        )
        steps = snapshots["steps"].tolist()
        for curve in (
            snapshots["val_curve"],
            snapshots["probe_curve"],
        ):  # at the ends, and every second one between
            assert curve[:, 0].tolist() == sorted({0, *steps[::-2]})
        assert ((snapshots["val_curve"][:, 1:] >= 0) & (snapshots["val_curve"][:, 1:] <= 1)).all()


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
@pytest.mark.parametrize("number", [1, 2])
def test_measures_follow_from_the_embeddings(
    quick: list[Artifact], images: ImageSet, number: int, moment: str
) -> None:
    artifact = quick[number]
    measured, arrays = artifact.metrics[moment], artifact.arrays("embeddings.npz")
    table, z = images.table.iloc[arrays["test_rows"]], arrays[f"{moment}_test"].astype(float)
    right = readout(artifact, moment) == table["object"].to_numpy()
    by_group = {
        name: right[(table["group"] == name).to_numpy()].mean() for name in images.grouping.names
    }
    assert {name: e["value"] for name, e in measured["group_accuracy"].items()} == pytest.approx(
        by_group
    )
    assert measured["balanced_accuracy"]["value"] == pytest.approx(np.mean(list(by_group.values())))
    for name, of in (
        ("minority", ("horse_desert", "camel_grass")),
        ("majority", ("horse_grass", "camel_desert")),
    ):
        assert measured[f"{name}_accuracy"]["value"] == pytest.approx(
            np.mean([by_group[group] for group in of])
        )
    assert measured["worst_group_accuracy"]["value"] == min(by_group.values())

    assert measured["total_variance"]["value"] == pytest.approx(z.var(axis=0).sum(), rel=1e-4)
    rank = geometry.effective_rank(z, table["scene"].to_numpy(str))
    assert measured["effective_rank"] == pytest.approx(rank.as_dict(), rel=1e-3)
    assert measured["collapsed"] == geometry.is_collapsed(
        z.var(axis=0).sum(), measured["effective_rank"]["value"]
    )
    for name in ("object", "context"):
        expected = silhouette_score(z, table[name], metric="cosine")
        assert measured[f"silhouette_{name}"]["value"] == pytest.approx(expected, abs=1e-4)

    own = arrays["caption_texts"].tolist()
    trained_on = images.table.iloc[arrays["train_rows"]]
    said = [
        own[k] for k in (arrays[f"{moment}_train"] @ arrays[f"{moment}_captions"].T).argmax(axis=1)
    ]
    wanted = trained_on["object" if len(own) == 2 else "caption"].tolist()
    fitted = np.mean([a == b for a, b in zip(said, wanted, strict=True)])
    assert measured["train_caption_accuracy"] == pytest.approx(fitted)


def test_the_map_is_the_principal_plane_of_pictures_and_captions(quick: list[Artifact]) -> None:
    for artifact in quick:
        stored, maps = artifact.embeddings, artifact.arrays("maps.npz")
        plane = fit_plane(np.concatenate([stored.end.on_map, stored.end.captions]))
        for part in ("centre", "components", "shares", "variance"):
            assert stored.plane[part] == pytest.approx(getattr(plane, part), abs=1e-6)
        for name, z in (
            ("map", stored.end.on_map),
            ("train", stored.end.train),
            ("captions", stored.end.captions),
        ):
            assert maps[name] == pytest.approx(plane.place(z), abs=1e-5)


def test_first_fit_stays(
    home: Path, quick: list[Artifact], empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar so low that it is passed at the first look, which is at no step of the log-spaced
    snapshots."""
    (empty_home / "data").symlink_to(
        home / "data", target_is_directory=True
    )  # nothing is drawn again
    for name, value in {
        "FIT_ACCURACY": 0.0,
        "CHECK_EVERY": 4,
        "checkpoint_steps": lambda steps: [0, 1, steps],
    }.items():
        monkeypatch.setattr(loop, name, value)
    reports = watch(monkeypatch)
    condition = quick[0].condition.replace(steps=6)
    assert train_condition(condition) == "trained"
    artifact = store.read(condition.key)
    assert artifact.metrics["first_fit_step"] == 4
    snapshots, arrays = artifact.arrays("snapshots.npz"), artifact.arrays("embeddings.npz")
    assert snapshots["steps"].tolist() == [0, 1, 4, 6]
    assert np.array_equal(snapshots["train"][2], arrays["first_fit_train"].astype(np.float16))
    right = (
        readout(artifact, "first_fit")
        == open_set("scenes").table["object"].to_numpy()[arrays["test_rows"]]
    )
    assert artifact.metrics["first_fit"]["balanced_accuracy"]["value"] == pytest.approx(
        right.mean()
    )
    assert artifact.metrics["first_fit"].keys() == artifact.metrics["end"].keys()
    assert artifact.metrics["first_fit"] != artifact.metrics["end"]

    stages = list(dict.fromkeys(report["stage"] for report in reports))
    assert stages == ["starting", "drawing images", "reading images", "training", "measuring"]
    fractions = [report["fraction"] for report in reports]
    assert fractions == sorted(fractions), "a progress bar never goes back"
    assert (fractions[0], fractions[-1]) == (0.0, pytest.approx(1.0))
    training = [report for report in reports if report["stage"] == "training"]
    assert {report["step"] for report in training} == set(range(1, 7))
    assert training[-1]["steps"] == 6
    assert np.array(training[-1]["map"]).shape == (len(map_rows(open_set("scenes"))), 2)
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
    ("condition", "sentence"),
    [
        (
            Condition(data_version="0"),
            "The image set 'scenes' is version '.*' now, not '0'; train on it again.",
        ),
        (
            Condition(data="nowhere"),
            "There is no usable image set named 'nowhere'; there are: scenes.",
        ),
        (
            Condition(n_per_group=481),
            "has 480 training images of horse_grass; choose at most that many as n_per_group",
        ),
    ],
)
def test_an_image_set_that_does_not_fit_is_a_sentence(
    empty_home: Path, condition: Condition, sentence: str
) -> None:
    with pytest.raises(ImageSetError, match=sentence) as caught:
        train_condition(condition)
    seen = jobs.view(condition.key)
    assert (seen.state, seen.status["message"]) == (jobs.State.FAILED, str(caught.value))
    assert store.published_keys() == []


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
    assert len(judged) == 3, "untrained, at first fit and at the end"
    for _, *columns, _ in judged:
        for column, values in zip(("object", "group", "scene"), columns, strict=True):
            assert values.tolist() == images.table[column].to_numpy()[order].tolist()


def test_two_captions_a_picture_are_kept_apart(
    elsewhere: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[loop.TrainingData] = []
    trained = loop.train
    monkeypatch.setattr(
        loop, "train", lambda one, data, **more: given.append(data) or trained(one, data, **more)
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
    assert "untrained" in artifact.key
    assert (
        artifact.metrics["untrained"] == artifact.metrics["end"] == elsewhere.metrics["untrained"]
    )
    assert (artifact.metrics["first_fit_step"], artifact.metrics["first_fit"]) == (None, None)
    arrays = artifact.arrays("embeddings.npz")
    assert np.array_equal(arrays["untrained_test"], arrays["end_test"])
    assert np.array_equal(arrays["end_test"], elsewhere.arrays("embeddings.npz")["untrained_test"])
    assert artifact.arrays("snapshots.npz")["steps"].tolist() == [0]
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
    assert "choose at most that many as n_per_group instead of 5" in outcomes[bad.key]


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


def test_what_a_small_set_cannot_tell_is_absent_with_its_reason(in_folds: Folds) -> None:
    for moment in ("untrained", "end"):
        measured = in_folds[1].metrics[moment]
        reasons = {name: reason.split(" ")[0] for name, reason in measured["absent"].items()}
        assert {name for name, reason in reasons.items() if reason == "too"} == {
            "silhouette_object",
            "silhouette_context",
            "silhouette_group",
            "silhouette_majority_pair",
            "variance",
            "axis_angle",
            "dispersion",
            "uniformity_images",
            "probe_object_minority",
            "similarity_to",
        }
        assert {name for name, reason in reasons.items() if reason == "no"} == {
            "probe_object",
            "probe_context",
            "probe_group",
            "neighbours_object",
            "neighbours_context",
            "readouts_nearest_neighbours",
            "readouts_linear_probe",
            "readouts_training_probe",
            "worst_group_cross_fitted",
            "panel",
            "background_gap",
            "background_answer",
            "calibration_error",
            "temperature",
            "object_effect",
            "context_effect",
            "interaction_effect",
        }
        assert {name for name, reason in reasons.items() if reason not in ("too", "no")} == {
            "context_flip_rate",
            "object_flip_rate",
            "background_reliance",
            "background_reliance_z",
        }
        assert not set(measured) & set(measured["absent"])
        assert measured["total_variance"]["value"] > 0


def test_what_is_shown_is_of_the_first_fold(in_folds: Folds) -> None:
    images, artifact = in_folds
    shown = subset.parts(images, artifact.condition.data_seed)[0]
    arrays, maps = artifact.arrays("embeddings.npz"), artifact.arrays("maps.npz")
    assert arrays["test_rows"].tolist() == shown.rows("test").tolist()
    assert arrays["train_rows"].tolist() == training_rows(shown, artifact.condition).tolist()
    assert maps["map_rows"].tolist() == map_rows(shown).tolist() == shown.rows("test").tolist()
    for split in ("val", "probe"):
        assert arrays[f"{split}_rows"].tolist() == []
        assert arrays[f"end_{split}"].shape == (0, arrays["end_test"].shape[1])
    assert arrays["end_test"].shape[0] == len(shown.rows("test"))
    snapshots = artifact.arrays("snapshots.npz")
    assert snapshots["map"].shape[:2] == (len(snapshots["steps"]), len(maps["map_rows"]))
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
