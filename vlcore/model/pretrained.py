"""A pretrained CLIP or SigLIP with the interface of a model of ours. A picture is cut to its middle
square and prepared as the checkpoint says; captions are cut where it stops reading. Numbers are
float32 on every device.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from transformers.utils import logging

from vlcore.artifacts.store import Artifact
from vlcore.data.sandbox import memory_limit
from vlcore.experiment import limits
from vlcore.experiment.errors import first_line
from vlcore.model.device import ModelError, choose_device
from vlcore.model.hub_checkpoints import (
    Checkpoint,
    PretrainedError,
    Tell,
    check_preparation,
    digest,
    find_checkpoint,
    silent,
)

Array = NDArray[np.float32]
BATCH = 64
_loading = (
    threading.Lock()
)  # of two visitors who ask for one checkpoint, the second finds it loaded


@dataclass(frozen=True, eq=False)
class PretrainedEncoder:
    """A loaded checkpoint; read-only, without gradients."""

    checkpoint: Checkpoint  # what it was loaded from
    device: str
    parameters: int  # how many numbers it computes with
    width: int  # numbers of an embedding, E
    scale: float  # of what turns a cosine into a score, ``scale * cosine + bias``
    bias: float
    _model: Any
    _tokenizer: Any
    _preparation: Any

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Array:
        """Unit vectors of pictures of any size, (n, E)."""
        return self._in_batches(self._embed, [middle_square(picture) for picture in pictures])

    def embed_captions(self, texts: Sequence[str]) -> Array:
        """Unit vectors of captions, (n, E); what is too long for the checkpoint is cut, see
        `unknown`. ModelError where one has no words."""
        if not all(text.strip() for text in texts):
            raise ModelError("A caption needs at least one word.")
        return self._in_batches(self._embed_texts, list(texts))

    def _in_batches(self, embed: Callable[[list[Any]], Array], things: list[Any]) -> Array:
        parts = [embed(things[start : start + BATCH]) for start in range(0, len(things), BATCH)]
        return np.concatenate([np.empty((0, self.width), dtype=np.float32), *parts])

    def unknown(self, text: str) -> list[str]:
        """The words of a caption that the checkpoint does not know, or does not read because they
        come too late."""
        words = self._as_read(text).split()
        if not words:
            return []
        pieces = self._tokenizer(words, add_special_tokens=False)["input_ids"]
        room = self._longest - self._tokenizer.num_special_tokens_to_add()
        late = np.cumsum([len(piece) for piece in pieces]) > room
        stranger = self._tokenizer.unk_token_id
        return [
            word
            for word, piece, is_late in zip(words, pieces, late, strict=True)
            if is_late or stranger in piece
        ]

    @property
    def _longest(self) -> int:
        """Tokens of the longest caption that is read whole, those of its beginning and end
        included."""
        return int(self._model.config.text_config.max_position_embeddings)

    @property
    def _is_siglip(self) -> bool:
        return self.checkpoint.kind.startswith("siglip")

    def _as_read(self, text: str) -> str:
        # SigLIP was trained on lower-case captions, and not all of its tokenizers see to it.
        return text.lower() if self._is_siglip else text

    @torch.inference_mode()
    def _embed(self, pictures: list[Image.Image]) -> Array:
        prepared = self._preparation(images=pictures, return_tensors="pt").to(self.device)
        return _unit(self._model.get_image_features(**prepared))

    @torch.inference_mode()
    def _embed_texts(self, texts: list[str]) -> Array:
        tokens = self._tokenizer(
            [self._as_read(text) for text in texts],
            # SigLIP reads the last token of a caption that is as long as in its training, and knows
            # no mask.
            padding="max_length" if self._is_siglip else True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(self.device)
        names = ("input_ids",) if self._is_siglip else ("input_ids", "attention_mask")
        return _unit(self._model.get_text_features(**{name: tokens[name] for name in names}))


def load_checkpoint(source: str, *, revision: str = "", tell: Tell = silent) -> PretrainedEncoder:
    """A checkpoint, ready to be asked; loaded once in a process as long as its files stay the same.
    As of `vlcore.model.hub_checkpoints.find_checkpoint`; ModelError also where ``VLCORE_DEVICE`` is
    not there.
    """
    device = choose_device()
    with _loading:
        checkpoint = find_checkpoint(source, revision, tell)
        tell(f"loading {checkpoint.name}, {max(1, round(checkpoint.bytes / 1e6)):,} MB")
        files = digest(checkpoint.folder)
        room: AbstractContextManager[None] = nullcontext()
        if device == "cpu":  # a GPU's driver maps far more than it uses
            # The files as they are mapped, the numbers as they are read and as float32, and what it
            # computes with.
            room = memory_limit(checkpoint.bytes + 8 * checkpoint.numbers + limits.CHECKPOINT_SLACK)
        with (
            room,
            time_limit(
                limits.CHECKPOINT_SECONDS,
                f"{checkpoint.name} takes too long to load; choose another.",
            ),
        ):
            return _load(checkpoint, files, device)


@contextmanager
def time_limit(seconds: float, sentence: str) -> Iterator[None]:
    """Let work take so many seconds, else a PretrainedError. Only the main thread of a process can
    be stopped, which is where a job works; what a page asks for has been loaded by one before."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "setitimer"
    ):
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        raise PretrainedError(sentence)

    before = signal.signal(signal.SIGALRM, stop)
    left = signal.setitimer(
        signal.ITIMER_REAL, seconds, 1.0
    )  # again: transformers takes whatever is raised in some places
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *left)
        signal.signal(signal.SIGALRM, before)


