"""Attribution of a prediction to parts of an image: patch ablation and attention rollout."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vlcore.api import uploads
from vlcore.api.model_map import ModelMap
from vlcore.data.decoding import square
from vlcore.data.imageset import TRAINING_SIZE
from vlcore.data.uploads import UploadedPicture
from vlcore.experiment.plain_text import plain
from vlcore.model.load import OwnModel
from vlcore.plots.attribution import painted
from vlcore.web import cache, shell, widgets
from vlcore.web.upload.answers import Answers, compute_once, result_name


def show_attribution(answers: Answers, number: int) -> None:
    """Offer to cover each part of an image, and show what that does to each prediction."""
    about = "Covers each patch of the image in turn and asks the models again."
    if not st.toggle("Cover each part", key="explain", help=about):
        return
    for column, (name, model) in widgets.in_pairs(answers.models.items()):
        predicted = answers.reports[name][number].predicted
        with column.container(border=True), shell.errors_as_sentences():
            st.caption(f"**{name}**")
            if predicted:
                _explain(answers, model, answers.images[number], predicted)
            else:
                st.caption("This model predicts nothing, so there is no prediction to explain.")


def _explain(answers: Answers, model: ModelMap, image: UploadedPicture, predicted: str) -> None:
    from vlcore.model.attribution import GRID, attention_rollout, patch_ablation

    key = model.artifact.key
    loaded = cache.model(key)
    from_scratch = loaded if isinstance(loaded, OwnModel) and not loaded.frozen_tower else None
    pixels = square(image.asked, TRAINING_SIZE if from_scratch else 224)[None]

    def embed(versions: NDArray[np.uint8]) -> NDArray[np.floating]:
        return loaded.embed_images([*map(Image.fromarray, versions)])

    grouping = answers.choice.image_set.grouping
    margin = partial(uploads.answer_margin, model, grouping=grouping, label=predicted)
    left, right = st.columns(2)
    with left:
        name = result_name("ablation", key, image)
        drops = compute_once(name, lambda: patch_ablation(embed, pixels, margin)[0])
        widgets.show_image(
            painted(image.picture, drops), alt=f"What “{predicted}” loses without each patch"
        )
        st.caption(
            f"**Patch ablation**: how far “{plain(predicted)}” falls when one of {GRID * GRID}"
            f" patches is painted in the mean colour, at most {drops.max():.2f} in log odds. Warm"
            " speaks for it, cool against. It says where, not what: versions of the image say what"
            " changes a prediction."
        )
    if from_scratch is None:
        return
    with right:
        name = result_name("rollout", key, image)
        rollout = compute_once(name, lambda: attention_rollout(from_scratch.encoder, pixels)[0])
        widgets.show_image(painted(image.picture, rollout - rollout.min()), alt="Attention rollout")
        st.caption(
            f"**Attention rollout** (a hint only): which of {rollout.size} patches attention mixes"
            " into the embedding. It knows nothing of the prediction; where the two differ, believe"
            " the ablation."
        )
