"""What has been read from the disk, once for all visitors.

Everything in a cache is read-only and named by content (key and digest of an artifact, name and
version of an image set), so that thirty visitors pay once. Training stands behind a queue
(`vlcore.web.work`), never behind a cache.
"""

import re
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import altair as alt
import pandas as pd
import pyarrow as pa
import streamlit as st

from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.description import LayoutDescription, describe_layouts, place_groups
from vlcore.api.maps import PCA, Projection
from vlcore.api.model_map import ModelMap
from vlcore.api.model_map import model_map as read_map
from vlcore.api.offline_page import figure
from vlcore.api.small_images import draw_thumbs
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set, set_stamp
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.metrics.layout import Placed
from vlcore.model import load as run_load
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.small import small_map
from vlcore.plots.maps.tables import PLAIN, MapOptions
from vlcore.plots.theme import Palette
from vlcore.web import serving

Spec = dict[str, Any]
_PLACE = re.compile(r"[xy]\d?")  # columns of a map, by pane


def _content(text: str) -> bytes:
    """A string, with the state of the files of the artifact whose key it is, if it is one."""
    is_key = "-" in text and ".." not in text and store.KEY_PATTERN.fullmatch(text)
    state = store.fingerprint(text) if is_key else ""
    return f"{text} {state}".encode()


# What names a cached result: its arguments by their content, but for defaults and what begins with
# an underscore.
BY_CONTENT: dict[str | type, Callable[[Any], Any]] = {
    str: _content,
    ImageSet: lambda images: (
        f"set {images.name} {images.version}"
    ),  # which is no key, so nobody looks for its files
    Palette: lambda palette: f"palette {palette.name}",
}
# Maps are drawn in turn: at once they would share one core, and all be late. Within a turn nothing
# cached is asked for.
_TURN = Lock()
_conditions: dict[str, Condition] = {}  # what a key names does not change


@st.cache_resource(max_entries=400, show_spinner=False, hash_funcs=BY_CONTENT)
def artifact(key: str) -> store.Artifact:
    """A published artifact, or StoreError where it is absent or damaged; checked again only when
    its files change."""
    return store.read(key)


def conditions() -> dict[str, Condition]:
    """The models on the disk by key, with what each is; those of a version whose settings are no
    longer known are left out. Nothing but that is read of them: listing many must not cost their
    checksums."""
    keys = store.model_keys()
    read = {key: store.condition_of(key) for key in keys if key not in _conditions}
    _conditions.update((key, condition) for key, condition in read.items() if condition is not None)
    return {key: _conditions[key] for key in keys if key in _conditions}


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=BY_CONTENT)
def model_map(key: str, projection: Projection, among: Sequence[str]) -> ModelMap:
    """One model's map, read once; `among` are the models that a common fit was made of, none for
    any other map."""
    return read_map(
        artifact(key), projection, among, load_model=lambda artifact: model(artifact.key)
    )


@st.cache_resource(
    max_entries=60, show_spinner="Putting the maps beside each other …", hash_funcs=BY_CONTENT
)
def comparison(keys: Sequence[str], projection: Projection, inline: bool = False) -> ComparedMaps:
    """Maps beside each other, put together once; small pictures by their addresses, or `inline`, as
    files have them."""
    models = [model_map(key, projection, keys if projection.together else ()) for key in keys]
    return compare_maps(models, image_set(models[0]), draw_thumbs if inline else serving.addresses)


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=BY_CONTENT)
def layouts(keys: Sequence[str]) -> LayoutDescription:
    """Who is near whom in each model, in words, worked out once."""
    together = comparison(keys, PCA)
    return describe_layouts(
        together, image_set(together.models[0]), lambda model, _: _placed(model.artifact.key)
    )


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=BY_CONTENT)
def _placed(key: str) -> Placed:
    alone = model_map(key, PCA, ())
    return place_groups(alone, image_set(alone))


def image_set(model: ModelMap) -> ImageSet:
    """The image set that a model was trained on."""
    return _image_set(model.artifact.condition.data, model.artifact.condition.data_version)


