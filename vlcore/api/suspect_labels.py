"""Suspect labels: images whose nearest neighbours mostly have the label of the other object (Bahri,
Jiang and Gupta, "Deep k-NN for noisy labels", ICML 2020)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.models import Model, as_model
from vlcore.data.imageset import SOURCE, ImageSet
from vlcore.metrics.neighbours import nearest
from vlcore.metrics.projection import is_one_point

NEIGHBOURS = 10
MOST_IMAGES = 10_000  # whose neighbours take some seconds; of more, a sample by chance


def suspect_labels(model: Model | str) -> pd.DataFrame:
    """Find the images of a model's map that most of their `NEIGHBOURS` nearest contradict.

    Returns:
        One row per image, the most suspect first: its ``row`` in the image set, its ``file`` in
        the user's folder, ``object``, ``context``, and how many neighbours ``contradict`` it.

    Raises:
        StoreError: There is no such model.
        ComparisonError: It has too few images.

    >>> import vlcore as vl
    >>> suspects = vl.suspect_labels(vl.train(vl.Condition(bias=0.75, steps=12)))
    >>> int(suspects["contradict"].min())
    6
    """
    model = as_model(model)
    return find_suspects(model.map, model.images)


def find_suspects(model: ModelMap, images: ImageSet) -> pd.DataFrame:
    """Find the suspect labels of a map; see `suspect_labels`."""
    if len(model.rows) > MOST_IMAGES:
        sample = np.random.default_rng(0).choice(model.rows, MOST_IMAGES, replace=False)
        model = model.among(sample)
    if len(model.rows) <= NEIGHBOURS or is_one_point(model.z):
        raise ComparisonError(
            f"Labels need {NEIGHBOURS} nearest neighbours: the map has too few images, or all are"
            " one point."
        )
    names = [SOURCE] if SOURCE in images.table else []
    table = images.table[[*names, "object", "context"]].iloc[model.rows]
    table = table.rename(columns={SOURCE: "file"}).assign(row=model.rows)
    objects = table["object"].to_numpy(str)
    near, _ = nearest(model.z, model.z, NEIGHBOURS, apart_from=np.arange(len(model.z)))
    table["contradict"] = (objects[near] != objects[:, None]).sum(axis=1)
    table = table.sort_values("contradict", ascending=False, kind="stable", ignore_index=True)
    return table[table["contradict"] > NEIGHBOURS / 2]
