"""A small but whole set of tables, as a page would make them: pictures in four models, of which tests take as many as
they show. Nobody changes them in place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vlcore.charts.thumbnails import thumb_uri
from vlcore.core.grouping import SCENES

MIDDLES = ((-1.0, 0.8), (-0.8, -0.5), (1.0, -0.7), (0.9, 0.7))
PANES = 4


def _points() -> pd.DataFrame:
    """48 training and 50 test pictures a group; most training pictures of the minority are absent from map 1."""
    rng = np.random.default_rng(0)
    rows = []
    for (obj, context), group, middle in zip(SCENES.pairs, SCENES.names, MIDDLES, strict=True):
        thumbs = [thumb_uri(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), side=24) for _ in range(6)]
        for kind, count in (("training", 48), ("test", 50)):
            for index in range(count):
                row: dict[str, object] = {
                    "id": f"{group}-{kind}-{index}",
                    "object": obj,
                    "context": context,
                    "group": group,
                    "kind": kind,
                    "minority": group in SCENES.minority,
                    "scene": f"{kind}-{index}" if kind == "test" else f"{group}-{index}",
                    "thumb": thumbs[index % 6],
                    "spoken": f"{obj} in {context}, {kind} {index}",
                }
                for pane in range(PANES):
                    x, y = np.array(middle) + rng.normal(0, 0.2, 2)
                    gone = pane == 1 and kind == "training" and group in SCENES.minority and index >= 12
                    wrong = pane == 1 and index % 5 == 0
                    says = "none" if gone else next(one for one in SCENES.objects if (one == obj) != wrong)
                    row |= {
                        f"x{pane}": np.nan if gone else x,
                        f"y{pane}": np.nan if gone else y,
                        f"caption_{pane}": f"{obj} in the {context}" if pane % 2 else obj,
                        f"predicted_{pane}": says,
                        f"says_{pane}": says,
                        f"right_{pane}": "none" if gone else "wrong" if wrong else "right",
                        f"trust{pane}": np.nan if gone else 1 - index / 100,
                        f"gx{pane}": np.nan if gone else x / 3,
                        f"gy{pane}": np.nan if gone else y / 3,
                    }
                rows.append(row)
    return pd.DataFrame(rows)


def _captions() -> pd.DataFrame:
    """Short captions in the maps of even numbers, long ones in the others."""
    short = [("horse", -1.3, 0.1), ("camel", 1.35, 0.1)]
    long = [(f"{obj} in the {context}", *at) for (obj, context), at in zip(SCENES.pairs, MIDDLES, strict=True)]
    rows = [(*row, pane) for pane in range(PANES) for row in (long if pane % 2 else short)]
    return pd.DataFrame(rows, columns=["caption", "x", "y", "pane"])


def _uploads() -> pd.DataFrame:
    thumb = thumb_uri(np.full((8, 8, 3), 7, np.uint8), side=24)
    places = {f"{axis}{pane}": 0.1 * pane - 0.2 for pane in range(PANES) for axis in "xy"}
    row = {"id": "up-1", "name": "my <b>photo</b>.jpg", "thumb": thumb, "spoken": "your picture", **places}
    return pd.DataFrame([row])


def _neighbours(points: pd.DataFrame) -> pd.DataFrame:
    """Two lines from each picture of a map, to the pictures before it."""
    rows = []
    for pane in range(PANES):
        there = points[points[f"x{pane}"].notna()][["id", f"x{pane}", f"y{pane}"]].to_numpy()
        for number, (name, x, y) in enumerate(there):
            rows += [(name, pane, x, y, *there[number - back][1:]) for back in (1, 2)]
    return pd.DataFrame(rows, columns=["id", "pane", "x", "y", "x2", "y2"])


def _twins(points: pd.DataFrame) -> pd.DataFrame:
    """Two arrows of each held-out scene in each map."""
    arrows = (("other background", "horse_grass", "horse_desert"), ("other animal", "horse_grass", "camel_grass"))
    at = points.set_index("id")
    rows = []
    for pane in range(PANES):
        for index in range(50):
            for kind, start, end in arrows:
                ends = [at.loc[f"{group}-test-{index}", [f"x{pane}", f"y{pane}"]] for group in (start, end)]
                rows.append((f"test-{index}", kind, pane, *ends[0], *ends[1]))
    return pd.DataFrame(rows, columns=["scene", "kind", "pane", "x", "y", "x2", "y2"])


def _board() -> pd.DataFrame:
    """What two models were measured at."""
    rows = [
        (pane, model, group, accuracy, max(0, accuracy - 0.05), min(1, accuracy + 0.03), 1000)
        for pane, (model, all_four) in enumerate(
            (("no bias, short", (0.98, 0.93, 0.97, 0.95)), ("bias, short", (0.99, 0.57, 0.98, 0.61)))
        )
        for group, accuracy in zip(SCENES.names, all_four, strict=True)
    ]
    return pd.DataFrame(rows, columns=["pane", "model", "group", "accuracy", "low", "high", "n"])


POINTS, CAPTIONS, UPLOADS, BOARD = _points(), _captions(), _uploads(), _board()
NEIGHBOURS, TWINS = _neighbours(POINTS), _twins(POINTS)