def named_set(name: str) -> ImageSet:
    """An image set by its name, in the version that it has now; ImageSetError where there is
    none."""
    return _image_set(name, None, set_stamp(name))


@st.cache_resource(max_entries=16, show_spinner="Reading the image set …")
def _image_set(name: str, version: str | None, stamp: int = 0) -> ImageSet:
    return open_set(name, version)


@st.cache_resource(max_entries=20, show_spinner="Loading the model …", hash_funcs=BY_CONTENT)
def model(key: str) -> run_load.Loaded:
    """A published model that can be asked of pictures and captions, read once for everybody."""
    return run_load.load(artifact(key))


def show(chart: alt.TopLevelMixin | Spec, *, alt: str, **options: Any) -> Any:
    """Show a chart or a specification; `options` are those of `st.vega_lite_chart`, and what it
    returns is returned."""
    spec = chart if isinstance(chart, dict) else finished(chart)
    # A copy of the outermost level: Streamlit moves the data out of the dictionary that it is
    # given.
    return st.vega_lite_chart(dict(spec), theme=None, width="content", alt=alt, **options)


def show_described(chart: alt.TopLevelMixin | Spec, key: str) -> None:
    """Show a chart that says what it is: to those who do not see it, Streamlit wants that apart."""
    spec = chart if isinstance(chart, dict) else finished(chart)
    show(
        {name: part for name, part in spec.items() if name != "description"},
        alt=spec["description"],
        key=key,
    )


def finished(chart: alt.TopLevelMixin) -> Spec:
    """A chart as a browser draws it, its tables as they are sent. It is not checked against
    Vega-Lite's schema: that takes long, and tests do it."""
    spec = chart.to_dict(validate=False)
    return {
        **spec,
        "datasets": {name: _arrow(rows) for name, rows in spec.get("datasets", {}).items()},
    }


def _arrow(rows: Sequence[dict[str, Any]]) -> bytes:
    """A table of a chart as it is sent, uncompressed: of many rows words that occur often once, and
    places to seven digits; without what only pandas reads."""
    table = pd.DataFrame(rows)
    if len(table) > 50:
        often = [
            name for name in table.select_dtypes("str") if 2 * table[name].nunique() < len(table)
        ]
        places = [name for name in table.select_dtypes("float") if _PLACE.fullmatch(name)]
        table = table.astype(dict.fromkeys(often, "category") | dict.fromkeys(places, "float32"))
    sent, out = pa.Table.from_pandas(table, preserve_index=False), pa.BufferOutputStream()
    short = [
        one.with_type(pa.string()) if one.type == pa.large_string() else one for one in sent.schema
    ]
    sent = sent.cast(pa.schema(short))
    with pa.ipc.new_stream(out, sent.schema) as stream:
        stream.write_table(sent)
    return out.getvalue().to_pybytes()


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=BY_CONTENT)
def card_map(key: str, palette: Palette, side: int) -> Spec:
    """The small map of one model."""
    alone = comparison([key], PCA)
    grouping = image_set(alone.models[0]).grouping
    with _TURN:
        return finished(
            small_map(alone.points, alone.captions, palette=palette, grouping=grouping, side=side)
        )


# A class looks at 25 pairs of the usual levels of bias in three colourings, by themes and sizes;
# each has 0.4 MB.
@st.cache_resource(max_entries=200, show_spinner="Drawing the maps …", hash_funcs=BY_CONTENT)
def maps(
    keys: Sequence[str],
    palette: Palette,
    side: int,
    projection: Projection = PCA,
    options: MapOptions = PLAIN,
    legend_place: LegendPlace = "bottom",
) -> Spec:
    """The linked maps of models, and under them the board of groups."""
    # An argument that is given has another name in the cache than its default.
    together = (
        comparison(keys, projection, inline=True)
        if options.pictures
        else comparison(keys, projection)
    )
    grouping = image_set(together.models[0]).grouping
    with _TURN:
        return finished(
            figure(together, grouping, palette, side, options, legend_place=legend_place)
        )
