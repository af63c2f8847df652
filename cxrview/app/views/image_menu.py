"""What can be done with images of the list: the menu of the right mouse button."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QMenu, QMessageBox, QWidget

from cxrview.app.state import AppState, ReadyModel

Places = tuple[int, ...]


class ImageMenu(QMenu):
    """Offers what fits the images it was opened for."""

    star_requested = Signal(object, bool)
    """Parameters: ids (tuple of int), whether they get a star (bool)."""
    read_requested = Signal(object, bool)
    """Parameters: ids (tuple of int), whether they are read (bool)."""
    score_requested = Signal(object)
    """Images are to be scored again. Parameters: refs (tuple of ImageRef)."""
    export_requested = Signal(object)
    """An image is to be shown and exported. Parameters: ref (ImageRef)."""
    prior_requested = Signal(object)
    """An image is to be shown with its prior beside it. Parameters: ref (ImageRef)."""
    forget_requested = Signal(object)
    """Parameters: ids (tuple of int)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("imageMenu")

    def open_for(self, state: AppState, places: Places, where: QPoint) -> None:
        """Offer what can be done with the images at these places of the listing."""
        self.fill(state, places)
        if self.actions():
            self.popup(where)

    def fill(self, state: AppState, places: Places) -> None:
        """Put in what fits these images."""
        self.clear()
        listing, rows = state.listing, state.browser.rows.by_id
        chosen = tuple(place for place in places if place < len(listing.ids))
        if not chosen:
            return
        ids = tuple(listing.ids[place] for place in chosen)
        refs = tuple(listing.shown[place] for place in chosen)
        images = [rows[each] for each in ids if each in rows]
        self._add("menuPrior", "Show with &prior", lambda: self.prior_requested.emit(refs[0]))
        self._add("menuFolder", "Show in &folder", lambda: _show_in_folder(refs[0].path.parent))
        self.addSeparator()
        is_known = len(images) == len(ids)
        is_starred = is_known and all(image.is_starred for image in images)
        self._add("menuStar", "Take the &star away" if is_starred else "&Star", lambda: self.star_requested.emit(ids, not is_starred))
        is_read = is_known and all(image.is_read for image in images)
        self._add("menuRead", "Mark as un&read" if is_read else "Mark as &read", lambda: self.read_requested.emit(ids, not is_read))
        self.addSeparator()
        number = "" if len(ids) == 1 else f" {len(ids):,} images"
        score = self._add("menuScore", f"S&core{number} again", lambda: self.score_requested.emit(refs))
        score.setEnabled(isinstance(state.model, ReadyModel) and state.batch is None)
        self._add("menuExport", "&Export picture…", lambda: self.export_requested.emit(refs[0]))
        self.addSeparator()
        self._add("menuForget", f"For&get{number or ' this image'}…", lambda: self._ask(ids))

    def _add(self, name: str, text: str, do: Callable[[], None]) -> QAction:
        action = self.addAction(text)
        action.setObjectName(name)
        action.triggered.connect(lambda _checked=False: do())
        return action

    def _ask(self, ids: tuple[int, ...]) -> None:
        """Make sure: what a person wrote goes with the image."""
        number = "this image" if len(ids) == 1 else f"{len(ids):,} images"
        parent = self.parentWidget()
        box = QMessageBox(self if parent is None else parent.window())
        box.setObjectName("forgetQuestion")
        box.setWindowTitle("Forget")
        box.setText(f"Forget {number}?")
        box.setInformativeText("Notes, stars and marks go with it. The files stay where they are.")
        forget = box.addButton("Forget", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        forget.clicked.connect(lambda: self.forget_requested.emit(ids))
        box.finished.connect(box.deleteLater)
        box.open()


def _show_in_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
