"""Comparison of models on linked maps, as notebooks, commands and pages ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
from numpy.typing import ArrayLike

from vlcore.api import offline_page
from vlcore.api.answers import Upload, ask, judge_or_none
from vlcore.api.colourings import coloured
from vlcore.api.compared_maps import ComparedMaps, compare_maps, points_table, with_held_out
from vlcore.api.figure import PAPER_SIDE, figure
from vlcore.api.maps import make_map
from vlcore.api.metrics_table import measures_table
from vlcore.api.model_map import ComparisonError, model_map
from vlcore.api.models import ImageInput, Model, as_model, opened_picture
from vlcore.api.panel_views import PanelView
from vlcore.api.panels import STUDY, find_panel
from vlcore.api.panels import panels as all_panels
from vlcore.api.search import NEAREST, find_alike, find_words
from vlcore.api.selections import Selection, SelectionError
from vlcore.data.uploads import UploadedPicture
from vlcore.experiment.files import page_file, write_file
from vlcore.plots.blocks import Block
from vlcore.plots.options import PLAIN, MapOptions, Projection
from vlcore.plots.rendering import chart_png, chart_svg
from vlcore.plots.theme import DARK, LIGHT


class Comparison:
    """One or two models on linked maps; its `options` are those that are drawn where no others are
    given, and its `maps` are their tables. A notebook shows maps that answer to the pointer."""

    def __init__(
        self,
        models: Sequence[Model | str],
        options: MapOptions = PLAIN,
        maps: ComparedMaps | None = None,
    ) -> None:
        """Put models beside each other; `maps` are their maps for these options, where somebody has
        them. LabError as `compare`."""
        if not models:
            raise ComparisonError("No model is compared; give one or two models, or their keys.")
        self.models = [as_model(model) for model in models]
        self.images = self.models[0].images
        self.options = options
        self._maps = {options.projection: maps} if maps else {}
        self.maps = self._projected(options)
        coloured(self.maps, options)  # refuses a name of colours that is none

    def _projected(self, options: MapOptions) -> ComparedMaps:
        """The maps in the projection of some options, fitted first where that is needed."""
        projection = options.projection
        if projection not in self._maps:
            if projection.fitted:
                for model in self.models:
                    make_map(model.key, projection)
            maps = [model_map(model.artifact, projection) for model in self.models]
            self._maps[projection] = compare_maps(maps, self.images)
        return self._maps[projection]

    def chart(
        self,
        side: int = 360,
        *,
        dark: bool = False,
        options: MapOptions | None = None,
        **settings: Any,
    ) -> alt.TopLevelMixin:
        """The maps as one still figure for papers and slides, above the accuracy by group.

        Args:
            side: of a map in px.
            dark: in the colours for a dark ground.
            options: in place of those of the comparison.
            settings: fields of `vlcore.MapOptions` that differ, such as ``colour_by="margin"``.
        """
        options = (options or self.options).replace(**settings)
        palette = DARK if dark else LIGHT
        return figure(self._projected(options), palette, side, options)

    @property
    def principal(self) -> ComparedMaps:
        """The maps on principal planes, whichever map is drawn."""
        return self._projected(PLAIN)

    @property
    def points(self) -> pd.DataFrame:
        """One row an image, with its position on every map and what each model predicts for it."""
        return self.maps.points.copy()

    def table(self) -> pd.DataFrame:
        """Every measure of every model, beside the untrained encoder and the pixels."""
        return measures_table(self.maps)

    @property
    def named(self) -> dict[str, Model]:
        """The models by what they are called, such as Model A."""
        return dict(zip(self.maps.named, self.models, strict=True))

    def upload(self, image: Upload | UploadedPicture | ImageInput, shows: str = "") -> Upload:
        """Ask the models about a new image.

        Args:
            image: a path of a PNG, JPEG, WebP, GIF or HEIC file, or a PIL image.
            shows: the object that it shows, where that is known.

        Raises:
            UploadError: the file is missing or is no image.
        """
        if isinstance(image, Upload):
            return image
        if not isinstance(image, UploadedPicture):
            image = opened_picture(image, shows)
        answers = ask(self.named, self.images, [image], judge_or_none(self.images))
        return answers.uploads[0]

    def panel(self, name: str, /, **inputs: Any) -> PanelView:
        """Look closer: a panel by its name, such as ``shared-neighbours``, with its inputs.

        PanelError lists the names of panels, or the inputs of a panel, where it knows no such one.
        """
        return PanelView(find_panel(name), self, inputs)

    def html(
        self,
        options: MapOptions | None = None,
        panels: Mapping[str, Mapping[str, Any]] | None = None,
        **settings: Any,
    ) -> str:
        """Maps, words and panels as one page that works offline.

        Args:
            options: in place of those of the comparison.
            panels: the inputs of each panel, by its name; without any, the panels that belong on
                paper.
            settings: as of `chart`.
        """
        options = (options or self.options).replace(**settings)
        if panels is None:
            on_paper = (
                panel for panel in all_panels() if panel.on_paper and STUDY not in panel.pages
            )
            panels = {panel.name: {} for panel in on_paper}
        chosen = {find_panel(name): inputs for name, inputs in panels.items()}
        content = {
            panel.title: partial(panel.blocks, self, **inputs) for panel, inputs in chosen.items()
        }
        return offline_page.page(self._projected(options), content, options)

    def svg(self, options: MapOptions | None = None, **settings: Any) -> str:
        """The still figure as a drawing, for a paper; options and settings are those of `chart`."""
        return chart_svg(self.still(options, **settings))

    def png(self, options: MapOptions | None = None, **settings: Any) -> bytes:
        """The still figure as an image, for slides; options and settings are those of `chart`."""
        return chart_png(self.still(options, **settings))

    def still(self, options: MapOptions | None = None, **settings: Any) -> dict[str, Any]:
        """The specification of the still figure; options and settings are those of `chart`."""
        options = (options or self.options).replace(**settings)
        return self.chart(PAPER_SIDE, options=options).to_dict(validate=False)

    def save(self, path: str | Path, options: MapOptions | None = None, **settings: Any) -> Path:
        """Write `html`, `svg` or `png`, as the name of a file ends, whole or not at all; options
        and settings are those of `chart`."""
        out = page_file(path, or_drawing=True)
        kinds: dict[str, Callable[..., str | bytes]] = {".svg": self.svg, ".png": self.png}
        write = kinds.get(out.suffix.lower(), self.html)
        return write_file(out, write(options, **settings))

    def image_table(self, options: MapOptions | None = None) -> pd.DataFrame:
        """One row for each image on the maps and each held-out image: its group, its captions, what
        each model predicts for it, its places on the maps, and your own columns.

        From it the accuracies can be counted again. Of options, the filters alone matter.
        """
        points = with_held_out(self.maps)
        drawn = (options or self.options).drawn(points, self.images.grouping)
        return points_table(self.maps, drawn)

    def select(self, rows: ArrayLike, words: str = "") -> Selection:
        """A selection of images by their rows in the image set."""
        return Selection.from_rows(self.maps, rows, words)

    def search(self, text: str) -> Selection:
        """The images that have all words of a text, or parts of words, in any column, caption or
        file name, whatever their case; SelectionError where none has."""
        return find_words(self.maps, text)

    def like(self, image: int | str, images: int = NEAREST) -> Selection:
        """An image and the images nearest to it in the full space of each model.

        Args:
            image: its row in the image set, or its id in the tables, such as ``p12``.
            images: how many of each model, with itself.
        """
        row = str(image).removeprefix("p")
        if not row.isdecimal():
            raise SelectionError(f"No image has the id {image!r}; ids are like p12.")
        return find_alike(self.maps, int(row), images)

    def __repr__(self) -> str:
        return f"<Comparison {', '.join(model.key for model in self.models)}>"

    def _repr_mimebundle_(self, **_kinds: Any) -> dict[str, str]:
        frame = offline_page.frame(self.maps, self.options)
        return {"text/html": frame, "text/plain": repr(self)}


def compare(
    *models: Model | str, options: MapOptions | None = None, map: str = "", **settings: Any
) -> Comparison:
    """Put one or two models on linked maps.

    Args:
        models: as `vlcore.train` and `vlcore.load` return them, or their keys. The second
            is aligned to the first.
        options: what is drawn and how: projection, colours, overlays, filters.
        map: ``pca``, ``umap`` or ``tsne``, in place of the projection of the options.
        settings: other fields of `vlcore.Projection`, such as ``seed=1``, or of
            `vlcore.MapOptions`, such as ``colour_by="prediction"``.

    Raises:
        LabError: when there is no model, no such map or setting, or the models have other images.

    >>> import vlcore as vl
    >>> short = vl.train(vl.Condition(bias=0.75, steps=12))
    >>> long = vl.train(short.condition.replace(labels="descriptive"))
    >>> both = vl.compare(short, long, colour_by="prediction")
    >>> both.chart()  # doctest: +SKIP
    >>> len(both.points)
    320
    """
    options = options or MapOptions()
    projected = {field.name for field in fields(Projection)} & settings.keys()
    of_projection = {name: settings.pop(name) for name in projected}
    if map or of_projection:
        options = options.replace(projection=Projection(map or "pca", **of_projection))
    return Comparison(models, options.replace(**settings))


def blocks_of(keys: Sequence[str], panel: str, inputs: Mapping[str, Any]) -> list[Block]:
    """Run a panel on models by their keys: what a worker process is given."""
    return find_panel(panel).blocks(Comparison(keys), **inputs)
