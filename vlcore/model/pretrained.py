"""A pretrained CLIP or SigLIP with the interface of a model that was trained here.

An image is cut to its middle square and prepared as the checkpoint says; captions are cut where it
stops reading. Numbers are float32 on every device.
"""

import re
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F
from transformers.utils import logging

from vlcore.artifacts.store import Artifact
from vlcore.data.sandbox import memory_limit
from vlcore.experiment import limits
from vlcore.experiment.errors import first_line
from vlcore.model.device import ModelError, choose_device
from vlcore.model.hub_checkpoints import (
    HubCheckpoint,
    PretrainedError,
    Tell,
    digest,
    find_checkpoint,
    tell_nobody,
)

Array = NDArray[np.float32]
# Others can be told to make much of an image in many ways.
PREPARATIONS = ("CLIPImageProcessor", "SiglipImageProcessor", "Siglip2ImageProcessor")
_loading = threading.Lock()  # two visitors who ask for one checkpoint load it once


@dataclass(frozen=True, eq=False)
class PretrainedEncoder:
    """A loaded checkpoint; read-only, without gradients.

    Attributes:
        parameters: how many numbers it computes with.
        scale: with `bias`, turns a cosine into a score, ``scale * cosine + bias``.
    """

    checkpoint: HubCheckpoint
    device: str
    parameters: int
    scale: float
    bias: float
    _model: Any
    _tokenizer: Any
    _preparation: Any

    @torch.inference_mode()
    def embed_images(self, images: Sequence[Image.Image]) -> Array:
        """Unit vectors of images of any size, (n, E), all at once."""
        squares = [middle_square(image) for image in images]
        prepared = self._preparation(images=squares, return_tensors="pt").to(self.device)
        return _unit(self._model.get_image_features(**prepared))

    @torch.inference_mode()
    def embed_captions(self, texts: Sequence[str]) -> Array:
        """Unit vectors of captions, (n, E); what is too long for the checkpoint is cut.
        ModelError where one has no words."""
        if not all(text.strip() for text in texts):
            raise ModelError("A caption needs at least one word.")
        tokens = self._tokenizer(
            [self._as_read(text) for text in texts],
            # SigLIP reads the last token of a caption as long as in its training, without a mask.
            padding="max_length" if self._is_siglip else True,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        ).to(self.device)
        names = ("input_ids",) if self._is_siglip else ("input_ids", "attention_mask")
        return _unit(self._model.get_text_features(**{name: tokens[name] for name in names}))

    @property
    def _max_tokens(self) -> int:
        """Tokens of the longest caption that is read whole, with those of its two ends."""
        return int(self._model.config.text_config.max_position_embeddings)

    @property
    def _is_siglip(self) -> bool:
        return self.checkpoint.kind.startswith("siglip")

    def _as_read(self, text: str) -> str:
        # SigLIP was trained on lower-case captions, and not all of its tokenizers see to it.
        return text.lower() if self._is_siglip else text


def load_checkpoint(
    source: str, *, revision: str = "", tell: Tell = tell_nobody
) -> PretrainedEncoder:
    """Load a checkpoint, once in a process as long as its files stay the same.

    Parameters and errors are those of `vlcore.model.hub_checkpoints.find_checkpoint`; ModelError
    also where ``VLCORE_DEVICE`` is not there.
    """
    device = choose_device()
    with _loading:
        checkpoint = find_checkpoint(source, revision, tell)
        tell(f"loading {checkpoint.name}, {max(1, round(checkpoint.bytes / 1e6)):,} MB")
        files = digest(checkpoint.folder)
        memory: AbstractContextManager[None] = nullcontext()
        if device == "cpu":  # a GPU's driver maps far more than it uses
            # Files as they are mapped, numbers as they are read and as float32, computation.
            needed = checkpoint.bytes + 8 * checkpoint.numbers + limits.CHECKPOINT_SLACK
            memory = memory_limit(needed)
        with memory:
            return _load(checkpoint, files, device)


