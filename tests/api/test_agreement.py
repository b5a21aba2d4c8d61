"""Agreement of compared models, beside their untrained encoders, for all images and for some."""

from dataclasses import replace

import numpy as np
import pytest

from tests.api.stand_ins import BASE, image_set, publish, space, thumbs
from tests.metrics.spaces import rotation
from vlcore.api import agreement, models
from vlcore.api.agreement import (
    UNTRAINED,
    agreement_table,
    compare_neighbours,
    describe_agreement,
    measure_agreement,
    table_in_words,
)
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.comparison import compare
from vlcore.api.model_map import ComparisonError, ModelMap, model_map
from vlcore.metrics.agreement import shared_neighbours
from vlcore.metrics.estimate import Estimate

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


@pytest.fixture(scope="module")
def compared(maps: list[ModelMap]) -> ComparedMaps:
    return compare_maps(maps, IMAGES, thumbs)


def test_every_pair_and_every_untrained_encoder_is_measured(compared: ComparedMaps) -> None:
    pairs = compare_neighbours(compared)
    names = [(pair.first, pair.second) for pair in pairs]
    assert names == [
        ("first", "second"),
        ("first", "third"),
        ("second", "third"),
        *((name, UNTRAINED) for name in ("first", "second", "third")),
    ]
    rotated, other, *_ = measure_agreement(pairs)
    assert rotated.trained is not None
    assert rotated.trained.estimate == Estimate(1, 1, 1, len(pairs[0].rows))
    assert rotated.untrained is not None
    assert rotated.untrained.value == 1, "one seed, so one encoder before training"
    assert other.untrained is not None
    assert other.untrained.value < 0.9
    first, second, third = compared.models
    assert pairs[0].rows.tolist() == sorted(set(first.rows) & set(second.rows))
    assert pairs[0].count_of_both == len(pairs[0].rows) < len(first.rows)

    rows = pairs[1].rows
    spaces = first.z[first.index(rows)], third.z[third.index(rows)]
    expected = shared_neighbours(*spaces, SCENES[rows])
    assert other.trained == expected.agreement()
    start = third.untrained()
    assert start is not None
    itself = shared_neighbours(
        third.z[third.index(pairs[5].rows)],
        start.z[start.index(pairs[5].rows)],
        SCENES[pairs[5].rows],
    )
    assert measure_agreement(pairs[5:])[0].trained == itself.agreement()

    chosen = IMAGES.rows("test")[::2]
    (some,) = measure_agreement(pairs[1:2], chosen)
    assert some.trained == expected.agreement(np.isin(rows, chosen))


def test_tables_have_what_was_measured(compared: ComparedMaps) -> None:
    pairs = compare_neighbours(compared)
    measured = measure_agreement(pairs)
    table, words = agreement_table(measured), table_in_words(measured)
    for row, text, found in zip(
        table.itertuples(), words.to_dict("records"), measured, strict=True
    ):
        assert found.trained is not None
        estimate = found.trained.estimate
        assert (row.shared, row.low, row.high) == (estimate.value, estimate.low, estimate.high)
        assert (row.p, row.images, row.neighbours) == (found.trained.p, estimate.n, 10)
        assert (row.null_low, row.null_high) == found.trained.null
        assert np.isnan(row.untrained) == (found.untrained is None)
        assert text["Shared neighbours"].startswith(f"{100 * estimate.value:.0f}\u00a0%")
        assert bool(text["Before training"]) == (found.untrained is not None)
    sentences = describe_agreement(measured)
    assert sentences.count("10 nearest") == 3, "pairs of two models only"


