"""Bytes from a stranger: an image comes back, or one `UploadError`, and nothing else."""

import contextlib
import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pillow_heif import register_heif_opener

from tests.api.stand_ins import image_set
from tests.data.importers.sources import encoded, pets
from vlcore.data import decoding, subset, uploads
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import (
    GROUND,
    MAX_SIDE,
    UploadError,
    as_opened,
    open_apart,
    open_cutout,
    open_upload,
    square,
)
from vlcore.data.drawn import SIZE, Recipe, make_set, recipe_of
from vlcore.data.imageset import ImageSet
from vlcore.data.importers.importing import import_set
from vlcore.experiment import limits
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.scenes import CONTEXTS

SEED = frozenset([0])
register_heif_opener()  # to write such files


def noise(width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    )


def claimed_png(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "HEIF", "BMP", "TIFF"])
def test_five_formats_open_and_all_are_known_by_their_beginning(kind: str) -> None:
    data = encoded(noise(), kind)
    assert decoding.is_picture(data)
    if kind in decoding.FORMATS:
        image = open_upload(data)
        assert (image.mode, image.size, image.info) == ("RGB", (40, 30), {})
    else:
        with pytest.raises(UploadError, match="not a PNG, JPEG, WebP"):
            open_upload(data, "looks-right.png")
    assert not decoding.is_picture(b"Dear Sir or Madam")


BAD = [
    (b"", "is empty"),
    (b"hello", "not an image"),
    (b"0" * (limits.UPLOAD_BYTES + 1), "limit is 20 MB"),
    (encoded(Image.new("RGB", (7, 50))), "only 7 x 50 pixels"),
    (claimed_png(8000, 5001), "megapixels"),
    (claimed_png(10_000, 10_000), "megapixels"),  # Pillow only warns here
    (claimed_png(60_000, 60_000), "megapixels"),  # and raises here
    (encoded(noise())[:-60], "damaged"),
    (encoded(noise(400, 400), "JPEG")[:5000], "damaged"),
    (encoded(noise(400, 400), "HEIF")[:5000], "(damaged|not a PNG)"),
]


# Numbers as names, for bytes would make some of five megabytes.
@pytest.mark.parametrize(("data", "words"), BAD, ids=range(len(BAD)))
@pytest.mark.filterwarnings("error")  # Pillow's, which would fill the log of a server
def test_each_bad_file_is_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(UploadError, match=words) as caught:
        open_upload(data, "holiday.png")
    assert str(caught.value).startswith("holiday.png")
    assert str(caught.value).endswith(".")
    with pytest.raises(UploadError) as caught:
        open_upload(data, "<img src=x onerror=y>![a](http://b)" + "z" * 500)
    assert not set("<>[]()!:/=") & set(str(caught.value)), "a hostile name is tamed"
    assert len(str(caught.value)) < 180


def test_a_server_without_the_decoder_says_how_to_save_a_photo_of_a_phone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UploadError, match="save it as JPEG"):
        open_upload(encoded(noise(), "HEIF"))


def test_of_a_moving_image_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert open_upload(file.getvalue()).getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("horse_desert_03.jpg", "horse"),
        ("My Camel.PNG", "camel"),
        ("horse and camel.jpg", ""),
        ("seahorse.jpg", ""),
    ],
)
def test_a_file_name_tells_what_an_image_shows(name: str, expected: str) -> None:
    assert uploads.object_in_name(name, ("horse", "camel")) == expected


def test_a_picture_is_the_same_from_a_helper_and_refused_in_the_same_words() -> None:
    for image, kind in ((noise(2000, 300), "JPEG"), (noise(40, 30).convert("RGBA"), "PNG")):
        here, apart = (opened(encoded(image, kind)) for opened in (open_cutout, open_apart))
        assert (here.mode, here.size, here.tobytes()) == (apart.mode, apart.size, apart.tobytes())
    for data in (b"text", b"0" * (limits.UPLOAD_BYTES + 1)):
        said = []
        for opened in (open_cutout, open_apart):
            with pytest.raises(UploadError) as caught:
                opened(data, "a.png")
            said.append(str(caught.value))
        assert said[0] == said[1]


