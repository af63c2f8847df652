"""Keeps what a person draws, writes and sets for an image in the library, and brings it back when the image is opened again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from PySide6.QtCore import QTimer

from cxrview.app.browsing import image_remembered, rows_known
from cxrview.app.controllers.shelf import Shelf, sentence
from cxrview.app.state import AppState, LoadedPicture, MarkBook, UnreadablePicture, neighbours, notice_given, reader_of
from cxrview.app.store import Store
from cxrview.core.errors import BrokenMarks, CxrError
from cxrview.core.image import ImageRef, Window
from cxrview.core.marks import Mark, marks_document, parse_marks
from cxrview.library.index import check_files, index_images
from cxrview.library.library import Library
from cxrview.library.records import Annotation, Image

FORMAT = 1
"""Of the document that holds the marks of all frames of a file."""
# A window drag is kept when it has come to rest.
REST_MS = 400

Write = Callable[[Library, Image], None]


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the library knows of a file; `image` is None when it does not know the file."""

    image: Image | None = None
    window: Window | None = None
    marks: Mapping[int, tuple[Mark, ...]] = field(default_factory=dict)
    problem: str = ""


class Notes:
    """Follows the state: marks and notes go to the library at once, windows when they rest."""

    def __init__(self, store: Store, shelf: Shelf, on_unreadable: Callable[[], None] = lambda: None) -> None:
        """Call `on_unreadable` when the library has learnt that an image cannot be read, or that it can."""
        self._on_unreadable = on_unreadable
        self._store = store
        self._shelf = shelf
        self._asked: set[ImageRef] = set()
        self._recalled: set[ImageRef] = set()
        self._marks = MarkBook()
        self._kept_marks: dict[ImageRef, tuple[Mark, ...]] = {}
        self._windows: dict[ImageRef, Window | None] = {}
        self._moved: dict[ImageRef, Window | None] = {}
        self._seen: ImageRef | None = None
        self._waiting: dict[str, Callable[[Library], object]] = {}
        self._opened = 0
        self._timer = QTimer(store)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._keep_windows)

    def follow(self, state: AppState) -> None:
        """Recall what the library knows of what is shown, and keep what changed."""
        if not state.browser.opened:
            return
        if state.browser.opened != self._opened:
            self._opened = state.browser.opened
            self._asked.clear()
        for ref in _shown(state):
            file = replace(ref, frame=0)
            if file not in self._asked:
                self._recall(file)
        if state.marks is not self._marks:
            self._marks = state.marks
            self._keep_marks(state)
        self._watch_window(state)
        self._note_reading(state)

    # What a person says in the browser.

    def star(self, ids: Sequence[int], is_starred: bool) -> None:  # noqa: FBT001 - from a signal
        """Give images a star, or take it away."""
        self._set(ids, lambda library: library.set_starred(ids, is_starred=is_starred))

    def mark_read(self, ids: Sequence[int], is_read: bool) -> None:  # noqa: FBT001 - from a signal
        """Mark images as read, or as unread."""
        self._set(ids, lambda library: library.set_read(ids, is_read=is_read))

    def write(self, image: int, text: str) -> None:
        """Keep the note of an image, at every key, so that nothing can take it away."""
        reader = reader_of(self._store.state)
        self._start(f"note {image}", lambda library: _written(library, image, text, reader))

    def close(self) -> None:
        """Keep what waits; for the end, when no lane runs any more."""
        self._timer.stop()
        self._keep_windows()
        library = self._shelf.library
        if library is None:
            return
        for work in self._waiting.values():
            try:
                work(library)
            except CxrError as error:
                self._store.apply(notice_given, str(error))
        self._waiting.clear()

    # Recalling.

    def _recall(self, file: ImageRef) -> None:
        self._asked.add(file)
        reader = reader_of(self._store.state)
        self._shelf.ask(f"recall {file}", lambda library: _memory(library, file, reader), lambda memory: self._on_recalled(file, memory))

    def _on_recalled(self, file: ImageRef, memory: _Memory) -> None:
        is_new = file not in self._recalled
        self._recalled.add(file)
        if memory.problem:  # then nothing is written over them
            self._recalled.discard(file)
            self._store.apply(notice_given, memory.problem)
            return
        if memory.image is not None:
            self._store.apply(rows_known, (memory.image,))
        if is_new:
            self._windows[file] = memory.window
            self._kept_marks.update({replace(file, frame=frame): marks for frame, marks in memory.marks.items()})
            self._store.apply(image_remembered, file, memory.window, memory.marks)
            self._keep_marks(self._store.state)

    # Keeping.

    def _keep_marks(self, state: AppState) -> None:
        changed = {
            replace(ref, frame=0)
            for ref, history in state.marks.by_ref.items()
            if self._kept_marks.get(ref, ()) is not history.marks and self._kept_marks.get(ref, ()) != history.marks
        }
        for file in changed & self._recalled:
            frames = {ref.frame: history.marks for ref, history in state.marks.by_ref.items() if replace(ref, frame=0) == file}
            self._kept_marks.update({replace(file, frame=frame): marks for frame, marks in frames.items()})
            self._keep(file, "marks", partial(_keep_marks, frames))

    def _watch_window(self, state: AppState) -> None:
        """Note what the windows of the shown images are; a drag is not kept at each step."""
        if state.current is None:
            return
        shown = {replace(state.current, frame=0): state.display.window}
        shown.update({file: look.window for file, look in state.looks.by_ref.items() if file in self._moved and file not in shown})
        for file, window in shown.items():
            if file in self._recalled and window != self._windows.get(file):
                self._moved[file] = self._windows[file] = window
                self._timer.start()

    def _keep_windows(self) -> None:
        for file, window in self._moved.items():
            self._keep(file, "window", partial(_keep_window, window))
        self._moved.clear()

    def _note_reading(self, state: AppState) -> None:
        """Note once that an image was seen, or why it could not be."""
        picture = state.picture
        if not isinstance(picture, LoadedPicture | UnreadablePicture):
            self._seen = None
            return
        if picture.ref == self._seen:
            return
        self._seen = picture.ref
        reason = picture.reason if isinstance(picture, UnreadablePicture) else ""
        if picture.ref.frame == 0:
            self._keep(picture.ref, "seen", partial(_note_seen, reason))

    def _keep(self, file: ImageRef, what: str, write: Write) -> None:
        reader = reader_of(self._store.state)
        self._start(f"{what} {file}", lambda library: _kept(library, file, write, reader))

    def _set(self, ids: Sequence[int], write: Callable[[Library], None]) -> None:
        reader = reader_of(self._store.state)

        def work(library: Library) -> tuple[Image, ...]:
            write(library)
            return library.images(ids, reader=reader)

        self._start(f"set {len(self._waiting)} {tuple(ids[:8])}", work)

    def _start(self, key: str, work: Callable[[Library], tuple[Image, ...]]) -> None:
        self._waiting[key] = work
        self._shelf.ask(key, work, lambda images: self._on_kept(key, work, images), on_failed=lambda error: self._on_not_kept(key, error))

    def _on_kept(self, key: str, work: Callable[[Library], object], images: tuple[Image, ...]) -> None:
        if self._waiting.get(key) is work:
            del self._waiting[key]
        rows = self._store.state.browser.rows.by_id
        is_news = any(image.id in rows and rows[image.id].reason != image.reason for image in images)
        self._store.apply(rows_known, images)
        if is_news:
            self._on_unreadable()

    def _on_not_kept(self, key: str, error: CxrError) -> None:
        """Say so; what could not be kept is tried once more when the program ends."""
        told = sentence(error)
        self._store.apply(notice_given, told if key.startswith("seen") else f"What you changed is not kept yet. {told}")


