"""The whole way of the data: what an artifact holds; its numbers follow from its arrays."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from tests.api.trainings import FILES, fits_at_once, watch
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.artifacts.store import Artifact
from vlcore.data import drawn
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import map_rows, training_rows, usual_condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import accuracy, geometry
from vlcore.model import loop
from vlcore.model.views import Labels

ESTIMATES = {"minority_accuracy": 1000, "majority_accuracy": 1000, "worst_group_accuracy": 500}
ESTIMATES |= dict.fromkeys(("balanced_accuracy", "total_variance", "effective_rank"), 2000)
ESTIMATES |= dict.fromkeys(("silhouette_object", "probe_context", "modality_gap"), 2000)
SPLITS = ("train", "val", "probe", "test")
MOMENTS = ("untrained", "end")


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


def test_captions_alone_tell_a_match_where_their_frequencies_differ(quick: list[Artifact]) -> None:
    """Without its own caption among the negatives, a rare one is met less often as a negative than
    as a match."""
    short, _, biased_short, biased_long = (
        artifact.metrics["text_only_match"] for artifact in quick
    )
    assert short == biased_short == pytest.approx(0.5)
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


def readout(artifact: Artifact, moment: str) -> NDArray[np.str_]:
    """The predicted object of each test image."""
    arrays = artifact.arrays("embeddings.npz")
    z, captions, scale = (arrays[f"{moment}_{of}"] for of in ("test", "captions", "scale_bias"))
    scores = accuracy.logits(z, captions, *scale)
    return accuracy.predict_objects(scores, arrays["caption_objects"], SCENES.objects)


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


@pytest.fixture
def few_scenes(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageSet]:
    """`scenes` with few images of each split and group, none of which is drawn."""
    few = {"train": 12, "val": 2, "probe": 2, "test": 4}
    monkeypatch.setattr(drawn, "PER_GROUP", few)
    drawn.scene_table.cache_clear()
    yield open_set("scenes")
    drawn.scene_table.cache_clear()


def test_first_fit_stays(few_scenes: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar so low that it is passed at the first look, which is at no step of the log-spaced
    snapshots."""
    fits_at_once(monkeypatch)
    monkeypatch.setattr(loop, "checkpoint_steps", lambda steps: [0, 1, steps])
    reports = watch(monkeypatch)
    condition = usual_condition(few_scenes).replace(steps=6, batch_size=8)
    assert train_condition(condition) == "trained"
    artifact = store.read(condition.key)
    first_fit = artifact.metrics["first_fit"]
    assert artifact.metrics["first_fit_step"] == 4
    snapshots, arrays = artifact.arrays("snapshots.npz"), artifact.arrays("embeddings.npz")
    assert snapshots["steps"].tolist() == [0, 1, 4, 6]
    assert np.array_equal(snapshots["train"][2], arrays["first_fit_train"].astype(np.float16))
    objects = few_scenes.table["object"].to_numpy()[arrays["test_rows"]]
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
