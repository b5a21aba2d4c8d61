"""One drawn scene on the Data page, with all its factors and its twins."""

from itertools import product
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vlcore.data.drawn import SCENES_RECIPE, recipe_of
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.scenes import COATS, CONTEXTS, OBJECTS, POSES, SKIES, Scene, draw_scene, sample
from vlcore.web import widgets


@st.cache_data(max_entries=400, show_spinner=False)
def drawn(scene: Scene, size: int = 320) -> NDArray[np.uint8]:
    """The image of a scene, (size, size, 3)."""
    return draw_scene(scene, size).image


def one_scene(images: ImageSet) -> None:
    """Controls for every factor of one scene, and its four twins."""
    st.subheader("One scene and its twins")
    st.caption(
        "An image is a function of its factors. Twins share all but one: the same animal on another"
        " background, another animal on the same one. So an error of a model has one cause."
    )
    recipe = recipe_of(images.name)
    if recipe is None:
        unknown = "so their factors are unknown and they have no twins"
        if images.twin_scenes:
            unknown = "so no factor can be changed; click one under “images” to see its twins"
        st.info(
            f"The images of {plain(images.name)} were not drawn here, {unknown}. Below is a scene"
            " that the lab draws; it is not one of this set."
        )
        recipe = SCENES_RECIPE
    image_slot = st.container()
    first, second, third = st.columns(3)
    with first:
        number = widgets.integer_input("Scene number", 0, 9999, 7, about="Draw all factors again.")
        base = sample(OBJECTS[0], recipe.contexts[0], split="demo", index=number)
        pose = st.selectbox("Pose", POSES, POSES.index(base.pose), key=f"pose_{number}")
        coat = st.selectbox("Coat", COATS, COATS.index(base.coat), key=f"coat_{number}")
    with second:
        heading = st.slider(
            "Turned to",
            0,
            180,
            round(np.degrees(base.heading)),
            format="%d°",
            key=f"turn_{number}",
            help="0° looks right, 90° at you, 180° left.",
        )
        usual = round(base.size * recipe.object_size, 2)
        size = st.slider("Size of the animal", 0.1, 0.9, usual, key=f"size_{recipe.name}_{number}")
        form = st.slider(
            "Build",
            0.0,
            1.0,
            round(base.form, 2),
            key=f"form_{number}",
            help="Slender to stocky; humps.",
        )
        horizon = st.slider("Horizon", 0.35, 0.62, round(base.horizon, 2), key=f"horizon_{number}")
    with third:
        sky = st.selectbox("Sky", SKIES, SKIES.index(base.sky), key=f"sky_{number}")
        places = list(recipe.contexts)
        contexts = st.multiselect(
            "Two backgrounds", CONTEXTS, places, max_selections=2, key=f"places_{recipe.name}"
        )
        seen = _contrast("Background", recipe.context_contrast, key=f"context_{recipe.name}")
        clear = _contrast("Animal", recipe.object_contrast, key=f"object_{recipe.name}")
    if len(contexts) < 2:
        image_slot.info("Choose two backgrounds to see the twins.")
        return
    scene = base.replace(
        pose=pose,
        coat=coat,
        heading=float(np.radians(heading)),
        size=float(size),
        form=float(form),
        horizon=float(horizon),
        sky=sky,
        context_contrast=seen,
        object_contrast=clear,
    )
    pairs = product(OBJECTS, contexts)
    for column, (obj, context) in zip(image_slot.columns(4), pairs, strict=True):
        twin, words = scene.replace(object=obj, context=context), f"{obj}, {context}"
        widgets.show_image(drawn(twin), alt=words, within=column)
        column.caption(words)


def _contrast(subject: str, usual: float = 1.0, **options: Any) -> float:
    """Show the choice of how well something can be seen, 0 to 1."""
    label, usual_percent = f"{subject} contrast", round(100 * usual)
    return st.slider(label, 0, 100, usual_percent, format="%d %%", **options) / 100
