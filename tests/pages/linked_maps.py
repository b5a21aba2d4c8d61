"""The maps of the Compare page in a browser tab, and where images lie on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from PIL import Image, ImageColor
from playwright.sync_api import FloatRect, Locator, Page, expect

from vlcore.api import map_component
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.model_map import model_map
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT, Palette

from .serving import settled

NO_WEBGL = """const draw = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function(kind, ...options) {
    return kind === "webgl2" ? null : draw.call(this, kind, ...options);
};"""
LIT = "circle[stroke='{}']"


def comparison_of(keys: Sequence[str]) -> ComparedMaps:
    """The comparison of models on scenes, in the home of a server."""
    models = [model_map(store.read(key)) for key in keys]
    return compare_maps(models, open_set("scenes"), lambda _images, rows: [""] * len(rows))


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
        return self.tab.locator(".linked-maps")

    def surface(self, pane: int) -> Locator:
        return self.root.locator(".surface").nth(pane)

    def box(self, pane: int) -> tuple[float, float, float]:
        self.surface(pane).scroll_into_view_if_needed()
        box = self.surface(pane).bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"]

    @cached_property
    def parts(self) -> np.ndarray:
        return self.parts_with(PLAIN)

    def parts_with(self, options: MapOptions) -> np.ndarray:
        """Where each image lies in each map, (maps, n, 2), in parts of its sides from the upper
        left."""
        drawing = map_component.drawing(self.comparison, LIGHT, 400, options)
        parts = []
        for pane, shown in enumerate(drawing["panes"]):
            left, right, low, high = shown["extent"]
            x = self.comparison.points[f"x{pane}"].to_numpy(np.float32)
            y = self.comparison.points[f"y{pane}"].to_numpy(np.float32)
            parts.append(np.stack([(x - left) / (right - left), (high - y) / (high - low)], axis=1))
        return np.stack(parts)

    def at(self, pane: int, row: int) -> tuple[float, float]:
        """An image on a whole map, in px of the window."""
        left, top, side = self.box(pane)
        x, y = (self.parts[pane, row] * side).tolist()
        return left + x, top + y

    def apart(self) -> list[int]:
        """The images of both maps, those with nothing close to them in the first map first."""
        first = self.parts[0]
        away = np.linalg.norm(first[:, None] - first[None], axis=2)
        np.fill_diagonal(away, np.inf)
        free = np.nanmin(np.where(np.isnan(away), np.inf, away), axis=1)
        free[~np.isfinite(self.parts).all(axis=(0, 2))] = -1
        return np.argsort(-free).tolist()

    def lonely(self, group: str = "") -> int:
        """An image in both maps with nothing close to it in the first: of a group, else near the
        middle."""
        if group:
            is_meant = (self.comparison.points["group"] == group).to_numpy()
        else:
            is_meant = (np.abs(self.parts[0] - 0.5) < 0.3).all(axis=1)
        return next(row for row in self.apart() if is_meant[row])

    def circle(self, pane: int, colour: str) -> np.ndarray:
        """The middle of the circle of a colour, in px of a map."""
        circle = self.surface(pane).locator(LIT.format(colour))
        expect(circle).to_have_count(1)
        return np.array([float(circle.get_attribute(name) or "nan") for name in ("cx", "cy")])

    def pixels(self, clip: FloatRect) -> np.ndarray:
        """What the window shows in a rectangle, (height, width, 3)."""
        screenshot = Image.open(BytesIO(self.tab.screenshot(clip=clip)))
        return np.asarray(screenshot.convert("RGB"), int)

    def colours(self, pane: int, palette: Palette) -> list[int]:
        """How many pixels of a map have the colour of each group, nearly."""
        left, top, side = self.box(pane)
        clip: FloatRect = {"x": left + 1, "y": top + 1, "width": side - 2, "height": side - 2}
        pixels = self.pixels(clip)
        near = [
            np.abs(pixels - ImageColor.getrgb(colour)).sum(axis=2) < 60 for colour in palette.groups
        ]
        return [int(where.sum()) for where in near]
