"""Filling the index: headers are read outside the transaction, rows written in short batches, so that other writers get their turn.

Meant for a worker. A killed process loses at most the batch under way; what is unchanged since is not read again.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from cxrview.core.image import ImageRef
from cxrview.io.limits import DEFAULT_LIMITS, Limits
from cxrview.io.read import Problem
from cxrview.library.headers import fingerprint, read_header, unreadable
from cxrview.library.library import Library
from cxrview.library.records import Header, Query, Sort
from cxrview.library.search import is_below, path_of, stored_path
from cxrview.library.walk import Walk
from cxrview.library.words import WORDS_OF_IMAGES

BATCH: Final = 256
"""Images in one transaction: some 20 ms of writing, and what kill -9 can take away."""

_COLUMNS: Final = (
    *("size", "changed", "format", "modality", "view", "body_part", "laterality", "age", "manufacturer", "institution"),
    *("series_uid", "series_description", "sop_uid", "taken", "rows", "columns", "bits", "frames", "reason", "patient", "study"),
)
_UPSERT: Final = (
    f"INSERT INTO image (path, member, frame, added, {', '.join(_COLUMNS)}) VALUES ({', '.join('?' * (4 + len(_COLUMNS)))})"  # noqa: S608
    f" ON CONFLICT (path, member, frame) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}, is_missing = 0"
    " RETURNING id"
)


_REMEMBER: Final = "INSERT INTO source (path, added) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET added = excluded.added"


class Context(Protocol):
    """How long work learns that nobody wants it any more, and tells how far it is."""

    def check(self) -> None:
        """Raise `Cancelled` when nobody waits any more."""

    def report(self, progress: Progress) -> None:
        """Tell how far the work is."""


class Unwatched:
    """A context that never cancels and tells nobody."""

    def check(self) -> None:
        """Go on."""

    def report(self, progress: Progress) -> None:
        """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far indexing is: `done` of the `total` images found so far have been looked at."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Indexed:
    """What indexing did.

    Attributes:
        added: images that are new.
        updated: images whose file had changed.
        unchanged: images that needed no reading.
        unreadable: of the added and updated, how many cannot be read.
        others: files that are no pictures.
        problems: folders and archives that could not be looked into.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    unreadable: int = 0
    others: int = 0
    problems: tuple[Problem, ...] = ()


def index_paths(
    library: Library,
    paths: Sequence[Path],
    *,
    context: Context | None = None,
    now: dt.datetime | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Indexed:
    """Look through folders, files, archives and DICOMDIRs, and bring the index up to date with them.

    The paths are remembered as sources. Images of the index that are not below them any more are marked missing.

    Raises:
        Cancelled: the context said so; the batches so far are kept.
        LibraryError: the index cannot be written.
    """
    waiting = context or Unwatched()
    absolute = [path.absolute() for path in paths]
    _remember_sources(library, [path for path in absolute if path.exists()], _stamp(now))
    walk = Walk(absolute, limits)
    done = _index(library, walk.images(), lambda: len(walk.found), waiting, now, limits)
    _remember_problems(library, absolute, walk.problems)
    check_files(library, absolute, context=waiting, present=frozenset(stored_path(ref.path) for ref in walk.found))
    return replace(done, others=walk.others, problems=tuple(walk.problems))


def index_images(
    library: Library,
    refs: Sequence[ImageRef],
    *,
    context: Context | None = None,
    now: dt.datetime | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Indexed:
    """Read the headers of images that are new or changed, and write them to the index in batches.

    The context hears a `Progress` after every batch.

    Raises:
        Cancelled: the context said so; the batches so far are kept.
        LibraryError: the index cannot be written.
    """
    return _index(library, iter(refs), lambda: len(refs), context or Unwatched(), now, limits)


def _index(
    library: Library, refs: Iterator[ImageRef], count: Callable[[], int], context: Context, now: dt.datetime | None, limits: Limits
) -> Indexed:
    total, seen = Indexed(), 0
    while batch := tuple(islice(refs, BATCH)):
        context.check()
        total = _index_batch(library, batch, total, context, now, limits)
        seen += len(batch)
        context.report(Progress(seen, count()))
    if total.updated:
        with library.database.writing(is_lasting=False) as connection:  # a changed file may have changed its patient
            connection.execute("DELETE FROM study WHERE NOT EXISTS (SELECT 1 FROM image WHERE study = study.id)")
            connection.execute("DELETE FROM patient WHERE NOT EXISTS (SELECT 1 FROM image WHERE patient = patient.id)")
    return total


@dataclass(frozen=True, slots=True)
class Entry:
    """One image for the index; `size` in bytes and `changed` in ns tell later whether the file is still the same."""

    ref: ImageRef
    size: int
    changed: int
    header: Header


def write_entries(library: Library, entries: Sequence[Entry], *, now: dt.datetime | None = None) -> None:
    """Write images to the index in one transaction; notes and the like of an image that it knows stay."""
    with library.database.writing(is_lasting=False) as connection:
        _write(connection, entries, _stamp(now))


def _index_batch(
    library: Library, batch: Sequence[ImageRef], total: Indexed, context: Context, now: dt.datetime | None, limits: Limits
) -> Indexed:
    entries, known = [], 0
    for ref, is_known in _changed(library, batch):
        context.check()
        entries.append(_entry(ref, limits))
        known += is_known
    if entries:
        write_entries(library, entries, now=now)
    return replace(
        total,
        added=total.added + len(entries) - known,
        updated=total.updated + known,
        unchanged=total.unchanged + len(batch) - len(entries),
        unreadable=total.unreadable + sum(bool(entry.header.reason) for entry in entries),
    )


def _changed(library: Library, refs: Sequence[ImageRef]) -> Iterator[tuple[ImageRef, bool]]:
    """Give the images that must be read, and whether the index knows them."""
    select = "SELECT size, changed, is_missing FROM image WHERE path = ? AND member = ? AND frame = ?"
    prints: dict[Path, tuple[int, int] | None] = {}
    with library.database.reading() as connection:
        stored = [connection.execute(select, (stored_path(ref.path), ref.member, ref.frame)).fetchone() for ref in refs]
    for ref, row in zip(refs, stored, strict=True):
        if row is None:
            yield ref, False
            continue
        if ref.path not in prints:
            prints[ref.path] = _fingerprint(ref.path)
        if prints[ref.path] is not None and (prints[ref.path], 0) != ((row[0], row[1]), row[2]):
            yield ref, True


def _fingerprint(path: Path) -> tuple[int, int] | None:
    """Give size and time of change; None for a file that has gone, which says nothing of what was in it."""
    try:
        return fingerprint(path)
    except OSError:
        return None


def _entry(ref: ImageRef, limits: Limits) -> Entry:
    """Read one file; its fingerprint is taken first, so that a change meanwhile is noticed the next time."""
    try:
        size, changed = fingerprint(ref.path)
    except OSError as error:
        return Entry(ref, 0, 0, unreadable(ref, f"{error.strerror or 'It cannot be read'}."))
    return Entry(ref, size, changed, read_header(ref, limits=limits))


def _write(connection: sqlite3.Connection, entries: Sequence[Entry], stamp: str) -> None:
    patients: dict[str, int] = {}
    studies: dict[tuple[int, str], int] = {}
    ids = []
    for entry in entries:
        header = entry.header
        patient = patients.get(header.patient_key) or patients.setdefault(header.patient_key, _patient(connection, header))
        study = studies.get((patient, header.study_key)) or studies.setdefault(
            (patient, header.study_key), _study(connection, patient, header)
        )
        ids.append(_image(connection, entry, patient, study, stamp))
    connection.execute(f"{WORDS_OF_IMAGES} WHERE image.id IN ({', '.join('?' * len(ids))})", ids)


def _patient(connection: sqlite3.Connection, header: Header) -> int:
    row = connection.execute(
        "INSERT INTO patient (key, code, name, sex, birth_date) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
        " name = iif(excluded.name <> '', excluded.name, name), sex = iif(excluded.sex <> '', excluded.sex, sex) RETURNING id",
        (header.patient_key, header.patient_code, header.patient_name, header.patient_sex, header.birth_date),
    ).fetchone()
    return int(row[0])


def _study(connection: sqlite3.Connection, patient: int, header: Header) -> int:
    row = connection.execute(
        "INSERT INTO study (patient, key, uid, date, description, accession) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (patient, key) DO UPDATE SET date = excluded.date, description = excluded.description RETURNING id",
        (patient, header.study_key, header.study_uid, header.study_date, header.study_description, header.accession),
    ).fetchone()
    return int(row[0])


def _image(connection: sqlite3.Connection, entry: Entry, patient: int, study: int, stamp: str) -> int:
    ref, header = entry.ref, entry.header
    row = connection.execute(
        _UPSERT,
        (
            *(stored_path(ref.path), ref.member, ref.frame, stamp),
            *(entry.size, entry.changed, header.format, header.modality, str(header.view), header.body_part, header.laterality),
            *(header.patient_age, header.manufacturer, header.institution),
            *(header.series_uid, header.series_description, header.sop_uid, header.taken, header.rows, header.columns, header.bits),
            *(header.frames, header.reason, patient, study),
        ),
    ).fetchone()
    return int(row[0])


def check_files(
    library: Library, below: Sequence[Path] = (), *, context: Context | None = None, present: frozenset[str] = frozenset()
) -> int:
    """Look whether the files of the index are still there, all or those below some paths; gives how many changed their state.

    Args:
        library: the index.
        below: folders and files.
        context: hears nothing, but may cancel.
        present: files, as they stand in the index, that were just seen and are not looked for again.

    Raises:
        Cancelled: the context said so.
        LibraryError: the index cannot be written.
    """
    waiting = context or Unwatched()
    changed = 0
    for query in [Query(folder=path, sort=Sort.NAME) for path in below] or [Query(sort=Sort.NAME)]:
        ids = library.find(query)
        for start in range(0, len(ids), BATCH * 4):
            waiting.check()
            changed += _check_batch(library, ids[start : start + BATCH * 4], present)
    return changed


def _check_batch(library: Library, ids: Sequence[int], present: frozenset[str]) -> int:
    marks = ", ".join("?" * len(ids))
    with library.database.reading() as connection:
        rows = connection.execute(f"SELECT id, path, is_missing FROM image WHERE id IN ({marks})", ids).fetchall()  # noqa: S608 - marks
    is_there = {stored: stored in present or path_of(stored).exists() for stored in {row[1] for row in rows}}
    wrong = [(not is_there[path], number) for number, path, is_missing in rows if bool(is_missing) is is_there[path]]
    if wrong:
        with library.database.writing(is_lasting=False) as connection:
            connection.executemany("UPDATE image SET is_missing = ? WHERE id = ?", wrong)
    return len(wrong)


def _remember_sources(library: Library, paths: Sequence[Path], stamp: str) -> None:
    with library.database.writing(is_lasting=False) as connection:
        connection.executemany(_REMEMBER, [(stored_path(path), stamp) for path in paths])


def _remember_problems(library: Library, paths: Sequence[Path], problems: Sequence[Problem]) -> None:
    """Put what could not be looked into below some paths in the place of what could not the last time."""
    with library.database.writing(is_lasting=False) as connection:
        for path in paths:
            below = is_below("path", path)
            connection.execute(f"DELETE FROM problem WHERE {below.sql}", below.values)  # noqa: S608 - marks
        connection.executemany(
            "INSERT OR REPLACE INTO problem (path, reason) VALUES (?, ?)",
            [(stored_path(problem.path), problem.reason) for problem in problems],
        )


def _stamp(now: dt.datetime | None) -> str:
    return (now or dt.datetime.now(dt.UTC)).isoformat(timespec="seconds")