def test_a_picture_is_turned_upright_made_small_and_forgets_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "maker"
    wide = Image.new("RGB", (40, 20), "white")
    wide.paste("red", (0, 0, 10, 20))
    for kind in ("JPEG", "PNG"):
        image = open_upload(encoded(wide, kind, exif=exif))
        assert image.size == (20, 40)
        assert np.asarray(image)[2, 10, 1] < 60  # the red end is on top now
        assert not dict(image.getexif())
        assert open_upload(encoded(Image.new("RGB", (4000, 1000), "red"), kind)).size == (
            MAX_SIDE,
            256,
        )
    # Nonsense in its block leaves a picture as it is.
    assert open_upload(
        encoded(noise(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff")
    ).size == (40, 30)


MOVING = ("PNG", "WEBP")  # of an animation the first frame is taken
RED, BLUE = (Image.new("RGB", (20, 20), colour) for colour in ("red", "blue"))
PALETTE = Image.new("P", (9, 9), 0)
PALETTE.putpalette([255, 0, 0, 0, 255, 0])


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 0))), (128, 128, 128)),
        (encoded(Image.new("LA", (9, 9), (255, 128))), (192, 192, 192)),
        (encoded(PALETTE), (255, 0, 0)),
        (encoded(PALETTE, transparency=0), (128, 128, 128)),
        *(
            (encoded(RED, kind, save_all=True, append_images=[BLUE], lossless=True), (255, 0, 0))
            for kind in MOVING
        ),
        (encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"), (254, 0, 0)),
    ],
)
def test_every_mode_keeps_its_colour_and_see_through_parts_are_grey(
    data: bytes, colour: tuple[int, int, int]
) -> None:
    assert open_upload(data).getpixel((4, 4)) == pytest.approx(colour, abs=3)


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(16, axis=0)
    row = np.asarray(open_upload(encoded(ramp)))[8, :, 0]
    assert row[[0, 128, -1]].tolist() == pytest.approx([0, 128, 255], abs=1)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_up_to_255_are_eight_bits(kind: type) -> None:
    tones = np.array([[0, 100, 300 / 2]] * 3, kind)
    assert np.asarray(as_opened(Image.fromarray(tones)))[1, :, 0].tolist() == [0, 100, 150]
    wide = as_opened(Image.fromarray(tones * 256))
    assert np.asarray(wide)[1, :, 0].tolist() == [0, 100, 150]


WHOLE = [encoded(noise(60, 50), kind) for kind in ("PNG", "JPEG", "WEBP")]


