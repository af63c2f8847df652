"""A process beside a measurement that tells when the machine itself stood still: a clock on each processor core, and nothing else to do.

Its clocks are real-time threads where the system allows that (root on Linux), so that no program, least of all the measured one, can
make them late: only the machine can, as a virtual one does whose host lets it wait. Elsewhere they belong to the class of scheduling of
the measured program, whose computing threads stand back; busy cores then make them late by some milliseconds more. It imports next to
nothing and shares no lock with what is measured. A stall is time in which the clocks of all cores were late at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

TICK_S = 0.005
# A clock is late by some tenths of a millisecond at most, and by a turn of the scheduler where a core is busy.
TOLERANCE_S = 0.005

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Account:
    """The spans in which no core ran, in their order, and whether the clocks were real-time threads."""

    stalls: tuple[Span, ...]
    is_real_time: bool


class Witness:
    """The process, and what it saw; times are those of `time.perf_counter`, which on Linux all processes share."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen([sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> Account:
        """End it, and give what it saw."""
        told, _ = self._process.communicate()
        account = json.loads(told)
        stalls = in_all([[(begin, end) for begin, end in spans] for spans in account["late"]])
        return Account(tuple(stalls), all(account["is_real_time"]))


def in_all(by_core: Sequence[Sequence[Span]]) -> list[Span]:
    """Give the spans that lie in a span of every core."""
    shared = list(by_core[0])
    for spans in by_core[1:]:
        met = [(max(one[0], other[0]), min(one[1], other[1])) for one in shared for other in spans]
        shared = sorted(span for span in met if span[0] < span[1])
    return shared


def explained_s(begin: float, end: float, stalls: Sequence[Span]) -> float:
    """Give how long the machine stood still between two moments, seconds."""
    return sum(max(0.0, min(end, stall[1]) - max(begin, stall[0])) for stall in stalls)


class Clock:
    """A clock on one core, in a thread of its own: the spans from when it was due to when it came."""

    def __init__(self, core: int) -> None:
        """Watch this core, or with -1 whichever there is."""
        self.late: list[Span] = []
        self.is_real_time = False
        self.is_over = False
        self._core = core
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        """Wait for its last beat."""
        self.is_over = True
        self._thread.join()

    def _watch(self) -> None:
        if self._core >= 0:
            os.sched_setaffinity(0, {self._core})  # of this thread alone, as the next
            try:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO) // 2))
                self.is_real_time = True
            except PermissionError:
                self.is_real_time = False
        while not self.is_over:
            due = time.perf_counter() + TICK_S
            time.sleep(TICK_S)
            came = time.perf_counter()
            if came - due > TOLERANCE_S:
                self.late.append((due, came))


def main() -> None:
    """Watch every core until standard input ends, then say what was seen."""
    clocks = [Clock(core) for core in (sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1])]
    sys.stdin.read()
    for clock in clocks:
        clock.stop()
    json.dump({"late": [clock.late for clock in clocks], "is_real_time": [clock.is_real_time for clock in clocks]}, sys.stdout)


if __name__ == "__main__":
    main()
