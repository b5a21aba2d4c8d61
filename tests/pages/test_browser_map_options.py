"""Every map option by WebGL, and in Streamlit's own Vega for a browser without it: one legend a
figure, the same words, and the marks that the options ask for."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.api.colourings import COLOURINGS
from vlcore.api.comparison import Comparison, compare
from vlcore.plots.options import OVERLAYS, MapOptions, Projection
from vlcore.study import plans

from .linked_maps import NO_WEBGL
from .serving import maps_drawn

pytestmark = [
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning"),  # of umap
]

PROMPTS = ("horse on the grass", "camel on the grass", "grass", "desert")
UMAP = Projection("umap", neighbours=5, min_dist=0.5, seed=41, together=True)
TSNE = Projection("tsne", perplexity=5, seed=41)
ADDRESSES = {"images": "pictures", "twins": "arrows", "untrained": "ghost"}


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app with its bundled models, so that nothing is trained first."""
    return fresh_server


def overlays(*names: str) -> dict[str, str]:
    return {f"show_{ADDRESSES.get(name, name)}": "true" for name in names}


# All overlays at once, with the usual colouring; then each overlay, projection and filter.
WITHOUT_COLOUR: list[tuple[MapOptions, dict[str, str]]] = [
    (MapOptions(**dict.fromkeys(OVERLAYS, True)), overlays(*OVERLAYS)),
    (
        MapOptions(
            Projection(components=(2, 3)), images=True, groups=("horse_desert", "camel_grass")
        ),
        {"pca_x": "2", "pca_y": "3", **overlays("images")},
    ),
    (
        MapOptions(movement=True, untrained=True, clusters=True),
        overlays("movement", "untrained", "clusters"),
    ),
    (
        MapOptions(TSNE, twins=True, split="held out"),
        {
            "map": "t-SNE",
            "tsne_perplexity": "5",
            "tsne_seed": "41",
            "split": "held out",
            **overlays("twins"),
        },
    ),
    (
        MapOptions(Projection("prompts", prompts=PROMPTS), split="training"),
        {
            "map": "Prompt axes",
            "split": "training",
            **{f"prompt_{name}": text for name, text in zip("abcd", PROMPTS, strict=True)},
        },
    ),
    (
        MapOptions(UMAP, trust=True, neighbours=True),
        {
            "map": "UMAP",
            "umap_neighbours": "5",
            "umap_dist": "0.5",
            "umap_seed": "41",
            "umap_fit": "all together",
            **overlays("trust", "neighbours"),
        },
    ),
]
# Of drawn scenes: words and numbers.
COLOURS = {choice.name: choice.label for choice in COLOURINGS}
COLOURS |= {"sky": "Scene: sky", "size": "Scene: size"}
# A page takes seconds: each has a colouring too. Those that are left are of one group, for Vega
# draws each mark as an element.
ONE_GROUP = MapOptions(groups=("camel_grass",))
CASES = [
    (options.replace(colour_by=colour), address | {"colour": label})
    for (options, address), (colour, label) in zip_longest(
        WITHOUT_COLOUR, COLOURS.items(), fillvalue=(ONE_GROUP, {})
    )
]
GROUPS = {"horse_desert": "horse in the desert", "camel_grass": "camel on grass"}
LEGEND_WORDS = {
    "clusters": "in italics: a cluster",
    "movement": "from its position in the first map",
    "neighbours": "to its true neighbours",
    "trust": "false neighbours",
    "untrained": "faint: untrained baseline",
    "twins": "arrow: other background",
    "images": "thin frame: held out",
}


def changed_fields(options: Any) -> set[str]:
    name = type(options).__name__
    changed = {
        f"{name}.{field.name}"
        for field in fields(options)
        if getattr(options, field.name) != field.default
    }
    nested = changed_fields(options.projection) if name == "MapOptions" else set()
    return changed | nested


def counted(comparison: Comparison, options: MapOptions) -> list[int]:
    """The number of marks on each map."""
    points = options.drawn(comparison.points, comparison.images.grouping)
    return [int(points[f"x{pane}"].notna().sum()) for pane in (0, 1)]


def test_every_option_is_drawn_with_one_legend(
    come: Callable[..., Page], page: Page, server: str
) -> None:
    without_webgl = come()
    without_webgl.add_init_script(NO_WEBGL)
    covered = set().union(*(changed_fields(options) for options, _ in CASES))
    wanted = {
        f"{kind.__name__}.{field.name}"
        for kind in (MapOptions, Projection)
        for field in fields(kind)
    }
    assert covered == wanted
    conditions = plans.find("experiments").conditions
    keys = [conditions[0].key, conditions[2].key]
    both = compare(*keys)
    models = {"left_model": keys[0], "right_model": keys[1]}
    for options, address in CASES:
        if options.projection.fitted:
            compare(*keys, options=options)  # fitted here, as a worker would
        query = [
            *(models | address).items(),
            *(("groups", GROUPS[name]) for name in options.groups),
        ]
        url = f"{server}/Compare?{urlencode(query)}"
        counts = counted(both, options)
        words = words_of_vectors(without_webgl, url, options, counts)
        for name in options.overlays:
            assert any(LEGEND_WORDS[name] in word for word in words), (name, words)
        page.goto(url)
        maps_drawn(page)
        maps = page.locator(".linked-maps")
        expect(maps).to_have_attribute("data-shown", str(max(counts)))
        assert set(maps.locator(".legend button").all_text_contents()) == set(words)


def words_of_vectors(
    tab: Page, address: str, options: MapOptions, counts: Sequence[int]
) -> list[str]:
    """The words of the legend of Altair's maps, once all is drawn that the options ask for."""
    tab.goto(address)
    maps_drawn(tab)
    maps = tab.locator("[class*='st-key-maps-'] svg.marks .role-legend")
    expect(maps).to_have_count(1)
    maps = tab.locator("[class*='-vectors'] svg.marks")
    words = maps.locator(".role-legend-label text").all_text_contents()
    assert len(set(words)) == len(words) > 3, words
    mark = "image" if options.images else "path"
    for pane, count in enumerate(counts):
        expect(maps.locator(f"[class*='marks_{pane}_marks'] {mark}")).to_have_count(count)
    baseline = maps.locator("path[opacity='0.4']")
    assert (baseline.count() > 100) == options.untrained
    lines = maps.locator("line[opacity='0.3']")
    assert (lines.count() > 100) == options.movement
    return words
