"""The file of the index: opened once, one connection for each thread; what SQLite complains of becomes a sentence."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cxrview.core.errors import LibraryDamaged, LibraryError
from cxrview.library.schema import APPLICATION_ID, KEPT, migrate

BUSY_SECONDS: Final = 10.0
OLDEST_SQLITE: Final = (3, 35, 0)
"""The first with RETURNING; older ones come with long-lived Linux systems."""
_DAMAGED: Final = "Open the library again: it will be set aside and rebuilt with everything that can still be read."
_READ_ONLY: Final = "Make the folder writable, or choose another with --basedir."
_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: ("The disk is full: the library cannot be written.", "Make room and try again."),
    sqlite3.SQLITE_READONLY: ("The library may not be written.", _READ_ONLY),
    sqlite3.SQLITE_PERM: ("The library may not be written.", _READ_ONLY),
    sqlite3.SQLITE_CANTOPEN: ("The library cannot be opened or made.", _READ_ONLY),
    sqlite3.SQLITE_BUSY: ("Another program holds the library.", "Try again in a moment, or close the other cxrview."),
    sqlite3.SQLITE_LOCKED: ("Another program holds the library.", "Try again in a moment, or close the other cxrview."),
    sqlite3.SQLITE_IOERR: ("The disk reported an error when the library was read or written.", "Check the disk and the room left on it."),
    sqlite3.SQLITE_NOMEM: ("There is not enough memory for the library.", "Close other programs."),
}
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database:
    """Connections to one file; any thread may use it, and waits for its turn to write."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it and its folder where they are missing.

        Raises:
            LibraryDamaged: the file is no index, or broken.
            LibraryError: it cannot be opened, written or understood.
        """
        self.path = path
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._is_closed = False
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise LibraryError(
                f"SQLite {sqlite3.sqlite_version} is too old for the library; 3.35 or newer is needed.",
                hint="Use a Python that brings a newer one.",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError("The folder of the library cannot be made.", hint=_READ_ONLY, subject=str(path.parent)) from error
        try:
            if marker_of(path).exists():
                raise LibraryDamaged("The library was found damaged when it was last used.", hint=_DAMAGED, subject=str(path))
            with self._sentences():
                self._check(self._connection())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection; threads that are still at work get an error."""
        self._is_closed = True
        for connection in self._open:
            with suppress(sqlite3.Error):
                connection.close()
        self._open.clear()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection."""
        with self._sentences():
            yield self._connection()

    @contextmanager
    def writing(self, *, is_lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection in a transaction: all of the block is kept, or nothing.

        Args:
            is_lasting: wait until the disk has it, so that a power cut takes nothing away; a killed process never does.
        """
        with self._sentences():
            connection = self._connection()
            connection.execute(f"PRAGMA synchronous = {'FULL' if is_lasting else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have already rolled back
                    connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        if self._is_closed:
            raise LibraryError("The library is closed.", hint="Open it again.", subject=str(self.path))
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self.path)
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Bring the tables up to date and look into each."""
        if connection.execute("PRAGMA application_id").fetchone()[0] not in (0, APPLICATION_ID):
            raise LibraryDamaged("The file is no library.", hint=_DAMAGED, subject=str(self.path))
        connection.execute("PRAGMA journal_mode = WAL")  # where a file system cannot, the older way serves
        migrate(connection)
        for table in (*KEPT, "words"):
            connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()  # noqa: S608 - names of ours
        connection.execute("SELECT count(*) FROM image WHERE is_missing").fetchone()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._sentence(error) from error
        except LibraryError as error:
            raise error.about(str(self.path)) from error.__cause__

    def _sentence(self, error: sqlite3.Error) -> LibraryError:
        """Give the error for people; SQLite's own words stay behind it, as its cause."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        subject = str(self.path)
        is_foreign = isinstance(error, sqlite3.OperationalError) and str(error).startswith(("no such table", "no such column"))
        if code in _DAMAGE or is_foreign:
            with suppress(OSError):
                marker_of(self.path).touch()
            return LibraryDamaged("The library is damaged.", hint=_DAMAGED, subject=subject)
        if self._is_closed:
            return LibraryError("The library is closed.", hint="Open it again.", subject=subject)
        message, hint = _SENTENCES.get(code, (f"The library refused what was asked ({error}).", "Please report it."))
        return LibraryError(message, hint=hint, subject=subject)


def marker_of(path: Path) -> Path:
    """Give the file that says that an index is damaged: most damage shows only when the broken page is read."""
    return path.with_name(path.name + ".damaged")


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that begins no transactions by itself."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    # Kilobytes, for each thread that asks: the system keeps the file in memory anyway, and a session of days must not grow.
    connection.execute("PRAGMA cache_size = -1000")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages, 16 MB: the disk is waited for less often while indexing
    return connection
