"""What all visitors share: the queue of trainings, and what has been read from the disk.

The one idea: everything in a cache is read-only and named by content (key and digest of an artefact, name and version
of an image set), so that a refresh, a second tab and thirty visitors see the same and pay once. Training stands behind
the queue, never behind a cache. A wish for a training is a visitor's: nobody stops what somebody else waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vlcore.choices import ArtefactKind
from vlcore.conditions import Condition
from vlcore.images.catalogue import open_set, set_stamp
from vlcore.images.imagesets import ImageSet
from vlcore.images.thumbs import thumb_uri
from vlcore.runs import (
    checks,
    compare,
    imports,
    jobs,
    layouts,
    pipeline,
    placement,
    pretrained,
    projections,
    queues,
    store,
)
from vlcore.runs.model_maps import ModelMap
from vlcore.runs.placement import Loaded
from vlcore.runs.projections import PCA, Projection

POLL = 2.0  # seconds between looks at a running job
PATIENCE = 120.0  # seconds for what a visitor waits for
Made = TypeVar("Made")


class Visitor:
    """Somebody at a browser: there as long as the session that holds it, and with it the wish for a training."""


@st.cache_resource
def queue() -> queues.JobQueue:
    """The one queue of this server, over worker processes that end with it; one more worker does what takes seconds."""
    return queues.JobQueue(
        lambda: queues.worker_pool(ends_with_us=True), lambda: queues.worker_pool(1, ends_with_us=True)
    )


@st.cache_resource
def _helper() -> Executor:
    """One worker for what takes a second and would hold up every visitor in this process meanwhile."""
    return queues.worker_pool(1, ends_with_us=True)


def in_worker(task: Callable[..., Made], *arguments: Any) -> Made:
    """The result of a task that a worker does while this visitor waits and all others do not.

    Raises:
        StoreError: when the worker ended before it, or others keep it busy.
    """
    try:
        return _helper().submit(task, *arguments).result(PATIENCE)
    except TimeoutError as error:
        raise store.StoreError("Others are having files made just now; ask for it again in a minute.") from error
    except BrokenExecutor as error:
        _helper.clear()  # the next asker gets a new one
        raise store.StoreError("The worker that makes this file ended; ask for it again.") from error


def train(condition: Condition) -> None:
    """Queue a condition for training, unless it is there or on its way."""
    _ask(condition.key, pipeline.train_condition, condition, short=condition.kind is ArtefactKind.UNTRAINED)


def make_map(models: Sequence[str], projection: Projection) -> None:
    """Queue a UMAP or t-SNE of a trained condition, or one of several together."""
    _ask(projections.map_keys(models, projection)[0], projections.make_map, models, projection, short=True)


def bring(source: str, condition: Condition) -> None:
    """Queue the measuring of a pretrained checkpoint."""
    _ask(condition.key, pretrained.make_pretrained, source, condition, short=False)


def make_checks(images: ImageSet) -> None:
    """Queue the questions to an image set."""
    _ask(checks.checks_key(images.name, images.version), checks.make_checks, images.name, images.version, short=True)


def import_set(source: Path, name: str, options: dict[str, Any]) -> str:
    """Queue an import; returns the key of this attempt."""
    key = imports.import_key(name)
    _ask(key, imports.run_import, key, source, name, options, short=True)
    return key


def _ask(key: str, task: queues.Task, *arguments: Any, short: bool) -> None:
    _withdrawn().discard(key)
    queue().submit(key, task, *arguments, asker=_visitor(), short=short)


def cancel(keys: Iterable[str]) -> None:
    """Take back this visitor's wish for jobs, and run the page anew.

    What nobody else waits for is cancelled; a toast says what is so.
    """
    active = [key for key in keys if view(key).state.is_active]
    gone_on = [key for key in active if not queue().cancel_pending(key, _visitor())]
    _withdrawn().update(gone_on)
    if gone_on:
        whom = "It goes on" if len(gone_on) == len(active) == 1 else f"{len(gone_on)} of {len(active)} go on"
        st.session_state["toast"] = f"{whom}: somebody else waits for it. This page stops following it."
    elif active:
        st.session_state["toast"] = "Cancelled. What has begun stops after the step that it is at."
    st.rerun()


def view(key: str) -> jobs.JobStatus:
    """The state of a job as this visitor sees it: one that goes on for others alone is cancelled for them."""
    seen = queue().view(key)
    if seen.state.is_active and key in _withdrawn():
        return jobs.JobStatus(key, jobs.State.CANCELLED, {"others": True})
    return seen


def _visitor() -> Visitor:
    return cast(Visitor, st.session_state.setdefault("visitor", Visitor()))


def _withdrawn() -> set[str]:
    """Keys of jobs that this visitor no longer waits for, though others do."""
    return cast("set[str]", st.session_state.setdefault("withdrawn", set()))


def views(conditions: Sequence[Condition]) -> list[jobs.JobStatus]:
    return [view(condition.key) for condition in conditions]


def artefact(key: str) -> store.Artefact:
    """A published artefact; its checksums are computed once as long as its files stay as they are.

    Raises:
        StoreError: when it is absent or damaged.
    """
    return _artefact(key, store.fingerprint(key))


@st.cache_resource(max_entries=400, show_spinner=False)
def _artefact(key: str, stamp: str) -> store.Artefact:
    return store.read(key)


def conditions() -> dict[str, Condition]:
    """The models on the disk by key, with what each is; those of a version whose settings are no longer known are left
    out. Nothing but that is read of them: listing many must not cost their checksums."""
    found = {key: _condition(key, store.fingerprint(key)) for key in store.model_keys()}
    return {key: condition for key, condition in found.items() if condition is not None}


@st.cache_resource(max_entries=2000, show_spinner=False)
def _condition(key: str, stamp: str) -> Condition | None:
    return store.condition_of(key)


def model_map(key: str, projection: Projection = PCA, among: Sequence[str] = ()) -> ModelMap:
    """One model's map, read once; `among` are the models that a common fit was made of."""
    others = tuple(among) if projection.together else ()
    return _model_map(key, projection, others, artefact(key).digest)


