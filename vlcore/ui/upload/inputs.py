"""What is asked and whom: models on the disk, with untrained encoders, and pictures, which stay in this session."""

from collections import Counter
from itertools import cycle

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.compare.comparison import names
from vlcore.compare.uploads import as_code, distinct_names, with_untrained
from vlcore.core.condition import Condition
from vlcore.core.plain import plain
from vlcore.core.wording import title
from vlcore.datasets import sandbox
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.opening import UploadError, is_picture
from vlcore.datasets.subset import usual_condition
from vlcore.datasets.uploads import UploadedPicture, samples, shown_name, uploaded
from vlcore.server import browser, work
from vlcore.server.visitors import visitor
from vlcore.store.jobs import JobStatus
from vlcore.studies import plans
from vlcore.ui import jobs, shell, widgets
from vlcore.ui.compare.models import SIDES, comparable

MOST = 14  # pictures at once: two cut-outs on every background
SIDE = 100  # px of a sample: ten are beside each other on a screen of 1280 px
SAMPLE = "sample_{}"  # what remembers that a sample is asked for
Opened = list[UploadedPicture] | str  # the pictures of a file, or the sentence that says why there are none


def models(images: ImageSet, count: int, settings: DeltaGenerator) -> list[Condition]:
    """The choice of models among the settings; holds the page where there is none yet, and says where to get one."""
    experiments = plans.find("experiments", usual_condition(images)).conditions
    running = sum(view.state.is_active for view in work.views(experiments))
    # A model of an older version has a key that no condition of now has; the Compare page shows it.
    trained = {key: one for key, one in comparable(images).items() if one.key == key}
    if not trained and running:
        st.info("Models are being trained on these pictures just now: the first will be offered here when it is done.")

        def draw(views: list[JobStatus]) -> None:
            for view, condition in zip(views, experiments, strict=True):
                if view.state.is_active:
                    st.caption(plain(title(condition)))
                    jobs.progress(view)

        jobs.watch([condition.key for condition in experiments], draw, each_done=True)
        st.stop()
    if not trained:
        advice = f"Run the four experiments first. {widgets.how_long(images)}"
        st.info(f"No model is trained on these pictures yet. {advice}")
        widgets.link("app.py", "Go to the experiments", "play_arrow", **shell.persistent_query_params())
        st.stop()
    choices = with_untrained(trained)
    keys, called = list(choices), distinct_names(choices)
    usual = [one.key for one in (*experiments[2:], *experiments[:2]) if one.key in choices]
    usual = list(dict.fromkeys([*usual, *keys]))
    chosen = []
    for name, prefix, key in zip(names(count), SIDES, cycle(usual), strict=False):
        label, in_address = f"{name.capitalize()} model", widgets.in_address(f"{prefix}_asked")
        asked = settings.selectbox(label, keys, keys.index(key), called.__getitem__, **in_address)
        chosen.append(choices[asked])
    if running:
        st.caption(f"{running} more of the four experiments {'is' if running == 1 else 'are'} in training just now.")
    return chosen


def pictures(images: ImageSet) -> list[UploadedPicture]:
    """The controls, which fold when there is a picture, and what was given with them: samples first."""
    given: list[UploadedPicture] = []
    sandbox.warm()  # while the visitor chooses
    there = any(st.session_state.get(key) for key in ("files", "taken", *map(SAMPLE.format, samples(images))))
    with st.expander("Your pictures", expanded=not there, icon=":material/add_photo_alternate:"):
        upload, camera, tiles = st.tabs(["Upload or paste", "Camera", "Sample pictures"])
    errors = st.container()
    with tiles:
        unseen = "Scenes that no model was trained on"
        st.caption(f"{unseen}. The last are cut out: each is placed on six backgrounds in turn, and on grey.")
        with st.container(horizontal=True):
            for name, (offered, found) in samples(images).items():
                with st.container(width=SIDE):
                    widgets.picture(offered, width=SIDE, alt=name)
                    if st.checkbox(name, key=SAMPLE.format(name)):
                        given += found
    with upload:
        ways = "Choose files, drop them here, or paste a picture anywhere on this page"
        about = f"{ways}. A PNG or WebP with a see-through background is placed on each background in turn."
        label, kinds = "Pictures (PNG, JPEG or WebP, up to 5 MB each)", ["png", "jpg", "jpeg", "webp"]
        files = st.file_uploader(label, kinds, True, "files", about, max_upload_size=5)
        browser.PASTE(key="paste", height=0)
        # Every click runs the page anew, and a large photograph takes half a second to decode: it stays with its file.
        before: dict[str, Opened] = st.session_state.get("opened", {})
        now: dict[str, Opened] = {}
        times: Counter[str] = Counter()
        for file in files or []:
            if len(given) >= MOST:
                break
            name = shown_name(file.name)
            times[name] += 1
            called = name if times[name] == 1 else f"{name} ({times[name]})"
            handle = f"{file.file_id} {called}"
            now[handle] = before[handle] if handle in before else _open(called, file.getvalue())
            given += _shown(now[handle], errors)
        st.session_state["opened"] = now
        left_out = len(now) < len(files or [])
    with camera:
        taken = st.camera_input("Take a picture", key="taken") if st.toggle("Use the camera", value=False) else None
        given += _shown(_open("camera", taken.getvalue()), errors) if taken else []
    if left_out or len(given) > MOST:
        st.warning(f"The first {MOST} pictures are shown, a cut-out as seven; give fewer at once to see the others.")
    return given[:MOST]


def _open(name: str, content: bytes) -> Opened:
    try:
        with work.opening(visitor()):
            return uploaded(name, content)
    except UploadError as error:
        more = " What is in this file is no picture at all." if content and not is_picture(content) else ""
        return f"{as_code(name)}: {error}{more}"


def _shown(opened: Opened, errors: DeltaGenerator) -> list[UploadedPicture]:
    if isinstance(opened, str):
        errors.error(opened, icon=":material/broken_image:")
        return []
    return opened