def test_images_that_moved_furthest_come_first(compared: ComparedMaps) -> None:
    pair = compare_neighbours(compared)[1]
    assert not isinstance(pair.trained, str)
    moved = pair.furthest(15)
    overlap = dict(zip(pair.rows, pair.trained.overlap, strict=True))
    assert moved["shared"].tolist() == sorted(overlap.values())[:15]
    assert [overlap[row] for row in moved["row"]] == moved["shared"].tolist()
    for _, ranks in moved.groupby("shared")["rank"]:
        assert (np.diff(ranks) <= 0).all()
    left_out = [row for row in overlap if row not in set(moved["row"])]
    last = moved.iloc[-1]
    ranks = pair.furthest(len(overlap)).set_index("row")["rank"]
    assert all(ranks[row] <= last["rank"] for row in left_out if overlap[row] == last["shared"])
    chosen = pair.rows[:7]
    assert set(pair.furthest(20, chosen)["row"]) == set(chosen)
    assert pair.furthest(5, []).empty
    same = compare_neighbours(compared)[0].furthest(3)
    assert (same["shared"] == 1).all()
    assert (same["rank"] == 5.5).all(), "the mean of the first ten ranks"


def test_of_many_images_a_sample_is_compared_and_said(
    compared: ComparedMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "MOST_IMAGES", 40)
    pair, again = compare_neighbours(compared)[0], compare_neighbours(compared)[0]
    assert len(pair.rows) == 40 < pair.count_of_both
    assert pair.rows.tolist() == sorted(set(again.rows.tolist()))
    (measured,) = measure_agreement([pair])
    assert measured.trained is not None
    assert measured.trained.estimate.n == 40
    assert f"a sample of 40 of {pair.count_of_both}" in describe_agreement([measured])


def test_what_cannot_be_compared_has_a_reason(maps: list[ModelMap]) -> None:
    point = replace(maps[0], z=np.ones_like(maps[0].z))
    for model, chosen in ((point, None), (maps[2], [int(maps[0].rows[0])])):
        pairs = compare_neighbours(compare_maps([maps[0], model], IMAGES, thumbs))
        (measured,) = measure_agreement(pairs[:1], chosen)
        assert measured.trained is None
        assert measured.reason
        assert measured.reason in describe_agreement([measured])
        assert agreement_table([measured])["shared"].isna().all()
        assert table_in_words([measured])["Shared neighbours"].tolist() == [measured.reason]
    assert compare_neighbours(compare_maps([point], IMAGES, thumbs))[0].furthest().empty
    few = replace(maps[0].among(maps[0].rows[:11]))
    (pair, *_) = compare_neighbours(compare_maps([few, few], IMAGES, thumbs))
    assert isinstance(pair.trained, str)


def test_a_notebook_asks_for_agreement(
    maps: list[ModelMap], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = replace(IMAGES, about={"pictures": "none"})
    monkeypatch.setattr(models, "open_set", lambda *_: images)
    both = compare(maps[0].artifact.key, maps[2].artifact.key)
    table = both.agreement(neighbours=4)
    assert table[["first", "second"]].to_numpy().tolist() == [
        ["left", "right"],
        ["left", UNTRAINED],
        ["right", UNTRAINED],
    ]
    ids = both.points["id"][::2]
    some = both.agreement(ids)
    assert 0 < some["images"].iat[0] < both.agreement()["images"].iat[0]
    moved = both.moved(count=4)
    assert moved["id"].tolist() == [f"p{row}" for row in moved["row"]]
    assert moved["object"].tolist() == IMAGES.table["object"].iloc[moved["row"]].tolist()
    assert set(both.moved(ids, 3)["id"]) <= set(ids)
    monkeypatch.setattr(ModelMap, "untrained", lambda _: None)
    with pytest.raises(ComparisonError):
        compare(maps[0].artifact.key).moved()


def test_models_from_elsewhere_have_no_untrained_agreement(maps: list[ModelMap]) -> None:
    artifact = publish(IMAGES, BEGUN.replace(init_seed=149), before=False)
    other = model_map(artifact)
    pairs = compare_neighbours(compare_maps([maps[0], other], IMAGES, thumbs))
    assert [pair.second for pair in pairs] == ["right", UNTRAINED]
    (measured, _) = measure_agreement(pairs)
    assert measured.untrained is None
    assert "before training" not in describe_agreement([measured])
