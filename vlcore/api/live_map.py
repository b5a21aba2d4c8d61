"""Map of a model in training, which a page is told anew every two seconds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.data.imageset import ImageSet
from vlcore.plots.maps.drawing import MapInfo, map_drawing
from vlcore.plots.maps.table import image_columns, packed
from vlcore.plots.theme import Palette


def live_map(
    positions: Sequence[Sequence[float]],
    images: ImageSet,
    rows: NDArray[np.int64],
    palette: Palette,
    side: int,
) -> dict[str, Any]:
    """Describe the map of held-out images in a model that is trained now, with its table inside:
    data of the component except the addresses of small images.

    Args:
        positions: x and y of each image.
        images: the image set.
        rows: of the images in the set.
        palette: colours.
        side: of the map in px.
    """
    about = images.table.iloc[rows][["object", "context", "group", "scene"]].reset_index(drop=True)
    points = about.assign(
        kind="test",
        minority=about["group"].isin(images.grouping.minority),
        caption_0="none",
        predicted_0="none",
    )
    points[["x0", "y0"]] = np.asarray(positions, dtype=float)
    captions = pd.DataFrame(columns=["caption", "pane", "x", "y"])
    grouping, no_words = images.grouping, MapInfo("", "", "", "")
    drawing = map_drawing(
        points,
        captions,
        [no_words],
        palette=palette,
        grouping=grouping,
        side=side,
        kind="card",
        legend_place="none",
    )
    table = packed(image_columns(points, rows, 1, grouping), rows)
    alt = "Map of the model in training"
    return {**drawing, "table": table, "colourTable": None, "alt": alt}
