from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrview.core.manifest import Architecture, Task
from cxrview.training.glimpse import SHOWN, read_glimpse, take_glimpse, write_glimpse
from cxrview.training.initial import initial_network
from cxrview.training.phases import fit_phases
from cxrview.training.recipe import DataRecipe, Recipe
from cxrview.training.run import Plan, make_plan


@pytest.fixture
def plan(films: Path, small_recipe: Recipe, tmp_path: Path) -> Plan:
    (tmp_path / "plan").mkdir()
    data = DataRecipe(test_fraction=0.25, val_fraction=0.25, duplicate_distance=-1)
    fit = replace(small_recipe.fit, epochs=2)
    return make_plan(films, tmp_path / "plan", replace(small_recipe, task=Task.MULTICLASS, data=data, fit=fit))


def test_a_training_leaves_examples_of_every_class_with_what_they_are_called(plan: Plan, tmp_path: Path) -> None:
    fit_phases(plan, tmp_path, device="cpu", resume=False, report=lambda _: None)
    glimpse = read_glimpse(tmp_path)
    assert glimpse is not None
    assert glimpse.epoch == 2
    assert glimpse.pictures.shape == (SHOWN, 48, 48, 3)
    assert {words.splitlines()[0] for words in glimpse.words} == {"is clear", "is opacity"}
    assert all(words.splitlines()[1].startswith("called ") for words in glimpse.words)


@pytest.mark.parametrize("architecture", [Architecture("cnn-pooled", dropout=0.5), Architecture("cnn-pooled", head_hidden=(8,))])
def test_a_glimpse_changes_nothing_of_the_network_nor_of_chance(plan: Plan, architecture: Architecture) -> None:
    network = initial_network(replace(plan.recipe, architecture=architecture), plan.labels).train()
    for parameter in network.get_submodule("backbone").parameters():
        parameter.requires_grad_(False)  # as in a phase with a frozen backbone
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes, chance = [module.training for module in network.modules()], torch.get_rng_state()
    glimpse = take_glimpse(plan, network, plan.members("val")[:2].tolist(), epoch=1)
    assert len(glimpse.words) == 2
    assert [module.training for module in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_colour_lies_where_the_class_is_read_from(plan: Plan) -> None:
    """Of a network whose class is read from the brightness of the map, the bright cells are coloured."""

    class Bright(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = torch.nn.functional.avg_pool2d(x, 8)
            mean = features.mean(dim=(2, 3)) + self.nothing
            return torch.cat([torch.zeros_like(mean), mean + 50], dim=1), features

        def __init__(self) -> None:
            super().__init__()
            self.nothing = torch.nn.Parameter(torch.zeros(1))

    number = int(plan.members("val")[0])
    stack = np.zeros_like(plan.pictures.stack)
    stack[:, :, :24] = 255  # the upper half is bright
    shown = take_glimpse(replace(plan, pictures=replace(plan.pictures, stack=stack)), Bright(), [number], epoch=1)
    colour = np.ptp(shown.pictures[0].astype(int), axis=2)
    assert colour[4:20].mean() > 20
    assert colour[30:].max() == 0


def test_a_glimpse_that_is_not_there_or_torn_is_none(tmp_path: Path, plan: Plan) -> None:
    assert read_glimpse(tmp_path) is None
    write_glimpse(tmp_path, take_glimpse(plan, initial_network(plan.recipe, plan.labels), [0], epoch=1))
    path = tmp_path / "glimpse.npz"
    path.write_bytes(path.read_bytes()[:100])
    assert read_glimpse(tmp_path) is None
