"""Pieces of pages: choices and links, a model in training, rows of pictures, parts of what is
said."""

import base64
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.model_map import ModelMap, caption_scores
from vlcore.data import subset
from vlcore.data.drawn import SCENES_RECIPE
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import percent
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.curves import learning_curve
from vlcore.plots.document import Chart, Command, Part, Table, Text
from vlcore.plots.maps.small import live_map
from vlcore.plots.theme import Palette
from vlcore.study.sanity import SanityStatus, sanity_check
from vlcore.web import cache

Thing = TypeVar("Thing")
LARGEST = 512  # px of the longer side: none is shown larger, but for a screen with two dots a pixel
# px; pictures up to this are sent as they are, larger ones nearly so: each run of a page sends them
# anew
SMALL = 128
CARD_MAP = 214  # px; the side of a small map
_SANITY_BADGES: dict[SanityStatus, tuple[str, Any]] = {
    SanityStatus.PASSED: (":material/check_circle:", "green"),
    SanityStatus.FAILED: (":material/cancel:", "red"),
    SanityStatus.NOT_RUN: (":material/help:", "gray"),
}


def in_address(key: str, about: str | None = None, **options: Any) -> dict[str, Any]:
    """Options of a control of Streamlit whose value is in the address under a key, with a word of
    help."""
    return {"key": key, "bind": "query-params", "help": about, **options}


def one_of(
    label: str,
    choices: Iterable[str],
    key: str,
    default: str,
    about: str | None = None,
    **options: Any,
) -> str:
    """The choice of one of a few names, in the address; the default where the address names none of
    them."""
    options = in_address(key, about, default=default, required=True, **options)
    return st.segmented_control(label, list(choices), **options) or default


def link(page: str, label: str, icon: str, **address: str) -> None:
    """A link to a page, with what the address is to decide there."""
    st.page_link(
        page, label=label, icon=f":material/{icon}:", query_params=address, width="content"
    )


def download(
    label: str, data: Any, name: str, kind: str, icon: str = "download", **options: Any
) -> None:
    """A button that hands out a file of a media type; its data may be a function, called when it is
    pressed."""
    st.download_button(
        label, data, name, kind, icon=f":material/{icon}:", on_click="ignore", **options
    )


def whole(
    label: str,
    least: int,
    most: int,
    usual: int,
    key: str = "",
    about: str | None = None,
    **options: Any,
) -> int:
    """The choice of a whole number within bounds, whatever a browser sends; under a key in the
    address, where one that is none or out of bounds is the usual one. To Streamlit it is a float,
    of which alone it refuses what has no end, such as 1e309."""
    known = in_address(key, about, **options) if key else {"help": about, **options}
    bounds = float(least), float(most), float(usual)
    return max(
        least, min(most, round(st.number_input(label, *bounds, step=1.0, format="%.0f", **known)))
    )


def seed(key: str, usual: int = 0, width: Any = "stretch") -> int:
    """The choice of a seed of everything, in the address."""
    about = (
        "Decides which pictures are drawn and removed, the first weights and the order of the"
        " pictures."
    )
    return whole("Seed", 0, 999, usual, key, about, width=width)


def picture(
    image: npt.NDArray[np.uint8] | Image.Image,
    *,
    alt: str,
    width: Any = "stretch",
    within: DeltaGenerator | None = None,
    **options: Any,
) -> None:
    """Show a picture, uint8 (H, W, 3) or a Pillow image whose see-through parts stay so, in a
    container or where the page is; `alt` is for those who do not see it, and the other options are
    those of `st.image`."""
    shown = image.copy() if isinstance(image, Image.Image) else Image.fromarray(image)
    shown.thumbnail((LARGEST, LARGEST))
    out = BytesIO()
    small = max(shown.size) <= SMALL
    shown.save(
        out, format="WEBP", lossless=small, exact=small, quality=0 if small else 90, method=0
    )
    uri = "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    (st if within is None else within).image(uri, alt=alt, width=width, **options)


def how_long(images: ImageSet) -> str:
    """What the four experiments of a set take, in a sentence."""
    if images.folds:
        models = f"It trains {4 * images.folds} small models, {images.folds} for each experiment"
        return f"{models}; the time left is shown while they train."
    if images.name == SCENES_RECIPE.name:
        return "It takes one to two minutes on two cores."
    return "It takes a few minutes on two cores; the pictures are drawn first."


