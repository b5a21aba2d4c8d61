"""Metrics as a document: what is not defined stands with its reason, and a new measure is an entry and a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.datasets.importers.vectors import arrays, save
from vlcore.compare.metrics_table import measures_of
from vlcore.datasets.catalogue import open_set
from vlcore.measures.catalogue import MEASURES, Measure, Need
from vlcore.measures.estimate import Estimate, mean
from vlcore.runs import evaluate, imported, space
from vlcore.runs.metrics import MetricsBuilder
from vlcore.store import artefacts

HALF = Estimate(0.5, 0.4, 0.6, 100)


def undefined() -> Estimate:
    raise ValueError("there is nothing to count")


def test_a_measure_is_there_or_absent_with_its_reason() -> None:
    metrics = MetricsBuilder()
    metrics.add("one", lambda: HALF)
    metrics.add("many", lambda: {"a": HALF, "b": HALF})
    metrics.add("none", undefined)
    metrics.skip("other", "no pictures")
    assert metrics.document == {
        "absent": {"none": "there is nothing to count", "other": "no pictures"},
        "one": HALF.as_dict(),
        "many": {"a": HALF.as_dict(), "b": HALF.as_dict()},
    }
    with pytest.raises(KeyError):  # other errors are not swallowed
        metrics.add("one", lambda: {}["missing"])


def test_of_what_is_lacking_the_first_need_gives_the_reason() -> None:
    metrics = MetricsBuilder({Need.HELD_OUT: "too few", Need.PROBE: "nothing to fit it on"})
    table = dict.fromkeys(("probe_object", "probe_object_minority", "variance_object", "margin"), lambda given: given)
    metrics.add_all(table, HALF)
    assert metrics.document == {
        "absent": {"probe_object": "nothing to fit it on", "variance": "too few", "probe_object_minority": "too few"},
        "margin": HALF.as_dict(),
    }
    assert list(metrics.document["absent"])[-1] == "probe_object_minority", "as in files of all versions"


@pytest.mark.parametrize("captions", [True, False])
def test_a_new_measure_is_an_entry_and_a_line(
    captions: bool, tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table, name, need, line in (
        (evaluate.BEHAVIOUR, "mean_margin", Need.READOUT, lambda one: mean(one.margin, one.of("scene"))),
        (space.SPACE, "mean_first", Need.HELD_OUT, lambda one: mean(one.z[:, 0], one.of("scene"))),
    ):
        monkeypatch.setitem(MEASURES, name, Measure(name, f"New: {name}", needs=(need,)))
        monkeypatch.setitem(table, name, line)
    left_out = {} if captions else dict.fromkeys(("text", "captions", "text_object"))
    file = save(tmp_path / "birds.npz", **arrays(**left_out))
    artefact = artefacts.read(imported.import_embeddings(file, "birds")["key"])
    end, images = artefact.metrics["end"], open_set("birds")
    z = artefact.arrays("embeddings.npz")["end_test"]
    assert end["absent"].get("mean_margin") == (None if captions else "no captions were given")
    assert ("mean_margin" in end) is captions
    many = np.unique(images.table["group"][images.rows("test")], return_counts=True)[1].min() >= space.FEWEST
    assert end.get("mean_first", {}).get("value") == (pytest.approx(z[:, 0].mean()) if many else None)
    assert ("mean_first" in end["absent"]) is not many
    assert artefact.metrics["raw_pixels"]["absent"]["mean_first"] == "no pictures"
    assert {"New: mean_margin", "New: mean_first"} <= set(measures_of(artefact, images.grouping)[""])
