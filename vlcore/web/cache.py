"""Caches that all visitors share: artifacts, models, maps and charts, read or drawn once.

Everything in a cache is read-only and named by content (key and digest of an artifact, name and
version of an image set), so that thirty visitors pay once. Trainings go through a queue
(`vlcore.web.work`), never through a cache.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

import altair as alt
import pyarrow as pa
import streamlit as st

from vlcore.api import colourings, map_component
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.comparison import Comparison
from vlcore.api.metrics_table import group_accuracy_rows
from vlcore.api.model_map import ModelMap, model_map
from vlcore.api.models import Model
from vlcore.api.selections import Selection, images_key
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set, set_stamp
from vlcore.data.feature_store import without_features
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.plots import group_accuracy
from vlcore.plots.maps.drawing import MapKind, width_of_maps
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.table import packed
from vlcore.plots.options import PCA, MapOptions, Projection
from vlcore.plots.theme import Palette

Spec: TypeAlias = dict[str, Any]
Table: TypeAlias = dict[str, Any]  # as `vlcore.plots.maps.table.packed`
Drawing: TypeAlias = dict[str, Any]  # as `vlcore.plots.maps.drawing.map_drawing`


def _content(text: str) -> bytes:
    """Return a string, with the state of the files of the artifact whose key it is, if any."""
    is_key = "-" in text and ".." not in text and store.KEY_PATTERN.fullmatch(text)
    state = store.fingerprint(text) if is_key else ""
    return f"{text} {state}".encode()


# What names a cached result: its arguments by their content, but for defaults and what begins with
# an underscore.
BY_CONTENT: dict[str | type, Callable[[Any], Any]] = {
    str: _content,
    # With a space it is no key, so no files are looked for.
    ImageSet: lambda images: f"set {images.name} {images.version} {set_stamp(images.name)}",
    Palette: lambda palette: f"palette {palette.name}",
    Selection: lambda chosen: f"{images_key(chosen.comparison)} {chosen.rows.tobytes().hex()}",
    # By their names, for few pages need them.
    "vlcore.study.results.Study": lambda study: study.digest,
    "vlcore.study.answer_file.PublishedAnswer": repr,
    "vlcore.classroom.one_room.ClassPlan": repr,
}
Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")
MOST_RESULTS = 300  # of a session
_conditions: dict[str, Condition] = {}  # by key, whose condition never changes


def by_content(entries: int, spinner: str | bool = False) -> Callable[[Function], Function]:
    """Cache what a function makes, for all visitors, by the content of its arguments.

    Args:
        entries: results that are kept at most.
        spinner: what visitors who wait for it read.
    """
    cached = st.cache_resource(max_entries=entries, show_spinner=spinner, hash_funcs=BY_CONTENT)
    return cast(Callable[[Function], Function], cached)


@by_content(400)
def artifact(key: str) -> store.Artifact:
    """Read a published artifact, checked again only when its files change.

    Raises:
        StoreError: it is absent or damaged.
    """
    return store.read(key)


def model_conditions() -> dict[str, Condition]:
    """Return the conditions of the models on the disk by key, without checking their checksums.

    Models of a version whose settings are no longer known are excluded.
    """
    keys = store.model_keys()
    read = {key: store.condition_of(key) for key in keys if key not in _conditions}
    _conditions.update((key, condition) for key, condition in read.items() if condition is not None)
    return {key: _conditions[key] for key in keys if key in _conditions}


def map_of_model(key: str, projection: Projection = PCA) -> ModelMap:
    """Read one model's map."""
    return _map_of_model(key, projection)


@by_content(100)
def _map_of_model(key: str, projection: Projection) -> ModelMap:
    return model_map(artifact(key), projection)


@by_content(60, "Putting the maps beside each other …")
def comparison(keys: Sequence[str], projection: Projection) -> ComparedMaps:
    """Put the maps of models beside each other."""
    models = [map_of_model(key, projection) for key in keys]
    return compare_maps(models, image_set(models[0]))


@by_content(12, "Colouring the images …")
def coloured_comparison(
    keys: Sequence[str], projection: Projection, colour_by: str
) -> ComparedMaps:
    """Colour the maps of models, as `vlcore.api.colourings.coloured`.

    Raises:
        MapOptionsError: colours cannot stand for that.
    """
    return colourings.coloured(comparison(keys, projection), MapOptions(colour_by=colour_by))


def image_set(model: ModelMap) -> ImageSet:
    """Read the image set that a model was trained on."""
    condition = model.artifact.condition
    return _image_set(condition.data, condition.data_version, set_stamp(condition.data))


def named_set(name: str) -> ImageSet:
    """Read an image set by its name, in its current version; ImageSetError for an unknown one."""
    return _image_set(name, None, set_stamp(name))


