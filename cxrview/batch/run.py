"""A whole batch: list the files, score what is left of them, keep what is done, write the table. On one thread."""

from __future__ import annotations

import glob
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from cxrview.batch.journal import Counts, Journal, delete_journal
from cxrview.batch.outcome import Outcome
from cxrview.batch.outputs import is_output_folder
from cxrview.batch.plan import Plan
from cxrview.batch.row import Cell, ModelName, ScoreRow, cells, columns, error_row, name_of, row_of
from cxrview.batch.run_record import run_record
from cxrview.batch.supervisor import Ready, Result, RowCells, Supervisor
from cxrview.batch.tables import Table, check_target, partial_name
from cxrview.core.errors import BatchStopped, NothingToDo, UsageError
from cxrview.core.image import ImageRef
from cxrview.engine.packages import Package
from cxrview.io.atomic import write_text
from cxrview.io.read import walk_images

# A commit waits for the disk: as many files as this, or as much time, may be lost and done again.
FILES_IN_A_CHUNK = 64
SECONDS_OF_A_CHUNK = 1.0
STANDARD_INPUT = "-"
PARTIAL_FACT = "partial"
# The options that people know, where they are called otherwise than what they set.
OPTIONS = {"has_lungs": "no-lungs", "heatmap_files": "heatmap-files"}


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks of a batch.

    Attributes:
        inputs: files, folders, archives.
        list_file: a file with a path on each line, or `-` for standard input; empty for none.
        output: the table; None for rows that are only handed on.
        is_resuming: go on with what an earlier run of the same request left.
        is_watching: the inputs are folders that are watched, and the journal stays.
    """

    inputs: tuple[Path, ...]
    plan: Plan
    output: Path | None
    list_file: str = ""
    is_resuming: bool = True
    is_watching: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A little progress: rows that are new and kept, and how far all is."""

    rows: tuple[ScoreRow, ...]
    done: int
    files: int


@dataclass(slots=True)
class _Chunk:
    results: list[Result] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    @property
    def is_due(self) -> bool:
        return len(self.results) >= FILES_IN_A_CHUNK or time.monotonic() - self.since >= SECONDS_OF_A_CHUNK


