"""The new last layer: it finds what is there, treats groups alike, and says when it cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest

from vlcore.measures.last_layer import dfr

NAMES = np.array(["camel_desert", "camel_grass", "horse_desert", "horse_grass"])


def cloud(per_group: list[int], seed: int, strength: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings in which one direction shows the context loudly and another the object."""
    random = np.random.default_rng(seed)
    groups = np.repeat(NAMES, per_group)
    objects = np.array([name.split("_")[0] for name in groups])
    z = random.normal(size=(len(groups), 16))
    z[:, 2] += strength * (objects == "horse")
    z[:, 5] += 10 * np.array([name.endswith("grass") for name in groups])
    return z, objects, groups


def test_it_reads_the_object_and_not_the_context() -> None:
    fit, held_out = cloud([48, 6, 6, 48], 0, 4.0), cloud([200] * 4, 1, 4.0)
    said = dfr(*fit).names(held_out[0])
    right = said == held_out[1]
    assert right.mean() > 0.93
    by_group = [right[held_out[2] == name].mean() for name in NAMES]
    assert max(by_group) - min(by_group) < 0.1


def test_the_same_pictures_give_the_same_readout() -> None:
    fit, held_out = cloud([20] * 4, 0), cloud([30] * 4, 1)
    one, other = dfr(*fit), dfr(*fit)
    assert (one.log_odds(held_out[0]) == other.log_odds(held_out[0])).all()


def test_order_and_scale_of_a_dimension_do_not_matter() -> None:
    fit, held_out = cloud([20] * 4, 0), cloud([30] * 4, 1)
    stretched = dfr(fit[0] * 7 + 3, *fit[1:]).names(held_out[0] * 7 + 3)
    assert (stretched == dfr(*fit).names(held_out[0])).mean() > 0.99


def test_nothing_to_see_is_chance() -> None:
    fit, held_out = cloud([48] * 4, 0, 0.0), cloud([300] * 4, 1, 0.0)
    assert (dfr(*fit).names(held_out[0]) == held_out[1]).mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("per_group", [[3, 9, 9, 9], [9, 9, 0, 0]])
def test_too_few_pictures_are_refused(per_group: list[int]) -> None:
    fit = cloud(per_group, 0)
    with pytest.raises(ValueError, match="at least four validation pictures"):
        dfr(*fit)
