"""Attribution of a prediction to parts of an image: patch ablation and attention rollout."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vlcore.api import uploads
from vlcore.api.model_map import ModelMap
from vlcore.data.decoding import square
from vlcore.data.imageset import TRAINING_SIZE
from vlcore.data.uploads import UploadedPicture
from vlcore.experiment.plain_text import plain
from vlcore.model.load import OwnModel
from vlcore.web import cache, shell, widgets
from vlcore.web.upload.answers import Answers, compute_once, result_name

SIDE = 256  # px of an image with its attribution map
# Warm where a patch counts for the answer, cool where it counts against it.
FOR, AGAINST = (224, 82, 27), (29, 78, 216)  # of the palette: apart in all kinds of colour vision
_STRONGEST = 0.75  # of the paint where a patch counts most


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
    pixels = square(image.model_input, TRAINING_SIZE if from_scratch else 224)[None]

    def embed(versions: NDArray[np.uint8]) -> NDArray[np.floating]:
        return loaded.embed_images([*map(Image.fromarray, versions)])

    grouping = answers.grouping
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


def painted(image: Image.Image, grid: NDArray[np.floating]) -> NDArray[np.uint8]:
    """An image with an attribution map over it, uint8 (SIDE, SIDE, 3). The image stays visible in
    grey, so that one sees whether the animal is painted or the background.

    Args:
        image: RGB, of which the middle square is shown, as models see it.
        grid: what each patch counts, (h, w); its sign decides the colour, and the largest is
            painted strongest.

    Raises:
        ValueError: when a number is not finite.
    """
    if not np.isfinite(grid).all():
        raise ValueError("A map over an image needs a finite number for each patch.")
    square = ImageOps.fit(image.convert("L"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    grey = np.asarray(square, dtype=float)[..., None]
    ground = 90 + grey * (165 / 255) * np.ones(3)  # paler, so that the paint stands out
    strongest = float(np.abs(grid).max())
    strength = grid / strongest if strongest > 0 else np.zeros_like(grid)
    rows, columns = (np.arange(SIDE) * length // SIDE for length in grid.shape)
    pixels = strength[rows][:, columns][..., None]
    paint = np.where(pixels >= 0, FOR, AGAINST)
    share = _STRONGEST * np.abs(pixels)
    return np.rint(ground * (1 - share) + paint * share).astype(np.uint8)
