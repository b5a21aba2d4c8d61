"""Upload page: predictions for one image beside the maps, and panels below."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import uploads
from vlcore.api.answers import Answers, ask, judge_or_none
from vlcore.api.compared_maps import with_uploads
from vlcore.api.comparison import Comparison
from vlcore.api.panels import UPLOAD
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import object_in_name
from vlcore.metrics.novelty import NoveltyJudge
from vlcore.model.new_images import TOWER
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_uri
from vlcore.scenes import OBJECTS
from vlcore.web import cache, jobs, linked_maps, map_controls, panels, shell
from vlcore.web.linked_maps import LinkedMaps
from vlcore.web.upload import predictions
from vlcore.web.upload.inputs import ImageChoice, ModelChoice

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
        if not jobs.need_models(choice.conditions):
            predictions.show_upload_with_name(first, first.name, LARGE)
            st.stop()
    keys = [condition.key for condition in choice.conditions]
    options = map_controls.choose_map_options(
        image_set, keys, bar, overlays=("images", "neighbours"), has_filters=False
    )
    comparison = cache.models_together(keys, options)
    with st.spinner("Asking the models …"):
        answers = _answers(comparison, choice, chosen)
        thumbs = [thumb_uri(image.model_input) for image in chosen.images]
        with_stars = with_uploads(comparison.maps, thumbs, [*answers.embeddings.values()])
    upload = predictions.choose_image(answers)
    width, height = shell.window()
    is_wide = width >= ALL_BESIDE
    if is_wide:
        left, right = st.columns([PREDICTIONS, width - PREDICTIONS], gap="medium")
    else:
        left, right = st.container(), st.container()
    with left:
        predictions.show_upload_with_name(
            upload.picture,
            upload.name,
            LARGE if is_wide else SMALL,
            predictions.about_first_sample(answers) if chosen.is_sample else "",
        )
        places = predictions.show_predictions(upload, choice.usual)
    with right:
        margins = MARGINS + PREDICTIONS * is_wide
        side = min(shell.fitting_side(width, margins, height - ABOVE_AND_AROUND), LARGEST_MAP)
        maps = LinkedMaps(keys, with_stars, image_set, options, palette, side, "bottom")
        with st.container(key="maps-of-uploads"):
            linked_maps.show(maps, "Your images on the maps of the models", panel=False)
        if options.projection.fitted:
            st.caption(
                "Your image is projected at the average of its five nearest images, the nearest"
                " counting most."
            )
    if any(map(uploads.knows_photographs, choice.conditions)):
        st.caption(_known_before(choice))
    if image_set.folds:
        st.caption(
            f"Of each condition the first of {image_set.folds} models answers. It may have been"
            " trained on your image, if the image is one of the set."
        )
    predictions.show_reliances(upload, places)
    inputs = {"upload": upload}
    stage = panels.Stage(comparison, keys, image_set, palette, side, inputs)
    panels.choose_panel(UPLOAD, stage)


def _answers(comparison: Comparison, choice: ModelChoice, chosen: ImageChoice) -> Answers:
    """Put images to the models of a comparison, once in this visitor's session."""
    image_set, objects = choice.image_set, choice.image_set.grouping.objects
    pictures = [
        image
        if image.object or image.is_drawn
        else replace(image, object=object_in_name(image.name, objects) or choice.truth)
        for image in chosen.images
    ]
    stored = len(image_set.table) - len(cache.missing_features(image_set))
    models = [(model.key, model.artifact.digest) for model in comparison.models]
    images = [(picture.name, picture.digest, picture.object) for picture in pictures]
    name = ("answers", stored, *models, *images)
    return cache.once_a_session(
        name, lambda: ask(comparison.named, image_set, pictures, _judge(image_set, stored))
    )


@cache.by_content(4)
def _judge(image_set: ImageSet, stored: int) -> NoveltyJudge | None:
    """The judge of novelty of a set of which so many images have features."""
    return judge_or_none(image_set)


def _known_before(choice: ModelChoice) -> str:
    """Say what a network that was trained on photographs knows before it is trained here."""
    is_our_tower = any(condition.frozen_tower == TOWER for condition in choice.conditions)
    if is_our_tower and set(choice.image_set.grouping.objects) == set(OBJECTS):
        return "The image encoder has seen horses and camels on ImageNet."
    return "The image encoder was trained on photographs."
