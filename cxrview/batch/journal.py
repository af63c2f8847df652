"""What a batch has done, in one SQLite file beside its table: every commit is on the disk, so that any end leaves a beginning."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxrview.batch.row import Cell
from cxrview.batch.supervisor import Result, RowCells, Task
from cxrview.core.errors import BatchStopped, UsageError
from cxrview.core.image import ImageRef
from cxrview.io.read import Found, natural_key

APPLICATION_ID: Final = 0x43585242  # "CXRB"
VERSION: Final = 1
PAGE_OF_TASKS: Final = 512
_SCHEMA: Final = """
CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE files(number INTEGER PRIMARY KEY, path BLOB, member TEXT, frame INTEGER, stamp TEXT, reason TEXT, is_done INTEGER);
CREATE UNIQUE INDEX named ON files(path, member, frame);
CREATE TABLE score_rows(number INTEGER, place INTEGER, cells TEXT, thumbnail BLOB, PRIMARY KEY(number, place)) WITHOUT ROWID;
"""
_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full.", "Make room and run the same command: it goes on where it was."),
    sqlite3.SQLITE_READONLY: ("the folder may not be written.", "Choose another place for the table."),
    sqlite3.SQLITE_PERM: ("the folder may not be written.", "Choose another place for the table."),
    sqlite3.SQLITE_CANTOPEN: ("the journal cannot be made here.", "Check the folder and its permissions."),
    sqlite3.SQLITE_BUSY: ("another cxrview is writing this table.", "Wait for it, or name another file."),
    sqlite3.SQLITE_LOCKED: ("another cxrview is writing this table.", "Wait for it, or name another file."),
    sqlite3.SQLITE_IOERR: ("the disk reported an error.", "Check the disk, then run the same command: it goes on where it was."),
    sqlite3.SQLITE_CORRUPT: ("the journal is damaged.", "Begin anew with --no-resume."),
    sqlite3.SQLITE_NOTADB: ("the journal is damaged.", "Begin anew with --no-resume."),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a batch is: files listed, files done, rows, and files met that are neither picture nor DICOM."""

    files: int
    done: int
    rows: int
    others: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that came to a watched folder; `stamp` is its size and time of change."""

    ref: ImageRef
    stamp: str


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row, the number of its file, and its place among the rows of that file."""

    number: int
    place: int
    cells: tuple[Cell, ...]


