"""Metrics as a document: what is not defined has its reason, and a new measure is a line."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from tests.data.importers.sources import arrays, save
from vlcore.api import imports
from vlcore.api.metrics_table import measures_of
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.metrics.catalogue import MEASURES, Measure, Need
from vlcore.metrics.document import add_all, skip
from vlcore.metrics.estimate import Estimate, mean
from vlcore.model import evaluate, evaluate_space

HALF = Estimate(0.5, 0.4, 0.6, 100)


def test_a_measure_is_there_or_absent_with_its_reason() -> None:
    document: dict[str, Any] = {"absent": {}}
    undefined = Mock(side_effect=ValueError("there is nothing to count"))
    add_all(
        document,
        {},
        {"one": lambda _: HALF, "many": lambda _: {"a": HALF, "b": HALF}, "none": undefined},
        None,
    )
    skip(document, "other", "no pictures")
    assert document == {
        "absent": {"none": "there is nothing to count", "other": "no pictures"},
        "one": HALF.as_dict(),
        "many": {"a": HALF.as_dict(), "b": HALF.as_dict()},
    }
    with pytest.raises(KeyError):  # other errors are not swallowed
        add_all(document, {}, {"one": lambda given: given["missing"]}, {})


def test_of_what_is_lacking_the_first_need_gives_the_reason() -> None:
    document: dict[str, Any] = {"absent": {}}
    table = dict.fromkeys(
        ("probe_object", "probe_object_minority", "variance_object", "margin"), lambda given: given
    )
    add_all(document, {Need.HELD_OUT: "too few", Need.PROBE: "nothing to fit it on"}, table, HALF)
    assert document == {
        "absent": {
            "probe_object": "nothing to fit it on",
            "variance": "too few",
            "probe_object_minority": "too few",
        },
        "margin": HALF.as_dict(),
    }


@pytest.mark.parametrize("captions", [True, False])
def test_a_measure_is_a_line(
    captions: bool, tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table, name, need, line in (
        (
            evaluate.BEHAVIOUR,
            "mean_score",
            Need.READOUT,
            lambda one: mean(one.first_over_second, one.column("scene")),
        ),
        (
            evaluate_space.SPACE,
            "mean_first",
            Need.HELD_OUT,
            lambda one: mean(one.z[:, 0], one.column("scene")),
        ),
    ):
        monkeypatch.setitem(MEASURES, name, Measure(name, f"New: {name}", needs=(need,)))
        monkeypatch.setitem(table, name, line)
    left_out = {} if captions else dict.fromkeys(("text", "captions", "text_object"))
    file = save(tmp_path / "birds.npz", **arrays(**left_out))
    artifact = store.read(imports.import_embeddings(file, "birds")["key"])
    end, images = artifact.metrics["end"], open_set("birds")
    tested = np.isin(artifact.embeddings.map_rows, images.rows("test"))
    z = artifact.embeddings.end.on_map[tested]
    assert end["absent"].get("mean_score") == (None if captions else "no captions were given")
    assert ("mean_score" in end) is captions
    many = (
        np.unique(images.table["group"][images.rows("test")], return_counts=True)[1].min()
        >= evaluate_space.FEWEST
    )
    assert end.get("mean_first", {}).get("value") == (
        pytest.approx(z[:, 0].mean()) if many else None
    )
    assert ("mean_first" in end["absent"]) is not many
    # Its probe images are few, of which the probe on training images needs none.
    assert end["absent"]["readouts_linear_probe"] == "too few images to fit it on"
    assert "readouts_training_probe" in end
    assert artifact.metrics["raw_pixels"]["absent"]["mean_first"] == "no pictures"
    assert {"New: mean_score", "New: mean_first"} <= set(measures_of(artifact, images.grouping)[""])


def test_images_of_one_scene_have_no_interval(tmp_path: Path, empty_home: Path) -> None:
    made = arrays((40,) * 4)
    split = np.repeat("train", len(made["z"]))
    for pair in {*zip(made["object"], made["context"], strict=True)}:
        (rows,) = np.nonzero((made["object"] == pair[0]) & (made["context"] == pair[1]))
        split[rows[:6]] = "probe"
        split[rows[6:12]] = "test"
    scene = np.where(split == "test", "alone", np.arange(len(split)).astype(str))
    file = save(tmp_path / "birds.npz", **made, split=split, scene=scene)
    end = store.read(imports.import_embeddings(file, "birds")["key"]).metrics["end"]
    for name in ("silhouette_object", "variance", "dispersion", "alignment", "margin"):
        assert "one scene" in end["absent"][name]
    assert (end["total_variance"]["low"], end["total_variance"]["high"]) == (0, 1)
    assert end["effective_rank"]["low"] == 1
    assert end["minority_accuracy"]["high"] - end["minority_accuracy"]["low"] > 0.7


def test_a_readout_with_the_same_predictions_has_the_same_accuracies(
    tmp_path: Path, empty_home: Path
) -> None:
    # With one caption for each object the best caption is the zero-shot readout.
    file = save(tmp_path / "birds.npz", **arrays((90, 30, 60, 15)))
    end = store.read(imports.import_embeddings(file, "birds")["key"]).metrics["end"]
    sizes = {group["n"] for group in end["group_accuracy"].values()}
    assert len(sizes) > 1, "groups are unequal"
    for side, estimate in end["readouts_best_caption"].items():
        assert estimate == end[side], side
