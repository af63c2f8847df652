"""`cxrview recipes` and the edges of `cxrview train`; training itself is tested with the package that does it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxrview.training.recipe import recipe_names

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


def test_recipes_are_listed(run: Run) -> None:
    outcome = run("recipes")
    assert outcome.code == 0
    assert {line.split()[0] for line in outcome.out.splitlines()[1:]} == set(recipe_names())


def test_a_recipe_is_printed_as_toml(run: Run) -> None:
    assert tomllib.loads(run("recipes", "cxr-base").out)["name"] == "cxr-base"


def test_an_unknown_recipe_is_named(run: Run, tmp_path: Path) -> None:
    assert run("recipes", "alchemy").code == 3
    outcome = run("train", tmp_path, "-o", tmp_path / "run", "--recipe", "alchemy")
    assert outcome.code == 3
    assert "alchemy" in outcome.err
    assert not (tmp_path / "run").exists()


def test_data_that_is_not_there_ends_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    outcome = run("train", tmp_path / "nowhere", "-o", tmp_path / "run")
    assert outcome.code == 3
    assert "nowhere" in outcome.err
    assert not (tmp_path / "run").exists()


def test_a_wrong_change_is_named(run: Run, tmp_path: Path) -> None:
    outcome = run("train", tmp_path, "-o", tmp_path / "run", "--set", "fit.epoch=3")
    assert outcome.code == 3
    assert "epoch" in outcome.err
