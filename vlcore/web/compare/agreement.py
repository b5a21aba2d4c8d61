"""Shared neighbours of two models on the Compare page: a sentence under the maps, and a section."""

from collections.abc import Sequence

import streamlit as st

from vlcore.api.agreement import NeighbourAgreement, compare_neighbours
from vlcore.experiment.plain_text import plain
from vlcore.plots.options import PCA
from vlcore.web import cache, widgets
from vlcore.web.compare.view import Shown

AT_ONCE = 2_500  # images of a map up to which the sentence takes less than a second


def show_sentence(view: Shown) -> None:
    """Say under maps of few images how many neighbours the models share."""
    largest = max(len(model.rows) for model in view.comparison.models)
    if len(set(view.keys)) > 1 and largest <= AT_ONCE:
        with widgets.reason_if_absent("compare_arrows"):
            st.markdown(plain(_agreement(view.keys).sentence))


def show_agreement(view: Shown) -> None:
    """Show how many neighbours the models share, and the images whose neighbours changed most."""
    with widgets.reason_if_absent("compare_arrows"):
        agreement = _agreement(view.keys)
        st.markdown(plain(agreement.sentence))
        st.caption(
            "Neighbours are the nearest images by cosine in the full space. Two models with one"
            " seed start from the same weights, so they share all neighbours before training."
        )
        st.markdown("**The images whose neighbours changed most**")
        k = agreement.trained.k
        lines = {
            image.row: [f"{k * image.shared:.0f} of {k} shared", f"mean rank {image.rank:.0f}"]
            for image in agreement.furthest().itertuples()
        }
        widgets.show_images(view.images, lines)
        st.caption(
            "Mean rank: the place of one model's neighbours among all"
            f" {len(agreement.rows) - 1:,} other images in the other model."
        )


@st.cache_resource(
    max_entries=30, show_spinner="Comparing neighbours …", hash_funcs=cache.BY_CONTENT
)
def _agreement(keys: Sequence[str]) -> NeighbourAgreement:
    return compare_neighbours(cache.comparison(keys, PCA))
