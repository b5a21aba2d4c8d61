"""Hostile addresses: each page shows something, whatever the values of its fields.

``FAULT_ADDRESSES=2000`` draws so many of them; addresses.json has those that once ended in a
traceback.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.pages.app import FakeQueue, opened
from vlcore.experiment import options
from vlcore.web import shell, work
from vlcore.web.components import browser

ADDRESSES = int(os.environ.get("FAULT_ADDRESSES", "8"))
ONCE_FAILED: list[tuple[str, dict[str, str]]] = json.loads(
    (Path(__file__).parent / "addresses.json").read_text("utf-8")
)
# Every parameter of a page's address, by the file of the page.
FIELDS = {
    Path(page.file).stem.removeprefix("app"): " ".join(sorted(page.names()))
    for page, _, _ in shell.PAGES
}
FIELDS["3_Compare"] += " captions.caption shared-neighbours.neighbours"
_MODELS = (
    "labels:descriptive,bias:0.75",
    "labels:own,template:a {object}",
    "seed:7,steps:0",
    "bias:2,seed:-1",
    "objective:supervised,mitigation:dfr",
    "labels:,:bias,::",
)
# Values that bring other controls; of fields that are not named here, any of `USUAL` may be.
CHOICES = {
    "left": _MODELS,
    "right": _MODELS,
    "model": _MODELS,
    "towers": tuple(options.TOWERS),
    "look": ("images", "shortcut check", "one scene", "import images"),
    "results": ("published answer", "studies on this server"),
    "train_labels": options.style_names(),
    "train_objective": tuple(options.OBJECTIVES),
    "train_template": ("a {object}", "{object} {place}", "{", "{0}", "{object.__class__}"),
    "map": ("PCA", "UMAP", "t-SNE"),
    "colour": ("object", "prediction", "correct or wrong", "split"),
    "closer": ("Groups", "Captions", "Training animation", "Export"),
    "study": ("experiments", "class", "paper"),
    "lesson": ("four-experiments", "collapse", "one-room", "repair"),
    "phase": ("predict", "run", "reveal"),
    "data": ("scenes", "balanced-cues", "renders"),
    "guide": ("1", "7", "99"),
}
USUAL = ("0", "1", "7", "0.8", "true", "false", "75%", "100%", "live", "standard", "short")
USUAL += ("descriptive", "held out", "horse", "a horse", "snow\n#", "x" * 16, "p0", "BCDF", "")
EVERYWHERE = "data guide"
HOSTILE = (
    "1e309",
    "-1e309",
    "nan",
    "inf",
    "-0",
    "1_0",
    "0x10",
    "9" * 5000,
    "1e-309",
    "１２",
    "true",
    "null",
    "[]",
    "{}",
    "../..",
    "/etc/passwd",
    "a" * 5000,
    "😀" * 190,
    "\x00",
    "\ud7ff\ue000",
    "%00",
    "<script>alert(1)</script>",
    "&&=&",
    "![x](http://evil.example/p.png)",
    "$\\frac{",
    "'; DROP TABLE lessons --",
    "{object.__class__}",
    "%s%n",
    "\r\n\r\n",
)


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A page, and usual or hostile values of a few fields of its address."""
    page = draw(st.sampled_from(sorted(FIELDS)))
    known = st.sampled_from(f"{FIELDS[page]} {EVERYWHERE}".split())
    strange = st.sampled_from(HOSTILE) | st.text(max_size=30)
    address = {}
    for name in draw(st.lists(known, unique=True, max_size=6)):
        value = st.just(draw(st.sampled_from(CHOICES.get(name, USUAL)) | strange))
        address[name] = draw(value | st.lists(value | strange, min_size=2, max_size=3))
    return page, address


def bound(page: AppTest) -> set[str]:
    """The fields of the address that have a control on a page."""
    protos = [getattr(node, "proto", None) for node in page.main]
    return {name for proto in protos if (name := getattr(proto, "query_param_key", ""))}


def open_address(page: str, address: dict[str, Any]) -> None:
    app = opened(page, **address)
    # A card of the guide opens its own page.
    fields = FIELDS.values() if "guide" in address else [FIELDS[page]]
    known = " ".join([EVERYWHERE, *fields]).split()
    of_page = {name for name in bound(app) if "." not in name}  # others are of panels
    assert of_page <= set(known), "a field that `FIELDS` lacks"
    assert len(list(app.main)) > 3


@pytest.fixture(scope="module", autouse=True)
def on_disk(experiments: object) -> Any:
    queue = FakeQueue()
    queue.disk = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "queue", lambda: queue)
        patch.setattr(browser, "remembered", lambda _name: "")  # there is none, and no cookies
        yield


@pytest.mark.parametrize(("page", "address"), ONCE_FAILED)
def test_addresses_that_once_failed(page: str, address: dict[str, str]) -> None:
    open_address(page, address)


@given(addresses())
@settings(
    max_examples=ADDRESSES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
def test_no_address_is_a_traceback(drawn: tuple[str, dict[str, Any]]) -> None:
    open_address(*drawn)
