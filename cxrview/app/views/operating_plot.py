"""The operating curve of a label: sensitivity over false alarms, with the threshold in use as a point that can be moved along it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from cxrview.app.state import AppState
from cxrview.app.theme import THEMES, Colours
from cxrview.core.manifest import OperatingCurve
from cxrview.core.operating import Worth, worth_at

HEIGHT_PX = 150
POINT_PX = 5.0


@dataclass(frozen=True, slots=True)
class CurveShown:
    """What the plot shows: the curve of a label, the threshold in use, and the package's own."""

    label_id: str
    name: str
    curve: OperatingCurve
    threshold: float
    own: float


class OperatingPlot(QWidget):
    """Draws the curve; a click or a drag moves the threshold to the nearest measured point, the arrows to the next one."""

    threshold_chosen = Signal(str, float)
    """The person chose a point of the curve. Parameters: label id (str), probability, 0 to 1 (float)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("operatingPlot")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip("Sensitivity over false alarms. Click or drag to choose the threshold of a point; arrows go to the next one")
        self._shown: CurveShown | None = None
        self._colours = THEMES[AppState().theme]

    def render_curve(self, shown: CurveShown, colours: Colours) -> None:
        """Show this curve."""
        if (shown, colours) == (self._shown, self._colours):
            return
        self._shown, self._colours = shown, colours
        worth = worth_at(shown.curve, shown.threshold)
        self.setAccessibleName(
            f"Operating curve of {shown.name}: sensitivity {worth.sensitivity:.2f}, specificity {worth.specificity:.2f} in use"
        )
        self.update()

    def _area(self) -> QRectF:
        metrics = self.fontMetrics()
        left, bottom = metrics.horizontalAdvance("1.0") + 8, metrics.lineSpacing() + 4
        return QRectF(self.rect()).adjusted(left, 6, -8, -bottom)

    def _place(self, worth: Worth) -> QPointF:
        area = self._area()
        return QPointF(area.left() + area.width() * (1.0 - worth.specificity), area.bottom() - area.height() * worth.sensitivity)

    def _choose_near(self, position: QPointF) -> None:
        if self._shown is None:
            return
        curve = self._shown.curve
        places = [self._place(Worth(*pair)) for pair in zip(curve.sensitivity, curve.specificity, strict=True)]
        distances = [(place - position).manhattanLength() for place in places]
        self._tell(distances.index(min(distances)))

    def _tell(self, index: int) -> None:
        assert self._shown is not None
        threshold = self._shown.curve.probability[index]
        if threshold != self._shown.threshold:
            self.threshold_chosen.emit(self._shown.label_id, threshold)

    def _paint_axes(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(QPen(QColor(self._colours.border), 1))
        painter.setBrush(QColor(self._colours.window))
        painter.drawRect(area)
        painter.drawLine(area.bottomLeft(), area.topRight())
        painter.setPen(QColor(self._colours.muted))
        metrics = painter.fontMetrics()
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for text, y in (("1", area.top()), ("0", area.bottom())):
            painter.drawText(QRectF(0, y - metrics.height() / 2, area.left() - 5, metrics.height()), right, text)
        below = QRectF(area.left(), area.bottom() + 2, area.width(), metrics.lineSpacing())
        painter.drawText(below, int(Qt.AlignmentFlag.AlignHCenter), "1 − specificity")
        painter.save()
        painter.translate(metrics.lineSpacing() * 0.8, area.center().y())
        painter.rotate(-90)
        painter.drawText(
            QRectF(-area.height() / 2, -metrics.lineSpacing(), area.height(), metrics.lineSpacing()),
            int(Qt.AlignmentFlag.AlignHCenter),
            "sensitivity",
        )
        painter.restore()

    def _paint_curve(self, painter: QPainter, shown: CurveShown) -> None:
        curve = shown.curve
        points = [self._place(Worth(*pair)) for pair in zip(curve.sensitivity, curve.specificity, strict=True)]
        painter.setPen(QPen(QColor(self._colours.accent), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(QPen(QColor(self._colours.text), 1.5))
        painter.setBrush(QColor(self._colours.panel))
        painter.drawEllipse(self._place(worth_at(curve, shown.own)), POINT_PX - 1, POINT_PX - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.positive))
        painter.drawEllipse(self._place(worth_at(curve, shown.threshold)), POINT_PX, POINT_PX)

    # Called by Qt.

    def sizeHint(self) -> QSize:
        """As wide as the panel."""
        return QSize(200, HEIGHT_PX)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the nearest point."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose_near(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go along the curve."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose_near(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the next threshold, up with Right and Up."""
        key = Qt.Key(event.key())
        step = {Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1}.get(key, 0)
        if not step or self._shown is None:
            super().keyPressEvent(event)
            return
        points = self._shown.curve.probability
        beyond = [place for place, point in enumerate(points) if (point - self._shown.threshold) * step > 0.0]
        if beyond:
            self._tell(beyond[0] if step > 0 else beyond[-1])

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint axes, curve and points."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self._area()
        self._paint_axes(painter, area)
        if self._shown is not None:
            self._paint_curve(painter, self._shown)
        if self.hasFocus():
            painter.setPen(QColor(self._colours.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area)
        painter.end()
