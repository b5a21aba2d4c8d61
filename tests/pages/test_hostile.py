"""A hostile set and hostile links on every page: what strangers wrote is shown, and makes no link
and no picture."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from google.protobuf.message import Message
from playwright.sync_api import Browser, expect
from streamlit.testing.v1 import AppTest

from tests.chromium import needs_chromium
from tests.data.importers.sources import groups, table, write
from vlcore.api.training import train_condition
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition

from .app import opened
from .serving import PATIENCE, complete, downloaded, expect_text

EVIL = (
    "![x](http://evil.example/p.png) [in](http://evil.example) http://evil.example www.evil.example"
    " me@evil.example <img src=http://evil.example/i> :red[evil] :material/evil: $evil$ *evil*"
    " `evil"
)
LINK = "www.evil.example {object}"  # words, dots and a field: a template may be so
# Fields of what pages send to a browser that are read as Markdown there.
MARKDOWN = {"body", "label", "help", "caption", "text", "content", "title"}
PLAIN = {"text", "code", "arrow_data_frame", "arrow_vega_lite_chart", "html"}
PLAIN |= {"component", "bidi_component"}


def markdown_of(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.name in PLAIN:
            continue
        values = (
            value
            if not isinstance(value, str | Message) and hasattr(value, "__iter__")
            else [value]
        )
        for item in values:
            if isinstance(item, Message):
                yield from markdown_of(item)
            elif isinstance(item, str) and field.name in MARKDOWN:
                yield item


def said(page: AppTest) -> list[str]:
    """All Markdown of a page."""
    elements = [(element.type, getattr(element, "proto", None)) for element in page._tree]
    return [
        text
        for kind, proto in elements
        if proto is not None and kind not in PLAIN
        for text in markdown_of(proto)
    ]


def evil_of(page: AppTest) -> list[str]:
    """The Markdown of a page that a stranger wrote a part of; it does nothing."""
    texts = [text for text in said(page) if "evil" in text]
    for text in texts:
        outside = "".join(re.split(r"(?<![\\`])`[^`]+`", text))
        assert not re.search(
            r"(https?://|www\.|@|:material/|(?<!\\)[\[(<*$_~]|:red\[)evil|(?<!\\)\]\(http", outside
        ), text
    return texts


@pytest.fixture(scope="module")
def hostile_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A home with a set whose every text is hostile, and the key of a model of it."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("hostile")
        patch.setenv("VLCORE_HOME", str(home))
        pictures = groups(6, 5, 5, 5)
        rows = [(file, *file.split("/")[:2]) for file in [*pictures, "![x](evil)/a/b.gif"]]
        lines = [(file, obj, f"{context} evil", EVIL) for file, obj, context in rows]
        labels = table(("file", "object", "context", "caption"), *lines)
        files = {**pictures, "labels.csv": labels}
        source = write(home / "[in](http:evil) <img>", files)
        captions = {"short": "www.evil.example {object}", "descriptive": LINK}
        import_set(source, "www.evil.example", licence=EVIL, **captions)
        about = home / "data" / "www.evil.example" / "dataset.json"
        # An older version let any character into a template.
        templates = {"undescriptive": f"{{object}} {EVIL}", "descriptive": f"{LINK} {EVIL}"}
        about.write_text(json.dumps({**json.loads(about.read_text()), "captions": templates}))
        usual = usual_condition(open_set("www.evil.example")).replace(steps=0)
        condition = usual.replace(labels="own", template=LINK)
        train_condition(condition)
        yield home, condition.key


@pytest.fixture
def hostile_server(hostile_home: tuple[Path, str], fresh: tuple[Path, str]) -> Iterator[str]:
    """The app over a home that has the set and its model for a while."""
    (home, key), (folder, address) = hostile_home, fresh
    parts = (Path("data/www.evil.example"), Path("models", key))
    for part in parts:
        shutil.copytree(home / part, folder / part)
    yield address
    for part in parts:
        shutil.rmtree(folder / part)


@pytest.fixture
def other_home(hostile_home: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VLCORE_HOME", str(hostile_home[0]))
    return hostile_home[1]


ON = {"data": "www.evil.example"}
LINKS = {
    "1_Data": {**ON, "look": EVIL, "picture": EVIL},
    "2_Train": {**ON, "train_labels": "own", "train_template": EVIL},
    "5_Findings": {**ON, "study": EVIL, "claim": EVIL},
    "6_Lesson": {**ON, "step": EVIL, "code": EVIL},
    "7_Manage": {"data": EVIL},
}


def said_aloud(key: str) -> dict[str, dict[str, str]]:
    """Pages on which hostile text stands, with their addresses."""
    models = {**ON, "left": key, "right": key}
    train = {"train_labels": "own", "train_template": LINK}
    return {
        "": ON,
        "1_Data": {**ON, "picture": "p0"},
        "2_Train": {**ON, **train},
        "3_Compare": {**models, "closer": "Captions", "caption": EVIL[:190]},
    }


def test_no_word_or_tooltip_of_a_page_makes_anything_of_it(other_home: str) -> None:
    for name, address in said_aloud(other_home).items():
        assert evil_of(opened(name, **address))
    for name, address in LINKS.items():
        evil_of(opened(name, **address))


@pytest.mark.browser
@needs_chromium
def test_a_browser_finds_no_link_and_no_picture_in_it_and_asks_nobody(
    hostile_server: str, other_home: str, browser: Browser
) -> None:
    requests = []
    pages = {name.partition("_")[2]: address for name, address in said_aloud(other_home).items()}
    links = {
        "Upload": {**ON, "left": EVIL, "shows": EVIL},
        "Lesson": {**ON, "lesson": "collapse", "step": EVIL},
    }
    tab = browser.new_context(accept_downloads=True).new_page()
    tab.set_default_timeout(PATIENCE)
    tab.on("request", lambda sent: requests.append(sent.url))
    files: list[Path] = []

    def harmless() -> None:
        foreign = (
            "[...document.links].map(link => link.href).filter(link =>"
            " !link.startsWith(location.origin))"
        )
        assert tab.evaluate(foreign) == []
        expect(tab.locator("img[src*=evil], .katex")).to_have_count(0)

    for name, query in (pages | links).items():
        tab.goto(f"{hostile_server}/{name}?{urlencode(query)}")
        if name == "Data":
            tab.get_by_text("About this image set").click()
        if name in pages:  # not a backslash more than was written
            expect_text(tab, "http:\u2060//evil.example" if name == "Data" else "evil.example")
        complete(tab)
        harmless()
        if name == "Lesson":
            files.append(downloaded(tab, "Handout with answers"))
        if name == "Compare":
            pair = urlencode({**query, "closer": "Export"})
            tab.goto(f"{hostile_server}/{name}?{pair}")
            files.append(downloaded(tab, "Offline page"))
    for file in files:
        assert "evil" in file.read_text()
        tab.goto(file.as_uri())
        expect(tab.locator("p").first).to_be_attached()
        harmless()
    ours = (hostile_server, hostile_server.replace("http", "ws", 1), "data:", "blob:")
    ours += tuple(file.as_uri() for file in files)
    assert [url for url in requests if not url.startswith(ours)] == []
