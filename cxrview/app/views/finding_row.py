"""One label's answer: its name, its calibrated probability as a bar, and the threshold as a mark on it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from cxrview.app.state import AppState
from cxrview.app.theme import THEMES, Colours
from cxrview.core.conformal import Answer, ConformalRule, answer
from cxrview.core.results import Finding

PADDING_PX = 8
BAR_PX = 6
# How far the threshold mark stands out of the bar.
MARK_PX = 4
# How near the mark the mouse takes hold of it.
GRAB_PX = 6
KEY_STEP = 0.01
# The bar of a second model, below the first.
SECOND_PX = 4
SECOND_GAP_PX = 5
# The line of "don't know" below the bar, and above that of a second model.
BOUNDS_PX = 1
BOUNDS_GAP_PX = 2


@dataclass(frozen=True, slots=True)
class FindingShown:
    """What a row shows.

    Attributes:
        is_mapped: this label's heatmap is on the canvas. is_asked: a person chose it.
        operating_point: what the package's threshold stands for; empty when it does not say.
        own_threshold: of the package; the finding's own may have been moved.
        after: what the model says of the covered picture.
        second: what a second model says; `is_comparing` keeps room for it.
        is_second_only: the first model does not know the label; `finding` is the second's.
        bounds: between which the answer is "don't know"; None where the package has none.
    """

    finding: Finding
    is_mapped: bool
    is_asked: bool
    operating_point: str = ""
    own_threshold: float | None = None
    after: Finding | None = None
    second: Finding | None = None
    is_comparing: bool = False
    is_second_only: bool = False
    bounds: ConformalRule | None = None

    @property
    def is_unknown(self) -> bool:
        """Tell whether the answer is "don't know", wherever the threshold stands."""
        return self.bounds is not None and not self.is_second_only and answer(self.bounds, self.finding.probability) is Answer.UNKNOWN

    @property
    def is_disputed(self) -> bool:
        """Tell whether two models call it differently."""
        return self.second is not None and not self.is_second_only and self.second.is_positive != self.finding.is_positive

    @property
    def is_moved(self) -> bool:
        """Tell whether a person moved the threshold."""
        return self.own_threshold is not None and self.own_threshold != self.finding.threshold


class FindingRow(QAbstractButton):
    """A row that can be clicked for its heatmap."""

    map_chosen = Signal(str)
    """The person wants this label's heatmap, or the top label's again. Parameters: label id, empty for the top label (str)."""
    threshold_chosen = Signal(str, float)
    """The person moved the threshold mark. Parameters: label id (str), probability, 0 to 1 (float)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._shown: FindingShown | None = None
        self._colours = THEMES[AppState().theme]
        self._is_dragging = self._has_moved = False
        self.setMouseTracking(True)
        self.clicked.connect(self._on_clicked)

    def render_finding(self, shown: FindingShown, colours: Colours) -> None:
        """Show this finding."""
        if (shown, colours) == (self._shown, self._colours):
            return
        self._shown, self._colours = shown, colours
        finding = shown.finding
        self.setObjectName(f"finding-{finding.label.id}")
        self.setAccessibleName(spoken(shown))
        self.setToolTip(tip_of(shown))
        self.updateGeometry()
        self.update()

    def _on_clicked(self) -> None:
        if self._shown is not None and not self._shown.is_second_only:
            self.map_chosen.emit("" if self._shown.is_asked else self._shown.finding.label.id)

    def _track(self) -> QRectF:
        """Give the place of the bar, which stands for probabilities from 0 to 1."""
        area = QRectF(self.rect()).adjusted(PADDING_PX + 2, PADDING_PX, -PADDING_PX, -PADDING_PX)
        below = SECOND_PX + SECOND_GAP_PX if self._shown is not None and self._shown.is_comparing else 0
        return QRectF(area.left(), area.bottom() - BAR_PX - MARK_PX - below, area.width(), BAR_PX)

    def _is_on_mark(self, position: QPointF) -> bool:
        if self._shown is None or self._shown.is_second_only:
            return False
        track = self._track()
        x = track.left() + track.width() * self._shown.finding.threshold
        return abs(position.x() - x) <= GRAB_PX and position.y() >= track.top() - 2 * MARK_PX

    def _choose_threshold(self, probability: float) -> None:
        if self._shown is not None:
            self.threshold_chosen.emit(self._shown.finding.label.id, round(min(1.0, max(0.0, probability)), 3))

    def _paint_words(self, painter: QPainter, area: QRectF, shown: FindingShown) -> None:
        finding = shown.finding
        line = painter.fontMetrics().lineSpacing()
        number = number_of(shown)
        words = QRectF(area.left(), area.top(), area.width(), line)
        if shown.is_comparing:
            words.setWidth(self._paint_second_number(painter, words, shown))
        font = QFont(painter.font())
        font.setBold(finding.is_positive)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        painter.setPen(QColor(self._colours.positive if finding.is_raised and not shown.is_second_only else self._colours.text))
        painter.drawText(words, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), number)
        room = int(words.width() - metrics.horizontalAdvance(number) - PADDING_PX)
        name = finding.label.name + _called(shown)
        painter.setPen(QColor(self._colours.text))
        shown_name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown_name)

    def _paint_second_number(self, painter: QPainter, words: QRectF, shown: FindingShown) -> float:
        """Paint the second model's number at the right, pointed out where the models disagree; give what room is left."""
        number = "–" if shown.second is None else f"{'≠ ' if shown.is_disputed else ''}{shown.second.probability:.2f}"
        painter.save()
        font = QFont(painter.font())
        font.setBold(shown.second is not None and shown.second.is_positive)
        painter.setFont(font)
        painter.setPen(QColor(self._colours.second))
        painter.drawText(words, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), number)
        width = painter.fontMetrics().horizontalAdvance("≠ 0.00") + PADDING_PX
        painter.restore()
        return words.width() - width

    def _paint_second_bar(self, painter: QPainter, second: Finding, track: QRectF) -> None:
        below = QRectF(track.left(), track.bottom() + SECOND_GAP_PX, track.width(), SECOND_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        filled = QRectF(below)
        filled.setWidth(max(float(SECOND_PX), below.width() * second.probability))
        painter.setBrush(QColor(self._colours.second))
        painter.drawRoundedRect(filled, SECOND_PX / 2, SECOND_PX / 2)
        x = below.left() + below.width() * min(1.0, max(0.0, second.threshold))
        painter.drawRect(QRectF(x - 0.5, below.top() - 1, 1, SECOND_PX + 2))

    def _paint_after(self, painter: QPainter, shown: FindingShown, after: Finding, track: QRectF) -> None:
        """Mark on the bar where the answer goes when the spots are covered."""
        before_x, after_x = (track.left() + track.width() * item.probability for item in (shown.finding, after))
        painter.setPen(QPen(QColor(self._colours.text), 1.5))
        painter.drawLine(QPointF(before_x, track.center().y()), QPointF(after_x, track.center().y()))
        painter.setBrush(QColor(self._colours.panel))
        painter.drawEllipse(QPointF(after_x, track.center().y()), BAR_PX / 2, BAR_PX / 2)

    def _paint_bounds(self, painter: QPainter, bounds: ConformalRule, track: QRectF, *, is_unknown: bool) -> None:
        """Mark below the bar between which probabilities the answer is "don't know"."""
        low, high = (track.left() + track.width() * share for share in sorted((bounds.negative_to, bounds.positive_from)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.text if is_unknown else self._colours.muted))
        painter.drawRect(QRectF(low, track.bottom() + BOUNDS_GAP_PX, max(1.0, high - low), BOUNDS_PX))

    def _paint_bar(self, painter: QPainter, shown: FindingShown) -> None:
        finding = shown.finding
        track = self._track()
        if shown.is_comparing and shown.second is not None:
            self._paint_second_bar(painter, shown.second, track)
        if shown.is_second_only:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.border))
        painter.drawRoundedRect(track, BAR_PX / 2, BAR_PX / 2)
        filled = QRectF(track)
        filled.setWidth(max(float(BAR_PX), track.width() * finding.probability))
        painter.setBrush(QColor(self._colours.positive if finding.is_raised else self._colours.accent))
        painter.drawRoundedRect(filled, BAR_PX / 2, BAR_PX / 2)
        if shown.bounds is not None:
            self._paint_bounds(painter, shown.bounds, track, is_unknown=shown.is_unknown)
        x = track.left() + track.width() * min(1.0, max(0.0, finding.threshold))
        if shown.own_threshold is not None and shown.is_moved:
            own = track.left() + track.width() * shown.own_threshold
            painter.setBrush(QColor(self._colours.muted))
            painter.drawRect(QRectF(own - 0.5, track.top() - MARK_PX, 1, BAR_PX + 2 * MARK_PX))
        painter.setBrush(QColor(self._colours.accent if self._is_dragging else self._colours.text))
        painter.drawRoundedRect(QRectF(x - 1.5, track.top() - MARK_PX, 3, BAR_PX + 2 * MARK_PX), 1.5, 1.5)
        if shown.after is not None:
            self._paint_after(painter, shown, shown.after, track)

    # Called by Qt.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the threshold mark, or press the row."""
        self._is_dragging = event.button() == Qt.MouseButton.LeftButton and self._is_on_mark(event.position())
        self._has_moved = False
        if self._is_dragging:
            self.update()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the threshold, or show that it can be moved."""
        if self._is_dragging:
            self._has_moved = True
            track = self._track()
            self._choose_threshold((event.position().x() - track.left()) / track.width())
            return
        self.setCursor(Qt.CursorShape.SplitHCursor if self._is_on_mark(event.position()) else Qt.CursorShape.ArrowCursor)
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the mark, or click the row; a mark that was not moved is part of the row."""
        if not self._is_dragging:
            super().mouseReleaseEvent(event)
            return
        self._is_dragging = False
        self.update()
        if not self._has_moved:
            self.click()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the threshold with Ctrl and the arrows."""
        step = {Qt.Key.Key_Left: -KEY_STEP, Qt.Key.Key_Right: KEY_STEP}.get(Qt.Key(event.key()), 0.0)
        if step and self._shown is not None and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._choose_threshold(self._shown.finding.threshold + step)
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """One line and a bar, two while two models are compared."""
        below = SECOND_PX + SECOND_GAP_PX if self._shown is not None and self._shown.is_comparing else 0
        return QSize(200, self.fontMetrics().lineSpacing() + BAR_PX + MARK_PX + 6 + 2 * PADDING_PX + below)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._shown is not None:
            self._paint_ground(painter, self._shown)
            area = QRectF(self.rect()).adjusted(PADDING_PX + 2, PADDING_PX, -PADDING_PX, -PADDING_PX)
            self._paint_bar(painter, self._shown)
            self._paint_words(painter, area, self._shown)
        painter.end()

    def _paint_ground(self, painter: QPainter, shown: FindingShown) -> None:
        ground = self._colours.selected if shown.is_mapped else self._colours.raised if self.underMouse() else self._colours.panel
        painter.setBrush(QColor(ground))
        painter.setPen(QColor(self._colours.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def number_of(shown: FindingShown) -> str:
    """Give the first model's probability, and where it goes when spots are covered; a dash where it does not know the label."""
    if shown.is_second_only:
        return "–"
    arrow = "" if shown.after is None else f" → {shown.after.probability:.2f}"
    return f"{shown.finding.probability:.2f}{arrow}"


