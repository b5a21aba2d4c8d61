"""Loaded models, trained here or pretrained, which embed new images and captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.artifacts import store
from vlcore.data.decoding import square
from vlcore.data.imageset import TRAINING_SIZE
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.vocabulary import AnyVocabulary
from vlcore.model.image_features import features_of_images

if TYPE_CHECKING:
    from vlcore.model.dual_encoder import Encoder
    from vlcore.model.pretrained import PretrainedEncoder

Embeddings = NDArray[np.float32]
Loaded: TypeAlias = "OwnModel | PretrainedEncoder"


@dataclass(frozen=True, eq=False)
class OwnModel:
    """Weights and vocabulary of a model that was trained here, read-only, without gradients."""

    encoder: Encoder
    vocabulary: AnyVocabulary

    @property
    def frozen_tower(self) -> str:
        """Architecture of its frozen tower; empty where it reads pixels."""
        return self.encoder.config.architecture if self.encoder.image.reads_features else ""

    def embed_images(self, images: Sequence[Image.Image]) -> Embeddings:
        """Unit vectors of images, (n, E); each is cropped to its middle square first."""
        if self.frozen_tower:
            return self.embed_pixels([np.asarray(image.convert("RGB")) for image in images])
        return self.embed_pixels([square(image, TRAINING_SIZE) for image in images])

    def embed_pixels(self, images: Sequence[NDArray[np.uint8]]) -> Embeddings:
        """Unit vectors of square images, uint8 (S, S, 3) each, to (n, E); S is the size of training
        unless the model has a frozen tower."""
        from vlcore.model.inference import embed_images

        if self.frozen_tower:
            # Not projected, though bundled rows have 128 components: accuracy of four bundled
            # models on 32 photographs is 92% by whole features, and 88% by projected ones.
            return embed_images(self.encoder, features_of_images(self.frozen_tower, images))
        return embed_images(self.encoder, np.stack(images))

    def embed_captions(self, texts: Sequence[str]) -> Embeddings:
        """Unit vectors of captions, (n, E); ModelError where one has no words or no vector."""
        from vlcore.model.device import ModelError
        from vlcore.model.inference import embed_captions

        if self.encoder.config.language == "classes":
            # As many captions as classes would pass for these.
            raise ModelError(
                "This model is a classifier: it knows its classes and reads no captions."
            )
        z = embed_captions(self.encoder, self.vocabulary, texts)
        if len(z) != len(texts):
            raise ModelError(
                "This model says captions word by word: a caption has no place in its space."
            )
        return z


def load_model(artifact: store.Artifact) -> Loaded:
    """Load the weights of a published model; ModelError where they cannot be read."""
    if artifact.kind is ArtifactKind.PRETRAINED:
        from vlcore.model.pretrained import load_for

        return load_for(artifact)
    from vlcore.model import inference

    return OwnModel(*inference.load_encoder(artifact.path / "model.safetensors"))
