"""Pretrained checkpoints: fetched from the hub, and checked before anything of them is loaded.

The size of a download is known before it begins; without the network an earlier download is used. A
checkpoint is a stranger's folder: safetensors and plain JSON only, no pickles, no code, and no
shape that the weights do not fill.
"""

import errno
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants, errors
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils.tqdm import disable_progress_bars

from vlcore.experiment import limits
from vlcore.experiment.files import hub_folder
from vlcore.model.device import ModelError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
# Types of models with two towers that end in one space.
KINDS = ("clip", "metaclip_2", "siglip", "siglip2")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# Without these files transformers makes a tokenizer that knows no words, without a warning.
_TOKENIZERS = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
)
_DOWNLOADS = ["*.json", "*.txt", "*.model", "model*.safetensors"]
_CONVERTER = "SFconvertbot"  # the hub's own; proposals of others are ignored

Tell = Callable[[str], None]  # takes a sentence about what is going on


class PretrainedError(ModelError):
    """A checkpoint that cannot be had or used; the message says why and what to do."""


def tell_nobody(_sentence: str) -> None:
    """A `Tell` that says nothing."""


@dataclass(frozen=True)
class HubCheckpoint:
    """A checkpoint on this machine whose files may be opened.

    Attributes:
        source: a hub name or a folder.
        name: in a condition: the hub name, or the folder's name with `@` and a digest of its files.
        revision: commit on the hub; empty for a folder.
        kind: one of `KINDS`.
        numbers: how many numbers its weights hold.
        bytes: size of the weights' files.
    """

    source: str
    name: str
    folder: Path
    revision: str
    kind: str
    numbers: int
    bytes: int


def checkpoint_name(source: str) -> str:
    """Name of a checkpoint in a condition, without asking the hub.

    PretrainedError where the source is neither a folder with a checkpoint nor like a hub name.
    """
    folder = _folder(source)
    return _checked(source, folder).name if folder else source


def is_hub_name(source: str) -> bool:
    """Whether a text has the form of a hub name."""
    return HUB_NAME.fullmatch(source) is not None and ".." not in source


def find_checkpoint(source: str, revision: str = "", tell: Tell = tell_nobody) -> HubCheckpoint:
    """Find a checkpoint, and download it where it is not on this machine.

    Args:
        source: folder or hub name.
        revision: commit on the hub, the newest where empty.
        tell: told what is waited for.

    Raises:
        PretrainedError: it cannot be had, or is no CLIP or SigLIP in safetensors.
    """
    if folder := _folder(source):
        return _checked(source, folder)
    folder = fetch(source, revision, tell)
    return _checked(source, folder, folder.name)


def digest(folder: Path) -> str:
    """SHA-256 of names and contents of the files that a checkpoint is read from."""
    suffixes = (".json", ".txt", ".model", ".safetensors")
    files = sorted(path for path in folder.iterdir() if path.suffix in suffixes and path.is_file())
    return _digest(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=8)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    checksums = hashlib.sha256()
    for path, _, _ in files:
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        checksums.update(f"{path.name} {checksum}\n".encode())
    return checksums.hexdigest()


def _folder(source: str) -> Path | None:
    """The folder that is meant; None for a hub name.

    A relative path of two parts is a hub name, so that no visitor learns which paths exist here.
    """
    if is_hub_name(source):
        return None
    # A name can be too long, hold a zero, or name a home directory of nobody.
    with suppress(OSError, ValueError, RuntimeError):
        if source.strip() and (folder := Path(source).expanduser()).is_dir():
            return folder
    name = "openai/clip-vit-base-patch32"
    raise PretrainedError(
        f"There is no folder {source[:200]!r}; give one, or a hub name such as {name}."
    )


