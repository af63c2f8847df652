"""What the commands write: answers on standard output, everything else on the error stream. Knows rich."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

# A line for this much of the work, or after this time, where there is no terminal to draw a bar on.
PLAIN_STEP = 0.1
PLAIN_SECONDS = 30.0


def answer(text: str) -> None:
    """Write a line of the answer to standard output."""
    sys.stdout.write(text + "\n")


def tell(text: str) -> None:
    """Write a line for people to the error stream."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Align cells in columns of plain text."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (header, *rows)]


@contextmanager
def progress(total: int, what: str, *, is_quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how far the work is; gives the function to call with the number of pieces just done.

    A bar on a terminal, some plain lines elsewhere, nothing when quiet.
    """
    if is_quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar(total, what) as advance:
            yield advance
    else:
        yield _PlainLines(total, what).advance


@contextmanager
def _bar(total: int, what: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


class _PlainLines:
    """Lines for a log file: a tenth of the work or half a minute apart."""

    def __init__(self, total: int, what: str) -> None:
        self._total = total
        self._what = what
        self._done = 0
        self._told = 0
        self._begun = self._told_at = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._done - self._told >= self._total * PLAIN_STEP or now - self._told_at >= PLAIN_SECONDS:
            tell(f"{self._what}: {self._done} of {self._total}, {now - self._begun:.0f} s")
            self._told, self._told_at = self._done, now
