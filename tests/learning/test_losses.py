"""Losses against their formula, term by term."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from vlcore.core.captions import captions_of
from vlcore.core.grouping import SCENES
from vlcore.core.options import NEGATIVES, objectives_here
from vlcore.learning.losses import (
    TEMPERATURE,
    batch_loss,
    infonce,
    negative_shares,
    negative_weights,
    nt_xent,
    pairwise_bce,
    siglip_bias,
)

TABLES = [name for name in NEGATIVES if name not in ("counterfactual", "shuffle_unfiltered")]
COUNTS = [[48, 48], [48, 12, 48, 12], [48, 0, 48, 0], [3, 1, 2], [1, 1, 1, 1, 1]]
Rows = list[list[float]]


def batch(images: int = 12, captions: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, captions, generator=random, dtype=torch.float64) * 3
    return logits, torch.randint(captions, (images,), generator=random)


# --- tables of negatives


@pytest.mark.parametrize("counts", [*COUNTS, [7, 0], [0, 0, 5], [9]])
def test_negatives_are_the_other_captions_by_frequency(counts: list[int]) -> None:
    table = []
    for own in range(len(counts)):
        others = sum(count for k, count in enumerate(counts) if k != own)
        table.append([0.0 if k == own or others == 0 else counts[k] / others for k in range(len(counts))])
    assert negative_weights("filtered_marginal", torch.tensor(counts)).numpy() == pytest.approx(np.array(table))


@pytest.mark.parametrize("counts", COUNTS)
def test_rows_sum_to_one_or_to_nothing(counts: list[int]) -> None:
    for negatives in TABLES:
        weights = negative_weights(negatives, torch.tensor(counts))
        assert weights.shape == (len(counts), len(counts))
        assert weights.sum(dim=1).tolist() == pytest.approx([0.0 if negatives == "none" else 1.0] * len(counts))


def test_uniform_negatives_are_every_other_caption_that_occurs() -> None:
    weights = negative_weights("filtered_uniform", torch.tensor([40, 1, 0, 3]))
    third = pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])
    assert weights.tolist() == [[0, 0.5, 0, 0.5], [0.5, 0, 0, 0.5], third, [0.5, 0.5, 0, 0]]


def test_the_product_does_not_look_at_the_own_caption() -> None:
    counts = torch.tensor([48, 12, 48, 12])
    weights = negative_weights("product", counts)
    assert (weights == counts / counts.sum()).all()
    assert (negative_shares("shuffle_unfiltered", counts.numpy()) == weights.numpy()).all()


def test_counterfactual_negatives_differ_in_one_factor() -> None:
    said = captions_of("descriptive", SCENES)
    weights = negative_weights("counterfactual", torch.tensor([48, 0, 48, 0]), said)
    for own, row in zip(said, weights.tolist(), strict=True):
        for other, weight in zip(said, row, strict=True):
            differ = (own.object != other.object) + (own.context != other.context)
            assert weight == (0.5 if differ == 1 else 0)
    table = negative_weights("counterfactual", torch.ones(20), captions_of("paraphrase_5", SCENES))
    assert (table > 0).sum(dim=1).tolist() == [10] * 20


# --- the pairwise loss


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.sampled_from(COUNTS), st.sampled_from(TABLES), st.integers(0, 10**6))
def test_the_pairwise_loss_against_the_formula(images: int, counts: list[int], negatives: str, seed: int) -> None:
    logits, own = batch(images, len(counts), seed)
    weights = negative_weights(negatives, torch.tensor(counts))
    expected = []
    for row, mine in zip(logits.tolist(), own.tolist(), strict=True):
        probability = [1 / (1 + math.exp(-logit)) for logit in row]
        mismatched = sum(q * -math.log(1 - p) for q, p in zip(weights[mine].tolist(), probability, strict=True))
        expected.append((mismatched - math.log(probability[mine])) / 2)
    assert pairwise_bce(logits, own, weights[own]).tolist() == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_large_logits_is_finite() -> None:
    weights = negative_weights("filtered_marginal", torch.tensor([1, 1]))
    for sign, loss in ((1.0, 0.0), (-1.0, 500.0)):
        logits = sign * torch.tensor([[500.0, -500.0]])
        assert pairwise_bce(logits, torch.tensor([0]), weights[:1]).item() == pytest.approx(loss)


def test_the_gradient_against_finite_differences() -> None:
    logits, own = batch(5, 3)
    weights = negative_weights("filtered_marginal", torch.tensor([3, 1, 2])).double()
    assert torch.autograd.gradcheck(lambda x: pairwise_bce(x, own, weights[own]), (logits.requires_grad_(),))


@pytest.mark.parametrize(
    ("negatives", "expected"),
    [  # sigmoid(0) = 1/2; halved for the two kinds of pairs, and again for the two images
        ("filtered_marginal", [[-1 / 8, 1 / 16, 1 / 16], [1 / 12, -1 / 8, 1 / 24]]),
        ("none", [[-1 / 8, 0, 0], [0, -1 / 8, 0]]),
    ],
)
def test_matched_captions_are_pulled_and_negatives_pushed_away(negatives: str, expected: Rows) -> None:
    logits, own = torch.zeros(2, 3, requires_grad=True), torch.tensor([0, 1])
    weights = negative_weights(negatives, torch.tensor([2, 1, 1]))
    pairwise_bce(logits, own, weights[own]).mean().backward()
    assert logits.grad is not None
    assert logits.grad.numpy() == pytest.approx(np.array(expected))


@pytest.mark.parametrize("counts", [[48, 12, 48, 12], [5, 3, 0, 4]])
def test_the_sum_over_negatives_is_the_mean_over_sampled_ones(counts: list[int]) -> None:
    logits, own = batch(8, len(counts), seed=2)
    weights = negative_weights("filtered_marginal", torch.tensor(counts))
    drawn = torch.multinomial(weights[own], 20_000, replacement=True, generator=torch.Generator().manual_seed(2))
    assert (drawn != own[:, None]).all()
    sampled = (F.softplus(-logits.gather(1, own[:, None])) + F.softplus(logits.gather(1, drawn))) / 2  # one at a time
    error = sampled.std(dim=1).max().item() / math.sqrt(20_000)
    assert abs(pairwise_bce(logits, own, weights[own]).mean().item() - sampled.mean().item()) < 4 * error


def test_the_best_scores_are_the_log_ratio_of_matched_to_mismatched() -> None:
    """Free scores of a two-caption set end at log p(x, t) / q(x, t)."""
    weights = negative_weights("filtered_marginal", torch.tensor([3, 1])).double()
    own = torch.tensor([0, 0, 0, 1])  # four images that cannot be told apart: one row of scores for all
    scores = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scores], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = pairwise_bce(scores.expand(4, 2), own, weights[own]).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    # caption 0: matched 3/4, mismatched 1/4 (with the images of caption 1); caption 1 the other way round
    assert scores.detach()[0].tolist() == pytest.approx([math.log(3), -math.log(3)], abs=1e-4)


# --- other objectives


def slow_infonce(logits: Rows, own: list[int], identity: bool = False) -> list[float]:
    count, losses = len(own), []
    for i in range(count):
        right = [j for j in range(count) if (j == i if identity else own[j] == own[i])]
        row = [math.exp(logits[i][own[j]]) for j in range(count)]
        column = [math.exp(logits[j][own[i]]) for j in range(count)]
        shares = [sum(side[j] for j in right) / sum(side) for side in (row, column)]
        losses.append(-(math.log(shares[0]) + math.log(shares[1])) / 2)
    return losses


def slow_siglip(logits: Rows, own: list[int]) -> list[float]:
    signs = [[1 if mine == other else -1 for other in own] for mine in own]
    pairs = [[math.log1p(math.exp(-y * row[k])) for y, k in zip(sign, own, strict=True)]
             for sign, row in zip(signs, logits, strict=True)]  # fmt: skip
    return [sum(terms) / len(terms) for terms in pairs]


def slow_cross_entropy(logits: Rows, own: list[int]) -> list[float]:
    return [-math.log(math.exp(row[k]) / sum(map(math.exp, row))) for row, k in zip(logits, own, strict=True)]


LOOPS: dict[str, Callable[[Rows, list[int]], list[float]]] = {
    "infonce": slow_infonce,
    "infonce_identity": lambda logits, own: slow_infonce(logits, own, identity=True),
    "siglip": slow_siglip,
    "ce_object": slow_cross_entropy,
    "ce_group": slow_cross_entropy,
}


@pytest.mark.parametrize("objective", LOOPS)
@pytest.mark.parametrize("seed", range(3))
def test_every_objective_that_scores_captions_against_a_loop(objective: str, seed: int) -> None:
    logits, own = batch(seed=seed)
    expected = LOOPS[objective](logits.tolist(), own.tolist())
    assert batch_loss(objective, logits, own, logits).tolist() == pytest.approx(expected)


def test_every_objective_has_its_loss() -> None:
    logits, own = batch()
    assert set(objectives_here()) - set(LOOPS) == {"pairwise_bce", "simclr", "captioner"}
    weights = negative_weights("product", torch.bincount(own, minlength=4))[own]
    assert torch.equal(batch_loss("pairwise_bce", logits, own, weights), pairwise_bce(logits, own, weights))


def test_infonce_of_different_captions_is_that_of_clip() -> None:
    logits, own = torch.randn(5, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64), torch.arange(5)
    clip = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    for identity in (False, True):
        assert infonce(logits, own, identity=identity).mean().item() == pytest.approx(clip.item())


def test_a_target_shared_evenly_adds_up_to_the_identity() -> None:
    """Why equal captions are pooled instead: sharing would show nothing of what false negatives do."""
    logits, own = batch(20, 3, seed=1)
    scores = logits[:, own]
    same = (own[:, None] == own[None, :]).double()
    shared = same / same.sum(dim=1, keepdim=True)
    evenly = -(shared * (scores.log_softmax(dim=1) + scores.T.log_softmax(dim=1))).sum(dim=1) / 2
    assert evenly.sum().item() == pytest.approx(infonce(logits, own, identity=True).sum().item())
    assert infonce(logits, own).sum().item() < evenly.sum().item() - 1


def test_pooling_is_content_with_any_equal_caption() -> None:
    own = torch.tensor([0, 0, 1, 1])
    logits = 50.0 * F.one_hot(own, 2)
    assert infonce(logits, own).tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert infonce(logits, own, identity=True).tolist() == pytest.approx([math.log(2)] * 4, abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "bias"), [([48, 48], 0), ([30, 10, 30, 10], -math.log(0.6875 / 0.3125)), ([7, 0], 0)]
)
def test_siglip_starts_at_the_odds_of_a_pair(counts: list[int], bias: float) -> None:
    assert siglip_bias(torch.tensor(counts)) == pytest.approx(bias)


def test_nt_xent_against_a_loop() -> None:
    random = torch.Generator().manual_seed(0)
    one, other = F.normalize(torch.randn(2, 6, 4, generator=random, dtype=torch.float64), dim=-1)
    views, expected = torch.cat([one, other]).tolist(), []
    for i in range(6):
        loss = 0.0
        for mine, partner in ((i, i + 6), (i + 6, i)):
            cosines = [sum(a * b for a, b in zip(views[mine], views[j], strict=True)) for j in range(12)]
            scores = [math.exp(cosine / TEMPERATURE) for cosine in cosines]
            loss -= math.log(scores[partner] / (sum(scores) - scores[mine])) / 2
        expected.append(loss)
    assert nt_xent(one, other).tolist() == pytest.approx(expected)
