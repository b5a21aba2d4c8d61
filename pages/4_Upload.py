"""Upload: where do new pictures land, and what does each model say of them?"""

from __future__ import annotations

import streamlit as st

from vlcore.ui import shell
from vlcore.ui.compare.models import how_many
from vlcore.ui.upload import models, pictures, sections

palette = shell.begin("Where does your picture land?")
intro = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    count = how_many()
    shown = st.selectbox(
        "Your pictures show",
        ["let each model say", *images.grouping.objects],
        key="shows",
        bind="query-params",
        help="What a picture is compared for, when it is asked by what it is pulled.",
        width=220,
    )
known = (
    "These models have only ever seen drawn scenes: with a photograph, watch where it lands and what it is near rather "
    "than whether it is right. "
)
intro.markdown(
    "Give pictures to two to four models. A star shows where each puts them among the pictures it knows; below are "
    f"their verdicts. {known if images.about.get('recipe') else ''}Pictures stay in your session and are not kept."
)
with shell.errors_as_sentences():
    chosen = models.choose(images, count)
    given = pictures.picture_inputs(images)
    asked = sections.ask(chosen, given, images, shown if shown in images.grouping.objects else "")
sections.maps(asked, palette)
sections.table(asked)
sections.closely(asked)
