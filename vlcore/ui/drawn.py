"""Charts that are drawn once and shown often.

The one idea: checking and serialising a chart of 800 marks takes half a second, and a page that polls or is clicked
would pay it each time, for every visitor. So what is cached is the finished specification, named by the digests of what
it shows, and Streamlit gets that instead of the chart. Charts that are not kept take the same way: `st.altair_chart`
switches, while it draws, how Altair writes data down in *all* threads, and a chart that another visitor's page is just
finishing would lose its data, in the cache and for good.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from vlcore.figures.charts import group_board
from vlcore.figures.maps import linked_maps, small_map
from vlcore.figures.theme import DARK, LIGHT, Palette
from vlcore.runs import words
from vlcore.ui import work

Spec = dict[str, Any]
_PALETTES = {palette.name: palette for palette in (LIGHT, DARK)}


def show(spec: Spec, *, alt: str, **options: Any) -> Any:
    """Show a specification; `options` are those of `st.vega_lite_chart`, and what it returns is returned."""
    # A copy of the outermost level: Streamlit moves the data out of the dictionary that it is given.
    return st.vega_lite_chart(dict(spec), theme=None, width="content", alt=alt, **options)


def card_map(key: str, palette: Palette, side: int) -> Spec:
    """The small map of one model."""
    return _card_map(key, palette.name, side, work.artefact(key).digest)


@st.cache_resource(max_entries=100, show_spinner=False)
def _card_map(key: str, palette: str, side: int, digest: str) -> Spec:
    points, captions = work.single_map(key)
    grouping = work.image_set(work.model_map(key, "pca")).grouping
    return small_map(points, captions, palette=_PALETTES[palette], grouping=grouping, side=side).to_dict()


def maps(left: str, right: str, kind: str, palette: Palette, side: int) -> Spec:
    """The linked maps of two models."""
    return _maps(left, right, kind, palette.name, side, work.artefact(left).digest, work.artefact(right).digest)


@st.cache_resource(max_entries=60, show_spinner="Drawing the two maps …")
def _maps(left: str, right: str, kind: str, palette: str, side: int, left_digest: str, right_digest: str) -> Spec:
    both = work.comparison(left, right, kind)
    return linked_maps(
        both.points,
        both.captions,
        both.left_info,
        both.right_info,
        palette=_PALETTES[palette],
        grouping=work.image_set(both.left).grouping,
        side=side,
    ).to_dict()


def board(left: str, right: str, palette: Palette) -> Spec:
    """The group accuracies of two models."""
    return _board(left, right, palette.name, work.artefact(left).digest, work.artefact(right).digest)


@st.cache_resource(max_entries=60, show_spinner=False)
def _board(left: str, right: str, palette: str, left_digest: str, right_digest: str) -> Spec:
    both = work.comparison(left, right, "pca")
    grouping = work.image_set(both.left).grouping
    return group_board(words.group_rows(both), palette=_PALETTES[palette], grouping=grouping, width=540).to_dict()
