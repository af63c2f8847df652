"""The command line: takes the first word, runs the command, turns what went wrong into one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import cxrview
from cxrview.cli.command import Command, ExitCode, parser_of
from cxrview.cli.commands import COMMANDS
from cxrview.cli.terminal import answer, tell
from cxrview.cli.window import Window, open_window
from cxrview.core.errors import CxrError, UsageError
from cxrview.io.places import use_basedir

LOG_VARIABLE = "CXRVIEW_LOG"
LOG_LEVELS = ("debug", "info", "warning", "error")
# Said by a batch to the process it starts; no command for people.
BATCH_WORKER = "batch-worker"
# Said by the window to the process that runs its models.
ENGINE_WORKER = "engine-worker"
LOG = logging.getLogger(__name__)

DISCLAIMER = "For research and teaching. Not a medical device."


def main(words: Sequence[str], *, window: Window) -> int:
    """Run one command line, without the program's name; give the exit code. `window` opens the window."""
    try:
        _start_logging()
        code = _dispatch(list(words), window)
        sys.stdout.flush()  # a reader that has gone away shows here, not when Python ends
        return code
    except KeyboardInterrupt:
        tell("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _silence_standard_output()
        return ExitCode.SOME_ERRORS
    except Exception as error:  # noqa: BLE001 - the process hook: nobody below knew better
        return _complain(error)


def _dispatch(words: list[str], window: Window) -> int:
    """Find out what the first word is: an option of ours, a command, or a path for the window."""
    words = _without_basedir(words)
    first = words[0] if words else ""
    if first in ("-h", "--help", "help"):
        answer(help_text())
        return ExitCode.OK
    if first in ("-V", "--version"):
        answer(f"cxrview {cxrview.__version__}")
        return ExitCode.OK
    if first == BATCH_WORKER:
        from cxrview.batch.worker import serve

        return serve(words[1:])
    if first == ENGINE_WORKER:
        from cxrview.engine.serving import serve as serve_networks

        return serve_networks()
    command = next((each for each in COMMANDS if each.name == first), None)
    if command is not None:
        return _run_command(command, words[1:])
    return open_window(words, [each.name for each in COMMANDS], window)


def _run_command(command: Command, words: list[str]) -> int:
    parser = parser_of(command)
    try:
        arguments = parser.parse_args(words)
    except SystemExit as end:  # --help was asked for and has been answered
        return int(end.code or 0)
    except UsageError as error:
        if Path(command.name).exists():
            error.hint += f" To open the folder or file of that name: `cxrview ./{command.name}`."
        raise
    return command.run(arguments)


def _without_basedir(words: list[str]) -> list[str]:
    """Obey `--basedir DIR`, wherever it stands before a `--`, and take it away."""
    end = words.index("--") if "--" in words else len(words)
    for place, word in enumerate(words[:end]):
        name, _, folder = word.partition("=")
        if name != "--basedir":
            continue
        width = 1 if folder else 2
        folder = folder or "".join(words[place + 1 : min(place + 2, end)])
        if not folder:
            raise UsageError("--basedir needs a folder.", hint="See `cxrview --help`.")
        use_basedir(Path(folder))
        return words[:place] + words[place + width :]
    return words


def help_text() -> str:
    """Give the help of the whole program."""
    width = max(len(each.name) for each in COMMANDS)
    lines = [
        "cxrview [--basedir DIR] [--model ID|DIR] [PATH ...]   open the window",
        "cxrview [--basedir DIR] COMMAND ...                   do it here",
        "",
        "commands:",
        *(f"  {each.name.ljust(width)}  {each.summary}" for each in COMMANDS),
        "",
        "options:",
        "  -h, --help      this text; `cxrview COMMAND --help` tells more",
        "  -V, --version   the version",
        "  --basedir DIR   keep settings, models, caches and logs below DIR (also CXRVIEW_BASEDIR)",
        "",
        "A file or folder that is called like a command is opened as `cxrview ./NAME`.",
        "Exit codes: 0 all good, 1 some images have errors, 2 wrong usage, 3 nothing could be done.",
        f"{LOG_VARIABLE}=debug shows what stands behind an error.",
        DISCLAIMER,
    ]
    return "\n".join(lines)


def _start_logging() -> None:
    level = os.environ.get(LOG_VARIABLE, "").lower()
    if level in LOG_LEVELS:
        logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)


def _complain(error: Exception) -> int:
    """Say in one line what went wrong; the traceback goes to the log."""
    LOG.debug("traceback", exc_info=error)
    if isinstance(error, CxrError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    else:
        text = f"unforeseen failure: {type(error).__name__}: {error} ({LOG_VARIABLE}=debug shows where; please report it)"
    tell("cxrview: " + " ".join(text.split()))
    return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.NOTHING_DONE


def _silence_standard_output() -> None:
    """Send the rest to nowhere, so that Python does not complain about the closed pipe at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