@settings(max_examples=100)
@given(st.sampled_from(WHOLE), st.data())
def test_truncated_and_spoilt_pictures_never_surprise(whole: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(spoilt) - 1)), max_size=4)):
        if spoilt:
            spoilt[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(UploadError):
        assert open_upload(bytes(spoilt)).mode == "RGB"


def test_square_takes_the_middle_of_any_mode_and_averages_areas() -> None:
    image = noise(96, 64)
    middle = np.asarray(image)[:, 16:80]
    means = middle.astype(float).reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(square(image, 16) - means).max() <= 1
    assert np.array_equal(square(image, 64), middle)
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


def test_it_stands_on_every_place_and_on_grey_without_a_rim_of_invisible_colour(
    disc: Image.Image,
) -> None:
    placed = {one.background: one.picture for one in uploads.uploaded("disc", encoded(disc))}
    assert list(placed) == [uploads.GREY, *CONTEXTS]
    for name, picture in placed.items():
        pixels = np.asarray(picture).astype(int)
        assert picture.size == (uploads.BACKDROP_SIDE, uploads.BACKDROP_SIDE)
        assert np.abs(pixels[100:156, 100:156] - (200, 20, 20)).max() <= 1, (
            "the disc is the same everywhere"
        )
        corner = np.full(3, GROUND[0]) if name == uploads.GREY else uploads.background(name)[2, 2]
        assert pixels[2, 2] == pytest.approx(corner, abs=1)
    assert np.asarray(placed[uploads.GREY])[..., 1].max() <= GROUND[1] + 2
    assert len({uploads.background(context).tobytes() for context in CONTEXTS}) == len(CONTEXTS)
    transparent = disc.copy()
    transparent.putalpha(0)
    for image in (transparent, disc.convert("RGB")):
        assert len(uploads.uploaded("no cut-out", encoded(image))) == 1


def test_a_name_is_what_can_be_seen_of_it() -> None:
    names = {
        "camel.png": "camel.png",
        " \n\t": "image",
        "a\u202eb\u0000c\nd": "a b c d",
        "x" * 300 + "the end of it.png": "x" * 44 + "…" + "the end of it.png"[-15:],
    }
    for name, shown in names.items():
        assert uploads.shown_file_name(name) == uploads.shown_file_name(shown) == shown
    assert uploads.shown_file_name("camel-on-the-beach.png", 10) == "came…h.png"


def test_samples_are_known_where_the_set_knows_what_they_show() -> None:
    offered = uploads.samples(image_set(), SEED)
    assert [len(pictures) for _, pictures in offered.values()] == [1] * 9 + [7, 7]
    for name, (_, pictures) in offered.items():
        for one in pictures:
            assert one.object in SCENES.objects
            assert one.object in name.lower()
            assert one.is_drawn
            assert one.model_input.size == (SIZE, SIZE), "as those of the set"
    first = next(iter(offered.values()))[1][0]
    assert (first.object, first.background) == SCENES.pairs[1], "of a minority group"


def test_samples_elsewhere_do_not_stand_for_those_of_the_set(empty_home: Path) -> None:
    images = make_set(Recipe("snow-street", ("snow", "street")))
    recipe = recipe_of(images.name)
    offered = uploads.samples(images, SEED)
    assert len(offered) == 1 + 4 + 2 + 2
    for name in ("Horse in the snow", "Horse on the street"):
        (one,) = offered[name][1]
        assert one.scene == recipe.apply(one.scene), "drawn as the set is"


def test_twins_of_a_sample_differ_in_one_thing() -> None:
    for _, (one, *others) in uploads.samples(image_set(), SEED).values():
        found = uploads.sample_twins(one.scene, SCENES)
        if others:
            assert found is None, "a cut-out stands on its backgrounds"
            continue
        assert found is not None
        assert one.scene is not None
        assert found.other_object.scene == one.scene.replace(object=found.other_object.object)
        assert found.other_object.object != one.object
        elsewhere = [twin.scene for twin in found.other_backgrounds]
        assert elsewhere == [
            one.scene.replace(context=name) for name in SCENES.contexts if name != one.scene.context
        ]
    assert uploads.sample_twins(None, SCENES) is None
    assert uploads.sample_twins(one.scene, Grouping(("cat", "dog"), ("home", "park"))) is None


def held_out_samples(images: ImageSet, data_seeds: frozenset[int]) -> list[uploads.UploadedPicture]:
    offered = uploads.samples(images, data_seeds)
    return [pictures[0] for name, (_, pictures) in offered.items() if name.endswith("held out")]


def test_a_set_that_is_not_drawn_offers_held_out_images_of_its_own(empty_home: Path) -> None:
    folder = pets(empty_home / "pets", per_group=12)
    import_set(folder, "pets")
    images = open_set("pets")
    held_out = held_out_samples(images, SEED)
    assert [(one.object, one.background) for one in held_out[:2]] == [
        images.grouping.pairs[1],
        images.grouping.pairs[3],
    ]
    assert len(held_out) == 4
    assert not any(one.is_drawn for one in held_out)
    rows = subset.map_rows(subset.split_parts(images, 0)[0]).tolist()
    pixels = [np.asarray(images.image(row)) for row in rows]
    for one in held_out:
        assert any(np.array_equal(np.asarray(one.picture), known) for known in pixels)
    several = held_out_samples(images, frozenset([0, 1]))
    assert [one.name for one in several] == ["Cat, park, held out", "Cat, home, held out"]
    for seed in (0, 1):
        trained = subset.split_parts(images, seed)[0].rows("train").tolist()
        pixels = [np.asarray(images.image(row)) for row in trained]
        for one in several:
            assert not any(np.array_equal(np.asarray(one.picture), known) for known in pixels)
