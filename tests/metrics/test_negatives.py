"""Tables of mismatched captions, against counting."""

import numpy as np
import pytest

from vlcore.experiment.options import NEGATIVES
from vlcore.metrics.negatives import negative_shares

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
    for negatives in NEGATIVES:
        weights = negative_shares(negatives, np.array(counts))
        assert weights.shape == (len(counts), len(counts))
        assert weights.sum(axis=1).tolist() == pytest.approx(
            [0.0 if negatives == "none" else 1.0] * len(counts)
        )
