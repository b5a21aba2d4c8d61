"""Loaded models, ours or pretrained: what they make of new pictures and new captions."""

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
from vlcore.experiment.vocabulary import AnyVocabulary, reads_pieces, split_words
from vlcore.model.image_features import features_of_images

if TYPE_CHECKING:
    from vlcore.model.dual_encoder import Encoder
    from vlcore.model.pretrained import PretrainedEncoder

Embeddings = NDArray[np.float32]
Loaded: TypeAlias = "OwnModel | PretrainedEncoder"  # a model that can be asked


@dataclass(frozen=True, eq=False)
class OwnModel:
    """A model that was trained here: weights and vocabulary, read-only, without gradients."""

    encoder: Encoder
    vocabulary: AnyVocabulary

    @property
    def frozen_tower(self) -> str:
        """The architecture of its frozen tower; empty where it reads pixels."""
        return self.encoder.config.architecture if self.encoder.image.reads_features else ""

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Embeddings:
        """Unit vectors of images, (n, E); each is cropped to its middle square first."""
        if self.frozen_tower:
            return self.embed_features(
                self.features([np.asarray(picture.convert("RGB")) for picture in pictures])
            )
        return self.embed_pixels(np.stack([square(picture, TRAINING_SIZE) for picture in pictures]))

    def embed_pixels(self, pixels: NDArray[np.uint8]) -> Embeddings:
        """Unit vectors of square images, uint8 (n, S, S, 3) to (n, E); S is the size of training
        unless the model has a frozen tower."""
        from vlcore.model.inference import embed_images

        return (
            self.embed_features(self.features(list(pixels)))
            if self.frozen_tower
            else embed_images(self.encoder, pixels)
        )

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """What the frozen tower makes of images of any size, (n, F)."""
        # All of them, though bundled rows lie in 128 directions: four bundled models name 92 % of
        # 32 photographs right by whole features, and 88 % by projected ones.
        return features_of_images(self.frozen_tower, images)

    def embed_features(self, features: NDArray[np.float32]) -> Embeddings:
        """Unit vectors of images by their features, (n, F) to (n, E)."""
        from vlcore.model.inference import embed_images

        return embed_images(self.encoder, features)

    def embed_captions(self, texts: Sequence[str]) -> Embeddings:
        """Unit vectors of captions, (n, E); ModelError where one has no words or no vector."""
        from vlcore.model.device import ModelError
        from vlcore.model.inference import embed_captions

        if (
            self.encoder.config.language == "classes"
        ):  # as many captions as classes would pass for these
            raise ModelError(
                "This model is a classifier: it knows its classes and reads no captions."
            )
        z = embed_captions(self.encoder, self.vocabulary, texts)
        if len(z) != len(texts):
            raise ModelError(
                "This model says captions word by word: a caption has no place in its space."
            )
        return z

    def unknown(self, text: str) -> list[str]:
        """The words of a caption that the model does not know, or does not read because they come
        too late."""
        if reads_pieces(self.encoder.config.text):
            return []
        return [*self.vocabulary.unknown(text), *split_words(text)[self.encoder.config.max_words :]]

    def before(self) -> OwnModel:
        """The same model before its first step: its seed makes the same first weights again."""
        from vlcore.model.dual_encoder import Encoder

        first = Encoder(self.encoder.config)
        first.load_state_dict(
            dict(self.encoder.named_buffers()), strict=False
        )  # such as the captions that have codes
        if (
            first.image.frozen and not first.image.reads_features
        ):  # its weights are in the model's file alone
            first.image.backbone = self.encoder.image.backbone
        return OwnModel(first.eval().requires_grad_(False), self.vocabulary)


def load(artifact: store.Artifact) -> Loaded:
    """A published model, to be asked; StoreError where there are no weights, because its embeddings
    were computed elsewhere, ModelError where they cannot be read."""
    if artifact.kind is ArtifactKind.PRETRAINED:
        from vlcore.model.pretrained import load_for

        return load_for(artifact)
    if artifact.kind is ArtifactKind.IMPORTED:
        reason = (
            "holds embeddings that were computed elsewhere; there is no model to ask of other"
            " pictures"
        )
        raise store.StoreError(f"{artifact.key} {reason}.")
    from vlcore.model import inference

    return OwnModel(*inference.load(artifact.path / "model.safetensors"))
