"""Lays images on each other strip by strip: what was painted of a strip is still at hand when the next image goes over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter

# Rows, device px: a strip of a broad view fits into a processor's own memory, and few enough calls are left not to count.
STRIP_PX = 64


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An image and where its first pixel lies, device px."""

    image: QImage
    left: int
    top: int

    @property
    def bottom(self) -> int:
        """The first row below it, device px."""
        return self.top + self.image.height()


def paint_stack(painter: QPainter, images: Sequence[Placed], ratio: float) -> None:
    """Paint images, lowest first, pixel on pixel; `ratio` is device px per unit of the painter.

    The outcome is that of painting one whole image after the other.
    """
    if len(images) < 2 or ratio != round(ratio):
        for placed in images:
            _paint_rows(painter, placed, placed.top, placed.bottom, ratio)
        return
    for top in range(min(placed.top for placed in images), max(placed.bottom for placed in images), STRIP_PX):
        for placed in images:
            _paint_rows(painter, placed, max(top, placed.top), min(top + STRIP_PX, placed.bottom), ratio)


def _paint_rows(painter: QPainter, placed: Placed, first: int, last: int, ratio: float) -> None:
    if last > first:
        rows = QRectF(0.0, first - placed.top, placed.image.width(), last - first)
        painter.drawImage(QPointF(placed.left / ratio, first / ratio), placed.image, rows)
