"""Upload: where do new pictures land, and what does each model say of them?"""

from __future__ import annotations

import streamlit as st

from vlcore.charts.thumbnails import thumb_uri
from vlcore.compare.comparison import Upload, names, with_uploads
from vlcore.compare.uploads import novelty_in_words, pull_in_words, table_of
from vlcore.core.wording import percent, title
from vlcore.datasets.subset import usual_condition
from vlcore.runs.maps import PCA
from vlcore.studies import plans
from vlcore.ui import cache, jobs, map_controls, shell, widgets
from vlcore.ui.compare import models
from vlcore.ui.upload import answers, pictures

LARGE = 220  # px of the longer side of a picture that is looked at

palette = shell.begin("Where does your picture land?")
intro = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    count = models.how_many()
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
    experiments = plans.find("experiments", usual_condition(images)).conditions
    # A model of an older version has a key that no condition of now has; the Compare page shows it.
    trained = {key: one for key, one in models.comparable(images).items() if one.key == key}
if not trained:
    if any(view.state.is_active for view in jobs.views(experiments)):
        st.info("Models are being trained on these pictures just now: the first will be offered here when it is done.")
        widgets.in_training(experiments)
        st.stop()
    st.info(f"No model is trained on these pictures yet. Run the four experiments first. {widgets.how_long(images)}")
    st.page_link(
        "app.py",
        label="Go to the experiments",
        icon=":material/play_arrow:",
        query_params=shell.persistent_query_params(),
    )
    st.stop()

with shell.errors_as_sentences():
    chosen = pictures.models(trained, experiments, count)
if running := sum(view.state.is_active for view in jobs.views(experiments)):
    st.caption(f"{running} more of the four experiments {'is' if running == 1 else 'are'} in training just now.")

given = pictures.picture_inputs(images)
if not given:
    some = " or ".join(images.grouping.objects)
    st.info(f"Upload a picture of a {some}, or of anything else, or tick a sample picture.")
    st.stop()

widgets.wait_for(chosen)
keys = [condition.key for condition in chosen]
called = [name.capitalize() for name in names(len(keys))]
with shell.errors_as_sentences():
    projection, options = map_controls.choose(images.grouping, len(keys))
    if not map_controls.fitted(keys, projection):
        projection = PCA
    with st.spinner("Asking the models …"):
        embedded = [answers.embedded(key, given) for key in keys]
        uploads = [Upload(thumb_uri(one.picture), tuple(z)) for one, *z in zip(given, *embedded, strict=True)]
        together = with_uploads(cache.comparison(keys, projection), uploads)
        about = "" if shown not in images.grouping.objects else str(shown)
        verdicts = [
            answers.verdicts(key, model, images, given, about) for key, model in zip(keys, together.models, strict=True)
        ]
cache.show(
    cache.with_uploads(together, images.grouping, palette, shell.map_side(), options),
    alt="Your pictures as stars on the maps of the models",
    key="maps",
)
st.caption(
    "The place of a star is exact."
    if projection.linear
    else "The place of a star is the average of its five nearest pictures, the nearest counting most: it is not exact."
)

st.subheader("What the models say")
animal = images.grouping.object_word
rows = [f"{place}. {one.name}" for place, one in enumerate(given, start=1)]
table = table_of(rows, called, verdicts, images)
st.dataframe(
    table, hide_index=True, width="stretch", column_config={"Picture": st.column_config.TextColumn(width="medium")}
)
st.caption(
    f"Balance: cosine to pictures of the same {animal} in the other place, minus cosine to pictures of the other "
    f"{animal} in the same place. Captions that name the place ask a model to sort by it, so compare balances between "
    "models of one label style. Like what was seen: judged before training, so by what a random encoder sees; a "
    "photograph may pass and still be strange."
)
for sentence in pictures.over_backgrounds(given, called, verdicts):
    st.markdown(sentence)
st.download_button(
    "Download the table", table.to_csv(index=False), "verdicts.csv", "text/csv", icon=":material/download:",
    on_click="ignore",
)  # fmt: skip

st.subheader("One picture, closely")
place = 0
if len(given) > 1:
    looked = st.selectbox("Picture", rows, key="look_at", width=480)
    place = rows.index(looked) if looked in rows else 0
one = given[place]
wide = max(1, LARGE * one.picture.width // max(one.picture.size))
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    widgets.picture(one.picture, width=wide, alt=f"Picture {place + 1}")
    with st.container():
        st.text(one.name)
        explain = st.toggle(
            "Explain the answer",
            key="explain",
            help="Covers each patch of the picture in turn and asks the model again. A pretrained model takes a while.",
        )
for column, pane in zip(widgets.in_pairs(len(keys)), range(len(keys)), strict=True):
    with column.container(border=True, height="stretch"), shell.errors_as_sentences():
        model, verdict = together.models[pane], verdicts[pane][place]
        st.markdown(f"**{called[pane]}**: {title(model.artefact.condition)}")
        if verdict.says:
            other = next(name for name in images.grouping.objects if name != verdict.says)
            st.markdown(f"Says **{verdict.says}**: scores give it {percent(verdict.share)} against {other}.")
        else:
            st.caption(verdict.why_silent)
        widgets.pictures(model, verdict.nearest)
        if verdict.captions:
            widgets.caption_table(model, embedded[pane][place])
        st.markdown(pull_in_words(verdict, images.grouping))
        st.markdown(novelty_in_words(verdict))
        if explain:
            answers.explained(keys[pane], model, images, one, verdict)
