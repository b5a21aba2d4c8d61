"""Agreement of the compared models on neighbours: a sentence under the maps, a section, and a
sentence about marked images."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from vlcore.api.agreement import (
    HOW_TO_READ,
    UNTRAINED,
    Pair,
    PairAgreement,
    compare_neighbours,
    describe_agreement,
    measure_agreement,
    table_in_words,
)
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.options import PCA
from vlcore.web import cache, image_addresses, shell, widgets
from vlcore.web.compare.view import Shown

SECTION = "Agreement"  # its name among those under the maps
AT_ONCE = 2_500  # images of a map up to which the sentence is there without being asked for
MOST_MOVED = 12  # images of a pair that are listed


def show_sentence(view: Shown) -> None:
    """Say under the maps how far they agree; offer it where that takes more than a second."""
    if len(set(view.keys)) > 1 and _is_known(view, "neighbours"):
        words = plain(describe_agreement(_measured(view.keys, with_untrained=False)))
        st.markdown(f"**Do the models agree on neighbours?** {words}")


def show_agreement(view: Shown) -> None:
    """Show how far the models agree, and the images whose neighbours changed most."""
    images = view.images
    st.session_state["agreement_asked"] = list(view.keys)
    widgets.show_table(table_in_words(_measured(view.keys, with_untrained=True)))
    st.caption(HOW_TO_READ)
    first = next(iter(view.comparison.named))
    for pair in _different_models(view.keys):
        if pair.first == first:
            _show_moved(pair, images)


def _show_moved(pair: Pair, images: ImageSet) -> None:
    """List the images that moved furthest relative to their neighbours."""
    moved = pair.furthest(MOST_MOVED)
    if moved.empty:
        return
    st.markdown(
        f"**From the {pair.first} to the {pair.second} model, these moved furthest relative to"
        " their neighbours**"
    )
    rows = moved["row"].tolist()
    shows = images.table.loc[rows, ["object", "context"]].reset_index(drop=True)
    others = f"{len(pair.rows) - 1:,}"
    titles = ["Neighbours shared", f"Rank of former neighbours, of {others}"]
    widths: list[int | None] = [None, None, None]
    if shell.is_narrow():  # what fits a phone
        shows = pd.DataFrame({"object": shows["object"] + ", " + shows["context"]})
        titles = ["Shared", f"Rank of {others}"]
        widths = [110, 70, 90]
    table = shows.assign(shared=100 * moved["shared"], rank=moved["rank"])
    table.insert(0, "image", image_addresses.addresses(images, rows))
    assert not isinstance(pair.trained, str)
    about = (
        f"Mean rank that its {pair.trained.k} nearest in one model have among all {others} others"
        " in the other."
    )
    about_shared = f"Of its {pair.trained.k} nearest, how many are among them in both models."
    columns: dict[str, Any] = {
        "image": st.column_config.ImageColumn("Image", width="small"),
        "object": st.column_config.TextColumn(
            images.grouping.object_word.capitalize(), width=widths[0]
        ),
        "context": "Background",
        "shared": st.column_config.NumberColumn(
            titles[0], format="%.0f %%", help=about_shared, width=widths[1]
        ),
        "rank": st.column_config.NumberColumn(
            titles[1], format="%.0f", help=about, width=widths[2]
        ),
    }
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_config=columns,
        row_height=52,
        key=f"moved_{pair.second}",
    )


def _is_known(view: Shown, of_what: str) -> bool:
    """Whether the neighbours of these models are compared; where that takes more than a second,
    offer the section that does it."""
    keys = list(view.keys)
    is_asked = st.session_state.get("agreement_asked") == keys
    if is_asked or max(len(model.rows) for model in view.comparison.models) <= AT_ONCE:
        return True
    st.button(
        f"Do the models agree on {of_what}? Answering takes some seconds",
        icon=":material/compare_arrows:",
        type="tertiary",
        on_click=partial(st.session_state.update, agreement_asked=keys, closer=SECTION),
    )
    return False


@st.cache_resource(
    max_entries=12, show_spinner="Comparing neighbours …", hash_funcs=cache.BY_CONTENT
)
def _pairs(keys: Sequence[str]) -> list[Pair]:
    return compare_neighbours(cache.comparison(keys, PCA))


@st.cache_resource(
    max_entries=100, show_spinner="Comparing neighbours …", hash_funcs=cache.BY_CONTENT
)
def _measured(keys: Sequence[str], with_untrained: bool) -> list[PairAgreement]:
    """How far the models agree, and each with its untrained encoder where that is asked for."""
    return measure_agreement(_pairs(keys) if with_untrained else _different_models(keys))


def _different_models(keys: Sequence[str]) -> list[Pair]:
    return [pair for pair in _pairs(keys) if pair.second != UNTRAINED]
