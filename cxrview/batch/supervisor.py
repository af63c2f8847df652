"""Watches over the process that scores: feeds it files, takes its rows, and begins a new one when a decoder hangs or crashes it."""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from cxrview.batch.plan import Plan, plan_to_json
from cxrview.batch.row import Cell, ModelName, cells, error_row
from cxrview.batch.worker import WORKER_WORD, ref_to_wire
from cxrview.core import errors
from cxrview.core.errors import BatchStopped, CxrError
from cxrview.core.image import ImageRef
from cxrview.io.places import program_command

AHEAD: Final = 4
"""Pieces given out for each worker: one at work, and enough waiting that it never waits for us."""
FILES_AHEAD: Final = 32
"""Files given out for each worker, at least: what a fast network does between two looks at its answers."""
GATHERING_S: Final = 0.03
"""Between two looks at the answers: waking for each of them would take the processor from those who score."""
MUCH_BYTES: Final = 2**15
"""So much in a pipe at once means that its writer may be waiting for room."""
MOST_DEATHS: Final = 3
"""A process that ends this often without having begun a file will not do better the next time."""
MOST_UNEXPLAINED: Final = 25
"""Crashes that no file repeats when it is alone: too little memory, a broken driver."""
KILLED: Final = -9
"""SIGKILL: by a person, or by the system for want of memory."""
KILLS_UNTIL_BLAMED: Final = 3
LOOK_AGAIN_S: Final = 0.5
CLOSING_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """A file to score: `number` is its place in the whole batch."""

    number: int
    ref: ImageRef