@st.cache_resource(max_entries=100, show_spinner=False)
def _model_map(key: str, projection: Projection, among: tuple[str, ...], digest: str) -> ModelMap:
    return compare.load_map(key, projection, among, read=artefact, ask=lambda found: model(found.key))


def comparison(
    keys: Sequence[str], projection: Projection = PCA, uploads: Sequence[compare.Upload] = ()
) -> compare.Comparison:
    """Maps beside each other, put together once; with a visitor's pictures, which are in no cache."""
    shared = _comparison(tuple(keys), projection, tuple(artefact(key).digest for key in keys))
    return compare.with_uploads(shared, uploads)


@st.cache_resource(max_entries=60, show_spinner="Putting the maps beside each other …")
def _comparison(keys: tuple[str, ...], projection: Projection, digests: tuple[str, ...]) -> compare.Comparison:
    return compare.open(keys, projection, load=model_map, images=image_set, thumbs=thumbs)


def described(keys: Sequence[str]) -> layouts.Described:
    """Who is near whom in each model, in words, worked out once."""
    return _described(tuple(keys), tuple(artefact(key).digest for key in keys))


@st.cache_resource(max_entries=100, show_spinner=False)
def _described(keys: tuple[str, ...], digests: tuple[str, ...]) -> layouts.Described:
    together = comparison(keys)
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


def model(key: str) -> Loaded:
    """A published model that can be asked of pictures and captions, read once for everybody."""
    return _model(key, artefact(key).digest)


@st.cache_resource(max_entries=20, show_spinner="Loading the model …")
def _model(key: str, digest: str) -> Loaded:
    return placement.load(artefact(key))


def snapshots(key: str) -> dict[str, NDArray[Any]]:
    """The arrays of a model's snapshots, read once."""
    return _snapshots(key, artefact(key).digest)


@st.cache_resource(max_entries=60, show_spinner=False)
def _snapshots(key: str, digest: str) -> dict[str, NDArray[Any]]:
    return artefact(key).arrays("snapshots.npz")
