"""Near-duplicates: bands find exactly the pairs that comparing all finds."""

from __future__ import annotations

from io import BytesIO

import imagehash
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.datasets.importers.sources import picture
from vlcore.datasets.importers.duplicates import NEAR, clusters, near_pairs, perceptual_hash


def bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@st.composite
def related_hashes(draw: st.DrawFn) -> list[int]:
    """Hashes with relatives at every small distance: random ones alone are never near."""
    hashes = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8))
    for _ in range(draw(st.integers(0, 12))):
        changed = draw(st.lists(st.integers(0, 63), max_size=7, unique=True))
        hashes.append(draw(st.sampled_from(hashes)) ^ sum(1 << bit for bit in changed))
    return hashes


@settings(max_examples=200, deadline=None)
@given(related_hashes())
def test_bands_find_what_comparing_all_finds(hashes: list[int]) -> None:
    distinct = sorted(set(hashes))
    expected = [
        [one, other]
        for one in range(len(distinct))
        for other in range(one + 1, len(distinct))
        if bits(distinct[one], distinct[other]) <= NEAR
    ]
    assert near_pairs(np.array(distinct, dtype=np.uint64)).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(related_hashes(), st.data())
def test_clusters_are_what_near_pairs_and_ids_link(hashes: list[int], data: st.DataObject) -> None:
    ids = [data.draw(st.sampled_from(["", "", "", "a", "b"])) for _ in hashes]
    expected = list(range(len(hashes)))
    for _ in hashes:  # as slowly and plainly as can be: take the smaller number along every link until nothing changes
        for one in range(len(hashes)):
            for other in range(len(hashes)):
                if bits(hashes[one], hashes[other]) <= NEAR or (ids[one] and ids[one] == ids[other]):
                    expected[one] = expected[other] = min(expected[one], expected[other])
    numbers = {first: number for number, first in enumerate(dict.fromkeys(expected))}
    assert clusters(hashes, ids).tolist() == [numbers[first] for first in expected]


def test_the_hash_is_the_library_s() -> None:
    image = Image.open(BytesIO(picture(1)))
    assert f"{perceptual_hash(image):016x}" == str(imagehash.phash(image))


def test_a_small_change_is_near_and_another_picture_is_far() -> None:
    image = Image.open(BytesIO(picture(1, size=(192, 192))))
    out = BytesIO()
    image.resize((100, 100)).save(out, "JPEG", quality=60)
    again, other = Image.open(out).resize((192, 192)), Image.open(BytesIO(picture(2, size=(192, 192))))
    assert bits(perceptual_hash(image), perceptual_hash(again)) <= NEAR
    assert bits(perceptual_hash(image), perceptual_hash(other)) > 2 * NEAR


def test_thousands_of_hashes_with_one_common_band_are_found() -> None:
    """The worst case for bands: all hashes share one, and still every near pair is found once."""
    rng = np.random.default_rng(0)
    far = np.unique(rng.integers(0, 2**51, 4000, dtype=np.uint64) << np.uint64(13))
    near = far[:50] ^ np.uint64(1 << 20)
    assert len(near_pairs(np.unique(np.concatenate([far, near])))) == 50
