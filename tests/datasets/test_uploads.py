"""Bytes from a stranger: an image comes back, or one `UploadError`, and nothing else."""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vlcore.datasets import uploads
from vlcore.datasets.uploads import GROUND, MAX_BYTES, MAX_SIDE, UploadError, open_cutout, open_upload, square
from vlcore.scenes import CONTEXTS, draw, sample


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


def noise(width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def claimed_png(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_three_formats_open_and_all_are_known_by_their_beginning(kind: str) -> None:
    data = encoded(noise(), kind)
    assert uploads.is_picture(data)
    if kind in uploads.FORMATS:
        image = open_upload(data)
        assert (image.mode, image.size, image.info) == ("RGB", (40, 30), {})
    else:
        with pytest.raises(UploadError, match="not a PNG, JPEG or WebP"):
            open_upload(data, "looks-right.png")
    assert not uploads.is_picture(b"Dear Sir or Madam")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello", "not a PNG"),
        (b"\x89PNG\r\n\x1a\n", "not a PNG"),
        (b"0" * (MAX_BYTES + 1), "limit is 5 MB"),
        (encoded(Image.new("RGB", (7, 50))), "only 7 x 50 pixels"),
        (claimed_png(8000, 5001), "megapixels"),
        (claimed_png(10_000, 10_000), "megapixels"),  # Pillow only warns here
        (claimed_png(60_000, 60_000), "megapixels"),  # and raises here
        (claimed_png(100, 100), "damaged"),
        (encoded(noise())[:-60], "damaged"),
        (encoded(noise(400, 400), "JPEG")[:5000], "damaged"),
        (encoded(noise(400, 400), "WEBP")[:5000], "damaged|not a PNG"),
    ],
    ids=range(12),  # bytes would make names of five megabytes
)
def test_each_bad_file_is_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(UploadError, match=words) as caught:
        open_upload(data, "holiday.png")
    assert str(caught.value).startswith("holiday.png")
    assert str(caught.value).endswith(".")


def test_size_is_looked_at_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(UploadError):
        open_upload(claimed_png(30_000, 30_000))


def test_no_warning_of_pillow_gets_out() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(UploadError):
            open_upload(claimed_png(10_000, 10_000))
    assert caught == []


def test_a_hostile_name_is_tamed() -> None:
    with pytest.raises(UploadError) as caught:
        open_upload(b"", "<img src=x onerror=y>![a](http://b)" + "z" * 500)
    assert not set("<>[]()!:/=") & set(str(caught.value))
    assert len(str(caught.value)) < 120
    with pytest.raises(UploadError, match=r"^The file is empty"):
        open_upload(b"", "<>")


def test_big_pictures_come_back_small() -> None:
    for kind in ("PNG", "JPEG"):
        image = open_upload(encoded(Image.new("RGB", (4000, 1000), "red"), kind))
        assert image.size == (MAX_SIDE, 256)


def test_a_picture_is_turned_upright_and_forgets_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "maker"
    wide = Image.new("RGB", (40, 20), "white")
    wide.paste("red", (0, 0, 10, 20))
    for kind in ("JPEG", "PNG", "WEBP"):
        image = open_upload(encoded(wide, kind, exif=exif))
        assert image.size == (20, 40)
        assert np.asarray(image)[2, 10, 1] < 60  # the red end is on top now
        assert not dict(image.getexif())


def test_nonsense_in_the_exif_block_leaves_the_picture_as_it_is() -> None:
    assert open_upload(encoded(noise(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff")).size == (40, 30)


def test_see_through_parts_stand_on_mid_grey() -> None:
    assert open_upload(encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 0)))).getpixel((4, 4)) == (128, 128, 128)
    half = open_upload(encoded(Image.new("LA", (9, 9), (255, 128)))).getpixel((4, 4))
    assert half == (192, 192, 192)
    palette = Image.new("P", (9, 9), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    assert open_upload(encoded(palette)).getpixel((4, 4)) == (255, 0, 0)
    assert open_upload(encoded(palette, transparency=0)).getpixel((4, 4)) == (128, 128, 128)


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(16, axis=0)
    row = np.asarray(open_upload(encoded(Image.fromarray(ramp))))[8, :, 0]
    assert row[0] == 0
    assert row[-1] == 255
    assert abs(int(row[128]) - 128) <= 1


def test_bitmap_and_cmyk() -> None:
    assert open_upload(encoded(Image.new("1", (9, 9), 1))).getpixel((4, 4)) == (255, 255, 255)
    red, green, blue = open_upload(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")).getpixel((4, 4))
    assert red > 200 > 80 > max(green, blue)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    image = open_upload(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
    red, _, blue = image.getpixel((10, 10))
    assert red > 200 > 60 > blue


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x00\x01\x00\x00WEBP"])
)
def test_random_bytes_are_refused(tail: bytes, start: bytes) -> None:
    with pytest.raises(UploadError):
        open_upload(start + tail)


WHOLE = [encoded(noise(60, 50), kind) for kind in ("PNG", "JPEG", "WEBP")]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_truncated_and_spoilt_pictures_never_surprise(whole: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(spoilt) - 1)), max_size=4)):
        if spoilt:
            spoilt[place] ^= data.draw(st.integers(1, 255))
    try:
        image = open_upload(bytes(spoilt))
    except UploadError:
        return
    assert image.mode == "RGB"
    assert max(image.size) <= MAX_SIDE


