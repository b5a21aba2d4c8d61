"""A picture is a pure function of its scene, and twins agree wherever the changed factor cannot be seen."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from vlcore.scenes import CONTEXTS, OBJECTS, Drawing, Scene, draw, sample

SCENES = st.builds(
    lambda o, c, i, s: sample(o, c, split="test", index=i, seed=s),
    st.sampled_from(OBJECTS),
    st.sampled_from(CONTEXTS),
    st.integers(0, 10**6),
    st.integers(0, 10**3),
)
SIZES = st.sampled_from([32, 64, 128])
twins = settings(max_examples=25, deadline=None)


def other(value: str, names: tuple[str, ...]) -> str:
    return next(name for name in names if name != value)


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


@twins
@given(SCENES)
def test_the_sky_belongs_to_no_context(scene: Scene) -> None:
    one, two = draw(scene, 64), draw(scene.replace(context=other(scene.context, CONTEXTS)), 64)
    top = slice(0, int(64 * (scene.horizon - 0.35)))  # over the highest ridge: 0.28 in 645 scenes
    assert (one.image[top][one.mask[top] == 0] == two.image[top][one.mask[top] == 0]).all()


@pytest.mark.parametrize("size", [32, 63, 128, 512])
def test_shapes_and_types(size: int) -> None:
    drawing = draw(sample("camel", "grass", split="train", index=3), size)
    assert drawing.image.shape == (size, size, 3)
    assert drawing.mask.shape == (size, size)
    assert drawing.image.dtype == drawing.mask.dtype == np.uint8
    assert (drawing.mask == 255).mean() > 0.03
    assert 0 < ((drawing.mask > 0) & (drawing.mask < 255)).mean() < 0.2


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        draw(sample("camel", "grass", split="train", index=3), 8)


def fingerprint(drawing: Drawing) -> str:
    return hashlib.sha256(drawing.image.tobytes() + drawing.mask.tobytes()).hexdigest()


def test_the_same_bits_again_and_in_another_process() -> None:
    scene = sample("horse", "desert", split="train", index=11)
    first = fingerprint(draw(scene))
    assert fingerprint(draw(scene)) == first
    code = (
        "import hashlib; from vlcore.scenes import draw, sample\n"
        "d = draw(sample('horse', 'desert', split='train', index=11))\n"
        "print(hashlib.sha256(d.image.tobytes() + d.mask.tobytes()).hexdigest())"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert fresh.stdout.strip() == first


def test_horses_and_camels_are_equally_large_and_equally_bright() -> None:
    """Over 200 twins neither area nor colour tells the object, and neither does the box that the animal fills."""
    areas, boxes, means = [], [], []
    for index in range(200):
        scene = sample("horse", "grass", split="train", index=index)
        pair = [draw(scene.replace(object=name), 48) for name in OBJECTS]
        areas.append([d.mask.mean() for d in pair])
        boxes.append([np.prod(extent(d.mask)) for d in pair])
        means.append([d.image[d.mask > 128].mean() for d in pair])
    for measure, tolerance in ((areas, 0.10), (boxes, 0.25), (means, 0.05)):
        horse, camel = np.mean(measure, axis=0)
        assert abs(horse / camel - 1) < tolerance


def extent(mask: np.ndarray) -> tuple[int, int]:
    """Height and width of the box around the animal."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_animals_stay_inside_the_picture() -> None:
    for index in range(150):
        mask = draw(sample(OBJECTS[index % 2], "grass", split="train", index=index), 48).mask
        rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert (rim > 0).sum() <= 2, index


def test_the_background_does_not_tell_the_object() -> None:
    """A linear probe on pictures whose animals are painted over is right half of the time."""
    rows, labels = [], []
    for index in range(120):
        scene = sample(OBJECTS[index % 2], CONTEXTS[index // 2 % 2], split="train", index=index)
        pair = [draw(scene.replace(object=name), 64) for name in OBJECTS]
        image = draw(scene, 64).image.astype(float)
        image[(pair[0].mask > 0) | (pair[1].mask > 0)] = 128
        rows.append(image.reshape(16, 4, 16, 4, 3).mean((1, 3)).ravel() / 255)
        labels.append(index % 2)
    features, target = np.array(rows), np.array(labels)
    probe = LogisticRegression(C=0.1, max_iter=500).fit(features[:70], target[:70])
    assert abs(probe.score(features[70:], target[70:]) - 0.5) < 0.2
