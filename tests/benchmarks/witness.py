"""A process beside a measurement that tells when the machine itself stood still: a clock on each processor core, and nothing else to do.

It belongs to the same class of scheduling as the program that is measured, imports next to nothing and shares no lock with it. A stall is
time in which the clocks of all cores were late at once. Threads of the measured program cannot bring that about: those that compute
stand back, so that a process that sleeps, as this one, goes before them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

TICK_S = 0.005
# A clock is late by some tenths of a millisecond at most, and by a turn of the scheduler where a core is busy.
TOLERANCE_S = 0.005

Span = tuple[float, float]


class Witness:
    """The process, and what it saw; times are those of `time.perf_counter`, which on Linux all processes share."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen([sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self) -> list[Span]:
        """End it, and give the spans in which no core ran, in their order."""
        told, _ = self._process.communicate()
        return in_all([[(begin, end) for begin, end in spans] for spans in json.loads(told)])


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


def watch_core(core: int, late: list[Span], is_over: threading.Event) -> None:
    """Note when this core let its clock wait: from when it was due to when it came."""
    if core >= 0:
        os.sched_setaffinity(0, {core})  # of this thread alone
    while not is_over.is_set():
        due = time.perf_counter() + TICK_S
        time.sleep(TICK_S)
        came = time.perf_counter()
        if came - due > TOLERANCE_S:
            late.append((due, came))


def main() -> None:
    """Watch every core until standard input ends, then say what was seen."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1]
    seen: list[list[Span]] = [[] for _ in cores]
    is_over = threading.Event()
    threads = [threading.Thread(target=watch_core, args=(core, late, is_over)) for core, late in zip(cores, seen, strict=True)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
