"""Intervals over blocks of seeds and over test scenes both, for what is said of pictures and
trainings in general."""

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.estimate import Estimate

RESAMPLES = 2000


def crossed(differences: NDArray[np.floating], seed: int = 0) -> Estimate:
    """Mean of a table of blocks and scenes, (B, S), with a percentile interval that draws blocks
    and scenes anew at
    once: the pigeonhole bootstrap (Owen 2007), a little too wide where neither matters alone. `n`
    is the number of blocks. ValueError of fewer than two of either."""
    blocks, scenes = differences.shape
    if min(blocks, scenes) < 2:
        raise ValueError(
            f"An interval over blocks and scenes needs two of each; there are {blocks} and"
            f" {scenes}."
        )
    random = np.random.default_rng(seed)
    of_block = random.multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLES) / blocks  # (R, B)
    of_scene = random.multinomial(scenes, np.full(scenes, 1 / scenes), RESAMPLES) / scenes  # (R, S)
    drawn = ((of_block @ differences) * of_scene).sum(axis=1)  # (R,)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(differences.mean()), float(low), float(high), blocks)
