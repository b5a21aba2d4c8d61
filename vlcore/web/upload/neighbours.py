"""Nearest images of the set to an uploaded one, in each model."""

from collections import Counter

import streamlit as st

from vlcore.api.uploads import UploadReport
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.web import widgets
from vlcore.web.upload.answers import Answers

SIDE = 60  # px of an image


def show_nearest(answers: Answers, number: int) -> None:
    """Show the nearest images of each map, which are held-out and training images of a model."""
    image_set = answers.choice.image_set
    for column, (name, reports) in widgets.in_pairs(answers.reports.items()):
        report = reports[number]
        with column.container(gap="xsmall"):
            st.caption(f"**{name}**, nearest: {plain(_neighbours_in_words(image_set, report))}")
            with st.container(horizontal=True, gap="xsmall"):
                for row, _ in report.neighbours:
                    alt = ", ".join(image_set.table.iloc[row][["object", "context"]])
                    widgets.show_image(image_set.image(row), width=SIDE, alt=alt)


def _neighbours_in_words(image_set: ImageSet, report: UploadReport) -> str:
    """Say which groups the nearest images show, how often, and their cosines."""
    rows = [row for row, _ in report.neighbours]
    groups = image_set.table.iloc[rows][["object", "context"]]
    counts = Counter(groups.itertuples(index=False, name=None))
    listed = "; ".join(f"{n} × {obj}, {context}" for (obj, context), n in counts.most_common())
    cosines = [similarity for _, similarity in report.neighbours]
    return f"{listed}; cosine {min(cosines):.2f} to {max(cosines):.2f}"
