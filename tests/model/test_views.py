"""What a job looks at: composites are made of the images whose masks allow it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.api.stand_ins import pictured
from vlcore.artifacts.embeddings import REMAINING
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.condition import Condition
from vlcore.metrics.readouts import ObjectReadout
from vlcore.model.views import Checkpoint, Labels, TrainingRecord, Views

BOX = np.zeros((64, 64), np.uint8)
BOX[20:40, 20:40] = 255
PLUS = BOX.copy()
PLUS[30], PLUS[:, 30] = 255, 255


def views_of(images: ImageSet, masks: dict[int, np.ndarray]) -> Views:
    """The views of a set with a box as mask of each test image, but for some rows."""
    for row in images.rows("test").tolist():
        images.table.loc[row, "mask"] = f"mask{row}.png"
        Image.fromarray(masks.get(row, BOX)).save(images.root / f"mask{row}.png")
    rows = images.rows("train")
    return Views(TrainingSet(images, rows, np.zeros(len(rows), np.int64)))


def test_images_whose_masks_leave_no_background_are_in_no_composite(tmp_path: Path) -> None:
    images = pictured(tmp_path)
    first, *others = images.rows("test").tolist()
    views = views_of(images, {first: PLUS})
    assert views.panel is not None
    assert views.rows["test"][views.panel_rows].tolist() == others
    assert {len(composites) for composites in views.panel.values()} == {len(others)}


def test_there_are_no_composites_where_one_scene_shows_a_context(tmp_path: Path) -> None:
    images = pictured(tmp_path)
    in_grass = images.rows("test")[images.table["context"].iloc[images.rows("test")] == "grass"]
    scene = images.table["scene"].iloc[in_grass].to_numpy()
    views = views_of(images, dict.fromkeys(in_grass[scene != scene[0]].tolist(), PLUS))
    assert views.panel is None
    assert len(views.panel_rows) == 0


def record_of_row_numbers(
    images: ImageSet, condition: Condition, trained_on: np.ndarray
) -> TrainingRecord:
    """A model whose embedding of each image is its row number."""
    views = Views(TrainingSet(images, trained_on, np.zeros(len(trained_on), np.int64)))
    z = {split: rows[:, None].astype(np.float32) for split, rows in views.rows.items()}
    if len(views.remaining_rows):
        z[REMAINING] = views.remaining_rows[:, None].astype(np.float32)
    labels = Labels.from_condition(condition, images.grouping)
    none = np.empty((0, 1), np.float32)
    end = Checkpoint(z, {}, none, 1.0, 0.0, {}, ObjectReadout(labels.objects))
    no_captions = np.empty(0, np.int64)
    return TrainingRecord(condition, labels, views, no_captions, {"end": end})


@pytest.mark.parametrize(("mitigation", "every"), [("none", 2), ("dfr", 2), ("none", 1)])
def test_all_that_nothing_was_fitted_on_is_held_out_on_the_map(
    tmp_path: Path, mitigation: str, every: int
) -> None:
    """Also where all training images are used, and none remains."""
    images = pictured(tmp_path)
    trained_on = images.rows("train")[::every]
    record = record_of_row_numbers(images, Condition(mitigation=mitigation), trained_on)
    fitted_on = {*trained_on.tolist()}
    if mitigation == "dfr":
        fitted_on |= {*images.rows("val").tolist()}
    expected = [row for row in range(len(images.table)) if row not in fitted_on]
    assert record.held_out_rows.tolist() == expected
    assert record.held_out_values(record.checkpoints["end"].z)[:, 0].tolist() == expected
