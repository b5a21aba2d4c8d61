"""Shared neighbours of two models, beside their untrained encoders."""

from dataclasses import replace

import numpy as np
import pytest

from tests.api.stand_ins import BASE, image_set, publish, space
from tests.metrics.spaces import rotation
from vlcore.api import agreement
from vlcore.api.agreement import NeighbourAgreement, compare_neighbours
from vlcore.api.compared_maps import compare_maps
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.metrics.agreement import shared_neighbours

IMAGES = image_set()
SCENES = IMAGES.table["scene"].to_numpy(str)
BEGUN = BASE.replace(data_seed=140, init_seed=140)


@pytest.fixture(scope="module")
def maps(home: object) -> list[ModelMap]:
    """A model, the same space rotated, of fewer images, and another one."""
    first = space(IMAGES, 140)
    return [
        model_map(publish(IMAGES, BEGUN, first)),
        model_map(publish(IMAGES, BEGUN.replace(bias=0.5), first @ rotation(first.shape[1], 1))),
        model_map(publish(IMAGES, BEGUN.replace(init_seed=141))),
    ]


def compared(*models: ModelMap) -> NeighbourAgreement:
    return compare_neighbours(compare_maps(models, IMAGES))


def test_two_spaces_share_what_the_metric_says(maps: list[ModelMap]) -> None:
    rotated, both = (compared(maps[0], maps[number]) for number in (1, 2))
    assert rotated.rows.tolist() == sorted(set(maps[0].rows) & set(maps[1].rows))
    assert rotated.untrained is not None
    assert rotated.untrained.mean_overlap().value == 1, "one seed, so one encoder before training"
    spaces = [model.z[model.index(both.rows)] for model in (maps[0], maps[2])]
    expected = shared_neighbours(*spaces, SCENES[both.rows])
    assert both.share == expected.mean_overlap()
    assert both.untrained is not None
    assert both.untrained.mean_overlap().value < 0.9


def test_images_whose_neighbours_changed_most_come_first(maps: list[ModelMap]) -> None:
    both = compared(maps[0], maps[2])
    moved = both.furthest(15)
    overlap = dict(zip(both.rows, both.trained.overlap, strict=True))
    assert moved["shared"].tolist() == sorted(overlap.values())[:15]
    assert [overlap[row] for row in moved["row"]] == moved["shared"].tolist()
    assert moved["id"].tolist() == [f"p{row}" for row in moved["row"]]
    assert moved["object"].tolist() == IMAGES.table["object"].iloc[moved["row"]].tolist()
    for _, ranks in moved.groupby("shared")["rank"]:
        assert (np.diff(ranks) <= 0).all()
    last = moved.iloc[-1]
    ranks = both.furthest(len(overlap)).set_index("row")["rank"]
    left_out = set(overlap) - set(moved["row"])
    assert all(ranks[row] <= last["rank"] for row in left_out if overlap[row] == last["shared"])


def test_of_many_images_a_sample_is_compared(
    maps: list[ModelMap], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "MOST_IMAGES", 40)
    both, again = compared(*maps[:2]), compared(*maps[:2])
    assert len(both.rows) == both.share.n == 40
    assert both.rows.tolist() == again.rows.tolist()


def test_what_cannot_be_compared_is_said(maps: list[ModelMap]) -> None:
    point = replace(maps[0], z=np.ones_like(maps[0].z))
    few = maps[0].among(maps[0].rows[:11])
    for models in ((maps[0], point), (few, few), (maps[0],)):
        with pytest.raises(ComparisonError):
            compared(*models)


def test_models_from_elsewhere_have_no_untrained_encoder(maps: list[ModelMap]) -> None:
    artifact = publish(IMAGES, BEGUN.replace(init_seed=149), before=False)
    both = compared(maps[0], model_map(artifact))
    assert both.untrained is None
