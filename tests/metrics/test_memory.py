"""What a worker remembers is what it would make anew."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.data.importers.sources import groups, write
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.data import subset
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.experiment.condition import Condition
from vlcore.metrics.memory import Memory, digest_of
from vlcore.model import inference, recorder
from vlcore.model.dual_encoder import Encoder

GIVEN = (
    np.zeros(3),
    np.zeros((3, 1)),
    np.zeros(3, np.float32),
    np.zeros((0, 3)),
    np.array(["a", "bc"]),
    "a bc",
    "",
)


def test_nothing_else_has_its_digest() -> None:
    each = {digest_of(one) for one in GIVEN}
    assert len(each) == len(GIVEN)
    assert digest_of("a", "b") not in {digest_of("ab"), digest_of("b", "a"), digest_of("a")}
    assert digest_of(np.arange(6)[::2]) == digest_of(np.array([0, 2, 4]))


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 4))
def test_the_last_ones_asked_for_are_not_made_again(asked: list[int], most: int) -> None:
    memory, made = Memory(most), list[int]()
    for place, one in enumerate(asked):
        before = [
            one for at, one in enumerate(asked[:place]) if one not in asked[at + 1 : place]
        ]  # each once
        count = len(made)
        memory.get(lambda one=one: made.append(one), str(one))  # type: ignore[misc]
        assert (len(made) == count) == (one in before[-most:])


def test_one_seed_begins_with_one_image_tower(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two label styles embeds fewer pictures, and its measures are those of a worker
    that is new."""
    import_set(write(empty_home / "source", groups(6, 5, 5, 5)), "small")
    embedded, embed = list[int](), inference.embed_images

    def counted(model: Encoder, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        embedded.append(len(pixels))
        return embed(model, pixels)

    def trained(condition: Condition) -> tuple[int, dict[str, Any]]:
        embedded.clear()
        assert train_condition(condition) == "trained"
        return sum(embedded), store.read(condition.key).metrics

    monkeypatch.setattr(inference, "embed_images", counted)
    monkeypatch.setattr(recorder, "_untrained_spaces", Memory(100))
    short = subset.usual_condition(open_set("small")).replace(
        steps=1, batch_size=8, labels="undescriptive"
    )
    long = short.replace(labels="descriptive")
    (of_first, _), (of_second, found) = trained(short), trained(long)
    assert of_first > of_second > 0
    monkeypatch.setattr(recorder, "_untrained_spaces", Memory(100))
    shutil.rmtree(store.read(long.key).path)
    assert trained(long) == (of_first, found)