def _checked(source: str, folder: Path, revision: str = "") -> HubCheckpoint:
    """The checkpoint in a folder, from its configuration and the heads of its weights."""
    label = source if revision else folder.name
    config = _read_json(folder / "config.json", label)
    kind = config.get("model_type")
    if kind not in KINDS:
        raise PretrainedError(
            f"{label} is of type {str(kind)[:40]!r}; choose a CLIP or SigLIP ({', '.join(KINDS)})."
        )
    largest = {
        "num_hidden_layers": limits.LAYERS,
        "image_size": limits.IMAGE_SIDE,
        "max_position_embeddings": limits.POSITIONS,
    }
    _check_numbers(config, label, limits.CONFIG_NUMBER, largest)
    weights = _weights(folder, label)
    if not any(all((folder / name).is_file() for name in files) for files in _TOKENIZERS):
        raise PretrainedError(
            f"{label} lacks its tokenizer, such as {_TOKENIZERS[0][0]}; download it again."
        )
    preparations = [folder / "preprocessor_config.json", folder / "processor_config.json"]
    preparations = [path for path in preparations if path.is_file()]
    if not preparations:
        raise PretrainedError(f"{label} lacks preprocessor_config.json; download it again.")
    for path in preparations:
        _check_numbers(_read_json(path, label), label, limits.IMAGE_SIDE)
    name = source
    if not revision:
        stem = re.sub(r"[^\w.-]+|\.\.+", "-", folder.resolve().name, flags=re.ASCII)
        name = f"{stem.strip('-.')[:60] or 'folder'}@{digest(folder)[:8]}"
    numbers = sum(_count_numbers(path, label) for path in weights)
    size = sum(path.stat().st_size for path in weights)
    return HubCheckpoint(source, name, folder, revision, kind, numbers, size)


def _read_json(path: Path, label: str) -> dict[str, Any]:
    """A configuration of a checkpoint: a JSON object of a usual size."""
    if not path.is_file():
        raise PretrainedError(f"{label} is no checkpoint: it has no {path.name}.")
    if path.stat().st_size > limits.CONFIG_BYTES:
        raise PretrainedError(
            f"The {path.name} of {label} is larger than any configuration; it is not opened."
        )
    document = None
    with suppress(OSError, ValueError, RecursionError):
        document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise PretrainedError(
            f"The {path.name} of {label} holds no settings in JSON; download the checkpoint again."
        )
    return document


def _check_numbers(
    config: dict[str, Any], label: str, most: int, largest: Mapping[str, int] | None = None
) -> None:
    """Refuse numbers of a configuration that are larger than `most`, or than `largest` of their
    name."""
    for name, value in _leaves(config):
        limit = (largest or {}).get(name, most)
        if isinstance(value, int | float) and not abs(value) <= limit:
            request = f"{label} asks for {name[:40]} = {value}"
            raise PretrainedError(f"{request[:200]}, more than any model has; it is not opened.")


