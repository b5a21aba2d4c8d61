"""What a worker remembers is what it would make anew."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vlcore.metrics.memory import Memory, digest_of

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
        # Each once.
        before = [one for at, one in enumerate(asked[:place]) if one not in asked[at + 1 : place]]
        count = len(made)
        memory.get(lambda one=one: made.append(one) or one, str(one))  # type: ignore[misc]
        assert (len(made) == count) == (one in before[-most:])
