"""The attributes of the shown file in a table with a search line; it stays open and follows the shown image."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QDialog, QHeaderView, QLineEdit, QTableView, QVBoxLayout, QWidget

from cxrview.app.privacy import matching_rows, shown_name, tag_rows
from cxrview.app.state import AppState, TagRow
from cxrview.app.views.close_box import close_box
from cxrview.app.views.labels import make_label

COLUMNS = ("Tag", "Keyword", "VR", "Value")
WIDTHS_PX = (150, 230, 44)
FIRST_SIZE = QSize(860, 620)
Index = QModelIndex | QPersistentModelIndex


class TagModel(QAbstractTableModel):
    """Rows straight from the state."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[TagRow, ...] = ()

    def render_rows(self, rows: tuple[TagRow, ...]) -> None:
        """Show these attributes."""
        if rows != self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the attributes."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give a cell's text; the tooltip is the whole of it."""
        if not index.isValid() or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        row = self._rows[index.row()]
        return (row.path, row.keyword, row.vr, row.value)[index.column()]

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give a column's title."""
        is_title = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return COLUMNS[section] if is_title else None


class TagDialog(QDialog):
    """Shows the attributes; search is its own affair, for it changes nothing else."""

    closed = Signal()
    """The person closed the browser."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tagDialog")
        self.setWindowTitle("Tags of the file")
        self._state: AppState | None = None
        self._model = TagModel(self)
        self._heading, self._count = make_label("tagHeading", "title"), make_label("tagCount", "muted")
        self._search = QLineEdit(self)
        self._search.setObjectName("tagSearch")
        self._search.setAccessibleName("Search tags")
        self._search.setPlaceholderText("Search tag, keyword or value")
        self._search.setClearButtonEnabled(True)
        self._search.textEdited.connect(lambda _text: self._render_rows())
        self._table = self._build_table()
        self.rejected.connect(self.closed)
        layout = QVBoxLayout(self)
        for widget in (self._heading, self._search, self._table, self._count, close_box(self)):
            layout.addWidget(widget, 1 if widget is self._table else 0)
        self.resize(FIRST_SIZE)

    def render_state(self, state: AppState) -> None:
        """Show the attributes of the shown file, or nothing while the browser is closed."""
        before, self._state = self._state, state
        if not state.tags.is_open:
            self.hide()
            return
        parts = (state.tags, state.current, state.is_hiding_names)
        if before is None or (before.tags, before.current, before.is_hiding_names) != parts:
            self._heading.setText(shown_name(state, state.current) if state.current else "No image is shown.")
            self._render_rows()
        if not self.isVisible():
            self.show()
            self.raise_()
            self.activateWindow()
            self._search.setFocus()

    def _render_rows(self) -> None:
        assert self._state is not None
        rows = tag_rows(self._state)
        shown = matching_rows(rows, self._search.text())
        self._model.render_rows(shown)
        tags = self._state.tags
        reading = "Reading…" if self._state.current and tags.ref != self._state.current else ""
        hidden = "; names and identifiers are hidden" if self._state.is_hiding_names and rows else ""
        self._count.setText(reading or tags.problem or _counted(len(shown), len(rows), self._search.text()) + hidden)

    def _build_table(self) -> QTableView:
        table = QTableView(self)
        table.setObjectName("tagTable")
        table.setAccessibleName("Tags")
        table.setModel(self._model)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(self.fontMetrics().lineSpacing() + 8)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for column, width in enumerate(WIDTHS_PX):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            table.setColumnWidth(column, width)
        return table

    # Called by Qt.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the selected rows, as they are shown."""
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = sorted({index.row() for index in self._table.selectionModel().selectedIndexes()})
            lines = ("\t".join(str(self._model.index(row, column).data()) for column in range(len(COLUMNS))) for row in rows)
            QGuiApplication.clipboard().setText("\n".join(lines))
        else:
            super().keyPressEvent(event)


def _counted(shown: int, all_tags: int, searched: str) -> str:
    if not all_tags:
        return "This file has no tags."
    return f"{shown:,} of {all_tags:,} tags" if shown else f"None of the {all_tags:,} tags has “{searched}” in it"
