"""The model card, to be read."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from cxrview.app.views.close_box import close_box

FIRST_SIZE = QSize(760, 640)


class CardDialog(QDialog):
    """Shows a card; its links lead nowhere, for the program opens no network connection."""

    def __init__(self, title: str, card: str, parent: QWidget | None = None) -> None:
        """Show `card`, Markdown, below `title`."""
        super().__init__(parent)
        self.setObjectName("cardDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Model card: {title}")
        text = QTextBrowser(self)
        text.setObjectName("cardText")
        text.setAccessibleName("Model card")
        text.setOpenLinks(False)
        text.setMarkdown(card)
        layout = QVBoxLayout(self)
        layout.addWidget(text, 1)
        layout.addWidget(close_box(self))
        self.resize(FIRST_SIZE)
