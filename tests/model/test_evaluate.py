"""Metrics as a document: what is not defined has its reason, and a new measure is a line."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests.data.importers.sources import groups, write
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
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
        ("probe_object", "variance_object", "total_variance"), lambda given: given
    )
    add_all(document, {Need.HELD_OUT: "too few", Need.PROBE: "nothing to fit it on"}, table, HALF)
    assert document == {
        "absent": {"probe_object": "nothing to fit it on", "variance": "too few"},
        "total_variance": HALF.as_dict(),
    }


def test_a_measure_is_a_line(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
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
    files = groups(14, 14, 14, 14, pattern="train/{0}/{1}/{2}.png")
    files |= groups(12, 12, 12, 12, pattern="test/{0}/{1}/{2}.png", start=1000)
    import_set(write(tmp_path / "source", files), "small")
    images = open_set("small")
    condition = usual_condition(images).replace(steps=1, n_per_group=8)
    train_condition(condition)
    artifact = store.read(condition.key)
    end = artifact.metrics["end"]
    z, _ = artifact.embeddings.test
    assert end["mean_first"]["value"] == pytest.approx(z[:, 0].mean(), abs=1e-4)
    assert end["mean_score"]["low"] <= end["mean_score"]["value"] <= end["mean_score"]["high"]
