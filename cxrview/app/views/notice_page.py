"""What is seen at the first start: what this program is for, to be accepted once."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from cxrview.app.views.labels import make_label

TITLE = "For research and education, not for diagnosis"
TEXT = (
    "cxrview is not a medical device. Its scores and heatmaps come from networks that learned from public collections of radiographs; "
    "they can be wrong without looking wrong, most of all on images unlike those collections. Do not use them to diagnose or to treat "
    "anybody.\n\nImages are read where they are and never leave this computer. A log on this computer notes which results were shown, "
    "overruled and exported, without names."
)
CARD_WIDTH_PX = 560


class NoticePage(QWidget):
    """The notice, and the button that accepts it."""

    accepted = Signal()
    """The person accepted the notice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        card = QFrame(self)
        card.setObjectName("noticeCard")
        card.setFixedWidth(CARD_WIDTH_PX)
        title = make_label("noticeTitle", "title", TITLE)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        title.setFont(font)
        self._button = QPushButton("I understand", card)
        self._button.setObjectName("acceptNotice")
        self._button.setProperty("role", "main")
        self._button.setShortcut(QKeySequence(Qt.Key.Key_Return))
        self._button.clicked.connect(self.accepted)
        self.setFocusProxy(self._button)
        column = QVBoxLayout(card)
        column.setContentsMargins(32, 28, 32, 28)
        column.setSpacing(16)
        column.addWidget(title)
        column.addWidget(make_label("noticeText", "", TEXT))
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignRight)
        layout = QVBoxLayout(self)
        layout.addWidget(card, 0, Qt.AlignmentFlag.AlignCenter)
