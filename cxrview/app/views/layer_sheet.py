"""The heatmap layers as they lie on the screen, kept until they or the view change: a window drag only lays them on again."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QTransform

from cxrview.app.views.layer_painter import LayerPainter, Part
from cxrview.app.views.stack import Placed


class LayerSheet:
    """One transparent image of some layers, at the resolution of the view."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._image = QImage()
        self._key: tuple[QTransform, QRect, float] | None = None
        self._has_image = False

    def forget(self) -> None:
        """Draw the layers anew next time: they look different now."""
        self._key = None

    def placed(
        self, layers: LayerPainter, image_to_view: QTransform, image_size: tuple[int, int], rect: QRect, ratio: float
    ) -> Placed | None:
        """Give the layers as an image in its place, or none while the view moves or there is nothing to show.

        `rect` is what can be seen, `ratio` device px per painter unit.
        """
        if layers.is_empty(self._part):
            return None
        seen = image_to_view.mapRect(QRectF(0.0, 0.0, *image_size)).toAlignedRect().intersected(rect)
        if seen.isEmpty():
            return None
        key = (image_to_view, seen, ratio)
        if key != self._key:
            # While a person pans, each view is seen once: keeping it would cost more than drawing it.
            self._key, self._has_image = key, False
            return None
        if not self._has_image:
            self._image, self._has_image = _drawn(layers, image_to_view, image_size, seen, ratio, self._part), True
        return Placed(self._image, round(seen.left() * ratio), round(seen.top() * ratio))


def _drawn(layers: LayerPainter, image_to_view: QTransform, image_size: tuple[int, int], seen: QRect, ratio: float, part: Part) -> QImage:
    image = QImage(seen.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.translate(-seen.topLeft())
    layers.paint(painter, image_to_view, image_size, part)
    painter.end()
    return image
