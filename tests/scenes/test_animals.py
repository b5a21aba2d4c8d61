"""Skeletons stand on the ground, stay inside the image and differ in shape alone."""

import itertools
import math

import numpy as np
import pytest

from vlcore.scenes import OBJECTS, POSES, Scene, draw_scene, sample
from vlcore.scenes.draw import posed_animal


def scene(**changes: object) -> Scene:
    return sample("horse", "grass", split="test", index=0).replace(**changes)


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("pose", POSES)
def test_every_pose_and_form_stands_on_the_ground(name: str, pose: str) -> None:
    for form in (0.0, 0.49, 0.5, 1.0):
        capsules = posed_animal(scene(object=name, pose=pose, form=form))
        radii = np.stack([capsules.start_radius, capsules.end_radius])
        heights = np.stack([capsules.start[:, 1], capsules.end[:, 1]])
        assert (heights - radii).min() == pytest.approx(0, abs=1e-12)
        assert (radii > 0).all()


@pytest.mark.parametrize("name", OBJECTS)
def test_looking_turns_the_head_and_lying_is_low(name: str) -> None:
    for heading, form in itertools.product((0.0, 0.6, math.pi - 0.6, math.pi), (0.2, 0.8)):
        animal = scene(object=name, heading=heading, form=form)
        standing, looking, lying = (
            draw_scene(animal.replace(pose=pose)).mask for pose in ("standing", "looking", "lying")
        )
        assert (standing != looking).any()
        assert lying.any(axis=1).sum() < 0.8 * standing.any(axis=1).sum()


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("heading", [0.2, 1.5])
def test_a_mirrored_heading_and_step_mirror_the_outline(name: str, heading: float) -> None:
    for pose in POSES:
        animal = scene(object=name, pose=pose, heading=heading, x=0.5, stride=0.3)
        mask = draw_scene(animal).mask.astype(int)
        mirrored = draw_scene(animal.replace(heading=np.pi - heading, stride=0.8)).mask[:, ::-1]
        assert np.abs(mask - mirrored).mean() < 0.5


def test_two_humps_from_a_form_of_one_half() -> None:
    """Seen from the side, the back of a Bactrian camel has a valley between two tops."""
    side = {"object": "camel", "pose": "standing", "heading": 0.0, "size": 0.7, "x": 0.5, "y": 0.9}
    assert [humps(draw_scene(scene(**side, form=form), 256).mask) for form in (0.2, 0.8)] == [1, 2]


def humps(mask: np.ndarray) -> int:
    """Local maxima of the upper outline behind the neck."""
    columns = np.flatnonzero(mask.any(0))
    outline = 256 - np.argmax(mask[:, columns[0] : columns[-1]] > 128, axis=0)
    back = outline[int(0.12 * len(outline)) : int(0.62 * len(outline))].astype(int)
    smooth = np.convolve(back, np.ones(5) / 5, "valid")
    high = smooth > smooth.min() + 0.6 * np.ptp(smooth)
    return int((np.diff(high.astype(int)) == 1).sum() + high[0])
