"""Skeletons stand on the ground, stay inside the image and differ in shape alone."""

import math

import numpy as np
import pytest

from vlcore.scenes import OBJECTS, POSES, Scene, draw, sample
from vlcore.scenes.draw import posed_animal


def scene(**changes: object) -> Scene:
    return sample("horse", "grass", split="test", index=0).replace(**changes)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("form", [0.0, 0.49, 0.5, 1.0])
def test_every_pose_and_form_stands_on_the_ground(name: str, pose: str, form: float) -> None:
    capsules = posed_animal(scene(object=name, pose=pose, form=form))
    radii = np.stack([capsules.start_radius, capsules.end_radius])
    heights = np.stack([capsules.start[:, 1], capsules.end[:, 1]])
    assert (heights - radii).min() == pytest.approx(0, abs=1e-12)
    assert (radii > 0).all()


def test_two_humps_from_a_form_of_one_half() -> None:
    """Seen from the side, the back of a Bactrian camel has a valley between two tops."""
    side = {"object": "camel", "pose": "standing", "heading": 0.0, "size": 0.7, "x": 0.5, "y": 0.9}
    assert [humps(draw(scene(**side, form=form), 256).mask) for form in (0.2, 0.8)] == [1, 2]


def humps(mask: np.ndarray) -> int:
    """Local maxima of the upper outline behind the neck."""
    columns = np.flatnonzero(mask.any(0))
    outline = 256 - np.argmax(mask[:, columns[0] : columns[-1]] > 128, axis=0)
    back = outline[int(0.12 * len(outline)) : int(0.62 * len(outline))].astype(int)
    smooth = np.convolve(back, np.ones(5) / 5, "valid")
    high = smooth > smooth.min() + 0.6 * np.ptp(smooth)
    return int((np.diff(high.astype(int)) == 1).sum() + high[0])


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("heading", [0.0, 0.6, math.pi - 0.6, math.pi])
def test_looking_turns_the_head_to_the_viewer(name: str, heading: float) -> None:
    animal = scene(object=name, heading=heading)
    standing, looking = (draw(animal.replace(pose=pose)).mask for pose in ("standing", "looking"))
    assert (standing != looking).any()
