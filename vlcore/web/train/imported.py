"""Imported embeddings on the Train page: their map and measures, for nothing is trained."""

import streamlit as st

from vlcore.api import description, imports, metrics_table
from vlcore.api.model_metrics import describe_measure
from vlcore.data import subset
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import as_code, plain
from vlcore.experiment.wording import title
from vlcore.plots.options import PCA, PLAIN
from vlcore.plots.theme import Palette
from vlcore.web import cache, linked_maps, shell
from vlcore.web.linked_maps import LinkedMaps

_FIRST_MEASURES = {
    "Minority-group accuracy": "minority_accuracy",
    "Majority-group accuracy": "majority_accuracy",
    "A linear probe reads the object": "probe_object",
    "A linear probe reads the background": "probe_context",
}


def show_embeddings(images: ImageSet, palette: Palette) -> None:
    """Show the map of imported embeddings beside what matters most, and all measures below."""
    condition = imports.published_condition(images)
    source = images.about.get("source", "a file")
    artifact = cache.artifact(condition.key)
    st.markdown(
        f"Embeddings that were computed elsewhere and imported from {as_code(source)}: there are no"
        " images, and nothing is trained here. They are measured and mapped like those of a model"
        " of the lab."
    )
    left, right = st.columns([3, 2])
    with left:
        keys = [condition.key]
        alone = cache.comparison(keys, PCA)
        maps = LinkedMaps(keys, alone, images, PLAIN, palette, shell.map_side(), "bottom")
        linked_maps.show(maps, f"Map of {title(condition)}", panel=False)
    with right:
        for words, measure in _FIRST_MEASURES.items():
            st.markdown(f"{words}: **{describe_measure(artifact.metrics['end'], measure)}**")
        notes = [
            metrics_table.describe_map_quality(artifact),
            description.small_sample_warning(artifact, images.grouping),
            subset.describe_sample(images),
            *images.about.get("notes", ()),
        ]
        for sentence in filter(None, notes):
            st.caption(plain(sentence))
    st.subheader("All measures")
    columns = {"Measured": st.column_config.TextColumn(width="large")}  # there is room for reasons
    table = metrics_table.measures_of(artifact, images.grouping)
    st.dataframe(table, hide_index=True, width="stretch", column_config=columns)
    st.caption(f"As a file to keep: `python -m vlcore compare {condition.key} --out map.html`.")
