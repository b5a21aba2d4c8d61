"""Maps of the Compare page, and what answers to them: the image that was clicked, and those that
were marked."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.description import describe_comparison, describe_shown
from vlcore.api.differences import describe_differences
from vlcore.api.offline_page import cautions
from vlcore.api.panels import COMPARE
from vlcore.api.selections import Selection
from vlcore.data.imageset import SOURCE
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import Palette
from vlcore.web import cache, map_controls, published, shell, widgets
from vlcore.web.compare import map_component, selections
from vlcore.web.compare.models import Side
from vlcore.web.compare.view import Shown
from vlcore.web.panels import Stage, show_panels, show_text

ABOVE = 190  # px of the page over the maps


def choose_maps(sides: Sequence[Side], palette: Palette, bar: DeltaGenerator) -> Shown:
    """The controls of the maps, in the bar, and the comparison that they make, of the first model's
    image set: other encoders' embeddings of the same images have sets of their own."""
    keys = [side.key for side in sides]
    images = cache.image_set(cache.map_of_model(keys[0]))
    options = map_controls.choose_map_options(images, keys, bar)
    comparison = cache.coloured_comparison(keys, options.projection, options.colour_by)
    px, legend_place = shell.map_room(ABOVE)
    return Shown(keys, comparison, images, options, palette, px, legend_place, sides)


def stage_of(view: Shown) -> Stage:
    """What the panels of this page are shown about."""

    def select(rows: Sequence[int], words: str) -> None:
        selections.select(Selection.from_rows(view.comparison, rows, words))

    def open_image(row: int) -> None:
        view.name_image("picture", f"p{row}")
        st.session_state["toast"] = "The image is shown below the selected images."

    return Stage(
        cache.models_together(view.keys, view.options),
        view.keys,
        view.images,
        view.palette,
        view.side,
        {"options": view.options},
        select,
        open_image,
    )


def show(view: Shown, selection: Selection | None = None) -> None:
    """Show the maps, what they show in words, and the images that are selected or were clicked."""
    comparison = view.comparison
    if words := describe_shown(comparison):
        st.caption(words)
    up_close = map_component.show(view, describe_comparison(comparison), selection)
    if len(view.sides) > 1:
        conditions = [side.condition for side in view.sides]
        st.markdown(describe_differences(*conditions))
        published.show_answer_beside(view.images, *conditions)
    for text in cautions(comparison):
        show_text(text)
    stage = stage_of(view)
    selections.show(view, selection)
    if selection is not None:
        show_panels(COMPARE, "selection", stage.with_inputs(selection=selection))
    with shell.errors_as_sentences():
        _show_up_close(view, stage, up_close)


def _show_up_close(view: Shown, stage: Stage, identity: str | None) -> None:
    """Show one image, and the panels about it."""
    comparison, images = view.comparison, view.images
    if identity is None or not (comparison.points["id"] == identity).any():
        return
    is_clicked = identity == view.named_image("picture")
    st.subheader("The image you clicked" if is_clicked else "The image that is selected")
    row = int(identity.removeprefix("p"))
    point = comparison.points.set_index("id").loc[identity]
    image, about = st.columns([1, 4])
    words = f"{point['object']}, {point['context']}"
    split = "training" if point["kind"] == "training" else "held out"
    lines = [plain(f"{words}, {split}"), f"“{plain(images.table['caption'].iat[row])}”"]
    if SOURCE in images.table:
        lines.append(plain(images.table[SOURCE].iat[row]))
    with image:
        widgets.show_image_of_set(images, row, alt=words)
        selections.show_like(view, identity)
        st.caption("  \n".join(lines))
    with about:
        show_panels(COMPARE, "image", stage.with_inputs(image=row))
