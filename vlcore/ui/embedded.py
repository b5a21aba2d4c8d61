"""What the Train page shows of a set of embeddings: nothing to train, a map and what was measured.

The one idea: such a set has one artefact, published when it was imported; the page finds it and reads it.
"""

from __future__ import annotations

import streamlit as st

from vlcore.figures.theme import Palette
from vlcore.images.imagesets import ImageSet
from vlcore.runs import imported, measured, store, words
from vlcore.runs.titles import title
from vlcore.ui import drawn, shell, work


def measured_and_mapped(images: ImageSet, palette: Palette) -> None:
    """The map of imported embeddings beside what matters most, and all that was measured below."""
    condition = imported.condition_of(images)
    source = images.about.get("source", "a file")
    if not store.published(condition.key):
        st.error(
            f"The measures of {images.name} are not on the disk; remove it with `python -m vlcore data remove "
            f"{images.name}` and import {source} again.",
            icon=":material/error:",
        )
        return
    with shell.errors_as_sentences():
        artefact = work.artefact(condition.key)
        st.markdown(
            f"Embeddings that were computed elsewhere and imported from `{source}`: there are no pictures, and nothing "
            "is trained here. They are measured and mapped like those of a model of the lab."
        )
        left, right = st.columns([3, 2])
        with left:
            chart = drawn.card_map(condition.key, palette, shell.map_side())
            drawn.show(chart, alt=f"Map of {title(condition)}", key="imported_map")
        with right:
            end = artefact.metrics["end"]
            st.markdown(f"Right on minority rows: **{measured.cell(end, 'minority_accuracy')}**")
            st.markdown(f"Right on majority rows: **{measured.cell(end, 'majority_accuracy')}**")
            st.markdown(f"A linear probe reads the object: **{measured.cell(end, 'probe_object')}**")
            st.markdown(f"A linear probe reads the background: **{measured.cell(end, 'probe_context')}**")
            for sentence in (measured.map_quality(artefact), words.small_sample_warning(artefact, images.grouping)):
                if sentence:
                    st.caption(sentence)
            for note in images.about.get("notes", ()):
                st.caption(note)
        st.subheader("Everything that was measured")
        table = measured.measures_of(artefact, images.grouping)
        reasons = st.column_config.TextColumn(width="large")
        st.dataframe(table, hide_index=True, width="stretch", column_config={"Measured": reasons})
    st.caption(f"As a file to keep: `python -m vlcore compare {condition.key} {condition.key} --out map.html`.")
