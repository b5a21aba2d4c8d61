"""Pretrained checkpoints on this machine: where one lies, and whether its files may be opened.

A checkpoint is a stranger's folder, and is looked at before anything of it is loaded: safetensors and plain JSON only,
no pickles, no code, and no shape that the weights do not fill.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vlcore.learning.hub import INDEX, WEIGHTS, PretrainedError, Tell, fetch, silent

KINDS = ("clip", "metaclip_2", "siglip", "siglip2")  # model types with two towers that end in one space
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# Without these files transformers makes a tokenizer that knows no words, and says nothing.
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("spiece.model",), ("sentencepiece.bpe.model",))
_CONFIG_BYTES = 2**20
_MOST = {"num_hidden_layers": 200, "image_size": 2048, "max_position_embeddings": 100_000}
_MOST_ELSE = 10_000_000  # any other whole number of a configuration; vocabularies have some hundred thousand words


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is here and whose files may be opened.

    Attributes:
        source: what was asked for: a hub name or a folder.
        name: what it is called in a condition: the hub name, or the folder's name with `@` and a digest of its files.
        folder: where its files are.
        revision: commit of the hub; empty for a folder.
        kind: one of `KINDS`.
        numbers: how many numbers its weights hold.
        bytes: size of the files of its weights.
    """

    source: str
    name: str
    folder: Path
    revision: str
    kind: str
    numbers: int
    bytes: int


def checkpoint_name(source: str) -> str:
    """What a checkpoint is called in a condition; asks nobody but the disk.

    Raises:
        PretrainedError: when it is neither a folder with a checkpoint nor like a hub name.
    """
    folder = _folder(source)
    return source if folder is None else _look_at(source, folder, "").name


def find_checkpoint(source: str, revision: str = "", tell: Tell = silent) -> Checkpoint:
    """A checkpoint by hub name or folder, brought here where it is not yet.

    Args:
        source: a hub name such as ``openai/clip-vit-base-patch32``, or a local folder.
        revision: commit of the hub, the newest unless given.
        tell: is told what is being waited for.

    Raises:
        PretrainedError: when it cannot be had, or is no CLIP or SigLIP in safetensors.
    """
    folder = _folder(source)
    if folder is not None:
        return _look_at(source, folder, "")
    folder = fetch(source, revision, tell)
    return _look_at(source, folder, folder.name)


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the files that a checkpoint is read from, as 64 hexadecimal digits."""
    kept = (".json", ".txt", ".model", ".safetensors")
    files = sorted(path for path in folder.iterdir() if path.suffix in kept and path.is_file())
    return _digest(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=8)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, _, _ in files:
        with path.open("rb") as file:
            whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _folder(source: str) -> Path | None:
    """The folder that is meant; None for a hub name."""
    try:
        folder = Path(source).expanduser() if source.strip() else None
        if folder is not None and folder.is_dir():
            return folder
    except (OSError, ValueError, RuntimeError):  # a name that is too long or holds a zero, a home that nobody has
        pass
    if HUB_NAME.fullmatch(source) and ".." not in source:
        return None
    raise PretrainedError(
        f"There is no folder {source[:200]!r}; give the folder of a checkpoint, or a hub name such as "
        "openai/clip-vit-base-patch32."
    )


def _look_at(source: str, folder: Path, revision: str) -> Checkpoint:
    """The checkpoint in a folder, from its configuration and the heads of its weights; revision empty of a local one.

    Raises:
        PretrainedError: when it is no CLIP or SigLIP, lacks files, holds its weights as pickles, or is broken.
    """
    called = source if revision else folder.name
    config = _read_json(folder / "config.json", called)
    kind = config.get("model_type")
    if kind not in KINDS:
        raise PretrainedError(
            f"{called} holds a model of the type {str(kind)[:40]!r}, which does not bring pictures and captions into "
            f"one space; choose a checkpoint of CLIP or SigLIP ({', '.join(KINDS)})."
        )
    _check_numbers(config, called)
    weights = _weights(folder, called)
    preparations = [
        folder / name for name in ("preprocessor_config.json", "processor_config.json") if (folder / name).is_file()
    ]
    if not preparations:
        raise PretrainedError(
            f"{called} lacks preprocessor_config.json, which says how pictures are prepared; download it again."
        )
    if not any(all((folder / name).is_file() for name in files) for files in _TOKENIZERS):
        raise PretrainedError(f"{called} lacks its tokenizer, such as {_TOKENIZERS[0][0]}; download it again.")
    for path in preparations:
        _check_numbers(_read_json(path, called), called)
    numbers, size = sum(_numbers_in(path, called) for path in weights), sum(path.stat().st_size for path in weights)
    name = source
    if not revision:
        name = re.sub(r"[^\w.-]+|\.\.+", "-", folder.resolve().name, flags=re.ASCII).strip("-.")[:60]
        name = f"{name or 'folder'}@{digest(folder)[:8]}"
    return Checkpoint(source, name, folder, revision, kind, numbers, size)


def _read_json(path: Path, called: str) -> dict[str, Any]:
    """A configuration of a checkpoint: a JSON object of a usual size."""
    if not path.is_file():
        raise PretrainedError(f"{called} is no checkpoint: it has no {path.name}.")
    if path.stat().st_size > _CONFIG_BYTES:
        raise PretrainedError(f"The {path.name} of {called} is larger than any configuration; it is not opened.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PretrainedError(f"The {path.name} of {called} is no JSON; download the checkpoint again.") from error
    if not isinstance(found, dict):
        raise PretrainedError(f"The {path.name} of {called} holds no settings; download the checkpoint again.")
    return found


def _check_numbers(document: Any, called: str, name: str = "") -> None:
    """Make sure that no whole number of a configuration asks for more than any model has."""
    if isinstance(document, dict):
        for inner, value in document.items():
            # The sides of pictures stand inside "size" and "crop_size".
            _check_numbers(value, called, "image_size" if name in ("size", "crop_size") else str(inner))
    elif isinstance(document, list):
        for value in document:
            _check_numbers(value, called, name)
    elif isinstance(document, int) and not isinstance(document, bool) and abs(document) > _MOST.get(name, _MOST_ELSE):
        raise PretrainedError(f"{called} asks for {name[:40]} = {document}, more than any model has; it is not opened.")


def _weights(folder: Path, called: str) -> list[Path]:
    """The files of a checkpoint's weights, in safetensors."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        shards = _read_json(folder / INDEX, called).get("weight_map")
        names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
        if not names or any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
            raise PretrainedError(f"The {INDEX} of {called} names no weights beside it; download the checkpoint again.")
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise PretrainedError(f"{called} lacks {missing[0]}; download the checkpoint again.")
        return [folder / name for name in names]
    if any(path.suffix in _PICKLES for path in folder.iterdir()):
        raise PretrainedError(
            f"{called} holds its weights as pickles, which can run code when they are opened; take a checkpoint that "
            f"has {WEIGHTS}."
        )
    raise PretrainedError(f"{called} lacks {WEIGHTS}; download the checkpoint again.")


def _numbers_in(path: Path, called: str) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118  (it is no dict)
    except (OSError, SafetensorError) as error:
        raise PretrainedError(f"The {path.name} of {called} is damaged; download the checkpoint again.") from error
    return sum(math.prod(shape) for shape in shapes)
