"""Inputs of the Upload page: a pair of models by default, and images for this session."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.uploads import with_untrained
from vlcore.artifacts import store
from vlcore.data import sandbox
from vlcore.data.decoding import UploadError
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.data.uploads import UploadedPicture, samples, shown_file_name, uploaded
from vlcore.experiment import limits
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.errors import BusyError
from vlcore.experiment.plain_text import as_code
from vlcore.experiment.wording import distinct_names
from vlcore.web import cache, condition_controls, shell, widgets
from vlcore.web.compare.models import SIDES, comparable
from vlcore.web.components import browser
from vlcore.web.model_picker import choose_saved, condition_or_usual, control, model_in_address
from vlcore.web.visitors import LOCAL_NAMES

MOST_IMAGES = 50  # at once; a cut-out is seven
SAMPLE_SIDE = 86  # px: eleven are beside each other on a screen of 1280 px
USUAL_LEVEL = "75%"
UNKNOWN = "nobody knows"  # which object a visitor's image shows


@dataclass(frozen=True)
class Refusal:
    """Why a file has no images, in a sentence; of a busy server, the next run of the page tries the
    file again."""

    sentence: str
    is_busy: bool = False


Opened = list[UploadedPicture] | Refusal  # the images of a file, or why it has none


@dataclass(frozen=True, eq=False)
class ModelChoice:
    """The models of the page, and the set that they were trained on."""

    image_set: ImageSet
    conditions: tuple[Condition, ...]
    usual: tuple[Condition, ...]  # of the towers and the bias that are set
    truth: str  # the object that a visitor's images show; empty where nobody knows


@dataclass(frozen=True, eq=False)
class ImageChoice:
    """The images that are put to models."""

    images: tuple[UploadedPicture, ...]
    is_sample: bool  # whether it is the sample that the page begins with


def choose_models(bar: DeltaGenerator) -> ModelChoice:
    """Show the controls for the image set, its models, and the object that images show."""
    before_settings = bar.container(width="content")
    with shell.settings(bar).container(width=460):
        image_set = shell.image_set_choice()
        towers = shell.towers_choice(shell.FOR_PHOTOS)
        bias = condition_controls.BIASES[_trained_level(image_set, towers)]
        usual = _usual_conditions(image_set, towers, bias)
        # A model of an older version has a key that no condition has now; Compare shows it.
        trained = {key: model for key, model in comparable(image_set).items() if model.key == key}
        choices = with_untrained(trained)
        models = [
            model_in_address(side, condition, choices)
            for side, condition in zip(SIDES, usual, strict=True)
        ]
        levels = condition_controls.BIASES
        before_settings.selectbox(
            "Bias",
            list(levels),
            format_func="bias {}".format,
            help="The share of rare images that was removed from the training set.",
            label_visibility="collapsed",
            width=130,
            **control(models[0], "bias", levels, *models[1:]),
        )
        names = distinct_names(choices)
        about = "As set here: the start and the bias above, short and descriptive captions."
        for model in models:
            choose_saved(model, SIDES[model.name], names, about)
        conditions = tuple(map(condition_or_usual, models))
        about = "Predictions for your own images are then marked correct or wrong."
        objects = image_set.grouping.objects
        truth = st.selectbox(
            "Your images show", [UNKNOWN, *objects], **widgets.in_address("shows", about)
        )
    return ModelChoice(image_set, conditions, usual, truth if truth in objects else "")


def _trained_level(image_set: ImageSet, towers: str) -> str:
    """The bias of the first pair that is trained on a set; 75% where that is, or none."""
    levels = condition_controls.BIASES
    for name in sorted(levels, key=lambda name: name != USUAL_LEVEL):
        pair = _usual_conditions(image_set, towers, levels[name])
        if all(store.published(condition.key) for condition in pair):
            return name
    return USUAL_LEVEL


def _usual_conditions(image_set: ImageSet, towers: str, bias: float) -> tuple[Condition, ...]:
    """Return both label styles of the study at a bias."""
    base = usual_condition(image_set).with_towers(towers)
    return tuple(base.replace(bias=bias, labels=labels) for labels in STYLES_OF_THE_STUDY)


def choose_images(choice: ModelChoice) -> ImageChoice:
    """Show the controls for images; returns the chosen ones, samples first, or a sample."""
    sandbox.warm()  # while the visitor chooses
    seeds = {condition.data_seed for condition in choice.conditions}
    data_seeds = frozenset(seeds if choice.image_set.folds else [0])
    offered = samples(choice.image_set, data_seeds)
    uris = _sample_uris(choice.image_set, data_seeds)
    chosen: list[list[UploadedPicture]] = []  # samples and files, with the versions of each
    label = "**Try your own image**: upload, paste, take a photo, or pick a sample"
    with st.expander(label, icon=":material/add_photo_alternate:"):
        upload, camera, tiles = st.tabs(["Upload or paste", "Camera", "Samples"])
    errors = st.container()
    with tiles:
        st.caption(
            "No model here was trained on these. The last two are cut out: each is placed"
            " on six backgrounds and on grey."
        )
        with st.container(horizontal=True):
            for name in offered:
                widgets.show_image(uris[name], width=SAMPLE_SIDE, alt=name, caption=name)
        names = st.pills(
            "Ask about", list(offered), selection_mode="multi", **widgets.in_address("samples")
        )
        chosen += [versions for name, (_, versions) in offered.items() if name in names]
    with upload:
        files, are_more = _uploads(MOST_IMAGES - sum(map(len, chosen)))
        st.caption("Images go when you leave this page, and are not kept on the disk.")
    with camera:
        files += _photo(st.context.url)
    for opened in files:
        if isinstance(opened, Refusal):
            errors.error(opened.sentence, icon=":material/broken_image:")
        else:
            chosen.append(opened)
    images = _fitting(chosen)
    if len(images) > 1:
        st.button("Clear all", icon=":material/delete_sweep:", on_click=_clear, key="clear")
    if are_more or len(images) < sum(map(len, chosen)):
        st.warning(
            f"Only the first {len(images)} images are shown, a cut-out as seven. {MOST_IMAGES} is"
            " the most. Remove some to see others."
        )
    if images:
        return ImageChoice(tuple(images), is_sample=False)
    _, first_sample = next(iter(offered.values()))
    return ImageChoice(tuple(first_sample), is_sample=True)


@cache.by_content(8)
def _sample_uris(images: ImageSet, data_seeds: frozenset[int]) -> dict[str, str]:
    """Encode the first image of each sample, by its name."""
    offered = samples(images, data_seeds)
    return {name: widgets.image_uri(tile) for name, (tile, _) in offered.items()}


def _files_key() -> str:
    """The key of the uploader: another one after all images were cleared, which empties it."""
    return f"files_{st.session_state.get('cleared', 0)}"


def _clear() -> None:
    """Remove all images that a visitor chose."""
    st.session_state["cleared"] = st.session_state.get("cleared", 0) + 1
    st.session_state["samples"] = []
    st.session_state.pop("taken", None)


def _fitting(chosen: Sequence[Sequence[UploadedPicture]]) -> list[UploadedPicture]:
    """Return the first images that there is room for, with all versions of a cut-out or none."""
    images: list[UploadedPicture] = []
    for versions in chosen:
        if len(images) + len(versions) > MOST_IMAGES:
            break
        images += versions
    return images


def _uploads(room: int) -> tuple[list[Opened], bool]:
    """Open a visitor's files, as far as there is room; returns whether there are more of them."""
    about = (
        "Choose files, drop them here, or paste an image anywhere on this page. A PNG or WebP with"
        " a see-through background is placed on each background in turn."
    )
    most = limits.UPLOAD_BYTES // limits.MB
    label = f"Up to {MOST_IMAGES} images (PNG, JPEG, WebP, GIF or HEIC, {most} MB each)"
    # Every kind and size is taken, because Streamlit hides why it refuses one.
    files = st.file_uploader(label, None, True, _files_key(), about, max_upload_size=most) or []
    browser.PASTE(key="paste", height=0)
    # Every click runs the page again, and a large photo takes half a second to decode: what was
    # opened stays in the session.
    before: dict[str, Opened] = st.session_state.get("opened", {})
    now: dict[str, Opened] = {}
    times: Counter[str] = Counter()
    for file in files:
        if sum(len(opened) for opened in now.values() if isinstance(opened, list)) >= room:
            break
        name = shown_file_name(file.name)
        times[name] += 1
        if times[name] > 1:
            name = f"{name} ({times[name]})"
        handle = f"{file.file_id} {name}"
        now[handle] = before[handle] if handle in before else _open(name, file.getvalue())
    st.session_state["opened"] = {
        handle: opened
        for handle, opened in now.items()
        if not (isinstance(opened, Refusal) and opened.is_busy)
    }
    return list(now.values()), len(now) < len(files)


def camera_opens(address: str | None) -> bool:
    """Whether a browser offers its camera to the page at an address: by https, or at the machine
    itself."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return False
    return parts.scheme != "http" or parts.hostname in LOCAL_NAMES


def _photo(address: str | None) -> list[Opened]:
    """Show the camera, or why it stays closed and what to do; returns the photo if one is taken."""
    if not camera_opens(address):
        st.warning(
            "The camera stays closed here: this address begins with http, and browsers open a"
            " camera only to https or on the server's own machine. Choose a file under “Upload or"
            " paste” instead: a phone offers its camera there. An image that you copied can be"
            " pasted.",
            icon=":material/no_photography:",
        )
        return []
    if not st.toggle("Use the camera", value=False):
        return []
    photo = st.camera_input("Take a photo", key="taken")
    return [_open("camera", photo.getvalue())] if photo else []


def _open(name: str, content: bytes) -> Opened:
    try:
        return uploaded(name, content)
    except UploadError as error:
        if isinstance(error.__cause__, BusyError):
            return Refusal(f"{as_code(name)}: {error}", is_busy=True)
        return Refusal(f"{as_code(name)}: {error}")
