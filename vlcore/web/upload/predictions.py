"""Predictions of all models for new images: in short for several, in full for one."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import uploads
from vlcore.api.answers import UNTESTED, Answers, Upload
from vlcore.api.uploads import UploadReport
from vlcore.data.uploads import UploadedPicture, object_in_name
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import label_words, percent, plural, title
from vlcore.metrics.novelty import LEAST
from vlcore.plots.thumbnails import thumb_uri
from vlcore.web import widgets

ROW, ROWS = 44, 7  # px of a row in the table of images; how many are in view, with the header
# docs/uploads.md has the images.
HOW_OFTEN = (
    "“Probably neither” is no proof. It was said of 29 of 29 photos and scans of other things, and"
    " of 60 of 72 in an earlier trial. It was said wrongly of 1 of 32 photos of horses and camels."
)
HOW_OFTEN_OWN = "“Perhaps neither” is said wrongly of about 1% of images like those of the set."


def choose_image(answers: Answers) -> Upload:
    """Show several images in a table with their predictions; returns the one to look at."""
    digests = [image.digest for image in answers.pictures]
    _look_at_one_image(answers, digests)
    if len(answers.pictures) == 1:
        st.session_state["looked_at"] = digests[0]
        return answers.uploads[0]

    def look() -> None:
        for number in st.session_state["overview"].selection.rows:
            st.session_state["look_at"] = answers.names[number]

    st.dataframe(
        _overview(answers),
        hide_index=True,
        height=min(1 + len(digests), ROWS) * ROW,
        row_height=ROW,
        column_config={"Image": st.column_config.ImageColumn(width="small")},
        key="overview",
        selection_mode="single-row",
        on_select=look,
    )
    st.markdown(_counted(answers))
    chosen = st.selectbox("Look at", answers.names, key="look_at", width=280)
    number = answers.names.index(chosen) if chosen in answers.names else 0
    st.session_state["looked_at"] = digests[number]
    return answers.uploads[number]


def _look_at_one_image(answers: Answers, digests: list[str]) -> None:
    """After a change of images, look at the first of those that came; at the same, if none did."""
    before = st.session_state.get("looked_among", [])
    added = [digest for digest in digests if digest not in before]
    wanted = added[0] if added else st.session_state.get("looked_at")
    if digests != before and wanted in digests:
        st.session_state["look_at"] = answers.names[digests.index(wanted)]
    st.session_state["looked_among"] = digests


def _overview(answers: Answers) -> pd.DataFrame:
    """One row per image: how it looks, what each model predicts, what it shows, and its name."""
    rows = []
    for upload in answers.uploads:
        row = {"Image": thumb_uri(upload.picture.picture)}
        for model, report in upload.reports.items():
            row[model] = _prediction_in_short(report)
        row |= {"Shows": upload.picture.object or "not known", "File": upload.name}
        rows.append(row)
    return pd.DataFrame(rows)


def _counted(answers: Answers) -> str:
    """Say how many images each model predicts correctly, or how to tell what images show."""
    known = [upload for upload in answers.uploads if upload.picture.object]
    if not known:
        name = plain(answers.image_set.grouping.objects[0])
        return (
            ":small[Correct or wrong? Begin the names of files with what they show, such as"
            f" `{name}_03.jpg`, or choose “Your images show” in Settings.]"
        )
    counts = [
        f"{name} {sum(bool(upload.reports[name].is_right) for upload in known)} of {len(known)}"
        for name in known[0].reports
    ]
    return f"Correct: {', '.join(counts)}."


def _prediction_in_short(report: UploadReport) -> str:
    """A prediction as the cell of a table."""
    if not report.predicted:
        return "no prediction"
    if report.is_neither:
        return f"{report.neither_words} ({report.predicted} {percent(report.share)})"
    doubt = ", not sure" if report.doubts else ""
    mark = {True: "✓ ", False: "✗ ", None: ""}[report.is_right]
    return f"{mark}{report.predicted} {percent(report.share)}{doubt}"


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
                st.caption(f"Shows: {plain(image.object)}{_says_who(image)}")
            if about:
                st.caption(about)


def _says_who(image: UploadedPicture) -> str:
    """Say that the name of a visitor's file tells what the image shows; empty for others."""
    is_sample = image.is_drawn or image.row is not None
    is_in_name = object_in_name(image.name, [image.object]) and not is_sample
    return ", says the name of the file" if is_in_name else ""


