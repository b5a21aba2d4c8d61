"""A checkpoint from the hub: what is asked for, and what is said without a network."""

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.utils import httpx

from tests.model.tiny_clip import save_clip
from vlcore.experiment.files import hub_folder
from vlcore.model.hub_checkpoints import WEIGHTS, PretrainedError, fetch
from vlcore.model.pretrained import load_checkpoint

NAME, COMMIT, OTHER = "somebody/tiny-clip", "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's client."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, as `HF_HUB_OFFLINE` makes it for a process that starts with it."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def downloaded(cache: Path, commit: str = COMMIT, ref: str = "main") -> Path:
    """A checkpoint as the hub's client keeps it."""
    kept = cache / "models--somebody--tiny-clip"
    (kept / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
    (kept / "refs" / ref).write_text(commit)
    return save_clip(kept / "snapshots" / commit)


def answered(kind: Any) -> Exception:
    response = httpx.Response(403, request=httpx.Request("GET", "https://hub.invalid"))
    return kind("somebody said no", response=response)


@pytest.mark.parametrize(
    ("asked", "error", "sentence"),
    [
        ("repo_info", httpx.ConnectError("no route"), "the hub cannot be reached"),
        # The client turns this into an error of its own, with the reason behind it.
        (
            "repo_info",
            answered(RepositoryNotFoundError),
            "has no checkpoint named 'somebody/tiny-clip'",
        ),
        (
            "snapshot_download",
            answered(RepositoryNotFoundError),
            "has no checkpoint named 'somebody/tiny-clip'",
        ),
        ("snapshot_download", answered(GatedRepoError), "asks for a login"),
        ("snapshot_download", OSError(errno.ENOSPC, "No space left"), "the disk is full"),
        ("snapshot_download", ValueError("nobody knows"), "the hub cannot be reached"),
    ],
)
def test_why_a_download_failed_is_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch, asked: str, error: Exception, sentence: str
) -> None:
    client = huggingface_hub.HfApi if asked == "repo_info" else huggingface_hub
    monkeypatch.setattr(client, asked, Mock(side_effect=error))
    with pytest.raises(PretrainedError, match=sentence):
        fetch(NAME)


def test_an_earlier_download_does_without_the_hub(cache: Path, offline: None) -> None:
    folder = downloaded(cache)
    encoder = load_checkpoint(NAME)
    assert encoder.checkpoint.name == encoder.checkpoint.source == NAME
    assert encoder.checkpoint.revision == COMMIT
    assert encoder.checkpoint.folder == folder
    assert encoder.embed_captions(["horse"]).shape == (1, 16)


def test_converted_weights_are_found_and_half_a_download_is_none(
    cache: Path, offline: None
) -> None:
    (downloaded(cache) / WEIGHTS).unlink()
    with pytest.raises(PretrainedError, match="not on this machine and HF_HUB_OFFLINE is set"):
        fetch(NAME)
    converted = downloaded(cache, OTHER, "refs/pr/7")
    assert fetch(NAME) == converted
    shutil.rmtree(converted)  # a cache that was emptied
    with pytest.raises(PretrainedError, match="is not on this machine"):
        fetch(NAME, OTHER)


def test_a_commit_that_is_here_is_not_asked_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked in ("repo_info", "list_repo_tree"):
        monkeypatch.setattr(
            huggingface_hub.HfApi, asked, Mock(side_effect=AssertionError("the hub was asked"))
        )
    folder = downloaded(cache)
    downloaded(cache, OTHER)  # what is the newest by now
    assert load_checkpoint(NAME, revision=COMMIT).checkpoint.folder == folder


class Played:
    """Stands in for `snapshot_download`: a hub with files by revision, of which it knows what was
    asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.files = folder, [], {}  # type: ignore[var-annotated]

    def __call__(
        self,
        name: str,
        *,
        revision: str | None,
        allow_patterns: list[str],
        cache_dir: Path,
        dry_run: bool = False,
    ) -> Any:
        assert cache_dir == hub_folder(), "downloads lie in the home"
        assert "*" not in allow_patterns
        assert not any(pattern.endswith((".bin", ".py", ".h5")) for pattern in allow_patterns)
        self.asked.append((name, revision, dry_run))
        if dry_run:
            return [
                SimpleNamespace(
                    filename=file.replace("_", "."), file_size=size, will_download=size > 0
                )
                for file, size in self.files[revision or ""].items()
            ]
        return str(self.folder)


@pytest.fixture
def played(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    stand_in = Played(save_clip(tmp_path / COMMIT))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in)
    return stand_in


def test_a_download_says_how_much_it_is(played: Played) -> None:
    played.files[""] = {"config_json": 1000, "model_safetensors": 605_000_000}
    said: list[str] = []
    encoder = load_checkpoint(NAME, tell=said.append)
    assert said == [
        f"asking the hub for {NAME}",
        f"downloading {NAME}, 605 MB",
        f"loading {NAME}, 1 MB",
    ]
    assert played.asked == [(NAME, None, True), (NAME, None, False)]
    assert encoder.checkpoint.revision == COMMIT
    played.files[""] = {"model_safetensors": 0}
    fetch(NAME, tell=said.append)
    assert said[3:] == [f"asking the hub for {NAME}"], "what is here is not downloaded"


def test_a_checkpoint_that_is_too_large_is_not_downloaded(played: Played) -> None:
    played.files[""] = {"model_safetensors": 40 * 2**30}
    with pytest.raises(PretrainedError, match="40 GB; choose a smaller"):
        fetch(NAME)
    assert len(played.asked) == 1


def proposal(
    author: str, number: int, title: str = "Adding `safetensors` variant of this model"
) -> SimpleNamespace:
    return SimpleNamespace(author=author, title=title, git_reference=f"refs/pr/{number}")


def test_pickles_are_replaced_or_refused(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    played.files |= {
        "": {"config_json": 1000},
        "refs/pr/9": {"config_json": 1000, "model_safetensors": 10**6},
    }
    proposals = [proposal("mallory", 3), proposal("SFconvertbot", 8, "Update README")]
    monkeypatch.setattr(huggingface_hub, "get_repo_discussions", lambda *_, **__: iter(proposals))
    with pytest.raises(PretrainedError, match="no weights in safetensors on the hub"):
        fetch(NAME)
    proposals.append(proposal("SFconvertbot", 9))
    fetch(NAME)
    first = (NAME, None, True)
    assert played.asked == [first, first, (NAME, "refs/pr/9", True), (NAME, "refs/pr/9", False)]
