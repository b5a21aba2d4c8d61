"""Clusters of the maps on the Compare page: a table, of which a row is selected by a click."""

import streamlit as st

from vlcore.api.clusters import HOW_TO_READ, Cluster, clusters_in_words, named_clusters
from vlcore.api.selections import Selection
from vlcore.experiment.plain_text import plain
from vlcore.web import shell, widgets
from vlcore.web.compare import selections
from vlcore.web.compare.view import Shown

MOST_AT_ONCE = 20  # rows without a scroll bar


def show(view: Shown) -> None:
    """List the clusters of every map."""
    st.subheader("Clusters")
    comparison = view.comparison
    table = clusters_in_words(comparison)
    if len(view.keys) == 1:
        table = table.drop(columns="Map")
    key = f"clusters-{view.map_key}"
    listed: list[tuple[str, Cluster | None]] = []  # as the rows of the table
    for name, clusters in zip(comparison.named, named_clusters(comparison), strict=True):
        listed += [(name, cluster) for cluster in clusters]
        listed.append((name, None))

    def choose() -> None:
        for row in st.session_state[key]["selection"]["rows"]:
            name, cluster = listed[row]
            if cluster is not None:
                words = f"cluster {cluster.label} of the {name} map"
                selections.select(Selection(comparison, cluster.rows, words))

    if shell.is_narrow():
        widgets.show_table(table)
        how_to_select = "Tap a name on a map"
    else:
        st.dataframe(
            table,
            hide_index=True,
            width="stretch",
            height="content" if len(table) <= MOST_AT_ONCE else "auto",
            key=key,
            on_select=choose,
            selection_mode="single-row",
        )
        how_to_select = "Tick a row, or click a name on a map,"
    st.caption(plain(f"{how_to_select} to select its images. {HOW_TO_READ}"))