class Journal:
    """The list of files and the rows so far; one process at a time has it, on one thread.

    Every method that writes returns when the disk has it.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal, or make it.

        Raises:
            BatchStopped: it is damaged, held by another process, or cannot be made.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with _sentences(path):
            self._connection = sqlite3.connect(path, timeout=2.0, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def delete(self) -> None:
        """Let go of the file and remove it: the batch is complete."""
        self.close()
        delete_journal(self.path)

    def fact(self, name: str) -> str:
        """Give what was noted under a name; empty when nothing was."""
        with _sentences(self.path):
            found = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return "" if found is None else str(found[0])

    def note(self, name: str, value: str) -> None:
        """Note something of the whole batch."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    # The list of files.

    @property
    def is_listed(self) -> bool:
        """Tell whether the list of files is complete."""
        return self.fact("listed") == "1"

    def list_files(self, pieces: Iterable[Found], keep: Callable[[ImageRef], bool], on_found: Callable[[int], None]) -> None:
        """Take the files in natural order, each once, and what could not be looked into after them; all or nothing.

        Args:
            pieces: what is found, in any order.
            keep: whether to take an image; those left out count as other files.
            on_found: hears now and then how many there are.
        """
        with self._writing() as connection:
            connection.execute("CREATE TEMP TABLE found(path BLOB, member TEXT, sorted BLOB, PRIMARY KEY(path, member)) WITHOUT ROWID")
            others, problems, count = 0, [], 0
            for piece in pieces:
                others += piece.others
                problems += [(os.fsencode(problem.path), problem.reason) for problem in piece.problems]
                for ref in piece.refs:
                    if not keep(ref):
                        others += 1
                        continue
                    connection.execute(
                        "INSERT OR IGNORE INTO found VALUES (?, ?, ?)", (os.fsencode(ref.path), _safe(ref.member), natural_key(ref))
                    )
                    count += 1
                    if count % 1000 == 0:
                        on_found(count)
            connection.execute(
                "INSERT INTO files(path, member, frame, stamp, reason, is_done) "
                "SELECT path, member, 0, '', '', 0 FROM found ORDER BY sorted, path, member"
            )
            connection.executemany(
                "INSERT OR IGNORE INTO files(path, member, frame, stamp, reason, is_done) VALUES (?, '', 0, '', ?, 0)", problems
            )
            connection.execute("DROP TABLE found")
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('others', ?), ('listed', '1')", (str(others),))

    def add_arrivals(self, arrivals: Sequence[Arrival]) -> int:
        """Take files that came since; one that changed is to be scored anew. Gives how many there are to do."""
        with self._writing() as connection:
            for arrival in arrivals:
                key = (os.fsencode(arrival.ref.path), _safe(arrival.ref.member))
                if arrival.ref.member:
                    _forget(connection, (key[0], _safe("")))
                known = connection.execute("SELECT number, stamp FROM files WHERE path = ? AND member = ?", key).fetchone()
                if known is None:
                    connection.execute(
                        "INSERT INTO files(path, member, frame, stamp, reason, is_done) VALUES (?, ?, 0, ?, '', 0)", (*key, arrival.stamp)
                    )
                elif known[1] != arrival.stamp:
                    connection.execute("UPDATE files SET stamp = ?, is_done = 0 WHERE number = ?", (arrival.stamp, known[0]))
                    connection.execute("DELETE FROM score_rows WHERE number = ?", (known[0],))
            return int(connection.execute("SELECT COUNT(*) FROM files WHERE NOT is_done").fetchone()[0])

    def knows(self, arrival: Arrival) -> bool:
        """Tell whether a file is listed as it is now."""
        with _sentences(self.path):
            known = self._connection.execute(
                "SELECT stamp FROM files WHERE path = ? AND member = ?", (os.fsencode(arrival.ref.path), _safe(arrival.ref.member))
            ).fetchone()
        return known is not None and known[0] == arrival.stamp

    def tasks(self) -> Iterator[Task]:
        """Give the files that are to be done, in order; only a page of them is held."""
        for number, path, member, _ in self._undone("reason = ''"):
            yield Task(number, ImageRef(Path(os.fsdecode(path)), _given(member)))

    def problems(self) -> Iterator[tuple[Task, str]]:
        """Give what could not even be looked into and has no row yet, with the reason."""
        for number, path, member, reason in self._undone("reason != ''"):
            yield Task(number, ImageRef(Path(os.fsdecode(path)), _given(member))), reason

    def _undone(self, which: str) -> Iterator[tuple[int, bytes, str, str]]:
        last = 0
        while True:
            with _sentences(self.path):
                page = self._connection.execute(
                    f"SELECT number, path, member, reason FROM files WHERE number > ? AND NOT is_done AND {which} ORDER BY number LIMIT ?",  # noqa: S608 - one of the two conditions above
                    (last, PAGE_OF_TASKS),
                ).fetchall()
            if not page:
                return
            yield from page
            last = page[-1][0]

    # The rows.

    def add(self, results: Sequence[Result]) -> None:
        """Take the rows of some files: all of them or none."""
        if not results:
            return
        with self._writing() as connection:
            for result in results:
                number = result.task.number
                connection.execute("DELETE FROM score_rows WHERE number = ?", (number,))
                connection.executemany(
                    "INSERT INTO score_rows VALUES (?, ?, ?, ?)",
                    [(number, place, json.dumps(row.cells), row.thumbnail or None) for place, row in enumerate(result.rows)],
                )
                connection.execute("UPDATE files SET is_done = 1 WHERE number = ?", (number,))

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Give all rows in the order of the files, whatever the order they came in."""
        with _sentences(self.path):
            for (text,) in self._connection.execute("SELECT cells FROM score_rows ORDER BY number, place"):
                yield tuple(json.loads(text))

    def numbered_rows(self) -> Iterator[NumberedRow]:
        """Give all rows in the same order, each with the file it belongs to and its place among the rows of that file."""
        with _sentences(self.path):
            for number, place, text in self._connection.execute("SELECT number, place, cells FROM score_rows ORDER BY number, place"):
                yield NumberedRow(number, place, tuple(json.loads(text)))

    def task_of(self, number: int) -> Task:
        """Give a file again by its number."""
        with _sentences(self.path):
            path, member = self._connection.execute("SELECT path, member FROM files WHERE number = ?", (number,)).fetchone()
        return Task(number, ImageRef(Path(os.fsdecode(path)), _given(member)))

    def pictures(self) -> Iterator[RowCells]:
        """Give the rows that have a small picture, in the same order."""
        with _sentences(self.path):
            for text, picture in self._connection.execute(
                "SELECT cells, thumbnail FROM score_rows WHERE thumbnail IS NOT NULL ORDER BY number, place"
            ):
                yield RowCells(tuple(json.loads(text)), picture)

    def counts(self) -> Counts:
        """Tell how far it is."""
        with _sentences(self.path):
            files, done = self._connection.execute("SELECT COUNT(*), COALESCE(SUM(is_done), 0) FROM files").fetchone()
            rows = self._connection.execute("SELECT COUNT(*) FROM score_rows").fetchone()[0]
        return Counts(files, done, rows, int(self.fact("others") or 0))

    # The file.

    def _prepare(self) -> None:
        connection = self._connection
        # Alone with the file, so that the journal of SQLite needs no shared memory, which network folders do not have.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
        connection.execute("PRAGMA cache_size = -8000")
        connection.execute("PRAGMA temp_store = FILE")
        with self._writing():
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            if found == 0 and not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.strip().split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
            elif (found, connection.execute("PRAGMA user_version").fetchone()[0]) != (APPLICATION_ID, VERSION):
                raise UsageError(f"'{self.path}' is no journal of this version.", hint="Move it away, or begin anew with --no-resume.")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _sentences(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _forget(connection: sqlite3.Connection, key: tuple[bytes, str]) -> None:
    """Leave out the row that an archive had while it could not be opened."""
    connection.execute("DELETE FROM score_rows WHERE number IN (SELECT number FROM files WHERE path = ? AND member = ?)", key)
    connection.execute("DELETE FROM files WHERE path = ? AND member = ?", key)


def delete_journal(path: Path) -> None:
    """Remove a journal that is not open."""
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _safe(member: str) -> str:
    """SQLite texts hold no lone surrogates, which a badly written archive's names may."""
    return json.dumps(member)


def _given(stored: str) -> str:
    return str(json.loads(stored)) if stored else ""


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn what SQLite complains of into a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        message, hint = _SENTENCES.get(code, (f"the journal cannot be used ({error}).", "Begin anew with --no-resume."))
        raise BatchStopped(message, hint=hint, subject=str(path)) from error
