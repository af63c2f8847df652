"""One sentence over the foot of the page, until it is dismissed or another one comes."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from cxrview.app.state import AppState, ThemeName
from cxrview.app.theme import icon

MAX_WIDTH_PX = 620


class NoticeBar(QFrame):
    """Shows the notice of the state; hidden when there is none."""

    dismissed = Signal()
    """The person has read it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        row.setContentsMargins(12, 4, 6, 4)
        row.addWidget(self._text, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.setVisible(False)

    def render_state(self, state: AppState) -> None:
        """Show the notice."""
        if state.theme is not self._theme:
            self._theme = state.theme
            self._close.setIcon(icon("close", state.theme))
        if self._text.text() != state.notice:
            self._text.setText(state.notice)
            self._text.setMinimumWidth(min(MAX_WIDTH_PX, self._text.fontMetrics().horizontalAdvance(state.notice) + 4))
        self.setVisible(bool(state.notice))
