"""Predictions of all models for an image: in short for several, in full for one, as a table; its
nearest images of the set."""

from collections import Counter

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import uploads
from vlcore.api.uploads import UploadReport
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import UploadedPicture
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import label_words, plural, title
from vlcore.metrics.novelty import LEAST
from vlcore.web import widgets
from vlcore.web.upload.answers import Answers

OVERVIEW_WIDTH = 158  # px of an image with its predictions: two are beside each other on a phone
OVERVIEW_IMAGE = 72  # px
NEIGHBOUR_IMAGE = 60  # px
_MARKS = {True: " :green[✓]", False: " :red[✗]", None: ""}


def choose_image(answers: Answers) -> int:
    """Show several images with their predictions; returns the number of the one to look at."""
    digests = [image.digest for image in answers.images]
    _look_at_one_image(answers, digests)
    if len(answers.images) == 1:
        st.session_state["looked_at"] = digests[0]
        return 0
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="overview"):
        for number, image in enumerate(answers.images):
            with st.container(width=OVERVIEW_WIDTH, gap="xsmall"):
                show_upload(image, OVERVIEW_IMAGE, f"Image {number + 1}")
                st.caption(_overview_caption(answers, number))
        chosen = st.selectbox("Look at", answers.image_names, key="look_at", width=280)
    number = answers.image_names.index(chosen) if chosen in answers.image_names else 0
    st.session_state["looked_at"] = digests[number]
    return number


def _look_at_one_image(answers: Answers, digests: list[str]) -> None:
    """After a change of images, look at the first of those that came; at the same, if none did."""
    before = st.session_state.get("looked_among", [])
    added = [digest for digest in digests if digest not in before]
    wanted = added[0] if added else st.session_state.get("looked_at")
    if digests != before and wanted in digests:
        st.session_state["look_at"] = answers.image_names[digests.index(wanted)]
    st.session_state["looked_among"] = digests


def _overview_caption(answers: Answers, number: int) -> str:
    novelty = answers.novelties[number]
    is_new = novelty is not None and novelty.is_new
    name = plain(widgets.fitting_name(answers.image_names[number]))
    lines = [f"{name}, **new**" if is_new else name]
    for model, reports in answers.reports.items():
        report = reports[number]
        prediction = "no prediction"
        if report.predicted:
            doubt = ", not sure" if report.doubts else ""
            prediction = f"**{plain(report.predicted)}**{doubt}{_MARKS[report.is_right]}"
        lines.append(f"{model}: {prediction}")
    return "  \n".join(lines)


