"""Pretrained checkpoints: fetched from the hub where they are not here, and whether their files may
be opened.

What there is on the hub is known before anything large is downloaded; out of its reach an earlier
download does. A checkpoint is a stranger's folder, and is looked at before anything of it is
loaded: safetensors and plain JSON only, no pickles, no code, and no shape that the weights do not
fill."""

import errno
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants, errors
from huggingface_hub.utils.tqdm import disable_progress_bars

from vlcore.experiment import limits
from vlcore.experiment.files import hub_folder
from vlcore.model.device import ModelError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
KINDS = (
    "clip",
    "metaclip_2",
    "siglip",
    "siglip2",
)  # model types with two towers that end in one space
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# Without these files transformers makes a tokenizer that knows no words, and says nothing.
_TOKENIZERS = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
)
# What may prepare its pictures: others can be told to make much of them in many ways.
PREPARATIONS = ("CLIPImageProcessor", "SiglipImageProcessor", "Siglip2ImageProcessor")

_WANTED = ["*.json", "*.txt", "*.model", "model*.safetensors"]  # what is asked of the hub
_CONVERTER = "SFconvertbot"  # the hub's own; nobody else's proposal is taken

Tell = Callable[[str], None]  # takes a sentence about what is going on


class PretrainedError(ModelError):
    """A checkpoint that cannot be had or used; the message says why and what to do."""


def silent(_sentence: str) -> None:
    """A `Tell` that says nothing."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is here and whose files may be opened."""

    source: str  # what was asked for: a hub name or a folder
    name: (
        str  # in a condition: the hub name, or the folder's name with `@` and a digest of its files
    )
    folder: Path
    revision: str  # commit of the hub; empty for a folder
    kind: str  # one of `KINDS`
    numbers: int  # how many its weights hold
    bytes: int  # size of the files of its weights


def checkpoint_name(source: str) -> str:
    """What a checkpoint is called in a condition; asks nobody but the disk. PretrainedError where
    it is neither a folder with a checkpoint nor like a hub name."""
    folder = _folder(source)
    return _look_at(source, folder).name if folder else source


def is_hub_name(source: str) -> bool:
    """Whether a text is the name of a checkpoint on the hub and nothing else."""
    return HUB_NAME.fullmatch(source) is not None and ".." not in source


