"""Small tables of texts, and rows of buttons, for the pages of the wizard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QPushButton, QTableWidget, QTableWidgetItem, QWidget

ROWS_SHOWN = 9


def make_table(name: str, title: str, parent: QWidget | None = None) -> QTableWidget:
    """Make a table that is read, not written."""
    table = QTableWidget(parent)
    table.setObjectName(name)
    table.setAccessibleName(title)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.setWordWrap(True)
    table.horizontalHeader().setStretchLastSection(True)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table


def fill_table(table: QTableWidget, columns: Sequence[str], rows: Sequence[Sequence[str]], *, most: int = ROWS_SHOWN) -> None:
    """Show rows of texts; the table is as high as they need, up to `most` of them."""
    table.setColumnCount(len(columns))
    table.setHorizontalHeaderLabels(list(columns))
    table.setRowCount(len(rows))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(number, column, item)
    table.resizeColumnsToContents()
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    shown = min(len(rows), most)
    height = table.horizontalHeader().sizeHint().height() + shown * table.verticalHeader().defaultSectionSize() + 8
    table.setFixedHeight(height if rows else table.horizontalHeader().sizeHint().height() + 8)
    table.setVisible(bool(rows))


def make_button(name: str, text: str, *, role: str = "", hint: str = "") -> QPushButton:
    """Make a button; the role `main` is for the one thing that a page is about."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text.replace("&", ""))
    button.setProperty("role", role)
    button.setToolTip(hint)
    return button


def in_a_row(*widgets: QWidget, is_stretched: bool = True) -> QHBoxLayout:
    """Lay widgets beside each other."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    if is_stretched:
        row.addStretch(1)
    return row
