"""All runs of an image set on this server: equal settings stacked as seeds, to sort and to open."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import streamlit as st

from vlcore.api.differences import controlled_baseline
from vlcore.api.tried_settings import SeedStack, filter_stacks, setting_choices, stack_seeds
from vlcore.artifacts.store import StoreError
from vlcore.data.imageset import ImageSet
from vlcore.experiment.options import ArtifactKind
from vlcore.metrics import catalogue
from vlcore.web import cache, widgets
from vlcore.web.compare.models import comparable


def show_tried_settings(images: ImageSet) -> None:
    """Show the table of runs with its filters, and links for the row that is ticked."""
    models = {}
    for key, condition in comparable(images).items():
        if condition.kind in (ArtifactKind.TRAINED, ArtifactKind.PRETRAINED):
            with suppress(StoreError):  # a damaged one is set aside by being read
                models[key] = condition, cache.artifact(key).metrics["end"]
    stacks = stack_seeds(models)
    if not stacks:
        st.caption("Models of this image set will be listed here, with their measures.")
        return
    names = {
        catalogue.words_of(measure.name, images.grouping): measure.name
        for measure in catalogue.table_measures()
    }
    default = list(names.values()).index(catalogue.PRIMARY)
    left, right = st.columns([2, 3])
    widgets.accept_former_names("tried_by", catalogue.former_words(images.grouping))
    words = left.selectbox("Measure", list(names), default, **widgets.in_address("tried_by"))
    measure, settings = names[words], setting_choices(stacks)
    only = right.multiselect(
        "Only", list(settings), **widgets.in_address("tried_only"), placeholder="all settings"
    )
    stacks = filter_stacks(stacks, (settings[name] for name in only))
    number_format = "percent" if catalogue.measure_of(measure).in_percent else "%.3g"
    columns = {
        name: st.column_config.NumberColumn(label, format=number_format)
        for name, label in {"value": words, "From": "From", "To": "To"}.items()
    }
    ticked = st.dataframe(
        [_row(stack, measure) for stack in stacks],
        column_config=columns,
        hide_index=True,
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        key=f"tried_{measure}_{len(stacks)}",
    )
    st.caption(
        "“From” and “to” are a 95 % interval: over the seeds of a row, or over the test scenes of"
        " its one run. Click a header to sort; tick a row to open it."
    )
    for number in ticked.selection["rows"][:1]:
        link_stack(stacks[number], set(models))


def _row(stack: SeedStack, measure: str) -> dict[str, Any]:
    row = {"Model": stack.words, "Steps": stack.condition.steps, "Seeds": len(stack.keys)}
    if estimate := stack.estimate(measure):
        row |= {"value": estimate.value, "From": estimate.low, "To": estimate.high}
    return row


def link_stack(stack: SeedStack, trained: Collection[str]) -> None:
    """Link to Compare: the model beside its baseline if that is trained, and two of its seeds."""
    baseline, what = controlled_baseline(stack.condition) or (None, "")
    links = {"Open in Compare": stack.keys[:1]}
    if baseline and baseline.key in trained:
        links = {f"Compare with {what}": (baseline.key, stack.keys[0])}
    if len(stack.keys) > 1:
        links["Compare two of its seeds"] = stack.keys[:2]
    with st.container(horizontal=True):
        for label, keys in links.items():
            widgets.link_to_models(label, stack.condition.data, keys)