def about_first_sample(answers: Answers) -> str:
    """Return a sentence about the sample that the page begins with."""
    image = answers.pictures[0]  # of a cut-out, which has others, the first background
    is_wrong = any(reports[0].is_right is False for reports in answers.reports.values())
    if is_wrong and image.is_drawn and image.background:
        return "A sample to begin with, chosen because biased models get it wrong."
    return "A sample to begin with: no model of this page was trained on it."


def show_predictions(upload: Upload, usual: Sequence[Condition]) -> dict[str, DeltaGenerator]:
    """Show what each model predicts for an image; returns the places for what it relies on.

    Args:
        upload: the image with its answers.
        usual: the conditions whose titles leave out what the page says above.
    """
    grouping = upload.answers.image_set.grouping
    if upload.is_neither:
        first, *_ = upload.reports.values()
        two = " or ".join(map(plain, grouping.objects))
        st.warning(
            f"{uploads.neither_sentence(first, grouping)} A model can only answer {two}.",
            icon=":material/help:",
        )
        st.caption(HOW_OFTEN if first.recognition else HOW_OFTEN_OWN)
    places = {}
    for name, report in upload.reports.items():
        with st.container(border=True, gap="xsmall"):
            model = upload.answers.models[name]
            st.caption(f"**{name}**: {plain(_short_title(model.condition, upload, usual))}")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(uploads.prediction_words(report), width="content")
                _badges(report)
            places[name] = st.empty()
            if report.only_drawings:
                only = "This model has only seen drawings: its answer to a photograph means little."
                st.markdown(f":orange[:material/warning: {only}]")
    if upload.is_neither:
        return places
    if upload.novelty is not None:
        is_calibrated = any(report.is_calibrated for report in upload.reports.values())
        st.markdown(uploads.novelty_sentence(upload.novelty, is_calibrated=is_calibrated))
    else:
        count = len(upload.answers.image_set.table)
        reason = "no model with pretrained encoders is trained on this set yet"
        if count < LEAST:
            reason = f"this set has {plural(count, 'image')}, and it takes {LEAST} to judge by"
        st.caption(f"Whether it is new was not judged: {reason}.")
    return places


def _short_title(condition: Condition, upload: Upload, usual: Sequence[Condition]) -> str:
    """Say what sets a model apart on this page."""
    if condition.kind is not ArtifactKind.TRAINED or condition not in usual:
        return title(condition)
    biases = {model.condition.bias for model in upload.answers.models.values()}
    if len(biases) == 1:
        return label_words(condition)
    return f"{label_words(condition)}, bias {condition.bias * 100:g}%"


def show_reliances(upload: Upload, places: Mapping[str, DeltaGenerator]) -> None:
    """Test what the predictions rely on, and say it in their places."""
    for name, place in places.items():
        if upload.is_testable(name):
            place.caption("What it relies on is being tested …")
    grouping = upload.answers.image_set.grouping
    for name, place in places.items():
        if not upload.is_testable(name):
            continue
        if name in upload.reliances:
            place.markdown(uploads.reliance_sentence(upload.reliances[name], grouping))
        else:
            place.caption("What it relies on was not tested.", help=UNTESTED)


def _badges(report: UploadReport) -> None:
    if report.is_right:
        st.badge("correct", color="green", icon=":material/check:")
    elif report.is_right is not None:
        st.badge("wrong", color="red", icon=":material/close:")
    if report.doubts:
        about = (
            "The probability of the prediction is small, or the model has seen no image of this"
            " kind."
        )
        if report.is_neither:
            about = "The model can only answer with an object of its image set."
        for doubt in report.doubts:  # one badge of both would be cut off
            words = doubt if report.is_neither else f"not sure: {doubt}"
            st.badge(words, color="orange", help=about)
