"""Optimizers: Muon against torch's own, and which parameters each recipe gives it."""

import numpy as np
import pytest
import torch

from vlcore.experiment.condition import Condition
from vlcore.experiment.options import RECIPES
from vlcore.model.dual_encoder import build
from vlcore.model.optimizers import Muon, optimizers_of


def test_muon_goes_where_torchs_muon_goes_but_for_its_arithmetic() -> None:
    random = torch.Generator().manual_seed(1)
    shapes = [(8, 8), (8, 8), (24, 8), (8, 24), (6, 3, 2, 2)]
    start = [torch.randn(*shape, generator=random) for shape in shapes]
    ours, theirs = ([torch.nn.Parameter(value.clone()) for value in start] for _ in range(2))
    flat = [torch.nn.Parameter(value.detach().flatten(1)) for value in theirs]
    mine = Muon(ours, lr=0.1, weight_decay=0.05)
    stock = torch.optim.Muon(flat, lr=0.1, weight_decay=0.05)
    for _ in range(4):
        for one, other in zip(ours, flat, strict=True):
            one.grad = torch.randn(one.shape, generator=random)
            other.grad = one.grad.flatten(1)
        mine.step()
        stock.step()
    for one, other, before in zip(ours, flat, start, strict=True):
        moved = (one.detach() - before).flatten(1)
        assert (
            one.detach().flatten(1) - other.detach()
        ).norm() < 0.05 * moved.norm()  # bfloat16 has three digits
        assert moved.norm() > 0.5 * 0.1


@pytest.mark.parametrize(
    "changes", [{}, {"architecture": "seed_faithful"}, {"objective": "captioner"}]
)
@pytest.mark.parametrize("recipe", RECIPES)
def test_each_parameter_has_one_optimizer_and_only_matrices_have_muon(
    recipe: str, changes: dict[str, str]
) -> None:
    model = build(Condition(**changes), words=9)
    optimizers, schedules = optimizers_of(model, RECIPES[recipe], 100)
    given = [
        {id(value) for group in one.param_groups for value in group["params"]} for one in optimizers
    ]
    assert len(given) == len(schedules) == 2
    assert not given[0] & given[1]
    assert given[0] | given[1] == {id(value) for value in model.parameters()}
    by_muon = {
        name.split(".")[0] for name, value in model.named_parameters() if id(value) in given[0]
    }
    text = "decoder" if "objective" in changes else "text"
    assert by_muon == ({"image"} if recipe == "fast" else {"image", text})
    assert isinstance(optimizers[0], Muon if recipe == "fast" else torch.optim.Muon)


def test_rates_rise_to_their_height_and_fall_to_nothing() -> None:
    model = build(Condition(), words=9)
    optimizers, schedules = optimizers_of(model, RECIPES["fast"], 100)
    rates = []
    for _ in range(100):
        rates.append([group["lr"] for one in optimizers for group in one.param_groups])
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
    muon, adam = np.array(rates).T
    assert muon[0] == pytest.approx(0.02 / 30)
    assert muon.argmax() == 29
    assert muon[-1] < 0.0005
    assert (muon / adam).tolist() == pytest.approx([10.0] * 100)
