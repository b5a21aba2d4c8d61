"""Keys and initial weights of the models that come with the lab: no later version may change them.

A person's own models of version 0.6 keep their keys and weights by the same rules.
"""

import json

import pytest
from safetensors.torch import load
from torch.testing import assert_close

from vlcore.artifacts import bundled
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.experiment.condition import Condition, from_dict
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.model.dual_encoder import build


@pytest.fixture(autouse=True)
def _as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLCORE_SHIPPED", raising=False)


def _conditions() -> dict[str, Condition]:
    """Return the condition of each bundled model, by the key that names its file."""
    conditions = {}
    for key in sorted(bundled.keys()):
        file = bundled.packed_files(key) / "condition.json"
        if file.exists():  # else it is the check of an image set
            conditions[key] = from_dict(json.loads(file.read_bytes()))
    return conditions


def test_the_keys_of_bundled_models_are_unchanged() -> None:
    conditions = _conditions()
    assert len(conditions) == 48
    assert {key: condition.key for key, condition in conditions.items()} == {
        key: key for key in conditions
    }


@pytest.mark.parametrize("name", BUILT_IN_SETS)
def test_the_initial_weights_of_a_model_from_scratch_are_unchanged(name: str) -> None:
    """Bundled weights have the eight significant bits of bfloat16."""
    (condition,) = (
        condition
        for condition in _conditions().values()
        if condition.data == name and not condition.steps and not condition.frozen_tower
    )
    bundled_file = bundled.packed_files(condition.key) / "model.safetensors"
    expected = load(bundled_file.read_bytes())
    words = Vocabulary.from_grouping(open_set(name).grouping)
    weights = build(condition, len(words)).state_dict()
    for layer, bundled_weights in expected.items():
        assert_close(weights[layer], bundled_weights, rtol=2**-8, atol=1e-6)
