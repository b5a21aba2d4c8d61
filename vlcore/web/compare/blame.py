"""Training images behind the predictions for an image that was clicked, or for those marked."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.explain import ask_rows
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.web import training_images, widgets


def show(
    comparison: ComparedMaps,
    images: ImageSet,
    rows: Sequence[int],
    subject: str,
    *,
    only_wrong: bool = False,
) -> None:
    """Offer the training images behind what each model predicts.

    Args:
        comparison: of the models.
        images: their image set.
        rows: of these images those that a model holds out.
        subject: the rows in words.
        only_wrong: whether those of one object are asked that a model gets wrong.
    """
    explained = {}
    for name, model in comparison.named.items():
        chosen, is_wrong = _chosen(model, images, rows, only_wrong)
        if chosen:
            explained[name] = model, chosen, is_wrong
    if not explained:
        return
    is_wrong = any(wrong for _, _, wrong in explained.values())
    title = f"{training_images.TITLE} for {subject}?"
    with st.expander(title, icon=":material/school:", expanded=is_wrong):
        for column, (name, (model, chosen, _)) in widgets.in_pairs(explained.items()):
            with column:
                ask = partial(ask_rows, model.artifact, images, chosen)
                training_images.show(model, images, ask, f"{name.capitalize()}, {subject}")


def _chosen(
    model: ModelMap, images: ImageSet, rows: Sequence[int], only_wrong: bool
) -> tuple[list[int], bool]:
    """Return the held-out images whose predictions are explained, and whether they are wrong."""
    index = model.index(rows)
    is_held_out = (index >= 0) & (index < model.n_held_out)
    predicted = model.predicted_objects(images.grouping.objects)
    held_out = np.asarray(rows)[is_held_out]
    if predicted is None or len(held_out) == 0:
        return [], False
    objects = images.table["object"].to_numpy()[held_out]
    is_wrong = predicted[index[is_held_out]] != objects
    if not only_wrong:
        return held_out.tolist(), bool(is_wrong.any())
    counts = pd.Series(objects[is_wrong]).value_counts()
    if counts.empty:
        return [], False
    return held_out[is_wrong & (objects == counts.index[0])].tolist(), True