@lru_cache(maxsize=2)
def _load(checkpoint: Checkpoint, _digest: str, device: str) -> PretrainedEncoder:
    # what it reports of a checkpoint is not for the people who read ours
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = _model_of(checkpoint).to(device).eval().requires_grad_(False)
    tokenizer = _opened(checkpoint, "words", "AutoTokenizer")
    preparation = _opened(checkpoint, "pictures", "AutoImageProcessor")
    check_preparation(type(preparation).__name__, checkpoint.name)
    words, name = model.config.text_config.vocab_size, checkpoint.name
    if len(tokenizer) > words:
        raise PretrainedError(
            f"{name} has a tokenizer of {len(tokenizer)} words for {words}; download it again."
        )
    scale = float(model.logit_scale.exp())
    bias = float(model.logit_bias) if hasattr(model, "logit_bias") else 0.0
    parameters = sum(parameter.numel() for parameter in model.parameters())
    encoder = PretrainedEncoder(
        checkpoint, device, parameters, 0, scale, bias, model, tokenizer, preparation
    )
    try:  # whether a picture and a caption come out as numbers of one space, and how many
        picture = encoder._embed([Image.new("RGB", (64, 48), (120, 140, 90))])
        caption = encoder._embed_texts(["a photo"])
    except PretrainedError:
        raise
    except torch.OutOfMemoryError as error:
        raise PretrainedError(f"The memory of {device} is too small for {name}.") from error
    except Exception as error:  # a stranger's configuration can fail anywhere
        raise PretrainedError(
            f"{name} cannot embed a picture and a caption: {first_line(error)}."
        ) from error
    if not all(np.isfinite(numbers).all() for numbers in (picture, caption, [scale, bias])):
        raise PretrainedError(
            f"{name} holds or makes numbers that are not finite; choose another checkpoint."
        )
    if picture.shape != caption.shape:
        raise PretrainedError(
            f"{name} does not bring pictures and captions into one space; choose another"
            " checkpoint."
        )
    return replace(encoder, width=picture.shape[1])


def _model_of(checkpoint: Checkpoint) -> Any:
    """The two towers of a checkpoint, on the processor, whose weights fill the shape that its
    configuration gives."""
    try:
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder, trust_remote_code=False)
        with torch.device(
            "meta"
        ):  # only the shape: what a hostile configuration asks for is counted, not made
            shape = transformers.AutoModel.from_config(config, trust_remote_code=False)
        asked = sum(parameter.numel() for parameter in shape.parameters())
        if asked > 1.05 * checkpoint.numbers:
            have = f"{checkpoint.numbers:,} of {asked:,} numbers"
            raise PretrainedError(
                f"{checkpoint.name} lacks weights: it has {have}; download it again."
            )
        model, found = transformers.AutoModel.from_pretrained(
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
    if missing := sorted(found["missing_keys"]):
        raise PretrainedError(
            f"{checkpoint.name} lacks weights, such as {missing[0]}; download it again."
        )
    return model


def _opened(checkpoint: Checkpoint, what: str, kind: str) -> Any:
    """A checkpoint's tokenizer or its preparation of pictures."""
    part = f"The preparation of {what} of {checkpoint.name}"
    try:
        opener = getattr(transformers, kind)
        return opener.from_pretrained(
            checkpoint.folder, trust_remote_code=False, local_files_only=True
        )
    except PretrainedError:
        raise
    except ImportError as error:
        package = "sentencepiece" if "sentencepiece" in str(error).lower() else first_line(error)
        raise PretrainedError(
            f"{part} needs a package that is not here; install it ({package})."
        ) from error
    except Exception as error:
        raise PretrainedError(
            f"{part} cannot be read ({first_line(error)}); download it again."
        ) from error


def middle_square(picture: Image.Image) -> Image.Image:
    """The central square of a picture at its full size, in RGB."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.convert("RGB").crop((left, top, left + side, top + side))


def _unit(features: Any) -> Array:
    """Unit vectors, (n, E), from what a tower gives: the vectors themselves, or an object that
    holds them."""
    vectors = features if isinstance(features, Tensor) else features.pooler_output
    return F.normalize(vectors.float(), dim=-1).cpu().numpy()


def load_for(artifact: Artifact) -> PretrainedEncoder:
    """The checkpoint of an artifact, loaded once a process; PretrainedError where it cannot be had,
    or has changed."""
    about = artifact.json("checkpoint.json")
    again = (
        "bring it back, or run `python -m vlcore pretrained` anew and take the model that it makes"
    )
    if not about["revision"] and not Path(about["source"]).is_dir():
        raise PretrainedError(f"The folder of the checkpoint {about['name']} is gone; {again}.")
    encoder = load_checkpoint(about["source"], revision=about["revision"])
    if encoder.checkpoint.name != about["name"]:
        raise PretrainedError(f"The files of the checkpoint {about['name']} have changed; {again}.")
    return encoder
