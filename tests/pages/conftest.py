"""What tests of pages share: caches that know of one home, and the app in a browser."""

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Response
from streamlit.components.v2 import manifest_scanner

from tests.chromium import opened_chromium
from tests.conftest import publish_as
from vlcore.api import answers, explain
from vlcore.artifacts import disk, store
from vlcore.data.decoding import square
from vlcore.metrics.reliance import SIDE, PaintedImages, paint_parts
from vlcore.study import answer_file
from vlcore.web import image_addresses, visitors, work
from vlcore.web.components import browser as browser_components
from vlcore.web.upload import sections

from .app import FakeQueue, clear
from .serving import PATIENCE, served

TABS = pytest.StashKey[list[Page]]()


@pytest.fixture(scope="module")
def bundled_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home with bundled models alone, and its caches, for all tests of a module."""
    clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("bundled")))
        patch.delenv("VLCORE_SHIPPED")
        yield
    clear()


@pytest.fixture(scope="session", autouse=True)
def no_components_of_packages() -> Iterator[None]:
    """Each AppTest looks through all installed packages for components, for half a second; there
    are none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: [])
        yield


@pytest.fixture(autouse=True)
def caches_of_one_home(request: pytest.FixtureRequest) -> Iterator[None]:
    """A server has one home for life, and its caches know of no other: a test that changes it
    begins and ends anew.

    Pages of a home of a test's own must not show what was read from another one.
    """
    moves = {"empty_home", "other_home"} & set(request.fixturenames)
    if moves:
        clear()
    yield
    if moves:
        clear()


@pytest.fixture(autouse=True)
def at_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without a browser comes from nowhere and has no cookies; here it is as if opened on
    the server's own machine, which serves small images and has a disk that is large enough."""
    monkeypatch.setattr(visitors, "is_at_the_machine", lambda: True)
    monkeypatch.setattr(image_addresses, "base_paths", ["/"])
    monkeypatch.setattr(browser_components, "remembered", lambda name: "")
    monkeypatch.setattr(disk, "free_bytes", lambda: 10**12)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    queue = FakeQueue()
    monkeypatch.setattr(work, "queue", lambda: queue)
    return queue


@pytest.fixture
def changed_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A published answer with odd numbers, which stand nowhere else."""
    document = json.loads(answer_file.FILE.read_text(encoding="utf-8"))
    [scenes] = [one for one in document["contrasts"] if one["id"] == "scenes.background"]
    scenes |= {"short": 0.4321, "other": 0.1234, "pairs": 777, "points": [-12.34, -13.45, -11.23]}
    document["claims"][0] |= {"verdict": "not tested", "sentence": "Nobody has looked, 999 pairs."}
    document["limits"] = ["Everything is odd."]
    for name, lesson in document["lessons"].items():
        lesson["take_home"] = f"Nothing is odder than {name}, 888 times."
    number = {"value": -0.3456, "low": -0.4567, "high": -0.2345, "n": 777}
    document["lessons"]["four-experiments"]["steps"]["bias-and-labels"]["scenes"] = number
    file = tmp_path / "changed" / answer_file.FILE.name
    file.parent.mkdir()
    file.write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(answer_file, "FILE", file)
    return file


@pytest.fixture(scope="session")
def explanations() -> dict[tuple[Any, ...], explain.Explanation]:
    """What was explained already, by what was asked."""
    return {}


@pytest.fixture
def explained_here(
    monkeypatch: pytest.MonkeyPatch,
    queue: FakeQueue,
    quick: list[store.Artifact],
    explanations: dict[tuple[Any, ...], explain.Explanation],
) -> None:
    """What a worker does while a visitor waits is done here, with a model of twelve steps."""
    queue.disk = True

    def attribute(_key: str, question: explain.MarginQuestion, *rest: Any) -> explain.Explanation:
        asked = (question.inputs.tobytes(), question.object, question.is_known, *rest)
        if asked not in explanations:
            explanations[asked] = explain.attribute(quick[2].key, question, *rest)
        return explanations[asked]

    monkeypatch.setattr("vlcore.panels.training_images.attribute", attribute)
    monkeypatch.setattr(work, "run_in_worker", lambda _who, task, *given: task(*given))


def painted_by_place(picture: Image.Image) -> PaintedImages:
    """Painted over as if the object were in the middle: no network looks for it."""
    y, x = np.mgrid[:11, :11] - 5
    return paint_parts(square(picture, SIDE), -np.hypot(x, y))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pretrained network, which locates objects and judges novelty, stays away: tests of their
    own have it."""
    sections._judge.clear()
    monkeypatch.setattr(answers, "painted_images", painted_by_place)
    monkeypatch.setattr(answers, "judge_of", lambda _images: None)