@st.cache_resource(max_entries=16, show_spinner="Reading the image set …")
def _image_set(name: str, version: str | None, stamp: int = 0) -> ImageSet:
    return open_set(name, version)


@st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=BY_CONTENT)
def missing_features(images: ImageSet) -> list[int]:
    """Rows whose features under the pretrained tower are not stored yet."""
    return without_features(images, range(len(images.table)))


@by_content(20, "Loading the model …")
def model(key: str) -> Model:
    """Wrap a published model, whose weights are read when they are needed."""
    published = artifact(key)
    return Model(published, image_set(map_of_model(key)))


def models_together(keys: Sequence[str], options: MapOptions) -> Comparison:
    """Put models beside each other, with their maps as options say."""
    maps = coloured_comparison(keys, options.projection, options.colour_by)
    return Comparison([model(key) for key in keys], options, maps)


def once_a_session(name: tuple[Any, ...], compute: Callable[[], Result]) -> Result:
    """Return a result of this visitor's session, computed once; the oldest go when there are
    many."""
    results: dict[tuple[Any, ...], Any] = st.session_state.setdefault("asked", {})
    if name not in results:
        while len(results) >= MOST_RESULTS:
            results.pop(next(iter(results)))
        results[name] = compute()
    return results[name]


def show_chart(chart: alt.TopLevelMixin | Spec, *, alt: str, **options: Any) -> Any:
    """Show a chart or a specification, with options of `st.vega_lite_chart`; returns its result."""
    spec = chart if isinstance(chart, dict) else chart_spec(chart)
    # A copy of the outermost level, for Streamlit moves the data out of the dictionary.
    return st.vega_lite_chart(dict(spec), theme=None, width="content", alt=alt, **options)


def show_described(chart: alt.TopLevelMixin | Spec, key: str) -> None:
    """Show a chart by its own description, which Streamlit takes apart from the specification."""
    spec = chart if isinstance(chart, dict) else chart_spec(chart)
    spec = dict(spec)
    show_chart(spec, alt=spec.pop("description"), key=key)


def chart_spec(chart: alt.TopLevelMixin) -> Spec:
    """Return the specification of a chart, its tables as Arrow.

    It is not checked against Vega-Lite's schema: that takes long, and tests do it.
    """
    spec = chart.to_dict(validate=False)
    return {
        **spec,
        "datasets": {name: _arrow(rows) for name, rows in spec.get("datasets", {}).items()},
    }


def _arrow(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return a table of a chart as uncompressed Arrow, each word once."""
    table = pa.Table.from_pylist(rows)
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            words = _each_word_once(table.column(number).combine_chunks())
            table = table.set_column(number, field.name, words)
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue().to_pybytes()


def _each_word_once(column: pa.Array) -> pa.Array:
    """Return a column of text as numbers of its different words, in as few bytes as they take;
    unchanged where most rows have a word of their own."""
    words = column.dictionary_encode()
    if 2 * len(words.dictionary) > len(column):
        return column
    size = pa.int8() if len(words.dictionary) < 128 else pa.int32()
    return pa.DictionaryArray.from_arrays(words.indices.cast(size), words.dictionary)


@by_content(30, "Drawing the maps …")
def map_table(keys: Sequence[str], options: MapOptions) -> Table:
    """Pack the columns of the images of maps; of the options colours and filters do not matter."""
    together = comparison(keys, options.projection)
    columns = map_component.columns(together, options)
    return packed(columns, together.rows, map_component.sheet(together, options))


@by_content(30)
def colour_table(keys: Sequence[str], options: MapOptions) -> Table | None:
    """Pack what the colours of maps need beside `map_table`; nothing where that suffices. Of the
    options nothing else matters."""
    together = coloured_comparison(keys, options.projection, options.colour_by)
    columns = map_component.colours(together, options)
    return packed(columns, together.rows) if columns else None


@by_content(60, "Drawing the maps …")
def drawing_of_maps(
    keys: Sequence[str],
    palette: Palette,
    side: int,
    options: MapOptions,
    legend_place: LegendPlace,
    kind: MapKind = "maps",
) -> Drawing:
    """Describe how the maps of models look."""
    together = coloured_comparison(keys, options.projection, options.colour_by)
    return map_component.drawing(together, palette, side, options, legend_place, kind)


@by_content(60)
def group_panel(keys: Sequence[str], palette: Palette, side: int) -> Spec | None:
    """Draw the group accuracy panel of models by itself; nothing where no label names an object."""
    together = comparison(keys, PCA)
    rows = group_accuracy_rows(together)
    if rows.empty:
        return None
    grouping, width = together.images.grouping, width_of_maps(len(keys), side)
    return chart_spec(
        group_accuracy.group_panel(rows, palette=palette, grouping=grouping, width=width)
    )
