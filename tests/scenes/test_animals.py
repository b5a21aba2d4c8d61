"""Skeletons stand on the ground, stay inside the picture and differ in shape alone."""

import math

import numpy as np
import pytest

from vlcore.scenes import OBJECTS, Scene, sample
from vlcore.scenes.draw import animal, draw
from vlcore.scenes.factors import POSES


def scene(**changes: object) -> Scene:
    return sample("horse", "grass", split="test", index=0).replace(**changes)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("pose", POSES)
def test_every_pose_and_form_stands_on_the_ground(name: str, pose: str) -> None:
    for form in (0.0, 0.49, 0.5, 1.0):
        capsules = animal(scene(object=name, pose=pose, form=form))
        low = np.minimum(
            capsules.start[:, 1] - capsules.start_radius, capsules.end[:, 1] - capsules.end_radius
        )
        assert low.min() == pytest.approx(0, abs=1e-12)
        assert (capsules.start_radius > 0).all()
        assert (capsules.end_radius > 0).all()


def test_two_humps_from_a_form_of_one_half() -> None:
    """Seen from the side, the back of a Bactrian camel has a valley between two tops."""
    side = {"object": "camel", "pose": "standing", "heading": 0.0, "size": 0.7, "x": 0.5, "y": 0.9}
    assert [tops(draw(scene(**side, form=form), 256).mask) for form in (0.2, 0.8)] == [1, 2]


def tops(mask: np.ndarray) -> int:
    """Humps behind the neck: local maxima of the upper outline that rise over what lies between
    them."""
    columns = np.flatnonzero(mask.any(0))
    outline = 256 - np.argmax(mask[:, columns[0] : columns[-1]] > 128, axis=0)
    back = outline[int(0.12 * len(outline)) : int(0.62 * len(outline))].astype(int)
    smooth = np.convolve(back, np.ones(5) / 5, "valid")
    high = smooth > smooth.min() + 0.6 * np.ptp(smooth)
    return int((np.diff(high.astype(int)) == 1).sum() + high[0])


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("heading", [0.0, 0.6, math.pi - 0.6, math.pi])
def test_looking_turns_the_head_to_the_viewer(name: str, heading: float) -> None:
    plain, turned = (
        draw(scene(object=name, pose=pose, heading=heading)).mask
        for pose in ("standing", "looking")
    )
    assert (plain != turned).any()
