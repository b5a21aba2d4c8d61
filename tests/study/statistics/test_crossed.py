"""Intervals over blocks and scenes both: as wide as what varies."""

import numpy as np
import pytest

from vlcore.study.statistics.paired import pigeonhole_interval


def standard_error(table: np.ndarray) -> float:
    found = pigeonhole_interval(table)
    return (found.high - found.low) / 2 / 1.96


def test_what_varies_between_blocks_alone_or_scenes_alone_gives_their_own_error() -> None:
    random = np.random.default_rng(3)
    blocks, scenes = random.normal(0.1, 0.2, 40), random.normal(0.1, 0.5, 300)
    for table, values in (
        (np.tile(blocks[:, None], 50), blocks),
        (np.tile(scenes, (12, 1)), scenes),
    ):
        expected = values.std() / np.sqrt(len(values))
        assert standard_error(table) == pytest.approx(expected, rel=0.08)
        assert pigeonhole_interval(table).value == pytest.approx(values.mean())
    both = standard_error(blocks[:, None] + scenes[None, :])
    expected = np.hypot(blocks.std() / np.sqrt(40), scenes.std() / np.sqrt(300))
    assert both == pytest.approx(expected, rel=0.08)


def test_the_interval_holds_the_mean_of_all_blocks_and_scenes() -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(100):
        blocks, scenes = random.normal(0.05, 0.04, (10, 1)), random.normal(0, 0.3, (1, 200))
        found = pigeonhole_interval(blocks + scenes + random.normal(0, 0.3, (10, 200)))
        held += found.low <= 0.05 <= found.high
    assert 0.86 <= held / 100 <= 0.995, "percentiles over ten blocks are a little narrow"


def test_one_of_either_is_too_few() -> None:
    for shape in ((1, 5), (5, 1)):
        with pytest.raises(ValueError, match="two of each"):
            pigeonhole_interval(np.zeros(shape))
