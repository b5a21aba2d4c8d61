"""What the component draws of a comparison, and the sample of large maps in files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.api.stand_ins import BASE, image_set, pictured, publish
from vlcore.api import compared_maps, map_component
from vlcore.api.compared_maps import ComparedMaps, compare_maps, drawn_sample
from vlcore.api.model_map import model_map
from vlcore.api.overlays import NEIGHBOURS, with_trust, with_untrained_positions
from vlcore.experiment.grouping import SCENES
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT
from vlcore.plots.thumbnails import SAFE_URI

IMAGES = image_set()
MOST = 60


@pytest.fixture
def comparison(pair: ComparedMaps, monkeypatch: pytest.MonkeyPatch) -> Iterator[ComparedMaps]:
    """A comparison that is large here."""
    monkeypatch.setattr(compared_maps, "MOST_MARKS", MOST)
    pair.__dict__.pop("is_large", None)
    yield pair
    pair.__dict__.pop("is_large", None)


def test_columns_of_a_users_images_have_their_files(pair: ComparedMaps) -> None:
    files = [f"days/{row}.jpg" for row in range(len(IMAGES.table))]
    of_user = replace(pair, images=replace(IMAGES, table=IMAGES.table.assign(source=files)))
    columns = map_component.columns(of_user)
    assert list(columns["file"]) == [files[row] for row in pair.rows]
    assert "file" not in map_component.columns(pair)


def test_arrows_lead_between_groups_that_are_drawn(pair: ComparedMaps) -> None:
    groups = SCENES.names
    kinds = {"horse_grass camel_grass": LIGHT.text}
    every = {
        "horse_grass horse_desert": LIGHT.text,
        "camel_desert camel_grass": LIGHT.text,
        "horse_grass camel_grass": LIGHT.accent,
        "horse_desert camel_desert": LIGHT.accent,
    }
    for chosen, expected in (((), every), (("horse_grass", "camel_grass"), kinds)):
        options = MapOptions(twins=True, groups=chosen)
        arrows = map_component.drawing(pair, LIGHT, 300, options)["arrows"]
        named = {f"{groups[each['from']]} {groups[each['to']]}": each["colour"] for each in arrows}
        assert named == expected
    assert map_component.drawing(pair, LIGHT, 300)["arrows"] == []


def test_a_legend_names_no_overlay_of_nothing(pair: ComparedMaps) -> None:
    base = BASE.replace(data_seed=93, init_seed=94)
    alone = compare_maps([model_map(publish(IMAGES, base, before=False))], IMAGES)
    options = MapOptions(untrained=True)
    for maps, names in ((pair, {"untrained"}), (alone, set())):
        drawing = map_component.drawing(maps, LIGHT, 300, options)
        legend = {entry["name"] for entry in drawing["legend"]}
        assert legend & {"untrained"} == set(drawing["overlays"]) == names
        assert ("gx0" in map_component.columns(maps, options)) == ("untrained" in names)


def test_lines_lead_from_the_clicked_image_to_its_neighbours(comparison: ComparedMaps) -> None:
    point = comparison.points.query("kind == 'test'").iloc[0]
    options = MapOptions(neighbours=True, twins=True)
    lines = map_component.lines_of_image(comparison, options, point["id"])
    json.dumps(lines)
    for pane, model in enumerate(comparison.models):
        of_map = [line for line in lines if line["pane"] == pane]
        assert len(of_map) == NEIGHBOURS
        for line in of_map:
            assert [line["x"], line["y"]] == pytest.approx(
                [point[f"x{pane}"], point[f"y{pane}"]], abs=1e-4
            )
            ends = np.isclose(model.points, [line["x2"], line["y2"]]).all(axis=1)
            assert ends.any()
    assert map_component.lines_of_image(comparison, PLAIN, point["id"]) == []
    held_out = MapOptions(neighbours=True, split="held out")
    lines = map_component.lines_of_image(comparison, held_out, point["id"])
    assert 0 < len(lines) < NEIGHBOURS * len(comparison.models)
    for line in lines:
        model = comparison.models[line["pane"]]
        (end,) = np.flatnonzero(np.isclose(model.points, [line["x2"], line["y2"]]).all(axis=1))
        assert end < model.n_held_out
    training = MapOptions(neighbours=True, split="training")
    assert map_component.lines_of_image(comparison, training, point["id"]) == []
    assert map_component.lines_of_image(comparison, options, "nobody") == []


def test_columns_of_few_images_name_the_neighbours_of_each(pair: ComparedMaps) -> None:
    options = MapOptions(neighbours=True, trust=True)
    columns = map_component.columns(pair, options)
    points = pair.points
    rows = pair.rows
    for pane, model in enumerate(pair.models):
        near = np.stack([columns[f"near{pane}_{rank}"] for rank in range(NEIGHBOURS)], axis=1)
        is_absent = points[f"x{pane}"].isna().to_numpy()
        assert (near[is_absent] == -1).all()
        for position in np.flatnonzero(~is_absent):
            z = model.z[model.index([rows[position]])[0]]
            nearest = [row for row, _ in model.neighbours(z, NEIGHBOURS, rows[position])]
            assert rows[near[position]].tolist() == nearest
    assert np.isfinite(columns["trust0"]).any()
    point = points.query("kind == 'test'").iloc[0]
    assert not map_component.lines_of_image(pair, options, point["id"])


def test_images_that_stand_for_their_marks_are_one_image(
    pair: ComparedMaps, tmp_path: Path
) -> None:
    shown = replace(pair, images=replace(pictured(tmp_path), name="pictured"))
    assert map_component.sheet(shown, PLAIN) is None
    sheet = map_component.sheet(shown, PLAIN.replace(images=True))
    assert sheet
    assert SAFE_URI.match(sheet["uri"])


def test_large_maps_have_neither_neighbours_nor_images_in_columns(comparison: ComparedMaps) -> None:
    options = MapOptions(neighbours=True, trust=True, images=True)
    columns = map_component.columns(comparison, options)
    assert not [name for name in columns if name.startswith(("near", "trust"))]
    assert map_component.sheet(comparison, options) is None


def test_a_file_has_a_sample_of_large_maps_and_says_so(comparison: ComparedMaps) -> None:
    total = len(comparison.points)
    assert comparison.is_large
    sample = drawn_sample(comparison)
    assert len(sample.points) == MOST // 2 < total
    assert set(sample.points["id"]) < set(comparison.points["id"])
    assert all(f"{MOST // 2} of {total}" in info.subtitle for info in sample.infos)
    for pane, model in enumerate(sample.models):
        there = sample.points[sample.points[f"x{pane}"].notna()]
        assert set(model.rows) == set(there["id"].str[1:].astype(int))
        held_out = there[there["kind"] == "test"]["id"].str[1:].astype(int)
        assert set(model.rows[: model.n_held_out]) <= set(held_out)
        index = comparison.models[pane].index(model.rows)
        np.testing.assert_array_equal(model.z, comparison.models[pane].z[index])
    again = drawn_sample(comparison)
    assert again.points["id"].tolist() == sample.points["id"].tolist(), "the same each time"


def test_trust_is_among_a_sample_and_the_baseline_is_of_all(comparison: ComparedMaps) -> None:
    options = MapOptions(trust=True, untrained=True)
    sample = map_component.in_file(comparison, options)
    columns = map_component.columns(sample, options)
    assert len(columns["trust0"]) == MOST // 2
    among = with_trust(sample).points["trust0"].to_numpy(np.float32)
    np.testing.assert_array_equal(columns["trust0"], among)
    before = with_untrained_positions(comparison).points.set_index("id")
    for name in ("gx0", "gy0", "gx1", "gy1"):
        expected = before.loc[sample.points["id"], name].to_numpy(np.float32)
        np.testing.assert_array_equal(columns[name], expected)


def test_a_file_has_all_that_the_component_needs(pair: ComparedMaps, tmp_path: Path) -> None:
    shown = replace(pair, images=replace(pictured(tmp_path), name="inline"))
    options = MapOptions(colour_by="prediction")
    data = json.loads(json.dumps(map_component.inline(shown, LIGHT, 300, options, "In words.")))
    assert (data["thumbs"], data["alt"]) == ("", "In words.")
    assert data["table"]["count"] == data["colourTable"]["count"] == len(pair.points)
    assert SAFE_URI.match(data["table"]["sheet"]["uri"])
    columns = {**data["table"]["columns"], **data["colourTable"]["columns"]}
    assert set(data["colourColumns"]) <= set(columns)
    assert map_component.inline(shown, LIGHT, 300)["colourTable"] is None
