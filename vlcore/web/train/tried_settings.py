"""Everything that was tried on this server: equal settings stacked as seeds, to sort, to choose
from, to open."""

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


def section(images: ImageSet) -> None:
    """The table, the choices of what it shows, and what the row that is chosen leads to."""
    models = {}
    for key, condition in comparable(images).items():
        if condition.kind in (ArtifactKind.TRAINED, ArtifactKind.PRETRAINED):
            with suppress(StoreError):  # one that is damaged is set aside by being read
                models[key] = condition, cache.artifact(key).metrics["end"]
    every = stack_seeds(models)
    if not every:
        st.caption("Models of this image set will be listed here, with what they were measured at.")
        return
    names = {catalogue.words_of(one.name, images.grouping): one.name for one in catalogue.listed()}
    usual = list(names.values()).index(catalogue.PRIMARY)
    first, second = st.columns([2, 3])
    words = first.selectbox("Measure", list(names), usual, **widgets.in_address("tried_by"))
    measure, offered = names[words], setting_choices(every)
    only = second.multiselect(
        "Only", list(offered), **widgets.in_address("tried_only"), placeholder="all settings"
    )
    shown = filter_stacks(every, (offered[name] for name in only))
    style = "percent" if catalogue.measure_of(measure).in_percent else "%.3g"
    numbers = {"value": words, "From": "From", "To": "To"}
    columns = {
        name: st.column_config.NumberColumn(label, format=style) for name, label in numbers.items()
    }
    table: dict[str, Any] = {"column_config": columns, "hide_index": True, "width": "stretch"}
    table |= {
        "on_select": "rerun",
        "selection_mode": "single-row",
        "key": f"tried_{measure}_{len(shown)}",
    }
    picked = st.dataframe([_row(one, measure) for one in shown], **table).selection["rows"]
    over = (
        "“From” and “to” are a 95 % interval: over the seeds of a row, or over the test scenes of"
        " its one run"
    )
    st.caption(f"{over}. A click on a column sorts; one before a row offers to open it.")
    for number in picked[:1]:
        offer(shown[number], set(models))


def _row(one: SeedStack, measure: str) -> dict[str, Any]:
    found = one.estimate(measure)
    values = {"value": found.value, "From": found.low, "To": found.high} if found else {}
    return {"Model": one.words, "Steps": one.condition.steps, "Seeds": len(one.keys)} | values


def offer(one: SeedStack, there: set[str]) -> None:
    """Links to Compare: beside its twin where that is there, and two of its seeds beside each
    other."""
    twin, what = controlled_baseline(one.condition) or (None, "")
    beside = {"Open in Compare": one.keys[:1]}
    if twin and twin.key in there:
        beside = {f"Compare with {what}": (twin.key, one.keys[0])}
    if len(one.keys) > 1:
        beside["Compare two of its seeds"] = one.keys[:2]
    with st.container(horizontal=True):
        for label, keys in beside.items():
            models = dict(zip(("left_model", "right_model"), keys, strict=False))
            widgets.link(
                "pages/3_Compare.py",
                label,
                "compare",
                data=one.condition.data,
                models="2",
                **models,
            )
