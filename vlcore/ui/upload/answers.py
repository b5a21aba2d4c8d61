"""Answers of models on a visitor's pictures: embeddings, reports, and where an answer comes from.

What is computed of a visitor's picture is kept in that visitor's session and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vlcore.charts.heat import painted
from vlcore.compare.model_map import ModelMap
from vlcore.compare.uploads import Before, UploadReport, margin, upload_reports
from vlcore.core.errors import LabError
from vlcore.core.options import ArtefactKind
from vlcore.datasets.imageset import TRAINING_SIZE, ImageSet
from vlcore.datasets.samples import UploadedPicture
from vlcore.datasets.uploads import square
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.runs.load import OwnModel
from vlcore.ui import cache, widgets

MOST_KEPT = 300  # results of a session
Made = TypeVar("Made")


def _kept(name: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """A result of this session, made once; the oldest go when there are many."""
    kept: dict[tuple[Any, ...], Any] = st.session_state.setdefault("asked", {})
    if name not in kept:
        while len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)))
        kept[name] = make()
    found: Made = kept[name]
    return found


def embedded(key: str, given: Sequence[UploadedPicture]) -> NDArray[np.float32]:
    """Embeddings of pictures in a model, (m, E)."""
    digest, embed = cache.artefact(key).digest, cache.model(key).embed_pictures
    found = [_kept(("z", key, digest, one.digest), partial(embed, [one.picture])) for one in given]
    return np.concatenate(found)


def reports(
    key: str, model: ModelMap, images: ImageSet, given: Sequence[UploadedPicture], shown: str
) -> list[UploadReport]:
    """What a model says of pictures; `shown` is the object that a visitor's own are said to show, empty where nobody
    says it: then what the model takes a picture for. A sample is known."""
    contexts = images.grouping.contexts
    pairs = [(one.object or shown, one.background if one.background in contexts else "") for one in given]
    name = ("reports", key, cache.artefact(key).digest, tuple(one.digest for one in given), tuple(pairs))
    return _kept(
        name,
        lambda: upload_reports(model, images, embedded(key, given), pairs, _untrained(key, model, given)),
    )


def _untrained(key: str, model: ModelMap, given: Sequence[UploadedPicture]) -> Before | None:
    """The same encoder before its first step; None where it is not known, or is the model itself."""
    asked, known = cache.model(key), StoredEmbeddings(model.artefact).untrained
    if model.artefact.kind is ArtefactKind.UNTRAINED or not isinstance(asked, OwnModel) or known is None:
        return None
    try:
        z = asked.before().embed_pictures([one.picture for one in given])
    except LabError:
        return None  # a frozen network whose weights are not here a second time
    return Before(z, known.on_map, known.train)


def explained(model: ModelMap, images: ImageSet, one: UploadedPicture, says: str) -> None:
    """Two maps over a picture: what the answer loses without each patch, and attention rollout."""
    from vlcore.learning.explain import GRID, attention_rollout, patch_ablation

    key = model.artefact.key
    asked = cache.model(key)
    if not says:
        st.caption("This model names nothing, so there is no answer to explain.")
        return
    own = asked if isinstance(asked, OwnModel) else None
    pixels = square(one.picture, TRAINING_SIZE if own else 224)[None]

    def embed(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
        return own.embed_pixels(pictures) if own else asked.embed_pictures([Image.fromarray(one) for one in pictures])

    def score(z: NDArray[np.floating]) -> NDArray[np.float64]:
        return margin(model, z, images.grouping, says)

    name = (key, cache.artefact(key).digest, one.digest)
    try:
        falls = _kept(("ablation", *name), lambda: patch_ablation(embed, pixels, score)[0])
    except ValueError as error:
        st.caption(str(error))
        return
    left, right = st.columns(2)
    widgets.picture(
        painted(one.picture, falls), width="stretch", alt=f"What “{says}” loses without each patch", within=left
    )
    left.caption(
        f"**Patch ablation** (the faithful one): how far “{says}” falls when one of {GRID * GRID} patches is "
        f"painted in the mean colour, at most {falls.max():.2f} in log odds. Warm speaks for it, cool against."
    )
    with right:
        try:
            if own is None:
                raise ValueError("Attention rollout is of models that are trained here; look at the ablation.")
            rolled = _kept(("rollout", *name), lambda: attention_rollout(own.encoder, pixels)[0])
        except ValueError as error:
            st.caption(str(error))
            return
        widgets.picture(painted(one.picture, rolled - rolled.min()), width="stretch", alt="Attention rollout")
        st.caption(
            f"**Attention rollout** (a hint only): which of {rolled.size} patches attention mixes into the embedding. "
            "It knows nothing of the answer; where the two differ, believe the ablation."
        )
