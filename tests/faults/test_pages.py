"""Files that go or change under a page: it says so in a sentence, and works when they are back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import disks
from tests.pages.app import FakeQueue, opened
from vlcore.artifacts import store
from vlcore.experiment.files import models_folder
from vlcore.web import work
from vlcore.web.components import browser

# All but Findings, which computes for ten seconds.
PAGES = ("", "1_Data", "2_Train", "3_Compare", "4_Upload", "6_Lesson", "7_Manage")


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    queue = FakeQueue()
    queue.disk = True
    monkeypatch.setattr(work, "queue", lambda: queue)
    monkeypatch.setattr(browser, "remembered", lambda _name: "")  # there is none, and no cookies
    return queue


@pytest.fixture
def model(
    experiments: list[store.Artifact], tmp_path: Path, on_disk: FakeQueue
) -> Iterator[store.Artifact]:
    """A model that pages show, which is whole again afterwards."""
    copy = shutil.copytree(experiments[0].path, tmp_path / "copy")
    yield experiments[0]
    shutil.rmtree(experiments[0].path, ignore_errors=True)
    shutil.rmtree(models_folder() / ".quarantine", ignore_errors=True)
    shutil.copytree(copy, experiments[0].path)


def test_files_of_a_model_may_go_or_change_under_compare(
    model: store.Artifact, tmp_path: Path
) -> None:
    page = opened("3_Compare", left=model.key)
    for name, is_gone in (("manifest.json", True), ("embeddings.npz", False), ("maps.npz", True)):
        file = model.path / name
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.unlink() if is_gone else file.write_bytes(content)
        assert not page.run().exception, name
        assert not store.published(model.key), "set aside"
        assert not page.run().exception
        shutil.rmtree(model.path, ignore_errors=True)
        shutil.copytree(tmp_path / "copy", model.path)
    assert not page.run().exception
    assert page.get("vega_lite_chart")


@pytest.mark.parametrize("page", PAGES)
def test_pages_on_disks_that_fail(
    experiments: list[store.Artifact], on_disk: FakeQueue, page: str, home: Path
) -> None:
    app = opened(page)
    before = len(app.main.children)
    models = models_folder()
    for fault in (disks.read_only(home), disks.full(), disks.removed(models)):
        with fault:
            assert not app.run().exception
    assert not app.run().exception
    assert len(app.main.children) == before
    assert not app.error
