"""`cxrview phantom`: files that the program itself can read, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
