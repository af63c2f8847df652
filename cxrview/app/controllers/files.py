"""Opens folders, files, archives and the built-in phantoms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cxrview.app.state import Refusal, images_found, search_ended, search_started
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.io.phantom_files import PhantomKind, write_phantoms
from cxrview.io.read import Found, find_images

KEY = "open"
PHANTOM_PX = (1400, 1400)
PHANTOMS = 6
FIRST_SEED = 1


class Files:
    """Looks for images and lists them; a newer request silences the older."""

    def __init__(self, store: Store, runner: Runner, phantom_dir: Path) -> None:
        """Use `phantom_dir`, which may be deleted at any time, for the phantoms."""
        self._store = store
        self._runner = runner
        self._phantom_dir = phantom_dir

    def open_paths(self, paths: Sequence[Path]) -> None:
        """List the images in these files, folders and archives."""
        chosen = tuple(paths)
        if chosen:
            self._look(title_of(chosen), lambda _context: find_images(chosen))

    def open_phantoms(self) -> None:
        """Draw the phantoms if they are not there yet, and list them."""
        folder = self._phantom_dir
        self._look("phantoms", lambda _context: find_phantoms(folder))

    def _look(self, title: str, find: Callable[[Context], Found]) -> None:
        self._store.apply(search_started, title)
        self._runner.start(Lane.DISK, KEY, find, lambda found: self._on_found(found, title), on_failed=self._on_failed)

    def _on_found(self, found: Found, title: str) -> None:
        refusals = tuple(Refusal(problem.path, problem.reason) for problem in found.problems)
        self._store.apply(images_found, found.refs, found.others, refusals, title)

    def _on_failed(self, error: CxrError) -> None:
        self._store.apply(search_ended, str(error))


def title_of(paths: Sequence[Path]) -> str:
    """Name what was opened in few words."""
    return (paths[0].name or str(paths[0])) if len(paths) == 1 else f"{len(paths)} files and folders"


def find_phantoms(folder: Path) -> Found:
    """Draw synthetic radiographs into `folder`, unless it is there already, and list them."""
    if not folder.is_dir():
        write_phantoms(folder, PHANTOMS, FIRST_SEED, kind=PhantomKind.MIXED, size=PHANTOM_PX)
    return find_images([folder])
