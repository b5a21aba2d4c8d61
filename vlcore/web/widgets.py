"""Widgets that pages share: choices in the address, links, images, training progress, parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.live_map import live_map
from vlcore.data import subset
from vlcore.data.imageset import ImageSet
from vlcore.data.uploads import shown_file_name
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import percent
from vlcore.jobs.jobs import JobStatus
from vlcore.plots.curves import learning_curve
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import thumb_uri
from vlcore.web import cache, image_addresses, shell
from vlcore.web.address import CompareState, PageState
from vlcore.web.components import browser

Item = TypeVar("Item")
LARGEST = 512  # px of the longer side of an image that is sent
LOSSLESS = 128  # px, up to which an image is sent without loss: each run sends it again
_SMALL = 16, 6  # rows and columns of a table that a phone shows whole
IN_ROW = 84  # px of an image in a row: four are beside each other on a phone
ONE_LINE = 20  # characters of a name beside or below an image
CARD_MAP = 214  # px; the side of a small map


def in_address(key: str, about: str | None = None, **options: Any) -> dict[str, Any]:
    """Return options of a Streamlit control whose value is in the address under a key."""
    return {"key": key, "bind": "query-params", "help": about, **options}


def choose_one(
    label: str,
    choices: Iterable[str],
    key: str,
    default: str,
    about: str | None = None,
    *,
    is_menu: bool = False,
    **options: Any,
) -> str:
    """Show the choice of one of a few names, or of many in a menu.

    Args:
        label: of the control.
        choices: the names.
        key: of the choice in the address, where an unknown name means the default.
        default: one of the names.
        about: help.
        is_menu: whether it is an `st.selectbox`.
        options: of `st.segmented_control` or `st.selectbox`.
    """
    shell.follow_default(key, default)
    if is_menu:
        names = list(choices)
        options = in_address(key, about, index=names.index(default), **options)
        return st.selectbox(label, names, **options) or default
    options = in_address(key, about, default=default, required=True, **options)
    return st.segmented_control(label, list(choices), **options) or default


def link(page: PageState, label: str, icon: str) -> None:
    """Link to a page with settings in the address."""
    icon = f":material/{icon}:"
    address = page.parameters()
    st.page_link(page.file, label=label, icon=icon, query_params=address, width="content")


def link_to_models(label: str, data: str, keys: Sequence[str]) -> None:
    """Link to one or two models of an image set, by their keys, beside each other on Compare."""
    left, right = (*keys, "")[:2]
    link(CompareState(data=data, left=left, right=right), label, "compare")


def download(
    label: str, data: Any, name: str, kind: str, icon: str = "download", **options: Any
) -> None:
    """Offer a file of a media type; `data` may be a function, called on a click."""
    st.download_button(
        label, data, name, kind, icon=f":material/{icon}:", on_click="ignore", **options
    )


def integer_input(
    label: str,
    least: int,
    most: int,
    usual: int,
    key: str = "",
    about: str | None = None,
    **options: Any,
) -> int:
    """Show the choice of an integer within bounds, whatever a browser sends.

    With a key it is in the address, where one that is invalid means the usual one. For Streamlit it
    is a float, the only type of which it refuses 1e309.
    """
    options = in_address(key, about, **options) if key else {"help": about, **options}
    bounds = float(least), float(most), float(usual)
    number = st.number_input(label, *bounds, step=1.0, format="%.0f", **options)
    return max(least, min(most, round(number)))


def show_image(
    image: npt.NDArray[np.uint8] | Image.Image | str,
    *,
    alt: str,
    width: Any = "stretch",
    within: DeltaGenerator | None = None,
    **options: Any,
) -> None:
    """Show an image, uint8 (H, W, 3) or from Pillow, whose transparent parts stay transparent.

    Args:
        image: any size; a smaller copy is sent. Or an `image_uri`.
        alt: text for visitors who do not see it.
        width: as for `st.image`.
        within: a container; the page itself without.
        options: of `st.image`.
    """
    uri = image if isinstance(image, str) else image_uri(image)
    (st if within is None else within).image(uri, alt=alt, width=width, **options)


def show_image_of_set(
    images: ImageSet,
    row: int,
    *,
    alt: str,
    width: Any = "stretch",
    within: DeltaGenerator | None = None,
    **options: Any,
) -> None:
    """Show an image of a set, as `show_image`; it is read and encoded once for all visitors."""
    uri = _uri_of_row(images, int(row))
    show_image(uri, alt=alt, width=width, within=within, **options)


@cache.by_content(500)
def _uri_of_row(images: ImageSet, row: int) -> str:
    return image_uri(images.image(row))


def image_uri(image: npt.NDArray[np.uint8] | Image.Image) -> str:
    """Return a smaller copy of an image as a data URI."""
    copy = image.copy() if isinstance(image, Image.Image) else Image.fromarray(image)
    copy.thumbnail((LARGEST, LARGEST))
    is_small = max(copy.size) <= LOSSLESS
    quality = 0 if is_small else 90
    out = BytesIO()
    copy.save(out, format="WEBP", lossless=is_small, exact=is_small, quality=quality, method=0)
    return thumb_uri(out.getvalue())


def live(
    condition: Condition, view: JobStatus, palette: Palette, key: str, *, curve: bool = True
) -> None:
    """Show a model in training: its map, its validation accuracy now and, with `curve`, by step."""
    status = view.status
    if "map" not in status:
        return
    whole = cache.named_set(condition.data)
    images = subset.split_parts(whole, condition.data_seed)[0]
    rows = subset.reference_rows(images)
    if len(rows) == len(status["map"]):
        drawing = live_map(status["map"], images, rows, palette, CARD_MAP)
        data = drawing | {"thumbs": image_addresses.folder(whole)}
        browser.MAPS(key=f"{key}_map", data=data)
    points = status.get("curve", [])
    if points:
        step, majority, minority = points[-1]
        n = len(subset.measured_rows(images, "val"))
        st.caption(
            f"Step {step:,}, accuracy on {n:,} validation images: common"
            f" {percent(majority)}, rare {percent(minority)}"
        )
    if curve:
        alt = "Accuracy on validation images over the steps"
        curves(points, ("common", "rare"), palette, alt=alt, key=f"{key}_curve")


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
    """Show values over the steps, if there are enough; whether there are.

    Args:
        points: a step and a value for each name.
        names: of the values.
        palette: colours.
        alt: text for visitors who do not see the chart.
        key: of the chart on the page.
        width: px.
        height: px.
    """
    if len(points) < 3:
        return False
    table = pd.DataFrame(points, columns=["step", *names]).melt("step", var_name="series")
    cache.show_chart(
        learning_curve(table, palette=palette, width=width, height=height), alt=alt, key=key
    )
    return True


def in_pairs(items: Iterable[Item]) -> list[tuple[DeltaGenerator, Item]]:
    """Return items, each with its column: two are beside each other."""
    items = list(items)
    columns = [column for _ in items[::2] for column in st.columns(2)]
    return list(zip(columns, items, strict=False))


def fitting_name(name: str) -> str:
    """Return an image's name with its long words shortened, which would break between letters."""
    return " ".join(shown_file_name(word, ONE_LINE) for word in name.split())


