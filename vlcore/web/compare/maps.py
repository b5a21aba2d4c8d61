"""Maps of the Compare page, and what answers to them: the picture that was clicked, and those that
were marked."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.compared_maps import ComparedMaps, points_table
from vlcore.api.description import describe_comparison
from vlcore.api.maps import Projection
from vlcore.api.metrics_table import marked_table
from vlcore.api.offline_page import (
    OTHER_BACKGROUND,
    other_object,
    parts,
    picked,
    scenes,
    twin_lengths,
)
from vlcore.data.imageset import ImageSet
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.plots.document import Part
from vlcore.plots.maps.legend import LegendPlace
from vlcore.plots.maps.linked import brushed
from vlcore.plots.maps.tables import MapOptions
from vlcore.plots.theme import Palette
from vlcore.web import cache, map_controls, shell, widgets
from vlcore.web.compare.models import Side, badges

ABOVE = 190  # px of the page over the maps
MOST_SHOWN = 24  # marked pictures that are drawn; all are counted


@dataclass(frozen=True, eq=False)
class Shown:
    """A comparison as a visitor looks at it: maps of models, of `keys`, each `side` px wide, and
    what is on them."""

    keys: list[str]
    comparison: ComparedMaps
    images: ImageSet
    projection: Projection
    options: MapOptions
    palette: Palette
    side: int
    legend_place: LegendPlace
    sides: Sequence[Side]

    @cached_property
    def parts(self) -> dict[str, Part]:
        """What is said of it, by name."""
        return {
            one.name: one
            for one in parts(self.comparison, self.images.grouping, cache.layouts(self.keys))
        }


def choose(sides: Sequence[Side], images: ImageSet, palette: Palette, bar: DeltaGenerator) -> Shown:
    """The controls of the maps, in the bar, and the comparison that they make."""
    keys = [one.key for one in sides]
    projection, options = map_controls.choose(images.grouping, keys, bar)
    comparison = cache.comparison(keys, projection)
    side, place = shell.map_room(ABOVE)
    return Shown(keys, comparison, images, projection, options, palette, side, place, sides)


def show(shown: Shown) -> None:
    """The maps, what they show in words, and the pictures that were marked or clicked on them."""
    comparison, images = shown.comparison, shown.images
    # The picture that the visitor arrived with stays the chart's first one: another value would
    # draw the maps anew.
    arrived = st.session_state.setdefault("arrived_with", st.query_params.get("picture"))
    drawn = cache.maps(
        shown.keys, shown.palette, shown.side, shown.projection, shown.options, shown.legend_place
    )
    spec = picked(drawn, comparison, arrived)
    digest = hashlib.sha256(repr((shown.keys, shown.projection)).encode()).hexdigest()[:12]
    event = cache.show(
        spec,
        alt=" ".join(
            [describe_comparison(comparison, images.grouping), *cache.layouts(shown.keys).sentences]
        ),
        key=f"maps-{digest}",  # a brush belongs to its maps
        on_select="rerun",
        selection_mode=sorted(
            {"pick", "brush", "cell", "shown"} & {param["name"] for param in spec["params"]}
        ),
    )
    drag = "Drag a rectangle: what lies in it is lit in all maps and listed below"
    alone = "Click a group, in the legend or the board, to see it alone"
    badges(shown.sides)
    st.caption(
        f"Click a mark: its picture and its nearest neighbours in every model appear below. {drag}."
        f" {alone}."
    )
    widgets.show_part(shown.parts["summary"])
    selection = event.selection if event else {}
    if clicked := selection.get("pick", []):
        st.query_params["picture"] = str(clicked[0].get("id"))
    _marked(comparison, images, brushed(selection, comparison.points))
    with shell.errors_as_sentences():
        _clicked(comparison, images, st.query_params.get("picture"), shown.options.twins)


def _marked(comparison: ComparedMaps, images: ImageSet, ids: Sequence[str]) -> None:
    if not ids:
        return
    st.subheader("The pictures you marked")
    chosen = comparison.points[comparison.points["id"].isin(ids)]
    st.markdown(f"**{len(chosen)} pictures**")
    left, right = st.columns([2, 3])
    left.dataframe(
        marked_table(comparison, images.grouping, chosen), hide_index=True, width="stretch"
    )
    left.caption(
        "Right: how many of the marked pictures each model names right, of those that it shows."
    )
    with right.container(horizontal=True, gap="small"):
        for point in chosen[:MOST_SHOWN].itertuples():
            picture = images.image(int(point.id.removeprefix("p")))
            widgets.picture(picture, width=72, alt=f"{point.object}, {point.context}")
        if len(chosen) > MOST_SHOWN:
            st.caption(f"and {len(chosen) - MOST_SHOWN} more")
    with st.expander("All of them, with every model's verdict"):
        st.dataframe(points_table(comparison, chosen), hide_index=True, width="stretch")


def _clicked(
    comparison: ComparedMaps, images: ImageSet, identity: str | None, arrows: bool
) -> None:
    if identity not in set(comparison.points["id"]):
        return
    st.subheader("The picture you clicked")
    row = int(str(identity).removeprefix("p"))
    point = comparison.points.set_index("id").loc[identity]
    own, others = st.columns([1, 4])
    widgets.picture(
        images.image(row), width="stretch", alt=f"{point['object']}, {point['context']}", within=own
    )
    own.caption(f"{plain(point['spoken'])}  \n“{plain(images.table['caption'].iat[row])}”")
    with others:
        for column, (name, model) in widgets.in_pairs(comparison.named.items()):
            with column:
                st.markdown(f"**Nearest in the {name} model** (cosine)")
                if (where := model.index([row])[0]) < 0:
                    st.caption("This picture is not in the training set of this model.")
                    continue
                widgets.pictures(model, model.neighbours(model.z[where], 5, apart_from=row))
                try:
                    widgets.caption_table(model, model.z[where])
                except LabError as error:
                    st.caption(plain(str(error)))
    if arrows:
        _twins(comparison, images, str(point["scene"]))


def _twins(comparison: ComparedMaps, images: ImageSet, scene: str) -> None:
    versions = scenes(comparison, images.grouping)
    if scene not in versions.index:
        st.caption(
            "Arrows lead from held-out scenes, which are there in all four versions; this picture"
            " is not."
        )
        return
    st.markdown("**Its twins**, and how far apart they are in the full space")
    tiles, names = st.container(horizontal=True), group_words(images.grouping)
    for group, words in names.items():
        widgets.picture(
            images.image(versions.loc[scene, group]),
            width=110,
            caption=plain(words),
            alt=words,
            within=tiles,
        )
    lengths = twin_lengths(comparison, images.grouping, scene).replace({"from": names, "to": names})
    lengths = lengths.rename(columns=lambda name: f"{name[0].upper()}{name[1:]}")
    about = "Distance of two unit vectors, 0 to 2; “mean” is over all scenes on the map."
    numbers = {
        name: st.column_config.NumberColumn(format="%.2f", help=about)
        for name in lengths.columns[3:]
    }
    st.dataframe(lengths, hide_index=True, width="stretch", column_config=numbers)
    background, other = OTHER_BACKGROUND, other_object(images.grouping)
    by = f"a model goes by the place more than by the {images.grouping.object_word}"
    st.caption(
        f"Where “{background}” is longer than “{other}”, {by}. {len(versions)} scenes are on the"
        " map."
    )
