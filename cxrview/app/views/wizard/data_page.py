"""Page 1: where the labelled images are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QListWidget, QPushButton, QWidget

from cxrview.app.views.labels import make_label
from cxrview.app.views.wizard.page import BusyLine, WizardPage
from cxrview.app.views.wizard.source_form import SourceForm
from cxrview.app.views.wizard.tables import CountTable, in_a_row, make_button
from cxrview.app.views.wizard.take_part import TakePart
from cxrview.app.wizard import Wizard
from cxrview.training.dataset import Choices
from cxrview.training.scan import Problem, Scan
from cxrview.training.sources import Source

LEAD = (
    "A folder with a sub-folder for each class; ready folders train, val and test; or a table (CSV, Parquet) that names image files or "
    "DICOM UIDs. Add several places and give each the name of its hospital: honest figures are told inside one place."
)


class DataPage(WizardPage):
    """Sources, the scan, and what it found."""

    place_added = Signal(object)
    """A folder or table is to be added. Parameters: place (Path)."""
    source_changed = Signal(int, object)
    """A source was changed. Parameters: place in the list, source (Source)."""
    source_removed = Signal(int)
    """A source is to be taken out. Parameters: place in the list."""
    scan_requested = Signal()
    """The images are to be looked through."""
    scan_cancelled = Signal()
    """The scan is to end."""
    choices_made = Signal(object)
    """Something else is left out. Parameters: choices (Choices)."""
    rows_requested = Signal(str, object)
    """The images behind a number are to be shown. Parameters: title, rows of the scan (tuple of int)."""

    def __init__(self) -> None:
        super().__init__("dataPage", "Data", LEAD)
        self._choices = Choices()
        self._sources: tuple[Source, ...] = ()
        self._add_folder = make_button("addFolder", "Add &folder…")
        self._add_table = make_button("addTable", "Add &table…")
        self._remove = make_button("removeSource", "Remove")
        self._list = QListWidget()
        self._list.setObjectName("sourceList")
        self._list.setAccessibleName("Sources")
        self._list.setFixedHeight(84)
        self.form = SourceForm()
        self._scan = make_button("scan", "&Look through the images", role="main")
        self._cancel = make_button("cancelScan", "Cancel")
        self._busy = BusyLine("scanBusy")
        self._summary = make_label("scanSummary", "")
        self._counts = CountTable("countTable", "Images by class, view and place; a click on a number shows them")
        self.take_part = TakePart()
        self._problems = QWidget()
        self._problem_grid = QGridLayout(self._problems)
        self._problem_grid.setContentsMargins(0, 0, 0, 0)
        self._problem_rows: dict[Problem, tuple[QPushButton, QCheckBox]] = {}
        self._rows: Mapping[Problem, tuple[int, ...]] = {}
        self._build()

    def render_state(self, state: Wizard) -> None:
        """Show sources and findings."""
        self._choices = state.choices
        if state.sources != self._sources or self._list.count() != len(state.sources):
            self._render_sources(state)
        place = self._list.currentRow()
        chosen = state.sources[place] if 0 <= place < len(state.sources) else None
        self.form.render_source(chosen, state.sheets.get(chosen.place) if chosen else None)
        self._remove.setEnabled(chosen is not None)
        is_busy = state.scanning is not None
        self._scan.setEnabled(bool(state.sources) and not is_busy)
        self._scan.setText("&Look again" if state.scan is not None else "&Look through the images")
        self._cancel.setVisible(is_busy)
        self._busy.render_busy(state.scanning)
        self._render_scan(state)

    def _render_sources(self, state: Wizard) -> None:
        place = self._list.currentRow()
        is_grown = len(state.sources) > len(self._sources)
        self._sources = state.sources
        self._list.clear()
        self._list.addItems([f"{source.name}: {source.kind}, {source.place}" for source in state.sources])
        last = len(state.sources) - 1
        self._list.setCurrentRow(last if is_grown else min(max(place, 0), last))

    def _render_scan(self, state: Wizard) -> None:
        scan = state.scan
        self._problems.setVisible(scan is not None)
        self._counts.render_sheet(state.counts)
        for name in ("countHeading", "problemHeading", "takePartHeading"):
            self.show_heading(name, is_shown=scan is not None and (name != "takePartHeading" or is_varied(state)))
        self.take_part.setVisible(scan is not None and is_varied(state))
        self._summary.setVisible(scan is not None)
        if scan is None:
            return
        self._summary.setText(_summary(state, scan))
        self.take_part.render_values(state.values, state.choices)
        if self._rows is not state.problems:
            self._rows = state.problems
        for problem, (button, check) in self._problem_rows.items():
            rows = self._rows.get(problem, ())
            button.setText(f"{len(rows)}  {problem}")
            button.setAccessibleName(f"Show {len(rows)} images: {problem}")
            button.setEnabled(bool(rows))
            check.setChecked(problem in state.choices.left_out)
            check.setEnabled(problem is not Problem.UNREADABLE)

    def _build(self) -> None:
        for number, problem in enumerate(Problem):
            button = make_button(f"show-{problem.name}", str(problem), hint="Show these images")
            check = QCheckBox("leave out")
            check.setObjectName(f"leaveOut-{problem.name}")
            check.setAccessibleName(f"Leave out: {problem}")
            button.setStyleSheet("text-align: left;")
            button.clicked.connect(lambda _on, problem=problem: self.rows_requested.emit(str(problem).capitalize(), self._rows[problem]))
            check.clicked.connect(lambda _on, problem=problem: self._on_left_out(problem))
            self._problem_grid.addWidget(button, number // 2, number % 2 * 2)
            self._problem_grid.addWidget(check, number // 2, number % 2 * 2 + 1, Qt.AlignmentFlag.AlignLeft)
            self._problem_rows[problem] = (button, check)
        self._problem_grid.setColumnStretch(4, 1)
        self._add_folder.clicked.connect(self._ask_for_folder)
        self._add_table.clicked.connect(self._ask_for_table)
        self._remove.clicked.connect(lambda: self.source_removed.emit(self._list.currentRow()))
        self._list.currentRowChanged.connect(self._on_row)
        self.form.source_changed.connect(lambda source: self.source_changed.emit(self._list.currentRow(), source))
        self._scan.clicked.connect(self.scan_requested)
        self._cancel.clicked.connect(self.scan_cancelled)
        self.add(in_a_row(self._add_folder, self._add_table, self._remove), self._list, self.form)
        self.add(in_a_row(self._scan, self._cancel), self._busy)
        self.take_part.choices_made.connect(self.choices_made)
        self._counts.rows_requested.connect(self.rows_requested)
        self.add(self._summary)
        self.add_section("countHeading", "What there is; every number shows its images", self._counts)
        self.add_section("takePartHeading", "Only what is ticked takes part", self.take_part)
        self.add_section("problemHeading", "What is wrong", self._problems)
        self.end()

    def _on_row(self, place: int) -> None:
        chosen = self._sources[place] if 0 <= place < len(self._sources) else None
        if chosen is None or chosen is not self.form.source:
            self.form.render_source(chosen, self.form.sheet_of(chosen))

    def _on_left_out(self, problem: Problem) -> None:
        out = self._choices.left_out
        changed = tuple(each for each in out if each is not problem) if problem in out else (*out, problem)
        self.choices_made.emit(replace(self._choices, left_out=changed))

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add a folder of labelled images")
        if folder:
            self.place_added.emit(Path(folder))

    def _ask_for_table(self) -> None:
        name, _kind = QFileDialog.getOpenFileName(self, "Add a table of labelled images", filter="Tables (*.csv *.tsv *.parquet)")
        if name:
            self.place_added.emit(Path(name))


def _summary(state: Wizard, scan: Scan) -> str:
    readable = len(scan.seen) - len(state.problems.get(Problem.UNREADABLE, ()))
    text = (
        f"{len(scan.seen)} images, {readable} of them readable, in {len(state.sources)} {'place' if len(state.sources) == 1 else 'places'}."
    )
    if state.data_set is not None:
        text += f" {len(state.data_set.examples)} take part."
    if state.listed is not None and state.listed.left_out:
        text += " Not listed: " + ", ".join(f"{count} ({reason})" for reason, count in state.listed.left_out.items()) + "."
    return text if not state.data_problem else f"{text} {state.data_problem}"


def is_varied(state: Wizard) -> bool:
    """Tell whether the images differ in class, view, sex or place."""
    return any(len(found) > 1 for found in state.values.values())
