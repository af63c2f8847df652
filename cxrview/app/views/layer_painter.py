"""Paints the heatmap layers over a picture, and what has to be said of them in a corner of the canvas."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter, QTransform

from cxrview.app.state import AppState, HeatmapLayer, HeatmapView, heatmap_view
from cxrview.app.theme import Colours
from cxrview.app.views.canvas_texts import paint_bar, paint_words
from cxrview.app.wash import TABLE, Wash, make_wash
from cxrview.core.heatmap import common_scale
from cxrview.core.results import Analysis


class LayerPainter:
    """Keeps the coloured heatmaps of the shown image; opacity computes nothing."""

    def __init__(self) -> None:
        self._layer = HeatmapLayer()
        self._view = HeatmapView()
        self._wash: Wash | None = None
        self._image = QImage()

    def render_state(self, state: AppState) -> bool:
        """Take over the layers of the state; tell whether they look different now."""
        before = (self._layer, self._view)
        view = heatmap_view(state)
        if view.heatmap is not self._view.heatmap:
            self._wash = _wash_of(view, state)
            self._image = _image_of(self._wash)
        self._layer, self._view = state.layer, view
        return before != (self._layer, self._view)

    def paint(self, painter: QPainter, image_to_view: QTransform, image_size: tuple[int, int]) -> None:
        """Paint the layers; `image_to_view` maps image px to the painter's coordinates, `image_size` is (width, height)."""
        if self._wash is None:
            return
        box = self._wash.box
        painter.save()
        painter.setTransform(image_to_view, combine=True)
        painter.setClipRect(QRectF(0.0, 0.0, *image_size))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(self._layer.opacity)
        painter.drawImage(QRectF(box.left, box.top, box.width, box.height), self._image)
        painter.restore()

    def paint_legend(self, painter: QPainter, rect: QRect, colours: Colours) -> None:
        """Paint the colour bar with its numbers, or words where there is no map, at the bottom right of `rect`."""
        if self._wash is not None and self._view.finding is not None:
            paint_bar(painter, rect, colours, self._view.finding, self._wash.scale, TABLE)
        paint_words(painter, rect, colours, self._view.words)


def _image_of(wash: Wash | None) -> QImage:
    """Give a wash as an image of its own in the format that the painter needs no conversion for."""
    if wash is None:
        return QImage()
    rows, columns = wash.rgba.shape[:2]
    image = QImage(wash.rgba.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888_Premultiplied)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _wash_of(view: HeatmapView, state: AppState) -> Wash | None:
    if view.heatmap is None or not isinstance(state.reading, Analysis):
        return None
    return make_wash(view.heatmap, state.reading.frame, common_scale(state.reading.heatmaps))
