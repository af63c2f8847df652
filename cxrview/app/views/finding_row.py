"""One label's answer: its name, its calibrated probability as a bar, and the threshold as a mark on it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from cxrview.app.state import AppState
from cxrview.app.theme import THEMES, Colours
from cxrview.core.results import Finding

PADDING_PX = 8
BAR_PX = 6
# How far the threshold mark stands out of the bar.
MARK_PX = 4


@dataclass(frozen=True, slots=True)
class FindingShown:
    """What a row shows; `is_mapped` where this label's heatmap is on the canvas, `is_asked` where a person chose it."""

    finding: Finding
    is_mapped: bool
    is_asked: bool


class FindingRow(QAbstractButton):
    """A row that can be clicked for its heatmap."""

    map_chosen = Signal(str)
    """The person wants this label's heatmap, or the top label's again. Parameters: label id, empty for the top label (str)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._shown: FindingShown | None = None
        self._colours = THEMES[AppState().theme]
        self.clicked.connect(self._on_clicked)

    def render_finding(self, shown: FindingShown, colours: Colours) -> None:
        """Show this finding."""
        if (shown, colours) == (self._shown, self._colours):
            return
        self._shown, self._colours = shown, colours
        finding = shown.finding
        state = "positive" if finding.is_positive else "under its threshold"
        self.setObjectName(f"finding-{finding.label.id}")
        self.setAccessibleName(f"{finding.label.name}: {finding.probability:.2f}, {state}")
        self.setToolTip(
            f"{finding.label.name}: {state}\nProbability {finding.probability:.3f} (calibrated)\nThreshold {finding.threshold:.3f}\n"
            f"Raw logit {finding.logit:+.3f}\nClick to {'go back to the top label' if shown.is_asked else 'see its heatmap'}"
        )
        self.update()

    def _on_clicked(self) -> None:
        if self._shown is not None:
            self.map_chosen.emit("" if self._shown.is_asked else self._shown.finding.label.id)

    def _paint_words(self, painter: QPainter, area: QRectF, shown: FindingShown) -> None:
        finding = shown.finding
        line = painter.fontMetrics().lineSpacing()
        number = f"{finding.probability:.2f}"
        font = QFont(painter.font())
        font.setBold(finding.is_positive)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        words = QRectF(area.left(), area.top(), area.width(), line)
        painter.setPen(QColor(self._colours.positive if finding.is_positive else self._colours.text))
        painter.drawText(words, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), number)
        room = int(area.width() - metrics.horizontalAdvance(number) - PADDING_PX)
        name = finding.label.name + ("  ·  positive" if finding.is_positive else "")
        painter.setPen(QColor(self._colours.text))
        shown_name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown_name)

    def _paint_bar(self, painter: QPainter, area: QRectF, finding: Finding) -> None:
        top = area.bottom() - BAR_PX - MARK_PX
        track = QRectF(area.left(), top, area.width(), BAR_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.border))
        painter.drawRoundedRect(track, BAR_PX / 2, BAR_PX / 2)
        filled = QRectF(track)
        filled.setWidth(max(float(BAR_PX), track.width() * finding.probability))
        painter.setBrush(QColor(self._colours.positive if finding.is_positive else self._colours.accent))
        painter.drawRoundedRect(filled, BAR_PX / 2, BAR_PX / 2)
        x = track.left() + track.width() * min(1.0, max(0.0, finding.threshold))
        painter.setBrush(QColor(self._colours.text))
        painter.drawRoundedRect(QRectF(x - 1.5, track.top() - MARK_PX, 3, BAR_PX + 2 * MARK_PX), 1.5, 1.5)

    # Called by Qt.

    def sizeHint(self) -> QSize:
        """One line and a bar."""
        return QSize(200, self.fontMetrics().lineSpacing() + BAR_PX + MARK_PX + 6 + 2 * PADDING_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._shown is not None:
            self._paint_ground(painter, self._shown)
            area = QRectF(self.rect()).adjusted(PADDING_PX + 2, PADDING_PX, -PADDING_PX, -PADDING_PX)
            self._paint_bar(painter, area, self._shown.finding)
            self._paint_words(painter, area, self._shown)
        painter.end()

    def _paint_ground(self, painter: QPainter, shown: FindingShown) -> None:
        ground = self._colours.selected if shown.is_mapped else self._colours.raised if self.underMouse() else self._colours.panel
        painter.setBrush(QColor(ground))
        painter.setPen(QColor(self._colours.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
