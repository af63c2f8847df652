"""Labels of plain text, by what they are for."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

BADGE = "For research and education, not for diagnosis"


def make_label(name: str, role: str, text: str = "") -> QLabel:
    """Make a label of plain text that wraps."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