class Batch:
    """A batch from its first file to its table; use it as a context, on one thread.

    Order of calls: `list_files`, `steps` to their end, `finish`. Leaving earlier keeps what is done.
    """

    def __init__(self, request: Request, package: Package, *, command: Sequence[str] = ()) -> None:
        """Open the journal, and start the process that will score.

        Args:
            request: what is asked.
            package: the model.
            command: the words that start the process; empty for this program.

        Raises:
            UsageError: an unfinished run of another request has the same table.
            BatchStopped: the journal cannot be used.
        """
        if request.output is not None:
            check_target(request.output)
        self.request, self.package = request, package
        self.model: ModelName = name_of(package.manifest, package.sha256)
        self.labels = tuple(label.id for label in package.manifest.labels)
        self._scratch = tempfile.TemporaryDirectory(prefix="cxrview-batch-") if request.output is None else None
        self._begun = time.monotonic()
        self._roots = _roots(request.inputs)
        try:
            self.journal = self._open_journal()
        except BaseException:
            self._drop_scratch()
            raise
        self._supervisor = Supervisor(request.plan, self.model, self.labels, command=command)

    def __enter__(self) -> Batch:
        """Start."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the process that scores; what is done is kept."""
        self._supervisor.close()
        self._note_time()
        with suppress(BatchStopped):
            self.journal.close()
        self._drop_scratch()

    @property
    def ready(self) -> Ready:
        """What scores; waits until the model is open."""
        return self._supervisor.ready()

    @property
    def supervisor(self) -> Supervisor:
        """What watches over the process that scores."""
        return self._supervisor

    def list_files(self, on_found: Callable[[int], None] = lambda _count: None) -> Counts:
        """Find the files, or take the list that an earlier run left.

        Raises:
            NothingToDo: there is no image.
        """
        return list_into(self.journal, self.request, on_found)

    def steps(self) -> Iterator[Step]:
        """Score what is left, and give the rows when the disk has them; a step without rows says that time has passed.

        Raises:
            BatchStopped: the disk is full, a drive is gone, or the process that scores does not live.
        """
        counts = self.journal.counts()
        done, chunk = counts.done, _Chunk()
        for result in self._results():
            if result is not None:
                self._check_roots(result)
                chunk.results.append(result)
            if chunk.is_due:
                done += len(chunk.results)
                yield self._kept(chunk, done, counts.files)
                chunk = _Chunk()
        done += len(chunk.results)
        yield self._kept(chunk, done, counts.files)

    def finish(self, command: Sequence[str] = ()) -> Counts:
        """Write the table and the record of the run, and remove the journal.

        Args:
            command: the words the person gave, for the record.
        """
        counts = self.journal.counts()
        if self.request.output is not None:
            self.write_table(self.request.output)
            self.write_record(self.request.output, command)
            if self.journal.fact(PARTIAL_FACT):
                partial_name(self.request.output).unlink(missing_ok=True)
            self.journal.delete()
        return counts

    def write_partial(self, output: Path) -> Path:
        """Write the rows so far beside the table to be; gives where. They go when the table is complete."""
        target = partial_name(output)
        self.journal.note(PARTIAL_FACT, "1")
        self.write_table(target)
        return target

    def write_record(self, output: Path, command: Sequence[str] = ()) -> None:
        """Write the record of the run beside the table."""
        self._note_time()
        _sweep(record_path(output))
        write_text(record_path(output), self.record(command), errors="backslashreplace")

    def record(self, command: Sequence[str] = ()) -> str:
        """Give the record of the run as JSON."""
        seconds = float(self.journal.fact("seconds") or 0.0)
        return run_record(command, self.package, self._supervisor.ready(), self.journal.counts(), self.statuses(), seconds)

    def outcome(self) -> Outcome:
        """Give what reports and contact sheets are made of."""
        journal = self.journal
        return Outcome(
            package=self.package,
            plan=self.request.plan,
            ready=self.ready,
            counts=journal.counts(),
            numbered_rows=journal.numbered_rows,
            task_of=journal.task_of,
            pictures=journal.pictures,
        )

    def write_table(self, target: Path) -> None:
        """Write the rows there are, in the order of the files; complete or not at all."""
        _sweep(target)
        with Table(target, self.labels) as table:
            for row in self.journal.rows():
                table.write_cells(dict(zip(columns(self.labels), row, strict=True)))

    def rows(self) -> Iterator[ScoreRow]:
        """Give all rows that are kept, in the order of the files."""
        for row in self.journal.rows():
            yield self.row_of(row)

    def row_of(self, found: Sequence[Cell]) -> ScoreRow:
        """Make a row of its cells."""
        return row_of(dict(zip(columns(self.labels), found, strict=True)), self.labels)

    def statuses(self) -> dict[str, int]:
        """Count the rows by status."""
        place = columns(self.labels).index("status")
        found: dict[str, int] = {}
        for row in self.journal.rows():
            found[str(row[place])] = found.get(str(row[place]), 0) + 1
        return found

    def _results(self) -> Iterator[Result | None]:
        found = self._supervisor.score(self.journal.tasks())
        yield from found if self._scratch is None else _in_order(found)
        for task, reason in list(self.journal.problems()):
            row = error_row(task.ref, reason, self.model)
            yield Result(task, (RowCells(tuple(cells(row, self.labels).values())),))

    def _kept(self, chunk: _Chunk, done: int, files: int) -> Step:
        self.journal.add(chunk.results)
        rows = tuple(self.row_of(each.cells) for result in chunk.results for each in result.rows)
        return Step(rows, done, files)

    def _check_roots(self, result: Result) -> None:
        """Stop when a file is gone because all of its drive is: rows of a folder that was unplugged would say nothing true."""
        if not any(row.is_missing for row in result.rows):
            return
        for root, device in self._roots.items():
            if _device_of(root) != device:
                raise BatchStopped(
                    "it is no longer there: was a drive unplugged?",
                    hint="Bring it back and run the same command: it goes on where it was.",
                    subject=str(root),
                )

    def _open_journal(self) -> Journal:
        if self._scratch is not None:
            return Journal(Path(self._scratch.name) / "journal")
        return open_journal(self.request, self.model)

    def _note_time(self) -> None:
        now = time.monotonic()
        with suppress(BatchStopped):
            self.journal.note("seconds", str(float(self.journal.fact("seconds") or 0.0) + now - self._begun))
        self._begun = now

    def _drop_scratch(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()


def _sweep(target: Path) -> None:
    """Remove what a run that was killed while it wrote this file left; nobody else writes it while we hold the journal."""
    for stale in target.parent.glob(f".{glob.escape(target.name)}.????????.tmp"):
        stale.unlink(missing_ok=True)


def _in_order(results: Iterable[Result | None]) -> Iterator[Result | None]:
    """Hold rows back until those of all earlier files have come: for a table that is read while it is written."""
    waiting: dict[int, Result] = {}
    wanted = 1
    for result in results:
        if result is None:
            yield None
            continue
        waiting[result.task.number] = result
        while wanted in waiting:
            yield waiting.pop(wanted)
            wanted += 1


def open_journal(request: Request, model: ModelName) -> Journal:
    """Open the journal beside the table, or begin one.

    Raises:
        UsageError: an unfinished run of another request left it.
        BatchStopped: it cannot be used.
    """
    assert request.output is not None
    path = journal_path(request.output)
    if not request.is_resuming:
        delete_journal(path)
    journal = Journal(path)
    identity, found = json.dumps(_identity(request, model)), journal.fact("request")
    if found and found != identity:
        journal.close()
        raise UsageError(
            f"an unfinished run with another {_differences(found, identity)} left '{path.name}' beside this table.",
            hint="Give the same command to go on with it, name another table, or begin anew with --no-resume.",
        )
    if not found:
        journal.note("request", identity)
    return journal


def list_into(journal: Journal, request: Request, on_found: Callable[[int], None] = lambda _count: None) -> Counts:
    """Find the files, or take the list that an earlier run left.

    Raises:
        NothingToDo: there is no image.
    """
    if not journal.is_listed:
        journal.list_files(walk_images(_named(request)), _is_no_output(), on_found)
    counts = journal.counts()
    if not counts.files:
        named = ", ".join(map(str, request.inputs)) or "the list"
        journal.delete()
        raise NothingToDo(f"no image was found in {named}.", hint=f"{counts.others} other files were met.")
    return counts


def _named(request: Request) -> Iterator[Path]:
    yield from request.inputs
    if request.list_file:
        yield from listed_paths(request.list_file)


def journal_path(output: Path) -> Path:
    """Say where a batch keeps what it has done until its table is complete."""
    return output.with_name(f"{output.name}.unfinished")


def record_path(output: Path) -> Path:
    """Say where the record of the run stands."""
    return output.with_name(f"{output.stem}.run.json")


def listed_paths(list_file: str) -> Iterator[Path]:
    """Read paths, one on each line, or ended by NUL bytes as `find -print0` writes them; empty lines are nothing.

    Raises:
        NothingToDo: there is no such list.
    """
    with _opened_list(list_file) as lines:
        for line in lines:
            for part in line.rstrip(b"\r\n").split(b"\0"):
                if part.strip():
                    yield Path(os.fsdecode(part))


def _opened_list(list_file: str) -> BinaryIO:
    if list_file == STANDARD_INPUT:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    try:
        return Path(list_file).open("rb")
    except OSError as error:
        raise NothingToDo("the list of files cannot be read.", hint=f"{error.strerror}.", subject=list_file) from error


def _identity(request: Request, model: ModelName) -> dict[str, object]:
    """Say what makes two commands the same one; how fast it goes does not."""
    plan = {name: value for name, value in asdict(request.plan).items() if name not in {"workers", "threads", "batch_size", "time_limit_s"}}
    return {
        "PATH": [os.fspath(path) for path in request.inputs],
        "folder": str(Path.cwd()),
        "--list": request.list_file,
        "--watch": request.is_watching,
        "model": model.sha256,
        **{f"--{OPTIONS.get(name, name)}": value for name, value in plan.items() if name not in {"model", "inputs", "pictures"}},
    }


def _differences(found: str, wanted: str) -> str:
    old, new = json.loads(found), json.loads(wanted)
    return ", ".join(name for name in new if old.get(name) != new[name]) or "version of the program"


def _is_no_output() -> Callable[[ImageRef], bool]:
    is_output = lru_cache(maxsize=4096)(is_output_folder)
    return lambda ref: not is_output(ref.path.parent)


def _roots(inputs: Iterable[Path]) -> dict[Path, int]:
    """Give the device of each folder that was named, and of the folders of the files that were."""
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in inputs if path.exists())
    return {folder: _device_of(folder) for folder in folders}


def _device_of(folder: Path) -> int:
    try:
        return folder.stat().st_dev
    except OSError:
        return -1
