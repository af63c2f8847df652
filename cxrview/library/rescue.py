"""A damaged index: set aside, and everything that can still be read copied into a new one."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cxrview.core.errors import LibraryError
from cxrview.library.database import connect, marker_of
from cxrview.library.schema import KEPT, migrate
from cxrview.library.words import WORDS_OF_IMAGES

_COMPANIONS: Final = ("", "-wal", "-shm")
_FURTHEST: Final = 1 << 21
"""Row number up to which a table is searched when it cannot tell its last."""
_MOST_FAILURES: Final = 50_000
"""Unreadable pieces of one table after which the rest of it is given up."""


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
        numbers = ((self.images, "image"), (self.notes, "note"), (self.stars, "star"), (self.annotations, "annotation"))
        *first, last = (f"{number:,} {noun}{'' if number == 1 else 's'}" for number, noun in numbers)
        kept = f"{', '.join(first)} and {last} were kept"
        return f"The library was damaged; {kept}. The damaged file is {self.aside}. Add the folders again to find the rest."


def rescue(path: Path, now: dt.datetime) -> Rescue:
    """Set a damaged index aside, under a name with the time, and put a new one with what is readable in its place.

    Until the new one is complete, the damaged one stays where it is: a rescue that fails is tried again on the next opening.

    Raises:
        LibraryError: the file cannot be moved, or the new one cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)  # of a rescue that did not come to its end
        with closing(connect(fresh)) as new:
            migrate(new)
            _copy(path, new)
            counts = new.execute(
                "SELECT count(*), total(note <> ''), total(is_starred), (SELECT count(*) FROM annotation) FROM image"
            ).fetchone()
        aside = _set_aside(path, now)
        fresh.replace(path)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise LibraryError(
            f"The library is damaged, and a new one cannot be written ({error}).",
            hint="Make room, close other programs that use it, and open it again.",
            subject=str(path),
        ) from error
    return Rescue(aside, *map(int, counts))


def _set_aside(path: Path, now: dt.datetime) -> Path:
    stamp = now.strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.stem}-damaged-{stamp}{path.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.stem}-damaged-{stamp}-{number}{path.suffix}")
    for ending in _COMPANIONS:
        companion = path.with_name(path.name + ending)
        if companion.exists():
            companion.replace(aside.with_name(aside.name + ending))
    marker_of(path).unlink(missing_ok=True)
    return aside


def _copy(damaged: Path, new: sqlite3.Connection) -> None:
    """Copy every readable row; a row whose patient or study is lost gets a stand-in until its file is read again."""
    new.execute("PRAGMA foreign_keys = OFF")
    new.execute("BEGIN IMMEDIATE")
    try:
        with closing(connect(damaged)) as old:
            for table in KEPT:
                _copy_table(old, new, table)
                if table == "image":
                    _complete_images(old, new)
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


def _readable_rows(old: sqlite3.Connection, table: str, names: str) -> Iterator[Any]:  # a row holds what `names` asks for
    """Give the rows of a table, stepping around the ones on broken pages."""
    try:
        last = old.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0  # noqa: S608
    except sqlite3.DatabaseError:
        last = _FURTHEST
    select = f"SELECT {names} FROM {table} WHERE rowid BETWEEN ? AND ?"  # noqa: S608
    waiting = deque([(1, min(int(last), _FURTHEST))])
    failures = 0
    while waiting and failures < _MOST_FAILURES:  # breadth first: what is readable in large pieces comes before the crumbs
        low, high = waiting.popleft()
        try:
            yield from old.execute(select, (low, high)).fetchall()
        except sqlite3.DatabaseError:
            failures += 1
            if low < high:
                middle = (low + high) // 2
                waiting += [(low, middle), (middle + 1, high)]


_INDEXED_FILES: Final = "SELECT id, path, member, frame FROM image INDEXED BY sqlite_autoindex_image_1 ORDER BY path"
_STUB: Final = (
    "INSERT OR IGNORE INTO image (id, path, member, frame, patient, study, size, changed, added, format, modality, view, body_part,"
    " laterality, age, manufacturer, institution, series_uid, series_description, sop_uid, taken, rows, columns, bits, frames, reason)"
    " VALUES (?, ?, ?, ?, 0, 0, 0, 0, '', '', '', 'unknown', '', '', '', '', '', '', '', '', '', 0, 0, 0, 1, '')"
)


def _complete_images(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Bring back images whose rows are lost: file and marks stand in the indices too, the note among the words."""
    kept = {row[0] for row in new.execute("SELECT id FROM image")}
    for row in _readable_from_both_ends(old, _INDEXED_FILES):
        if row[0] not in kept:
            new.execute(_STUB, row)
    for mark, index in (("is_read", "image_by_read"), ("is_starred", "image_by_star")):
        select = f"SELECT id FROM image INDEXED BY {index} WHERE {mark} = 1 ORDER BY id"  # noqa: S608 - names of ours
        marked = [row for row in _readable_from_both_ends(old, select) if row[0] not in kept]
        new.executemany(f"UPDATE image SET {mark} = 1 WHERE id = ?", marked)  # noqa: S608
    notes = [(row[1], row[0]) for row in _readable_rows(old, "words_content", "id, c1") if row[1] and row[0] not in kept]
    new.executemany("UPDATE image SET note = ? WHERE id = ?", notes)


def _readable_from_both_ends(old: sqlite3.Connection, select: str) -> Iterator[Any]:  # a row holds what `select` asks for
    """Give the rows of an ordered statement up to the first broken page, from the front and from the back."""
    for direction in (" ASC", " DESC"):
        try:
            yield from old.execute(select + direction)
        except sqlite3.DatabaseError:
            continue
        return


def _mend_references(new: sqlite3.Connection) -> None:
    """Put a nameless one in the place of each lost patient and study, and let the files of their images be read again."""
    new.execute("UPDATE image SET changed = 0 WHERE patient NOT IN (SELECT id FROM patient) OR study NOT IN (SELECT id FROM study)")
    new.execute(
        "INSERT INTO patient (id, key, code, name, sex, birth_date) SELECT DISTINCT patient, 'rescued:' || patient, '', '', '', ''"
        " FROM (SELECT patient FROM image UNION SELECT patient FROM study) WHERE patient NOT IN (SELECT id FROM patient)"
    )
    new.execute(
        "INSERT INTO study (id, patient, key, uid, date, description, accession)"
        " SELECT study, min(patient), 'rescued:' || study, '', '', '', ''"
        " FROM image WHERE study NOT IN (SELECT id FROM study) GROUP BY study"
    )
    for table in ("annotation", "score", "flag", "reading"):
        new.execute(f"DELETE FROM {table} WHERE image NOT IN (SELECT id FROM image)")  # noqa: S608
