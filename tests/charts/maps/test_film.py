"""The training film: one slider, pictures sent once, and every mark where its snapshot says."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from tests.charts.maps.tracks import STEPS, pictures, track
from vlcore.charts.maps.film import PANELS, UNITS, ModelTrack, curve_panel, film_chart
from vlcore.charts.maps.panes import MOMENT
from vlcore.charts.theme import DARK, LIGHT, PHONE_SIDE
from vlcore.core.grouping import SCENES

SIDE = 300


@pytest.fixture(scope="module")
def points() -> pd.DataFrame:
    return pictures()


@pytest.fixture(scope="module")
def tracks(points: pd.DataFrame) -> list[ModelTrack]:
    """Two models; the second one lacks a snapshot at step 5, and one picture."""
    left, right = track(points, (0, 1, 5, 20), 1), track(points, (0, 1, 20), 2)
    right.places[:, 3] = np.nan
    return [left, right]


def spec_of(points: pd.DataFrame, tracks: list[ModelTrack], **options: Any) -> dict[str, Any]:
    chart = film_chart(points, tracks, STEPS, palette=LIGHT, grouping=SCENES, side=SIDE, **options)
    spec: dict[str, Any] = chart.to_dict()
    return spec


@pytest.fixture(scope="module")
def spec(points: pd.DataFrame, tracks: list[ModelTrack]) -> dict[str, Any]:
    return spec_of(points, tracks)


def at_moment(spec: drawn.Spec, moment: int) -> drawn.Spec:
    params = [{**param, "value": moment} if param["name"] == MOMENT else param for param in spec["params"]]
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
def test_every_mark_is_where_its_latest_snapshot_says(
    points: pd.DataFrame, tracks: list[ModelTrack], spec: dict[str, Any], moment: int
) -> None:
    svg = ET.fromstring(drawn.svg(at_moment(spec, moment)))
    for pane, one in enumerate(tracks):
        latest = max(index for index, step in enumerate(one.steps) if step <= STEPS[moment - 1])
        every = np.concatenate([one.places.reshape(-1, 2), one.caption_places.reshape(-1, 2)])
        low, high = np.nanmin(every, axis=0), np.nanmax(every, axis=0)
        span, middle = 1.16 * (high - low).max(), (low + high) / 2
        for number, spoken in enumerate(points["spoken"]):
            place, at = one.places[latest, number], marks(svg, pane, spoken)
            if np.isnan(place).any():
                assert at is None
                continue
            x, y = (place - middle) / span * SIDE + SIDE / 2
            assert at == pytest.approx((x, SIDE - y), abs=SIDE / UNITS + 0.01)


def test_the_line_over_a_map_names_its_own_snapshot(spec: dict[str, Any]) -> None:
    assert [text for text in drawn.texts(at_moment(spec, 3)) if text.startswith("step ")] == ["step 5", "step 1"]


def test_the_values_beside_the_curves_are_those_of_the_snapshot_shown(spec: dict[str, Any]) -> None:
    texts = drawn.texts(at_moment(spec, 3))
    assert {"loss 0.24", "loss 0.08", "object 24\u00a0%", "minority 8\u00a0%"} <= set(texts)


def test_each_picture_is_sent_once(points: pd.DataFrame, spec: dict[str, Any]) -> None:
    sent = json.dumps(spec)
    assert all(sent.count(thumb) == 1 for thumb in points["thumb"])


def test_two_models_of_400_pictures_and_24_snapshots_take_little_more_than_their_pictures() -> None:
    many, steps = pictures(100), tuple(range(24))
    both = [track(many, steps, seed, steps) for seed in (1, 2)]
    sent = film_chart(many, both, steps, palette=LIGHT, grouping=SCENES).to_json(indent=None)
    assert len(sent) - many["thumb"].str.len().sum() < 450_000


def test_one_slider_begins_at_the_end_and_one_hover_is_over_all_maps(spec: dict[str, Any]) -> None:
    params = {param["name"]: param for param in spec["params"]}
    assert params[MOMENT]["value"] == len(STEPS)
    assert params[MOMENT]["bind"] == {"input": "range", "min": 1, "max": len(STEPS), "step": 1, "name": "Moment "}
    assert params["hov"]["views"] == ["marks_0", "marks_1"]


@pytest.mark.parametrize("models", [1, 3, 4])
def test_every_map_has_marks_that_the_hover_knows(points: pd.DataFrame, models: int) -> None:
    """Altair renames views of a concatenation: a name that two maps shared would move one's marks to the other."""
    spec = spec_of(points, [track(points, STEPS, seed) for seed in range(models)])
    names = [layer.get("name", "") for pane in spec["concat"] for layer in pane["layer"]]
    found = [name for name in names if name.startswith("marks_")]
    assert len(set(found)) == len(found) == models
    assert next(p for p in spec["params"] if p["name"] == "hov")["views"] == found
    assert spec["columns"] == min(2, models)
    filled = models if models != 3 else 4  # where none stands beside the third, nothing does
    assert len(spec["concat"]) == filled * (1 + len(PANELS))
    for place, pane in enumerate(spec["concat"]):
        assert {layer.get("name") for layer in pane["layer"]} & set(found) <= {f"marks_{place}"}


