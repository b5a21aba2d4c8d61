"""Files of a model: each prediction stands beside the row of its image."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.model.artifact_files import write_embeddings
from vlcore.model.views import Labels


def fold(predicted: dict[int, str]) -> Any:
    """What is written of a model that predicts an object for each row that it holds out."""
    rows, objects = np.array([*predicted]), np.array([*predicted.values()])
    end = SimpleNamespace(
        z={"test": np.eye(len(rows), 4, dtype=np.float32)},
        captions=np.eye(2, 4, dtype=np.float32),
        scale=1.0,
        bias=0.0,
        readout=SimpleNamespace(layer=None),
    )
    return SimpleNamespace(
        views=SimpleNamespace(rows={"test": rows}, column=lambda _name, _split: objects),
        labels=Labels.from_condition(Condition(), SCENES),
        condition=Condition(),
        caption_index=np.zeros(0, np.int64),
        checkpoints={"end": end},
        predicted=lambda _checkpoint: objects,
    )


def test_every_prediction_of_a_fold_is_beside_its_row(tmp_path: Path) -> None:
    first, second = {7: "horse", 2: "camel", 9: "camel"}, {4: "horse", 1: "camel"}
    write_embeddings(tmp_path, [fold(first), fold(second)])
    stored = StoredEmbeddings(tmp_path).fold_predictions
    assert stored is not None
    rows, predicted = stored
    assert dict(zip(rows.tolist(), predicted.tolist(), strict=True)) == first | second