def show_upload(image: UploadedPicture, longest: int, alt: str) -> None:
    """Show an image whose longer side is so many px."""
    size = image.picture.size
    width = max(1, longest * size[0] // max(size))
    widgets.show_image(image.picture, width=width, alt=alt)


def show_upload_with_name(image: UploadedPicture, name: str, longest: int, about: str = "") -> None:
    """Show an image beside its name, with what it is about."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show_upload(image, longest, name)
        with st.container(width="stretch", gap="xsmall"):
            fitting = widgets.fitting_name(name)
            st.text(fitting, help=None if fitting == name else name)
            if image.object:
                st.caption(f"It shows a {plain(image.object)}.")
            if about:
                st.caption(about)


def about_first_sample(answers: Answers) -> str:
    """Return a sentence about the sample that the page begins with."""
    image = answers.images[0]  # of a cut-out, which has others, the first background
    is_wrong = any(reports[0].is_right is False for reports in answers.reports.values())
    if is_wrong and image.is_drawn and image.background:
        return "A sample to begin with, chosen because biased models get it wrong."
    return "A sample to begin with: no model of this page was trained on it."


def show_predictions(answers: Answers, number: int) -> dict[str, DeltaGenerator]:
    """Show what each model predicts for an image; returns the places for shortcut reliance."""
    reliance_places = {}
    for name, reports in answers.reports.items():
        report = reports[number]
        with st.container(border=True, gap="xsmall"):
            st.caption(f"**{name}**: {plain(_short_title(answers, name))}")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(uploads.prediction_words(report), width="content")
                _badges(report)
            reliance_places[name] = st.empty()
            if report.only_drawings:
                only = "This model has only seen drawings: its answer to a photograph means little."
                st.markdown(f":orange[:material/warning: {only}]")
    novelty = answers.novelties[number]
    if novelty is not None:
        is_calibrated = any(reports[number].is_calibrated for reports in answers.reports.values())
        st.markdown(uploads.novelty_sentence(novelty, is_calibrated=is_calibrated))
    else:
        count = len(answers.image_set.table)
        reason = "no model with pretrained towers is trained on this set yet"
        if count < LEAST:
            reason = f"this set has {plural(count, 'image')}, and it takes {LEAST} to judge by"
        st.caption(f"Whether it is new was not judged: {reason}.")
    return reliance_places


def _short_title(answers: Answers, name: str) -> str:
    """Say what sets a model apart on this page."""
    condition = answers.models[name].artifact.condition
    if condition.kind is not ArtifactKind.TRAINED or condition not in answers.choice.usual:
        return title(condition)
    if all(model.artifact.condition.bias == condition.bias for model in answers.models.values()):
        return label_words(condition)
    return f"{label_words(condition)}, bias {condition.bias * 100:g} %"


def _badges(report: UploadReport) -> None:
    if report.is_right:
        st.badge("correct", color="green", icon=":material/check:")
    elif report.is_right is not None:
        st.badge("wrong", color="red", icon=":material/close:")
    if report.doubts:
        about = (
            "The share of the predicted label is small, or the model has seen no image of this"
            " kind."
        )
        for doubt in report.doubts:  # one badge of both would be cut off
            st.badge(f"not sure: {doubt}", color="orange", help=about)


def show_nearest(answers: Answers, number: int) -> None:
    """Show the nearest images of each map, which are held-out and training images of a model."""
    image_set = answers.image_set
    for column, (name, reports) in widgets.in_pairs(answers.reports.items()):
        report = reports[number]
        with column.container(gap="xsmall"):
            st.caption(f"**{name}**, nearest: {plain(_neighbours_in_words(image_set, report))}")
            with st.container(horizontal=True, gap="xsmall"):
                for row, _ in report.neighbours:
                    alt = image_set.description(row)
                    widgets.show_image_of_set(image_set, row, width=NEIGHBOUR_IMAGE, alt=alt)


def _neighbours_in_words(image_set: ImageSet, report: UploadReport) -> str:
    """Say which groups the nearest images show, how often, and their cosines."""
    rows = [row for row, _ in report.neighbours]
    groups = image_set.table.iloc[rows][["object", "context"]]
    counts = Counter(groups.itertuples(index=False, name=None))
    listed = "; ".join(f"{n} × {obj}, {context}" for (obj, context), n in counts.most_common())
    cosines = [similarity for _, similarity in report.neighbours]
    return f"{listed}; cosine {min(cosines):.2f} to {max(cosines):.2f}"


def show_numbers(answers: Answers, number: int, reliances: uploads.Reliances) -> None:
    """Show all numbers of an image, a column a model, and offer those of all images as a file."""
    image_set = answers.image_set
    table = uploads.report_table(answers.image_names, answers.reports, image_set, reliances)
    rows = table[table["Image"] == answers.image_names[number]].drop(columns="Image")
    columns = rows.set_index("Model").T
    st.table(columns.map(lambda value: "" if pd.isna(value) else plain(str(value))))
    st.caption(
        "Share: the score as a probability, after one temperature that was fitted on validation"
        " images of the set; uncalibrated where there are none. Not sure: below"
        f" {uploads.SURE:.0%}, or a photograph for a model that has only seen drawings. Relies on:"
        f" a sample is drawn again with the other {image_set.grouping.object_word} and on the other"
        " background, a cut-out is placed on seven backgrounds, and of another image each of both"
        " is painted over in nine ways. New: by the features of a network that was trained on"
        " photographs; 5 % of the set's own images count as new."
    )
    widgets.download("Download the table", safe_csv(table), "predictions.csv", "text/csv")
