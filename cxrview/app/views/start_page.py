"""What is seen before anything is open: what this is, and five ways to begin."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QToolButton, QVBoxLayout, QWidget

from cxrview.app.model_texts import model_text
from cxrview.app.privacy import searching_text
from cxrview.app.state import AppState, Model, NoModel, ReadyModel, ThemeName
from cxrview.app.theme import app_icon, icon
from cxrview.app.views.labels import BADGE

ICON_PX = 18
MOST_RECENT = 6
LOGO_PX = 72
LEAD_WIDTH_PX = 440
LEAD = "Chest radiographs, what a network reads in them, where it looked, and how sure it is."
DROP = "or drop a folder, images, DICOM files or a ZIP anywhere in this window"


class StartPage(QWidget):
    """The empty window."""

    open_folder_requested = Signal()
    """A folder is to be opened."""
    open_files_requested = Signal()
    """Files are to be opened."""
    phantoms_requested = Signal()
    """The built-in phantoms are to be opened."""
    score_requested = Signal()
    """A folder is to be scored into a table."""
    train_requested = Signal()
    """The training wizard is wanted."""
    path_chosen = Signal(object)
    """Something that was opened before is to be opened again. Parameters: path (Path)."""
    library_requested = Signal()
    """Everything that was ever opened is to be listed."""
    add_model_requested = Signal()
    """A model folder is to be added."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._folder = self._build_button("startFolder", "Open folder…", role="main")
        self._files = self._build_button("startFiles", "Open files…")
        self._phantoms = self._build_button("startPhantoms", "Try phantoms")
        self._phantoms.setToolTip("Synthetic radiographs, drawn by physics: for a first look, not data")
        self._score = self._build_button("startScore", "Score a folder…")
        self._score.setToolTip("Score everything below a folder into a table, and work through it as a list")
        self._score.clicked.connect(self.score_requested)
        self._train = self._build_button("startTrain", "Train…")
        self._train.setToolTip("Train a network on folders of your own")
        self._train.clicked.connect(self.train_requested)
        self._add_model = self._build_button("startAddModel", "Add model folder…")
        self._add_model.clicked.connect(self.add_model_requested)
        self._folder.clicked.connect(self.open_folder_requested)
        self._files.clicked.connect(self.open_files_requested)
        self._phantoms.clicked.connect(self.phantoms_requested)
        self._recent = tuple(self._build_link(f"startRecent{number}") for number in range(1, MOST_RECENT + 1))
        self._recent_title, self._library = QLabel("Recent", self), self._build_link("startLibrary")
        self._library.clicked.connect(self.library_requested)
        self._status = QLabel(self)
        self._status.setObjectName("startStatus")
        self._theme: ThemeName | None = None
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Say what is being looked for, or what is ready."""
        if state.theme != self._theme:
            self._theme = state.theme
            self._folder.setIcon(icon("folder", ThemeName.LIGHT if state.theme is ThemeName.DARK else ThemeName.DARK))
            self._files.setIcon(icon("files", state.theme))
            self._phantoms.setIcon(icon("phantom", state.theme))
        self._add_model.setVisible(isinstance(state.model, NoModel))
        self._status.setText(searching_text(state) or _model_words(state.model))
        self._render_recent(state)

    def _render_recent(self, state: AppState) -> None:
        stock = state.browser.stock
        self._recent_title.setVisible(bool(stock.images or stock.recent))
        self._library.setVisible(stock.images > 0)
        self._library.setText(f"All {stock.images:,} images that were opened before")
        for number, button in enumerate(self._recent, 1):
            recent = stock.recent[number - 1] if number <= len(stock.recent) else None
            button.setVisible(recent is not None)
            if recent is None:
                continue
            name = f"Folder {number}" if state.is_hiding_names else recent.path.name or str(recent.path)
            button.setText(name if recent.is_there else f"{name}  (not found)")
            button.setToolTip("" if state.is_hiding_names else str(recent.path))
            button.setEnabled(recent.is_there)
            button.disconnect(self)
            button.clicked.connect(partial(self._tell_path, recent.path))

    def _tell_path(self, path: Path, *_checked: object) -> None:
        self.path_chosen.emit(path)

    def _build_link(self, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setProperty("role", "link")
        return button

    def _build_button(self, name: str, text: str, *, role: str = "") -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setProperty("role", role)
        button.setIconSize(QSize(ICON_PX, ICON_PX))
        button.setMinimumHeight(38)
        return button

    def _build_layout(self) -> None:
        logo = QLabel(self)
        logo.setPixmap(app_icon().pixmap(QSize(LOGO_PX, LOGO_PX), self.devicePixelRatioF()))
        title = QLabel("cxrview", self)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 2.0)
        font.setBold(True)
        title.setFont(font)
        lead, drop, badge = QLabel(LEAD, self), QLabel(DROP, self), QLabel(BADGE, self)
        for label in (lead, drop, badge, self._status, self._recent_title):
            label.setWordWrap(True)
            label.setProperty("role", "muted")
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        buttons.addStretch(1)
        for button in (self._folder, self._files, self._phantoms, self._score, self._train):
            buttons.addWidget(button)
        buttons.addStretch(1)
        card = QFrame(self)
        card.setObjectName("dropHint")
        column = QVBoxLayout(card)
        column.setContentsMargins(36, 32, 36, 28)
        column.setSpacing(12)
        for widget in (logo, title):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(lead)
        column.addSpacing(12)
        column.addLayout(buttons)
        column.addSpacing(4)
        column.addWidget(drop)
        column.addSpacing(8)
        column.addWidget(self._recent_title)
        links = QVBoxLayout()
        links.setSpacing(0)
        for link in (*self._recent, self._library):
            links.addWidget(link, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(links)
        column.addWidget(self._status)
        column.addWidget(self._add_model, 0, Qt.AlignmentFlag.AlignHCenter)
        for label in (lead, drop, self._status, badge, self._recent_title):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        content = QWidget(self)
        layout = QVBoxLayout(content)
        layout.addStretch(1)
        layout.addWidget(card, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        layout.addWidget(badge)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(_scrolled(content))


def _scrolled(content: QWidget) -> QScrollArea:
    """Let the page be lower than what stands on it: below it there may be a worklist."""
    area = QScrollArea()
    area.setObjectName("startScroll")
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(content.minimumSizeHint().width())
    area.setWidget(content)
    area.viewport().setAutoFillBackground(False)
    content.setAutoFillBackground(False)
    return area


def _model_words(model: Model) -> str:
    """Name what will read the images, or say why nothing will."""
    return f"{model.entry.title} is ready: {_lower(model_text(model))}." if isinstance(model, ReadyModel) else model_text(model)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
