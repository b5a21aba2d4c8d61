"""The training film: one slider, pictures sent once, and every mark where its snapshot says."""

import dataclasses
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from tests.plots import drawn
from tests.plots.maps.tracks import STEPS, pictures, track
from vlcore.experiment.grouping import SCENES
from vlcore.plots.maps.animation import PANELS, UNITS, ModelTrack, animation_chart
from vlcore.plots.maps.panes import MOMENT
from vlcore.plots.theme import LIGHT, PHONE_SIDE

SIDE = 300
POINTS = pictures()
# The second model lacks a snapshot at step 5, and one picture.
LEFT, RIGHT = track(POINTS, (0, 1, 5, 20), 1), track(POINTS, (0, 1, 20), 2)
RIGHT.positions[:, 3] = np.nan


def spec_of(*tracks: ModelTrack, side: int = SIDE) -> drawn.Spec:
    return animation_chart(
        POINTS, tracks, STEPS, palette=LIGHT, grouping=SCENES, side=side
    ).to_dict(validate=False)


@pytest.fixture(scope="module")
def spec() -> drawn.Spec:
    return spec_of(LEFT, RIGHT)


def at_moment(spec: drawn.Spec, moment: int) -> drawn.Spec:
    params = [
        {**param, "value": moment} if param["name"] == MOMENT else param for param in spec["params"]
    ]
    return {**spec, "params": params}


def marks(svg: ET.Element, pane: int, spoken: str) -> tuple[float, float] | None:
    """Where the mark of a picture is, in px of its map."""
    groups = [g for g in svg.iter() if f"marks_{pane}_marks" in g.get("class", "")]
    assert len(groups) == 1, "each map has marks of its own"
    for path in groups[0]:
        if path.get("aria-label") == spoken:
            found = re.fullmatch(r"translate\(([-\d.]+),([-\d.]+)\)", path.get("transform", ""))
            assert found
            return float(found[1]), float(found[2])
    return None


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_every_mark_is_where_its_latest_snapshot_says(spec: drawn.Spec, moment: int) -> None:
    svg = ET.fromstring(drawn.svg(at_moment(spec, moment)))
    for pane, one in enumerate((LEFT, RIGHT)):
        latest = max(index for index, step in enumerate(one.steps) if step <= STEPS[moment - 1])
        every = np.concatenate([one.positions.reshape(-1, 2), one.caption_positions.reshape(-1, 2)])
        low, high = np.nanmin(every, axis=0), np.nanmax(every, axis=0)
        span, middle = 1.16 * (high - low).max(), (low + high) / 2
        for number, spoken in enumerate(POINTS["spoken"]):
            place, at = one.positions[latest, number], marks(svg, pane, spoken)
            if np.isnan(place).any():
                assert at is None
                continue
            x, y = (place - middle) / span * SIDE + SIDE / 2
            assert at == pytest.approx((x, SIDE - y), abs=SIDE / UNITS + 0.01)


def test_words_and_values_are_those_of_the_snapshot_shown_and_a_picture_is_sent_once(
    spec: drawn.Spec,
) -> None:
    texts = drawn.texts(at_moment(spec, 3))
    assert [text for text in texts if text.startswith("step ")] == ["step 5", "step 1"]
    assert {"loss 0.24", "loss 0.08", "object 24\u00a0%", "minority 8\u00a0%"} <= set(texts)
    assert len(re.findall('"data:', json.dumps(spec))) == len(POINTS)
    (moment,) = [param for param in spec["params"] if param["name"] == MOMENT]
    assert moment["value"] == len(STEPS), "the film begins at its end"
    ends = moment["bind"]["input"], moment["bind"]["min"], moment["bind"]["max"]
    assert ends == ("range", 1, len(STEPS))


def test_two_models_of_400_pictures_and_24_snapshots_take_little_more_than_their_pictures() -> None:
    many, steps = pictures(50), tuple(range(24))
    both = [track(many, steps, seed, steps) for seed in (1, 2)]
    sent = animation_chart(many, both, steps, palette=LIGHT, grouping=SCENES, side=420).to_json(
        indent=None
    )
    assert len(sent) - many["thumb"].str.len().sum() < 450_000


@pytest.mark.parametrize(
    ("models", "side", "across"), [(1, SIDE, 1), (2, PHONE_SIDE, 1), (2, SIDE, 2)]
)
def test_every_map_has_marks_that_the_hover_knows(models: int, side: int, across: int) -> None:
    """Altair renames views of a concatenation: a name that two maps shared would move one's marks
    to the other."""
    spec = spec_of(*(track(POINTS, STEPS, seed) for seed in range(models)), side=side)
    names = [
        (place, layer["name"])
        for place, pane in enumerate(spec["concat"])
        for layer in pane["layer"]
        if layer.get("name", "").startswith("marks_")
    ]
    assert names == [(place, f"marks_{place}") for place, _ in names]
    assert len(names) == models
    (hover,) = [param for param in spec["params"] if param["name"] == "hov"]
    assert hover["views"] == [name for _, name in names]
    assert spec["columns"] == across
    assert len(spec["concat"]) == models * (1 + len(PANELS))


def test_curves_that_no_model_has_take_no_room_and_one_that_a_model_lacks_stays_empty() -> None:
    bare = [
        dataclasses.replace(one, curves=one.curves[one.curves["panel"] == "loss"])
        for one in (LEFT, RIGHT)
    ]
    assert len(spec_of(*bare)["concat"]) == 4
    texts = drawn.texts(at_moment(spec_of(LEFT, bare[1]), 4))
    assert len([text for text in texts if text.startswith("object ")]) == 1


def test_a_film_without_captions_and_one_collapsed_into_a_point_are_drawn() -> None:
    still = dataclasses.replace(
        LEFT,
        captions=(),
        caption_positions=np.zeros((4, 0, 2)),
        positions=np.full((4, len(POINTS), 2), 0.3),
    )
    svg = ET.fromstring(drawn.svg(at_moment(spec_of(still), 2)))
    assert marks(svg, 0, POINTS["spoken"][0]) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.1)


def test_a_curve_says_every_value_aloud() -> None:
    rows = [("probe", "object", 0, 0.5), ("probe", "object", 20, 0.875)]
    curves = pd.DataFrame(rows, columns=["panel", "series", "step", "value"])
    spec = spec_of(dataclasses.replace(LEFT, curves=curves))
    spoken = {row["spoken"] for row in drawn.rows(spec) if "series" in row}
    assert spoken == {"object 50\u00a0% at step 0", "object 88\u00a0% at step 20"}