def find_checkpoint(source: str, revision: str = "", tell: Tell = silent) -> Checkpoint:
    """A checkpoint by local folder or by hub name (at a commit, or the newest), brought here where
    it is not yet; `tell` is told what is being waited for. PretrainedError where it cannot be had,
    or is no CLIP or SigLIP in safetensors."""
    if folder := _folder(source):
        return _look_at(source, folder)
    folder = fetch(source, revision, tell)
    return _look_at(source, folder, folder.name)


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the files that a checkpoint is read from, as 64
    hexadecimal digits."""
    kept = (".json", ".txt", ".model", ".safetensors")
    files = sorted(path for path in folder.iterdir() if path.suffix in kept and path.is_file())
    return _digest(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=8)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, _, _ in files:
        with path.open("rb") as file:
            whole.update(
                f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return whole.hexdigest()


def _folder(source: str) -> Path | None:
    """The folder that is meant; None for a hub name, which a path of two parts is too unless it
    begins with a dot."""
    if is_hub_name(source):  # whether such a path is here, no visitor is told
        return None
    # A name can be too long or hold a zero, or have a home that nobody has.
    with suppress(OSError, ValueError, RuntimeError):
        if source.strip() and (folder := Path(source).expanduser()).is_dir():
            return folder
    name = "openai/clip-vit-base-patch32"
    raise PretrainedError(
        f"There is no folder {source[:200]!r}; give one, or a hub name such as {name}."
    )


def _look_at(source: str, folder: Path, revision: str = "") -> Checkpoint:
    """The checkpoint in a folder, from its configuration and the heads of its weights."""
    called = source if revision else folder.name
    config = _read_json(folder / "config.json", called)
    kind = config.get("model_type")
    if kind not in KINDS:
        raise PretrainedError(
            f"{called} is of type {str(kind)[:40]!r}; choose a CLIP or SigLIP ({', '.join(KINDS)})."
        )
    _check_numbers(config, called)
    weights = _weights(folder, called)
    named = [folder / name for name in ("preprocessor_config.json", "processor_config.json")]
    preparations = [path for path in named if path.is_file()]
    if not preparations:
        raise PretrainedError(f"{called} lacks preprocessor_config.json; download it again.")
    if not any(all((folder / name).is_file() for name in files) for files in _TOKENIZERS):
        raise PretrainedError(
            f"{called} lacks its tokenizer, such as {_TOKENIZERS[0][0]}; download it again."
        )
    for path in preparations:
        _check_preparation(_read_json(path, called), called)
    name = source
    if not revision:
        name = re.sub(r"[^\w.-]+|\.\.+", "-", folder.resolve().name, flags=re.ASCII).strip("-.")[
            :60
        ]
        name = f"{name or 'folder'}@{digest(folder)[:8]}"
    numbers, size = (
        sum(_numbers_in(path, called) for path in weights),
        sum(path.stat().st_size for path in weights),
    )
    return Checkpoint(source, name, folder, revision, kind, numbers, size)


def _read_json(path: Path, called: str) -> dict[str, Any]:
    """A configuration of a checkpoint: a JSON object of a usual size."""
    if not path.is_file():
        raise PretrainedError(f"{called} is no checkpoint: it has no {path.name}.")
    if path.stat().st_size > limits.CONFIG_BYTES:
        raise PretrainedError(
            f"The {path.name} of {called} is larger than any configuration; it is not opened."
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PretrainedError(
            f"The {path.name} of {called} is no JSON; download the checkpoint again."
        ) from error
    if not isinstance(found, dict):
        raise PretrainedError(
            f"The {path.name} of {called} holds no settings; download the checkpoint again."
        )
    return found


def _check_numbers(document: Any, called: str) -> None:
    """Make sure that no whole number of a configuration asks for more than any model has."""
    most = {"num_hidden_layers": limits.LAYERS, "image_size": limits.IMAGE_SIDE}
    most["max_position_embeddings"] = limits.POSITIONS
    for name, value in _leaves(document):
        if isinstance(value, int) and abs(value) > most.get(name, limits.CONFIG_NUMBER):
            raise _too_much(called, name, value)


def _check_preparation(document: Any, called: str) -> None:
    """Make sure that pictures are prepared by one of `PREPARATIONS`, and that no number is larger
    than a picture."""
    for name, value in _leaves(document):
        if isinstance(value, int | float) and not abs(value) <= limits.IMAGE_SIDE:
            raise _too_much(called, name, value)
        if value and name in ("image_processor_type", "feature_extractor_type"):
            check_preparation(str(value), called)


def check_preparation(kind: str, called: str) -> None:
    """Refuse what prepares pictures by the name of its class, unless it is one of
    `PREPARATIONS`."""
    plain = re.sub(r"(Fast|Pil)$", "", kind.replace("FeatureExtractor", "ImageProcessor"))
    if plain not in PREPARATIONS:
        known = ", ".join(PREPARATIONS)
        raise PretrainedError(
            f"{called} prepares pictures by {kind[:60]}; choose one that does by {known}."
        )


def _leaves(document: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a configuration that holds no others, and the name that it stands under."""
    if isinstance(document, dict):
        for inner, value in document.items():
            yield from _leaves(value, inner)
    elif isinstance(document, list):
        for value in document:
            yield from _leaves(value, name)
    elif not isinstance(document, bool):
        yield name, document


def _too_much(called: str, name: str, value: float) -> PretrainedError:
    asked = f"{called} asks for {name[:40]} = {value}"
    return PretrainedError(f"{asked[:200]}, more than any model has; it is not opened.")


