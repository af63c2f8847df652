"""The worklist below the picture: scoring of folders, filters, the cases, and what the reader says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cxrview.app.state import AppState, NoModel, SearchingModels
from cxrview.app.theme import THEMES
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.worklist_table import COLUMNS, SORTS, WIDTHS_PX, WorklistModel
from cxrview.app.worklist import (
    ANY,
    Filter,
    ReadState,
    SortBy,
    StatusFilter,
    Worklist,
    all_flags,
    current_case,
    figures,
    is_veiled,
    row_of,
    running_text,
    seconds_text,
)
from cxrview.batch.flag_texts import flag_text
from cxrview.batch.readings import Call

LEAST_ROWS = 4
TABLES = "Score tables (*.csv *.parquet *.jsonl)"


class WorklistPanel(QWidget):
    """Shows the worklist and says what is wanted."""

    folder_chosen = Signal(object, object)
    """A folder is to be scored. Parameters: folder (Path), table (Path)."""
    table_chosen = Signal(object)
    """A table is to be shown. Parameters: table (Path)."""
    cancel_requested = Signal()
    """Scoring is to stop."""
    filter_chosen = Signal(object)
    """Other cases are to be shown. Parameters: filter (Filter)."""
    sort_chosen = Signal(object, bool)
    """Another order is wanted. Parameters: by (SortBy), is descending (bool)."""
    blindness_toggled = Signal()
    """Blind reading is to begin or end."""
    case_chosen = Signal(int)
    """A case is to be shown. Parameters: place (int)."""
    step_requested = Signal(int)
    """Another case is wanted. Parameters: rows down (int)."""
    agreed = Signal(str)
    """The reader agrees with the network. Parameters: note (str)."""
    disagreed = Signal(str)
    """The reader disagrees. Parameters: note (str)."""
    said = Signal(object, str)
    """The reader says what is seen. Parameters: call (Call), note (str)."""
    report_requested = Signal(object)
    """The table is wanted as a page for people. Parameters: target (Path)."""
    export_requested = Signal(object)
    """The readings are wanted as a table. Parameters: target (Path)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("worklistPanel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._state = Worklist()
        self._filter = Filter()
        self._shown_key = ""
        self._model = WorklistModel(self)
        self._note = QLineEdit(self)
        self._build_choosers()
        self.table = self._build_table()
        self._empty = self._build_empty()
        self._build_reading()
        self._progress, self._told = QProgressBar(self), make_label("worklistTold", "muted")
        self._progress.setObjectName("worklistProgress")
        self._progress.setAccessibleName("Images scored")
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(160)
        self._figures = make_label("worklistFigures", "muted")
        self._told.setWordWrap(False)
        self._figures.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._build_keys()
        self._build_layout()

    def render_state(self, state: Worklist, window: AppState) -> None:
        """Show the worklist."""
        before, self._state = self._state, state
        if self._model.colours is not THEMES[window.theme] or not self.table.styleSheet():
            self._model.colours = colours = THEMES[window.theme]
            self.table.setStyleSheet(f"QTableView::item:selected {{ background: {colours.selected}; color: {colours.text}; }}")
        self._model.render_state(state, is_hiding_names=window.is_hiding_names)
        self._render_filters(state)
        self._render_running(state, window)
        self._render_reading(state)
        if state.readings is not before.readings or state.cases is not before.cases or state.shown is not before.shown:
            self._figures.setText(_figures_text(state))
        self._empty.setText(_empty_text(state))
        row = row_of(state)
        if row < 0 and state.filter != before.filter:
            self.table.scrollToTop()
        if row >= 0 and self.table.currentIndex().row() != row:
            self.table.selectRow(row)
            if state.current != before.current or len(state.cases.all) == len(before.cases.all):  # cases that come must not move the list
                self.table.scrollTo(self._model.index(row, 1))

    def ask_for_folder(self) -> None:
        """Let the person choose a folder to score, and the table."""
        folder = QFileDialog.getExistingDirectory(self, "Score a folder")
        if not folder:
            return
        name, _kind = QFileDialog.getSaveFileName(
            self, "Table of the scores", str(Path(folder).parent / f"{Path(folder).name}-scores.csv"), TABLES
        )
        if name:
            self.folder_chosen.emit(Path(folder), Path(name) if Path(name).suffix else Path(f"{name}.csv"))

    def ask_for_table(self) -> None:
        """Let the person choose a score table."""
        name, _kind = QFileDialog.getOpenFileName(self, "Open score table", filter=TABLES)
        if name:
            self.table_chosen.emit(Path(name))

    def ask_for_export(self) -> None:
        """Let the person choose where the readings go."""
        source = self._state.source
        start = str(source.with_name(f"{source.stem}-readings.csv")) if source is not None else "readings.csv"
        name, _kind = QFileDialog.getSaveFileName(self, "Export readings", start, "CSV (*.csv)")
        if name:
            self.export_requested.emit(Path(name))

    def ask_for_report(self) -> None:
        """Let the person choose where the report goes."""
        source = self._state.source
        start = str(source.with_suffix(".html")) if source is not None else "report.html"
        name, _kind = QFileDialog.getSaveFileName(self, "Report of the table", start, "Web page (*.html)")
        if name:
            self.report_requested.emit(Path(name) if Path(name).suffix else Path(f"{name}.html"))

    # What is shown.

    def _render_filters(self, state: Worklist) -> None:
        self._filter = state.filter
        if self._text.text() != state.filter.text:
            self._text.setText(state.filter.text)
        self._label.render_choices(
            [("any finding", ANY), *((state.cases.name_of(at), label) for at, label in enumerate(state.cases.labels))], state.filter.label
        )
        self._flag.render_choices([("any flag", ANY), *((flag_text(flag), flag) for flag in all_flags(state))], state.filter.flag)
        self._status.render_choices([(str(each), each) for each in StatusFilter], state.filter.status)
        self._reading.render_choices([(str(each), each) for each in ReadState], state.filter.reading)
        self._blind.setChecked(state.is_blind)
        for box in (self._label, self._flag, self._status):
            box.setEnabled(not state.is_blind)

    def _render_running(self, state: Worklist, window: AppState) -> None:
        running = state.running
        self._progress.setVisible(running is not None)
        self._cancel.setVisible(running is not None)
        for button in (self._score, self._open):
            button.setEnabled(running is None)
        self._report.setEnabled(running is None and state.source is not None and bool(state.cases.all))
        if running is not None:
            self._progress.setMaximum(running.files)
            self._progress.setValue(running.done)
        doing = "" if running is None else running_text(running)
        notice = state.notice if state.cases.all else ""  # else it stands where the cases would
        self._told.setText("  ·  ".join(text for text in (_counted(state), _scored_by(state, window), doing, notice) if text))

    def _render_reading(self, state: Worklist) -> None:
        case = current_case(state)
        key = "" if case is None else case.key
        if key != self._shown_key:
            self._shown_key = key
            self._note.clear()
        has_case = case is not None and state.source is not None
        veiled = case is not None and is_veiled(state, case)
        is_plain = _is_plain(state)
        for button in (self._agree, self._disagree):
            button.setVisible(not is_plain)
            button.setEnabled(has_case and not veiled)
        for button in (self._finding, self._no_finding):
            button.setVisible(is_plain)
            button.setEnabled(has_case)
        self._unsure.setEnabled(has_case)
        self._note.setEnabled(has_case)
        self._previous.setEnabled(bool(state.shown))
        self._next.setEnabled(bool(state.shown))
        self._export.setEnabled(bool(state.readings.by_key))

    # What the person does.

    def _emit_filter(self, **changes: object) -> None:
        self.filter_chosen.emit(replace(self._filter, **changes))  # type: ignore[arg-type]

    def _on_header_clicked(self, column: int) -> None:
        by = SORTS.get(column)
        if by is not None:
            is_descending = not self._state.is_descending if by is self._state.sort else by is not SortBy.NAME
            self.sort_chosen.emit(by, is_descending)

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        place = self._model.data(current, WorklistModel.PlaceRole)
        if isinstance(place, int) and place != self._state.current:
            self.case_chosen.emit(place)

    def _say_finding(self) -> None:
        if _is_plain(self._state):
            self.said.emit(Call.FINDING, self._note.text())
        else:
            self.agreed.emit(self._note.text())

    def _say_no_finding(self) -> None:
        if _is_plain(self._state):
            self.said.emit(Call.NO_FINDING, self._note.text())
        else:
            self.disagreed.emit(self._note.text())

    # How it is built.

    def _build_choosers(self) -> None:
        self._score = _button("worklistScore", "Score a folder…", "Score everything below a folder into a table, as `cxrview score` does")
        self._score.clicked.connect(self.ask_for_folder)
        self._open = _button("worklistOpen", "Open table…", "Show a table that was scored before")
        self._open.clicked.connect(self.ask_for_table)
        self._cancel = _button("worklistCancel", "Stop", "Stop scoring; what is done is kept")
        self._cancel.clicked.connect(self.cancel_requested)
        self._text = QLineEdit(self)
        self._text.setObjectName("worklistText")
        self._text.setAccessibleName("Filter cases by name")
        self._text.setPlaceholderText("Filter by name")
        self._text.setClearButtonEnabled(True)
        self._text.textEdited.connect(lambda text: self._emit_filter(text=text))
        self._label = ChoiceBox("worklistLabel", "Filter by finding", self)
        self._label.choice_made.connect(lambda value: self._emit_filter(label=value))
        self._status = ChoiceBox("worklistStatus", "Filter by status", self)
        self._status.choice_made.connect(lambda value: self._emit_filter(status=value))
        self._flag = ChoiceBox("worklistFlag", "Filter by flag", self)
        self._flag.choice_made.connect(lambda value: self._emit_filter(flag=value))
        self._reading = ChoiceBox("worklistReading", "Filter by reading", self)
        self._reading.choice_made.connect(lambda value: self._emit_filter(reading=value))
        self._blind = QCheckBox("Read blind", self)
        self._blind.setObjectName("worklistBlind")
        self._blind.setToolTip("Say first what you see; the network's answer and heatmap are shown after that. A change of mind is noted.")
        self._blind.clicked.connect(lambda _on: self.blindness_toggled.emit())

    def _build_reading(self) -> None:
        self._previous = _tool("worklistPrevious", "◀", "Previous case (Alt+Up)")
        self._previous.clicked.connect(lambda: self.step_requested.emit(-1))
        self._next = _tool("worklistNext", "▶", "Next case (Alt+Down)")
        self._next.clicked.connect(lambda: self.step_requested.emit(1))
        self._agree = _button("worklistAgree", "Agree", "The network is right (Alt+1)")
        self._agree.clicked.connect(self._say_finding)
        self._disagree = _button("worklistDisagree", "Disagree", "The network is wrong (Alt+2)")
        self._disagree.clicked.connect(self._say_no_finding)
        self._finding = _button("worklistFinding", "Finding", "There is something to be seen (Alt+1)")
        self._finding.clicked.connect(self._say_finding)
        self._no_finding = _button("worklistNoFinding", "No finding", "There is nothing to be seen (Alt+2)")
        self._no_finding.clicked.connect(self._say_no_finding)
        self._unsure = _button("worklistUnsure", "Unsure", "It cannot be told (Alt+3)")
        self._unsure.clicked.connect(lambda: self.said.emit(Call.UNSURE, self._note.text()))
        self._note.setObjectName("worklistNote")
        self._note.setAccessibleName("Note on the case")
        self._note.setPlaceholderText("Note, kept with the next word on this case")
        self._report = _button("worklistReport", "Report…", "Write a page with counts, distributions, top cases and what was withheld")
        self._report.clicked.connect(self.ask_for_report)
        self._export = _button("worklistExport", "Export readings…", "Write what was said as a table")
        self._export.clicked.connect(self.ask_for_export)

    def _build_keys(self) -> None:
        keys = (
            ("Alt+Up", lambda: self.step_requested.emit(-1)),
            ("Alt+Down", lambda: self.step_requested.emit(1)),
            ("Alt+1", self._say_finding),
            ("Alt+2", self._say_no_finding),
            ("Alt+3", lambda: self.said.emit(Call.UNSURE, self._note.text())),
        )
        for text, deed in keys:
            action = QAction(self)
            action.setShortcut(QKeySequence(text))
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            action.triggered.connect(deed)
            self.addAction(action)

    def _build_table(self) -> QTableView:
        table = QTableView(self)
        table.setObjectName("worklistTable")
        table.setAccessibleName("Cases")
        table.setModel(self._model)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(self.fontMetrics().lineSpacing() + 8)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.setAutoScroll(False)
        table.setMinimumHeight(LEAST_ROWS * table.verticalHeader().defaultSectionSize())
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._on_header_clicked)
        for column in range(len(COLUMNS)):
            table.setColumnWidth(column, WIDTHS_PX[column])
        table.selectionModel().currentChanged.connect(self._on_current)
        return table

    def _build_empty(self) -> QLabel:
        """Make the words that stand where cases would."""
        label = make_label("worklistEmpty", "muted")
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        layout = QVBoxLayout(self.table.viewport())
        layout.addWidget(label)
        return label

    def _build_layout(self) -> None:
        top, middle, bottom = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for widget in (self._score, self._open, self._text, self._label, self._status, self._flag, self._reading, self._blind):
            top.addWidget(widget, 1 if widget in (self._text, self._label, self._status, self._flag, self._reading) else 0)
        calls = (self._agree, self._disagree, self._finding, self._no_finding, self._unsure)
        for item in (self._previous, self._next, *calls, self._note, self._export, self._report):
            middle.addWidget(item, 1 if item is self._note else 0)
        bottom.addWidget(self._told)
        bottom.addWidget(self._figures, 1)
        bottom.addWidget(self._progress)
        bottom.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.table, 1)
        layout.addLayout(middle)
        layout.addLayout(bottom)


