"""What is asked and whom: a pair of models by default, and images, which stay in this session."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.compared_maps import names
from vlcore.api.training import is_quick
from vlcore.api.uploads import distinct_names, with_untrained
from vlcore.data import sandbox
from vlcore.data.decoding import UploadError, is_picture
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.data.uploads import UploadedPicture, samples, shown_name, uploaded
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.plain_text import as_code, plain
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus, State
from vlcore.web import condition_controls, jobs, shell, widgets, work
from vlcore.web.compare.models import SIDES, comparable, how_many
from vlcore.web.components import browser

MOST = 14  # images at once: two cut-outs on every background
SIDE = 86  # px of a sample: eleven are beside each other on a screen of 1280 px
SAMPLE = "sample_{}"  # what remembers that a sample is asked for
OTHER_BIAS = 0.75  # of the third and fourth model, where the first two have none
UNKNOWN = "nobody knows"  # what an image of a visitor shows
Opened = (
    list[UploadedPicture] | str
)  # the images of a file, or the sentence that says why there are none


@dataclass(frozen=True, eq=False)
class Asked:
    """The models that are asked, and the set that they were trained on."""

    images: ImageSet
    conditions: tuple[Condition, ...]
    usual: tuple[
        Condition, ...
    ]  # those of the towers and the bias that are set, or of another bias
    truth: str  # the object that a visitor's images show; empty where nobody knows


@dataclass(frozen=True, eq=False)
class Shown:
    """The images that are put to models."""

    pictures: tuple[UploadedPicture, ...]
    is_opening: bool  # whether it is the sample that the page begins with


def choose(bar: DeltaGenerator) -> Asked:
    """The choice of the set, of its models, and of what a visitor's images show."""
    with bar.container(width="content"):
        towers = condition_controls.towers_choice("pretrained")
    levels = condition_controls.BIASES
    about = "The share of each minority group that was removed from the training set."
    level = bar.selectbox(
        "Bias",
        list(levels),
        list(levels).index("75 %"),
        "bias {}".format,
        **widgets.in_address("bias", about, label_visibility="collapsed", width=130),
    )
    with bar.popover("Settings", icon=":material/settings:").container(width=460):
        images = shell.image_set_choice()
        count = how_many()
        usual = _usual(images, towers, levels[level])
        conditions = _models(images, count, usual)
        about = "Predictions for your own images are then marked right or wrong."
        choices = [UNKNOWN, *images.grouping.objects]
        truth = st.selectbox("Your images show", choices, **widgets.in_address("shows", about))
    return Asked(images, conditions, usual, truth if truth in images.grouping.objects else "")


def _usual(images: ImageSet, towers: str, bias: float) -> tuple[Condition, ...]:
    """Both label styles of the study at a bias, and at another one."""
    base = usual_condition(images).with_towers(towers)
    levels = (bias, 0.0 if bias else OTHER_BIAS)
    return tuple(
        base.replace(bias=level, labels=labels)
        for level in levels
        for labels in STYLES_OF_THE_STUDY
    )


