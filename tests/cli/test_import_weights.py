"""`cxrview import-weights` from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cxrview.core.manifest import Architecture
from cxrview.engine.nets import build

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    network = build(Architecture("resnet18"), labels=3, channels=3, height=64, width=64)
    state = {f"module.{key.removeprefix('backbone.body.')}": value for key, value in network.state_dict().items() if "head" not in key}
    state |= {"module.fc.weight": torch.zeros(3, 512), "module.fc.bias": torch.zeros(3)}
    torch.save({"state_dict": state}, tmp_path / "others.pth")
    return tmp_path / "others.pth"


def test_an_init_is_written_and_the_way_to_use_it_is_told(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    outcome = run("import-weights", checkpoint, "-o", tmp_path / "own.safetensors")
    assert outcome.code == 0
    assert outcome.out.strip() == str(tmp_path / "own.safetensors")
    assert "architecture.name=resnet18" in outcome.err


def test_a_package_needs_to_know_its_labels(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    outcome = run("import-weights", checkpoint, "-o", tmp_path / "model")
    assert outcome.code == 2
    assert "--like" in outcome.err


def test_a_contract_of_ones_own_makes_a_package(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    contract = tmp_path / "own.toml"
    contract.write_text(
        'title = "Ours"\n[input]\nwidth = 64\nheight = 64\nchannels = "gray3"\nmean = [0.5, 0.5, 0.5]\nstd = [0.25, 0.25, 0.25]\n'
    )
    arguments = ("import-weights", checkpoint, "-o", tmp_path / "ours", "--like", contract, "--labels", "Clear, Mild opacity,Severe")
    outcome = run(*arguments)
    assert outcome.code == 0
    assert run("models", "verify", tmp_path / "ours").code == 0
    assert "mild_opacity" in (tmp_path / "ours" / "model.toml").read_text()
    assert run(*arguments).code == 3  # it exists already


def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    assert run("import-weights", tmp_path / "no.pth", "-o", tmp_path / "x").code == 3
