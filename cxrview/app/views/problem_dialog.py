"""The files that cannot be read, each with its reason."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QDialog, QHeaderView, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from cxrview.app.state import AppState
from cxrview.app.views.close_box import close_box
from cxrview.io.problem import Problem

MOST = 2000


class ProblemDialog(QDialog):
    """A table of files and reasons."""

    def __init__(self, problems: tuple[Problem, ...], state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problemDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("What cannot be read")
        self.resize(900, 420)
        shown = problems[:MOST]
        table = QTableWidget(len(shown), 2, self)
        table.setObjectName("problemTable")
        table.setAccessibleName("Files that cannot be read, with the reason")
        table.setHorizontalHeaderLabels(["File", "Reason"])
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setWordWrap(False)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        table.setColumnWidth(0, 260)
        for row, problem in enumerate(shown):
            name = f"File {row + 1}" if state.is_hiding_names else problem.path.name
            for column, text in enumerate((name, problem.reason)):
                item = QTableWidgetItem(text)
                item.setToolTip(text if state.is_hiding_names or column else str(problem.path))
                table.setItem(row, column, item)
        more = f" The first {MOST:,} are listed." if len(problems) > MOST else ""
        told = "1 file, folder or archive" if len(problems) == 1 else f"{len(problems):,} files, folders and archives"
        words = QLabel(f"{told} could not be read; the others are not affected.{more}", self)
        words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(words)
        layout.addWidget(table, 1)
        layout.addWidget(close_box(self))
