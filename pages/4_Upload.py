"""Upload: where do new pictures land, and what does each model say of them?"""

from __future__ import annotations

import pandas as pd
import streamlit as st
from PIL import Image

from vlcore.conditions import Condition, grid
from vlcore.figures.maps import linked_maps
from vlcore.figures.theme import group_words
from vlcore.images.folds import usual_condition
from vlcore.images.thumbs import thumb_uri
from vlcore.images.uploads import UploadError, is_picture, open_upload
from vlcore.runs import store
from vlcore.runs.titles import title
from vlcore.ui import drawn, panels, shell, work
from vlcore.ui.samples import elsewhere, group_pictures

MOST = 12  # pictures at once

palette = shell.begin("Where does your picture land?")
intro = st.container()
images = shell.image_set_choice()
known = (
    "These models have only ever seen drawn scenes: with a photograph, watch where it lands and what it is near rather "
    "than whether it is right. "
)
intro.markdown(
    "Give a picture to two models. A star shows where each puts it among the pictures it knows; below are the nearest "
    f"ones and the captions. {known if images.about.get('recipe') else ''}Pictures stay in your session and are not "
    "kept."
)

with shell.errors_as_sentences():
    published = [work.artefact(key).condition for key in store.model_keys()]
    # A model of an older version has a key that no condition of now has; it stays on the disk for the command line.
    published = [c for c, key in zip(published, store.model_keys(), strict=True) if c.key == key]
trained = [c for c in published if (c.data, c.data_version) == (images.name, images.version)]
with shell.errors_as_sentences():
    experiments = grid("experiments", usual_condition(images))
if not trained:
    if any(view.state.is_active for view in work.views(experiments)):
        st.info("Models are being trained on these pictures just now: the first will be offered here when it is done.")
        panels.in_training(experiments)
        st.stop()
    st.info(f"No model is trained on these pictures yet. Run the four experiments first. {panels.how_long(images)}")
    st.page_link("app.py", label="Go to the experiments", icon=":material/play_arrow:", query_params=shell.carried())
    st.stop()
# The untrained encoder behind each model is one more choice, and is made when it is chosen.
choices = {condition.key: condition for condition in [*trained, *(condition.untrained for condition in trained)]}


def usual_pair() -> tuple[str, str]:
    """Two models that differ in one thing: in their labels, with bias if that is there, else without."""
    one, two, three, four = (condition.key for condition in experiments)
    for pair in ((three, four), (one, two)):
        if set(pair) <= set(choices):
            return pair
    there = [key for key in (one, two, three, four) if key in choices] or list(choices)
    return there[0], there[-1]


def describe(key: str) -> str:
    condition = choices[key]
    length = "" if condition.steps == 0 else f", {condition.steps:,} steps"
    return f"{title(condition)} · seed {condition.init_seed}{length}"


def choose(side: str, usually: str) -> Condition:
    key = st.selectbox(
        f"{side} model",
        list(choices),
        index=list(choices).index(usually),
        format_func=describe,
        key=side.lower(),
        bind="query-params",
    )
    return choices[key]


columns = st.columns(2)
with columns[0]:
    left = choose("Left", usual_pair()[0])
with columns[1]:
    right = choose("Right", usual_pair()[1])
if running := sum(view.state.is_active for view in work.views(experiments)):
    st.caption(f"{running} more of the four experiments {'is' if running == 1 else 'are'} in training just now.")

given: list[tuple[str, Image.Image]] = []
upload, camera, samples = st.tabs(["Upload", "Camera", "Sample pictures"])
with upload:
    files = st.file_uploader(
        "Pictures (PNG, JPEG or WebP, up to 5 MB each)",
        type=["png", "jpg", "jpeg", "webp"],
        accept_multiple_files=True,
        max_upload_size=5,
    )
with camera:
    taken = st.camera_input("Take a picture") if st.toggle("Use the camera", value=False) else None
with samples:
    st.caption("Scenes that no model was trained on; the last four are of places that the models have never seen.")
    scenes = dict(zip(group_words(images.grouping).values(), group_pictures(images), strict=True))
    offered = (
        {name[0].upper() + name[1:]: picture for name, picture in scenes.items()} if images.about.get("recipe") else {}
    )
    tiles = st.container(horizontal=True)
    for name, picture in {**offered, **elsewhere()}.items():
        with tiles.container(width=128):
            st.image(picture, width=128, alt=name)
            if st.checkbox(name, key=f"sample_{name}"):
                given.append((name, Image.fromarray(picture)))
for file in [*(files or []), *([taken] if taken else [])]:
    try:
        given.append((file.name, open_upload(file.getvalue(), file.name)))
    except UploadError as error:
        content = file.getvalue()
        is_something_else = bool(content) and not is_picture(content)
        why = f"{error} What is in this file is no picture at all." if is_something_else else str(error)
        st.error(why, icon=":material/broken_image:")
if len(given) > MOST:
    st.warning(f"The first {MOST} of {len(given)} pictures are shown; give fewer at once to see the others.")
    given = given[:MOST]
if not given:
    some = " or ".join(images.grouping.objects)
    st.info(f"Upload a picture of a {some}, or of anything else, or tick a sample picture.")
    st.stop()

both = (left, right)
panels.wait_for([condition for condition in both if not work.view(condition.key).done])
with shell.errors_as_sentences():
    together = work.comparison(left.key, right.key, "pca")
    with st.spinner("Asking the models …"):
        z_left, z_right = (work.embed(condition.key, [picture for _, picture in given]) for condition in both)
places_left = together.left.place(z_left)
places_right = together.turn.apply(together.right.place(z_right))
stars = pd.DataFrame(
    {
        "id": [f"u{number}" for number in range(len(given))],
        "name": [f"Picture {number}" for number in range(1, len(given) + 1)],
        "xl": places_left[:, 0],
        "yl": places_left[:, 1],
        "xr": places_right[:, 0],
        "yr": places_right[:, 1],
        "thumb": [thumb_uri(picture) for _, picture in given],
        "spoken": [f"your picture {number}" for number in range(1, len(given) + 1)],
    }
)
chart = linked_maps(
    together.points,
    together.captions,
    together.left_info,
    together.right_info,
    palette=palette,
    grouping=images.grouping,
    side=shell.map_side(),
    uploads=stars,
)
drawn.show(chart.to_dict(), alt="Your pictures as stars on the maps of both models", key="maps")
for number, (name, picture) in enumerate(given):
    st.subheader(f"Picture {number + 1}")
    own, *sides = st.columns([1, 2, 2], border=True)
    own.image(picture, width="stretch")
    own.text(name)
    for column, model, z in zip(sides, (together.left, together.right), (z_left, z_right), strict=True):
        with column:
            st.markdown(f"**{title(model.artefact.condition)}**: the nearest five, with their cosine")
            panels.pictures(model, model.neighbours(z[number], 5))
            panels.caption_table(model, z[number])
