"""Shortcut reliance of predictions: what they rely on, and the versions of an image that tell."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import uploads
from vlcore.api.model_map import ModelMap
from vlcore.api.uploads import RelianceReport
from vlcore.data.uploads import UploadedPicture, twins_of
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.metrics.reliance import PaintedImages
from vlcore.model.new_images import painted_images
from vlcore.web import cache, widgets
from vlcore.web.upload.answers import Answers, result_name

EAGER = 4  # images that are tested at once; others are when they are looked at
VERSION_SIDE = 120  # px of versions of an image
EXAMPLE = 4  # of the ways to paint: a blur
UNTESTED = (
    "The object and the background are painted over only for models with a pretrained image tower:"
    " of others the test was wrong too often (docs/uploads.md). Samples and cut-outs are tested for"
    " every model."
)


def find_reliances(
    answers: Answers, number: int, places: dict[str, DeltaGenerator]
) -> uploads.Reliances:
    """Find what predictions rely on: of the image that is looked at first, in its places.

    Returns reports by the name of the model and the number of the image.
    """
    grouping = answers.grouping
    tested: dict[tuple[str, int], RelianceReport] = {}
    others = [index for index in range(len(answers.images)) if index != number]
    for index in [number, *others]:
        is_looked_at = index == number
        paint = lru_cache(1)(partial(_paint_over, answers.images[index]))  # once for all models
        for name, reports in answers.reports.items():
            if not reports[index].predicted:
                continue
            if is_looked_at:
                places[name].caption("What it relies on is being tested …")
            is_eager = is_looked_at or index < EAGER
            report = _test_prediction(answers, name, index, paint, is_eager=is_eager)
            if report is not None:
                tested[name, index] = report
            if is_looked_at and report is not None:
                places[name].markdown(uploads.reliance_sentence(report, grouping))
            elif is_looked_at:
                places[name].caption("What it relies on was not tested.", help=UNTESTED)
    return tested


def _test_prediction(
    answers: Answers, name: str, number: int, paint: Callable[[], PaintedImages], *, is_eager: bool
) -> RelianceReport | None:
    """Test what a model's prediction for an image relies on.

    None where that cannot be tested, or is not tested yet and not `is_eager`.
    """
    image = answers.images[number]
    model, reports = answers.models[name], answers.reports[name]
    grouping, key = answers.grouping, model.artifact.key
    if image.cutout:
        return uploads.reliance_by_backgrounds(
            [
                report
                for report, version in zip(reports, answers.images, strict=True)
                if version.cutout == image.cutout
            ]
        )

    def test() -> RelianceReport | None:
        loaded, predicted = cache.model(key).loaded, reports[number].predicted
        if twins := twins_of(image, answers.image_set):
            return uploads.reliance_by_twins(model, loaded, predicted, twins, grouping)
        if uploads.knows_photographs(model.artifact.condition):
            with suppress(LabError):  # the weights that locate are not on this machine
                return uploads.reliance_by_painting(model, loaded, predicted, paint(), grouping)
        return None

    result = result_name("reliance", key, image)
    return cache.once_a_session(result, test) if is_eager or cache.is_kept(result) else None


def _paint_over(image: UploadedPicture) -> PaintedImages:
    """Paint over an image's object and its background; an example of each is kept to be shown."""
    versions = painted_images(image.model_input)
    cache.once_a_session(_examples_name(image), lambda: _examples(versions))
    return versions


def _examples(versions: PaintedImages) -> list[Image.Image]:
    painted = (versions.object_alone, versions.background_alone)
    return [Image.fromarray(pixels[EXAMPLE]) for pixels in painted]


def _examples_name(image: UploadedPicture) -> tuple[str, str]:
    return "painted", image.digest


def show_versions(answers: Answers, number: int, reliances: uploads.Reliances) -> None:
    """Show the versions of an image by which reliance was tested, or examples of them."""
    image, grouping = answers.images[number], answers.grouping
    word = grouping.object_word
    twins = twins_of(image, answers.image_set)
    is_tested = any(index == number for _, index in reliances)
    names: list[str] = []
    images: list[Image.Image] = []  # as they are shown
    inputs: list[Image.Image] = []  # as models are asked
    if image.cutout:
        about = f"The same {word} on seven backgrounds: do they change a prediction?"
    elif twins is not None:
        about = (
            f"The same scene with the other {word} and on another background: what changes a"
            " prediction?"
        )
        versions = (twins.other_object, *twins.other_backgrounds)
        names = [version.name for version in versions]
        images = [version.picture for version in versions]
        inputs = [version.model_input for version in versions]
    elif is_tested:
        about = (
            f"What is left when the background, or the {word}, is painted over, and what is"
            " predicted then. This is one of nine ways to paint, all of which have to agree; a"
            f" pretrained network says where the {word} is."
        )
        names = [f"only the {word}", "only the background"]
        images = inputs = cache.once_a_session(
            _examples_name(image), lambda: _examples(painted_images(image.model_input))
        )
    else:
        about = f"Not tested. {UNTESTED}"
    st.caption(about)
    labels = _predict_versions(answers, image, inputs)
    with st.container(horizontal=True, gap="small"):
        for index, (words, version) in enumerate(zip(names, images, strict=True)):
            lines = [plain(words)]
            lines += [f"{name}: **{plain(row[index])}**" for name, row in labels.items()]
            with st.container(width=VERSION_SIDE, gap="xxsmall"):
                widgets.show_image(version, width=VERSION_SIDE, alt=words)
                st.caption("  \n".join(lines))


def _predict_versions(
    answers: Answers, image: UploadedPicture, versions: Sequence[Image.Image]
) -> dict[str, list[str]]:
    """Return what each model that predicts objects predicts for versions of an image, by model."""
    grouping = answers.grouping

    def predict(model: ModelMap) -> list[str]:
        z = cache.model(model.artifact.key).loaded.embed_images(list(versions))
        return uploads.predicted_labels(model, z, grouping)

    labels = {}
    for name, model in answers.models.items():
        if versions and any(report.predicted for report in answers.reports[name]):
            result = result_name("versions", model.artifact.key, image)
            labels[name] = cache.once_a_session(result, partial(predict, model))
    return labels