def _shown(state: AppState) -> tuple[ImageRef, ...]:
    """Give the images on the canvas and those that are likely to follow, so that a window is known before its picture is painted."""
    cells = tuple(cell.current for cell in state.grid.cells)
    return tuple(ref for ref in (state.current, *cells, *(neighbours(state) if state.current else ())) if ref is not None)


def _memory(library: Library, file: ImageRef, reader: str) -> _Memory:
    known = library.image_of(file)
    if known is None:
        return _Memory()
    image = next(iter(library.images((known.id,), reader=reader)), known)
    annotation = library.annotation(image.id)
    try:
        marks = {} if annotation is None else _parsed(annotation)
    except BrokenMarks as error:
        return _Memory(image, library.window(image.id), problem=f"The marks of this image cannot be read: {error}")
    return _Memory(image, library.window(image.id), marks)


def _parsed(annotation: Annotation) -> dict[int, tuple[Mark, ...]]:
    if annotation.version != FORMAT:
        raise BrokenMarks(f"they have version {annotation.version}; this program knows {FORMAT}.")
    try:
        frames = json.loads(annotation.document)
        return {int(frame): parse_marks(document) for frame, document in frames.items()}
    except (ValueError, AttributeError) as error:
        raise BrokenMarks("they are no marks of this program.") from error


def _kept(library: Library, file: ImageRef, write: Write, reader: str) -> tuple[Image, ...]:
    """Write to the row of a file; one that was forgotten meanwhile gets a new one."""
    image = library.image_of(file)
    if image is None:
        index_images(library, (file,))
        image = library.image_of(file)
    if image is None:
        return ()
    write(library, image)
    return library.images((image.id,), reader=reader)


def _keep_marks(frames: Mapping[int, tuple[Mark, ...]], library: Library, image: Image) -> None:
    documents = {str(frame): marks_document(marks) for frame, marks in sorted(frames.items()) if marks}
    library.set_annotation(image.id, Annotation(FORMAT, json.dumps(documents, ensure_ascii=False)) if documents else None)


def _keep_window(window: Window | None, library: Library, image: Image) -> None:
    library.set_window(image.id, window)


def _note_seen(reason: str, library: Library, image: Image) -> None:
    is_there = image.ref.path.exists()
    if is_there is image.is_missing:
        check_files(library, (image.ref.path,))
    if is_there and reason != image.reason:
        library.set_unreadable(image.id, reason)
    if not reason and not image.is_read:
        library.set_read((image.id,), is_read=True)


def _written(library: Library, image: int, text: str, reader: str) -> tuple[Image, ...]:
    library.set_note(image, text)
    return library.images((image,), reader=reader)
