"""Picture fields: small, equal for equal pixels, and never a foreign string."""

import base64
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from vlcore.plots.thumbnails import (
    SAFE_URI,
    check_uris,
    thumb,
    thumb_address,
    thumb_sheet,
    thumb_uri,
)


def opened(uri: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


Y, X = np.mgrid[0:192, 0:192]
SCENE = np.stack([X, Y, (X + Y) // 2], axis=-1).astype(np.uint8)  # smooth, as a photograph is


def test_a_thumb_is_a_small_webp_without_metadata() -> None:
    uri = thumb_uri(SCENE)
    assert SAFE_URI.match(uri)
    assert len(uri) < 2000
    assert (opened(uri).format, opened(uri).size) == ("WEBP", (96, 96))
    image = Image.fromarray(SCENE)
    image.info["icc_profile"] = b"profile" * 100
    assert thumb_uri(image) == uri
    assert thumb_uri(image.convert("L")).startswith("data:image/webp")


@pytest.mark.parametrize(("count", "tile"), [(1, 96), (441, 96), (442, 56), (1400, 42), (5000, 28)])
def test_a_sheet_has_a_tile_an_image_row_after_row(count: int, tile: int) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    kinds = [thumb(np.full((50, 100, 3), colour, np.uint8)) for colour in colours]
    made = thumb_sheet([kinds[number % 3] for number in range(count)])
    assert SAFE_URI.match(made["uri"])
    sheet = opened(made["uri"])
    across = int(np.ceil(np.sqrt(count)))
    assert (made["tile"], made["across"]) == (tile, across)
    assert sheet.size == (tile * across, tile * across)
    assert max(sheet.size) <= 2048, "every WebGL2 takes it"
    for number in {0, count // 2, count - 1}:
        row, column = divmod(number, across)
        middle = (int((column + 0.5) * tile), int((row + 0.5) * tile))
        *colour, alpha = sheet.getpixel(middle)
        assert (np.argmax(colour), alpha) == (number % 3, 255)
        assert sheet.getpixel((middle[0], row * tile + 1))[3] == 0, "a wide image leaves room"


@pytest.mark.parametrize(
    ("shape", "size"), [((50, 100), (32, 16)), ((8, 8), (32, 32)), ((1, 400), (32, 1))]
)
def test_the_longest_side_is_the_asked_one(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert opened(thumb_uri(np.zeros((*shape, 3), np.uint8), side=32)).size == size


@pytest.mark.parametrize(
    ("shape", "kind"), [((4, 4, 3), float), ((4, 4, 4), np.uint8), ((0, 4, 3), np.uint8)]
)
def test_other_arrays_are_refused(shape: tuple[int, ...], kind: type) -> None:
    with pytest.raises(ValueError, match="uint8 array"):
        thumb_uri(np.zeros(shape, kind))


@given(st_numpy.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(3))))
def test_every_thumb_is_safe(pixels: np.ndarray) -> None:
    check_uris(pd.Series([thumb_uri(pixels, side=16)]))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "https://example.org/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,",
        "//example.org/thumbs/a/b/1",
        "https:/thumbs/a/b/1",
        "thumbs/../b/1",
        "thumbs/a/b/1?x",
        "media/1",
        "thumbs/a/b/1.svg",
        "thumbs/a/b/1\n",
        'thumbs/a"/b/1',
        "data:image/svg+xml;base64,AAAA",
        "data:text/html;base64,AAAA",
        'data:image/png;base64,AAAA" onerror="alert(1)',
        "data:image/png;base64,AAAA\n",
        " data:image/png;base64,AAAA",
        "data:image/png;base64,AA AA",
        None,
        float("nan"),
        7,
    ],
)
def test_foreign_values_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="image 1 ") as caught:
        check_uris(pd.Series([thumb_uri(SCENE), value], dtype=object))
    assert "onerror" not in str(caught.value)
    check_uris([f"data:image/{kind};base64,AAAA" for kind in ("png", "webp", "jpeg")])


def test_only_a_picture_of_a_set_has_an_address() -> None:
    assert thumb_address("", "scenes", "v2.1", 12) == "thumbs/scenes/v2.1/12"
    check_uris([thumb_address("/lab/", "my-set", "0a", 0)])
    for images in ("..", "a/b", "a b", 'a"onerror='):
        with pytest.raises(ValueError, match="image 0 "):
            thumb_address("/lab/", images, "1", 0)
    with pytest.raises(ValueError, match="image 0 "):
        thumb_address("//example.org/", "a", "1", 0)
