"""Style, formatting and types: the same checks a developer runs by hand."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_ruff_finds_nothing() -> None:
    check("ruff", "check", "--no-cache", ".")


def test_code_is_formatted() -> None:
    check("ruff", "format", "--check", "--no-cache", ".")


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "lightning", "PySide6", "openvino")),
    reason="types can be checked only where everything is installed",
)
def test_types_are_sound() -> None:
    check("mypy", "-p", "cxrview")


def test_types_of_the_bootstrap_are_sound() -> None:
    check("mypy", "--strict", "packaging/bootstrap.py")
