"""Images laid on each other strip by strip, and words kept as an image."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from cxrview.app.views.slide import Slide
from cxrview.app.views.stack import STRIP_PX, Placed, paint_stack

pytestmark = pytest.mark.usefixtures("qapp")


def noise(width: int, height: int, image_format: QImage.Format, ratio: float, *, alpha: int = 255) -> QImage:
    values = np.random.default_rng(width).integers(0, alpha + 1, (height, width, 4), dtype=np.uint8)
    values[:, :, 3] = alpha
    image = QImage(values.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).convertToFormat(image_format)
    image.setDevicePixelRatio(ratio)
    return image


def blank(ratio: float) -> QImage:
    image = QImage(320, 400, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor("#123456"))
    return image


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_strips_give_the_picture_that_whole_images_give(ratio: float) -> None:
    gray = Placed(noise(251, 3 * STRIP_PX + 7, QImage.Format.Format_Grayscale8, ratio), 12, 5)
    heat = Placed(noise(240, 3 * STRIP_PX - 9, QImage.Format.Format_ARGB32_Premultiplied, ratio, alpha=120), 18, 20)
    whole, strips = blank(ratio), blank(ratio)

    painter = QPainter(whole)
    for placed in (gray, heat):
        painter.drawImage(QPointF(placed.left / ratio, placed.top / ratio), placed.image)
    painter.end()
    painter = QPainter(strips)
    paint_stack(painter, (gray, heat), ratio)
    painter.end()

    assert strips == whole
    assert strips != blank(ratio)


def test_a_slide_is_drawn_once_for_each_look() -> None:
    drawn: list[str] = []
    slide, target, box = Slide(), blank(1.0), QRect(40, 50, 60, 30)

    def paint(colour: str, font: QFont | None = None) -> QColor:
        def draw(painter: QPainter) -> None:
            drawn.append(colour)
            painter.fillRect(box, QColor(colour))

        painter = QPainter(target)
        if font is not None:
            painter.setFont(font)
        slide.paint(painter, colour, lambda: box, draw, 1.0)
        painter.end()
        return target.pixelColor(box.right(), box.bottom())

    assert [paint("#ff0000"), paint("#ff0000"), paint("#00ff00")] == [QColor("#ff0000"), QColor("#ff0000"), QColor("#00ff00")]
    assert target.pixelColor(box.right() + 1, box.bottom()) == QColor("#123456")
    large = QFont()
    large.setPointSize(40)
    paint("#00ff00", large)
    assert drawn == ["#ff0000", "#00ff00", "#00ff00"]
