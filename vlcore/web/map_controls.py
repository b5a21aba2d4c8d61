"""Controls of the maps of a page, all in the address.

What a map shows depends on choices that its reader must see; a new seed is one click away, so that
all see the noise. Labels and help are those of `vlcore.plots.options`.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import colourings, maps
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.limits import JOB_SECONDS, LONG_JOB_SECONDS
from vlcore.experiment.plain_text import plain
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.projection import MANY
from vlcore.plots.options import (
    COMPONENTS,
    KINDS,
    MIN_DISTS,
    NEIGHBOURS,
    OVERLAYS,
    PCA,
    PERPLEXITIES,
    PLAIN,
    SEEDS,
    SPLITS,
    MapOptions,
    MapOptionsError,
    Projection,
    option_infos,
)
from vlcore.web import cache, jobs, shell, widgets, work

Start = Callable[[], None]
LONGEST = 200  # characters of a caption that a visitor types
_KINDS = {words: kind for kind, words in KINDS.items()}
_FITS = ("each on its own", "all together")
_PROJECTION = option_infos(Projection)
_OPTIONS = option_infos(MapOptions)
# Overlays that have another name in addresses than their field.
_ADDRESSES = {"images": "pictures", "twins": "arrows", "untrained": "ghost"}


def choose_map_options(images: ImageSet, keys: Sequence[str], bar: DeltaGenerator) -> MapOptions:
    """The options of the maps of models, chosen behind two buttons of a bar; their projection is
    PCA until another one is fitted."""
    grouping = images.grouping
    with bar.popover("Map", icon=":material/scatter_plot:", key="menu-map"):
        info = _PROJECTION["kind"]
        kind = _KINDS[widgets.choose_one(info.label, _KINDS, "map", KINDS["pca"], info.help)]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            projection = _prompt_axes(grouping) if kind == "prompts" else _projection(kind)
        colour_by = choose_colours(images, [cache.map_of_model(key, PCA, ()) for key in keys])
    with bar.popover("Show more", icon=":material/layers:", key="menu-layers"):
        overlays = {name: _overlay(name) for name in OVERLAYS if kind in _OPTIONS[name].kinds}
        groups = _groups(grouping)
        info = _OPTIONS["split"]
        split = widgets.choose_one(info.label, SPLITS, "split", "all", info.help)
    if not fitted(keys, projection):
        projection = PCA
    return MapOptions(projection, colour_by=colour_by, groups=groups, split=split, **overlays)


def choose_colours(images: ImageSet, models: Sequence[ModelMap]) -> str:
    """What colours stand for on maps of models."""
    info, choices = _OPTIONS["colour_by"], colourings.choices(images, models)
    former_names = {
        choice.former_label: choice.label for choice in choices.values() if choice.words
    }
    widgets.accept_former_names("colour", former_names)
    chosen = st.selectbox(
        info.label,
        choices,
        format_func=lambda name: choices[name].label,
        **widgets.in_address("colour", info.help),
    )
    return chosen if chosen in choices else PLAIN.colour_by


def _overlay(name: str) -> bool:
    info, address = _OPTIONS[name], f"show_{_ADDRESSES.get(name, name)}"
    return st.toggle(info.label, **widgets.in_address(address, info.help))


def _groups(grouping: Grouping) -> tuple[str, ...]:
    """The groups that are drawn; none stands for all."""
    info, words = _OPTIONS["groups"], group_words(grouping)
    chosen = st.pills(
        info.label,
        grouping.names,
        selection_mode="multi",
        format_func=lambda name: words.get(name, name),
        **widgets.in_address("groups", info.help),
    )
    return tuple(name for name in grouping.names if name in chosen)


def _prompt_axes(grouping: Grouping) -> Projection:
    labels = {"a": "x axis, from", "b": "to", "c": "y axis, from", "d": "to"}
    usual_words = (*grouping.objects, *grouping.contexts)
    texts = []
    for column, (name, label), usual in zip(
        st.columns(2) * 2, labels.items(), usual_words, strict=True
    ):
        about = _PROJECTION["prompts"].help if name == "a" else None
        shell.follow_default(f"prompt_{name}", usual)
        in_address = widgets.in_address(f"prompt_{name}", about, max_chars=LONGEST)
        texts.append(column.text_input(label, usual, **in_address).strip() or usual)
    first, second, third, fourth = texts
    return Projection("prompts", prompts=(first, second, third, fourth))


def _projection(kind: str) -> Projection:
    if kind == "pca":
        numbers = range(1, COMPONENTS + 1)
        about = _PROJECTION["components"].help
        x = _choice("x axis", numbers, 0, "pca_x", 90, about)
        y = _choice("y axis", numbers, 1, "pca_y", 90)
        if x == y:
            st.caption("Two different components make a map; 1 and 2 are shown.")
            return PCA
        return Projection(components=(x, y))
    settings: dict[str, Any]
    if kind == "umap":
        info = _PROJECTION["together"]
        settings = {
            "neighbours": _setting("neighbours", NEIGHBOURS, "umap_neighbours", 120),
            "min_dist": _setting("min_dist", MIN_DISTS, "umap_dist", 130),
            "together": _choice(info.label, _FITS, 0, "umap_fit", 170, info.help) == _FITS[1],
        }
    else:
        settings = {"perplexity": _setting("perplexity", PERPLEXITIES, "tsne_perplexity", 120)}
    if st.session_state.pop(f"{kind}_reroll", False):
        # no secret
        st.session_state[f"{kind}_seed"] = float(random.randrange(1, SEEDS))  # noqa: S311
    info = _PROJECTION["seed"]
    seed = widgets.integer_input(
        info.label, 0, SEEDS - 1, PCA.seed, f"{kind}_seed", info.help, width=130
    )
    if st.button("Re-roll", icon=":material/casino:"):
        st.session_state[f"{kind}_reroll"] = True
        st.rerun()
    return Projection(kind, seed=seed, **settings)


def _setting(name: str, values: Sequence[Any], key: str, width: int) -> Any:
    """The choice of a value of a field of `Projection`."""
    info = _PROJECTION[name]
    return _choice(info.label, values, values.index(getattr(PCA, name)), key, width, info.help)


def _choice(
    label: str, values: Sequence[Any], usual: int, key: str, width: int, about: str | None = None
) -> Any:
    return st.selectbox(label, values, usual, **widgets.in_address(key, about, width=width))


def fitted(keys: Sequence[str], projection: Projection) -> bool:
    """Whether the maps are published; else they are queued, and their progress is shown."""
    if not projection.fitted:
        return True
    models_of = maps.map_fits(keys, projection)
    if all(work.view(key).done for key in models_of):
        return True
    artifacts = [cache.artifact(key) for key in keys]
    try:
        maps.check_size(artifacts, projection)
    except MapOptionsError as error:
        st.caption(plain(str(error)))
        return False
    is_large = sum(map(maps.image_count, artifacts)) > MANY
    fits = {
        key: _job(key, is_large, maps.make_map, models, projection)
        for key, models in models_of.items()
    }
    kind = KINDS[projection.kind]
    long = "a few minutes" if is_large else "a few seconds"
    st.caption(f"{kind} has to be fitted first, in {long}; until then the maps are PCA.")
    jobs.start_or_offer(fits, f"Fit {kind}")
    _watch(fits, "Fit it again", "This fit")
    return False


def _job(key: str, is_large: bool, task: Callable[..., Any], *arguments: Any) -> Start:
    """Queues a job for a worker."""
    return partial(
        work.ask,
        key,
        task,
        *arguments,
        short=not is_large,  # else the small maps of others would wait for it
        limit=LONG_JOB_SECONDS if is_large else JOB_SECONDS,
    )


def _watch(starts: Mapping[str, Start], retry_label: str, job: str) -> None:
    """Show the progress of jobs."""

    def draw(views: list[JobStatus]) -> None:
        for view in views:
            if view.state not in (State.DONE, State.ABSENT):
                start = starts[view.key]
                jobs.progress_or_start(view, retry_label, start, job=job, key=f"fit_{view.key}")

    jobs.watch(list(starts), draw)
