"""Options of maps by WebGL, and in Streamlit's own Vega for a browser without it: one legend a
figure, the same words, and the marks that the options ask for. That every option and colouring has
an effect is shown without a browser."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.api.comparison import Comparison, compare
from vlcore.api.offline_page import ZOOMING
from vlcore.plots.options import OVERLAYS, MapOptions
from vlcore.study import plans

from .linked_maps import NO_WEBGL
from .serving import expect_text, maps_drawn

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app with its bundled models, so that nothing is trained first."""
    return fresh_server


def overlays(*names: str) -> dict[str, str]:
    return {f"show_{name}": "true" for name in names}


# All overlays at once; then images, filtered, and coloured by ranges of numbers.
CASES: list[tuple[MapOptions, dict[str, str]]] = [
    (MapOptions(**dict.fromkeys(OVERLAYS, True)), overlays(*OVERLAYS)),
    (
        MapOptions(
            colour_by="margin",
            images=True,
            groups=("horse_desert", "camel_grass"),
            split="held out",
        ),
        {"colour": "Model: margin", "split": "held out", **overlays("images")},
    ),
]
GROUPS = {"horse_desert": "horse in the desert", "camel_grass": "camel on grass"}
LEGEND_WORDS = {
    "neighbours": "to its true neighbours",
    "trust": "false neighbours",
    "untrained": "faint: untrained baseline",
    "twins": "arrow: other background",
    "images": "thin frame: held out",
}


def counted(comparison: Comparison, options: MapOptions) -> list[int]:
    """The number of marks on each map."""
    points = options.drawn(comparison.points, comparison.images.grouping)
    return [int(points[f"x{pane}"].notna().sum()) for pane in (0, 1)]


def test_options_are_drawn_with_one_legend(
    come: Callable[..., Page], page: Page, server: str
) -> None:
    without_webgl = come()
    without_webgl.add_init_script(NO_WEBGL)
    conditions = plans.find("experiments").conditions
    keys = [conditions[0].key, conditions[2].key]
    both = compare(*keys)
    models = {"left_model": keys[0], "right_model": keys[1]}
    for options, address in CASES:
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
    expect_text(tab, "This browser offers no WebGL2")
    expect_text(tab, ZOOMING)
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
    return words
