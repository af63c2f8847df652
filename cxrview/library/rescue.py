"""A damaged index: set aside, and everything that can still be read copied into a new one."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxrview.core.errors import LibraryError
from cxrview.library.database import connect
from cxrview.library.schema import KEPT, migrate
from cxrview.library.words import WORDS_OF_IMAGES

_COMPANIONS: Final = ("", "-wal", "-shm")
_FURTHEST: Final = 1 << 21
"""Row number up to which a table is searched when it cannot tell its last."""
_RESCUED_KEY: Final = "rescued"


@dataclass(frozen=True, slots=True)
class Rescue:
    """What was done: where the damaged file lies now, and what the new one took over."""

    aside: Path
    images: int
    notes: int
    stars: int
    annotations: int

    def __str__(self) -> str:
        """Say it in a sentence."""
        kept = f"{self.images:,} images, {self.notes:,} notes, {self.stars:,} stars and {self.annotations:,} annotations were kept"
        return f"The library was damaged; {kept}. The damaged file is {self.aside}. Add the folders again to find the rest."


def rescue(path: Path, now: dt.datetime) -> Rescue:
    """Set a damaged index aside, under a name with the time, and put a new one with what was readable in its place.

    Raises:
        LibraryError: the file cannot be moved, or the new one cannot be written.
    """
    aside = _set_aside(path, now)
    try:
        with closing(connect(path)) as new:
            migrate(new)
            _copy(aside, new)
            counts = new.execute(
                "SELECT count(*), total(note <> ''), total(is_starred), (SELECT count(*) FROM annotation) FROM image"
            ).fetchone()
    except sqlite3.Error as error:
        raise LibraryError(
            f"A new library cannot be written ({error}).", hint=f"The damaged one is {aside.name}.", subject=str(path)
        ) from error
    return Rescue(aside, *map(int, counts))


def _set_aside(path: Path, now: dt.datetime) -> Path:
    stamp = now.strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.stem}-damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}-damaged-{stamp}-{number}{path.suffix}")
    try:
        for ending in _COMPANIONS:
            companion = path.with_name(path.name + ending)
            if companion.exists():
                companion.replace(aside.with_name(aside.name + ending))
    except OSError as error:
        raise LibraryError(
            "The damaged library cannot be set aside.",
            hint="Close other programs that use it, or move it away yourself.",
            subject=str(path),
        ) from error
    return aside


def _copy(aside: Path, new: sqlite3.Connection) -> None:
    """Copy every readable row; a row whose patient or study is lost gets a stand-in until its file is read again."""
    new.execute("PRAGMA foreign_keys = OFF")
    new.execute("BEGIN IMMEDIATE")
    try:
        with closing(connect(aside)) as old:
            for table in KEPT:
                _copy_table(old, new, table)
    except sqlite3.DatabaseError as error:
        if new.in_transaction and getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
    _mend_references(new)
    new.execute(WORDS_OF_IMAGES)
    new.execute("COMMIT")
    new.execute("PRAGMA foreign_keys = ON")


def _copy_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    known = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
    try:
        stored = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    except sqlite3.DatabaseError:
        return
    columns = [name for name in known if name in stored]
    if "id" not in columns:
        return
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names from our own tables
    for row in _readable_rows(old, table, names):
        new.execute(insert, row)


def _readable_rows(old: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[object, ...]]:
    """Give the rows of a table, stepping around the ones on broken pages."""
    try:
        last = old.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0  # noqa: S608
    except sqlite3.DatabaseError:
        last = _FURTHEST
    select = f"SELECT {names} FROM {table} WHERE rowid BETWEEN ? AND ?"  # noqa: S608
    waiting = [(1, min(int(last), _FURTHEST))]
    while waiting:
        low, high = waiting.pop()
        try:
            yield from old.execute(select, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            if low < high:
                middle = (low + high) // 2
                waiting += [(middle + 1, high), (low, middle)]


def _mend_references(new: sqlite3.Connection) -> None:
    stand_in = (_RESCUED_KEY,)
    new.execute("INSERT OR IGNORE INTO patient (key, code, name, sex, birth_date) VALUES (?, '', '', '', '')", stand_in)
    patient = new.execute("SELECT id FROM patient WHERE key = ?", stand_in).fetchone()[0]
    new.execute("UPDATE study SET patient = ? WHERE patient NOT IN (SELECT id FROM patient)", (patient,))
    new.execute(
        "INSERT OR IGNORE INTO study (patient, key, uid, date, description, accession) VALUES (?, ?, '', '', '', '')",
        (patient, _RESCUED_KEY),
    )
    study = new.execute("SELECT id FROM study WHERE patient = ? AND key = ?", (patient, _RESCUED_KEY)).fetchone()[0]
    new.execute(
        "UPDATE image SET patient = ?, study = ?, changed = 0"
        " WHERE study NOT IN (SELECT id FROM study) OR patient NOT IN (SELECT id FROM patient)",
        (patient, study),
    )
    for table in ("annotation", "score", "flag"):
        new.execute(f"DELETE FROM {table} WHERE image NOT IN (SELECT id FROM image)")  # noqa: S608
    new.execute("DELETE FROM study WHERE id NOT IN (SELECT study FROM image)")
    new.execute("DELETE FROM patient WHERE id NOT IN (SELECT patient FROM image)")
