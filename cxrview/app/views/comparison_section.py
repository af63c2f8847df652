"""The second model's place in the panel: choosing it, which colour is whose, and how the answers differ."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from cxrview.app.comparing import comparison_words, is_comparing
from cxrview.app.model_texts import runs_text
from cxrview.app.state import AppState, NoModel, ReadyModel, SearchingModels
from cxrview.app.theme import THEMES
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label

NOBODY = ("No other model", None)
SWATCH_PX = 10
GAP_PX = 7


class Legend(QWidget):
    """Two lines: a colour and whose it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparisonLegend")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._lines: tuple[tuple[str, str], ...] = ()
        self._text = "#000000"

    def render_lines(self, lines: tuple[tuple[str, str], ...], text_colour: str) -> None:
        """Show (colour, words) pairs."""
        if (lines, text_colour) != (self._lines, self._text):
            self._lines, self._text = lines, text_colour
            self.setAccessibleName("; ".join(words for _colour, words in lines))
            self.updateGeometry()
            self.update()

    # Called by Qt.

    def sizeHint(self) -> QSize:
        """One line for each."""
        return QSize(120, len(self._lines) * self.fontMetrics().lineSpacing() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the lines."""
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        for number, (colour, words) in enumerate(self._lines):
            line = QRectF(0, number * metrics.lineSpacing(), self.width(), metrics.lineSpacing())
            painter.fillRect(QRectF(0, line.center().y() - SWATCH_PX / 2, SWATCH_PX, SWATCH_PX), QColor(colour))
            room = line.adjusted(SWATCH_PX + GAP_PX, 0, 0, 0)
            painter.setPen(QColor(self._text))
            flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(room, flags, metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(room.width())))
        painter.end()


class ComparisonSection(QWidget):
    """Lets a second model read the same picture."""

    second_chosen = Signal(object)
    """The person chose a second model, or none. Parameters: model (ModelEntry or None)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chooser = ChoiceBox("secondChooser", "Second model", self)
        self.chooser.choice_made.connect(self.second_chosen)
        self._legend = Legend(self)
        self._words = make_label("comparisonWords", "muted")
        row = QHBoxLayout()
        row.addWidget(QLabel("Compare", self))
        row.addWidget(self.chooser, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(row)
        layout.addWidget(self._legend)
        layout.addWidget(self._words)

    def render_state(self, state: AppState) -> None:
        """Show the second model and how its answer differs."""
        first, second = state.model, state.second.model
        own = None if isinstance(first, NoModel | SearchingModels) else first.entry
        offered = tuple((entry.title, entry) for entry in state.models if entry != own)
        chosen = None if isinstance(second, NoModel | SearchingModels) else second.entry
        if chosen is not None and chosen not in dict(offered).values():
            offered = (*offered, (chosen.title, chosen))
        self.chooser.render_choices((NOBODY, *offered), chosen)
        self.setVisible(bool(offered))
        self._legend.setVisible(is_comparing(state))
        if own is not None and chosen is not None:
            colours = THEMES[state.theme]
            self._legend.render_lines(((colours.accent, own.title), (colours.second, chosen.title)), colours.text)
            runs = runs_text(second) if isinstance(second, ReadyModel) else ""
            self._legend.setToolTip(f"The second model: {runs}" if runs else "")
        words = comparison_words(state) if is_comparing(state) else ""
        self._words.setText(words)
        self._words.setVisible(bool(words))
