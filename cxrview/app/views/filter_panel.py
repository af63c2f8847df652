"""What narrows the list: choices that unfold below the search line."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from cxrview.app.browser import Filters
from cxrview.app.row_texts import date_text, label_text
from cxrview.app.state import AppState
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.core.flags import Flag, flag_words
from cxrview.library.records import View

FILES = (("All files", ""), ("Files that are there", "there"), ("Files not found", "missing"), ("Unreadable files", "unreadable"))
LEAST = (0.1, 0.25, 0.5, 0.75, 0.9)


class FilterPanel(QWidget):
    """One choice for each thing that can be filtered by."""

    filters_chosen = Signal(object)
    """Parameters: filters (Filters)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filterPanel")
        self._filters = Filters()
        self._count = 0
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        self._view = self._add_box("filterView", "View", "view")
        self._modality = self._add_box("filterModality", "Modality", "modality")
        self._label = self._add_box("filterLabel", "Top label", "label")
        self._least = self._add_box("filterScore", "Score at least", "least_score")
        self._flag = self._add_box("filterFlag", "Flag", "flag")
        self._read = self._add_box("filterRead", "Read", "is_read")
        self._star = self._add_box("filterStar", "Star", "is_starred")
        self._note = self._add_box("filterNote", "Note", "has_note")
        self._files = self._add_box("filterFiles", "Files", "files")
        self._count += self._count % 2  # both dates in one row
        self._first = self._add_date("filterFrom", "From")
        self._last = self._add_date("filterTo", "To")
        self._clear = QToolButton(self)
        self._clear.setObjectName("clearFilters")
        self._clear.setProperty("role", "link")
        self._clear.setText("Clear filters")
        self._clear.clicked.connect(lambda: self.filters_chosen.emit(Filters(text=self._filters.text)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(4)
        layout.addLayout(self._grid)
        layout.addWidget(self._clear)

    def render_state(self, state: AppState) -> None:
        """Offer what there is, and show what is chosen."""
        filters, choices = state.browser.filters, state.browser.stock.choices
        self._filters = filters
        self._view.render_choices([("Any view", None), *((f"View {view}", view) for view in View)], filters.view)
        self._modality.render_choices(_texts("Any modality", choices.modalities, filters.modality), filters.modality)
        self._label.render_choices(_texts("Any top label", choices.labels, filters.label), filters.label)
        self._least.render_choices([("Any score", None), *((f"Score from {least:.2f}", least) for least in LEAST)], filters.least_score)
        self._flag.render_choices(_flag_texts(choices.flags, filters.flag), filters.flag)
        self._read.render_choices([("Read or not", None), ("Unread", False), ("Read", True)], filters.is_read)
        self._star.render_choices([("Starred or not", None), ("Starred", True), ("Not starred", False)], filters.is_starred)
        self._note.render_choices([("Note or not", None), ("With a note", True), ("Without a note", False)], filters.has_note)
        self._files.render_choices(FILES, _files(filters))
        for line, date in ((self._first, filters.first_date), (self._last, filters.last_date)):
            if not line.hasFocus() and line.text() != date_text(date):
                line.setText(date_text(date))
        self._clear.setEnabled(filters.count > 0)

    def _choose(self, field: str, value: object) -> None:
        if field == "files":
            missing = {"there": False, "missing": True}.get(str(value))
            changed = replace(self._filters, is_missing=missing, is_readable=False if value == "unreadable" else None)
        else:
            changed = replace(self._filters, **{field: value})  # type: ignore[arg-type]
        self.filters_chosen.emit(changed)

    def _choose_date(self, line: QLineEdit, field: str) -> None:
        text = line.text().strip()
        date = _parsed(text, is_last=field == "last_date")
        line.setProperty("isWrong", bool(text) and not date)
        line.style().unpolish(line)
        line.style().polish(line)
        if date or not text:
            self.filters_chosen.emit(replace(self._filters, **{field: date}))  # type: ignore[arg-type]

    def _add_box(self, name: str, title: str, field: str) -> ChoiceBox:
        box = ChoiceBox(name, title, self)
        box.choice_made.connect(lambda value: self._choose(field, value))
        self._add(box)
        return box

    def _add_date(self, name: str, title: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName(name)
        line.setAccessibleName(f"{title}, date of the image")
        line.setPlaceholderText(f"{title} YYYY-MM-DD")
        line.setToolTip(f"{title}: a date, a month (2024-03) or a year (2024)")
        line.setMinimumWidth(60)
        field = "first_date" if title == "From" else "last_date"
        line.editingFinished.connect(lambda: self._choose_date(line, field))
        self._add(line)
        return line

    def _add(self, widget: QWidget) -> None:
        self._grid.addWidget(widget, self._count // 2, self._count % 2)
        self._count += 1


def _texts(anything: str, values: tuple[str, ...], chosen: str) -> list[tuple[str, object]]:
    """Offer what there is, and what is chosen even if there is none of it any more."""
    known = values if not chosen or chosen in values else (*values, chosen)
    return [(anything, ""), *((label_text(value) if value.islower() else value, value) for value in known)]


def _flag_texts(values: tuple[str, ...], chosen: str) -> list[tuple[str, object]]:
    names = {str(flag): flag_words(flag).capitalize() for flag in Flag}
    return [("Any flag", ""), *((names.get(str(value), text), value) for text, value in _texts("", values, chosen)[1:])]


def _files(filters: Filters) -> str:
    if filters.is_readable is False:
        return "unreadable"
    return {True: "missing", False: "there", None: ""}[filters.is_missing]


def _parsed(text: str, *, is_last: bool) -> str:
    """Read a date, a month or a year as `YYYYMMDD`; the last day of it for the end of a span, empty when it is none."""
    digits = text.replace("-", "").replace(".", "").replace("/", "")
    if not digits.isdecimal() or len(digits) not in (4, 6, 8):
        return ""
    try:
        dt.date(int(digits[:4]), int(digits[4:6] or 1), int(digits[6:8] or 1))
    except ValueError:
        return ""
    return digits + ("1231" if is_last else "0101")[len(digits) - 4 :]
