"""What simple views of a set's pictures give away: the section of the Data page on shortcuts."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from vlcore.charts.rates import rate_chart
from vlcore.charts.theme import Palette
from vlcore.datasets.imageset import ImageSet
from vlcore.runs import audit
from vlcore.store.jobs import JobStatus
from vlcore.ui import cache, jobs, shell

MARKS = {
    True: ":green[:material/check_circle:]", False: ":red[:material/cancel:]", None: ":blue[:material/info:]",
}  # fmt: skip
VIEWS = {
    "colour": "mean colour",
    "rim": "rim (outer eighth)",
    "pixels": "picture at 16 x 16",
    "place": "place without the animal",
    "outline": "outline of the animal",
}
EXPLAINED = """
A *linear probe* is the simplest model there is: if it can name the animal from a view in which no animal can be seen, a
neural network can too, and what it learns need not be the animal. What is easy to see is no fault of a set. But what is
*easier* is learnt first, and the outcome of a study depends on it: compare `scenes` with `balanced-cues`.
"""


def section(images: ImageSet, palette: Palette) -> None:
    """What simple views of the pictures give away, asked once and kept."""
    st.subheader("What could a model cheat with?")
    st.caption("What the simplest model can tell from a part of the picture, a neural network can learn instead.")
    key = audit.checks_key(images.name, images.version)
    if not jobs.view(key).done:

        def draw(views: list[JobStatus]) -> None:
            jobs.progress_or_start(
                views[0], "Check this set", lambda: jobs.make_checks(images), type="primary", icon=":material/search:",
                help="About ten seconds.",
            )  # fmt: skip

        jobs.watch([key], draw)
        return
    with shell.errors_as_sentences():
        found = audit.read_checks(cache.artefact(key))
    if sentence := audit.in_words(found, images.grouping.object_word):
        st.markdown(f"**{sentence}**")
    if rates := [entry.number for entry in found if entry.number]:
        rows = pd.DataFrame(rates)
        rows["view"] = rows["view"].map(VIEWS)
        rows["label"] = rows["label"].map({"object": images.grouping.object_word, "context": "background"})
        chart = rate_chart(rows, palette=palette, width=shell.map_side())
        cache.show(chart, alt="What a linear probe names right from each view", key="rates")
    wrong = sum(entry.ok is False for entry in found)
    verdict = f"{wrong} not as they should be" if wrong else "none is as it should not be"
    with st.expander(f"All {len(found)} answers, {verdict}"):
        for entry in found:
            st.markdown(f"{MARKS[entry.ok]} {entry.sentence}")
    with st.expander("What is a linear probe?"):
        st.markdown(EXPLAINED)