@pytest.fixture
def pretrained_pair(experiments: list[store.Artifact]) -> Iterator[list[str]]:
    """Models that stand in for the pair on pretrained towers: their weights are those of encoders
    from scratch."""
    stand_ins = [
        publish_as(artifact, artifact.condition.with_towers("pretrained"))
        for artifact in experiments[2:]
    ]
    yield [artifact.key for artifact in stand_ins]
    for artifact in stand_ins:  # other tests of this session choose among the models that are there
        shutil.rmtree(artifact.path)


@pytest.fixture(scope="session")
def fresh(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A stranger's home, with nothing in it but what is bundled, and the address of the app over
    it."""
    folder = tmp_path_factory.mktemp("fresh")
    with ExitStack() as stack:
        with fresh_home(folder):
            address = stack.enter_context(served())
        yield folder, address


@contextmanager
def fresh_home(folder: Path) -> Iterator[None]:
    """A stranger's home for as long as a ``with`` lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(folder))
        patch.delenv("VLCORE_SHIPPED")
        yield


@pytest.fixture(scope="module")
def server(fresh: tuple[Path, str]) -> Iterator[str]:
    """The address of the app, and its home in this process."""
    folder, address = fresh
    with fresh_home(folder):
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_chromium() as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A browser test that fails says what its tabs show."""
    report = yield
    if report.failed and call.when == "call":
        for tab in item.stash.get(TABS, []):
            with suppress(Error):  # of one that answers nothing any more
                report.sections.append(
                    (tab.url, tab.locator("body").inner_text(timeout=5000)[-2000:])
                )
    return report


@pytest.fixture
def come(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Callable[..., Page]]:
    """Opens a tab of a visitor's own; the test fails if one asks another host for anything, asks
    for what is not there, or complains."""
    tabs: list[Page] = request.node.stash.setdefault(TABS, [])
    complaints: list[str] = []
    ours = (server, server.replace("http", "ws", 1), "data:", "blob:", "file:")

    def asked(url: str) -> None:
        if not url.startswith(ours):
            complaints.append(f"asks for {url}")

    def listen(message: ConsoleMessage) -> None:
        # A busy machine runs what asks for a preloaded file some seconds late.
        # Without a graphics card a browser says that it waits for what WebGL has drawn.
        harmless = ("was preloaded", "GPU stall due to ReadPixels")
        is_usual = any(words in message.text for words in harmless)
        if message.type in ("error", "warning") and not is_usual:
            complaints.append(message.text)

    def answered(response: Response) -> None:
        if response.status == 404:
            complaints.append(f"nothing is at {response.url}")

    def opened(width: int = 1440, height: int = 1200, **context: object) -> Page:
        size = {"width": width, "height": height}
        tab = browser.new_context(viewport=size, color_scheme="light", **context).new_page()  # type: ignore[arg-type]
        tab.set_default_timeout(PATIENCE)
        tab.on("request", lambda sent: asked(sent.url))
        tab.on("response", answered)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", listen)
        tabs.append(tab)
        return tab

    yield opened
    for tab in tabs:
        tab.context.close()
    assert complaints == []


@pytest.fixture
def page(come: Callable[..., Page]) -> Page:
    return come()