def _weights(folder: Path, called: str) -> list[Path]:
    """The files of a checkpoint's weights, in safetensors."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        shards = _read_json(folder / INDEX, called).get("weight_map")
        names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
        if not names or any(
            Path(name).name != name or not name.endswith(".safetensors") for name in names
        ):
            raise PretrainedError(
                f"The {INDEX} of {called} names no weights beside it; download the checkpoint"
                " again."
            )
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise PretrainedError(f"{called} lacks {missing[0]}; download the checkpoint again.")
        return [folder / name for name in names]
    if any(path.suffix in _PICKLES for path in folder.iterdir()):
        raise PretrainedError(
            f"{called} holds its weights as pickles, which can run code; take one with {WEIGHTS}."
        )
    raise PretrainedError(f"{called} lacks {WEIGHTS}; download the checkpoint again.")


def _numbers_in(path: Path, called: str) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118  (it is no dict)
    except (OSError, SafetensorError) as error:
        raise PretrainedError(
            f"The {path.name} of {called} is damaged; download the checkpoint again."
        ) from error
    return sum(math.prod(shape) for shape in shapes)


def fetch(name: str, revision: str = "", tell: Tell = silent) -> Path:
    """The folder of a checkpoint of the hub, named as the commit: downloaded, or from an earlier
    download where the hub is out of reach; PretrainedError where there is none. Without a revision
    it is the newest; one that was downloaded is not asked for again. `tell` may raise to stop."""
    disable_progress_bars()  # a job has a bar of its own
    if revision and (folder := _downloaded(name, [revision])):
        return folder
    tell(f"asking the hub for {name}")
    try:
        files = _from_hub(name, revision, dry_run=True)
        if not any(file.filename in (WEIGHTS, INDEX) for file in files):
            revision = _converted(name)
            files = _from_hub(name, revision, dry_run=True)
    except errors.DryRunError as error:  # out of reach
        kept = Path(_cache(name), _folder_of(name), "refs", "refs", "pr")
        converted = [f"refs/pr/{path.name}" for path in sorted(kept.glob("*"))]
        if not revision and (folder := _downloaded(name, ["main", *converted])):
            return folder
        raise PretrainedError(_why_not(name, error)) from error
    size = sum(file.file_size or 0 for file in files if file.will_download)
    if size > limits.CHECKPOINT_BYTES:
        raise PretrainedError(f"{name} has {size / 2**30:.0f} GB; choose a smaller checkpoint.")
    if size:
        tell(f"downloading {name}, {max(1, round(size / 1e6)):,} MB")
    return Path(_from_hub(name, revision))


def _from_hub(name: str, revision: str, **options: Any) -> Any:
    options |= {"revision": revision or None, "allow_patterns": _WANTED, "cache_dir": _cache(name)}
    try:
        return huggingface_hub.snapshot_download(name, **options)
    except errors.DryRunError:
        raise
    except Exception as error:  # the hub's client and what it stands on have errors of many kinds
        raise PretrainedError(_why_not(name, error)) from error


def _cache(name: str) -> Path:
    """Where the downloads of a checkpoint lie: in the home, unless the environment names a place
    for the hub's, or it was downloaded already to where they lie usually."""
    usual = Path(constants.HF_HUB_CACHE)
    named = os.environ.get("HF_HOME") or os.environ.get("HF_HUB_CACHE")
    return usual if named or (usual / _folder_of(name)).is_dir() else hub_folder()


def _folder_of(name: str) -> str:
    return f"models--{name.replace('/', '--')}"


def _converted(name: str) -> str:
    """Where the hub's own converter put the safetensors of an old checkpoint that has pickles
    only."""
    try:
        proposals = list(
            huggingface_hub.get_repo_discussions(
                name, author=_CONVERTER, discussion_type="pull_request"
            )
        )
    except Exception as error:
        raise PretrainedError(_why_not(name, error)) from error
    for proposal in proposals:
        if (
            proposal.author == _CONVERTER
            and proposal.git_reference
            and "safetensors" in proposal.title
        ):
            return str(proposal.git_reference)
    raise PretrainedError(
        f"{name} has no weights in safetensors on the hub; choose a checkpoint that has."
    )


def _downloaded(name: str, revisions: list[str]) -> Path | None:
    """An earlier download of one of some revisions; None where none has weights."""
    for revision in revisions:
        with suppress(PretrainedError):
            found = Path(_from_hub(name, revision, local_files_only=True))
            if (found / WEIGHTS).exists() or (found / INDEX).exists():
                return found
    return None


def _why_not(name: str, error: BaseException) -> str:
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
    elif error.__cause__ is not None:  # the client turns what the hub says into an error of its own
        return _why_not(name, error.__cause__)
    else:
        reason = (
            f"{name} is not on this machine and the hub cannot be reached; check the connection"
        )
    return f"{reason}, or give the folder of a checkpoint that is here."
