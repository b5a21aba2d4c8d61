"""Losses against their formula, term by term."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.conditions import NEGATIVES
from vlcore.conditions import OBJECTIVES as NAMES
from vlcore.learning.objectives import OBJECTIVES, negative_weights, pairwise_bce

COUNTS = [[48, 48], [48, 12, 48, 12], [48, 0, 48, 0], [3, 1, 2], [1, 1, 1, 1, 1]]


def slow_weights(counts: list[int]) -> list[list[float]]:
    table = []
    for own in range(len(counts)):
        others = sum(count for k, count in enumerate(counts) if k != own)
        table.append([0.0 if k == own or others == 0 else counts[k] / others for k in range(len(counts))])
    return table


def slow_bce(logits: list[list[float]], own: list[int], weights: list[list[float]]) -> float:
    total = 0.0
    for row, mine in zip(logits, own, strict=True):
        probability = [1 / (1 + math.exp(-logit)) for logit in row]
        matched = -math.log(probability[mine])
        mismatched = sum(q * -math.log(1 - p) for q, p in zip(weights[mine], probability, strict=True))
        total += (matched + mismatched) / 2
    return total / len(logits)


def test_every_condition_has_its_objective() -> None:
    assert set(OBJECTIVES) == set(NAMES)


@pytest.mark.parametrize("counts", [*COUNTS, [7, 0], [0, 0, 5]])
def test_negatives_are_the_other_captions_by_frequency(counts: list[int]) -> None:
    weights = negative_weights("filtered_marginal", torch.tensor(counts))
    assert weights.numpy() == pytest.approx(np.array(slow_weights(counts)))
    assert (weights.diagonal() == 0).all()


@pytest.mark.parametrize("counts", COUNTS)
def test_rows_sum_to_one_or_to_nothing(counts: list[int]) -> None:
    for negatives in NEGATIVES:
        weights = negative_weights(negatives, torch.tensor(counts))
        assert weights.shape == (len(counts), len(counts))
        sums = weights.sum(dim=1)
        assert torch.allclose(sums, torch.full_like(sums, 0.0 if negatives == "none" else 1.0))


def test_a_caption_without_any_other_has_no_negatives() -> None:
    assert negative_weights("filtered_marginal", torch.tensor([9, 0])).tolist() == [[0, 0], [1, 0]]
    assert negative_weights("filtered_marginal", torch.tensor([9])).tolist() == [[0]]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.sampled_from(COUNTS), st.sampled_from(NEGATIVES), st.integers(0, 10**6))
def test_the_loss_against_the_formula(images: int, counts: list[int], negatives: str, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, len(counts), generator=random, dtype=torch.float64) * 4
    own = torch.randint(len(counts), (images,), generator=random)
    weights = negative_weights(negatives, torch.tensor(counts))
    loss = pairwise_bce(logits, own, weights)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slow_bce(logits.tolist(), own.tolist(), weights.tolist()), rel=1e-5, abs=1e-9)


def test_the_loss_of_large_logits_is_finite() -> None:
    weights = negative_weights("filtered_marginal", torch.tensor([1, 1]))
    for sign, loss in ((1.0, 0.0), (-1.0, 500.0)):
        logits = sign * torch.tensor([[500.0, -500.0]])
        assert pairwise_bce(logits, torch.tensor([0]), weights).item() == pytest.approx(loss)


def test_the_gradient_against_finite_differences() -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 3, generator=random, dtype=torch.float64, requires_grad=True)
    weights = negative_weights("filtered_marginal", torch.tensor([3, 1, 2])).double()
    own = torch.tensor([0, 1, 2, 0, 0])
    assert torch.autograd.gradcheck(lambda x: pairwise_bce(x, own, weights), (logits,))


def test_without_negatives_only_matched_pairs_matter_and_all_are_pushed_together() -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    own = torch.tensor([0, 1, 2, 3, 0, 1])
    weights = negative_weights("none", torch.tensor([2, 2, 1, 1]))
    pairwise_bce(logits, own, weights).backward()
    assert logits.grad is not None
    matched = torch.zeros(6, 4, dtype=torch.bool).scatter_(1, own[:, None], True)
    assert (logits.grad[matched] < 0).all()  # a step against the gradient raises every matched score
    assert (logits.grad[~matched] == 0).all()
    other = logits.detach().clone()
    other[~matched] += 3
    assert pairwise_bce(other, own, weights).item() == pairwise_bce(logits, own, weights).item()


def test_with_negatives_wrong_captions_are_pushed_away() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    pairwise_bce(
        logits, torch.tensor([0, 1]), negative_weights("filtered_marginal", torch.tensor([2, 1, 1]))
    ).backward()
    assert logits.grad is not None
    # sigmoid(0) = 1/2; halved for the two kinds of pairs, and again for the two images
    expected = [[-1 / 8, 1 / 16, 1 / 16], [1 / 12, -1 / 8, 1 / 24]]
    assert logits.grad.numpy() == pytest.approx(np.array(expected))


@pytest.mark.parametrize("counts", [[48, 12, 48, 12], [5, 3, 0, 4]])
def test_the_sum_over_negatives_is_the_mean_over_sampled_ones(counts: list[int]) -> None:
    random = torch.Generator().manual_seed(2)
    logits = torch.randn(8, len(counts), generator=random, dtype=torch.float64) * 2
    own = torch.randint(len(counts), (8,), generator=random)
    weights = negative_weights("filtered_marginal", torch.tensor(counts))
    drawn = torch.multinomial(weights[own], 20_000, replacement=True, generator=random)  # (8, draws)
    assert (drawn != own[:, None]).all()
    matched = torch.nn.functional.softplus(-logits.gather(1, own[:, None]))
    sampled = (matched + torch.nn.functional.softplus(logits.gather(1, drawn))) / 2  # one negative a time
    error = sampled.std(dim=1).max().item() / math.sqrt(20_000)
    assert abs(pairwise_bce(logits, own, weights).item() - sampled.mean().item()) < 4 * error


def test_the_best_scores_are_the_log_ratio_of_matched_to_mismatched() -> None:
    """Free scores of a two-caption set end at log p(x, t) / q(x, t)."""
    counts = torch.tensor([3, 1])
    weights = negative_weights("filtered_marginal", counts).double()
    own = torch.tensor([0, 0, 0, 1])  # four images that cannot be told apart: one row of scores for all
    scores = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scores], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = pairwise_bce(scores.expand(4, 2), own, weights)
        loss.backward()
        return loss

    optimizer.step(closure)
    # caption 0: matched 3/4, mismatched 1/4 (with the images of caption 1); caption 1 the other way round
    assert scores.detach()[0].tolist() == pytest.approx([math.log(3), -math.log(3)], abs=1e-4)
