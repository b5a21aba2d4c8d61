"""Sections of the Upload page: stars on the maps, the reports of all models as a table, and one picture closely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vlcore.charts.maps.tables import MapOptions
from vlcore.charts.theme import Palette
from vlcore.charts.thumbnails import thumb_uri
from vlcore.compare.comparison import Comparison, Upload, with_uploads
from vlcore.compare.page import figure
from vlcore.compare.uploads import UploadReport, cutout_sentences, novelty_in_words, pull_in_words, report_table
from vlcore.core.condition import Condition
from vlcore.core.wording import percent, title
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.samples import UploadedPicture
from vlcore.runs.maps import PCA
from vlcore.ui import cache, map_controls, shell, widgets
from vlcore.ui.upload import answers

LARGE = 220  # px of the longer side of a picture that is looked at


@dataclass(frozen=True, eq=False)
class Asked:
    """Pictures that were put to models: the maps with the pictures as stars, embeddings of the pictures in each model,
    (m, E) each, and what each model says of each picture, by what it is called."""

    given: Sequence[UploadedPicture]
    images: ImageSet
    comparison: Comparison
    options: MapOptions
    embedded: list[NDArray[np.float32]]
    reports: dict[str, list[UploadReport]]

    @property
    def numbered(self) -> list[str]:
        """A name for each picture; no two are equal."""
        return [f"{number}. {one.name}" for number, one in enumerate(self.given, start=1)]


def ask(models: Sequence[Condition], given: Sequence[UploadedPicture], images: ImageSet, shows: str) -> Asked:
    """Put pictures to models; holds the page until there are both. `shows`: the object that they are said to show."""
    if not given:
        some = " or ".join(images.grouping.objects)
        st.info(f"Upload a picture of a {some}, or of anything else, or tick a sample picture.")
        st.stop()
    widgets.wait_for(models)
    keys = [condition.key for condition in models]
    projection, options = map_controls.choose(images.grouping, len(keys))
    if not map_controls.fitted(keys, projection):
        projection = PCA
    with st.spinner("Asking the models …"):
        embedded = [answers.embedded(key, given) for key in keys]
        uploads = [Upload(thumb_uri(one.picture), tuple(z)) for one, *z in zip(given, *embedded, strict=True)]
        comparison = with_uploads(cache.comparison(keys, projection), uploads)
        reports = {
            name.capitalize(): answers.reports(key, model, images, given, shows)
            for key, (name, model) in zip(keys, comparison.named.items(), strict=True)
        }
    return Asked(given, images, comparison, options, embedded, reports)


def maps(asked: Asked, palette: Palette) -> None:
    """The maps with the pictures as stars."""
    grouping = asked.images.grouping
    cache.show(
        figure(asked.comparison, grouping, palette, shell.map_side(), asked.options, board=False),
        alt="Your pictures as stars on the maps of the models",
        key="maps",
    )
    st.caption(
        "The place of a star is exact."
        if asked.comparison.models[0].projection.linear
        else "The place of a star is the average of its five nearest pictures, the nearest counting most: it is not "
        "exact."
    )


def table(asked: Asked) -> None:
    """What the models say, one row a picture and model."""
    st.subheader("What the models say")
    animal = asked.images.grouping.object_word
    found = report_table(asked.numbered, asked.reports, asked.images)
    st.dataframe(
        found, hide_index=True, width="stretch", column_config={"Picture": st.column_config.TextColumn(width="medium")}
    )
    st.caption(
        f"Balance: cosine to pictures of the same {animal} in the other place, minus cosine to pictures of the other "
        f"{animal} in the same place. Captions that name the place ask a model to sort by it, so compare balances "
        "between models of one label style. Like what was seen: judged before training, so by what a random encoder "
        "sees; a photograph may pass and still be strange."
    )
    for sentence in cutout_sentences([one.cutout for one in asked.given], asked.reports):
        st.markdown(sentence)
    st.download_button(
        "Download the table", found.to_csv(index=False), "verdicts.csv", "text/csv", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip


def closely(asked: Asked) -> None:
    """One picture, with what each model says of it and why."""
    st.subheader("One picture, closely")
    place = 0
    if len(asked.given) > 1:
        looked = st.selectbox("Picture", asked.numbered, key="look_at", width=480)
        place = asked.numbered.index(looked) if looked in asked.numbered else 0
    one = asked.given[place]
    wide = max(1, LARGE * one.picture.width // max(one.picture.size))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        widgets.picture(one.picture, width=wide, alt=f"Picture {place + 1}")
        with st.container():
            st.text(one.name)
            explain = st.toggle(
                "Explain the answer",
                key="explain",
                help="Covers each patch of the picture in turn and asks the model again. A pretrained model takes a "
                "while.",
            )
    for pane, column in enumerate(widgets.in_pairs(len(asked.reports))):
        with column.container(border=True, height="stretch"), shell.errors_as_sentences():
            _one_model(asked, pane, place, explain)


def _one_model(asked: Asked, pane: int, place: int, explain: bool) -> None:
    name, reports = list(asked.reports.items())[pane]
    model, report, grouping = asked.comparison.models[pane], reports[place], asked.images.grouping
    st.markdown(f"**{name}**: {title(model.artefact.condition)}")
    if report.says:
        other = next(name for name in grouping.objects if name != report.says)
        st.markdown(f"Says **{report.says}**: scores give it {percent(report.share)} against {other}.")
    else:
        st.caption(report.why_silent)
    widgets.pictures(model, report.nearest)
    if report.captions:
        widgets.caption_table(model, asked.embedded[pane][place])
    st.markdown(pull_in_words(report, grouping))
    st.markdown(novelty_in_words(report))
    if explain:
        answers.explained(model, asked.images, asked.given[place], report.says)
