"""Words and bars that stand still over a picture, kept as an image while they look the same: a window drag only lays them on again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter


class Slide:
    """One small transparent image of what is painted the same again and again."""

    def __init__(self) -> None:
        self._key: object = None
        self._box = QRect()
        self._image = QImage()

    def paint(self, painter: QPainter, key: object, box: Callable[[], QRect], draw: Callable[[QPainter], None], ratio: float) -> None:
        """Paint what `draw` paints inside `box`, the painter's units; both depend on `key`, on the font and on nothing else.

        `ratio` is device px per painter unit.
        """
        known = (key, painter.font(), ratio)
        if known != self._key:
            self._key, self._box = known, box()
            self._image = _drawn(self._box, draw, painter, ratio)
        painter.drawImage(self._box.topLeft(), self._image)


def _drawn(box: QRect, draw: Callable[[QPainter], None], like: QPainter, ratio: float) -> QImage:
    image = QImage(box.size() * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setFont(like.font())
    painter.translate(-box.topLeft())
    draw(painter)
    painter.end()
    return image