def test_on_a_phone_maps_stand_below_each_other(points: pd.DataFrame) -> None:
    tracks = [track(points, STEPS, seed) for seed in range(2)]
    chart = film_chart(points, tracks, STEPS, palette=LIGHT, grouping=SCENES, side=PHONE_SIDE)
    assert chart.to_dict()["columns"] == 1


def test_curves_that_no_model_has_take_no_room(points: pd.DataFrame, tracks: list[ModelTrack]) -> None:
    bare = [dataclasses.replace(one, curves=one.curves[one.curves["panel"] == "loss"]) for one in tracks]
    assert len(spec_of(points, bare)["concat"]) == 4


def test_a_model_without_a_curve_beside_one_with_it_leaves_its_panel_empty(
    points: pd.DataFrame, tracks: list[ModelTrack]
) -> None:
    bare = dataclasses.replace(tracks[1], curves=tracks[1].curves[tracks[1].curves["panel"] == "loss"])
    texts = drawn.texts(at_moment(spec_of(points, [tracks[0], bare]), 4))
    assert len([text for text in texts if text.startswith("object ")]) == 1


def test_a_film_without_captions_and_one_collapsed_into_a_point_are_drawn(points: pd.DataFrame) -> None:
    alone = track(points, STEPS, 1)
    alone = dataclasses.replace(
        alone, captions=(), caption_places=np.zeros((4, 0, 2)), places=np.full((4, len(points), 2), 0.3)
    )
    svg = ET.fromstring(drawn.svg(at_moment(spec_of(points, [alone]), 2)))
    assert marks(svg, 0, points["spoken"][0]) == pytest.approx((SIDE / 2, SIDE / 2), abs=0.1)


def test_what_the_film_says_is_its_description(
    points: pd.DataFrame, tracks: list[ModelTrack], spec: dict[str, Any]
) -> None:
    assert spec_of(points, tracks, spoken="two trainings") == {**spec, "description": "two trainings"}
    assert "description" not in spec  # a page says it beside the chart


def test_the_film_has_the_colours_asked_for(points: pd.DataFrame, tracks: list[ModelTrack]) -> None:
    dark = film_chart(points, tracks, STEPS, palette=DARK, grouping=SCENES).to_json()
    assert DARK.groups[0] in dark
    assert LIGHT.groups[0] not in dark


Spoil = Callable[[pd.DataFrame, list[ModelTrack]], tuple[pd.DataFrame, list[ModelTrack]]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p, r: (p, []), "a model and a moment"),
        (lambda p, r: (p.drop(columns="predicted_1"), r), "predicted_1"),
        (lambda p, r: (p.assign(thumb="javascript:alert(1)"), r), "picture 0"),
        (lambda p, r: (p.assign(id="one"), r), "every id must occur once"),
        (lambda p, r: (p.assign(group="cow_sea"), r), "unknown group cow_sea"),
        (lambda p, r: (p.assign(kind="probe"), r), "unknown kind probe"),
        (lambda p, r: (p.iloc[1:], r), "does not fit 7 pictures"),
        (lambda p, r: (p, [dataclasses.replace(r[0], said=("one",))]), "does not fit"),
        (lambda p, r: (p, [dataclasses.replace(r[0], shows=(0, 1, 2, 4))]), "a snapshot that it does not have"),
        (lambda p, r: (p, [dataclasses.replace(r[0], shows=(0, 1))]), "and 4 moments"),
        (lambda p, r: (p, [dataclasses.replace(r[0], curves=r[0].curves.assign(panel="lr"))]), "unknown panel lr"),
    ],
)
def test_a_film_with_a_hole_is_refused(
    points: pd.DataFrame, tracks: list[ModelTrack], spoil: Spoil, message: str
) -> None:
    points, tracks = spoil(points, tracks)
    with pytest.raises(ValueError, match=message):
        film_chart(points, tracks, STEPS, palette=LIGHT, grouping=SCENES)


def test_a_curve_says_every_value_aloud() -> None:
    curves = pd.DataFrame({"series": ["object"] * 2, "step": [0, 20], "value": [0.5, 0.875]})
    panel = curve_panel("probe", curves, STEPS, STEPS, palette=LIGHT, side=300, high=1.0, lowest=True).to_dict()
    assert {row["spoken"] for rows in panel["datasets"].values() for row in rows if "spoken" in row} == {
        "object 50\u00a0% at step 0",
        "object 88\u00a0% at step 20",
    }
