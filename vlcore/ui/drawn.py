"""Charts that are drawn once and shown often.

The one idea: checking and serialising a chart of 800 marks takes half a second, and a page that polls or is clicked
would pay it each time, for every visitor. So what is cached is the finished specification, named by the digests of what
it shows, and Streamlit gets that instead of the chart. Charts that are not kept take the same way: `st.altair_chart`
switches, while it draws, how Altair writes data down in *all* threads, and a chart that another visitor's page is just
finishing would lose its data, in the cache and for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import streamlit as st

from vlcore.figures.linked import MapOptions
from vlcore.figures.maps import small_map
from vlcore.figures.theme import Palette
from vlcore.images.groups import Grouping
from vlcore.runs.compare import Comparison
from vlcore.runs.comparison_figure import PLAIN, figure
from vlcore.runs.projections import PCA, Projection
from vlcore.ui import work

Spec = dict[str, Any]


def show(spec: Spec, *, alt: str, **options: Any) -> Any:
    """Show a specification; `options` are those of `st.vega_lite_chart`, and what it returns is returned."""
    # A copy of the outermost level: Streamlit moves the data out of the dictionary that it is given.
    return st.vega_lite_chart(dict(spec), theme=None, width="content", alt=alt, **options)


def finished(chart: alt.TopLevelMixin) -> Spec:
    """A chart as what a browser draws; it is not checked against Vega-Lite's schema, which takes a fifth of the time:
    the tests of figures do that."""
    spec: Spec = chart.to_dict(validate=False)
    return spec


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=work.BY_CONTENT)
def card_map(key: str, palette: Palette, side: int) -> Spec:
    """The small map of one model."""
    alone = work.comparison([key], PCA)
    chart = small_map(
        alone.points,
        alone.captions,
        palette=palette,
        grouping=work.image_set(alone.models[0]).grouping,
        side=side,
    )
    return finished(chart)


@st.cache_resource(max_entries=60, show_spinner="Drawing the maps …", hash_funcs=work.BY_CONTENT)
def maps(
    keys: Sequence[str], palette: Palette, side: int, projection: Projection = PCA, options: MapOptions = PLAIN
) -> Spec:
    """The linked maps of models, and under them the board of groups."""
    together = work.comparison(keys, projection)
    grouping = work.image_set(together.models[0]).grouping
    return finished(figure(together, grouping, palette, side, options))


def with_uploads(comparison: Comparison, grouping: Grouping, palette: Palette, side: int, options: MapOptions) -> Spec:
    """The maps with a visitor's pictures on them; nobody else sees these, so they are in no cache."""
    return finished(figure(comparison, grouping, palette, side, options, board=False))


def picked(spec: Spec, comparison: Comparison, identity: str | None) -> Spec:
    """The maps as they are when somebody arrives with a picture in the address: clicked already, arrows and all."""
    points = comparison.points
    here = points[points["id"] == identity]
    if here.empty:
        return spec
    clicked = {"pick": [{"id": identity}], "scene": [{"scene": str(here["scene"].iat[0])}]}
    params = [
        {**param, "value": clicked[param["name"]]} if param["name"] in clicked else param for param in spec["params"]
    ]
    return {**spec, "params": params}
