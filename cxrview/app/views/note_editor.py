"""The line in which a person writes the text of a mark, where it stands on the picture."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from cxrview.core.marks import Mark, MarkKind

WIDTH_PX = 260
GAP_PX = 10
HINTS = {MarkKind.TEXT: "Text of the note", MarkKind.ARROW: "Text, or nothing"}


class NoteEditor(QLineEdit):
    """Hidden until it is asked to edit; Enter and a click elsewhere keep the text, Esc does not."""

    written = Signal(object)
    """The person wrote a text. Parameters: mark with it (Mark)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._canvas = parent
        self.setObjectName("noteEditor")
        self.setAccessibleName("Text of the note")
        self.setMaxLength(200)
        self.mark: Mark | None = None
        """What is being written at; None while the editor is hidden."""
        self.returnPressed.connect(self.finish)
        self.hide()

    def begin(self, mark: Mark, at: QPoint) -> None:
        """Let the person write the text of a mark, beside a place in the parent's coordinates."""
        self.mark = mark
        self.setText(mark.text)
        self.setPlaceholderText(HINTS.get(mark.kind, ""))
        self.setGeometry(self._place(at))
        self.show()
        self.setFocus()
        self.selectAll()

    def finish(self) -> None:
        """Give the text that was written; a note without one is told, too, for it has to go."""
        mark, self.mark = self.mark, None
        if mark is not None:
            self._close()
            self.written.emit(replace(mark, text=self.text().strip()))

    def drop(self) -> None:
        """Forget what was written."""
        if self.mark is not None:
            self.mark = None
            self._close()

    def _close(self) -> None:
        has_focus = self.hasFocus()
        self.hide()
        if has_focus:
            self._canvas.setFocus()

    def _place(self, at: QPoint) -> QRect:
        room, height = self._canvas.rect(), self.sizeHint().height()
        width = min(WIDTH_PX, room.width())
        left = min(max(at.x() + GAP_PX, room.left()), room.right() + 1 - width)
        return QRect(left, min(max(at.y() - height // 2, room.top()), room.bottom() + 1 - height), width, height)

    # Called by Qt.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave without keeping on Esc."""
        if event.key() == Qt.Key.Key_Escape:
            self.drop()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keep what was written when the person goes on elsewhere."""
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self.finish()
