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
def progress(total: int, what: str, *, is_quiet: bool, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show how far the work is, how fast it goes and how long it will take; gives the function to call with the number just done.

    A bar on a terminal, some plain lines elsewhere, nothing when quiet. `done` pieces were done before.
    """
    if is_quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar(total, what, done) as advance:
            yield advance
    else:
        yield _PlainLines(total, what, done).advance


@contextmanager
def _bar(total: int, what: str, done: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    begun, count_now = time.monotonic(), 0
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=120.0) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="")

        def advance(count: int) -> None:
            nonlocal count_now
            count_now += count
            bar.update(task, advance=count, rate=_rate(count_now, time.monotonic() - begun))

        yield advance


class _PlainLines:
    """Lines for a log file: a tenth of the work or half a minute apart."""

    def __init__(self, total: int, what: str, done: int) -> None:
        self._total = total
        self._what = what
        self._before = self._done = self._told = done
        self._begun = self._told_at = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._done - self._told >= self._total * PLAIN_STEP or (count and now - self._told_at >= PLAIN_SECONDS):
            self._tell(now - self._begun)
            self._told, self._told_at = self._done, now

    def _tell(self, seconds: float) -> None:
        new = self._done - self._before
        left = (self._total - self._done) * seconds / new if new else 0.0
        tell(f"{self._what}: {self._done} of {self._total}, {duration(seconds)}, {_rate(new, seconds)}, {duration(left)} left")


def _rate(count: int, seconds: float) -> str:
    """Give the rate in the unit that has something before the point."""
    if seconds <= 0 or not count:
        return ""
    a_second = count / seconds
    return f"{a_second:.1f}/s" if a_second >= 1 else f"{60 * a_second:.1f}/min" if a_second >= 1 / 60 else f"{3600 * a_second:.1f}/h"


def duration(seconds: float) -> str:
    """Give a length of time for people: `12 s`, `3:05 min`, `2:10 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
