"""How the maps of a page are made and drawn: the controls, all in the address.

What a map shows depends on choices that its reader must see; a new seed is one click away, so that
all see the noise.
"""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import maps
from vlcore.experiment.grouping import Grouping
from vlcore.jobs.jobs import JobStatus, State
from vlcore.plots.maps.legend import COLOURINGS
from vlcore.plots.maps.tables import MapOptions
from vlcore.web import jobs, widgets, work

LONGEST = 200  # characters of a caption that somebody types
_BY_NAME = {words: kind for kind, words in maps.KINDS.items()}
_FITS = ("each on its own", "all together")
# Fields of `MapOptions` that are switched on by themselves: label, name in the address, what it
# shows.
_LAYERS = {
    "pictures": ("Pictures as points", "pictures", "Every mark becomes its picture."),
    "movement": (
        "Movement",
        "movement",
        "A line from where a picture is in the first map to its place in the other.",
    ),
    "twins": (
        "Counterfactual arrows",
        "arrows",
        (
            "Click a held-out picture: arrows join the four versions of its scene, from one"
            " background to the other and from one animal to the other."
        ),
    ),
    "neighbours": (
        "True neighbours",
        "neighbours",
        (
            "Lines from the picture under the pointer to its five nearest in the full space; where"
            " they are long, the map deceives."
        ),
    ),
    "trust": (
        "How far to trust each place",
        "trust",
        "Marks whose neighbours on the map are not neighbours in the full space are shown as such.",
    ),
    "ghost": (
        "Untrained ghost",
        "ghost",
        (
            "Where the same pictures lay before the first step, in the background: what training"
            " did not do."
        ),
    ),
}


def choose(
    grouping: Grouping, keys: Sequence[str], bar: DeltaGenerator
) -> tuple[maps.Projection, MapOptions]:
    """The kind of map of models and its settings, PCA until it is fitted, and what is drawn on it,
    each behind a button of a bar."""
    with bar.popover("Map", icon=":material/scatter_plot:", key="menu-map"):
        fitted_ones = "UMAP and t-SNE keep neighbours together; their distances mean little"
        about = (
            f"PCA is exact and the same at every visit. {fitted_ones}, and another seed gives"
            " another map."
        )
        about += " Prompt axes mean the same in every model."
        kind = _BY_NAME[widgets.one_of("Map", _BY_NAME, "map", "PCA", about)]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            projection = _prompt_axes(grouping) if kind == "prompts" else _projection(kind)
        colour_by = st.selectbox("Colour by", COLOURINGS, **widgets.in_address("colour"))
    with bar.popover("Show more", icon=":material/layers:", key="menu-layers"):
        shown = {
            field: st.toggle(label, **widgets.in_address(f"show_{key}", about))
            for field, (label, key, about) in _LAYERS.items()
            if (field != "movement" or len(keys) > 1) and (field != "ghost" or kind == "pca")
        }
    return projection if fitted(keys, projection) else maps.PCA, MapOptions(
        colour_by=colour_by or "group", **shown
    )


def _prompt_axes(grouping: Grouping) -> maps.Projection:
    position = (
        "An image's position along the axis is how much nearer it is to the second than to the"
        " first"
    )
    words = "A caption that is far from what a model was trained on is named under the maps"
    about, texts = f"Any words. {position}, in every model alike. {words}.", []
    labels = {"a": "Across, from", "b": "to", "c": "Up, from", "d": "to"}
    usual_words = (*grouping.objects, *grouping.contexts)
    for column, (name, label), usual in zip(
        st.columns(2) * 2, labels.items(), usual_words, strict=True
    ):
        in_address = widgets.in_address(
            f"prompt_{name}", about if name == "a" else None, max_chars=LONGEST
        )
        texts.append(column.text_input(label, usual, **in_address).strip() or usual)
    first, second, third, fourth = texts
    return maps.Projection("prompts", prompts=(first, second, third, fourth))


def _projection(kind: str) -> maps.Projection:
    def choice(
        label: str,
        values: Sequence[Any],
        usual: int,
        key: str,
        width: int,
        about: str | None = None,
    ) -> Any:
        return st.selectbox(label, values, usual, **widgets.in_address(key, about, width=width))

    if kind == "pca":
        numbers = range(1, maps.COMPONENTS + 1)
        across = choice("Across", numbers, 0, "pca_x", 90, "Which principal component.")
        up = choice("Up", numbers, 1, "pca_y", 90)
        if across == up:
            st.caption("Two different components make a map; 1 and 2 are shown.")
            return maps.PCA
        return maps.Projection(components=(across, up))
    if kind == "umap":
        few = "Few keep small neighbourhoods, many the coarse arrangement."
        pulled = (
            "the same picture is pulled to the same place in all maps, as far as its neighbours"
            " allow"
        )
        together = (
            "On its own, each map may lie anywhere: compare who is near whom. All together,"
            f" {pulled}."
        )
        tight = "How tightly points may be packed."
        settings = {
            "neighbours": choice("Neighbours", maps.NEIGHBOURS, 2, "umap_neighbours", 120, few),
            "min_dist": choice("Least distance", maps.MIN_DISTS, 1, "umap_dist", 130, tight),
            "together": choice("Fitted", _FITS, 0, "umap_fit", 170, together) == _FITS[1],
        }
    else:
        about = "About how many neighbours each picture counts."
        settings = {
            "perplexity": choice("Perplexity", maps.PERPLEXITIES, 2, "tsne_perplexity", 120, about)
        }
    if st.session_state.pop(f"{kind}_reroll", False):
        st.session_state[f"{kind}_seed"] = float(random.randrange(1, maps.SEEDS))  # noqa: S311  # no secret
    seed = widgets.whole("Seed", 0, maps.SEEDS - 1, 0, f"{kind}_seed", width=130)
    noise = "The same settings with another seed: what changes between the maps was noise."
    if st.button("Re-roll", icon=":material/casino:", help=noise):
        st.session_state[f"{kind}_reroll"] = True
        st.rerun()
    return maps.Projection(kind, seed=seed, **settings)


def fitted(keys: Sequence[str], choice: maps.Projection) -> bool:
    """Whether the maps are there; else they are queued, and their progress shown."""
    if not choice.fitted:
        return True
    wanted = maps.map_keys(keys, choice)
    groups = (
        [list(keys)]
        if len(wanted) == 1 and choice.together
        else [[key] for key in dict.fromkeys(keys)]
    )
    views = [work.view(key) for key in wanted]
    if all(view.done for view in views):
        return True
    together = zip(wanted, groups, strict=True)
    fit = {key: partial(work.ask, key, maps.make_map, models, choice) for key, models in together}
    st.caption(
        f"{maps.KINDS[choice.kind]} has to be fitted first, in a few seconds; until then the maps"
        " are PCA."
    )
    jobs.start_or_offer(fit, f"Fit {maps.KINDS[choice.kind]}")

    def draw(now: list[JobStatus]) -> None:
        for view in now:
            if view.state not in (State.DONE, State.ABSENT):
                jobs.progress_or_start(
                    view, "Fit it again", fit[view.key], job="This fit", key=f"fit_{view.key}"
                )

    jobs.watch(wanted, draw)
    return False
