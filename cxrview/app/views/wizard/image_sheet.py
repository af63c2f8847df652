"""The images behind a number, as a sheet of small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QDialog, QLabel, QListView, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxrview.app.views.close_box import close_box
from cxrview.app.views.labels import make_label

PICTURE_PX = 112
JUDGED_PX = 240
MOST = 400
FIRST_SIZE = QSize(900, 640)


@dataclass(frozen=True, slots=True, eq=False)
class SheetItem:
    """One picture: (h, w) uint8 gray or (h, w, 3) RGB, what stands below it, and its file.

    Attributes:
        key: what a mark on it means; -1 where it cannot be marked.
    """

    picture: npt.NDArray[np.uint8]
    caption: str
    path: Path
    key: int = -1
    is_marked: bool = False


class ImageSheet(QDialog):
    """Shows pictures; a double click opens one in the main window."""

    open_requested = Signal(object)
    """An image is to be opened in the main window. Parameters: path (Path)."""
    mark_toggled = Signal(int)
    """The person marked an image, or took the mark back. Parameters: key."""

    def __init__(
        self,
        title: str,
        items: Sequence[SheetItem],
        parent: QWidget | None = None,
        *,
        count: int = 0,
        tick_words: str = "",
        side: int = PICTURE_PX,
    ) -> None:
        """Show `items`, which are the first of `count`, in squares of `side` px; `tick_words` say what ticking one means."""
        super().__init__(parent)
        self.setObjectName("imageSheet")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        count = max(count, len(items))
        words = f"{count} images" if count != 1 else "1 image"
        words += f", of which these are the first {MOST}" if count > MOST else ""
        words += f"; a double click opens one in the main window. {tick_words if any(item.key >= 0 for item in items) else ''}"
        self.list = QListWidget(self)
        self.list.setObjectName("sheetList")
        self.list.setAccessibleName(title)
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setIconSize(QSize(side, side))
        self.list.setGridSize(QSize(side + 60, side + 56))
        self.list.setWordWrap(True)
        self.list.setUniformItemSizes(True)
        self._items = tuple(items[:MOST])
        for item in self._items:
            self.list.addItem(_list_item(item, side))
        self.list.itemActivated.connect(lambda item: self.open_requested.emit(self._items[self.list.row(item)].path))
        self.list.itemChanged.connect(self._on_changed)
        column = QVBoxLayout(self)
        column.addWidget(make_label("sheetWords", "muted", words))
        column.addWidget(self.list, 1)
        column.addWidget(close_box(self))
        self.resize(FIRST_SIZE)

    def _on_changed(self, item: QListWidgetItem) -> None:
        shown = self._items[self.list.row(item)]
        if shown.key >= 0:
            self.mark_toggled.emit(shown.key)


def pixmap_of(picture: npt.NDArray[np.uint8], side: int = PICTURE_PX) -> QPixmap:
    """Draw a small picture, (h, w) gray or (h, w, 3) RGB, in a square of `side` px."""
    values = np.ascontiguousarray(picture)
    height, width = values.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if values.ndim == 2 else QImage.Format.Format_RGB888
    image = QImage(values.data, width, height, values.strides[0], kind).copy()
    smooth = Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, smooth))


def picture_label(picture: npt.NDArray[np.uint8], side: int, words: str) -> QLabel:
    """Make a label that shows a picture, and says what it is to who points at it or cannot see it."""
    label = QLabel()
    label.setPixmap(pixmap_of(picture, side))
    label.setToolTip(words)
    label.setAccessibleName(words)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label


def captioned(picture: npt.NDArray[np.uint8], side: int, words: str) -> QWidget:
    """Make a picture with its words below it."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 12, 0)
    column.addWidget(picture_label(picture, side, words.replace("\n", ", ")), 0, Qt.AlignmentFlag.AlignLeft)
    column.addWidget(make_label("caption", "muted", words))
    column.addStretch(1)
    box.setFixedWidth(side + 12)
    return box


def _list_item(item: SheetItem, side: int) -> QListWidgetItem:
    shown = QListWidgetItem(QIcon(pixmap_of(item.picture, side)), item.caption)
    shown.setToolTip(f"{item.caption}\n{item.path.name}")
    if item.key >= 0:
        shown.setFlags(shown.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        shown.setCheckState(Qt.CheckState.Checked if item.is_marked else Qt.CheckState.Unchecked)
    return shown
