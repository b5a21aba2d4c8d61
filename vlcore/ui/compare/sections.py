"""What stands under the maps of the Compare page: the picture that was clicked, those marked, and the numbers.

The one idea: whatever is marked on a map is told twice, as pictures and as a table, with every model's verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from vlcore.compare import description, metrics_table, overlays
from vlcore.compare.comparison import Comparison
from vlcore.core.errors import LabError
from vlcore.core.grouping import group_words
from vlcore.datasets.imageset import ImageSet
from vlcore.ui import widgets

MOST_SHOWN = 24  # marked pictures that are drawn; all are counted


def clicked(comparison: Comparison, images: ImageSet, identity: str | None, arrows: bool) -> None:
    """The picture that was clicked, if one was: large, with its nearest ones and its captions in every model."""
    if identity not in set(comparison.points["id"]):
        return
    st.subheader("The picture you clicked")
    row = int(str(identity).removeprefix("p"))
    point = comparison.points.set_index("id").loc[identity]
    own, others = st.columns([1, 4])
    widgets.picture(images.image(row), width="stretch", alt=f"{point['object']}, {point['context']}", within=own)
    own.caption(
        f"{point['object']}, {point['context']}, {'held out' if point['kind'] == 'test' else 'training'}  \n"
        f"“{images.table['caption'].iat[row]}”"
    )
    with others:
        for column, pane in zip(widgets.in_pairs(len(comparison.models)), range(len(comparison.models)), strict=True):
            with column:
                _in_model(comparison, pane, row)
    if arrows:
        _arrows(comparison, images, str(point["scene"]))


def _in_model(comparison: Comparison, pane: int, row: int) -> None:
    model = comparison.models[pane]
    st.markdown(f"**Nearest in the {comparison.names[pane]} model** (cosine)")
    if (where := model.where(row)) < 0:
        st.caption("This picture is not in the training set of this model.")
        return
    widgets.pictures(model, model.neighbours(model.z[where], 5, apart_from=row))
    try:
        widgets.caption_table(model, model.z[where])
    except LabError as error:
        st.caption(str(error))


def _arrows(comparison: Comparison, images: ImageSet, scene: str) -> None:
    """How far the arrows of a scene reach in the full space, beside the mean over all scenes."""
    versions = dict(overlays.scenes(comparison, images.grouping))
    if scene not in versions:
        st.caption("Arrows lead from held-out scenes, which are there in all four versions; this picture is not.")
        return
    names = group_words(images.grouping)
    st.markdown("**Its twins**, and how far apart they are in the full space")
    tiles = st.container(horizontal=True)
    for group in images.grouping.names:
        widgets.picture(
            images.image(versions[scene][group]), width=110, caption=names[group], alt=names[group], within=tiles
        )
    table = overlays.twin_lengths(comparison, images.grouping, scene)
    table = table.assign(**{"from": table["from"].map(names), "to": table["to"].map(names)})
    shown = table.rename(columns={"arrow": "Arrow", "from": "From", "to": "To"} | _capitals(comparison))
    numbers = {
        name: st.column_config.NumberColumn(
            name, format="%.2f", help="Distance of two unit vectors, 0 to 2; “mean” is over all scenes on the map."
        )
        for name in shown.columns[3:]
    }
    st.dataframe(shown, hide_index=True, width="stretch", column_config=numbers)
    background, other = overlays.OTHER_BACKGROUND, overlays.other_object(images.grouping)
    st.caption(
        f"Where “{background}” is longer than “{other}”, a model goes by the place more than by the "
        f"{images.grouping.object_word}. {len(versions)} scenes are on the map."
    )


def _capitals(comparison: Comparison) -> dict[str, str]:
    return {f"{name}{end}": f"{name.capitalize()}{end}" for name in comparison.names for end in ("", ", mean")}


def marked(comparison: Comparison, images: ImageSet, ids: Sequence[str]) -> None:
    """The pictures inside the brush, if any: how many of each group, what models say of them, and the pictures."""
    if not ids:
        return
    st.subheader("The pictures you marked")
    chosen = comparison.points[comparison.points["id"].isin(ids)]
    st.markdown(f"**{len(chosen)} pictures**")
    left, right = st.columns([2, 3])
    left.dataframe(_counts(comparison, images, chosen), hide_index=True, width="stretch")
    left.caption("Right: how many of the marked pictures each model names right, of those that it shows.")
    with right.container(horizontal=True, gap="small"):
        for row in chosen["id"].str.removeprefix("p").astype(int)[:MOST_SHOWN]:
            facts = images.table.iloc[row]
            widgets.picture(images.image(row), width=72, alt=f"{facts['object']}, {facts['context']}")
        if len(chosen) > MOST_SHOWN:
            st.caption(f"and {len(chosen) - MOST_SHOWN} more")
    with st.expander("All of them, with every model's verdict"):
        st.dataframe(verdicts(comparison, chosen), hide_index=True, width="stretch")


def _counts(comparison: Comparison, images: ImageSet, chosen: pd.DataFrame) -> pd.DataFrame:
    names = group_words(images.grouping)
    rows = []
    for group in images.grouping.names:
        here = chosen[chosen["group"] == group]
        line: dict[str, object] = {"Group": names[group], "Marked": len(here)}
        for pane, name in enumerate(comparison.names):
            said = here[f"right_{pane}"].isin(["right", "wrong"])
            right = (here[f"right_{pane}"] == "right").sum()
            line[f"Named right, {name}"] = f"{right} of {said.sum()}" if said.any() else "none"
        rows.append(line)
    return pd.DataFrame(rows)


def verdicts(comparison: Comparison, points: pd.DataFrame) -> pd.DataFrame:
    """What is shown of pictures as a table: what they are, what every model says of them and where it puts them."""
    table = points[["id", "object", "context", "kind"]].rename(columns={"kind": "split"})
    for pane, name in enumerate(comparison.names):
        columns = {f"caption_{pane}": "caption", f"predicted_{pane}": "prediction", f"x{pane}": "x", f"y{pane}": "y"}
        part = points[list(columns)].rename(columns={old: f"{name} {new}" for old, new in columns.items()})
        table = pd.concat([table, part], axis=1)
    return table


def numbers(comparison: Comparison, images: ImageSet) -> None:
    """Every measure of every model beside the untrained encoder."""
    st.dataframe(metrics_table.measures_table(comparison, images.grouping), hide_index=True, width="stretch")
    fits = [
        f"{name.capitalize()}: {description.first_fit(model)}"
        for name, model in zip(comparison.names, comparison.models, strict=True)
    ]
    st.caption(" ".join(fits))
    for name, model in zip(comparison.names, comparison.models, strict=True):
        if quality := metrics_table.map_quality(model.artefact):
            st.caption(f"{name.capitalize()} PCA map: {quality}.")


def movement(comparison: Comparison, images: ImageSet) -> None:
    """How far pictures moved from the first model to the others, and whose neighbours they stayed."""
    if len(set(model.artefact.key for model in comparison.models)) == 1:
        st.caption("Both maps are of one model: nothing moved.")
        return
    try:
        found = description.moved(comparison, images)
    except ValueError as error:
        st.info(str(error), icon=":material/info:")
        return
    for one in found:
        st.markdown(f"**From the {comparison.names[0]} to the {one.name} model**")
        st.dataframe(one.table, hide_index=True, width="stretch")
        st.caption(
            "Movement is on the maps, after turning: 1 is the size of the first. Kept neighbours are of the full space "
            f"and need no map: of ten, unrelated models share {100 * one.chance:.0f} % by chance. Intervals are over "
            "scenes, of one pair of runs."
        )
        st.markdown("The pictures that moved most")
        with st.container(horizontal=True, gap="small"):
            for row, way, kept in one.most:
                facts = images.table.iloc[row]
                words = f"{facts['object']}, {facts['context']}"
                widgets.picture(images.image(row), width=104, caption=f"{words}: {way:.1f}, {kept:.0%} kept", alt=words)


def in_words(described: description.Described) -> None:
    """Who is near whom, as sentences and as a table."""
    for sentence in described.sentences:
        st.markdown(sentence)
    st.dataframe(described.table, hide_index=True, width="stretch")
    st.caption(described.note)


def groups(comparison: Comparison, images: ImageSet) -> None:
    """Right or wrong by group, in words."""
    st.dataframe(description.group_table(comparison, images.grouping), hide_index=True, width="stretch")
    st.caption(
        f"Share of held-out pictures whose {images.grouping.object_word} is named right, 95 % intervals over scenes. "
        f"{_how_tested(images)}"
    )


def _how_tested(images: ImageSet) -> str:
    if not images.has_pictures:
        return "What these encoders were trained on is not known here."
    again = "One run: another seed gives other numbers."
    if images.folds:
        return f"{images.folds} models were trained in turn, each judging the pictures that it has not seen. {again}"
    if images.about.get("recipe"):
        return f"Each of the 500 test scenes is drawn with both animals and both backgrounds. {again}"
    return f"No held-out picture, nor one much like it, was in training. {again}"
