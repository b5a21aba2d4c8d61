"""Controls of the maps of a page, all in the address.

What a map shows depends on choices that its reader must see; a new seed is one click away, so that
all see the noise. Labels and help are those of `vlcore.plots.options`.
"""

import random
from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import colourings, maps
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.limits import JOB_SECONDS, LONG_JOB_SECONDS
from vlcore.experiment.plain_text import plain
from vlcore.metrics.projection import MANY
from vlcore.plots.options import (
    KINDS,
    OVERLAYS,
    PCA,
    PLAIN,
    SEEDS,
    SPLITS,
    MapOptions,
    MapOptionsError,
    Projection,
    option_infos,
)
from vlcore.web import cache, jobs, widgets, work

Start = Callable[[], None]
_KINDS = {words: kind for kind, words in KINDS.items()}
_PROJECTION = option_infos(Projection)
_OPTIONS = option_infos(MapOptions)


def choose_map_options(
    images: ImageSet,
    keys: Sequence[str],
    bar: DeltaGenerator,
    overlays: Collection[str] = OVERLAYS,
    has_filters: bool = True,
) -> MapOptions:
    """The options of the maps of models, chosen behind two buttons of a bar; their projection is
    PCA until another one is fitted. `overlays` are those that the page offers."""
    with bar.popover("Map", icon=":material/scatter_plot:", key="menu-map"):
        info = _PROJECTION["kind"]
        kind = _KINDS[widgets.choose_one(info.label, _KINDS, "map", KINDS["pca"], info.help)]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            projection = PCA if kind == PCA.kind else _seeded(kind)
        colour_by = choose_colours(images, [cache.map_of_model(key) for key in keys])
    with bar.popover("Show more", icon=":material/layers:", key="menu-layers"):
        chosen: dict[str, Any] = {
            name: _overlay(name) for name in overlays if kind in _OPTIONS[name].kinds
        }
        if has_filters:
            info = _OPTIONS["split"]
            chosen["groups"] = _groups(images.grouping)
            chosen["split"] = widgets.choose_one(info.label, SPLITS, "split", "all", info.help)
    if not fitted(keys, projection):
        projection = PCA
    return MapOptions(projection, colour_by=colour_by, **chosen)


def choose_colours(images: ImageSet, models: Sequence[ModelMap]) -> str:
    """What colours stand for on maps of models."""
    info, choices = _OPTIONS["colour_by"], colourings.choices(images, models)
    chosen = st.selectbox(
        info.label,
        choices,
        format_func=lambda name: choices[name].label,
        **widgets.in_address("colour", info.help),
    )
    return chosen if chosen in choices else PLAIN.colour_by


def _overlay(name: str) -> bool:
    info = _OPTIONS[name]
    return st.toggle(info.label, **widgets.in_address(f"show_{name}", info.help))


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


def _seeded(kind: str) -> Projection:
    """The map of a kind with the seed in the address."""
    if st.session_state.pop("map_reroll", False):
        # no secret
        st.session_state["map_seed"] = float(random.randrange(1, SEEDS))  # noqa: S311
    info = _PROJECTION["seed"]
    seed = widgets.integer_input(
        info.label, 0, SEEDS - 1, PCA.seed, "map_seed", info.help, width=130
    )
    if st.button("Re-roll", icon=":material/casino:"):
        st.session_state["map_reroll"] = True
        st.rerun()
    return Projection(kind, seed=seed)


def fitted(keys: Sequence[str], projection: Projection) -> bool:
    """Whether the maps are published; else they are queued, and their progress is shown."""
    if not projection.fitted:
        return True
    models = {maps.map_key(key, projection): key for key in keys}
    if all(work.view(key).done for key in models):
        return True
    artifacts = [cache.artifact(key) for key in keys]
    try:
        maps.check_size(artifacts, projection)
    except MapOptionsError as error:
        st.caption(plain(str(error)))
        return False
    is_large = sum(map(maps.image_count, artifacts)) > MANY
    kind = KINDS[projection.kind]
    long = "a few minutes" if is_large else "a few seconds"
    st.caption(f"{kind} has to be fitted first, in {long}; until then the maps are PCA.")

    def start(wanted: Sequence[str]) -> None:
        for key in wanted:
            work.ask(
                key,
                maps.make_map,
                models[key],
                projection,
                short=not is_large,  # else the small maps of others would wait for it
                limit=LONG_JOB_SECONDS if is_large else JOB_SECONDS,
            )

    key = f"fit_{projection.kind}"
    return jobs.need(list(models), start, f"Fit {kind}", key=key, by_itself=True)