@dataclass(frozen=True, slots=True)
class RowCells:
    """One row as cells in the order of the columns, with its small picture if one was asked for."""

    cells: tuple[Cell, ...]
    thumbnail: bytes = b""
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of one file."""

    task: Task
    rows: tuple[RowCells, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """What the process that scores has opened."""

    engine: str
    device: str
    reasons: tuple[str, ...]
    workers: int
    batch_size: int
    has_lungs: bool


@dataclass(slots=True)
class _Lane:
    """What one thread of the other process has at work, and since when."""

    number: int
    since: float


@dataclass(slots=True)
class _Outstanding:
    """What the other process has been given and not answered yet."""

    tasks: dict[int, Task] = field(default_factory=dict)
    lanes: dict[int, _Lane] = field(default_factory=dict)


class Supervisor:
    """Scores files in another process; use it as a context.

    A file that takes longer than the plan allows, or that crashes the process when it is alone in it, gets a row that says so.
    """

    def __init__(self, plan: Plan, model: ModelName, labels: tuple[str, ...], *, command: Sequence[str] = ()) -> None:
        """Start the process; `ready` waits for it.

        Args:
            plan: what to do.
            model: for the rows that are made here.
            labels: the model's label ids, in order.
            command: the words that start the process; empty for this program.
        """
        self._plan, self._model, self._labels = plan, model, labels
        self._command = tuple(command) or (*program_command(), WORKER_WORD)
        self._given = _Outstanding()
        self._again: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self._alone = -1
        self._strikes: Counter[int] = Counter()
        self._last_words = ""
        self._deaths = self._unexplained = 0
        self._ready: Ready | None = None
        self.restarts = 0
        self._start()

    def __enter__(self) -> Supervisor:
        """Start."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, whatever it is doing."""
        self.close()

    @property
    def process_id(self) -> int:
        """The number of the process that scores now."""
        return self._process.pid

    def ready(self) -> Ready:
        """Wait until the model is open.

        Raises:
            CxrError: it cannot be opened.
        """
        while self._ready is None:
            try:
                event = self._events.get(timeout=LOOK_AGAIN_S)
            except queue.Empty:
                continue
            if event is None:
                self._on_death()
            else:
                self._on_ready(event[0])
        return self._ready

    def score(self, tasks: Iterable[Task]) -> Iterator[Result | None]:
        """Give the rows of each file as they come, in any order, and None now and then while nothing has come.

        Raises:
            BatchStopped: the process ends again and again before it has begun a file, or it can write nothing any more.
        """
        self.ready()
        waiting = iter(tasks)
        is_exhausted = False
        while True:
            is_exhausted = self._feed(waiting) or is_exhausted
            if not self._given.tasks:
                if is_exhausted and not self._again and not self._suspects:
                    return
                continue
            try:
                events = self._events.get(timeout=self._patience())
            except queue.Empty:
                yield from self._on_silence()
                continue
            if events is None:
                yield from self._on_crash()
                self.ready()
            for event in events or ():
                yield from self._on_event(event)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._chatter is not None and not self._chatter.closed:
            self._last_words = _last_line(self._chatter)
            self._chatter.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not sent yet is wanted no more

    # Giving out.

    def _feed(self, waiting: Iterator[Task]) -> bool:
        """Keep enough files given out; tell whether there are no more."""
        ready = self.ready()
        if self._suspects and not self._given.tasks:
            task = self._suspects.popleft()
            self._alone = task.number
            self._give([task])
        if self._suspects or self._alone in self._given.tasks:
            return False
        room = ready.workers * max(ready.batch_size * AHEAD, FILES_AHEAD) - len(self._given.tasks)
        room -= room % ready.batch_size
        tasks = [task for task in (self._next(waiting) for _ in range(room)) if task is not None]
        is_rest = len(tasks) < room
        self._give(tasks, max(1, min(ready.batch_size, len(tasks) // ready.workers)) if is_rest else ready.batch_size)
        return is_rest

    def _next(self, waiting: Iterator[Task]) -> Task | None:
        return self._again.popleft() if self._again else next(waiting, None)

    def _give(self, tasks: Sequence[Task], size: int = 1) -> None:
        """Hand out files in pieces of a size: for as many workers as can have one."""
        if not tasks:
            return
        self._given.tasks.update({task.number: task for task in tasks})
        pieces = [tasks[start : start + size] for start in range(0, len(tasks), size)]
        self._send("\n".join(json.dumps([[task.number, *ref_to_wire(task.ref)] for task in piece]) for piece in pieces))

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            return  # it has ended: its last event tells, and what it was given is given again

    # Taking in.

    def _on_ready(self, event: Mapping[str, Any]) -> None:  # Any: JSON
        _raise_failure(event)
        self._ready = Ready(
            engine=event["ready"],
            device=event["device"],
            reasons=tuple(event["reasons"]),
            workers=event["workers"],
            batch_size=event["batch_size"],
            has_lungs=event["has_lungs"],
        )

    def _on_event(self, event: Mapping[str, Any]) -> Iterator[Result]:  # Any: JSON
        _raise_failure(event)
        lane = event["lane"]
        if "begun" in event:
            self._given.lanes[lane] = _Lane(event["begun"], time.monotonic())
            return
        self._given.lanes.pop(lane, None)
        self._deaths = 0
        for number, rows in event["done"]:
            task = self._given.tasks.pop(number)
            yield Result(task, tuple(RowCells(tuple(each), base64.b64decode(picture), is_missing) for each, picture, is_missing in rows))

    def _patience(self) -> float:
        """Say how long to wait for the next event before looking at the clock."""
        oldest = min((lane.since for lane in self._given.lanes.values()), default=time.monotonic())
        left = oldest + self._plan.time_limit_s - time.monotonic()
        return min(max(left, 0.01), LOOK_AGAIN_S)

    # What goes wrong.

    def _on_silence(self) -> Iterator[Result | None]:
        """Look for a file that takes too long, and begin a new process for the others.

        A library that hangs may hold up every thread. Where several have been silent for long, each of their files is tried alone.
        """
        now = time.monotonic()
        silent = {lane.number: now - lane.since for lane in self._given.lanes.values() if lane.number in self._given.tasks}
        if max(silent.values(), default=0.0) <= self._plan.time_limit_s:
            yield None
            return
        self.close()
        suspects = [self._given.tasks.pop(number) for number, seconds in silent.items() if seconds > self._plan.time_limit_s / 2]
        self._take_back()
        self._begin_again()
        if len(suspects) == 1:
            limit = f"{self._plan.time_limit_s:g} seconds"
            yield self._refused(suspects[0], f"Reading and scoring took longer than {limit} and was given up.")
        else:
            self._suspects.extend(sorted(suspects, key=lambda task: task.number))

    def _on_crash(self) -> Iterator[Result]:
        """Find out which file it was: those that had begun are tried again, one at a time."""
        status = self._process.wait()
        self.close()
        begun = {lane.number for lane in self._given.lanes.values()} & set(self._given.tasks)
        if self._alone in begun and self._is_to_blame(status):
            (task,) = self._given.tasks.values()
            self._given = _Outstanding()
            self._unexplained -= 1
            yield self._refused(task, f"Reading it crashed the decoder ({_ended(status)}).")
        else:
            self._suspects.extend(self._given.tasks.pop(number) for number in sorted(begun))
            self._take_back()
            self._unexplained += 1
            if not begun or self._unexplained > MOST_UNEXPLAINED:
                self._count_death(status)
        self._begin_again()

    def _is_to_blame(self, status: int) -> bool:
        """Tell whether the file that was alone is the reason: a decoder crashes by itself, but anybody may kill a process."""
        self._strikes[self._alone] += 1
        return status != KILLED or self._strikes[self._alone] >= KILLS_UNTIL_BLAMED

    def _take_back(self) -> None:
        """Put what was given out, and not answered, before everything that waits."""
        self._again.extendleft(task for _, task in sorted(self._given.tasks.items(), reverse=True))
        self._given = _Outstanding()

    def _on_death(self) -> None:
        """Begin again after an end before the model was open."""
        status = self._process.wait()
        self.close()
        self._count_death(status)
        self._begin_again()

    def _count_death(self, status: int) -> None:
        self._deaths += 1
        if self._deaths >= MOST_DEATHS or self._unexplained > MOST_UNEXPLAINED:
            words = f" {self._last_words}" if self._last_words else ""
            raise BatchStopped(
                f"the process that scores ended again and again, and no single file is to blame ({_ended(status)}).{words}",
                hint="There may be too little memory: try --workers 1. CXRVIEW_LOG=debug shows more.",
            )

    def _refused(self, task: Task, reason: str) -> Result:
        row = error_row(task.ref, reason, self._model)
        return Result(task, (RowCells(tuple(cells(row, self._labels).values())),))

    # The process.

    def _begin_again(self) -> None:
        self.restarts += 1
        self._ready = None
        self._start()

    def _start(self) -> None:
        # Decoders chatter; only the last line before an unexpected end is worth telling.
        self._chatter = None if os.environ.get("CXRVIEW_LOG") else tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._chatter, text=True, encoding="ascii"
        )
        self._events: queue.SimpleQueue[Sequence[Mapping[str, Any]] | None] = queue.SimpleQueue()  # Any: JSON
        self._reader = threading.Thread(target=_read, args=(self._process, self._events.put), name="cxrview-batch-reader")
        self._reader.start()
        self._send(plan_to_json(self._plan))


def _read(process: subprocess.Popen[str], put: Callable[[Sequence[Mapping[str, Any]] | None], None]) -> None:  # Any: JSON
    """Take the lines of the other process until it ends, those that have gathered together; a line cut short by its end is no line."""
    assert process.stdout is not None
    begun = b""
    while chunk := os.read(process.stdout.fileno(), 2 * MUCH_BYTES):
        *lines, begun = (begun + chunk).split(b"\n")
        if lines:
            put([json.loads(line) for line in lines])
        if len(chunk) < MUCH_BYTES:
            time.sleep(GATHERING_S)
    put(None)


def _raise_failure(event: Mapping[str, Any]) -> None:  # Any: JSON
    if "failed" in event:
        kind = getattr(errors, event["failed"], CxrError)
        raise kind(event["message"], hint=event["hint"], subject=event["subject"])


def _last_line(stream: IO[bytes]) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 2000))
    lines = stream.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _ended(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
