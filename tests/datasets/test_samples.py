"""Pictures to put to models: what they are called, and what they are known to show."""

from __future__ import annotations

import pytest

from tests.runs.stand_ins import image_set
from vlcore.core.grouping import SCENES
from vlcore.datasets.samples import plain, samples


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("camel.png", "camel.png"),
        ("", "picture"),
        (" \n\t", "picture"),
        ("a\u202eb\u0000c\nd", "a b c d"),
        ("x" * 60, "x" * 60),
        ("x" * 300 + "the end of it.png", "x" * 44 + "…" + "the end of it.png"[-15:]),
    ],
)
def test_a_name_is_what_can_be_seen_of_it(name: str, shown: str) -> None:
    assert plain(name) == shown
    assert plain(shown) == shown


def test_samples_are_known_where_the_set_knows_what_they_show() -> None:
    offered = samples(image_set())
    assert [len(pictures) for _, pictures in offered.values()] == [1, 1, 1, 1, 7, 7]
    for name, (_, pictures) in offered.items():
        for one in pictures:
            assert one.object in SCENES.objects
            assert one.object in name.lower()
            assert one.cutout == (name if "cut out" in name else "")
    assert len({one.digest for _, pictures in offered.values() for one in pictures}) == 18
