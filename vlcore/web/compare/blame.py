"""Training images behind the predictions for an image that was clicked, or for those marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.explain import ask_rows
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import plural
from vlcore.web import training_images, widgets


@dataclass(frozen=True)
class Asked:
    """What a model is asked about: held-out images of one object, whether it gets one wrong, and a
    sentence on wrong ones of the other object."""

    rows: Sequence[int] = ()
    is_wrong: bool = False
    left_out: str = ""


def show(
    comparison: ComparedMaps,
    images: ImageSet,
    rows: Sequence[int],
    subject: str,
    *,
    only_wrong: bool = False,
) -> None:
    """Offer the training images behind what each model predicts, where one can be explained.

    Args:
        comparison: of the models.
        images: their image set.
        rows: of these images those that a model holds out.
        subject: the rows in words.
        only_wrong: whether those of one object are asked that a model gets wrong.
    """
    models = comparison.named
    questions = {name: _asked(model, images, rows, only_wrong) for name, model in models.items()}
    questions = {name: question for name, question in questions.items() if question.rows}
    if not any(training_images.can_be_shown(models[name]) for name in questions):
        return
    keys = {name: f"why_{name}" + "_selected" * only_wrong for name in questions}
    for name, question in questions.items():
        _forget_if_changed(keys[name], question.rows)
    is_wrong = any(question.is_wrong for question in questions.values())
    is_open = is_wrong or training_images.is_asked(keys.values())
    title = f"{training_images.TITLE} for {subject}?"
    with st.expander(title, icon=":material/school:", expanded=is_open):
        for column, (name, question) in widgets.in_pairs(questions.items()):
            with column:
                ask = partial(ask_rows, models[name].artifact, images, question.rows)
                words = f"{name.capitalize()}, {subject}"
                training_images.show_explanations(models[name], images, ask, words, keys[name])
                if question.left_out:
                    st.caption(plain(question.left_out))


def _forget_if_changed(key: str, rows: Sequence[int]) -> None:
    """Ask nothing of other images than those that a visitor, or an address, asked about."""
    explained: dict[str, tuple[int, ...]] = st.session_state.setdefault("why_rows", {})
    if explained.get(key, tuple(rows)) != tuple(rows) and st.session_state.get(key):
        st.session_state[key] = None
    explained[key] = tuple(rows)


def _asked(model: ModelMap, images: ImageSet, rows: Sequence[int], only_wrong: bool) -> Asked:
    """Of some rows the held-out images that a model can be asked about."""
    index = model.index(rows)
    is_held_out = (index >= 0) & (index < model.n_held_out)
    is_right = model.is_right(images)
    held_out = np.asarray(rows)[is_held_out]
    if is_right is None or len(held_out) == 0:
        return Asked()
    is_wrong = ~is_right[index[is_held_out]]
    if not only_wrong:
        return Asked(held_out.tolist(), bool(is_wrong.any()))
    objects = images.table["object"].to_numpy()[held_out]
    counts = pd.Series(objects[is_wrong]).value_counts()
    if counts.empty:
        return Asked()
    most, *others = (f"{plural(count, 'wrong image')} of {name}" for name, count in counts.items())
    why = f"a question is about one {images.grouping.object_word}"
    left_out = " ".join(f"{most}; {other} left out, as {why}." for other in others)
    return Asked(held_out[is_wrong & (objects == counts.index[0])].tolist(), True, left_out)
