"""A folder that is watched: what arrives is scored when it is complete, and the table grows with it. On one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrview.batch.journal import Arrival
from cxrview.batch.outputs import is_output_folder
from cxrview.batch.run import Batch, Step
from cxrview.core.errors import BatchStopped
from cxrview.core.image import ImageRef
from cxrview.io.read import walk_images

LOOK_EVERY_S = 2.0
# A table of a million rows takes seconds to write: never more than this share of the time goes there.
SHARE_FOR_TABLES = 0.05


@dataclass(slots=True)
class Watcher:
    """Which files of the watched folders have stood still, as far as can be told without asking who writes them.

    A file is complete when its size and time of change are the same at two looks in a row, and it is not empty.
    """

    folders: tuple[Path, ...]
    seen: dict[Path, str] = field(default_factory=dict)

    def look(self) -> list[Arrival]:
        """Give the pictures whose files have not changed since the last look, members with their archive; and archives that are damaged."""
        found: list[Arrival] = []
        stamps: dict[Path, str] = {}
        for piece in walk_images(self.folders):
            damaged = [ImageRef(problem.path) for problem in piece.problems if problem.path.is_file()]  # reading them gives the reason
            for ref in (*piece.refs, *damaged):
                if ref.path not in stamps:
                    stamps[ref.path] = stamp_of(ref.path)
                stamp = stamps[ref.path]
                if stamp and self.seen.get(ref.path) == stamp and not is_output_folder(ref.path.parent):
                    found.append(Arrival(ref, stamp))
        self.seen = stamps
        return found


def stamp_of(path: Path) -> str:
    """Give a file's size and time of change as text; empty for one that is empty, or gone again."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}" if status.st_size else ""


def watch(batch: Batch, wait: Callable[[float], bool], *, every_s: float = LOOK_EVERY_S, command: Sequence[str] = ()) -> Iterator[Step]:
    """Score what arrives until `wait` says that it is enough; a step without rows says that nothing came.

    Args:
        batch: whose journal stays for the next time; its table is written anew after each lot.
        wait: waits for so many seconds, and tells whether to end.
        every_s: seconds between two looks.
        command: the words the person gave, for the record.
    """
    watcher = Watcher(batch.request.inputs)
    table = _TableWriter(batch, tuple(command))
    if batch.journal.counts().rows:
        table.is_stale = True
    while True:
        _check_there(batch.request.inputs)
        arrivals = [arrival for arrival in watcher.look() if not batch.journal.knows(arrival)]
        if arrivals:
            batch.journal.add_arrivals(arrivals)
        is_some = False
        if batch.journal.counts().done < batch.journal.counts().files:
            for step in batch.steps():
                is_some = True
                table.is_stale = table.is_stale or bool(step.rows)
                yield step
        table.write_when_due()
        if not is_some:
            counts = batch.journal.counts()
            yield Step((), counts.done, counts.files)
        if wait(every_s):
            break
    table.write()


@dataclass(slots=True)
class _TableWriter:
    """Writes the table and its record anew, not too often."""

    batch: Batch
    command: tuple[str, ...]
    is_stale: bool = False
    took: float = 0.0
    written_at: float = 0.0

    def write_when_due(self) -> None:
        if self.is_stale and time.monotonic() - self.written_at >= self.took / SHARE_FOR_TABLES:
            self.write()

    def write(self) -> None:
        if not self.is_stale or self.batch.request.output is None:
            return
        begun = time.monotonic()
        self.batch.write_table(self.batch.request.output)
        self.batch.write_record(self.batch.request.output, self.command)
        self.written_at = time.monotonic()
        self.took = self.written_at - begun
        self.is_stale = False


def _check_there(folders: tuple[Path, ...]) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise BatchStopped("the watched folder is not there.", hint="Bring it back and run the same command.", subject=str(folder))
