"""Training animation: every checkpoint on the final axes, and nothing that was not recorded."""

import base64
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.stand_ins import BASE, image_set, publish
from vlcore.api import compared_maps
from vlcore.api.compared_maps import compare_maps, row_numbers
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.api.training_animation import ABSENT, LOSS_POINTS, TrainingAnimation, animate_training
from vlcore.plots.options import Projection
from vlcore.plots.theme import LIGHT

IMAGES = image_set()


def trained(checkpoints: Sequence[int] = (0, 1, 4, 20), **changes: Any) -> ModelMap:
    return model_map(publish(IMAGES, BASE.replace(data_seed=70, **changes), steps=checkpoints))


@pytest.fixture
def left(empty_home: Path) -> ModelMap:
    return trained()


@pytest.fixture
def right(empty_home: Path) -> ModelMap:
    """A model of fewer training images, with a checkpoint where the left one has none, and the
    reverse."""
    return trained((0, 1, 6, 20), bias=0.5, labels="descriptive")


def animate(*models: ModelMap) -> TrainingAnimation:
    return animate_training(compare_maps(models, IMAGES))


@pytest.fixture
def both(left: ModelMap, right: ModelMap) -> TrainingAnimation:
    return animate(left, right)


def change(model: ModelMap, **arrays: np.ndarray) -> None:
    """Store other checkpoints or curves of a model."""
    stored = model.artifact.arrays("snapshots.npz")
    np.savez(model.artifact.path / "snapshots.npz", **stored | arrays)


def test_steps_are_those_of_any_checkpoint(both: TrainingAnimation, left: ModelMap) -> None:
    assert both.steps == (0, 1, 4, 6, 20)
    assert [track.checkpoints for track in both.tracks] == [(0, 1, 2, 2, 3), (0, 1, 1, 2, 3)]
    ended = animate(left, trained((0, 1, 4), init_seed=1))
    assert ended.tracks[1].checkpoints == (0, 1, 2, 2), "it does not move"
    assert any("Model A at 20, Model B at 4" in note for note in ended.notes)


def test_a_sample_moves_of_large_maps(left: ModelMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_maps, "MOST_MARKS", 15)
    animation = animate(left)
    assert len(animation.points) == 15
    assert f"15 of {len(left.rows)} images" in animation.notes[0]


def test_positions_are_aligned_as_the_final_map(
    both: TrainingAnimation, left: ModelMap, right: ModelMap
) -> None:
    rows = row_numbers(both.points)
    aligned = compare_maps([left, right], IMAGES).models
    for model, track in zip(aligned, both.tracks, strict=True):
        arrays, index = model.artifact.arrays("snapshots.npz"), model.index(rows)[:, None]
        for number in range(4):
            z = np.concatenate([arrays["map"][number], arrays["train"][number]])
            expected = np.where(index < 0, np.nan, model.place(z)[index[:, 0]])
            assert track.positions[number] == pytest.approx(expected, nan_ok=True)
            captions = model.place(arrays["captions"][number])
            assert track.caption_positions[number] == pytest.approx(captions)
    assert animate(left).tracks[0].positions[-1] == pytest.approx(
        left.values_at(np.sort(left.rows), left.points), abs=1e-5
    )


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


def test_a_drawing_has_the_steps_and_curves(both: TrainingAnimation) -> None:
    drawing = both.drawing(LIGHT, 200)
    json.dumps(drawing)
    frames = drawing["frames"]
    assert (drawing["kind"], frames["steps"], frames["at"]) == ("frames", both.steps, 4)
    left, right = frames["panes"]
    assert left["checkpoints"] == (0, 1, 2, 2, 3)
    assert drawing["panes"][0]["subtitle"] == left["lines"][-1]
    loss, probe, _ = left["curves"]
    assert loss["high"] == right["curves"][0]["high"] == 1.0
    assert loss["series"][0]["steps"] == list(range(1, 21))
    assert loss["series"][0]["values"] == pytest.approx(1 / np.arange(1, 21), abs=1e-4)
    assert [series["name"] for series in probe["series"]] == ["object", "context"]
    assert probe["series"][1]["steps"] == [0, 1, 4, 20]
    assert probe["series"][1]["values"] == [0.25, 0.75, 0.75, 0.75]


def test_a_checkpoint_says_how_much_variance_the_plane_shows(left: ModelMap) -> None:
    z = left.artifact.arrays("snapshots.npz")["map"]
    z[2] = z[2][0]
    change(left, map=z)
    lines = animate(left).tracks[0].lines
    on_plane, total = left.plane.place(z[1]).var(axis=0).sum(), z[1].var(axis=0).sum()
    assert lines[1].startswith(f"step 1: total variance {total:.2g}")
    assert f"{100 * on_plane / total:.0f}%" in lines[1]
    assert lines[2].startswith("step 4: all images are one point")


def test_a_long_loss_is_averaged_over_neighbouring_steps(empty_home: Path) -> None:
    animation = animate(trained((0, 5000)))
    loss = animation.tracks[0].curves.query("panel == 'loss'")
    assert 50 < len(loss) <= LOSS_POINTS
    assert loss["step"].iloc[-1] == 5000
    place = int(np.searchsorted(loss["step"], 100))
    before, last = loss["step"].iloc[[place - 1, place]]
    mean = np.mean(1 / np.arange(before + 1, last + 1))
    assert abs(mean - 1 / last) > 2e-4, "else the mean could not be seen"
    assert loss["value"].iloc[place] == pytest.approx(mean, abs=6e-5)


def test_absent_curves_are_left_out(left: ModelMap) -> None:
    nothing = np.zeros((0, 3))
    change(left, val_curve=nothing)
    assert set(animate(left).tracks[0].curves["panel"]) == {"loss", "probe"}
    change(left, probe_curve=nothing)
    folds = animate(left)
    assert set(folds.tracks[0].curves["panel"]) == {"loss"}
    assert "validation" not in folds.words


def test_models_without_an_animation(left: ModelMap) -> None:
    for model, message in (
        (trained((0,), steps=0), "one checkpoint"),
        (trained((), init_seed=6), "not trained here"),
        (dataclasses.replace(left, projection=Projection("umap")), "principal components"),
    ):
        with pytest.raises(ComparisonError, match=message):
            animate(model)