def _leaves(document: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values of a configuration that hold no others."""
    if isinstance(document, dict):
        for inner_name, value in document.items():
            yield from _leaves(value, inner_name)
    elif isinstance(document, list):
        for value in document:
            yield from _leaves(value, name)
    elif not isinstance(document, bool):
        yield name, document


def _weights(folder: Path, label: str) -> list[Path]:
    """The files of a checkpoint's weights, in safetensors."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        if any(path.suffix in _PICKLES for path in folder.iterdir()):
            raise PretrainedError(
                f"{label} holds its weights as pickles, which can run code; take one with"
                f" {WEIGHTS}."
            )
        raise PretrainedError(f"{label} lacks {WEIGHTS}; download the checkpoint again.")
    shards = _read_json(folder / INDEX, label).get("weight_map")
    names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
    are_beside = all(Path(name).name == name and name.endswith(".safetensors") for name in names)
    if not names or not are_beside:
        raise PretrainedError(
            f"The {INDEX} of {label} names no weights beside it; download the checkpoint again."
        )
    for name in names:
        if not (folder / name).is_file():
            raise PretrainedError(f"{label} lacks {name}; download the checkpoint again.")
    return [folder / name for name in names]


def _count_numbers(path: Path, label: str) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            # it is no dict
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise PretrainedError(
            f"The {path.name} of {label} is damaged; download the checkpoint again."
        ) from error
    return sum(math.prod(shape) for shape in shapes)


def fetch(name: str, revision: str = "", tell: Tell = tell_nobody) -> Path:
    """Download a checkpoint of the hub, or find an earlier download without the network.

    Args:
        name: on the hub.
        revision: a commit, which is not asked for again once it is here; the newest where empty.
        tell: told what is waited for; may raise to stop.

    Returns:
        Its folder, named as the commit.

    Raises:
        PretrainedError: it cannot be had, or is too large.
    """
    disable_progress_bars()  # a job has a bar of its own
    if revision and (folder := _downloaded(name, revision)):
        return folder
    tell(f"asking the hub for {name}")
    try:
        files = _from_hub(name, revision, dry_run=True)
        if not any(file.filename in (WEIGHTS, INDEX) for file in files):
            revision = _converted_revision(name)
            files = _from_hub(name, revision, dry_run=True)
    except errors.DryRunError as error:  # no network
        if not revision and (folder := _downloaded(name, "*")):
            return folder
        raise PretrainedError(_hub_failure(name, error)) from error
    size = sum(file.file_size or 0 for file in files if file.will_download)
    if size > limits.CHECKPOINT_BYTES:
        raise PretrainedError(f"{name} has {size / 2**30:.0f} GB; choose a smaller checkpoint.")
    if size:
        tell(f"downloading {name}, {max(1, round(size / 1e6)):,} MB")
    return Path(_from_hub(name, revision))


def _from_hub(name: str, revision: str, **options: Any) -> Any:
    try:
        return huggingface_hub.snapshot_download(
            name,
            revision=revision or None,
            allow_patterns=_DOWNLOADS,
            cache_dir=_cache(name),
            **options,
        )
    except errors.DryRunError:
        raise
    except Exception as error:  # the hub's client raises errors of many libraries
        raise PretrainedError(_hub_failure(name, error)) from error


def _cache(name: str) -> Path:
    """Folder of downloads: in the home, unless the environment names the hub's own, or it holds
    the checkpoint already."""
    usual = Path(constants.HF_HUB_CACHE)
    named = os.environ.get("HF_HOME") or os.environ.get("HF_HUB_CACHE")
    return usual if named or (usual / _cache_folder(name)).is_dir() else hub_folder()


def _cache_folder(name: str) -> str:
    return repo_folder_name(repo_id=name, repo_type="model")


def _converted_revision(name: str) -> str:
    """Where the hub's converter put the safetensors of a checkpoint that has pickles only."""
    try:
        discussions = huggingface_hub.get_repo_discussions(
            name, author=_CONVERTER, discussion_type="pull_request"
        )
        proposals = [item for item in discussions if item.author == _CONVERTER]
    except Exception as error:
        raise PretrainedError(_hub_failure(name, error)) from error
    for proposal in proposals:
        if proposal.git_reference and "safetensors" in proposal.title:
            return str(proposal.git_reference)
    raise PretrainedError(
        f"{name} has no weights in safetensors on the hub; choose a checkpoint that has."
    )


def _downloaded(name: str, commit: str) -> Path | None:
    """An earlier download of a commit, of ``*`` the latest; None where none has weights."""
    snapshots = Path(_cache(name), _cache_folder(name), "snapshots").glob(commit)
    for folder in sorted(snapshots, key=lambda folder: folder.stat().st_mtime, reverse=True):
        if (folder / WEIGHTS).exists() or (folder / INDEX).exists():
            return folder
    return None


def _hub_failure(name: str, error: BaseException) -> str:
    """Why a checkpoint cannot be had from the hub, in a sentence."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{name} cannot be downloaded: the disk is full."
    if isinstance(error, errors.GatedRepoError):
        reason = (
            f"{name} asks for a login on the hub; accept its terms and log in with `hf auth login`"
        )
    elif isinstance(error, errors.RepositoryNotFoundError):
        reason = (
            f"The hub has no checkpoint named {name!r} that is open to everybody; check the name"
        )
    elif isinstance(error, errors.OfflineModeIsEnabled):
        reason = f"{name} is not on this machine and HF_HUB_OFFLINE is set; unset it to download it"
    elif error.__cause__ is not None:  # the client wraps the errors of the hub
        return _hub_failure(name, error.__cause__)
    else:
        reason = (
            f"{name} is not on this machine and the hub cannot be reached; check the connection"
        )
    return f"{reason}, or give the folder of a checkpoint that is here."
