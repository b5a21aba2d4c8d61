"""The map of a model in training: its images where the model puts them, with the table inside."""

import base64

import numpy as np

from tests.api.stand_ins import image_set
from vlcore.api.live_map import live_map
from vlcore.plots.theme import LIGHT


def test_images_lie_where_the_model_puts_them() -> None:
    images = image_set()
    rows = images.rows("test")[:20]
    positions = np.random.default_rng(0).normal(size=(20, 2)).round(3)
    told = live_map(positions.tolist(), images, rows, LIGHT, 200)
    assert (told["kind"], told["legendPlace"], told["count"]) == ("card", "none", 20)
    columns = {
        name: np.frombuffer(base64.b64decode(column["data"]), column["type"])
        for name, column in told["table"]["columns"].items()
    }
    np.testing.assert_allclose(np.stack([columns["x0"], columns["y0"]], axis=1), positions)
    assert columns["row"].tolist() == rows.tolist()
    names = np.array(images.grouping.names)[columns["group"]]
    assert names.tolist() == images.table["group"].iloc[rows].tolist()
    is_minority = images.table["group"].iloc[rows].isin(images.grouping.minority)
    assert columns["minority"].astype(bool).tolist() == is_minority.tolist()
    left, right, low, high = told["panes"][0]["extent"]
    assert ((positions > [left, low]) & (positions < [right, high])).all()
