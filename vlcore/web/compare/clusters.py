"""Clusters of the maps on the Compare page: a table, of which a row is selected by a click."""

import numpy as np
import streamlit as st

from vlcore.api.clusters import HOW_TO_READ, Cluster, clusters_in_words, named_clusters
from vlcore.api.selections import Selection
from vlcore.experiment.plain_text import plain
from vlcore.web import shell, widgets
from vlcore.web.compare import selections
from vlcore.web.compare.view import Shown

MOST_AT_ONCE = 20  # rows without a scroll bar


def show(view: Shown, selection: Selection | None) -> None:
    """List the clusters of every map, with a tick at the one that is selected."""
    st.subheader("Clusters")
    comparison = view.comparison
    table = clusters_in_words(comparison)
    if len(view.keys) == 1:
        table = table.drop(columns="Map")
    listed: list[tuple[str, Cluster | None]] = []  # as the rows of the table
    for name, clusters in zip(comparison.named, named_clusters(comparison), strict=True):
        listed += [(name, cluster) for cluster in clusters]
        listed.append((name, None))
    ticked = [row for row, (_, cluster) in enumerate(listed) if _is_selected(cluster, selection)]
    # A table keeps the tick that it has: another selection needs another one.
    key = f"clusters-{view.map_key}-{ticked}"

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if not rows:
            selections.clear()
        for row in rows:
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
            selection_default={"selection": {"rows": ticked[:1]}},
        )
        how_to_select = "Tick a row, or click a name on a map,"
    st.caption(plain(f"{how_to_select} to select its images. {HOW_TO_READ}"))


def _is_selected(cluster: Cluster | None, selection: Selection | None) -> bool:
    """Whether the images of a cluster are the selected ones."""
    if cluster is None or selection is None:
        return False
    return np.array_equal(np.sort(cluster.rows), np.sort(selection.rows))
