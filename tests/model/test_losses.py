"""Losses against their formula, term by term."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.metrics.test_negatives import COUNTS
from vlcore.experiment.options import MITIGATIONS, NEGATIVES
from vlcore.metrics.negatives import negative_shares
from vlcore.model import losses as formulas
from vlcore.model.losses import GroupDRO, batch_loss, nt_xent, pairwise_bce, weigh_by

GROUPS = torch.tensor([0] * 8 + [1] * 2 + [2] * 8 + [3] * 2)
Rows = list[list[float]]


def batch(images: int = 12, captions: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, captions, generator=random, dtype=torch.float64) * 3
    return logits, torch.randint(captions, (images,), generator=random)


@pytest.mark.parametrize("mitigation", ["none", "reweight", "resample", "groupdro"])
def test_captions_are_counted_as_often_as_their_images_count(mitigation: str) -> None:
    own = np.repeat([0, 1, 2, 3], COUNTS[1])
    found = formulas.caption_counts(own, 4, mitigation, own.astype(str))
    shares = [48, 12, 48, 12] if mitigation == "none" else [1, 1, 1, 1]
    assert found / found.sum() == pytest.approx(np.array(shares) / sum(shares))


@given(
    st.integers(1, 12),
    st.sampled_from(COUNTS),
    st.sampled_from(list(NEGATIVES)),
    st.integers(0, 10**6),
)
def test_the_pairwise_loss_against_the_formula(
    images: int, counts: list[int], negatives: str, seed: int
) -> None:
    logits, own = batch(images, len(counts), seed)
    weights = torch.from_numpy(negative_shares(negatives, np.array(counts)))
    expected = []
    for row, mine in zip(logits.tolist(), own.tolist(), strict=True):
        probability = [1 / (1 + math.exp(-logit)) for logit in row]
        mismatched = sum(
            q * -math.log(1 - p) for q, p in zip(weights[mine].tolist(), probability, strict=True)
        )
        expected.append((mismatched - math.log(probability[mine])) / 2)
    assert pairwise_bce(logits, own, weights[own]).tolist() == pytest.approx(expected, rel=1e-5)


def slow_infonce(logits: Rows, own: list[int]) -> list[float]:
    count, losses = len(own), []
    for i in range(count):
        right = [j for j in range(count) if own[j] == own[i]]
        row = [math.exp(logits[i][own[j]]) for j in range(count)]
        column = [math.exp(logits[j][own[i]]) for j in range(count)]
        shares = [sum(side[j] for j in right) / sum(side) for side in (row, column)]
        losses.append(-(math.log(shares[0]) + math.log(shares[1])) / 2)
    return losses


def slow_siglip(logits: Rows, own: list[int]) -> list[float]:
    signs = [[1 if mine == other else -1 for other in own] for mine in own]
    pairs = [
        [math.log1p(math.exp(-y * row[k])) for y, k in zip(sign, own, strict=True)]
        for sign, row in zip(signs, logits, strict=True)
    ]
    return [sum(terms) / len(terms) for terms in pairs]


def slow_cross_entropy(logits: Rows, own: list[int]) -> list[float]:
    return [
        -math.log(math.exp(row[k]) / sum(map(math.exp, row)))
        for row, k in zip(logits, own, strict=True)
    ]


LOOPS: dict[str, Callable[[Rows, list[int]], list[float]]] = {
    "infonce": slow_infonce,
    "siglip": slow_siglip,
    "ce_object": slow_cross_entropy,
}


@pytest.mark.parametrize("objective", LOOPS)
@pytest.mark.parametrize("seed", range(3))
def test_every_objective_that_scores_captions_against_a_loop(objective: str, seed: int) -> None:
    logits, own = batch(seed=seed)
    expected = LOOPS[objective](logits.tolist(), own.tolist())
    assert batch_loss(objective, logits, own, logits).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("counts", "bias"), [([48, 48], 0), ([30, 10, 30, 10], -math.log(11 / 5)), ([7, 0], 0)]
)
def test_siglip_starts_at_the_odds_of_a_pair(counts: list[int], bias: float) -> None:
    assert formulas.siglip_bias(torch.tensor(counts)) == pytest.approx(bias)


def test_nt_xent_against_a_loop() -> None:
    random = torch.Generator().manual_seed(0)
    one, other = F.normalize(torch.randn(2, 6, 4, generator=random, dtype=torch.float64), dim=-1)
    views, expected = torch.cat([one, other]).tolist(), []
    for i in range(6):
        loss = 0.0
        for mine, partner in ((i, i + 6), (i + 6, i)):
            cosines = [
                sum(a * b for a, b in zip(views[mine], views[j], strict=True)) for j in range(12)
            ]
            scores = [math.exp(cosine / formulas.TEMPERATURE) for cosine in cosines]
            loss -= math.log(scores[partner] / (sum(scores) - scores[mine])) / 2
        expected.append(loss)
    assert nt_xent(one, other).tolist() == pytest.approx(expected)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 10), min_size=20, max_size=20))
def test_reweighting_is_the_mean_of_the_groups_means(values: list[float]) -> None:
    losses = torch.tensor(values)
    found = weigh_by("reweight", GROUPS)(losses, torch.arange(20))
    expected = sum(losses[group == GROUPS].mean().item() for group in range(4)) / 4
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_group_dro_against_a_loop() -> None:
    dro, q = GroupDRO(GROUPS), [0.25] * 4
    random = torch.Generator().manual_seed(0)
    for _ in range(5):
        batch = torch.randint(20, (6,), generator=random)
        losses = torch.rand(6, generator=random)
        members = [
            [losses[i].item() for i in range(6) if GROUPS[batch[i]] == group] for group in range(4)
        ]
        by_group = [sum(group) / len(group) if group else 0.0 for group in members]
        q = [
            share * math.exp(formulas.GROUPDRO_RATE * loss)
            for share, loss in zip(q, by_group, strict=True)
        ]
        q = [share / sum(q) for share in q]
        expected = sum(share * loss for share, loss in zip(q, by_group, strict=True))
        assert dro(losses, batch).item() == pytest.approx(expected, rel=1e-5)
    assert dro.q.tolist() == pytest.approx(q, rel=1e-5)
    assert [dro.images[group == GROUPS].sum().item() for group in range(4)] == pytest.approx(
        q, rel=1e-5
    )


def test_other_mitigations_leave_the_losses_alone() -> None:
    losses, batch = torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0, 1, 0])
    for name in set(MITIGATIONS) - {"reweight", "groupdro"}:
        assert weigh_by(name, GROUPS)(losses, batch).item() == 2
