"""Download of a checkpoint from the hub into a folder on this machine.

What there is on the hub is known before anything large is downloaded, since an old checkpoint whose weights are pickles
is of no use; where the hub is out of reach, an earlier download does.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vlcore.learning.device import ModelError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_WANTED = ["*.json", "*.txt", "*.model", "model*.safetensors"]  # what is asked of the hub
_MOST_BYTES = 16 * 2**30
_CONVERTER = "SFconvertbot"  # the hub's own; nobody else's proposal is taken

Tell = Callable[[str], None]  # takes a sentence about what is going on


class PretrainedError(ModelError):
    """A checkpoint that cannot be had or used; the message says why and what to do."""


def silent(_sentence: str) -> None:
    """A `Tell` that says nothing."""


def fetch(name: str, revision: str = "", tell: Tell = silent) -> Path:
    """The folder of a checkpoint of the hub: downloaded, or from an earlier download where the hub is out of reach.

    Args:
        name: on the hub, ``owner/model``.
        revision: commit, the newest unless given; one that was downloaded before is not asked for again.
        tell: is told what is being waited for; may raise to stop.

    Returns:
        A folder whose name is the commit.

    Raises:
        PretrainedError: when there is none.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import DryRunError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # a job has a bar of its own
    if revision and (folder := _downloaded(name, [revision])):
        return folder
    tell(f"asking the hub for {name}")
    try:
        files = _from_hub(name, revision, dry_run=True)
        if not any(file.filename in (WEIGHTS, INDEX) for file in files):
            revision = _converted(name)
            files = _from_hub(name, revision, dry_run=True)
    except DryRunError as error:  # out of reach
        kept = Path(constants.HF_HUB_CACHE, f"models--{name.replace('/', '--')}", "refs", "refs", "pr")
        converted = [f"refs/pr/{path.name}" for path in sorted(kept.glob("*"))]
        if not revision and (folder := _downloaded(name, ["main", *converted])):
            return folder
        raise PretrainedError(_why_not(name, error)) from error
    size = sum(file.file_size or 0 for file in files if file.will_download)
    if size > _MOST_BYTES:
        raise PretrainedError(f"{name} has {size / 2**30:.0f} GB; choose a smaller checkpoint.")
    if size:
        tell(f"downloading {name}, {max(1, round(size / 1e6)):,} MB")
    return Path(_from_hub(name, revision))


def _from_hub(name: str, revision: str, **options: Any) -> Any:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError

    try:
        return snapshot_download(name, revision=revision or None, allow_patterns=_WANTED, **options)
    except DryRunError:
        raise
    except Exception as error:  # the hub's client and what it stands on have errors of many kinds
        raise PretrainedError(_why_not(name, error)) from error


def _converted(name: str) -> str:
    """Where the hub's own converter put the safetensors of an old checkpoint that has pickles only."""
    from huggingface_hub import get_repo_discussions

    try:
        proposals = list(get_repo_discussions(name, author=_CONVERTER, discussion_type="pull_request"))
    except Exception as error:
        raise PretrainedError(_why_not(name, error)) from error
    for proposal in proposals:
        if proposal.author == _CONVERTER and proposal.git_reference and "safetensors" in proposal.title:
            return str(proposal.git_reference)
    raise PretrainedError(
        f"{name} has no weights in safetensors on the hub, the only format that cannot run code; choose a checkpoint "
        "that has."
    )


def _downloaded(name: str, revisions: list[str]) -> Path | None:
    """An earlier download of one of some revisions; None where none has weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    for revision in revisions:
        try:
            found = Path(snapshot_download(name, revision=revision, allow_patterns=_WANTED, local_files_only=True))
        except LocalEntryNotFoundError:
            continue
        if (found / WEIGHTS).exists() or (found / INDEX).exists():
            return found
    return None


def _why_not(name: str, error: BaseException) -> str:
    """Why a checkpoint cannot be had from the hub, in a sentence."""
    from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

    instead = "give the folder of a checkpoint that is here"
    if isinstance(error, GatedRepoError):
        return f"{name} asks for a login on the hub; accept its terms and log in with `hf auth login`, or {instead}."
    if isinstance(error, RepositoryNotFoundError):
        return f"The hub has no checkpoint named {name!r} that is open to everybody; check the name, or {instead}."
    if isinstance(error, OfflineModeIsEnabled):
        return f"{name} is not on this machine and HF_HUB_OFFLINE is set; unset it to download it, or {instead}."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{name} cannot be downloaded: the disk is full."
    if error.__cause__ is not None:  # the client turns what the hub says into an error of its own
        return _why_not(name, error.__cause__)
    return f"{name} is not on this machine and the hub cannot be reached; check the connection, or {instead}."
