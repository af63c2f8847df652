"""Opens the library off the main thread, asks it in a lane of its own, and says in one sentence what goes wrong."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cxrview.app.browsing import library_lost, library_opened
from cxrview.app.state import notice_given
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import CxrError, LibraryDamaged, LibraryError
from cxrview.library.library import Library, open_library

KEY = "open library"
# A library that is damaged again at once lies on a broken disk; going on would only make more copies of it.
MOST_RESCUES = 2
T = TypeVar("T")


class Shelf:
    """Holds the one open library.

    Attributes:
        library: any thread may ask it; None until it is open.
    """

    def __init__(self, store: Store, runner: Runner, path: Path | None = None) -> None:
        """Use the library at `path`, by default the user's."""
        self.library: Library | None = None
        self._store = store
        self._runner = runner
        self._path = path
        self._temporary: Path | None = None
        self._rescues = 0

    def open(self) -> None:
        """Open the library, in the place of one that is open; work that is asked for meanwhile waits for it."""
        self._runner.start(
            Lane.LIBRARY,
            KEY,
            lambda _context: self._open(),
            lambda notice: self._store.apply(library_opened, notice),
            on_failed=lambda error: self._store.apply(library_lost, sentence(error)),
        )

    def ask(
        self,
        key: str,
        work: Callable[[Library], T],
        on_done: Callable[[T], None] = lambda _answer: None,
        *,
        on_failed: Callable[[CxrError], None] | None = None,
    ) -> None:
        """Let short work be done with the library; a newer one with the same key silences the older.

        What goes wrong is said to the person unless `on_failed` takes it.
        """
        self._runner.start(
            Lane.LIBRARY, key, lambda _context: work(self._required()), on_done, on_failed=lambda error: self._on_failed(error, on_failed)
        )

    def index(
        self,
        key: str,
        work: Callable[[Library, Context], T],
        on_done: Callable[[T], None],
        *,
        on_failed: Callable[[CxrError], None],
        on_progress: Callable[[object], None],
    ) -> None:
        """Let long work be done with the library, that tells how far it is and can be cancelled."""
        self._runner.start(
            Lane.INDEX,
            key,
            lambda context: work(self._required(), context),
            on_done,
            on_failed=lambda error: self._on_failed(error, on_failed),
            on_progress=on_progress,
        )

    def cancel(self, key: str) -> None:
        """Stop the work with this key, as soon as it listens."""
        self._runner.cancel(key)

    def close(self) -> None:
        """Close the library; for the end, when no lane runs any more."""
        if self.library is not None:
            self.library.close()
            self.library = None
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _required(self) -> Library:
        if self.library is None:
            raise LibraryError("The library is not open.", hint="Start the program again.")
        return self.library

    def _open(self) -> str:
        """Open the library, else an empty one for as long as the program runs, so that pictures can be looked at at any rate."""
        if self.library is not None:
            self.library.close()
            self.library = None
        try:
            self.library = open_library(self._path)
        except LibraryError as error:
            return self._open_temporary(error)
        return self.library.notice

    def _open_temporary(self, error: LibraryError) -> str:
        try:
            self._temporary = Path(tempfile.mkdtemp(prefix="cxrview-"))
            self.library = open_library(self._temporary / "library.sqlite3")
        except (OSError, LibraryError):
            raise error from None
        return f"{sentence(error)} Until then nothing that you write is kept."

    def _on_failed(self, error: CxrError, on_failed: Callable[[CxrError], None] | None) -> None:
        if isinstance(error, LibraryDamaged) and self._rescues < MOST_RESCUES:
            self._rescues += 1
            self._store.apply(notice_given, "The library is damaged; it is being rebuilt.")
            self.open()
        if on_failed is not None:
            on_failed(error)
        elif not isinstance(error, LibraryDamaged):
            self._store.apply(notice_given, sentence(error))


def sentence(error: CxrError) -> str:
    """Say what went wrong and what to do; where the library lies does not help a person in the window."""
    return f"{error.message} {error.hint}".strip() if isinstance(error, LibraryError) else str(error)
