"""Compare: two to four models side by side, the same pictures in every map."""

from __future__ import annotations

import hashlib

import streamlit as st

from vlcore.charts.maps.linked import brushed
from vlcore.compare import captions, description
from vlcore.core.options import PRESETS
from vlcore.datasets.subset import usual_condition
from vlcore.runs import maps
from vlcore.studies import plans
from vlcore.ui import cache, condition_controls, map_controls, shell, widgets
from vlcore.ui.compare import captions as compare_captions
from vlcore.ui.compare import film, sections, sharing
from vlcore.ui.compare.models import badges, choose, choose_imported, how_many, missing, wait

palette = shell.begin("Compare models")

with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    count = how_many()
    preset = st.segmented_control(
        "Training length, the same for all",
        options=condition_controls.LENGTHS,
        default="standard",
        required=True,
        key="length",
        bind="query-params",
        help=", ".join(f"{name}: {PRESETS[name]:,} steps" for name in condition_controls.LENGTHS)
        + ". Take “live” for a quick look, “careful” for a claim.",
    )
side = shell.map_side()

with shell.errors_as_sentences():
    if images.has_pictures:
        defaults = plans.find("experiments", usual_condition(images)).conditions[:count]
        models = choose(defaults, preset or "standard", images)
    else:
        models = choose_imported(count, images)
st.markdown(description.differences_in_words([model.condition for model in models], [model.name for model in models]))

if missing(models):
    wait(models)
    st.stop()

keys = [model.key for model in models]
with shell.errors_as_sentences():
    projection, options = map_controls.choose(images.grouping, len(models))
    if not map_controls.fitted(keys, projection):
        projection = maps.PCA
    together = cache.comparison(keys, projection)
for column, model in zip(widgets.in_pairs(len(models)), models, strict=True):
    with column:
        badges(model)

# The picture that the visitor arrived with stays the chart's first one: another value would draw the maps anew.
arrived = st.session_state.setdefault("arrived_with", st.query_params.get("picture"))
in_words = description.in_words(together, images.grouping)
described = cache.described(keys)
spec = cache.picked(cache.maps(keys, palette, side, projection, options), together, arrived)
answers = {"pick", "brush", "cell", "shown"} & {param["name"] for param in spec["params"]}  # no board, no cell
event = cache.show(
    spec,
    alt=f"{in_words} {described.words}",
    key="maps-" + hashlib.sha256(repr((keys, projection)).encode()).hexdigest()[:12],  # a brush belongs to its maps
    on_select="rerun",
    selection_mode=sorted(answers),
)
st.caption(
    "Click a mark: its picture and its nearest neighbours in every model appear below. Drag a rectangle: what lies in "
    "it is lit in all maps and listed below. Click a group, in the legend or the board, to see it alone."
)
for sentence in captions.unheard_in_words(together, projection.prompts):  # a map without prompts has empty ones
    st.warning(sentence, icon=":material/hearing_disabled:")
st.markdown(in_words)
if few := description.small_sample_warning(together.models[0].artefact, images.grouping):
    st.warning(few, icon=":material/warning:")

selection = event.selection if event else {}
if picked := selection.get("pick", []):
    st.query_params["picture"] = str(picked[0].get("id"))
sections.marked(together, images, brushed(selection, together.points))
with shell.errors_as_sentences():
    sections.clicked(together, images, st.query_params.get("picture"), options.twins)


def loss() -> None:
    """What each model's loss made of training pictures and captions."""
    st.markdown(
        "Each row is a training picture, each column a caption. A cell says what the loss counts the pair as, and its "
        "colour how the model scores it at the end. A *false negative* is a caption that is true of the picture and "
        "was counted as wrong."
    )
    distinct = list(dict.fromkeys(keys))
    for column, key in zip(widgets.in_pairs(len(distinct)), distinct, strict=True):
        with column:
            film.pair_section(key, palette)


SECTIONS = {
    "Groups": lambda: sections.groups(together, images),
    "Map in words": lambda: sections.in_words(described),
    "Movement": lambda: sections.movement(together, images),
    "Captions": lambda: compare_captions.section(together, images, palette, side),
    "The loss": loss,
    "Film": lambda: film.film_section(keys, palette, side),
    "All measures": lambda: sections.numbers(together, images),
    "Take along": lambda: sharing.section(keys, together, images, projection, options, palette),
}
st.subheader("Look closer")
section = st.segmented_control(
    "Look closer", options=list(SECTIONS), default="Groups", required=True, key="closer", bind="query-params",
    label_visibility="collapsed",
)  # fmt: skip
with shell.errors_as_sentences():
    SECTIONS[section or "Groups"]()
