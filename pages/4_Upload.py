"""Upload: where do new pictures land, and what does each model say of them?"""

import streamlit as st

from vlcore.ui import shell, widgets
from vlcore.ui.compare.models import how_many
from vlcore.ui.upload import inputs, sections

palette = shell.begin("Where does your picture land?")
intro = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    count = how_many()
    about = "What a picture is compared for, when it is asked by what it is pulled."
    choices = ["let each model say", *images.grouping.objects]
    shown = st.selectbox("Your pictures show", choices, **widgets.in_address("shows", about, width=220))
drawn = "These models have only ever seen drawn scenes"
known = f"{drawn}: with a photograph, watch where it lands and what it is near rather than whether it is right. "
intro.markdown(
    "Give pictures to two to four models. A star shows where each puts them among the pictures it knows; below are "
    f"their verdicts. {known if images.about.get('recipe') else ''}Pictures stay in your session and are not kept."
)
with shell.errors_as_sentences():
    chosen = inputs.models(images, count)
    given = inputs.pictures(images)
    sections.section(chosen, given, images, shown if shown in images.grouping.objects else "", palette)
