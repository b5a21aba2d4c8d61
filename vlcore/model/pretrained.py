"""A pretrained CLIP or SigLIP with the interface of a model that was trained here.

It comes from the hub or from a folder, which a stranger made: only safetensors and JSON are read,
no code of it runs, and it loads in limited memory. An image is cut to its middle square and
prepared as the checkpoint says; captions are cut where it stops reading. Numbers are float32.
"""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import torch
from huggingface_hub.errors import DryRunError
from huggingface_hub.utils.tqdm import disable_progress_bars
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from vlcore.artifacts.store import Artifact
from vlcore.data.sandbox import memory_limit
from vlcore.experiment import limits
from vlcore.experiment.errors import first_line
from vlcore.experiment.files import hub_folder
from vlcore.model.device import ModelError, choose_device

Array = NDArray[np.float32]
Tell = Callable[[str], None]  # takes a sentence about what is going on
# Types of models with two towers that end in one space.
KINDS = ("clip", "metaclip_2", "siglip", "siglip2")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_FILES = ("*.json", "*.txt", "*.model", "model*.safetensors")  # of a checkpoint, that are read
_ADVICE = "choose a CLIP or SigLIP with weights in safetensors"
_loading = threading.Lock()  # two visitors who ask for one checkpoint load it once


class PretrainedError(ModelError):
    """A checkpoint that cannot be had or used; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class PretrainedEncoder:
    """A loaded checkpoint; read-only, without gradients.

    Attributes:
        name: in a condition, see `checkpoint_name`.
        kind: one of `KINDS`.
        bytes: size of the files of its weights.
        parameters: how many numbers it computes with.
        scale: with `bias`, turns a cosine into a score, ``scale * cosine + bias``.
    """

    name: str
    folder: Path
    kind: str
    bytes: int
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
        return self.kind.startswith("siglip")

    def _as_read(self, text: str) -> str:
        # SigLIP was trained on lower-case captions, and not all of its tokenizers see to it.
        return text.lower() if self._is_siglip else text


def is_hub_name(source: str) -> bool:
    """Whether a text has the form of a hub name."""
    return HUB_NAME.fullmatch(source) is not None and ".." not in source


def checkpoint_name(source: str) -> str:
    """Name of a checkpoint in a condition: its hub name, or the folder's name with a digest of its
    files. PretrainedError where the source is neither."""
    # A relative path of two parts is a hub name, so that no visitor learns which paths exist here.
    if is_hub_name(source):
        return source
    folder = _folder(source)
    stem = re.sub(r"[^\w.-]+|\.\.+", "-", folder.resolve().name, flags=re.ASCII)
    return f"{stem.strip('-.')[:60] or 'folder'}@{_digest(folder)[:8]}"


def _folder(source: str) -> Path:
    folder = None
    # A name can be too long, hold a zero, or name a home directory of nobody.
    with suppress(OSError, ValueError, RuntimeError):
        if source.strip() and Path(source).expanduser().is_dir():
            folder = Path(source).expanduser()
    if folder is None:
        name = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
        raise PretrainedError(
            f"There is no folder {source[:200]!r}; give one, or a hub name such as {name}."
        )
    if not (folder / "config.json").is_file():
        raise PretrainedError(f"There is no config.json in {source[:200]!r}; {_ADVICE}.")
    return folder


def _digest(folder: Path) -> str:
    """SHA-256 of names and contents of the files that a checkpoint is read from."""
    suffixes = (".json", ".txt", ".model", ".safetensors")
    files = sorted(path for path in folder.iterdir() if path.suffix in suffixes and path.is_file())
    return _digest_of(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=8)
def _digest_of(files: tuple[tuple[Path, int, int], ...]) -> str:
    checksums = hashlib.sha256()
    for path, _, _ in files:
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        checksums.update(f"{path.name} {checksum}\n".encode())
    return checksums.hexdigest()


def fetch(name: str, revision: str = "") -> Path:
    """Download a checkpoint of the hub, or find an earlier download.

    Args:
        name: on the hub.
        revision: a commit; the newest where empty.

    Returns:
        Its folder, named as the commit.

    Raises:
        PretrainedError: it cannot be had, or is too large.
    """
    disable_progress_bars()  # a job has a bar of its own
    has_own_cache = os.environ.get("HF_HOME") or os.environ.get("HF_HUB_CACHE")
    download: Callable[..., Any] = partial(
        huggingface_hub.snapshot_download,
        name,
        revision=revision or None,
        allow_patterns=list(_FILES),
        cache_dir=None if has_own_cache else hub_folder(),
    )
    try:
        with suppress(DryRunError):  # without a network an earlier download is used
            size = sum(file.file_size or 0 for file in download(dry_run=True))
            if size > limits.CHECKPOINT_BYTES:
                raise PretrainedError(f"{name} has {size / 2**30:.0f} GB; choose a smaller one.")
        return Path(download())
    except PretrainedError:
        raise
    except Exception as error:  # the hub's client raises errors of many libraries
        raise PretrainedError(
            f"{name} is not on this machine and the hub does not give it ({first_line(error)});"
            " check the name and the connection, or give the folder of a checkpoint."
        ) from error


def _say_nothing(_sentence: str) -> None:
    pass


def load_checkpoint(
    source: str, *, revision: str = "", tell: Tell = _say_nothing
) -> PretrainedEncoder:
    """Load a checkpoint, once in a process as long as its files stay the same.

    Args:
        source: folder or hub name.
        revision: commit on the hub, the newest where empty.
        tell: told what is waited for.

    Raises:
        PretrainedError: it cannot be had, or is no CLIP or SigLIP in safetensors.
        ModelError: ``VLCORE_DEVICE`` is not there.
    """
    device = choose_device()
    with _loading:
        tell(f"loading {source}")
        folder = fetch(source, revision) if is_hub_name(source) else _folder(source)
        return _load(checkpoint_name(source), folder, _digest(folder), device)


@lru_cache(maxsize=2)
def _load(name: str, folder: Path, _digest: str, device: str) -> PretrainedEncoder:
    size = sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
    memory: AbstractContextManager[None] = nullcontext()
    if device == "cpu":  # a GPU's driver maps far more than it uses
        # The files as they are mapped, numbers as they are read and as float32, computation.
        memory = memory_limit(5 * size + limits.CHECKPOINT_SLACK)
    try:
        with memory:
            encoder = _read(name, folder, size, device)
            image = encoder.embed_images([Image.new("RGB", (64, 48), (120, 140, 90))])
            captions = encoder.embed_captions(["a horse", "the camel"])
            scores = encoder.scale * image @ captions.T + encoder.bias
    except Exception as error:  # a stranger's files can fail anywhere
        raise PretrainedError(f"{name} cannot be used ({first_line(error)}); {_ADVICE}.") from error
    # Without its tokenizer a checkpoint reads all captions alike.
    if not np.isfinite(scores).all() or (captions[0] == captions[1]).all():
        raise PretrainedError(f"{name} does not tell two captions apart; {_ADVICE}.")
    return encoder


def _read(name: str, folder: Path, size: int, device: str) -> PretrainedEncoder:
    """Read the files of a checkpoint, whose weights fill the shape that its configuration gives."""
    import transformers  # seconds, which naming a checkpoint does not need

    transformers.utils.logging.set_verbosity_error()  # transformers reports to developers
    transformers.utils.logging.disable_progress_bar()
    options = {"trust_remote_code": False, "local_files_only": True}
    config = transformers.AutoConfig.from_pretrained(folder, **options)
    kind = config.model_type
    if kind not in KINDS:
        raise PretrainedError(f"its type is {kind}")
    layers = max(tower.num_hidden_layers for tower in (config.text_config, config.vision_config))
    if layers > limits.LAYERS:
        raise PretrainedError(f"it asks for {layers} layers")
    model, report = transformers.AutoModel.from_pretrained(
        folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **options
    )
    if missing := sorted(report["missing_keys"]):
        raise PretrainedError(f"it lacks weights, such as {missing[0]}")
    preparation = transformers.AutoImageProcessor.from_pretrained(folder, **options)
    sizes = [dict(getattr(preparation, name, None) or {}) for name in ("size", "crop_size")]
    if any(not (side or 0) <= limits.IMAGE_SIDE for size in sizes for side in size.values()):
        raise PretrainedError(f"it makes images larger than {limits.IMAGE_SIDE} px")
    model = model.to(device).eval().requires_grad_(False)
    return PretrainedEncoder(
        name=name,
        folder=folder,
        kind=kind,
        bytes=size,
        device=device,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        scale=float(model.logit_scale.exp()),
        bias=float(model.logit_bias) if hasattr(model, "logit_bias") else 0.0,
        _model=model,
        _tokenizer=transformers.AutoTokenizer.from_pretrained(folder, **options),
        _preparation=preparation,
    )


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
    if not revision and not Path(source).is_dir():
        raise PretrainedError(
            f"The folder of the checkpoint {name} is gone; bring it back to {source}."
        )
    encoder = load_checkpoint(source, revision=revision)
    if encoder.name != name:
        raise PretrainedError(
            f"The files of the checkpoint {name} have changed; run `python -m vlcore pretrained`"
            " again and take the model that it makes."
        )
    return encoder
