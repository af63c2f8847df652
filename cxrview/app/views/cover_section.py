"""The cover tool's place in the panel: taking it, the size of the next spot, what covering changed, and the way back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QToolButton, QVBoxLayout, QWidget

from cxrview.app.covering import cover_words
from cxrview.app.state import MAX_COVER, MIN_COVER, AppState, LoadedPicture
from cxrview.app.views.labels import make_label

CAVEAT = "A gray spot is itself unusual: a score that falls shows that the model used the place, not that something is there."


class _Slider(QSlider):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel around."""
        event.ignore()


class CoverSection(QWidget):
    """Asks: would it still say so?"""

    tool_requested = Signal()
    """The tool is to be taken or laid down."""
    size_chosen = Signal(float)
    """The person chose the size of the next spot. Parameters: diameter as a share of the shorter side (float)."""
    undo_requested = Signal()
    """The last spot is to be uncovered."""
    clear_requested = Signal()
    """All spots are to be uncovered."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tool = QPushButton("Cover a spot", self)
        self._tool.setObjectName("coverSpot")
        self._tool.setCheckable(True)
        self._tool.setToolTip("Hide a spot of the picture from the model with a click, and see what it says then (X)")
        self._tool.clicked.connect(self.tool_requested)
        self._size, self._number = self._build_size(), QLabel(self)
        self._number.setObjectName("coverSizeText")
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._words = make_label("coverWords", "muted")
        self._caveat = make_label("coverCaveat", "muted", CAVEAT)
        self._undo = self._link("uncoverLast", "Uncover last", "Uncover the last spot (Ctrl+Z while the tool is in the hand)")
        self._clear = self._link("uncoverAll", "Uncover all", "Show the model the whole picture again")
        self._undo.clicked.connect(self.undo_requested)
        self._clear.clicked.connect(self.clear_requested)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the tool, and what covering changed."""
        cover = state.cover
        self._tool.setEnabled(isinstance(state.picture, LoadedPicture))
        self._tool.setChecked(cover.is_on)
        percent = round(100 * cover.share)
        if self._size.value() != percent:
            self._size.setValue(percent)
        self._number.setText(f"{percent} %")
        words = cover_words(state)
        self._words.setText(words)
        self._words.setVisible(bool(words))
        for widget in (self._undo, self._clear, self._caveat):
            widget.setVisible(bool(cover.spots))

    def _build_size(self) -> _Slider:
        slider = _Slider(Qt.Orientation.Horizontal, self)
        slider.setObjectName("coverSize")
        slider.setAccessibleName("Size of the spot, percent of the shorter side")
        slider.setToolTip("Diameter of the next spot, as a share of the picture's shorter side; [ and ] on the picture")
        slider.setRange(round(100 * MIN_COVER), round(100 * MAX_COVER))
        slider.setPageStep(5)
        slider.actionTriggered.connect(lambda _action: self.size_chosen.emit(slider.sliderPosition() / 100))
        return slider

    def _link(self, name: str, text: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setText(text)
        button.setProperty("role", "link")
        button.setToolTip(tip)
        return button

    def _build_layout(self) -> None:
        size = QGridLayout()
        size.addWidget(QLabel("Size", self), 0, 0)
        size.addWidget(self._size, 0, 1)
        size.addWidget(self._number, 0, 2)
        size.setColumnMinimumWidth(2, self.fontMetrics().horizontalAdvance("100 %"))
        size.setColumnStretch(1, 1)
        links = QHBoxLayout()
        links.addWidget(self._undo)
        links.addWidget(self._clear)
        links.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._tool)
        layout.addLayout(size)
        layout.addWidget(self._words)
        layout.addLayout(links)
        layout.addWidget(self._caveat)
