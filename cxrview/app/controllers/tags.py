"""Reads the attributes of the shown file while the tag browser is open."""

from __future__ import annotations

from cxrview.app.privacy import tags_read
from cxrview.app.state import AppState, TagRow
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef
from cxrview.io.read import read_tags

KEY = "tags"


class Tags:
    """Follows the state: an open browser shows the attributes of whatever image is chosen."""

    def __init__(self, store: Store, runner: Runner) -> None:
        self._store = store
        self._runner = runner
        self._under_way: ImageRef | None = None

    def follow(self, state: AppState) -> None:
        """Read what an open browser lacks."""
        if not state.tags.is_open or state.current is None:
            self._under_way = None
            self._runner.cancel(KEY)
        elif state.current not in (state.tags.ref, self._under_way):
            self._read(state.current)

    def _read(self, ref: ImageRef) -> None:
        self._under_way = ref
        self._runner.start(
            Lane.FILES,
            KEY,
            lambda _context: _rows(ref),
            lambda rows: self._on_read(ref, rows),
            on_failed=lambda error: self._on_failed(ref, error),
        )

    def _on_read(self, ref: ImageRef, rows: tuple[TagRow, ...]) -> None:
        self._under_way = None
        self._store.apply(tags_read, ref, rows)

    def _on_failed(self, ref: ImageRef, error: CxrError) -> None:
        self._under_way = None
        self._store.apply(tags_read, ref, (), f"{error.message} {error.hint}".strip())


def _rows(ref: ImageRef) -> tuple[TagRow, ...]:
    return tuple(TagRow(tag.path, tag.keyword, tag.vr, tag.value) for tag in read_tags(ref))
