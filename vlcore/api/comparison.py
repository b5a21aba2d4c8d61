"""Comparison of models on linked maps, as notebooks, commands and pages ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import altair as alt
import pandas as pd

from vlcore.api import offline_page
from vlcore.api.compared_maps import compare_maps
from vlcore.api.maps import Projection, make_map
from vlcore.api.metrics_table import measures_table
from vlcore.api.model_map import model_map
from vlcore.api.models import Model
from vlcore.artifacts import store
from vlcore.experiment.files import atomic
from vlcore.plots.maps.tables import PLAIN, MapOptions
from vlcore.plots.theme import DARK, LIGHT


class Comparison:
    """One to four models on linked maps; its `maps` are what the charts draw, as tables."""

    def __init__(self, models: Sequence[Model | str], projection: Projection) -> None:
        held = [model if isinstance(model, Model) else Model(store.read(model)) for model in models]
        keys = [model.key for model in held]
        if projection.kind == "prompts" and not any(projection.prompts):
            grouping = held[0].images.grouping
            projection = Projection("prompts", prompts=(*grouping.objects, *grouping.contexts))
        if projection.fitted:
            for among in [keys] if projection.together else [[key] for key in keys]:
                make_map(among, projection)
        self.images = held[0].images
        self.maps = compare_maps(
            [model_map(model.artifact, projection, keys) for model in held], self.images
        )

    def chart(
        self, side: int = 360, *, dark: bool = False, options: MapOptions = PLAIN
    ) -> alt.TopLevelMixin:
        """The linked maps, with pictures under the pointer and the board of groups beneath; `side`
        of a map in px."""
        return offline_page.figure(
            self.maps, self.images.grouping, DARK if dark else LIGHT, side, options
        )

    @property
    def points(self) -> pd.DataFrame:
        """One row a picture, with its place on every map and what each model says of it."""
        return self.maps.points.drop(columns=["thumb", "spoken"])

    def table(self) -> pd.DataFrame:
        """Every measure of every model, beside the untrained encoder and the pixels."""
        return measures_table(self.maps, self.images.grouping)

    def html(self) -> str:
        """Maps, words, numbers and film as one page that works offline."""
        return offline_page.page(self.maps, self.images)

    def save(self, path: str | Path) -> Path:
        """Write `html` to a file, whole or not at all."""
        with atomic(Path(path), durable=True) as aside:
            aside.write_text(self.html(), encoding="utf-8", newline="")
        return Path(path)

    def __repr__(self) -> str:
        return f"<Comparison {', '.join(model.artifact.key for model in self.maps.models)}>"

    def _repr_mimebundle_(self, **_kinds: Any) -> Any:
        return cast(Any, self.chart())._repr_mimebundle_()


def compare(*models: Model | str, map: str = "pca", **settings: Any) -> Comparison:
    """Put one to four models on linked maps.

    Args:
        models: as `vlcore.train` and `vlcore.load` return them, or their keys. Others are aligned
        to the first.
        map: ``pca``, ``umap``, ``tsne``, or ``prompts`` (axes between two captions).
        settings: other fields of `vlcore.api.maps.Projection`, such as ``seed=1`` or
        ``components=(1, 3)``.

    Raises:
        LabError: when there is no such map, or the models have other images.

    >>> import vlcore as vl
    >>> short = vl.train(vl.Condition(bias=0.75, steps=12))
    >>> long = vl.train(short.condition.replace(labels="descriptive"))
    >>> both = vl.compare(short, long)
    >>> both.chart()  # doctest: +SKIP
    >>> len(both.points)
    320
    """
    return Comparison(models, Projection(map, **settings))
