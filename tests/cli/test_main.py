"""The first word: options, commands, paths; and how errors end."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cxrview
from cxrview.cli import main as cli_main
from cxrview.cli.commands import COMMANDS
from cxrview.io.places import places, program_command

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_version(run: Run) -> None:
    assert run("--version").out == f"cxrview {cxrview.__version__}\n"


def test_help_names_every_command(run: Run) -> None:
    outcome = run("--help")
    assert outcome.code == 0
    for command in COMMANDS:
        assert command.name in outcome.out
        assert command.summary in outcome.out


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_help(run: Run, command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"usage: cxrview {command}")


def test_a_misspelt_command_is_guessed(run: Run) -> None:
    outcome = run("scoer")
    assert outcome.code == 2
    assert "Did you mean `cxrview score`?" in outcome.err


def test_an_unknown_option_is_wrong_usage(run: Run) -> None:
    outcome = run("--frobnicate")
    assert outcome.code == 2
    assert "--frobnicate" in outcome.err


def test_a_path_opens_the_window(tmp_path: Path) -> None:
    opened: list[list[str]] = []
    code = cli_main.main([str(tmp_path)], window=lambda words: opened.append(list(words)) or 0)  # type: ignore[func-returns-value]
    assert code == 0
    assert opened == [["--", str(tmp_path)]]


def test_no_words_open_the_window() -> None:
    opened: list[list[str]] = []
    assert cli_main.main([], window=lambda words: opened.append(list(words)) or 7) == 7  # type: ignore[func-returns-value]
    assert opened == [["--"]]


def test_the_model_reaches_the_window(tmp_path: Path) -> None:
    opened: list[list[str]] = []
    cli_main.main(["--model", "m", str(tmp_path)], window=lambda words: opened.append(list(words)) or 0)  # type: ignore[func-returns-value]
    assert opened == [["--model", "m", "--", str(tmp_path)]]


def test_a_folder_called_like_a_command_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    opened: list[list[str]] = []
    cli_main.main(["./models"], window=lambda words: opened.append(list(words)) or 0)  # type: ignore[func-returns-value]
    assert opened == [["--", "./models"]]
    outcome = run("models")
    assert outcome.code == 2
    assert "cxrview ./models" in outcome.err


def test_without_qt_the_window_says_so_in_a_sentence(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setitem(sys.modules, "PySide6", None)
    outcome = run()
    assert outcome.code == 3
    assert "needs Qt" in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("--basedir", "{}", "models", "list"), ("--basedir={}", "models", "list"), ("models", "list", "--basedir", "{}")]
)
def test_basedir_moves_everything_from_either_side(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    wanted = tmp_path / "moved"
    assert run(*(word.format(wanted) for word in words)).code == 0
    assert places().models_dir.is_relative_to(wanted)


def test_an_error_is_one_line_without_traceback(run: Run, tmp_path: Path) -> None:
    outcome = run("score", tmp_path, "--model", "no-such-model")
    assert outcome.code == 3
    assert outcome.err.startswith("cxrview: ")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.usefixtures("_logging_restored")
def test_debug_shows_the_traceback(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXRVIEW_LOG", "debug")
    outcome = run("score", tmp_path, "--model", "no-such-model")
    assert outcome.code == 3
    assert "Traceback" in outcome.err


def test_broken_settings_are_named(run: Run, tmp_path: Path) -> None:
    places().config_dir.mkdir(parents=True)
    (places().config_dir / "settings.toml").write_text("threads = -3\n")
    outcome = run("score", tmp_path)
    assert outcome.code == 3
    assert "`threads`" in outcome.err
    assert "settings.toml" in outcome.err


def test_a_reader_that_has_gone_away_is_not_complained_about() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen([*program_command(), "--help"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert told == b""
    assert process.returncode == 1
