"""`cxrview phantom`: files that the program itself can read, the same for the same seed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxrview.engine.fake import fake_package
from cxrview.io.read import find_images, read_pixels

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


def test_phantoms_can_be_read(run: Run, tmp_path: Path) -> None:
    assert run("phantom", "-o", tmp_path / "p", "-n", "3", "--size", "96x64").code == 0
    refs = find_images([tmp_path / "p"]).refs
    assert [read_pixels(ref).values.shape for ref in refs] == [(64, 96)] * 3


def test_the_same_seed_gives_the_same_files(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("phantom", "-o", tmp_path / name, "-n", "2", "--seed", "5", "--kind", "mixed", "--size", "64x64")
    first, second = sorted((tmp_path / "a").iterdir()), sorted((tmp_path / "b").iterdir())
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("options", [("--size", "big"), ("-n", "0"), ("--kind", "gif"), ("--seed", "-1")])
def test_wrong_options_are_wrong_usage(run: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert run("phantom", "-o", tmp_path / "p", *options).code == 2
    assert not (tmp_path / "p").exists()


def test_the_tables_are_what_the_pointing_game_takes(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    assert run("phantom", "-o", folder, "-n", "20", "--kind", "png", "--size", "128x96", "--tables").code == 0
    rows = list(csv.DictReader((folder / "phantoms.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == ["clear", "opacity"] * 10
    boxed = {row["file"] for row in csv.DictReader((folder / "boxes.csv").read_text().splitlines())}
    assert boxed == {row["file"] for row in rows if row["label"] == "opacity"}
    model = fake_package(tmp_path / "fake").folder
    meaning = ("--set", "data.label_map.opacity=['pneumonia']", "--set", "data.label_map.clear=['normal']", "--external", "--threads", "1")
    words = ("evaluate", model, folder / "phantoms.csv", "-o", tmp_path / "r", "--boxes", folder / "boxes.csv")
    assert run(*words, *meaning).code == 0
    (tested,) = json.loads((tmp_path / "r" / "report.json").read_text())["audits"]["explanations"]
    assert tested["label"] == "pneumonia"
    assert 0.0 <= tested["pointing"]["value"] <= 1.0
