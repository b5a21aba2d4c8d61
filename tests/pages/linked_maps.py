"""The maps of the Compare page in a browser tab, and where images lie on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from playwright.sync_api import Locator, Page, expect

from vlcore.api import map_component
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import model_map
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.plots.theme import LIGHT

from .serving import settled


def comparison_of(keys: Sequence[str]) -> ComparedMaps:
    """The comparison of models on scenes, in the home of a server."""
    models = [model_map(store.read(key)) for key in keys]
    return compare_maps(models, open_set("scenes"))


@dataclass(frozen=True, eq=False)
class MapsOfTab:
    """The maps of a tab, and where the images of a comparison lie on them."""

    tab: Page
    comparison: ComparedMaps

    def opened(self, address: str) -> None:
        self.tab.goto(address)
        expect(self.root).to_have_attribute("data-state", "drawn")
        settled(self.tab)

    @property
    def root(self) -> Locator:
        return self.tab.locator(".linked-maps").first

    @property
    def surface(self) -> Locator:
        """The first map."""
        return self.root.locator(".surface").first

    def box(self) -> tuple[float, float, float]:
        """The upper left corner of the first map, and its side."""
        self.surface.scroll_into_view_if_needed()
        box = self.surface.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"]

    @cached_property
    def parts(self) -> np.ndarray:
        """Where each image lies in the first map, (n, 2), in parts of its sides from the upper
        left."""
        drawing = map_component.drawing(self.comparison, LIGHT, 400)
        left, right, low, high = drawing["panes"][0]["extent"]
        x, y = self.comparison.points[["x0", "y0"]].to_numpy(float).T
        return np.stack([(x - left) / (right - left), (high - y) / (high - low)], axis=1)

    def at(self, row: int) -> tuple[float, float]:
        """An image on the whole first map, in px of the window."""
        left, top, side = self.box()
        x, y = (self.parts[row] * side).tolist()
        return left + x, top + y

    def lonely(self) -> int:
        """The held-out image of both maps that is furthest from all others in the first."""
        away = np.linalg.norm(self.parts[:, None] - self.parts[None], axis=2)
        np.fill_diagonal(away, np.inf)
        points = self.comparison.points
        is_meant = (points["kind"] == "test") & points[["x0", "x1"]].notna().all(axis=1)
        return int(np.where(is_meant, np.nanmin(away, axis=1), -1).argmax())
