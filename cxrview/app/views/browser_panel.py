"""The study browser: what is looked at, how it is narrowed and sorted, and the list by patient or as thumbnails."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cxrview.app.browser import BrowserMode, Scope
from cxrview.app.privacy import searching_text, shown_title
from cxrview.app.row_texts import count_text, image_of_ref
from cxrview.app.state import AppState, Batch, ReadyModel, ThemeName
from cxrview.app.theme import icon
from cxrview.app.views.browser_lists import BrowserList, PatientList, PictureGrid
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.filter_panel import FilterPanel
from cxrview.app.views.image_menu import ImageMenu
from cxrview.app.views.labels import make_label
from cxrview.library.records import Image, Sort

SIDE_PX = 12
TOOL_PX = 18
SORTS = {
    Sort.ADDED: "As found", Sort.DATE: "Date", Sort.PATIENT: "Patient", Sort.NAME: "File", Sort.VIEW: "View", Sort.MODALITY: "Modality",
    Sort.LABEL: "Top label", Sort.SCORE: "Score", Sort.FLAG: "Flag", Sort.READ: "Read", Sort.STAR: "Star", Sort.NOTE: "Note",
}  # fmt: skip


class BrowserPanel(QWidget):
    """The left side of the window."""

    image_chosen = Signal(object)
    """The person chose an image. Parameters: image ref (ImageRef)."""
    step_requested = Signal(int)
    """Another image is wanted. Parameters: step down the list (int)."""
    places_shown = Signal(object)
    """These places of the listing are seen. Parameters: places (tuple of int)."""
    patient_folded = Signal(int)
    """A patient is to be folded, or unfolded. Parameters: patient (int)."""
    text_typed = Signal(str)
    """The person typed into the search line. Parameters: text (str)."""
    mode_chosen = Signal(object)
    """Parameters: mode (BrowserMode)."""
    sort_chosen = Signal(object)
    """Parameters: what to sort by (Sort)."""
    sort_turned = Signal()
    """The order is to be turned round."""
    scope_chosen = Signal(object)
    """Parameters: scope (Scope)."""
    path_chosen = Signal(object)
    """Something opened before is to be opened again. Parameters: path (Path)."""
    look_again_requested = Signal()
    """Files are to be looked for anew."""
    problems_requested = Signal()
    """The files that cannot be read are to be listed."""
    choices_requested = Signal()
    """What there is to filter by may have changed."""
    cancel_requested = Signal()
    """Looking through folders is to stop."""
    star_requested = Signal(object, bool)
    """Parameters: ids (tuple of int), whether they get a star (bool)."""
    note_written = Signal(int, str)
    """Parameters: id (int), text (str)."""
    score_all_requested = Signal()
    """All listed images are to be scored."""
    batch_cancel_requested = Signal()
    """Scoring of all is to stop."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._state = AppState()
        self._theme: ThemeName | None = None
        self._turned: tuple[ThemeName, bool] | None = None
        self._turn_shown: tuple[str, ThemeName | None] | None = None
        self._is_filtering = False
        self.list, self.grid, self.filters, self.menu = PatientList(self), PictureGrid(self), FilterPanel(self), ImageMenu(self)
        self._scope, self._scopes = self._make_tool("scope", "Which images are listed"), QMenu(self)
        self._count = make_label("listCount", "muted")
        self._progress_row, self._progress_text, self._progress = QWidget(self), make_label("indexText", "muted"), QProgressBar(self)
        self._search = self._build_search()
        self._patients, self._pictures = self._make_tool("showPatients", "By patient"), self._make_tool("showPictures", "Thumbnails")
        self._sort = ChoiceBox("sort", "Sorted by", self)
        self._turn = self._make_tool("turnSort", "Turn the order round")
        self._filter = self._make_tool("showFilters", "Filters")
        self._stack, self._empty = QStackedWidget(self), make_label("listEmpty", "muted")
        self._problems = self._make_tool("showProblems", "Files that cannot be read, with the reason")
        self._star, self._note = self._make_tool("star", "Star the shown image"), QLineEdit(self)
        self._score_all, self._batch_row = QPushButton("Score all", self), QWidget(self)
        self._batch_text, self._batch_bar = make_label("batchText", "muted"), QProgressBar(self)
        self._connect()
        self._build_layout()

    # Rendering.

    def render_state(self, state: AppState) -> None:
        """Show what is listed, what narrows it, and how far things are."""
        before, self._state = self._state, state
        if state.theme != self._theme:
            self._theme = state.theme
            self._render_icons(state.theme)
        self.filters.setVisible(self._is_filtering)
        if state.browser is not before.browser or self._theme is None:
            self.filters.render_state(state)
        self._render_head(state)
        self._render_list(state)
        self._render_foot(state)
        self._render_batch(state.batch)
        self._score_all.setEnabled(isinstance(state.model, ReadyModel) and bool(state.listing.shown))

    def focus_filter(self) -> None:
        """Let the person type into the search line."""
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def focus_note(self) -> None:
        """Let the person write a note on the shown image."""
        self._note.setFocus(Qt.FocusReason.OtherFocusReason)
        self._note.end(False)

    @property
    def view(self) -> BrowserList:
        """The list or the grid, whichever is shown."""
        return self.grid if self._state.browser.mode is BrowserMode.PICTURES else self.list

    def _render_head(self, state: AppState) -> None:
        browser = state.browser
        self._scope.setText(shown_title(state))
        self._count.setText(count_text(state))
        indexing = browser.indexing
        self._progress_row.setVisible(bool(state.searching))
        if state.searching:
            told = f"{indexing.done:,} of {indexing.total:,} read" if indexing else searching_text(state)
            self._progress_text.setText(told)
            self._progress.setMaximum(indexing.total if indexing else 0)
            self._progress.setValue(indexing.done if indexing else 0)
        if self._search.text() != browser.filters.text:
            self._search.setText(browser.filters.text)
        is_grid = browser.mode is BrowserMode.PICTURES
        self._patients.setChecked(not is_grid)
        self._pictures.setChecked(is_grid)
        self._sort.render_choices([(text, sort) for sort, text in SORTS.items()], browser.sort)
        count = browser.filters.count
        self._filter.setText(f"{count}" if count else "")
        self._filter.setToolTip(f"Filters ({count} in use)" if count else "Filters")
        self._filter.setChecked(self._is_filtering)
        turn = ("falling" if browser.is_descending else "rising", self._theme)
        if self._theme is not None and turn != self._turn_shown:
            self._turn_shown = turn
            self._turn.setIcon(icon(turn[0], self._theme))

    def _render_list(self, state: AppState) -> None:
        if state.browser.mode is BrowserMode.PICTURES:
            self.grid.render_state(state)
        else:
            self.list.render_state(state)
        is_narrowed = bool(state.browser.filters.count or state.browser.filters.text.strip())
        words = "No image matches." if is_narrowed else searching_text(state) or "Nothing is listed. Open a folder or files."
        self._empty.setText(words)
        self._stack.setCurrentWidget(self.view if state.listing.ids or not state.browser.opened else self._empty)

    def _render_foot(self, state: AppState) -> None:
        stock = state.browser.stock
        count = stock.unreadable + len(stock.problems)
        self._problems.setVisible(count > 0)
        self._problems.setText(f"{count:,} cannot be read")
        image = image_of_ref(state, state.current)
        for widget in (self._star, self._note):
            widget.setEnabled(image is not None)
        self._star.setChecked(image is not None and image.is_starred)
        self._render_note(image)

    def _render_note(self, image: Image | None) -> None:
        is_same = image is not None and self._note.property("image") == image.id
        if is_same and self._note.hasFocus():
            return  # what is being written is newer than what the library tells
        self._note.setProperty("image", image.id if image else 0)
        note = image.note if image else ""
        if self._note.text() != note:
            self._note.setText(note)

    def _render_batch(self, batch: Batch | None) -> None:
        self._batch_row.setVisible(batch is not None)
        self._score_all.setVisible(batch is None)
        if batch is not None:
            if (self._batch_bar.maximum(), self._batch_bar.value()) != (batch.total, batch.done):
                self._batch_bar.setMaximum(batch.total)
                self._batch_bar.setValue(batch.done)
            self._batch_text.setText(f"{batch.done:,} of {batch.total:,} scored")

    def _render_icons(self, theme: ThemeName) -> None:
        for button, name in ((self._patients, "patients"), (self._pictures, "pictures"), (self._filter, "filter"), (self._star, "star")):
            button.setIcon(icon(name, theme))

    # Asking.

    def _fill_scopes(self) -> None:
        """Offer the whole library and what was opened last."""
        self._scopes.clear()
        browser = self._state.browser
        everything = self._scopes.addAction(f"All images ({browser.stock.images:,})")
        everything.triggered.connect(lambda: self.scope_chosen.emit(Scope()))
        self._scopes.addSeparator()
        for number, recent in enumerate(browser.stock.recent, 1):
            name = f"Folder {number}" if self._state.is_hiding_names else recent.path.name or str(recent.path)
            action = self._scopes.addAction(name.replace("&", "&&") + ("" if recent.is_there else "  (not found)"))
            action.setEnabled(recent.is_there)
            if not self._state.is_hiding_names:
                action.setToolTip(str(recent.path))
            self._connect_path(action, recent.path)
        self._scopes.addSeparator()
        again = self._scopes.addAction("Look for new and missing files")
        again.setEnabled(not self._state.searching)
        again.triggered.connect(self.look_again_requested)

    def _connect_path(self, action: QAction, path: Path) -> None:
        action.triggered.connect(lambda: self.path_chosen.emit(path))

    def _toggle_filters(self) -> None:
        self._is_filtering = not self._is_filtering
        if self._is_filtering:
            self.choices_requested.emit()
        self.render_state(self._state)

    def _on_star(self) -> None:
        image = image_of_ref(self._state, self._state.current)
        if image is not None:
            self.star_requested.emit((image.id,), not image.is_starred)

    def _on_note(self, text: str) -> None:
        image = image_of_ref(self._state, self._state.current)
        if image is not None:
            self.note_written.emit(image.id, text)

    # Building.

    def _connect(self) -> None:
        for view in (self.list, self.grid):
            view.image_chosen.connect(self.image_chosen)
            view.step_requested.connect(self.step_requested)
            view.places_shown.connect(self.places_shown)
            view.menu_requested.connect(lambda places, where: self.menu.open_for(self._state, places, where))
        self.list.patient_folded.connect(self.patient_folded)
        self._scope.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._scopes.setObjectName("scopeMenu")
        self._scopes.setToolTipsVisible(True)
        self._scopes.aboutToShow.connect(self._fill_scopes)
        self._scope.setMenu(self._scopes)
        modes = QButtonGroup(self)
        for button, mode in ((self._patients, BrowserMode.PATIENTS), (self._pictures, BrowserMode.PICTURES)):
            button.setCheckable(True)
            modes.addButton(button)
            self._connect_mode(button, mode)
        self._sort.choice_made.connect(self.sort_chosen)
        self._turn.clicked.connect(self.sort_turned)
        self._filter.setCheckable(True)
        self._filter.clicked.connect(self._toggle_filters)
        self._problems.clicked.connect(self.problems_requested)
        self._star.setCheckable(True)
        self._star.clicked.connect(self._on_star)
        self._note.textEdited.connect(self._on_note)
        self._score_all.clicked.connect(self.score_all_requested)

    def _connect_mode(self, button: QToolButton, mode: BrowserMode) -> None:
        button.clicked.connect(lambda: self.mode_chosen.emit(mode))

    def _build_search(self) -> QLineEdit:
        line = QLineEdit(self)
        line.setObjectName("filter")
        line.setAccessibleName("Search")
        line.setPlaceholderText("Search")
        line.setToolTip("Patients, studies, files, devices, findings and notes in which every one of these words begins a word (Ctrl+F)")
        line.setClearButtonEnabled(True)
        line.textEdited.connect(self.text_typed)
        return line

    def _make_tool(self, name: str, title: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setAccessibleName(title)
        button.setToolTip(title)
        button.setIconSize(QSize(TOOL_PX, TOOL_PX))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon if name == "showFilters" else button.toolButtonStyle())
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _build_layout(self) -> None:
        self._scope.setProperty("role", "scope")
        self._problems.setProperty("role", "link")
        self._score_all.setObjectName("scoreAll")
        self._score_all.setToolTip("Let the model read every listed image that has no score yet")
        self._note.setObjectName("note")
        self._note.setAccessibleName("Note on the shown image")
        self._note.setPlaceholderText("Note on this image")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self._empty.setContentsMargins(SIDE_PX, 40, SIDE_PX, SIDE_PX)
        for page in (self.list, self.grid, self._empty):
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._build_head())
        layout.addWidget(self._stack, 1)
        layout.addLayout(self._build_foot())

    def _build_head(self) -> QVBoxLayout:
        tools = QHBoxLayout()
        tools.setSpacing(2)
        tools.addWidget(self._patients)
        tools.addWidget(self._pictures)
        tools.addSpacing(6)
        tools.addWidget(self._sort, 1)
        tools.addWidget(self._turn)
        tools.addWidget(self._filter)
        head = QVBoxLayout()
        head.setContentsMargins(SIDE_PX, 8, SIDE_PX, 8)
        head.setSpacing(4)
        for widget in (self._scope, self._count, self._search):
            head.addWidget(widget)
        head.addLayout(tools)
        head.addWidget(self.filters)
        return head

    def _build_foot(self) -> QVBoxLayout:
        own = QHBoxLayout()
        own.setSpacing(4)
        own.addWidget(self._star)
        own.addWidget(self._note, 1)
        self._build_progress(
            self._batch_row, self._batch_text, self._batch_bar, "Images scored", "cancelBatch", self.batch_cancel_requested
        )
        read = (self._progress_row, self._progress_text, self._progress)
        self._build_progress(*read, "Images read", "cancelIndexing", self.cancel_requested)
        self._batch_bar.setObjectName("batchProgress")
        foot = QVBoxLayout()
        foot.setContentsMargins(SIDE_PX, 8, SIDE_PX, SIDE_PX)
        foot.setSpacing(6)
        foot.addWidget(self._progress_row)
        foot.addWidget(self._problems)
        foot.addLayout(own)
        foot.addWidget(self._score_all)
        foot.addWidget(self._batch_row)
        return foot

    def _build_progress(self, row: QWidget, text: QLabel, bar: QProgressBar, title: str, cancel_name: str, cancelled: object) -> None:
        """Put words, a bar and a button to stop into a row."""
        cancel = QPushButton("Cancel", row)
        cancel.setObjectName(cancel_name)
        cancel.clicked.connect(cancelled)
        bar.setObjectName("indexProgress")
        bar.setTextVisible(False)
        bar.setAccessibleName(title)
        told = QVBoxLayout()
        told.setSpacing(4)
        told.addWidget(text)
        told.addWidget(bar)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addLayout(told, 1)
        line.addWidget(cancel)
