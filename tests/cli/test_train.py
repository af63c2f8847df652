"""`cxrview recipes` and the edges of `cxrview train`; training itself is tested with the package that does it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxrview.training.gate_recipe import gate_recipe_names
from cxrview.training.lung_recipe import lung_recipe_names
from cxrview.training.recipe import recipe_names

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


def test_recipes_are_listed(run: Run) -> None:
    outcome = run("recipes")
    assert outcome.code == 0
    assert {line.split()[0] for line in outcome.out.splitlines()[1:]} == {*recipe_names(), *lung_recipe_names(), *gate_recipe_names()}


def test_a_recipe_is_printed_as_toml(run: Run) -> None:
    assert tomllib.loads(run("recipes", "cxr-reader").out)["name"] == "cxr-reader"


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


def test_evaluate_writes_a_report_and_names_its_page(run: Run, fake_model: Path, tmp_path: Path) -> None:
    from cxrview.core.phantom import phantom
    from cxrview.engine.packages import load_package
    from cxrview.io.phantom_files import write_png

    label = load_package(fake_model).manifest.labels[1].id
    for number in range(20):
        folder = tmp_path / "films" / (label, "clear")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_png(folder / f"{number}.png", phantom(number, size=(64, 64), bits=8))
    arguments = ("evaluate", fake_model, tmp_path / "films", "-o", tmp_path / "report", "--external", "--set", "data.label_map.clear=[]")
    outcome = run(*arguments)
    assert outcome.code == 0
    assert outcome.out.strip() == str(tmp_path / "report" / "report.html")
    assert f"| {label} |" in (tmp_path / "report" / "report.md").read_text()
    (tmp_path / "films" / "clear" / "1.png").write_bytes(b"no picture")
    assert run(*arguments).code == 1
    assert "1.png" in (tmp_path / "report" / "problems.csv").read_text()


def test_evaluate_without_data_says_so(run: Run, fake_model: Path, tmp_path: Path) -> None:
    outcome = run("evaluate", fake_model, tmp_path / "nowhere", "-o", tmp_path / "report")
    assert outcome.code == 3
    assert "nowhere" in outcome.err


def test_about_a_published_recipe_its_authors_figures_and_the_differences_are_told(run: Run) -> None:
    told = run("recipes", "covid-cxnet", "--about").out
    assert "Haghanifar" in told
    assert "their figures: accuracy 99.04 %" in told
    assert "different here: Split by patient" in told
    assert run("recipes", "--about").out.count("\n  by: ") >= 15
