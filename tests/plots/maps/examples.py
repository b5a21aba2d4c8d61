"""A small but whole set of tables, as a page would make them: pictures in four models, of which
tests take as many as they show. Nobody changes them in place."""

import numpy as np
import pandas as pd

from vlcore.experiment.grouping import SCENES
from vlcore.plots import colouring
from vlcore.plots.colouring import Colouring, colour_by_values
from vlcore.plots.maps.drawing import MapInfo
from vlcore.plots.options import OVERLAYS, MapOptions
from vlcore.plots.thumbnails import thumb_uri

MIDDLES = ((-1.0, 0.8), (-0.8, -0.5), (1.0, -0.7), (0.9, 0.7))
PANES = 4
OWN = ("caption_", "x", "y", "gx", "gy", "trust", "predicted_", "says_", "right_")
INFO = MapInfo("No bias", "trained in 21 s", "1st component, 61%", "2nd component, 14%")
EVERYTHING = MapOptions(**dict.fromkeys(OVERLAYS, True))
# Of a user's table: the most frequent first, two that share the colour of others, and text that a
# spreadsheet or a page would take for something else.
WEATHERS = ("sun", "rain", "=1+1", "<b>fog</b>", 'a "quoted" one', *"abcdefghi")


def _points() -> pd.DataFrame:
    """48 training and 50 test pictures a group; most training pictures of the minority are absent
    from map 1."""
    rng = np.random.default_rng(0)
    rows = []
    for (obj, context), group, middle in zip(SCENES.pairs, SCENES.names, MIDDLES, strict=True):
        other = next(one for one in SCENES.objects if one != obj)
        thumbs = [
            thumb_uri(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), side=24) for _ in range(6)
        ]
        for kind, count in (("training", 48), ("test", 50)):
            for index in range(count):
                scene = f"{kind}-{index}" if kind == "test" else f"{group}-{index}"
                spoken = f"{obj} in {context}, {kind} {index}"
                row = {
                    "id": f"{group}-{kind}-{index}",
                    "object": obj,
                    "context": context,
                    "group": group,
                    "kind": kind,
                    "minority": group in SCENES.minority,
                    "scene": scene,
                    "thumb": thumbs[index % 6],
                    "spoken": spoken,
                }
                for pane in range(PANES):
                    x, y = np.array(middle) + rng.normal(0, 0.2, 2)
                    is_late = kind == "training" and index >= 12
                    gone = pane == 1 and is_late and group in SCENES.minority
                    wrong = pane == 1 and index % 5 == 0
                    says, right = (other, "wrong") if wrong else (obj, "right")
                    caption = f"{obj} in the {context}" if pane % 2 else obj
                    own = (x, y, x / 3, y / 3, 1 - index / 100, says, says, right)
                    values = (caption, *((np.nan,) * 5 + ("none",) * 3 if gone else own))
                    row |= {f"{name}{pane}": value for name, value in zip(OWN, values, strict=True)}
                rows.append(row)
    return pd.DataFrame(rows)


def _captions() -> pd.DataFrame:
    """Short captions in the maps of even numbers, long ones in the others."""
    short = [("horse", -1.3, 0.1), ("camel", 1.35, 0.1)]
    long = [
        (f"{obj} in the {context}", *at)
        for (obj, context), at in zip(SCENES.pairs, MIDDLES, strict=True)
    ]
    rows = [(*row, pane) for pane in range(PANES) for row in (long if pane % 2 else short)]
    return pd.DataFrame(rows, columns=["caption", "x", "y", "pane"])


def _uploads() -> pd.DataFrame:
    thumb = thumb_uri(np.full((8, 8, 3), 7, np.uint8), side=24)
    places = {f"{axis}{pane}": 0.1 * pane - 0.2 for pane in range(PANES) for axis in "xy"}
    row = {"id": "up-1", "name": "my <b>photo</b>.jpg", "thumb": thumb, "spoken": "your image"}
    return pd.DataFrame([row | places])


def _board() -> pd.DataFrame:
    models = (
        ("no bias, short", (0.98, 0.93, 0.97, 0.95)),
        ("bias, short", (0.99, 0.57, 0.98, 0.61)),
    )
    rows = [
        (pane, model, group, accuracy, max(0, accuracy - 0.05), min(1, accuracy + 0.03), 1000)
        for pane, (model, all_four) in enumerate(models)
        for group, accuracy in zip(SCENES.names, all_four, strict=True)
    ]
    return pd.DataFrame(rows, columns=["pane", "model", "group", "accuracy", "low", "high", "n"])


def _coloured() -> tuple[pd.DataFrame, dict[str, Colouring]]:
    """The points with the columns of all colourings, and these by name: those with colours of
    their own, words of which some are missing, and numbers of each model."""
    points = _points()
    colourings = {
        "group": colouring.GROUPS,
        "object": colouring.OBJECTS,
        "context": colouring.CONTEXTS,
        "split": colouring.SPLIT,
        "prediction": colouring.PREDICTIONS,
        "correct or wrong": colouring.OUTCOMES,
    }
    rng = np.random.default_rng(1)
    shares = np.arange(len(WEATHERS), 0, -1) ** 2
    weathers = pd.Series(rng.choice(WEATHERS, len(points), p=shares / shares.sum()))
    weathers[::9] = ""
    everywhere = np.ones(len(points), dtype=bool)
    columns, colourings["weather"] = colour_by_values(
        "by_weather", "Yours: weather", [weathers], [everywhere], per_model=False
    )
    points = points.assign(**columns)
    margins = [pd.Series(rng.normal(pane, 2, len(points))) for pane in range(PANES)]
    is_drawn = [points[f"x{pane}"].notna().to_numpy() for pane in range(PANES)]
    columns, colourings["margin"] = colour_by_values(
        "by_margin", "Model: margin", margins, is_drawn, per_model=True
    )
    return points.assign(**columns), colourings


(POINTS, COLOURINGS), CAPTIONS, UPLOADS, BOARD = _coloured(), _captions(), _uploads(), _board()
