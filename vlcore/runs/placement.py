"""Where new pictures land in a trained model.

The one idea: a picture goes through the preprocessing and the weights of the artefact, and is then one more point:
exact on PCA, an average of neighbours on other maps (`vlcore.runs.compare.ModelMap.place`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.images.imagesets import TRAINING_SIZE
from vlcore.images.uploads import square
from vlcore.runs import store

if TYPE_CHECKING:
    from vlcore.learning.model import Encoder


def load(artefact: store.Artefact) -> Encoder:
    """The weights of a published model, for `embed_pictures`; read-only, without gradients.

    Raises:
        StoreError: when there are none, because its embeddings were computed elsewhere.
        ModelError: when they cannot be read.
    """
    weights = artefact.path / "model.safetensors"
    if not weights.exists():  # of a model of ours, `store.read` would have missed them
        raise store.StoreError(
            f"{artefact.key} holds embeddings that were computed elsewhere; there is no model to ask of other pictures."
        )
    from vlcore.learning import embed

    return embed.load(weights)[0]


def embed_pictures(model: Encoder, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Unit vectors of pictures in a model, (n, E); each is cropped to its middle square first."""
    from vlcore.learning.embed import embed_images

    return embed_images(model, np.stack([square(picture, TRAINING_SIZE) for picture in pictures]))
