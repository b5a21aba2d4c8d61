"""Inference: embeddings of images and captions, and a model's file, which holds the shape of the
model and its vocabulary beside the weights, so that inference cannot drift from training."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model, save_model

from vlcore.experiment.errors import LabError
from vlcore.experiment.vocabulary import PAD, AnyVocabulary, Vocabulary, WordPieces, reads_pieces
from vlcore.model.device import ModelError
from vlcore.model.dual_encoder import CaptionCodes, Encoder, ModelConfig, to_input
from vlcore.model.frozen_towers import spec_of

Array = NDArray[np.float32]
BATCH = 128  # what lies between layers stays in a cache; the bits are those of any other number


@torch.inference_mode()
def embed_images(model: Encoder, images: NDArray[Any]) -> Array:
    """Unit vectors of images, float32 (n, E): from pixels, uint8 (n, S, S, 3), or from the features
    of a frozen tower, float32 (n, F)."""
    device = model.device
    parts = [
        model.image(to_input(part.to(device))).float().cpu()
        for part in torch.from_numpy(images).split(BATCH)
    ]
    return torch.cat(parts).numpy()


@torch.inference_mode()
def embed_captions(model: Encoder, vocabulary: AnyVocabulary, captions: Sequence[str]) -> Array:
    """Unit vectors of captions, float32 (n, E); none, (0, E), of a model whose captions have no
    vectors. ModelError where a caption has no words, is no class of a classifier, or has no code in
    a model of codes.
    """
    if model.config.language == "decoder":
        return np.empty((0, model.config.embedding), dtype=np.float32)
    # Models of an older version read fewer words.
    tokens = torch.from_numpy(vocabulary.tokens(captions)[:, : model.config.max_words]).to(
        model.device
    )
    if not (tokens != PAD).any(dim=1).all():
        raise ModelError("A caption needs at least one word.")
    if model.config.language == "classes" and len(captions) != model.config.classes:
        raise ModelError("This model is a classifier: it knows its classes and reads no captions.")
    if isinstance(model.text, CaptionCodes) and not bool((known := model.text.knows(tokens)).all()):
        stranger = captions[int(known.int().argmin())]
        raise ModelError(
            f"This model has a code for each training caption and none for {stranger!r}."
        )
    return model.text(tokens).float().cpu().numpy()


@torch.inference_mode()
def score_captions(
    model: Encoder, vocabulary: AnyVocabulary, captions: Sequence[str], images: NDArray[Any]
) -> Array:
    """Scores of images with captions by the model itself, images as in `embed_images`, to float32
    (n, K)."""
    tokens = torch.from_numpy(vocabulary.tokens(captions)).to(model.device)
    parts = torch.from_numpy(images).split(BATCH)
    return torch.cat(
        [model.score(to_input(part.to(model.device)), tokens).float().cpu() for part in parts]
    ).numpy()


def scale_and_bias(model: Encoder) -> tuple[float, float]:
    """The two numbers that turn a cosine into a logit, ``scale * cosine + bias``; 1 and 0 where
    none does."""
    if model.config.language == "decoder":
        return 1.0, 0.0
    return float(model.tau.detach().exp().clamp(1, 100)), float(model.bias.detach())


def save(model: Encoder, vocabulary: AnyVocabulary, path: Path) -> None:
    """Write weights, shape and vocabulary as one safetensors file; equal models are equal files."""
    shape = {name: str(value) for name, value in asdict(model.config).items()}
    save_model(model, str(path), metadata={**shape, "vocabulary": " ".join(vocabulary.words)})
    # The format: eight bytes with the header's length, the header as JSON in a new order each time,
    # the numbers.
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the numbers stay aligned
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def load(path: Path) -> tuple[Encoder, AnyVocabulary]:
    """The model and vocabulary of a file that `save` wrote, on the processor, without gradients;
    ModelError where it is missing, broken or of another kind, or was trained on other features than
    its frozen tower gives now; other LabErrors where its word vectors or its frozen tower are not
    installed."""
    try:
        with safe_open(path, framework="pt") as file:
            about = dict(file.metadata() or {})
        words = about.pop("vocabulary").split()
        vocabulary = WordPieces() if reads_pieces(about.get("text", "")) else Vocabulary(words)
        kinds = {name: type(value) for name, value in asdict(ModelConfig(words=0)).items()}
        model = Encoder(ModelConfig(**{name: kinds[name](value) for name, value in about.items()}))
        load_model(model, str(path), device="cpu")
    except LabError:  # what it needs beside its file is not installed
        raise
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"The model file {path.name} cannot be read; delete its folder and train it again."
        ) from error
    if model.config.tower and model.config.tower != spec_of(model.config.architecture).as_text():
        other = (
            f"The model {path.parent.name} was trained on features of other weights or another"
            " preparation"
        )
        raise ModelError(
            f"{other} than {model.config.architecture} has here; delete it and train it again."
        )
    return model.eval().requires_grad_(False), vocabulary