def spoken(shown: FindingShown) -> str:
    """Say a row in words for a screen reader."""
    finding = shown.finding
    if shown.is_second_only:
        return f"{finding.label.name}: second model {finding.probability:.2f}"
    state = state_of(finding)
    covered = "" if shown.after is None else f", {shown.after.probability:.2f} when covered"
    disputed = ", which disagrees" if shown.is_disputed else ""
    second = "" if shown.second is None else f", second model {shown.second.probability:.2f}{disputed}"
    unknown = ", don't know" if shown.is_unknown else ""
    return f"{finding.label.name}: {finding.probability:.2f}, {state}{unknown}{covered}{second}"


def _called(shown: FindingShown) -> str:
    """Give what stands beside the name: the call of the threshold, and whether the model does not know."""
    if shown.is_unknown:
        return "  ·  positive, unsure" if shown.finding.is_raised else "  ·  don't know"
    return "  ·  positive" if shown.finding.is_raised else ""


def _bounds_text(shown: FindingShown) -> str:
    """Say what the answer is where "don't know" is one, and between which probabilities it is."""
    if shown.bounds is None:
        return ""
    low, high = sorted((shown.bounds.negative_to, shown.bounds.positive_from))
    said = answer(shown.bounds, shown.finding.probability)
    return f"With “don't know” for an answer: {said}; it is “don't know” from {low:.2f} to {high:.2f}, the line below the bar"