def _models(images: ImageSet, count: int, usual: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The usual models, or others from the disk."""
    # A model of an older version has a key that no condition of now has; the Compare page shows it.
    trained = {key: one for key, one in comparable(images).items() if one.key == key}
    choices = with_untrained(trained)
    called = {condition_controls.AS_SET: condition_controls.AS_SET, **distinct_names(choices)}
    chosen = []
    for name, prefix, condition in zip(names(count), SIDES, usual, strict=False):
        about = "As set here: the towers and the bias above, short and descriptive labels."
        in_address = widgets.in_address(f"{prefix}_asked", about)
        key = st.selectbox(
            f"{name.capitalize()} model", list(called), 0, called.__getitem__, **in_address
        )
        chosen.append(choices.get(key, condition))
    return tuple(chosen)


def wait_for(conditions: Sequence[Condition]) -> bool:
    """The progress and buttons of models that are missing; False where none is. What takes seconds
    begins by itself."""
    keys = [condition.key for condition in conditions]
    for key in keys:
        jobs.chosen_here(key)  # what a link asks for is known as such
    absent = [one for one in conditions if work.view(one.key).state is State.ABSENT]
    begun = [one for one in absent if one.steps and is_quick(one)]
    work.train(*begun)
    untrained = {one.key: partial(work.train, one) for one in absent if not one.steps}
    jobs.start_or_offer(untrained, "Measure the untrained encoder: a few seconds")
    long = {one.key: partial(work.train, one) for one in absent if one.steps and one not in begun}
    if long:
        st.info("These models are not trained yet. Training takes about half a minute each.")
    jobs.start_or_offer(long, "Train the models")
    if all(work.view(key).done for key in keys):
        return False

    def draw(views: list[JobStatus]) -> None:
        for condition, view in zip(conditions, views, strict=True):
            if view.state.is_active:
                st.caption(f"Training: {plain(title(condition))}")
                jobs.progress(view)
            elif not view.done and view.state is not State.ABSENT:
                start = partial(work.train, condition)
                jobs.progress_or_start(view, "Try again", start, key=f"again_{view.key}")

    jobs.watch(keys, draw, every=jobs.POLL_QUICK)
    return True


def images(asked: Asked) -> Shown:
    """The controls for images, and what was chosen with them, samples first; a sample where nothing
    was."""
    sandbox.warm()  # while the visitor chooses
    offered = samples(asked.images)
    pictures: list[UploadedPicture] = []
    label = "**Try your own image**: upload, paste, take a photo, or pick a sample"
    with st.expander(label, icon=":material/add_photo_alternate:"):
        upload, camera, tiles = st.tabs(["Upload or paste", "Camera", "Samples"])
    errors = st.container()
    with tiles:
        st.caption(
            "No model was trained on these. The last two are cut out: each is placed on six"
            " backgrounds and on grey."
        )
        with st.container(horizontal=True):
            for name, (picture, becomes) in offered.items():
                with st.container(width=SIDE):
                    widgets.picture(picture, width=SIDE, alt=name)
                    if st.checkbox(name, key=SAMPLE.format(name)):
                        pictures += becomes
    with upload:
        opened, is_more = _uploads(MOST - len(pictures))
        st.caption("Images stay in your session and are not kept.")
    with camera:
        st.caption("A browser offers its camera on a page by https or on the server's own machine.")
        taken = (
            st.camera_input("Take a photo", key="taken")
            if st.toggle("Use the camera", value=False)
            else None
        )
        opened += [_open("camera", taken.getvalue())] if taken else []
    for images_of_file in opened:
        if isinstance(images_of_file, str):
            errors.error(images_of_file, icon=":material/broken_image:")
        else:
            pictures += images_of_file
    if is_more or len(pictures) > MOST:
        st.warning(
            f"The first {MOST} images are shown, a cut-out as seven; give fewer at once to see the"
            " others."
        )
    if pictures:
        return Shown(tuple(pictures[:MOST]), is_opening=False)
    opening = next(iter(offered.values()))[1]
    return Shown(tuple(opening), is_opening=True)


def _uploads(room: int) -> tuple[list[Opened], bool]:
    """What the files of a visitor become, as far as there is room, and whether there are more of
    them."""
    about = (
        "Choose files, drop them here, or paste an image anywhere on this page. A PNG or WebP with"
        " a see-through background is placed on each background in turn."
    )
    label, kinds = "Images (PNG, JPEG or WebP, up to 5 MB each)", ["png", "jpg", "jpeg", "webp"]
    files = st.file_uploader(label, kinds, True, "files", about, max_upload_size=5) or []
    browser.PASTE(key="paste", height=0)
    # Every click runs the page anew, and a large photo takes half a second to decode: it stays with
    # its file.
    before: dict[str, Opened] = st.session_state.get("opened", {})
    now: dict[str, Opened] = {}
    times: Counter[str] = Counter()
    for file in files:
        if sum(len(one) for one in now.values() if not isinstance(one, str)) >= room:
            break
        name = shown_name(file.name)
        times[name] += 1
        called = name if times[name] == 1 else f"{name} ({times[name]})"
        handle = f"{file.file_id} {called}"
        now[handle] = before[handle] if handle in before else _open(called, file.getvalue())
    st.session_state["opened"] = now
    return list(now.values()), len(now) < len(files)


def _open(name: str, content: bytes) -> Opened:
    try:
        return uploaded(name, content)
    except UploadError as error:
        more = (
            " What is in this file is no image at all."
            if content and not is_picture(content)
            else ""
        )
        return f"{as_code(name)}: {error}{more}"
