"""Intervals over blocks of seeds and over test scenes both, for images and trainings in general."""

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.estimate import Estimate

RESAMPLES = 2000


def crossed(differences: NDArray[np.floating], seed: int = 0) -> Estimate:
    """Mean over blocks and scenes, with the interval of the pigeonhole bootstrap (Owen 2007).

    Args:
        differences: (blocks, scenes).
        seed: of the resampling.

    Returns:
        The mean with a percentile interval that draws blocks and scenes anew at once, a little too
        wide where neither matters alone; `n` is the number of blocks.

    Raises:
        ValueError: with fewer than two blocks or scenes.
    """
    blocks, scenes = differences.shape
    if min(blocks, scenes) < 2:
        raise ValueError(
            f"An interval over seed pairs and scenes needs two of each; there are {blocks} and"
            f" {scenes}."
        )
    random = np.random.default_rng(seed)
    # (resamples, blocks) and (resamples, scenes)
    block_weights = random.multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLES) / blocks
    scene_weights = random.multinomial(scenes, np.full(scenes, 1 / scenes), RESAMPLES) / scenes
    means = ((block_weights @ differences) * scene_weights).sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(differences.mean()), float(low), float(high), blocks)