def state_of(finding: Finding) -> str:
    """Say on which side of its threshold a probability lies."""
    if not finding.is_positive:
        return "under its threshold"
    return "positive" if finding.label.is_finding else "above its threshold"


def tip_of(shown: FindingShown) -> str:
    """Say all that is known of a label's answer."""
    finding = shown.finding
    if shown.is_second_only:
        state = state_of(finding)
        return f"{finding.label.name}: only the second model knows this label\nProbability {finding.probability:.3f}, {state}"
    state = state_of(finding)
    moved = f", moved; of the package {shown.own_threshold:.3f}" if shown.own_threshold is not None and shown.is_moved else ""
    lines = (
        f"{finding.label.name}: {state}",
        f"Probability {finding.probability:.3f} (calibrated)",
        f"Threshold {finding.threshold:.3f}{moved}; drag the mark, or Ctrl with the arrows",
        f"The package's threshold: {shown.operating_point}" if shown.operating_point else "",
        _bounds_text(shown),
        f"Raw logit {finding.logit:+.3f}",
        f"From the networks: {finding.network}" if finding.network else "",
        "" if shown.after is None else f"With the spots covered {shown.after.probability:.3f}, raw logit {shown.after.logit:+.3f}",
        "" if shown.second is None else f"Second model {shown.second.probability:.3f}, threshold {shown.second.threshold:.3f}",
        f"Click to {'go back to the top label' if shown.is_asked else 'see its heatmap'}",
    )
    return "\n".join(line for line in lines if line)
