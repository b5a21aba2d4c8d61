"""What mitigations do to the losses of a batch, against their formulas."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.core.options import MITIGATIONS
from vlcore.learning import mitigation
from vlcore.learning.mitigation import GroupDRO, average, balanced_batches, weigh_by, weighted

GROUPS = torch.tensor([0] * 8 + [1] * 2 + [2] * 8 + [3] * 2)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 10), min_size=20, max_size=20))
def test_reweighting_is_the_mean_of_the_groups_means(values: list[float]) -> None:
    losses = torch.tensor(values)
    found = weigh_by("reweight", GROUPS)(losses, torch.arange(20))
    expected = sum(losses[group == GROUPS].mean().item() for group in range(4)) / 4
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_weights_are_scaled_to_a_mean_of_one() -> None:
    losses = torch.tensor([1.0, 2.0, 3.0])
    assert weighted(torch.tensor([5.0, 5.0, 5.0]))(losses, torch.tensor([2, 0, 2])).item() == pytest.approx(2.0)
    assert weighted(torch.tensor([1.0, 2.0, 3.0]))(losses, torch.arange(3)).item() == pytest.approx((1 + 4 + 9) / 6)


def test_group_dro_against_a_loop() -> None:
    dro, q = GroupDRO(GROUPS, 4), [0.25] * 4
    random = torch.Generator().manual_seed(0)
    for _ in range(5):
        batch = torch.randint(20, (6,), generator=random)
        losses = torch.rand(6, generator=random)
        members = [[losses[i].item() for i in range(6) if GROUPS[batch[i]] == group] for group in range(4)]
        by_group = [sum(group) / len(group) if group else 0.0 for group in members]
        q = [share * math.exp(mitigation.GROUPDRO_RATE * loss) for share, loss in zip(q, by_group, strict=True)]
        q = [share / sum(q) for share in q]
        expected = sum(share * loss for share, loss in zip(q, by_group, strict=True))
        assert dro(losses, batch).item() == pytest.approx(expected, rel=1e-5)
    assert dro.q.tolist() == pytest.approx(q, rel=1e-5)


def test_group_dro_turns_to_the_group_with_the_highest_loss() -> None:
    dro = GroupDRO(GROUPS, 4)
    losses = torch.full((20,), 0.1)
    losses[GROUPS == 3] = 2.0
    for _ in range(100):
        dro(losses, torch.arange(20))
    assert dro.q.argmax() == 3
    assert dro.q[3] > 0.9


def test_the_gradient_of_group_dro_goes_through_the_losses_only() -> None:
    dro = GroupDRO(GROUPS, 4)
    losses = torch.rand(20, generator=torch.Generator().manual_seed(0)).requires_grad_()
    dro(losses, torch.arange(20)).backward()
    assert losses.grad is not None
    assert losses.grad.tolist() == pytest.approx([dro.q[g].item() / int((g == GROUPS).sum()) for g in GROUPS], rel=1e-5)


def test_resampled_batches_meet_every_group_equally_often() -> None:
    batches = balanced_batches(GROUPS, 50, torch.Generator().manual_seed(0))
    drawn = torch.cat(list(itertools.islice(batches, 80)))
    shares = torch.bincount(GROUPS[drawn], minlength=4) / len(drawn)
    assert shares.tolist() == pytest.approx([0.25] * 4, abs=0.03)


def test_jtt_weighs_what_was_wrong_six_times() -> None:
    weights = mitigation.jtt_weights(torch.tensor([False, True, False]))
    assert weights.tolist() == [1, mitigation.JTT_WEIGHT, 1]


def test_other_mitigations_leave_the_losses_alone() -> None:
    for name in set(MITIGATIONS) - {"reweight", "groupdro"}:
        assert weigh_by(name, GROUPS) is average
    assert average(torch.tensor([1.0, 3.0]), torch.tensor([0, 1])).item() == 2
