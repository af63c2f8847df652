"""One sentence in the foot of the window, until it is dismissed or another one comes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from cxrview.app.state import AppState, ThemeName
from cxrview.app.theme import icon

# Of a sentence that needs more than one line.
MAX_WIDTH_PX = 620
# One line of it is as high as the status bar that it lies on.
LINE_PX = 30
# What the status bar says of the pixel below the mouse, and the corner by which a window is sized, stay free.
READOUT_PX = 420
CORNER_PX = 20
GAP_PX = 16
# Beside the words: margins, spacing and the button.
BESIDE_PX = 60


class NoticeBar(QFrame):
    """Shows the notice of the state over the status bar of its window; hidden when there is none.

    A sentence of one line covers nothing else: neither picture nor words on it, nor the badge. A longer one grows upwards, in the middle.
    """

    dismissed = Signal()
    """The person has read it."""

    def __init__(self, window: QWidget, badge: QWidget) -> None:
        """Lie over the foot of `window`, left of `badge` while that is shown."""
        super().__init__(window)
        self._window, self._badge = window, badge
        self.setObjectName("noticeBar")
        self._text = QLabel(self)
        self._text.setObjectName("notice")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton(self)
        self._close.setObjectName("noticeClose")
        self._close.setAccessibleName("Dismiss")
        self._theme: ThemeName | None = None
        self._close.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 6, 0)
        row.addWidget(self._text, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setVisible(False)

    def render_state(self, state: AppState) -> None:
        """Show the notice."""
        if state.theme is not self._theme:
            self._theme = state.theme
            self._close.setIcon(icon("close", state.theme))
        self._text.setText(state.notice)
        self.setVisible(bool(state.notice))
        self.place()

    def place(self) -> None:
        """Lie where the window, which may have another size now, has room."""
        if self.isHidden():
            return
        needed = self._text.fontMetrics().horizontalAdvance(self._text.text()) + BESIDE_PX
        width, height = self._window.width(), self._window.height()
        right = width - CORNER_PX - (0 if self._badge.isHidden() else self._badge.sizeHint().width() + GAP_PX)
        if needed <= right - READOUT_PX:
            self.setGeometry(right - needed, height - LINE_PX, needed, LINE_PX)
        else:
            broad = min(needed, MAX_WIDTH_PX + BESIDE_PX, width)
            high = max(LINE_PX, self.heightForWidth(broad))
            self.setGeometry((width - broad) // 2, height - high, broad, high)
        self.raise_()
