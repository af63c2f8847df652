"""The hand that covers spots: follows the mouse, and paints what is hidden from the model and what the next click hides."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QTransform

from cxrview.app.covering import SIZE_STEP, cover_radius
from cxrview.app.state import AppState, Cover, LoadedPicture
from cxrview.app.theme import Colours
from cxrview.app.views.canvas_texts import paint_hint_text
from cxrview.core.cover import Spot

GROUND = QColor(128, 128, 128, 215)
LINE_PX = 1.6
HINT = "Click to hide a spot from the model  ·  [ and ]: size  ·  Ctrl+Z: uncover  ·  Esc: no tool"
SPOT_FACTORS = {"spotSmaller": 1 / SIZE_STEP, "spotLarger": SIZE_STEP}


class CoverHand:
    """Knows the covered spots, and where the next one would be."""

    def __init__(self) -> None:
        self.cover = Cover()
        """As the state says, without the answer."""
        self._radius = 0.0
        self._mouse: tuple[float, float] | None = None

    def render_state(self, state: AppState) -> bool:
        """Take over the spots; tell whether they look different now."""
        before = (self.cover, self._radius)
        self.cover = replace(state.cover, reading=Cover().reading)
        self._radius = cover_radius(state.cover, state.picture) if isinstance(state.picture, LoadedPicture) else 0.0
        return before != (self.cover, self._radius)

    def hover(self, place: tuple[float, float] | None) -> bool:
        """Follow the mouse, image px; tell whether that has to be painted."""
        self._mouse = place
        return self.cover.is_on

    def paint(self, painter: QPainter, image_to_view: QTransform) -> None:
        """Draw covered spots as gray discs and the next one as a ring; `image_to_view` maps image px to the painter's coordinates."""
        painter.save()
        painter.setTransform(image_to_view, combine=True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(GROUND)
        painter.setPen(_line(QColor(255, 255, 255, 230)))
        for spot in self.cover.spots:
            _draw(painter, spot)
        if self.cover.is_on and self._mouse is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for colour, style in ((QColor(0, 0, 0, 200), Qt.PenStyle.SolidLine), (QColor(255, 255, 255), Qt.PenStyle.DashLine)):
                painter.setPen(_line(colour, style))
                _draw(painter, Spot(*self._mouse, self._radius))
        painter.restore()

    def paint_hint(self, painter: QPainter, rect: QRect, colours: Colours) -> None:
        """Say what the tool does while it is in the hand."""
        if self.cover.is_on:
            paint_hint_text(painter, rect, colours, HINT)


def _draw(painter: QPainter, spot: Spot) -> None:
    painter.drawEllipse(QPointF(spot.x, spot.y), spot.radius, spot.radius)


def _line(colour: QColor, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    pen = QPen(colour, LINE_PX, style)
    pen.setCosmetic(True)
    return pen