@lru_cache(maxsize=2)
def _load(checkpoint: HubCheckpoint, _digest: str, device: str) -> PretrainedEncoder:
    logging.set_verbosity_error()  # transformers reports to developers
    logging.disable_progress_bar()
    model = _model_of(checkpoint).to(device).eval().requires_grad_(False)
    tokenizer = _preparation_of(checkpoint, "words", transformers.AutoTokenizer)
    preparation = _preparation_of(checkpoint, "images", transformers.AutoImageProcessor)
    name, prepares = checkpoint.name, type(preparation).__name__
    if re.sub(r"(Fast|Pil)$", "", prepares) not in PREPARATIONS:
        known = ", ".join(PREPARATIONS)
        raise PretrainedError(f"{name} prepares images by {prepares}; choose one with {known}.")
    scale = float(model.logit_scale.exp())
    bias = float(model.logit_bias) if hasattr(model, "logit_bias") else 0.0
    parameters = sum(parameter.numel() for parameter in model.parameters())
    encoder = PretrainedEncoder(
        checkpoint, device, parameters, scale, bias, model, tokenizer, preparation
    )
    try:  # image and caption must become vectors of one width
        (image,) = encoder.embed_images([Image.new("RGB", (64, 48), (120, 140, 90))])
        (caption,) = encoder.embed_captions(["a photo"])
        cosine = image @ caption
    except Exception as error:  # a stranger's configuration can fail anywhere
        raise PretrainedError(
            f"{name} cannot embed an image and a caption: {first_line(error)}."
        ) from error
    if not np.isfinite([cosine, scale, bias]).all():
        raise PretrainedError(
            f"{name} holds or makes numbers that are not finite; choose another checkpoint."
        )
    return encoder


def _model_of(checkpoint: HubCheckpoint) -> Any:
    """The two towers of a checkpoint, on the processor, whose weights fill the shape that its
    configuration gives."""
    try:
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False)
        with torch.device("meta"):  # what a hostile configuration asks for is counted, not made
            shape = transformers.AutoModel.from_config(config, trust_remote_code=False)
        needed = sum(parameter.numel() for parameter in shape.parameters())
        if needed > 1.05 * checkpoint.numbers:
            raise PretrainedError(
                f"{checkpoint.name} lacks weights: it has {checkpoint.numbers:,} of {needed:,}"
                " numbers; download it again."
            )
        model, report = transformers.AutoModel.from_pretrained(
            checkpoint.folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            local_files_only=True,
        )
    except PretrainedError:
        raise
    except Exception as error:  # a stranger's configuration can fail anywhere
        reason = first_line(error)
        if "ignore_mismatched_sizes" in reason:
            reason = "its weights have other shapes than its configuration says"
        raise PretrainedError(
            f"The model of {checkpoint.name} cannot be loaded: {reason}."
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise PretrainedError(
            f"{checkpoint.name} lacks weights, such as {missing[0]}; download it again."
        )
    return model


def _preparation_of(checkpoint: HubCheckpoint, inputs: str, auto_class: Any) -> Any:
    """A checkpoint's tokenizer or its preparation of images."""
    try:
        return auto_class.from_pretrained(
            checkpoint.folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:
        raise PretrainedError(
            f"The preparation of {inputs} of {checkpoint.name} cannot be read"
            f" ({first_line(error)}); download it again."
        ) from error


def middle_square(image: Image.Image) -> Image.Image:
    """The central square of an image at its full size, in RGB."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.convert("RGB").crop((left, top, left + side, top + side))


def _unit(output: Any) -> Array:
    """Unit vectors, (n, E), from a tower's output."""
    return F.normalize(output.pooler_output.float(), dim=-1).cpu().numpy()


def load_for(artifact: Artifact) -> PretrainedEncoder:
    """The checkpoint of an artifact, loaded once a process; PretrainedError where it cannot be had,
    or has changed."""
    about = artifact.json("checkpoint.json")
    name, source, revision = about["name"], about["source"], about["revision"]
    advice = (
        "bring it back, or run `python -m vlcore pretrained` anew and take the model that it makes"
    )
    if not revision and not Path(source).is_dir():
        raise PretrainedError(f"The folder of the checkpoint {name} is gone; {advice}.")
    encoder = load_checkpoint(source, revision=revision)
    if encoder.checkpoint.name != name:
        raise PretrainedError(f"The files of the checkpoint {name} have changed; {advice}.")
    return encoder