@pytest.mark.parametrize(("width", "height"), [(64, 64), (100, 64), (64, 100), (33, 70), (5, 5)])
@pytest.mark.parametrize("size", [1, 16, 64])
def test_square_has_the_asked_shape(width: int, height: int, size: int) -> None:
    pixels = square(noise(width, height), size)
    assert (pixels.shape, pixels.dtype) == ((size, size, 3), np.uint8)
    assert pixels.flags.writeable


def test_square_takes_the_middle_and_averages_areas() -> None:
    image = noise(96, 64)
    middle = np.asarray(image)[:, 16:80].astype(float)
    means = middle.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(square(image, 16) - means).max() <= 1


def test_square_of_its_own_size_changes_nothing_and_takes_any_mode() -> None:
    image = noise(64, 64)
    assert np.array_equal(square(image, 64), np.asarray(image))
    assert square(Image.new("LA", (20, 20)), 8).shape == (8, 8, 3)


@pytest.fixture
def disc() -> Image.Image:
    """A red disc on nothing; the invisible pixels are green, which nobody may see."""
    y, x = np.mgrid[:300, :400]
    inside = (y - 150) ** 2 + (x - 200) ** 2 < 80**2
    pixels = np.zeros((300, 400, 4), np.uint8)
    pixels[..., 1] = 255
    pixels[inside] = (200, 20, 20, 255)
    return Image.fromarray(pixels)


def test_it_stands_on_every_place_and_on_grey(disc: Image.Image) -> None:
    placed = uploads.on_backgrounds(disc)
    assert list(placed) == [uploads.GREY, *CONTEXTS]
    for name, picture in placed.items():
        pixels = np.asarray(picture).astype(int)
        assert picture.size == (uploads.BACKDROP_SIDE, uploads.BACKDROP_SIDE)
        assert np.abs(pixels[100:156, 100:156] - (200, 20, 20)).max() <= 1, "the disc is the same everywhere"
        corner = np.full(3, GROUND[0]) if name == uploads.GREY else uploads.background(name)[2, 2]
        assert pixels[2, 2] == pytest.approx(corner, abs=1)


def test_invisible_colour_does_not_bleed_into_the_edge(disc: Image.Image) -> None:
    grey = np.asarray(uploads.on_backgrounds(disc)[uploads.GREY]).astype(int)
    assert grey[..., 1].max() <= GROUND[1] + 2, "green of invisible pixels would show as a rim"


def test_backgrounds_differ_and_have_nobody_in_them() -> None:
    backs = {context: uploads.background(context) for context in CONTEXTS}
    assert len({back.tobytes() for back in backs.values()}) == len(CONTEXTS)
    camel = sample("camel", "desert", split="demo", index=uploads._INDEX).replace(object_contrast=0.0)
    assert np.array_equal(draw(camel, uploads.BACKDROP_SIDE).image, backs["desert"])


def test_what_is_whole_or_invisible_is_no_cutout(disc: Image.Image) -> None:
    assert uploads.is_cutout(disc)
    whole, nothing = disc.copy(), disc.copy()
    whole.putalpha(255)
    nothing.putalpha(0)
    for picture in (whole, nothing, disc.convert("RGB")):
        assert not uploads.is_cutout(picture)
        with pytest.raises(ValueError, match="partly see-through"):
            uploads.on_backgrounds(picture)


def test_an_upload_keeps_what_is_see_through(disc: Image.Image) -> None:
    opened = open_cutout(encoded(disc))
    assert opened.mode == "RGBA"
    assert uploads.is_cutout(opened)
    assert np.asarray(opened.getchannel("A"))[0, 0] == 0
    assert open_upload(encoded(disc)).mode == "RGB"
    assert open_cutout(encoded(disc.convert("RGB"))).mode == "RGB"
