"""Paints measurements and notes over a picture, with what they measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from cxrview.app.theme import Colours
from cxrview.core.image import Pixels
from cxrview.core.marks import Mark, MarkKind, Point, outline
from cxrview.core.measure import mark_lines

HANDLE_PX = 4.0
ARROW_PX = 13.0
ARROW_WIDE_PX = 5.0
LABEL_GAP_PX = 10
LABEL_PADDING_PX = 5
LABEL_ALPHA = 190
LINE_COLOUR = "#ffd866"
SELECTED_COLOUR = "#7fe3f5"
SHADOW = QColor(0, 0, 0, 170)

ToView = Callable[[Point], QPointF]


class MarkPainter:
    """Remembers what kept marks of one picture measure, so that a frame does not measure again."""

    def __init__(self) -> None:
        self._pixels: Pixels | None = None
        self._lines: dict[Mark, tuple[str, ...]] = {}
        self._labels: dict[int, QRectF] = {}

    def paint(
        self,
        painter: QPainter,
        rect: QRect,
        taken: QRect,
        colours: Colours,
        marks: Sequence[Mark],
        selected: int,
        pixels: Pixels,
        to_view: ToView,
    ) -> None:
        """Paint the marks; `to_view` maps image px to the painter, labels stay inside `rect` and out of `taken`."""
        if pixels is not self._pixels:
            self._pixels, self._lines = pixels, {}
        self._lines = {mark: self._lines.get(mark) or mark_lines(mark, pixels) for mark in marks}
        self._labels = {}
        if not marks:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for mark in marks:
            colour = QColor(SELECTED_COLOUR if mark.number == selected else LINE_COLOUR)
            _paint_shape(painter, mark, colour, to_view, has_handles=mark.number == selected)
        for mark in marks:
            box = _paint_label(painter, rect, taken, colours, self._lines[mark], to_view(_label_place(mark, to_view)))
            self._labels[mark.number] = box
        painter.restore()

    def label_at(self, place: QPointF) -> int:
        """Give the number of the mark whose words were painted last at a place; 0 when there are none."""
        return next((number for number, box in reversed(self._labels.items()) if box.contains(place)), 0)


def _paint_shape(painter: QPainter, mark: Mark, colour: QColor, to_view: ToView, *, has_handles: bool) -> None:
    lines = [QLineF(to_view(first), to_view(last)) for first, last in outline(mark)]
    for pen in (QPen(SHADOW, 3.4), QPen(colour, 1.6)):
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLines(lines)
        if mark.kind is MarkKind.RULER:
            _paint_ends(painter, lines[0])
        elif mark.kind is MarkKind.CARDIOTHORACIC:
            for line in lines:
                _paint_ends(painter, line)
    if mark.kind is MarkKind.TEXT:
        painter.drawEllipse(to_view(mark.points[0]), 2.0, 2.0)
    if mark.kind is MarkKind.ARROW:
        _paint_tip(painter, lines[0], colour)
    if has_handles:
        painter.setPen(QPen(SHADOW, 1.0))
        painter.setBrush(colour)
        for point in mark.points:
            painter.drawEllipse(to_view(point), HANDLE_PX, HANDLE_PX)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_ends(painter: QPainter, line: QLineF) -> None:
    """Draw a short stroke across each end, so that the eye sees where a length begins."""
    if line.length() < 1.0:
        return
    across = line.normalVector().unitVector()
    step = QPointF(across.dx(), across.dy()) * 5.0
    for end in (line.p1(), line.p2()):
        painter.drawLine(QLineF(end - step, end + step))


def _paint_tip(painter: QPainter, line: QLineF, colour: QColor) -> None:
    if line.length() < 1.0:
        return
    unit, across = line.unitVector(), line.normalVector().unitVector()
    back, side = QPointF(unit.dx(), unit.dy()) * ARROW_PX, QPointF(across.dx(), across.dy()) * ARROW_WIDE_PX
    painter.setPen(QPen(SHADOW, 1.0))
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([line.p1(), line.p1() + back + side, line.p1() + back - side]))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _label_place(mark: Mark, to_view: ToView) -> Point:
    """Put the words beside the point that is furthest right; of an arrow beside its tail, of a text where it is."""
    if mark.kind is MarkKind.ARROW:
        return mark.points[1]
    return max(mark.points, key=lambda point: to_view(point).x())


def _paint_label(painter: QPainter, rect: QRect, taken: QRect, colours: Colours, lines: Sequence[str], at: QPointF) -> QRectF:
    """Paint words beside a point, and give the room that they take."""
    if not lines:
        return QRectF()
    metrics = painter.fontMetrics()
    width = max(metrics.horizontalAdvance(line) for line in lines) + 2 * LABEL_PADDING_PX
    height = len(lines) * metrics.lineSpacing() + LABEL_PADDING_PX
    has_room = at.x() + LABEL_GAP_PX + width <= rect.right()
    left = max(rect.left(), at.x() + LABEL_GAP_PX if has_room else rect.right() - width)
    # Where there is no room beside the point, the words go below it and leave the mark visible.
    wanted = at.y() - height / 2 if has_room else at.y() + LABEL_GAP_PX
    top = min(max(wanted, rect.top()), rect.bottom() - height)
    if QRectF(left, top, width, height).intersects(QRectF(taken)):
        left = max(rect.left(), taken.left() - LABEL_GAP_PX - width)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, LABEL_ALPHA))
    painter.drawRoundedRect(QRectF(left, top, width, height), 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QColor(colours.canvas_text))
    for number, line in enumerate(lines):
        y = top + LABEL_PADDING_PX / 2 + metrics.ascent() + number * metrics.lineSpacing()
        painter.drawText(QPointF(left + LABEL_PADDING_PX, y), line)
    return QRectF(left, top, width, height)
