from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cxrview.core.manifest import Architecture, Task
from cxrview.engine.nets import build
from cxrview.training.recipe import FitRecipe, Loss
from cxrview.training.task import ValidationSet, aurocs, cosine, freeze, heat_outside, loss, make_task


def test_multilabel_loss_is_weighted_cross_entropy() -> None:
    logits, wanted, weight = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    value = loss(logits, wanted, weight, task=Task.MULTILABEL, fit=FitRecipe())
    assert float(value) == pytest.approx(2 * math.log(2) / 2)


def test_focal_loss_forgives_what_is_already_right() -> None:
    wanted, weight = torch.tensor([[1.0]]), torch.ones(1, 1)
    for logit, share in ((3.0, (1 - 1 / (1 + math.exp(-3.0))) ** 2), (-3.0, (1 - 1 / (1 + math.exp(3.0))) ** 2)):
        logits = torch.tensor([[logit]])
        plain = loss(logits, wanted, weight, task=Task.MULTILABEL, fit=FitRecipe())
        focal = loss(logits, wanted, weight, task=Task.MULTILABEL, fit=FitRecipe(loss=Loss.FOCAL))
        assert float(focal / plain) == pytest.approx(share, rel=1e-4)


def test_multiclass_loss_is_smoothed_cross_entropy() -> None:
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.5, 0.5, 0.0]])
    wanted = torch.eye(3)[[0, 2]]
    value = loss(logits, wanted, torch.ones(2, 3), task=Task.MULTICLASS, fit=FitRecipe(label_smoothing=0.1))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2]), label_smoothing=0.1)
    assert float(value) == pytest.approx(float(expected), rel=1e-5)


def test_aurocs_are_told_by_label_and_inside_each_source_and_pass_over_unknowns() -> None:
    wanted = torch.tensor([[1.0], [1.0], [1.0], [1.0], [0.0], [0.0], [0.0], [0.0], [0.0], [1.0]])
    logits = torch.tensor([[4.0], [3.0], [2.0], [1.0], [0.0], [-1.0], [-2.0], [-3.0], [9.0], [-9.0]])
    known = np.ones((10, 1), bool)
    known[8] = False
    found = aurocs(logits, wanted, ValidationSet(known, np.array(["a"] * 9 + ["b"])), ("x",))
    assert found == {"x": pytest.approx(0.8), "x@a": pytest.approx(1.0)}


def test_the_learning_rate_rises_then_falls() -> None:
    factors = [cosine(step, warmup=10, steps=100) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == pytest.approx(1.0)
    assert factors[9:] == sorted(factors[9:], reverse=True)
    assert factors[-1] < 0.02


def test_freezing_follows_the_epoch_and_the_recipe() -> None:
    network = build(Architecture("cnn-pooled"), labels=2, channels=1, height=32, width=32)
    backbone = list(network.get_submodule("backbone").parameters())

    def trained(fit: FitRecipe, epoch: int) -> int:
        freeze(network, fit, epoch=epoch)
        return sum(parameter.requires_grad for parameter in backbone)

    assert trained(FitRecipe(freeze_epochs=2), 1) == 0
    assert trained(FitRecipe(freeze_epochs=2), 2) == len(backbone)
    assert trained(FitRecipe(frozen_layers=0.5), 0) == len(backbone) - round(len(backbone) * 0.5)
    assert all(parameter.requires_grad for parameter in network.get_submodule("head").parameters())


def test_heat_outside_the_lungs_is_counted_and_heat_against_a_label_is_not() -> None:
    dense = torch.nn.Linear(2, 1, bias=False)
    dense.weight.data = torch.tensor([[1.0, -1.0]])
    features = torch.zeros(2, 2, 4, 4)
    features[0, 0, 0, 0], features[0, 0, 3, 3], features[0, 1, 3, 2] = 3.0, 1.0, 9.0  # the last speaks against the label
    features[1, 0, 3, 3] = 5.0
    lungs = torch.zeros(2, 32, 32)
    lungs[0, :16, :16] = 1.0  # the second picture has none and counts nothing
    share = heat_outside(features, dense, lungs)
    assert share.item() == pytest.approx(0.25, abs=1e-3)
    assert heat_outside(features[1:], dense, lungs[1:]).item() == 0.0


def test_holding_heat_in_the_lungs_moves_it_there() -> None:
    torch.manual_seed(0)
    dense = torch.nn.Linear(8, 2)
    features = torch.rand(16, 8, 4, 4, requires_grad=True)
    lungs = torch.zeros(16, 32, 32)
    lungs[:, :, :8] = 1.0
    before = heat_outside(features, dense, lungs).item()
    optimiser = torch.optim.SGD([features], lr=30.0)
    for _ in range(20):
        optimiser.zero_grad()
        heat_outside(features, dense, lungs).backward()
        optimiser.step()
    assert heat_outside(features, dense, lungs).item() < before - 0.1


def test_heat_outside_the_lungs_is_part_of_a_steps_loss() -> None:
    torch.manual_seed(0)
    network = build(Architecture("cnn-pooled"), labels=2, channels=1, height=32, width=32).eval()
    facts = ValidationSet(np.ones((1, 2), bool), np.array(["a"]))
    learner = make_task(network, Task.MULTILABEL, ("a", "b"), FitRecipe(heat_outside=0.5), facts)
    batch = (torch.rand(3, 1, 32, 32), torch.tensor([[1.0, 0.0]] * 3), torch.ones(3, 2))
    lungs = torch.zeros(3, 32, 32)
    lungs[:, :8, :8] = 1.0
    with torch.no_grad():
        plain, held = learner.loss_of(batch), learner.loss_of((*batch, lungs))  # type: ignore[operator]
        share = heat_outside(network(batch[0])[1], network.get_submodule("head.dense.0"), lungs)
    assert share.item() > 0.1
    assert (held - plain).item() == pytest.approx(0.5 * share.item(), rel=1e-4)
