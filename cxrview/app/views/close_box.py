"""The button that closes a dialog."""

from __future__ import annotations

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox


def close_box(dialog: QDialog) -> QDialogButtonBox:
    """Make the row with the button; without an icon, also where a dialog is made before the look of the program is known."""
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    button = box.button(QDialogButtonBox.StandardButton.Close)
    button.setObjectName(f"{dialog.objectName()}Close")
    button.setIcon(QIcon())
    box.rejected.connect(dialog.reject)
    return box
