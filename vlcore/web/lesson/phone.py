"""Training on a student's phone: the component that trains a seed pair, and the data for it."""

from typing import Any

import streamlit as st

from vlcore.classroom.one_room import Block, Pair
from vlcore.data.imageset import ImageSet
from vlcore.experiment.files import text_beside
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import shown_name
from vlcore.model.in_browser import draws, phone_module, torch_seeds, trainer_script
from vlcore.plots.theme import Palette
from vlcore.study.plans import StudyPlan
from vlcore.web import visitors, work
from vlcore.web.components import browser

_PHONE = st.components.v2.component(
    "vl_bias_lab_phone",
    html='<div class="phone"></div>',
    css=text_beside(__file__, "phone.css"),
    js=browser.by_address("phone", text_beside(__file__, "phone.js")),
)


@st.cache_data(max_entries=3, show_spinner=False)
def files_address(data: str, version: str) -> str:
    """Return the address of the file that the phones of a class train on."""
    module = work.run_in_worker(visitors.visitor(), phone_module, data, version)
    return browser.script_address("phone-files", module)


def train_here(
    code: str, block: Block, pair: Pair, study: StudyPlan, images: ImageSet, palette: Palette
) -> Any:
    """Train the models of a block in this visitor's browser, unless it has done so, and show their
    maps.

    Returns:
        None before the end; then what `vlcore.classroom.phone_results` reads, or something else
        where the browser cannot train.
    """
    first, _ = pair
    grouping = images.grouping
    words, colours = group_words(grouping), palette.colours(grouping)
    data = {
        "pair": f"{code} {first.key}",
        "files": files_address(images.name, images.version),
        "trainer": browser.script_address("trainer", trainer_script()),
        "seeds": torch_seeds(first.init_seed),
        "draws": draws(images, first.data_seed).ravel().tolist(),
        "bias": first.bias,
        "arms": [
            {"style": shown_name("labels", condition.labels), "title": study.arm_of(condition)}
            for condition in pair
        ],
        "groups": [
            {"words": words[name], "colour": colours[name], "rare": name in grouping.minority}
            for name in grouping.names
        ],
    }
    told = _PHONE(
        key=f"phone-{code}-{block.place}", data=data, on_result_change=_nothing, height="content"
    )
    return told.result


def _nothing() -> None:
    """Streamlit keeps a value that the browser tells only where something listens to it."""
