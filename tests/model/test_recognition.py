"""ImageNet's classifier on new images: as timm computes it, and what it calls neither object."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image, ImageDraw

from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.model import frozen_towers
from vlcore.model.image_features import features_of_images
from vlcore.model.new_images import TOWER
from vlcore.model.recognition import CLASSES, Recognition, knows_objects, recognise


def a_text() -> Image.Image:
    page = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(page).text((30, 90), "A line of text")
    return page


def test_the_classifier_is_that_of_timm() -> None:
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=1000).eval()
    tower = frozen_towers.open_tower(TOWER)
    weights, bias = frozen_towers.classifier()
    state = tower.network.state_dict() | {
        "classifier.weight": torch.from_numpy(weights),
        "classifier.bias": torch.from_numpy(bias),
    }
    network.load_state_dict(state)
    pixels = np.asarray(a_text())
    with torch.inference_mode():
        expected = network(tower.prepare([pixels]).cpu()).softmax(1)[0].numpy()
    (seen,) = recognise([a_text()], SCENES)
    assert seen.guess_share == pytest.approx(expected.max(), rel=0.02)
    features = features_of_images(TOWER, [pixels])
    assert np.argmax(features @ weights.T + bias) == expected.argmax()


def test_a_text_is_neither_a_horse_nor_a_camel() -> None:
    (seen,) = recognise([a_text()], SCENES)
    assert seen.is_neither


@pytest.mark.parametrize(
    ("objects", "known"),
    [(("horse", "camel"), True), (("Zebra", "horse"), True), (("horse", "landbird"), False)],
)
def test_objects_are_known_by_the_names_of_classes(objects: tuple[str, str], known: bool) -> None:
    assert knows_objects(Grouping(objects)) is known


def test_the_classes_of_an_object_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier that is as sure of each class of horses as of anything else."""
    flat = np.zeros((1000, 1280), np.float32), np.zeros(1000, np.float32)
    monkeypatch.setattr(frozen_towers, "classifier", lambda: flat)
    (seen,) = recognise([a_text()], SCENES)
    classes = sum(map(len, CLASSES.values()))
    assert seen == Recognition(pytest.approx(classes / 1000), "tench", pytest.approx(1 / 1000))
