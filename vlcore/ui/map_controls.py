"""How the maps of a page are made and drawn: the controls, all in the address.

What a map shows depends on choices that its reader must see: which projection, of which settings, fitted on what; and a
new seed is one click away, so that everybody sees what of a map is noise.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

import streamlit as st

from vlcore.charts.maps.legend import COLOURINGS
from vlcore.charts.maps.tables import MapOptions
from vlcore.core.grouping import Grouping
from vlcore.runs import maps
from vlcore.runs.maps import KINDS, Projection
from vlcore.store.jobs import JobStatus, State
from vlcore.ui import jobs

LONGEST = 200  # characters of a caption that somebody types
_BY_NAME = {words: kind for kind, words in KINDS.items()}
_FITS = ("each on its own", "all together")
# Fields of `MapOptions` that are switched on by themselves: label, name in the address, what it shows.
_LAYERS = {
    "pictures": ("Pictures as points", "pictures", "Every mark becomes its picture."),
    "movement": (
        "Movement", "movement", "A line from where a picture is in the first map to where it is in the other.",
    ),
    "twins": (
        "Counterfactual arrows", "arrows",
        "Click a held-out picture: arrows join the four versions of its scene, from one background to the other and "
        "from one animal to the other.",
    ),
    "neighbours": (
        "True neighbours", "neighbours",
        "Lines from the picture under the pointer to its five nearest in the full space; where they are long, the map "
        "deceives.",
    ),
    "trust": (
        "How far to trust each place", "trust",
        "Marks whose neighbours on the map are not neighbours in the full space are shown as such.",
    ),
    "ghost": (
        "Untrained ghost", "ghost",
        "Where the same pictures lay before the first step, in the background: what training did not do.",
    ),
}  # fmt: skip


def choose(grouping: Grouping, models: int) -> tuple[Projection, MapOptions]:
    """The kind of map and its settings, and what is drawn on it, in one row."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        name = st.segmented_control(
            "Map",
            options=list(_BY_NAME),
            default="PCA",
            required=True,
            key="map",
            bind="query-params",
            help="PCA is exact and the same at every visit. UMAP and t-SNE keep neighbours together; their distances "
            "mean little, and another seed gives another map. Prompt axes mean the same in every model.",
        )
        kind = _BY_NAME.get(name or "", "pca")
        if kind != "prompts":
            projection = {"pca": _components, "umap": _umap, "tsne": _tsne}[kind]()
    if kind == "prompts":
        projection = _prompts(grouping)
    with row:
        colour_by = st.selectbox("Colour by", COLOURINGS, key="colour", bind="query-params", width=160)
        with st.popover("Show more", icon=":material/layers:"):
            shown = {
                field: st.toggle(label, key=f"show_{key}", bind="query-params", help=about)
                for field, (label, key, about) in _LAYERS.items()
                if (field != "movement" or models > 1) and (field != "ghost" or kind == "pca")
            }
    return projection, MapOptions(colour_by=colour_by or "group", **shown)


def _components() -> Projection:
    numbers = list(range(1, maps.COMPONENTS + 1))
    x = st.selectbox("Across", numbers, key="pca_x", bind="query-params", width=90, help="Which principal component.")
    y = st.selectbox("Up", numbers, index=1, key="pca_y", bind="query-params", width=90)
    if x == y:
        st.caption("Two different components make a map; 1 and 2 are shown.")
        return maps.PCA
    return Projection(components=(int(x), int(y)))


def _seed(kind: str) -> int:
    """The seed of a map, and the button that draws another."""
    if st.session_state.pop(f"{kind}_reroll", False):
        st.session_state[f"{kind}_seed"] = random.randrange(1, maps.SEEDS)  # noqa: S311  # no secret
    seed = st.number_input("Seed", 0, maps.SEEDS - 1, 0, key=f"{kind}_seed", bind="query-params", width=130)
    if st.button(
        "Re-roll",
        icon=":material/casino:",
        help="The same settings with another seed: what changes between the maps was noise.",
    ):
        st.session_state[f"{kind}_reroll"] = True
        st.rerun()
    return int(seed)


def _umap() -> Projection:
    neighbours = st.selectbox(
        "Neighbours", maps.NEIGHBOURS, index=2, key="umap_neighbours", bind="query-params", width=120,
        help="Few keep small neighbourhoods, many the coarse arrangement.",
    )  # fmt: skip
    spread = st.selectbox(
        "Least distance", maps.MIN_DISTS, index=1, key="umap_dist", bind="query-params", width=130,
        help="How tightly points may be packed.",
    )  # fmt: skip
    fit = st.selectbox(
        "Fitted", _FITS, key="umap_fit", bind="query-params", width=170,
        help="On its own, each map may lie anywhere: compare who is near whom. All together, the same picture is "
        "pulled to the same place in all maps, as far as its neighbours allow.",
    )  # fmt: skip
    seed = _seed("umap")
    return Projection("umap", neighbours=neighbours, min_dist=spread, seed=seed, together=fit == _FITS[1])


def _tsne() -> Projection:
    perplexity = st.selectbox(
        "Perplexity", maps.PERPLEXITIES, index=2, key="tsne_perplexity", bind="query-params", width=120,
        help="About how many neighbours each picture counts.",
    )  # fmt: skip
    return Projection("tsne", perplexity=perplexity, seed=_seed("tsne"))


def _prompts(grouping: Grouping) -> Projection:
    usual = maps.prompt_axes(grouping)
    columns = st.columns(4)
    words = ("Across, from", "to", "Up, from", "to")
    texts = []
    for number, (column, label, text) in enumerate(zip(columns, words, usual, strict=True)):
        with column:
            texts.append(
                st.text_input(
                    label, text, max_chars=LONGEST, key=f"prompt_{'abcd'[number]}", bind="query-params",
                    help="Any caption. A picture's place along the axis is how much nearer it is to the second than to "
                    "the first, in every model alike." if number == 0 else None,
                ).strip()
            )  # fmt: skip
    given = [text or other for text, other in zip(texts, usual, strict=True)]
    return Projection("prompts", prompts=(given[0], given[1], given[2], given[3]))


def fitted(keys: Sequence[str], choice: Projection) -> bool:
    """Whether the maps are there; else they are queued, and their progress shown."""
    if not choice.fitted:
        return True
    wanted = maps.map_keys(keys, choice)
    groups = [list(keys)] if len(wanted) == 1 and choice.together else [[key] for key in dict.fromkeys(keys)]
    models_of = dict(zip(wanted, groups, strict=True))
    views = [jobs.view(key) for key in wanted]
    if all(view.done for view in views):
        return True
    for view in views:
        if view.state is State.ABSENT:
            jobs.make_map(models_of[view.key], choice)
    st.caption(f"{KINDS[choice.kind]} is being fitted; until then the maps are PCA.")

    def draw(now: list[JobStatus]) -> None:
        for view in now:
            if view.state not in (State.DONE, State.ABSENT):
                again = partial(jobs.make_map, models_of[view.key], choice)
                jobs.progress_or_start(view, "Fit it again", again, key=f"fit_{view.key}")

    jobs.watch(wanted, draw)
    return False
