"""The magnifier: a round piece of the picture around the mouse, enlarged."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from cxrview.app.state import Display, LoadedPicture
from cxrview.app.viewport import MAX_ZOOM, Viewport
from cxrview.app.views.picture_painter import PicturePainter
from cxrview.app.views.stack import paint_stack
from cxrview.core.marks import Point

RADIUS_PX = 120
FACTOR = 2.5
RING = "#d7dce3"


class Lens:
    """Paints itself over a canvas while it is on; window and helps for the eye are the canvas's."""

    def __init__(self) -> None:
        self.is_on = False
        self._painter = PicturePainter()

    def paint(
        self, painter: QPainter, picture: LoadedPicture, display: Display, viewport: Viewport, at: QPointF, place: Point, ratio: float
    ) -> None:
        """Paint what lies around `place`, image px, as a disc around `at`, in the painter's coordinates."""
        box = QRectF(at.x() - RADIUS_PX, at.y() - RADIUS_PX, 2 * RADIUS_PX, 2 * RADIUS_PX)
        disc = QPainterPath()
        disc.addEllipse(box)
        side = round(2 * RADIUS_PX * ratio)
        near = Viewport(min(MAX_ZOOM, viewport.zoom * FACTOR), place.x, place.y, viewport.orientation)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipPath(disc)
        painter.fillRect(box, QColor("black"))
        painter.translate(box.topLeft())
        self._painter.prepare(picture, display, near, (side, side), ratio)
        paint_stack(painter, [placed for placed in (self._painter.placed(ratio),) if placed], ratio)
        painter.restore()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(RING), 2.0))
        painter.drawEllipse(box)
        painter.restore()
