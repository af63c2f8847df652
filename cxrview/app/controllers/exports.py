"""Writes exported pictures and pages in the disk lane, complete or not at all, and notes them in the audit log."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QImage

from cxrview.app.controllers.audit import Audit
from cxrview.app.state import notice_given
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.io.atomic import replacing

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
JPEG_QUALITY = 95


class Exports:
    """Takes painted pictures."""

    def __init__(self, store: Store, runner: Runner, audit: Audit) -> None:
        self._store = store
        self._runner = runner
        self._audit = audit

    def save(self, picture: QImage, path: Path) -> None:
        """Write a picture; a name without a known suffix gets `.png`."""
        target = path if path.suffix.lower() in FORMATS else path.with_name(f"{path.name}.png")
        self._runner.start(
            Lane.DISK,
            f"export {target}",
            lambda _context: _write(picture, target),
            lambda _answer: self._on_saved(picture, target),
            on_failed=lambda error: self._store.apply(notice_given, str(error)),
        )

    def save_page(self, content: bytes, path: Path) -> None:
        """Write a page that was made as a file of its own."""
        self._runner.start(
            Lane.DISK,
            f"export {path}",
            lambda _context: _write_page(content, path),
            lambda _answer: self._on_written("a page as PDF", path),
            on_failed=lambda error: self._store.apply(notice_given, str(error)),
        )

    def note_print(self) -> None:
        """Note that a page went to a printer."""
        self._audit.note_export("a page to a printer")
        self._store.apply(notice_given, "The page was sent to the printer.")

    def note_copy(self, picture: QImage) -> None:
        """Note that a picture was copied."""
        self._audit.note_export(f"{_size_of(picture)} to the clipboard")
        self._store.apply(notice_given, "The picture is on the clipboard.")

    def _on_saved(self, picture: QImage, target: Path) -> None:
        self._on_written(f"{_size_of(picture)} as {FORMATS[target.suffix.lower()]}", target)

    def _on_written(self, what: str, target: Path) -> None:
        # The name of a file may be a patient's: the log has its kind only.
        self._audit.note_export(what)
        self._store.apply(notice_given, f"Saved as {target}.")


def _write(picture: QImage, target: Path) -> None:
    kind = FORMATS[target.suffix.lower()]
    try:
        with replacing(target) as temporary:
            if not picture.save(str(temporary), kind, JPEG_QUALITY if kind == "JPEG" else -1):  # type: ignore[call-overload]
                raise CxrError("the picture cannot be written there.", hint="Choose another folder.", subject=str(target))
    except OSError as error:
        raise CxrError(f"the picture cannot be written ({error.strerror}).", hint="Choose another folder.", subject=str(target)) from error


def _write_page(content: bytes, target: Path) -> None:
    try:
        with replacing(target) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise CxrError(f"the page cannot be written ({error.strerror}).", hint="Choose another folder.", subject=str(target)) from error


def _size_of(picture: QImage) -> str:
    return f"{picture.width()} × {picture.height()} px"
