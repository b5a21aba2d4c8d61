"""A film that nobody trained: a few pictures on known ways across two maps."""

import numpy as np
import pandas as pd

from tests.plots.maps.examples import POINTS
from vlcore.plots.maps.animation import ModelTrack

STEPS = (0, 1, 5, 20)


def pictures(each: int = 1) -> pd.DataFrame:
    """So many training and held-out pictures of each group."""
    return POINTS.groupby(["group", "kind"], sort=False).head(each).reset_index(drop=True)


def track(
    points: pd.DataFrame, steps: tuple[int, ...], seed: int, moments: tuple[int, ...] = STEPS
) -> ModelTrack:
    """A track with snapshots at `steps`, in a film of `moments`."""
    random = np.random.default_rng(seed)
    series = [
        ("loss", "loss"),
        ("probe", "object"),
        ("probe", "context"),
        ("right", "majority"),
        ("right", "minority"),
    ]
    rows = [(*names, step, (step + 1) / 25) for names in series for step in steps]
    return ModelTrack(
        title=f"model {seed}",
        axes=("component 1", "component 2"),
        steps=steps,
        captions=("horse", "camel"),
        checkpoints=tuple(int(at) for at in np.searchsorted(steps, moments, side="right") - 1),
        positions=random.normal(size=(len(steps), len(points), 2)),
        lines=tuple(f"step {step}" for step in steps),
        caption_positions=random.normal(size=(len(steps), 2, 2)),
        curves=pd.DataFrame(rows, columns=["panel", "series", "step", "value"]),
    )