def live(
    condition: Condition, view: JobStatus, palette: Palette, key: str, *, curve: bool = True
) -> None:
    """A model in training: its map, and its accuracy on validation pictures now and, with `curve`,
    over the steps."""
    status = view.status
    if "map" not in status:
        return
    images = subset.parts(cache.named_set(condition.data), condition.data_seed)[0]
    groups = images.table["group"].to_numpy()[subset.map_rows(images)].tolist()
    if len(groups) == len(status["map"]):
        chart = live_map(
            status["map"], groups, palette=palette, grouping=images.grouping, side=CARD_MAP
        )
        cache.show(chart, alt="Map of the model in training", key=f"{key}_map")
    points = status.get("curve", [])
    if points:
        step, majority, minority = points[-1]
        now = f"Step {step:,}, right on {len(images.rows('val')):,} validation pictures"
        st.caption(f"{now}: majority {percent(majority)}, minority {percent(minority)}")
    if curve:
        alt = "Accuracy on validation pictures over the steps"
        curves(points, ("majority", "minority"), palette, alt=alt, key=f"{key}_curve")


def curves(
    points: Sequence[Sequence[float]],
    names: Sequence[str],
    palette: Palette,
    *,
    alt: str,
    key: str,
    width: int = 320,
    height: int = 150,
) -> bool:
    """A chart of values over the steps, (step, a value a name); whether there are enough points for
    one."""
    if len(points) < 3:
        return False
    table = pd.DataFrame(points, columns=["step", *names]).melt("step", var_name="series")
    cache.show(learning_curve(table, palette=palette, width=width, height=height), alt=alt, key=key)
    return True


def sanity_badge(condition: Condition) -> None:
    """Whether models of this kind learn at all where nothing is biased."""
    check = sanity_check(condition, cache.artifact)
    icon, colour = _SANITY_BADGES[check.status]
    st.badge(
        f"sanity check {check.status.value}",
        icon=icon,
        color=colour,
        help=plain(" ".join(check.sentences)),
    )


def in_pairs(things: Iterable[Thing]) -> list[tuple[DeltaGenerator, Thing]]:
    """Things, each with its place: two are beside each other."""
    every = list(things)
    return list(zip([column for _ in every[::2] for column in st.columns(2)], every, strict=False))


def pictures(model: ModelMap, found: Sequence[tuple[int, float]]) -> None:
    """A row of pictures with what they show and their cosine."""
    images = cache.image_set(model)
    for column, (row, similarity) in zip(st.columns(len(found)), found, strict=True):
        words = f"{images.table['object'].iat[row]}, {images.table['context'].iat[row]}"
        picture(images.image(row), alt=words, within=column)
        column.caption(f"{plain(words)}  \n{similarity:.2f}")


def caption_table(model: ModelMap, z: Any) -> None:
    """Cosine of each caption with one embedding, (E,)."""
    rows = pd.DataFrame(caption_scores(model, z)).drop(columns="probability")
    cosine = "How near image and caption are in the model: 1 the same direction, -1 opposite."
    column = st.column_config
    columns = {
        "caption": column.TextColumn("Caption"),
        "similarity": column.NumberColumn("Cosine", format="%.2f", help=cosine, width=60),
    }
    st.dataframe(rows, hide_index=True, column_config=columns)


def show_part(part: Part, draw: Callable[[Chart], None] | None = None) -> None:
    """A part of what is said of models or a study, without its heading; `draw` shows its figures,
    if it has some."""
    for content in part.content:
        match content:
            case Text(icon=icon) if icon:
                st.warning(plain(content.text), icon=f":material/{icon}:")
            case Text(note=True):
                st.caption(plain(content.text))
            case Text():
                st.markdown(
                    f"**{plain(content.title)}.** {plain(content.text)}"
                    if content.title
                    else plain(content.text)
                )
            case Command():
                st.code(content.text, language="sh")
            case Table():
                st.dataframe(content.rows, hide_index=True, width="stretch")
            case Chart() if draw is not None:
                draw(content)
