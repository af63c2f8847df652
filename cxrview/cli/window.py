"""`cxrview [PATH ...]`: reads the words that open the window; the window itself is somebody else's."""

from __future__ import annotations

import argparse
import difflib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from cxrview.cli.command import Parser
from cxrview.core.errors import EngineUnavailable, UsageError

Window = Callable[[Sequence[str]], int]
"""Opens the window with `[--model ID|DIR] -- PATH ...` and gives the exit code."""


def open_window(words: Sequence[str], commands: Sequence[str], window: Window) -> int:
    """Open the window on some paths; give the exit code.

    Args:
        words: the command line, which does not begin with a command.
        commands: what the user may have meant instead of a path that is not there.
        window: what opens it.

    Raises:
        UsageError: an unknown option, or a path that is not there.
        EngineUnavailable: Qt is not installed.
    """
    wishes = _parsed(words)
    for path in wishes.paths:
        if not Path(path).exists():
            raise UsageError(f"'{path}' is neither a command nor a file or folder.", hint=_suggestion(path, commands))
    if importlib.util.find_spec("PySide6") is None:
        raise EngineUnavailable(
            "the window needs Qt, which is not installed.", hint="`pip install PySide6-Essentials`, or use a command: `cxrview --help`."
        )
    model = ["--model", wishes.model] if wishes.model else []
    return window([*model, "--", *wishes.paths])


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="cxrview", add_help=False, allow_abbrev=False)
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--model", default="")
    return parser.parse_args(words)


def _suggestion(word: str, commands: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, commands, n=1)
    return f"Did you mean `cxrview {near[0]}`?" if near else "See `cxrview --help`."
