"""Maps of the Compare page, and what answers to them: the image that was clicked, and those that
were marked."""

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.description import describe_comparison, describe_shown
from vlcore.api.explain import ask_rows
from vlcore.api.model_map import ModelMap
from vlcore.api.offline_page import summary
from vlcore.api.overlays import OTHER_BACKGROUND, other_object, scenes, twin_lengths
from vlcore.api.selections import Selection
from vlcore.data.imageset import SOURCE, ImageSet
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import Palette
from vlcore.web import cache, map_controls, shell, training_images, widgets
from vlcore.web.compare import agreement, map_component, selections
from vlcore.web.compare.models import Side, badges
from vlcore.web.compare.selected_images import predicts, words_of_prediction
from vlcore.web.compare.view import Shown

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


def show(view: Shown, selection: Selection | None = None) -> None:
    """The maps, what they show in words, and the images that are selected or were clicked."""
    comparison, images = view.comparison, view.images
    alt = describe_comparison(comparison)
    if words := describe_shown(comparison):
        st.caption(words)
    up_close = map_component.show(view, alt, selection)
    badges(view.sides)
    agreement.show_sentence(view)
    widgets.show_part(summary(comparison))
    selections.show(view, selection)
    with shell.errors_as_sentences():
        _show_up_close(view, up_close)
    if images.folds:
        _show_wrong_of_folds(comparison, images)


def _show_up_close(view: Shown, identity: str | None) -> None:
    """One image, its nearest neighbours and captions in every model, and its twins."""
    comparison, images = view.comparison, view.images
    if identity is None or not (comparison.points["id"] == identity).any():
        return
    is_clicked = identity == view.named_image("picture")
    st.subheader("The image you clicked" if is_clicked else "The image that is selected")
    row = int(str(identity).removeprefix("p"))
    point = comparison.points.set_index("id").loc[identity]
    image, neighbours = st.columns([1, 4])
    words = f"{point['object']}, {point['context']}"
    widgets.show_image_of_set(images, row, width="stretch", alt=words, within=image)
    with image:
        selections.show_like(view, str(identity))
    split = "training" if point["kind"] == "training" else "held out"
    lines = [plain(f"{words}, {split}")]
    if caption := images.table["caption"].iat[row]:  # embeddings may have come without
        lines.append(f"“{plain(caption)}”")
    if SOURCE in images.table:
        lines.append(plain(images.table[SOURCE].iat[row]))
    image.caption("  \n".join(lines))
    with neighbours:
        models = enumerate(comparison.named.items())
        for column, (pane, (name, model)) in widgets.in_pairs(models):
            with column:
                if predicts(comparison):
                    st.markdown(f"{name.capitalize()} model: {words_of_prediction(point, pane)}")
                st.markdown(f"**Nearest in the {name} model** (cosine)")
                _nearest(model, row)
    asks = {
        name: partial(ask_rows, model.artifact, images, [row])
        for name, model in comparison.named.items()
        if 0 <= model.index([row])[0] < model.n_held_out
    }
    if asks and predicts(comparison):
        training_images.show_explanations(comparison.named, images, asks, identity)
    if view.options.twins:
        _twins(comparison, images, str(point["scene"]))


def _show_wrong_of_folds(comparison: ComparedMaps, images: ImageSet) -> None:
    """Of each model, all images that it gets wrong when they are held out, also those of folds
    whose maps are not shown."""
    with st.expander("All wrong images, of every fold", icon=":material/close:"):
        for name, model in comparison.named.items():
            predictions = model.artifact.embeddings.fold_predictions
            if model.predicted_objects(images.grouping.objects) is None:
                st.caption(f"The {name} model predicts no object: its labels name none.")
                continue
            if predictions is None:
                continue
            rows, predicted = predictions
            is_wrong = predicted != images.table["object"].to_numpy()[rows]
            st.markdown(f"**{name.capitalize()} model**: {is_wrong.sum()} of {len(rows)} wrong")
            with st.container(horizontal=True, gap="small"):
                for row, answer in zip(rows[is_wrong], predicted[is_wrong], strict=True):
                    words = images.description(row)
                    file = widgets.fitting_name(images.own_file(row) or "")
                    caption = plain(f"{file}: {words}, predicted {answer}")
                    widgets.show_image_of_set(images, row, width=104, alt=words, caption=caption)


def _nearest(model: ModelMap, row: int) -> None:
    """The nearest images and the captions of an image in one model."""
    index = model.index([row])[0]
    if index < 0:
        st.caption("This image is not in the training set of this model.")
        return
    z = model.z[index]
    nearest = model.neighbours(z, 5, apart_from=row)
    cosines = {row: [f"{cosine:.3f}"] for row, cosine in nearest}
    widgets.show_images(cache.image_set(model), cosines)
    try:
        widgets.caption_table(model, z)
    except LabError as error:
        st.caption(plain(str(error)))


def _twins(comparison: ComparedMaps, images: ImageSet, scene: str) -> None:
    versions = scenes(comparison)
    if scene not in versions.index:
        st.caption(
            "Arrows lead from held-out scenes, which have all four versions; this image is of"
            " another scene."
        )
        return
    st.markdown("**Its twins**, and how far apart they are in the full space")
    tiles = st.container(horizontal=True)
    names = group_words(images.grouping)
    for group, words in names.items():
        row = versions.loc[scene, group]
        caption = plain(words)
        widgets.show_image_of_set(images, row, width=110, caption=caption, alt=words, within=tiles)
    lengths = twin_lengths(comparison, scene).replace({"from": names, "to": names})
    lengths = lengths.rename(columns=lambda name: f"{name[0].upper()}{name[1:]}")
    about = "Distance of two unit vectors, 0 to 2; “mean” is over all scenes on the map."
    column = st.column_config.NumberColumn(format="%.2f", help=about)
    columns = dict.fromkeys(lengths.columns[3:], column)
    st.dataframe(lengths, hide_index=True, width="stretch", column_config=columns)
    grouping = images.grouping
    st.caption(
        f"Where “{OTHER_BACKGROUND}” is longer than “{other_object(grouping)}”, a model relies on"
        f" the background more than on the {grouping.object_word}. {len(versions)} scenes are on"
        " the map."
    )
