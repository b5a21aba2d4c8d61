"""A picture is a pure function of its scene, and twins agree wherever the changed factor cannot be
seen."""

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.scenes import CONTEXTS, OBJECTS, POSES, STYLES, Scene, draw, sample

NUMBERS = {"index": st.integers(0, 10**6), "seed": st.integers(0, 10**3)}
SCENES = st.builds(
    sample, st.sampled_from(OBJECTS), st.sampled_from(CONTEXTS), split=st.just("test"), **NUMBERS
)
SIZES = st.sampled_from([32, 64, 128])
twins = settings(max_examples=25)


def other(value: str, names: tuple[str, ...]) -> str:
    """The next name, so that all pairs of neighbours come up."""
    return names[(names.index(value) + 1) % len(names)]


@twins
@given(SCENES, SIZES)
def test_twins_with_another_object_share_the_background(scene: Scene, size: int) -> None:
    one, two = draw(scene, size), draw(scene.replace(object=other(scene.object, OBJECTS)), size)
    free = (one.mask == 0) & (two.mask == 0)
    assert (one.image[free] == two.image[free]).all()
    assert (one.mask != two.mask).any()


@twins
@given(SCENES, SIZES)
def test_twins_with_another_context_share_the_animal(scene: Scene, size: int) -> None:
    one, two = draw(scene, size), draw(scene.replace(context=other(scene.context, CONTEXTS)), size)
    assert (one.mask == two.mask).all()
    whole = one.mask == 255
    assert whole.any()
    assert (one.image[whole] == two.image[whole]).all()
    assert (one.image[~whole] != two.image[~whole]).any()


def plain(**changes: object) -> Scene:
    return sample("horse", "grass", split="demo", index=2).replace(**changes)


def test_without_context_contrast_no_image_tells_its_context() -> None:
    for style in STYLES:
        scene = plain(context_contrast=0.0, style=style)
        reference = draw(scene, 64).image
        assert all(
            (draw(scene.replace(context=context), 64).image == reference).all()
            for context in CONTEXTS
        )
    for name, form in itertools.product(OBJECTS, (0.1, 0.4, 0.6, 0.9)):
        poses = (
            plain(object=name, form=form, heading=0.2, pose=pose) for pose in ("standing", "lying")
        )
        standing, lying = (extent(draw(pose).mask)[0] for pose in poses)
        assert lying < 0.8 * standing


@pytest.mark.parametrize("knob", ["context_contrast", "object_contrast"])
def test_the_further_a_contrast_is_turned_the_more_the_picture_changes(knob: str) -> None:
    for index in range(6):
        scene = sample(OBJECTS[index % 2], CONTEXTS[index], split="demo", index=index)
        full = draw(scene, 64).image.astype(int)
        faded = [
            draw(scene.replace(**{knob: value}), 64).image for value in (1.0, 0.75, 0.5, 0.25, 0.0)
        ]
        steps = [np.abs(image - full).mean() for image in faded]
        assert steps[0] == 0
        assert (np.diff(steps) > 0).all()


def test_without_object_contrast_horse_and_camel_cannot_be_told_apart() -> None:
    for index in range(6):
        scene = sample("horse", CONTEXTS[index], split="demo", index=index).replace(
            object_contrast=0.0
        )
        for style in STYLES:
            one, two = (draw(scene.replace(object=name, style=style), 64) for name in OBJECTS)
            assert (one.image == two.image).all()
            assert (one.mask != two.mask).any()
        assert (draw(scene, 64).mask == draw(scene.replace(object_contrast=1.0), 64).mask).all()


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("heading", [0.2, 0.9, 1.5])
def test_a_mirrored_heading_and_step_mirror_the_outline(name: str, heading: float) -> None:
    for pose in POSES:
        scene = plain(object=name, pose=pose, heading=heading, x=0.5, stride=0.3)
        one = draw(scene, 128).mask
        two = draw(scene.replace(heading=np.pi - heading, stride=0.8), 128).mask[:, ::-1]
        assert np.abs(one.astype(int) - two).mean() < 0.5


@pytest.mark.parametrize("size", [32, 63, 128, 512])
def test_shapes_and_types(size: int) -> None:
    scene = sample("camel", "grass", split="train", index=3)
    drawing = draw(scene, size)
    assert drawing.image.shape == (size, size, 3)
    assert drawing.mask.shape == (size, size)
    assert drawing.image.dtype == drawing.mask.dtype == np.uint8
    assert (drawing.mask == 255).mean() > 0.03
    assert 0 < ((drawing.mask > 0) & (drawing.mask < 255)).mean() < 0.2
    with pytest.raises(ValueError, match="at least 16"):
        draw(scene, 8)


def test_the_same_bits_again_and_in_another_process() -> None:
    code = (
        "import hashlib; from vlcore.scenes import draw, sample\n"
        "d = draw(sample('horse', 'desert', split='train', index=11))\n"
        "print(hashlib.sha256(d.image.tobytes() + d.mask.tobytes()).hexdigest())"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for _ in range(2):
        drawn = draw(sample("horse", "desert", split="train", index=11))
        assert (
            hashlib.sha256(drawn.image.tobytes() + drawn.mask.tobytes()).hexdigest()
            == fresh.stdout.strip()
        )


@pytest.mark.parametrize("changes", [{}, {"pose": "lying", "heading": 1.4}])
def test_horses_and_camels_are_equally_large_and_equally_bright(changes: dict[str, object]) -> None:
    """Over 150 twins neither area nor colour tells the object, and neither does the box that the
    animal fills."""
    areas, boxes, means = [], [], []
    for index in range(150):
        scene = sample("horse", "grass", split="train", index=index).replace(**changes)
        pair = [draw(scene.replace(object=name), 48) for name in OBJECTS]
        areas.append([d.mask.mean() for d in pair])
        boxes.append([np.prod(extent(d.mask)) for d in pair])
        means.append([d.image[d.mask > 128].mean() for d in pair])
        for mask in (d.mask for d in pair if not changes):
            rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
            assert (rim > 0).sum() <= 2, "animals stay inside the picture"
    for measure, tolerance in ((areas, 0.10), (boxes, 0.25), (means, 0.05)):
        horse, camel = np.mean(measure, axis=0)
        assert abs(horse / camel - 1) < tolerance


def extent(mask: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
