"""Upload: where do new pictures land, and what does each model say of them?"""

import streamlit as st

from vlcore.ui import shell, widgets
from vlcore.ui.compare.models import how_many
from vlcore.ui.upload import inputs, sections

palette, bar = shell.begin("Where does your picture land?")
place = st.container()
settings = bar.popover("Settings", icon=":material/settings:").container(width=460)
with settings:
    images = shell.image_set_choice()
    count = how_many()
    about = "What a picture is compared for, when it is asked by what it is pulled."
    choices = ["let each model say", *images.grouping.objects]
    shown = st.selectbox("Your pictures show", choices, **widgets.in_address("shows", about))
drawn = "These models have only ever seen drawn scenes"
known = f"{drawn}: with a photograph, watch where it lands and what it is near rather than whether it is right. "
intro = (
    "Give pictures to two to four models. Each picture lies where a model puts it among the pictures it knows; below "
    f"are their verdicts. {known if images.about.get('recipe') else ''}Pictures stay in your session and are not kept."
)
with shell.errors_as_sentences():
    chosen = inputs.models(images, count, settings)
    given = inputs.pictures(images)
    if not given:
        place.markdown(intro)
    sections.section(chosen, given, images, shown if shown in images.grouping.objects else "", palette, bar)
    st.caption(intro)