def show_images(
    images: ImageSet,
    lines: Mapping[int, Sequence[str]],
    open_image: Callable[[int], None] | None = None,
) -> None:
    """Show images of a set in a row, by their rows: each with its description, the file name of a
    user's own image, lines of text, and the button that opens it, if there is one."""
    with st.container(horizontal=True, gap="small"):
        for row, words in lines.items():
            alt, file = images.description(row), images.own_file(row)
            caption = [*([fitting_name(file)] if file else []), alt, *words]
            with st.container(width=IN_ROW, gap="xsmall"):
                show_image_of_set(images, row, alt=alt, width=IN_ROW)
                st.caption("  \n".join(map(plain, caption)))
                if open_image is not None:
                    st.button(
                        "Closer",
                        icon=":material/zoom_in:",
                        key=f"closer-{row}",
                        type="tertiary",
                        on_click=partial(open_image, row),
                        help="Shows its nearest images and captions in every model.",
                    )


def show_table(table: pd.DataFrame, in_column: bool = False) -> None:
    """Show a table of words as a grid; a small one in a narrow window, or `in_column` of a page, as
    lines that fit, where a grid would have to be swiped."""
    is_small = len(table) <= _SMALL[0] and len(table.columns) <= _SMALL[1]
    if is_small and (in_column or shell.is_narrow()):
        st.table(table.map(lambda cell: plain(str(cell))), hide_index=True)
    else:
        st.dataframe(table, hide_index=True, width="stretch")
