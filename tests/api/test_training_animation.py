"""A training as a film: every moment on the axes of the end, and nothing that a model did not
record."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from tests.api import watched
from vlcore.api.maps import Projection
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.training_animation import LOSS_POINTS, Film, film
from vlcore.experiment.condition import Condition
from vlcore.plots.theme import LIGHT


@pytest.fixture
def left(tmp_path: Path) -> ModelMap:
    return watched.model(tmp_path, seed=1)


@pytest.fixture
def right(tmp_path: Path) -> ModelMap:
    """A model of fewer training pictures, with a snapshot where the left one has none, and the
    reverse."""
    condition = Condition(bias=0.75, labels="descriptive")
    return watched.model(tmp_path, condition, (0, 1, 6, 20), watched.rows_of("train", 7), seed=2)


@pytest.fixture
def both(left: ModelMap, right: ModelMap) -> Film:
    return film(watched.together(left, right), watched.images())


def test_moments_are_all_steps_at_which_any_model_has_a_snapshot(both: Film) -> None:
    assert len(both.chart(LIGHT, 200).to_dict()["concat"]) == 8
    assert both.steps == (0, 1, 4, 6, 20)
    assert [track.shows for track in both.tracks] == [(0, 1, 2, 2, 3), (0, 1, 1, 2, 3)]
    assert any("latest one before it" in note for note in both.notes)


def test_every_place_is_the_snapshot_turned_as_its_map(
    both: Film, left: ModelMap, right: ModelMap
) -> None:
    rows = both.points["id"].str.removeprefix("p").astype(int).to_numpy()
    for model, track, sign, shift in ((left, both.tracks[0], 1, 0), (right, both.tracks[1], -1, 1)):
        arrays, index = model.artifact.arrays("snapshots.npz"), model.index(rows)[:, None]
        for t in range(4):
            places = (
                sign * model.plane.place(np.concatenate([arrays["map"][t], arrays["train"][t]]))
                + shift
            )
            expected = np.where(index < 0, np.nan, places[index[:, 0]])
            assert track.places[t] == pytest.approx(expected, nan_ok=True)
            assert track.caption_places[t] == pytest.approx(
                sign * model.plane.place(arrays["captions"][t]) + shift
            )
    alone = film(watched.together(left), watched.images())
    assert alone.tracks[0].places[-1] == pytest.approx(left.points), (
        "the last moment is the map of the end"
    )


def test_a_moment_says_how_much_of_its_variance_the_plane_shows(both: Film, left: ModelMap) -> None:
    z = left.artifact.arrays("snapshots.npz")["map"][1].astype(float)
    shares = np.var(z, axis=0)
    expected = (
        f"total variance {shares.sum():.2g}, this plane shows"
        f" {100 * shares[:2].sum() / shares.sum():.0f} % of"
    )
    assert both.tracks[0].said[1] == f"step 1: {expected} it"
    arrays = left.artifact.arrays("snapshots.npz")
    arrays["map"][2] = arrays["map"][2][0]
    np.savez(left.artifact.path / "snapshots.npz", **arrays)
    assert (
        film(watched.together(left), watched.images()).tracks[0].said[2]
        == "step 4: all pictures are one point"
    )


def test_curves_are_those_that_were_recorded(both: Film) -> None:
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


def test_a_long_loss_is_averaged_over_neighbouring_steps_and_loses_none(tmp_path: Path) -> None:
    long = watched.model(tmp_path, steps=(0, 5000))
    loss = film(watched.together(long), watched.images()).tracks[0].curves.query("panel == 'loss'")
    assert 50 < len(loss) <= LOSS_POINTS
    assert loss["step"].iloc[-1] == 5000
    before = int(loss["step"].iloc[-2])
    assert loss["value"].iloc[-1] == pytest.approx(
        np.mean(1 / np.arange(before + 1, 5001)), abs=1e-4
    )


def test_the_words_give_numbers_with_intervals_and_how_many_they_rest_on(both: Film) -> None:
    found = {share: proportion_confint(share * 10, 10, method="wilson") for share in (0.25, 0.75)}
    first, end = (
        f"{100 * at:.0f}\u00a0% ({100 * low:.0f} to {100 * high:.0f})"
        for at, (low, high) in found.items()
    )
    expected = f"minority validation pictures right {first} at first and {end} at the end (n = 10)"
    assert expected in both.words
    assert "5 moments, from step 0 to step 20" in both.words
    assert "Left, No bias, short labels: loss 1.00 at first and 0.05 at the end" in both.words


def test_a_training_that_has_ended_stands_still_and_says_so(left: ModelMap, tmp_path: Path) -> None:
    short = watched.model(tmp_path, steps=(0, 1, 4), seed=3)
    shown = film(watched.together(left, short), watched.images())
    assert shown.tracks[1].shows == (0, 1, 2, 2)
    assert any("left at 20, right at 4" in note for note in shown.notes)


def test_curves_that_a_model_does_not_have_are_left_out(left: ModelMap, tmp_path: Path) -> None:
    (note,) = film(watched.together(left, watched.model(tmp_path, seed=4)), watched.images()).notes
    assert "kept aside" in note, "what every film's curves are of"
    shown = film(watched.together(watched.model(tmp_path, curves=False)), watched.images())
    assert set(shown.tracks[0].curves["panel"]) == {"loss"}
    assert any("folds" in note for note in shown.notes)
    assert "validation" not in shown.words
    arrays = left.artifact.arrays("snapshots.npz")
    np.savez(left.artifact.path / "snapshots.npz", **{**arrays, "val_curve": np.zeros((0, 3))})
    shown = film(watched.together(left), watched.images())
    assert set(shown.tracks[0].curves["panel"]) == {"loss", "probe"}
    assert any("name no object" in note for note in shown.notes)


def test_models_without_a_film_say_why(left: ModelMap, tmp_path: Path) -> None:
    untrained = watched.model(tmp_path, Condition(steps=0), steps=(0,), seed=5)
    imported = watched.model(
        tmp_path, Condition(objective="imported", labels="constant", steps=0), seed=6
    )
    (imported.artifact.path / "snapshots.npz").unlink()
    elsewhere = dataclasses.replace(left, projection=Projection("umap"))
    for model, message in (
        (untrained, "one moment only"),
        (imported, "nobody watched"),
        (elsewhere, "principal"),
    ):
        with pytest.raises(ComparisonError, match=message):
            film(watched.together(model), watched.images())
