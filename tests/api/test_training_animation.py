"""Training animation: every checkpoint on the final axes, and nothing that was not recorded."""

import base64
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from tests.api import watched
from vlcore.api import compared_maps
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.training_animation import ABSENT, LOSS_POINTS, TrainingAnimation, animate_training
from vlcore.experiment.condition import Condition
from vlcore.plots.options import Projection
from vlcore.plots.theme import LIGHT


@pytest.fixture
def left(tmp_path: Path) -> ModelMap:
    return watched.model(tmp_path, seed=1)


@pytest.fixture
def right(tmp_path: Path) -> ModelMap:
    """A model of fewer training images, with a checkpoint where the left one has none, and the
    reverse."""
    condition = Condition(bias=0.75, labels="descriptive")
    return watched.model(tmp_path, condition, (0, 1, 6, 20), watched.rows_of("train", 7), seed=2)


@pytest.fixture
def both(left: ModelMap, right: ModelMap) -> TrainingAnimation:
    return animate(left, right)


def animate(*models: ModelMap) -> TrainingAnimation:
    return animate_training(watched.together(*models))


def test_steps_are_those_of_any_checkpoint(both: TrainingAnimation) -> None:
    assert both.steps == (0, 1, 4, 6, 20)
    assert [track.checkpoints for track in both.tracks] == [(0, 1, 2, 2, 3), (0, 1, 1, 2, 3)]
    assert any("latest one before" in note for note in both.notes)


def test_a_sample_moves_of_large_maps_and_says_so(
    left: ModelMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared_maps, "MOST_MARKS", 15)
    large = watched.together(left)
    animation = animate_training(large)
    assert len(animation.points) == 15
    assert animation.notes[0] == "What moves is a sample: 15 of 40 images, chosen by chance."


def test_positions_are_aligned_as_the_final_map(
    both: TrainingAnimation, left: ModelMap, right: ModelMap
) -> None:
    rows = both.points["id"].str.removeprefix("p").astype(int).to_numpy()
    for model, track, sign, shift in ((left, both.tracks[0], 1, 0), (right, both.tracks[1], -1, 1)):
        arrays, index = model.artifact.arrays("snapshots.npz"), model.index(rows)[:, None]
        for number in range(4):
            z = np.concatenate([arrays["map"][number], arrays["train"][number]])
            positions = sign * model.plane.place(z) + shift
            expected = np.where(index < 0, np.nan, positions[index[:, 0]])
            assert track.positions[number] == pytest.approx(expected, nan_ok=True)
            captions = sign * model.plane.place(arrays["captions"][number]) + shift
            assert track.caption_positions[number] == pytest.approx(captions)
    assert animate(left).tracks[0].positions[-1] == pytest.approx(left.points)


def test_a_table_has_the_position_at_every_checkpoint(both: TrainingAnimation) -> None:
    drawing, table = both.drawing(LIGHT, 200), both.table()
    assert drawing["count"] == table["count"] == len(both.points)
    for pane, track in enumerate(both.tracks):
        frames, told = drawing["frames"]["panes"][pane], drawing["panes"][pane]
        assert [caption["caption"] for caption in told["captions"]] == list(track.captions)
        packed = table["columns"][frames["column"]]
        assert packed["type"] == "uint16"
        numbers = np.frombuffer(base64.b64decode(packed["data"]), "<u2").reshape(4, -1, 2)
        left, right, low, high = told["extent"]
        there = numbers / (ABSENT - 1) * [right - left, high - low] + [left, low]
        expected = np.concatenate([track.positions, track.caption_positions], axis=1)
        there[numbers == ABSENT] = np.nan
        assert there == pytest.approx(expected, abs=(right - left) / ABSENT, nan_ok=True)
    assert np.isnan(expected).any()


def test_a_drawing_has_the_steps_words_and_curves(both: TrainingAnimation) -> None:
    drawing = both.drawing(LIGHT, 200)
    json.dumps(drawing)
    assert drawing["kind"] == "frames"
    frames = drawing["frames"]
    assert (frames["steps"], frames["at"]) == (both.steps, 4)
    left, right = frames["panes"]
    assert left["checkpoints"] == (0, 1, 2, 2, 3)
    assert drawing["panes"][0]["subtitle"] == left["lines"][-1]
    loss, probe, _ = left["curves"]
    assert loss["high"] == right["curves"][0]["high"] == 1.0
    assert [series["name"] for series in probe["series"]] == ["object", "context"]
    assert probe["series"][1]["values"] == [0.25, 0.75, 0.75, 0.75]


