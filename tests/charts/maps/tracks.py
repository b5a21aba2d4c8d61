"""A film that nobody trained: a few pictures on known ways across two maps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vlcore.charts.maps.film import ModelTrack
from vlcore.charts.thumbnails import thumb_uri
from vlcore.core.grouping import SCENES

STEPS = (0, 1, 5, 20)


def pictures(each: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        {
            "id": f"p{group}{number}",
            "object": obj,
            "context": context,
            "group": group,
            "kind": "test" if number % 2 else "training",
            "minority": group in SCENES.minority,
            "thumb": thumb_uri(random.integers(0, 255, (8, 8, 3), dtype=np.uint8), side=16),
            "spoken": f"{obj}, {context}, {number}",
            **{f"{what}_{pane}": obj for what in ("caption", "predicted") for pane in range(4)},
        }
        for (obj, context), group in zip(SCENES.pairs, SCENES.names, strict=True)
        for number in range(each)
    ]
    return pd.DataFrame(rows)


def track(points: pd.DataFrame, steps: tuple[int, ...], seed: int, moments: tuple[int, ...] = STEPS) -> ModelTrack:
    """A track with snapshots at `steps`, in a film of `moments`."""
    random = np.random.default_rng(seed)
    rows = [
        (panel, series, step, (step + 1) / 25)
        for panel, both in (("loss", ("loss",)), ("probe", ("object", "context")), ("right", ("majority", "minority")))
        for series in both
        for step in steps
    ]
    return ModelTrack(
        title=f"model {seed}",
        axes=("component 1", "component 2"),
        steps=steps,
        shows=tuple(int(at) for at in np.searchsorted(steps, moments, side="right") - 1),
        places=random.normal(size=(len(steps), len(points), 2)),
        captions=("horse", "camel"),
        caption_places=random.normal(size=(len(steps), 2, 2)),
        said=tuple(f"step {step}" for step in steps),
        curves=pd.DataFrame(rows, columns=["panel", "series", "step", "value"]),
    )
