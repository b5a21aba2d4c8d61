"""What colours can stand for: factors of scenes, columns of a user's table, numbers of models."""

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.api.stand_ins import image_set
from vlcore.api.colourings import choices, coloured, scene_columns, user_columns
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.map_component import colours, drawing
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import SCENES
from vlcore.plots.options import MapOptions, MapOptionsError
from vlcore.plots.theme import LIGHT

COUNT = len(image_set().table)
FORMULA = '=HYPERLINK("http://x")'


def with_columns(columns: dict[str, Any], **about: Any) -> ImageSet:
    """The stand-in set with columns of a user."""
    images = image_set()
    stored = {f"user:{name}": pd.Series(values).astype(str) for name, values in columns.items()}
    return dataclasses.replace(
        images, table=images.table.assign(**stored), about={"pictures": "none", **about}
    )


KINDS = [f"kind {number % 17}" for number in range(COUNT)]
IMAGES = with_columns(
    {
        "tag": [FORMULA if number % 3 else "" for number in range(COUNT)],
        "kind": KINDS,
        "sharpness": np.linspace(-1, 1, COUNT).round(4),
        "margin": ["high" if number % 2 else "low" for number in range(COUNT)],
        "serial": np.arange(COUNT) + 5000,
        "file": [f"{number}.jpg" for number in range(COUNT)],
        "taken": pd.date_range("2024-03-01", periods=COUNT, freq="h").map(str),
        "site": ["here"] * COUNT,
        "empty": [""] * COUNT,
    }
)


@pytest.fixture(scope="module")
def maps(models: list[ModelMap]) -> ComparedMaps:
    return compare_maps(models, IMAGES)


def values_of(maps: ComparedMaps, name: str, pane: int = 0) -> pd.Series:
    choice = choices(maps.images, maps.models)[name]
    assert choice.values is not None
    return choice.values(maps, pane)


def test_columns_that_tell_images_apart_are_offered_under_their_heading(
    models: list[ModelMap],
) -> None:
    offered = choices(IMAGES, models)
    yours = [name for name, choice in offered.items() if choice.heading == "Yours"]
    # Neither numbers nor names of rows, nor what is the same for all.
    assert yours == ["tag", "kind", "sharpness", "margin (yours)", "taken"]
    assert list(offered)[:6] == [
        "group",
        "object",
        "context",
        "split",
        "prediction",
        "correct or wrong",
    ]
    assert user_columns(IMAGES)["sharpness"].dtype == float
    assert "which is correct" not in choices(IMAGES, models[:1])
    assert len({choice.label for choice in offered.values()}) == len(offered)


def test_factors_of_drawn_scenes_are_offered_but_for_seeds(models: list[ModelMap]) -> None:
    images = image_set()
    rng = np.random.default_rng(0)
    factors = [
        {"object": "horse", "context": "grass", "sky": sky, "size": size, "fur_seed": seed}
        for sky, size, seed in zip(
            rng.choice(["clear", "dusk"], COUNT),
            rng.random(COUNT).tolist(),
            range(COUNT),
            strict=True,
        )
    ]
    table = images.table.assign(factors=[json.dumps(row) for row in factors])
    drawn = dataclasses.replace(images, table=table)
    assert list(scene_columns(drawn)) == ["sky", "size"]
    maps = coloured(compare_maps(models, drawn), MapOptions(colour_by="sky"))
    assert maps.colouring.title == "Scene: sky"
    skies = [factors[row]["sky"] for row in maps.rows]
    assert maps.points["value_by_sky"].tolist() == skies


def test_numbers_of_models_agree_with_their_predictions(maps: ComparedMaps) -> None:
    for pane, model in enumerate(maps.models):
        is_there = maps.points[f"x{pane}"].notna()
        margin = values_of(maps, "margin", pane)
        assert (margin.notna() == is_there).all()
        is_right = maps.points[f"right_{pane}"] == "right"
        assert ((margin > 0) == is_right)[is_there].all()
        score = values_of(maps, "score", pane)[is_there]
        assert score.to_numpy() == pytest.approx(1 / (1 + np.exp(-margin[is_there].abs())))
        doubt = values_of(maps, "uncertainty", pane)[is_there]
        assert doubt.between(0, 1).all()
        assert (doubt.rank() + score.rank() == is_there.sum() + 1).all(), "surer, less doubt"
        distance = values_of(maps, "caption distance", pane)
        row = maps.rows[np.flatnonzero(is_there)[0]]
        caption = model.captions.index(maps.points[f"caption_{pane}"][is_there].iloc[0])
        (index,) = model.index([row])
        cosine = model.z[index] @ model.caption_z[caption]
        assert distance[is_there].iloc[0] == pytest.approx(1 - cosine, abs=1e-5)
        # Imported captions may have the same words twice.
        twice = dataclasses.replace(
            model,
            captions=(*model.captions, *model.captions),
            caption_z=np.concatenate([model.caption_z, -model.caption_z]),
        )
        models = tuple(twice if other is model else other for other in maps.models)
        again = values_of(dataclasses.replace(maps, models=models), "caption distance", pane)
        pd.testing.assert_series_equal(again, distance)


def test_which_model_is_right_is_of_images_that_all_models_show(maps: ComparedMaps) -> None:
    which = values_of(maps, "which is correct")
    words = {
        ("right", "right"): "all of them",
        ("right", "wrong"): "Model A only",
        ("wrong", "right"): "Model B only",
        ("wrong", "wrong"): "none of them",
    }
    outcomes = zip(maps.points["right_0"], maps.points["right_1"], strict=True)
    assert which.tolist() == [words.get(pair, "") for pair in outcomes]
    assert len(set(which)) >= 3


@pytest.mark.parametrize(
    "name", ["tag", "kind", "sharpness", "margin", "taken", "caption distance", "which is correct"]
)
def test_codes_and_legend_are_of_one_table(maps: ComparedMaps, name: str) -> None:
    options = MapOptions(colour_by=name)
    sent, codes = drawing(maps, LIGHT, 300, options), colours(maps, options)
    painted = coloured(maps, options)
    entries = painted.colouring.entries(LIGHT, SCENES)
    assert sent["legendTitle"] == painted.colouring.title
    in_legend = [(entry["words"], entry["colour"]) for entry in sent["legend"]]
    assert in_legend[: len(entries)] == [(entry.words, entry.colour) for entry in entries]
    names = [entry.name for entry in entries]
    for pane, column in enumerate(sent["colourColumns"]):
        is_there = painted.points[f"x{pane}"].notna()
        of_images = painted.points.loc[is_there, column]
        assert [names[code] for code in codes[column][is_there]] == of_images.tolist()


def test_colours_do_not_depend_on_filters_and_change_nothing_else(maps: ComparedMaps) -> None:
    options = MapOptions(colour_by="kind", groups=("horse_grass",))
    filtered = coloured(maps, options)
    unfiltered = coloured(maps, options.replace(groups=()))
    pd.testing.assert_frame_equal(filtered.points, unfiltered.points)
    pd.testing.assert_frame_equal(filtered.points[list(maps.points)], maps.points)
    assert coloured(filtered, options) is filtered
    back = coloured(filtered, MapOptions())
    assert back.colouring == maps.colouring


def test_an_unknown_column_is_one_sentence_that_names_those_there_are(maps: ComparedMaps) -> None:
    with pytest.raises(MapOptionsError, match=r"'colour'.*group.*margin.*sharpness"):
        coloured(maps, MapOptions(colour_by="colour"))
    assert coloured(maps, MapOptions(colour_by="correct-or-wrong")).colouring.column == "right"