def test_a_checkpoint_says_how_much_variance_the_plane_shows(left: ModelMap) -> None:
    arrays = left.artifact.arrays("snapshots.npz")
    arrays["map"][2] = arrays["map"][2][0]
    np.savez(left.artifact.path / "snapshots.npz", **arrays)
    lines = animate(left).tracks[0].lines
    variances = np.var(arrays["map"][1].astype(float), axis=0)
    share = f"{100 * variances[:2].sum() / variances.sum():.0f} %"
    assert lines[1].startswith(f"step 1: total variance {variances.sum():.2g}")
    assert share in lines[1]
    assert lines[2].startswith("step 4: all images are one point")


def test_curves_are_those_that_were_recorded(both: TrainingAnimation) -> None:
    curves = both.tracks[0].curves
    probe = curves[(curves["panel"] == "probe") & (curves["series"] == "context")]
    assert probe[["step", "value"]].to_numpy().tolist() == [
        [0, 0.25],
        [1, 0.75],
        [4, 0.75],
        [20, 0.75],
    ]
    loss = curves[curves["panel"] == "loss"]
    assert loss["step"].tolist() == list(range(1, 21))
    assert loss["value"].to_numpy() == pytest.approx(1 / np.arange(1, 21), abs=1e-4)


def test_a_long_loss_is_averaged_over_neighbouring_steps(tmp_path: Path) -> None:
    animation = animate(watched.model(tmp_path, steps=(0, 5000)))
    loss = animation.tracks[0].curves.query("panel == 'loss'")
    assert 50 < len(loss) <= LOSS_POINTS
    assert loss["step"].iloc[-1] == 5000
    mean = np.mean(1 / np.arange(int(loss["step"].iloc[-2]) + 1, 5001))
    assert loss["value"].iloc[-1] == pytest.approx(mean, abs=1e-4)


def test_words_have_accuracies_with_intervals_and_counts(both: TrainingAnimation) -> None:
    ends = []
    for share in (0.25, 0.75):
        low, high = proportion_confint(share * 10, 10, method="wilson")
        ends.append(f"{100 * share:.0f}\u00a0% ({100 * low:.0f} to {100 * high:.0f})")
    accuracy = f"{ends[0]} at first and {ends[1]} at the end (n = 10)"
    assert f"minority-group validation accuracy {accuracy}" in both.words
    assert "5 checkpoints, from step 0 to step 20" in both.words
    assert "Left, title 0: loss 1.00 at first and 0.05 at the end" in both.words


def test_a_training_that_has_ended_does_not_move(left: ModelMap, tmp_path: Path) -> None:
    animation = animate(left, watched.model(tmp_path, steps=(0, 1, 4), seed=3))
    assert animation.tracks[1].checkpoints == (0, 1, 2, 2)
    assert any("left at 20, right at 4" in note for note in animation.notes)


def test_absent_curves_are_left_out(left: ModelMap, tmp_path: Path) -> None:
    (note,) = animate(left, watched.model(tmp_path, seed=4)).notes
    assert "validation images" in note
    folds = animate(watched.model(tmp_path, curves=False))
    assert set(folds.tracks[0].curves["panel"]) == {"loss"}
    assert any("folds" in note for note in folds.notes)
    assert "validation" not in folds.words
    arrays = left.artifact.arrays("snapshots.npz") | {"val_curve": np.zeros((0, 3))}
    np.savez(left.artifact.path / "snapshots.npz", **arrays)
    unnamed = animate(left)
    assert set(unnamed.tracks[0].curves["panel"]) == {"loss", "probe"}
    assert any("name no object" in note for note in unnamed.notes)


def test_models_without_an_animation(left: ModelMap, tmp_path: Path) -> None:
    untrained = watched.model(tmp_path, Condition(steps=0), steps=(0,), seed=5)
    condition = Condition(objective="pretrained", architecture="clip:a/b", steps=0)
    brought = watched.model(tmp_path, condition, seed=6)
    (brought.artifact.path / "snapshots.npz").unlink()
    umap = dataclasses.replace(left, projection=Projection("umap"))
    for model, message in (
        (untrained, "one checkpoint"),
        (brought, "not trained here"),
        (umap, "principal components"),
    ):
        with pytest.raises(ComparisonError, match=message):
            animate(model)
