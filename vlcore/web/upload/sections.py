"""Upload page: predictions for one image beside the maps, reasons and numbers below."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import uploads
from vlcore.api.compared_maps import with_uploads
from vlcore.api.explain import ask_image
from vlcore.model.new_images import TOWER
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_uri
from vlcore.scenes import OBJECTS
from vlcore.web import cache, linked_maps, map_controls, shell, training_images
from vlcore.web.linked_maps import LinkedMaps
from vlcore.web.upload import answers as upload_answers
from vlcore.web.upload import captions, predictions, reliance
from vlcore.web.upload.inputs import ImageChoice, ModelChoice, wait_for_models

LARGE, SMALL = 150, 104  # px of the image, beside the maps and above them
ALL_BESIDE = 1100  # px of a window where the predictions fit beside the maps
PREDICTIONS = 340  # px of the predictions beside the maps
LARGEST_MAP = 490  # px
MARGINS = 190  # px beside the maps
ABOVE_AND_AROUND = 320  # px above the maps, and of their titles and legend


def show_answers(
    choice: ModelChoice, chosen: ImageChoice, palette: Palette, bar: DeltaGenerator
) -> None:
    """Show what models predict for images; holds the page until the models are ready."""
    image_set, first = choice.image_set, chosen.images[0]
    with st.container(key="waiting"):
        if wait_for_models(choice.conditions):
            predictions.show_upload_with_name(first, first.name, LARGE)
            st.stop()
    keys = [condition.key for condition in choice.conditions]
    options = map_controls.choose_map_options(
        image_set, keys, bar, overlays=("images", "neighbours"), has_filters=False
    )
    with st.spinner("Asking the models …"):
        comparison = cache.comparison(keys, options.projection)
        answers = upload_answers.ask_models(choice, chosen, comparison)
        thumbs = [thumb_uri(image.model_input) for image in chosen.images]
        comparison = with_uploads(comparison, thumbs, [*answers.embeddings.values()])
    number = predictions.choose_image(answers)
    width, height = shell.window()
    is_wide = width >= ALL_BESIDE
    if is_wide:
        left, right = st.columns([PREDICTIONS, width - PREDICTIONS], gap="medium")
    else:
        left, right = st.container(), st.container()
    with left:
        predictions.show_upload_with_name(
            answers.images[number],
            answers.image_names[number],
            LARGE if is_wide else SMALL,
            predictions.about_first_sample(answers) if chosen.is_sample else "",
        )
        reliance_places = predictions.show_predictions(answers, number)
    with right:
        margins = MARGINS + PREDICTIONS * is_wide
        side = min(shell.fitting_side(width, margins, height - ABOVE_AND_AROUND), LARGEST_MAP)
        maps = LinkedMaps(keys, comparison, image_set, options, palette, side, "bottom")
        with st.container(key="maps-of-uploads"):
            linked_maps.show(maps, "Your images on the maps of the models", panel=False)
        if options.projection.fitted:
            st.caption(
                "Your image is projected at the average of its five nearest images, the nearest"
                " counting most."
            )
    predictions.show_nearest(answers, number)
    with st.container():  # else its table moves what is below, which closes it
        captions.show_typed_captions(answers, number)
    tests = st.expander("What the predictions rely on", icon=":material/compare:")
    _show_training_images(answers, number)
    with st.expander("Training captions and their scores", icon=":material/format_quote:"):
        captions.show_training_captions(answers, number)
    table = st.expander("All numbers", icon=":material/table:")
    if any(map(uploads.knows_photographs, choice.conditions)):
        st.caption(_known_before(choice))
    reliances = reliance.find_reliances(answers, number, reliance_places)
    with tests:
        reliance.show_versions(answers, number, reliances)
    with table:
        predictions.show_numbers(answers, number, reliances)


def _known_before(choice: ModelChoice) -> str:
    """Say what a network that was trained on photographs knows before it is trained here."""
    is_our_tower = any(condition.frozen_tower == TOWER for condition in choice.conditions)
    if is_our_tower and set(choice.image_set.grouping.objects) == set(OBJECTS):
        return "The tower has seen horses and camels on ImageNet."
    return "The tower was trained on photographs."


def _show_training_images(answers: upload_answers.Answers, number: int) -> None:
    """Offer the training images behind the predictions for an image."""
    image, image_set = answers.images[number], answers.image_set
    truth = next(iter(answers.reports.values()))[number].truth
    asks = {
        name: partial(ask_image, model.artifact, image_set, image.model_input, truth)
        for name, model in answers.models.items()
    }
    name = (image.digest, truth)
    training_images.show_explanations(answers.models, image_set, asks, name)
