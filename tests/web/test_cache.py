"""What all visitors share follows the disk: a cache is named by what it read."""

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.api import stand_ins
from vlcore.artifacts import store
from vlcore.data.catalogue import discard_set, set_stamp
from vlcore.data.drawn import VERSION, Recipe, make_set
from vlcore.experiment.condition import Condition
from vlcore.plots.options import PCA, Projection
from vlcore.web import cache

BASE = stand_ins.BASE.replace(data="stand-ins", data_version="1")
IMAGES = dataclasses.replace(stand_ins.image_set(), name="stand-ins", version="1")


@pytest.fixture
def keys(
    home: object, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """Three models of a set with its files."""
    files = stand_ins.pictured(tmp_path_factory.mktemp("pictures"))
    images = dataclasses.replace(IMAGES, root=files.root)
    monkeypatch.setattr(cache, "open_set", lambda name, version=None: {"stand-ins": images}[name])
    conditions = (BASE, BASE.replace(bias=0.5), BASE.replace(labels="descriptive"))
    return [stand_ins.publish(IMAGES, condition).key for condition in conditions]


def test_a_comparison_is_put_together_once(keys: list[str]) -> None:
    comparison = cache.comparison([keys[2], keys[0]], PCA)
    assert cache.comparison([keys[2], keys[0]], PCA) is comparison
    assert comparison.models[1].z is cache.map_of_model(keys[0]).z
    assert cache.comparison([keys[0], keys[2]], PCA) is not comparison
    turned = cache.comparison([keys[2], keys[0]], Projection(components=(2, 1)))
    assert not np.allclose(turned.models[0].points, comparison.models[0].points)


def test_what_was_trained_anew_or_damaged_is_read_anew(keys: list[str]) -> None:
    condition = BASE.replace(init_seed=96)
    key = stand_ins.publish(IMAGES, condition).key
    artifact, together = cache.artifact(key), cache.comparison([key], PCA)
    shutil.rmtree(artifact.path)
    stand_ins.publish(IMAGES, condition, stand_ins.space(IMAGES, 97))
    assert cache.artifact(key).digest != artifact.digest
    assert not np.allclose(cache.comparison([key], PCA).models[0].z, together.models[0].z)
    (artifact.path / "maps.npz").write_bytes(b"damaged")
    with pytest.raises(store.CorruptArtifactError):
        cache.artifact(key)


def test_a_set_that_was_made_anew_is_read_anew(
    home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.named_set("scenes")
    assert cache.named_set("scenes") is first
    monkeypatch.setattr(cache, "set_stamp", lambda name: set_stamp(name) + 1)
    assert cache.named_set("scenes") is not first


def test_a_drawn_set_that_was_made_anew_is_read_anew(empty_home: Path) -> None:
    condition = Condition(data="again", data_version=VERSION)
    model: Any = SimpleNamespace(artifact=SimpleNamespace(condition=condition))
    for recipe in (Recipe("again"), Recipe("again", ("snow", "beach"))):
        make_set(recipe)
        assert cache.named_set("again").grouping.contexts == recipe.contexts
        assert cache.image_set(model).grouping.contexts == recipe.contexts
        discard_set("again")


def test_a_chart_says_the_same_as_it_is_sent(keys: list[str]) -> None:
    chart = alt.Chart(
        pd.DataFrame({"x": np.linspace(0.1, 9.9, 80), "share": 0.9, "group": ["a", "b"] * 40})
    )
    chart = chart.mark_point().encode(x="x", y="share")
    rows, (sent,) = (
        pd.DataFrame(*chart.to_dict()["datasets"].values()),
        cache.chart_spec(chart)["datasets"].values(),
    )
    read = pa.ipc.open_stream(sent).read_all()
    assert read.column_names == ["x", "share", "group"]
    pd.testing.assert_frame_equal(read.to_pandas().astype(rows.dtypes), rows, check_exact=True)
