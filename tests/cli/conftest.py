"""The command line as a function: words in; exit code, output and errors out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import pytest

from cxrview.__main__ import main


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command line ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""
    threads = cv2.getNumThreads()

    def run_words(*words: object) -> Outcome:
        code = main([str(word) for word in words])
        cv2.setNumThreads(threads)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_words
