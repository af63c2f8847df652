"""What a command is: a name, its options, and a function that gives the exit code."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn

from cxrview.core.errors import UsageError


class ExitCode(IntEnum):
    """How a command ended; other programs rely on these."""

    OK = 0
    SOME_ERRORS = 1
    USAGE = 2
    NOTHING_DONE = 3
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """One word of the command line.

    Attributes:
        summary: one line, for the list of commands.
        details: more, below the options in the command's own help.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    details: str = ""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors of ours: one line, and where to read more."""

    def error(self, message: str) -> NoReturn:
        """Complain about the words of the command line."""
        where = self.prog.removeprefix("cxrview").strip()
        raise UsageError(f"{where}: {message}." if where else f"{message}.", hint=f"See `{self.prog} --help`.")


def parser_of(command: Command) -> Parser:
    """Make the parser of one command."""
    parser = Parser(
        prog=f"cxrview {command.name}",
        description=command.summary[0].upper() + command.summary[1:] + ".",
        epilog=command.details or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.add_argument("--basedir", metavar="DIR", help="keep settings, models, caches and logs below DIR (also CXRVIEW_BASEDIR)")
    return parser
