"""Download of a checkpoint from the hub into a folder on this machine.

The one idea: an old checkpoint whose weights are pickles is of no use, so it is known before anything large is
downloaded what there is; and where the hub is out of reach, an earlier download does.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vlcore.learning.device import ModelError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_WANTED = ("*.json", "*.txt", "*.model", "model*.safetensors")  # what is asked of the hub
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
    from huggingface_hub.errors import DryRunError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # a job has a bar of its own
    if revision and (folder := _downloaded(name, [revision])):
        return folder
    tell(f"asking the hub for {name}")
    try:
        files = _from_hub(name, revision, dry_run=True)
        if not any(_is_weights(file.filename) for file in files):
            revision = _converted(name)
            files = _from_hub(name, revision, dry_run=True)
    except DryRunError as error:
        if not revision and (folder := _downloaded(name, ["main", *_proposals(name)])):
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
        return snapshot_download(name, revision=revision or None, allow_patterns=list(_WANTED), **options)
    except DryRunError:
        raise
    except Exception as error:  # the hub's client and what it stands on have errors of many kinds
        raise PretrainedError(_why_not(name, error)) from error


def _is_weights(name: str) -> bool:
    return name in (WEIGHTS, INDEX)


def _converted(name: str) -> str:
    """Where the hub's own converter put the safetensors of an old checkpoint that has pickles only.

    Raises:
        PretrainedError: when it did not, or the hub is out of reach.
    """
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
            found = snapshot_download(name, revision=revision, allow_patterns=list(_WANTED), local_files_only=True)
        except LocalEntryNotFoundError:
            continue
        if any(_is_weights(path.name) for path in Path(found).iterdir()):
            return Path(found)
    return None


def _proposals(name: str) -> list[str]:
    """Revisions like that of `_converted` which were downloaded before."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE, f"models--{name.replace('/', '--')}", "refs", "refs", "pr")
    return [f"refs/pr/{path.name}" for path in sorted(folder.glob("*"))]


def _why_not(name: str, error: Exception) -> str:
    """Why a checkpoint cannot be had from the hub, in a sentence."""
    from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

    instead = "give the folder of a checkpoint that is here"
    reasons = list(_causes(error))
    if any(isinstance(reason, GatedRepoError) for reason in reasons):
        return f"{name} asks for a login on the hub; accept its terms and log in with `hf auth login`, or {instead}."
    if any(isinstance(reason, RepositoryNotFoundError) for reason in reasons):
        return f"The hub has no checkpoint named {name!r} that is open to everybody; check the name, or {instead}."
    if any(isinstance(reason, OfflineModeIsEnabled) for reason in reasons):
        return f"{name} is not on this machine and HF_HUB_OFFLINE is set; unset it to download it, or {instead}."
    if any(isinstance(reason, OSError) and reason.errno == errno.ENOSPC for reason in reasons):
        return f"{name} cannot be downloaded: the disk is full."
    return f"{name} is not on this machine and the hub cannot be reached; check the connection, or {instead}."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
