"""Comparisons of models: maps side by side, their films, captions, losses, uploads and pages.

The package can be called: `vlcore.compare` is what a notebook puts models side by side with, and where its code is."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlcore.compare.notebook import Model, SideBySide


class _Compare(ModuleType):
    def __call__(self, *models: Model | str, map: str = "pca", **settings: Any) -> SideBySide:
        """Put one to four models on linked maps; LabError when there is no such map, or they have other pictures.

        Args:
            models: as `vlcore.train` and `vlcore.load` return them, or their keys. Others are turned onto the first.
            map: ``pca``, ``umap``, ``tsne``, or ``prompts`` (axes between two captions).
            settings: other fields of `vlcore.runs.maps.Projection`, such as ``seed=1`` or ``components=(1, 3)``.

        >>> import vlcore as vl
        >>> short = vl.train(vl.Condition(bias=0.75, steps=12))
        >>> long = vl.train(short.condition.replace(labels="descriptive"))
        >>> both = vl.compare(short, long)
        >>> both.chart()  # doctest: +SKIP
        >>> len(both.points)
        320
        """
        from vlcore.compare.notebook import SideBySide
        from vlcore.runs.maps import Projection

        return SideBySide(models, Projection(map, **settings))


sys.modules[__name__].__class__ = _Compare
