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
from vlcore.web import work

ADDRESSES = int(os.environ.get("FAULT_ADDRESSES", "12"))
ONCE_FAILED: list[tuple[str, dict[str, str]]] = json.loads(
    (Path(__file__).parent / "addresses.json").read_text("utf-8")
)
BIAS, LENGTHS, WORDS = (
    ("0 %", "50 %", "75 %", "100 %"),
    ("live", "standard", "careful"),
    ("", "a horse", "snow\n#"),
)
SEED = TOGGLE = ("0", "1", "7", "true", "false")
TOWERS = tuple(options.TOWERS)
_SIDES = ("left", "right", "third", "fourth")
_OF_A_SIDE = {
    "labels": ("short", "descriptive"),
    "bias": BIAS,
    "trained": TOGGLE,
    "seed": SEED,
    "model": ("as set here", "x"),
    "pairs": tuple(options.NEGATIVES),
    "encoder": ("convolutions-first", "linear-patches"),
    "encoder_of": ("x",),
    "text": ("as chosen above", "words", "codes"),
}
_OF_MAPS = {
    "map": ("PCA", "UMAP", "t-SNE", "Prompt axes"),
    "pca_x": ("1", "6"),
    "pca_y": ("1", "6"),
    "colour": ("object", "prediction", "right or wrong", "split"),
    "umap_neighbours": ("5", "50"),
    "umap_dist": ("0.0", "0.8"),
    "umap_seed": SEED,
    "umap_fit": ("each on its own", "all together"),
    "tsne_perplexity": ("5", "50"),
    "tsne_seed": SEED,
    **{
        f"show_{name}": TOGGLE
        for name in ("pictures", "movement", "arrows", "neighbours", "trust", "ghost")
    },
    **{f"prompt_{name}": WORDS for name in "abcd"},
    "groups": ("horse on grass", "camel on grass", "x"),
    "split": ("held out", "training", "x"),
}
# Every field of a page's address that a control has, with what it may say.
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "": {"towers": TOWERS},
    "1_Data": {
        "look": ("images", "shortcut check", "one scene", "generate images", "import images"),
        "bias": BIAS,
        "seed": SEED,
        "labels": ("short", "descriptive"),
        "picture": ("test-horse-grass-0001", "0"),
    },
    "2_Train": {
        "train_labels": options.style_names(),
        "train_bias": BIAS,
        "train_length": LENGTHS,
        "train_seed": SEED,
        "train_objective": tuple(options.OBJECTIVES),
        "train_mitigation": tuple(options.MITIGATIONS),
        "train_negatives": tuple(options.NEGATIVES),
        "train_logit": tuple(options.LOGITS),
        "train_size_mode": tuple(options.SIZE_MODES),
        "train_architecture": tuple(options.ARCHITECTURES),
        "train_text": tuple(options.TEXTS),
        "train_recipe": tuple(options.RECIPES),
        "train_schedule": tuple(options.SCHEDULES),
        "train_template": ("a {object}", "{object} {place}", "{", "{0}", "{object.__class__}"),
        "bring_place": ("from the hub",),
        "bring_name": ("a/b", "vlcore/web", "../.."),
        "bring_bias": BIAS,
        "bring_readout": ("zero-shot", "probe", "dfr"),
        "bring_labels": options.style_names(),
        "tried_by": ("Minority-group accuracy", "x"),
        "tried_only": ("steps: 700", "bias: 0.75"),
    },
    "3_Compare": {
        "towers": TOWERS,
        "models": ("2", "3", "4"),
        "length": LENGTHS,
        **_OF_MAPS,
        "closer": (
            "Groups",
            "Text description",
            "Movement",
            "Captions",
            "The loss",
            "Training animation",
            "All measures",
            "Export",
        ),
        "caption": WORDS,
        "picture": ("test-horse-grass-0001", "0"),
        **{f"{side}_{name}": values for side in _SIDES for name, values in _OF_A_SIDE.items()},
    },
    "4_Upload": {
        "models": ("2", "3", "4"),
        "shows": ("nobody knows", "horse"),
        "towers": TOWERS,
        "bias": BIAS,
        "words": WORDS,
        **_OF_MAPS,
        **{f"{side}_asked": ("x", "0") for side in _SIDES},
    },
    "5_Findings": {
        "results": ("published with this version", "runs on this server"),
        "study": ("experiments", "class", "paper"),
        "published": ("experiments", "classic/paper"),
        "length": LENGTHS,
        "blocks": ("1", "10", "50"),
        "sound": TOGGLE,
        "claim": ("C1", "C8"),
        "measure": ("Minority-group accuracy", "Answer changes with the background"),
    },
    "6_Lesson": {
        "lesson": ("four-experiments", "collapse", "one-room", "repair"),
        "code": ("BCDF", "b"),
        "phase": ("predict", "run", "reveal"),
        "repair_labels": ("short labels", "x"),
        "wall": ("ranking", "what helped"),
        "step": ("first", "0"),
        "hide": ("controls",),
        "lead": ("yes",),
        "presenter": ("x" * 16,),
    },
    "7_Manage": {"teacher": ("x" * 16,)},
}
EVERYWHERE = {"data": ("scenes", "balanced-cues"), "guide": ("1", "7", "99")}
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
    known = FIELDS[page] | EVERYWHERE
    names = draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=6))
    strange = st.sampled_from(HOSTILE) | st.text(max_size=30)
    address = {}
    for name in names:
        value = st.just(draw(st.sampled_from(known[name]) | strange))
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
    assert bound(app) <= {*EVERYWHERE}.union(*fields), "a field that `FIELDS` lacks"
    assert len(list(app.main)) > 3


@pytest.fixture(scope="module", autouse=True)
def on_disk(experiments: object) -> Any:
    queue = FakeQueue()
    queue.disk = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "queue", lambda: queue)
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
