"""A small but whole set of tables, as a page would make them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vlcore.images.groups import SCENES
from vlcore.images.thumbs import thumb_uri

MIDDLES = ((-1.0, 0.8), (-0.8, -0.5), (1.0, -0.7), (0.9, 0.7))


@pytest.fixture
def points() -> pd.DataFrame:
    """48 training and 50 test pictures a group; most training pictures of the minority are absent on the right."""
    rng = np.random.default_rng(0)
    rows = []
    for (obj, context), group, middle in zip(SCENES.pairs, SCENES.names, MIDDLES, strict=True):
        thumbs = [thumb_uri(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), side=24) for _ in range(6)]
        for kind, count in (("training", 48), ("test", 50)):
            for index in range(count):
                left, right = (np.array(middle) + rng.normal(0, 0.2, 2) for _ in range(2))
                gone = kind == "training" and group in SCENES.minority and index >= 12
                rows.append(
                    {
                        "id": f"{group}-{kind}-{index}",
                        "object": obj,
                        "context": context,
                        "group": group,
                        "kind": kind,
                        "minority": group in SCENES.minority,
                        "xl": left[0],
                        "yl": left[1],
                        "xr": np.nan if gone else right[0],
                        "yr": np.nan if gone else right[1],
                        "caption_left": obj,
                        "caption_right": f"{obj} in the {context}",
                        "predicted_left": obj,
                        "predicted_right": obj,
                        "thumb": thumbs[index % 6],
                        "spoken": f"{obj} in {context}, {kind} {index}",
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture
def captions() -> pd.DataFrame:
    left = [("horse", "left", -1.3, 0.1), ("camel", "left", 1.35, 0.1)]
    right = [
        (f"{obj} in the {context}", "right", *at) for (obj, context), at in zip(SCENES.pairs, MIDDLES, strict=True)
    ]
    return pd.DataFrame(left + right, columns=["caption", "side", "x", "y"])


@pytest.fixture
def uploads() -> pd.DataFrame:
    thumb = thumb_uri(np.full((8, 8, 3), 7, np.uint8), side=24)
    row = ("up-1", "my <b>photo</b>.jpg", 0.1, 0.2, 0.3, -0.1, thumb, "your picture")
    return pd.DataFrame([row], columns=["id", "name", "xl", "yl", "xr", "yr", "thumb", "spoken"])


@pytest.fixture
def board() -> pd.DataFrame:
    rows = [
        (model, group, accuracy, max(0, accuracy - 0.05), min(1, accuracy + 0.03), 1000)
        for model, all_four in (("no bias, short", (0.98, 0.93, 0.97, 0.95)), ("bias, short", (0.99, 0.57, 0.98, 0.61)))
        for group, accuracy in zip(SCENES.names, all_four, strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "group", "accuracy", "low", "high", "n"])
