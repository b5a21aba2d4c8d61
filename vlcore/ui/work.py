"""What has been read from the disk, once for all visitors.

The one idea: everything in a cache is read-only and named by content (key and digest of an artefact, name and version
of an image set), so that a refresh, a second tab and thirty visitors see the same and pay once. Training stands behind
a queue (`vlcore.ui.jobs`), never behind a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vlcore.conditions import Condition
from vlcore.figures.theme import Palette
from vlcore.images.catalogue import open_set, set_stamp
from vlcore.images.imagesets import ImageSet
from vlcore.images.thumbs import thumb_uri
from vlcore.runs import (
    compare,
    layouts,
    placement,
    store,
)
from vlcore.runs.model_maps import ModelMap
from vlcore.runs.placement import Loaded
from vlcore.runs.projections import PCA, Projection


def _content(text: str) -> bytes:
    """A string, with the state of the files of the artefact whose key it is, if it is one."""
    state = store.fingerprint(text) if store.KEY_PATTERN.fullmatch(text) and ".." not in text else ""
    return f"{text} {state}".encode()


# What names a cached result: its arguments by their content. Streamlit takes no defaults into a name, and leaves
# arguments out that begin with an underscore.
BY_CONTENT: dict[str | type, Callable[[Any], Any]] = {
    str: _content,
    ImageSet: lambda images: (images.name, images.version),
    Palette: lambda palette: palette.name,
}


@st.cache_resource(max_entries=400, show_spinner=False, hash_funcs=BY_CONTENT)
def artefact(key: str) -> store.Artefact:
    """A published artefact; its checksums are computed once as long as its files stay as they are.

    Raises:
        StoreError: when it is absent or damaged.
    """
    return store.read(key)


def conditions() -> dict[str, Condition]:
    """The models on the disk by key, with what each is; those of a version whose settings are no longer known are left
    out. Nothing but that is read of them: listing many must not cost their checksums."""
    found = {key: _condition(key) for key in store.model_keys()}
    return {key: condition for key, condition in found.items() if condition is not None}


@st.cache_resource(max_entries=2000, show_spinner=False, hash_funcs=BY_CONTENT)
def _condition(key: str) -> Condition | None:
    return store.condition_of(key)


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=BY_CONTENT)
def model_map(key: str, projection: Projection, among: Sequence[str]) -> ModelMap:
    """One model's map, read once; `among` are the models that a common fit was made of, none for any other map."""
    return compare.load_map(key, projection, among, read=artefact, ask=lambda found: model(found.key))


@st.cache_resource(max_entries=60, show_spinner="Putting the maps beside each other …", hash_funcs=BY_CONTENT)
def comparison(keys: Sequence[str], projection: Projection) -> compare.Comparison:
    """Maps beside each other, put together once."""

    def load(key: str, projection: Projection, among: Sequence[str]) -> ModelMap:
        return model_map(key, projection, among if projection.together else ())

    return compare.open(keys, projection, load=load, images=image_set, thumbs=thumbs)


@st.cache_resource(max_entries=100, show_spinner=False, hash_funcs=BY_CONTENT)
def described(keys: Sequence[str]) -> layouts.Described:
    """Who is near whom in each model, in words, worked out once."""
    together = comparison(keys, PCA)
    return layouts.described(together, image_set(together.models[0]))


def image_set(model: ModelMap) -> ImageSet:
    """The image set that a model was trained on."""
    return _image_set(model.artefact.condition.data, model.artefact.condition.data_version)


@st.cache_resource(max_entries=8, show_spinner=False)
def _image_set(name: str, version: str) -> ImageSet:
    return open_set(name, version)


def named_set(name: str) -> ImageSet:
    """An image set by its name, in the version that it has now.

    Raises:
        ImageSetError: when there is no such set.
    """
    return _named_set(name, set_stamp(name))


@st.cache_resource(max_entries=8, show_spinner="Reading the image set …")
def _named_set(name: str, stamp: int) -> ImageSet:
    return open_set(name)


def thumbs(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """Small pictures of rows as data URIs; drawn first where their files are gone."""
    images.ensure_rendered(rows, lambda _done, _of: None)
    return [_thumb(images.name, images.version, row) for row in rows]


@st.cache_data(max_entries=20_000, show_spinner=False)
def _thumb(name: str, version: str, row: int) -> str:
    return thumb_uri(_image_set(name, version).image(row))


def embed(key: str, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Embeddings of a visitor's pictures in a trained model, (n, E); the weights are read once for everybody."""
    return model(key).embed_pictures(pictures)


@st.cache_resource(max_entries=20, show_spinner="Loading the model …", hash_funcs=BY_CONTENT)
def model(key: str) -> Loaded:
    """A published model that can be asked of pictures and captions, read once for everybody."""
    return placement.load(artefact(key))


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs=BY_CONTENT)
def snapshots(key: str) -> dict[str, NDArray[Any]]:
    """The arrays of a model's snapshots, read once."""
    return artefact(key).arrays("snapshots.npz")