def _is_plain(state: Worklist) -> bool:
    """Tell whether the reader says what is seen, because nothing that the network says is shown."""
    case = current_case(state)
    return state.is_blind or (case is not None and case.model_call is None)


def _empty_text(state: Worklist) -> str:
    """Say why there is no case to be seen; empty where there are some."""
    if state.shown:
        return ""
    if state.cases.all:
        return "No case fits these filters."
    if state.running is not None:
        return "Cases appear here as they are scored."
    return state.notice or ("" if state.source is not None else "Score a folder, or open a table that was scored before.")


def _counted(state: Worklist) -> str:
    """Name the table, and count its cases."""
    if not state.cases.all:
        return "" if state.source is None else state.source.name
    counted = f"{len(state.shown):,} of {len(state.cases.all):,} cases"
    return counted if state.source is None else f"{state.source.name}: {counted}"


def _scored_by(state: Worklist, window: AppState) -> str:
    """Say who scored the cases where the window reads with another model, whose numbers are others."""
    if not state.cases.all or isinstance(window.model, NoModel | SearchingModels):
        return ""
    now = f"{window.model.entry.id} {window.model.entry.version}"
    return f"scored by {state.cases.model}; the window reads with {now}" if state.cases.model not in ("", now) else ""


def _figures_text(state: Worklist) -> str:
    """Say how reader and network compare; nothing before something was read."""
    found = figures(state)
    if not found.read:
        return ""
    parts = [f"{found.read:,} read, {found.unsure:,} unsure, {seconds_text(found.median_s)} a case"]
    if found.kappa == found.kappa:  # not NaN
        parts.append(f"kappa {found.kappa:.2f}")
    if found.sensitivity.n:
        parts.append(f"network's sensitivity {found.sensitivity} for your findings")
    if found.specificity.n:
        parts.append(f"specificity {found.specificity}")
    if found.blind:
        kappa = f", kappa {found.blind_kappa:.2f}" if found.blind_kappa == found.blind_kappa else ""
        parts.append(f"{found.blind:,} blind{kappa}, {found.changed:,} changed afterwards")
    return "  ·  ".join(parts)


def _button(name: str, text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text.rstrip("…"))
    button.setToolTip(tip)
    return button


def _tool(name: str, text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setObjectName(name)
    button.setText(text)
    button.setAccessibleName(tip.partition(" (")[0])
    button.setToolTip(tip)
    return button
