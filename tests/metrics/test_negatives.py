"""Tables of mismatched captions, against counting."""

import numpy as np
import pytest

from vlcore.experiment.captions import captions_of
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import NEGATIVES
from vlcore.metrics.negatives import negative_shares

TABLES = [name for name, one in NEGATIVES.items() if not one.named and name != "shuffle_unfiltered"]
COUNTS = [[48, 48], [48, 12, 48, 12], [48, 0, 48, 0], [3, 1, 2], [1, 1, 1, 1, 1]]


@pytest.mark.parametrize("counts", [*COUNTS, [7, 0], [0, 0, 5], [9]])
def test_negatives_are_the_other_captions_by_frequency(counts: list[int]) -> None:
    table = []
    for own in range(len(counts)):
        others = sum(count for k, count in enumerate(counts) if k != own)
        table.append(
            [0.0 if k == own or others == 0 else counts[k] / others for k in range(len(counts))]
        )
    assert negative_shares("filtered_marginal", np.array(counts)) == pytest.approx(np.array(table))


@pytest.mark.parametrize("counts", COUNTS)
def test_rows_sum_to_one_or_to_nothing(counts: list[int]) -> None:
    for negatives in TABLES:
        weights = negative_shares(negatives, np.array(counts))
        assert weights.shape == (len(counts), len(counts))
        assert weights.sum(axis=1).tolist() == pytest.approx(
            [0.0 if negatives == "none" else 1.0] * len(counts)
        )
    uniform = negative_shares("filtered_uniform", np.array([40, 1, 0, 3]))
    product = negative_shares("shuffle_unfiltered", np.array(counts))
    assert product == pytest.approx(np.tile(np.array(counts) / sum(counts), (len(counts), 1)))
    third = pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])
    assert uniform.tolist() == [[0, 0.5, 0, 0.5], [0.5, 0, 0, 0.5], third, [0.5, 0.5, 0, 0]]


def test_counterfactual_negatives_differ_in_one_factor() -> None:
    said = captions_of("descriptive", SCENES)
    weights = negative_shares("counterfactual", np.array([48, 0, 48, 0]), said)
    for own, row in zip(said, weights.tolist(), strict=True):
        for other, weight in zip(said, row, strict=True):
            differ = (own.object != other.object) + (own.context != other.context)
            assert weight == (0.5 if differ == 1 else 0)
    table = negative_shares("counterfactual", np.ones(20), captions_of("paraphrase_5", SCENES))
    assert (table > 0).sum(axis=1).tolist() == [10] * 20


@pytest.mark.parametrize("labels", ["undescriptive", "descriptive", "sky"])
def test_only_the_object_is_told_apart_from_captions_of_other_objects(labels: str) -> None:
    said = captions_of(labels, SCENES)
    counts = np.arange(1, len(said) + 1)
    weights = negative_shares("other_object", counts, said)
    for own, row in zip(said, weights.tolist(), strict=True):
        others = {k for k, other in enumerate(said) if other.object != own.object}
        total = sum(int(counts[k]) for k in others)
        expected = [counts[k] / total if k in others else 0.0 for k in range(len(said))]
        assert row == pytest.approx(expected)
    if labels == "undescriptive":  # as by default: there are no other captions
        usual = negative_shares("filtered_marginal", counts, said)
        assert weights == pytest.approx(usual)


@pytest.mark.parametrize("labels", ["undescriptive", "descriptive", "sky"])
def test_what_the_own_object_weighed_goes_to_no_other_caption(labels: str) -> None:
    said = captions_of(labels, SCENES)
    counts = np.arange(1, len(said) + 1)
    usual = negative_shares("filtered_marginal", counts, said)
    weights = negative_shares("own_object_left_out", counts, said)
    for number, own in enumerate(said):
        for k, other in enumerate(said):
            expected = usual[number, k] if other.object != own.object else 0
            assert weights[number, k] == expected
    assert (weights.sum(axis=1) < 1).all() == (labels != "undescriptive")


@pytest.mark.parametrize("percent", [25, 50, 100])
def test_the_same_place_has_a_fixed_share_of_the_mismatched_captions(percent: int) -> None:
    said, counts = captions_of("descriptive", SCENES), np.array([48, 12, 48, 12])
    weights = negative_shares(f"same_place_{percent}", counts, said)
    for own, row in zip(said, weights.tolist(), strict=True):
        near = [one.context == own.context and one != own for one in said]
        assert sum(
            weight for weight, is_near in zip(row, near, strict=True) if is_near
        ) == pytest.approx(percent / 100)
        assert sum(row) == pytest.approx(1)
        (mine,) = (weight for one, weight in zip(said, row, strict=True) if one == own)
        assert mine == 0
    # Without pictures of the rare groups no caption of a place has another animal.
    alone = negative_shares(f"same_place_{percent}", counts * np.array([1, 0, 1, 0]), said)
    rest = 1 - percent / 100
    assert alone[[0, 2]].sum(axis=1).tolist() == pytest.approx([1.0, 1.0] if rest else [0.0, 0.0])
