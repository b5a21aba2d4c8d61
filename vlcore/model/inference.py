"""Inference: embeddings of images and captions, and the file of a model.

The file holds the shape of the model and its vocabulary beside the weights, so that inference
cannot drift from training.
"""

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
BATCH = 128  # activations stay in the cache; the result is the same for any number


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
    """Unit vectors of captions, float32 (n, E); (0, E) of a captioner.

    A classifier has the vectors of its classes, whatever the captions. ModelError where a caption
    has no words, or has no code in a model of codes.
    """
    if model.config.language == "decoder":
        return np.empty((0, model.config.embedding), dtype=np.float32)
    # Models of older versions read fewer words.
    tokens = torch.from_numpy(vocabulary.tokens(captions)[:, : model.config.max_words])
    tokens = tokens.to(model.device)
    if not (tokens != PAD).any(dim=1).all():
        raise ModelError("A caption needs at least one word.")
    if isinstance(model.text, CaptionCodes):
        is_known = model.text.knows(tokens).tolist()
        if not all(is_known):
            unknown = captions[is_known.index(False)]
            raise ModelError(
                f"This model has a code for each training caption and none for {unknown!r}."
            )
    return model.text(tokens).float().cpu().numpy()


@torch.inference_mode()
def score_captions(
    model: Encoder, vocabulary: AnyVocabulary, captions: Sequence[str], images: NDArray[Any]
) -> Array:
    """Scores of images with captions by the model itself, float32 (n, K); images as in
    `embed_images`."""
    tokens = torch.from_numpy(vocabulary.tokens(captions)).to(model.device)
    scores = []
    for part in torch.from_numpy(images).split(BATCH):
        scores.append(model.score(to_input(part.to(model.device)), tokens).float().cpu())
    return torch.cat(scores).numpy()


def scale_and_bias(model: Encoder) -> tuple[float, float]:
    """Scale and bias of logits, ``scale * cosine + bias``; 1 and 0 of a captioner."""
    if model.config.language == "decoder":
        return 1.0, 0.0
    return float(model.tau.detach().exp().clamp(1, 100)), float(model.bias.detach())


def save_encoder(model: Encoder, vocabulary: AnyVocabulary, path: Path) -> None:
    """Write weights, shape and vocabulary as one safetensors file, equal for equal models."""
    shape = {name: str(value) for name, value in asdict(model.config).items()}
    save_model(model, str(path), metadata={**shape, "vocabulary": " ".join(vocabulary.words)})
    # The format: eight bytes with the header's length, the header as JSON, whose order differs each
    # time, the numbers.
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the numbers stay aligned
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def load_encoder(path: Path) -> tuple[Encoder, AnyVocabulary]:
    """Read the model and vocabulary of a file of `save_encoder`, on the CPU, without gradients.

    Raises:
        ModelError: the file is missing, broken or of another kind, or its frozen tower gives other
            features now.
        LabError: its word vectors or its frozen tower are not installed.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
        words = metadata.pop("vocabulary").split()
        vocabulary = WordPieces() if reads_pieces(metadata.get("text", "")) else Vocabulary(words)
        defaults = asdict(ModelConfig(words=0))
        # Files of version 0.6 have a further entry, which is always the same.
        shape = {
            name: type(usual)(metadata[name])
            for name, usual in defaults.items()
            if name in metadata
        }
        model = Encoder(ModelConfig(**shape))
        load_model(model, str(path), device="cpu")
    except LabError:  # something that it needs is not installed
        raise
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"The model file {path.name} cannot be read; delete its folder and train it again."
        ) from error
    if model.config.tower and model.config.tower != spec_of(model.config.architecture).as_text():
        raise ModelError(
            f"The model {path.parent.name} was trained on features of other weights or another"
            f" preparation than {model.config.architecture} has here; delete it and train it again."
        )
    return model.eval().requires_grad_(False), vocabulary
