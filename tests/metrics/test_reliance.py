"""Reliance by twins, by backgrounds and by painting, on cases whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlcore.metrics.reliance import SHARES, SIDE, Reliance, by_painting, by_twins, paint_parts

MIDDLE = slice(SIDE // 4, 3 * SIDE // 4)  # of an image, where its object is: a quarter of the area
WAYS = 3 * len(SHARES)


def image() -> np.ndarray:
    """A red square on a green ground, both with a little noise."""
    pixels = np.random.default_rng(0).integers(0, 40, (SIDE, SIDE, 3), dtype=np.uint8)
    pixels[..., 1] += 160
    pixels[MIDDLE, MIDDLE] = pixels[MIDDLE, MIDDLE][..., [1, 0, 2]]
    return pixels


def activity() -> np.ndarray:
    """As of a network that reacts to the middle."""
    y, x = np.mgrid[:11, :11] - 5
    return np.exp(-(x**2 + y**2) / 12)


def red(pixels: np.ndarray) -> np.ndarray:
    """How red each image is, less how green."""
    means = pixels.reshape(-1, SIDE * SIDE, 3).mean(axis=1)
    return means[:, 0] - means[:, 1]


@pytest.mark.parametrize(
    ("other_object", "backgrounds", "on"),
    [
        ("camel", ["horse"], Reliance.OBJECT),
        ("horse", ["camel"], Reliance.BACKGROUND),
        ("camel", ["camel"], Reliance.BOTH),
        ("horse", ["horse"], Reliance.NEITHER),
        ("horse", ["horse", "camel"], Reliance.BACKGROUND),
        ("camel", ["horse", "horse"], Reliance.OBJECT),
    ],
)
def test_what_changes_a_prediction_is_what_it_relies_on(
    other_object: str, backgrounds: list[str], on: Reliance
) -> None:
    assert by_twins("horse", other_object, backgrounds) is on


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1))
def test_all_ways_of_painting_have_to_agree(margins: list[tuple[float, float]]) -> None:
    object_alone, background_alone = np.array(margins).T
    on = by_painting(object_alone, background_alone)
    expected = Reliance.UNSTABLE
    if all(one > other for one, other in margins):
        expected = Reliance.OBJECT
    elif all(one < other for one, other in margins) and min(one for one, _ in margins) < 0:
        expected = Reliance.BACKGROUND
    assert on is expected
    if on is Reliance.BACKGROUND:
        assert by_painting(background_alone, object_alone) is Reliance.OBJECT


def test_who_looks_at_the_object_is_told_from_who_looks_at_the_background() -> None:
    versions = paint_parts(image(), activity())
    both = np.concatenate([versions.object_alone, versions.background_alone])
    of_red, of_green = np.split(red(both), 2), np.split(-red(both), 2)
    assert by_painting(*of_red) is Reliance.OBJECT
    assert by_painting(*of_green) is Reliance.BACKGROUND
    corner = both[:, :8, :8].reshape(2 * WAYS, -1, 3).mean(axis=1)
    of_corner = np.split(
        -np.abs(corner - image()[:8, :8].reshape(-1, 3).mean(axis=0)).sum(axis=1), 2
    )
    assert by_painting(*of_corner) is Reliance.BACKGROUND


def test_what_stays_is_as_it_was_and_what_goes_is_painted_in_its_colours() -> None:
    pixels = image()
    versions = paint_parts(pixels, activity())
    assert versions.object_alone.shape == versions.background_alone.shape == (WAYS, SIDE, SIDE, 3)
    assert versions.object_alone.dtype == np.uint8
    for way in range(WAYS):
        object_share, background_share = SHARES[way // 3]
        for version, share in (
            (versions.object_alone[way], object_share),
            (versions.background_alone[way], background_share),
        ):
            same = (version == pixels).all(axis=-1).mean()
            assert same == pytest.approx(share, abs=0.02)
        core = np.s_[SIDE // 2 - 8 : SIDE // 2 + 8, SIDE // 2 - 8 : SIDE // 2 + 8]
        assert np.array_equal(versions.object_alone[way][core], pixels[core])
        hidden = versions.background_alone[way][core].astype(float).reshape(-1, 3).mean(axis=0)
        assert hidden[1] > hidden[0], "green, as what stays is"
    assert len({version.tobytes() for version in versions.object_alone}) == WAYS, (
        "each way is another one"
    )
