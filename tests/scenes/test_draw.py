"""An image is a function of its scene, and twins agree where the changed factor is not seen."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vlcore.scenes import CONTEXTS, OBJECTS, Scene, draw_scene, sample

NUMBERS = {"index": st.integers(0, 10**6), "seed": st.integers(0, 10**3)}
SCENES = st.builds(
    sample, st.sampled_from(OBJECTS), st.sampled_from(CONTEXTS), split=st.just("test"), **NUMBERS
)
SIZES = st.sampled_from([32, 64, 128])


@settings(max_examples=25)
@given(SCENES, SIZES)
def test_twins_with_another_object_share_the_background(scene: Scene, size: int) -> None:
    drawing = draw_scene(scene, size)
    twin = draw_scene(scene.replace(object=({*OBJECTS} - {scene.object}).pop()), size)
    free = (drawing.mask == 0) & (twin.mask == 0)
    assert (drawing.image[free] == twin.image[free]).all()
    assert (drawing.mask != twin.mask).any()


@settings(max_examples=25)
@given(SCENES, SIZES, st.sampled_from(CONTEXTS))
def test_twins_with_another_context_share_the_animal(scene: Scene, size: int, context: str) -> None:
    assume(context != scene.context)
    drawing = draw_scene(scene, size)
    twin = draw_scene(scene.replace(context=context), size)
    assert (drawing.mask == twin.mask).all()
    covered = drawing.mask == 255
    assert covered.any()
    assert (drawing.image[covered] == twin.image[covered]).all()
    assert (drawing.image[~covered] != twin.image[~covered]).any()


def test_without_contrast_nothing_tells_context_or_object() -> None:
    bare = sample("horse", "grass", split="demo", index=2).replace(context_contrast=0.0)
    first, *others = (draw_scene(bare.replace(context=context), 64).image for context in CONTEXTS)
    assert all((image == first).all() for image in others)
    for index, context in enumerate(CONTEXTS):
        scene = sample("horse", context, split="demo", index=index)
        hidden = scene.replace(object_contrast=0.0)
        horse, camel = (draw_scene(hidden.replace(object=name), 64) for name in OBJECTS)
        assert (horse.image == camel.image).all()
        assert (horse.mask != camel.mask).any()
        assert (horse.mask == draw_scene(scene, 64).mask).all()


@pytest.mark.parametrize("knob", ["context_contrast", "object_contrast"])
def test_the_further_a_contrast_is_turned_the_more_the_image_changes(knob: str) -> None:
    for index, context in enumerate(CONTEXTS):
        scene = sample(OBJECTS[index % 2], context, split="demo", index=index)
        full = draw_scene(scene, 64).image.astype(int)
        changes = [
            np.abs(draw_scene(scene.replace(**{knob: contrast}), 64).image - full).mean()
            for contrast in (1.0, 0.75, 0.5, 0.25, 0.0)
        ]
        assert changes[0] == 0
        assert (np.diff(changes) > 0).all()


@pytest.mark.parametrize("size", [32, 63, 512])
def test_shapes_and_types(size: int) -> None:
    drawing = draw_scene(sample("camel", "grass", split="train", index=3), size)
    assert (drawing.image.shape, drawing.mask.shape) == ((size, size, 3), (size, size))
    assert drawing.image.dtype == drawing.mask.dtype == np.uint8
    assert (drawing.mask == 255).mean() > 0.03
    with pytest.raises(ValueError, match="at least 16"):
        draw_scene(sample("camel", "grass", split="train", index=3), 15)


@pytest.mark.processes
def test_the_same_bits_in_another_process() -> None:
    code = (
        "import sys; from vlcore.scenes import draw_scene, sample\n"
        "drawing = draw_scene(sample('horse', 'desert', split='train', index=11))\n"
        "sys.stdout.buffer.write(drawing.image.tobytes() + drawing.mask.tobytes())"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    drawing = draw_scene(sample("horse", "desert", split="train", index=11))
    assert drawing.image.tobytes() + drawing.mask.tobytes() == fresh


@pytest.mark.parametrize("changes", [{}, {"pose": "lying", "heading": 1.4}])
def test_horses_and_camels_are_equally_large_and_equally_bright(changes: dict[str, object]) -> None:
    """Over 150 twins neither area nor colour tells the object, and neither does the box that the
    animal fills."""
    areas, boxes, means = [], [], []
    for index in range(150):
        scene = sample("horse", "grass", split="train", index=index).replace(**changes)
        twins = [draw_scene(scene.replace(object=name), 48) for name in OBJECTS]
        areas.append([twin.mask.mean() for twin in twins])
        boxes.append([np.prod(extent(twin.mask)) for twin in twins])
        means.append([twin.image[twin.mask > 128].mean() for twin in twins])
        if not changes:
            for mask in (twin.mask for twin in twins):
                rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
                assert (rim > 0).sum() <= 2, "animals stay inside the image"
    for measure, tolerance in ((areas, 0.10), (boxes, 0.25), (means, 0.05)):
        horse, camel = np.mean(measure, axis=0)
        assert abs(horse / camel - 1) < tolerance


def extent(mask: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
