"""Small tables of texts, and rows of buttons, for the pages of the wizard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QPushButton, QTableWidget, QTableWidgetItem, QWidget

from cxrview.training.tally import Count, CountSheet

ROWS_SHOWN = 9
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CountTable(QTableWidget):
    """A table of numbers; a click on one, or Enter, asks for the images behind it."""

    rows_requested = Signal(str, object)
    """The images behind a number are to be shown. Parameters: title, rows of the scan (tuple of int)."""

    def __init__(self, name: str, title: str) -> None:
        super().__init__()
        _set_up(self, name, title)
        self.horizontalHeader().setStretchLastSection(False)
        self.hide()
        self._sheet: CountSheet | None = None
        self.cellClicked.connect(self._on_cell)
        self.cellActivated.connect(self._on_cell)

    def render_sheet(self, sheet: CountSheet | None) -> None:
        """Show counts; none empties the table."""
        if sheet is self._sheet:
            return
        self._sheet = sheet
        if sheet is None:
            fill_table(self, (), ())
            return
        fill_table(self, sheet.columns, [[str(cell) for cell in row] for row in sheet.rows])
        for number, row in enumerate(sheet.rows):
            for column, cell in enumerate(row):
                item = self.item(number, column)
                assert item is not None
                if isinstance(cell, Count) or cell.isdigit():
                    item.setTextAlignment(RIGHT)
                    header = self.horizontalHeaderItem(column)
                    assert header is not None
                    header.setTextAlignment(RIGHT)
                if isinstance(cell, Count):
                    item.setToolTip(f"Show these images: {cell.title}")
                    item.setForeground(self.palette().link() if cell.rows else self.palette().placeholderText())

    def _on_cell(self, row: int, column: int) -> None:
        cell = self._sheet.rows[row][column] if self._sheet is not None else ""
        if isinstance(cell, Count) and cell.rows:
            self.rows_requested.emit(cell.title, cell.rows)


def make_table(name: str, title: str, parent: QWidget | None = None) -> QTableWidget:
    """Make a table that is read, not written."""
    table = QTableWidget(parent)
    _set_up(table, name, title)
    return table


def _set_up(table: QTableWidget, name: str, title: str) -> None:
    table.setObjectName(name)
    table.setAccessibleName(title)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.setWordWrap(True)
    table.horizontalHeader().setStretchLastSection(True)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


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
