"""The colour bar of a heatmap layer with its numbers, in units of logit contribution."""

from __future__ import annotations

from functools import cache

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter

from cxrview.app.answers import LayerView, method_name
from cxrview.app.theme import Colours
from cxrview.app.views.canvas_texts import MARGIN_PX, PADDING_PX, SMALL_PX, paint_ground
from cxrview.core.colour import colour_table
from cxrview.core.results import HeatmapTarget

BAR_WIDTH_PX = 14
BAR_HEIGHT_PX = 150
SMALL_BAR_PX = 80
TEXT_HEIGHT_PX = 18.0
UNITS = {
    "gradcam": "logit contribution",
    "hirescam": "logit contribution",
    "occlusion": "fall of the logit",
    "lime": "weight of a patch, logit",
}
OTHER_UNIT = "units of the method"


def paint_bar(painter: QPainter, rect: QRect, colours: Colours, view: LayerView) -> None:
    """Draw the bar of a layer that has a map at the bottom right of `rect`, with the label, its probability and the method."""
    metrics, titles = painter.fontMetrics(), _titles(view, rect)
    line, box = metrics.lineSpacing(), bar_box(metrics, rect, view)
    bar_width, bar_height = _bar_size(metrics, rect)
    paint_ground(painter, box)
    painter.setPen(QColor(colours.canvas_text))
    left = box.left() + PADDING_PX
    for number, text in enumerate(titles):
        painter.drawText(left, box.top() + PADDING_PX + number * line + metrics.ascent(), text)
    bar = QRect(left, box.top() + PADDING_PX + len(titles) * line + line // 2, bar_width, bar_height)
    painter.drawImage(bar, _bar_image(view.layer.table))
    painter.drawRect(bar.adjusted(-1, -1, 0, 0))
    _paint_numbers(painter, metrics, bar, view)


def bar_box(metrics: QFontMetrics, rect: QRect, view: LayerView) -> QRect:
    """Give the room that the bar takes with its words."""
    titles, (bar_width, bar_height) = _titles(view, rect), _bar_size(metrics, rect)
    numbers = max(metrics.horizontalAdvance(number) for number in bar_numbers(view)) + bar_width + 10
    width = max(numbers, *(metrics.horizontalAdvance(text) for text in titles)) + 2 * PADDING_PX
    height = (len(titles) + 1) * metrics.lineSpacing() + bar_height + 2 * PADDING_PX
    return QRect(rect.right() - MARGIN_PX - width, rect.bottom() - MARGIN_PX - height, width, height)


def _titles(view: LayerView, rect: QRect) -> tuple[str, ...]:
    """Give the words above the bar; a small place has room for the first line only, the rest stands with the layer's controls."""
    assert view.finding is not None
    first = f"{view.finding.label.name}  {view.finding.probability:.2f}"
    return (first,) if rect.height() < SMALL_PX else (first, shown_method(view), unit_of(view))


def _bar_size(metrics: QFontMetrics, rect: QRect) -> tuple[int, int]:
    """Give width and height of the bar, which grows with the text, as in an export at full resolution."""
    growth = max(1.0, metrics.height() / TEXT_HEIGHT_PX)
    height = SMALL_BAR_PX if rect.height() < SMALL_PX else BAR_HEIGHT_PX
    return round(BAR_WIDTH_PX * growth), round(height * growth)


def shown_method(view: LayerView) -> str:
    """Name the method, and the network that the map explains where the model has several."""
    network = "" if view.heatmap is None else view.heatmap.network
    return method_name(view.layer.method) + (f", {network}" if network else "")


def unit_of(view: LayerView) -> str:
    """Say what the numbers count."""
    is_against_rest = view.heatmap is not None and view.heatmap.target is HeatmapTarget.ONE_AGAINST_REST
    return f"{UNITS.get(view.layer.method, OTHER_UNIT)}{', against the rest' if is_against_rest else ''}"


def bar_numbers(view: LayerView) -> tuple[str, ...]:
    """Give the numbers beside the bar, top to bottom."""
    low = -view.scale if view.layer.is_signed else 0.0
    decimals = 2 if view.scale >= 0.1 else 3 if view.scale >= 0.01 else 4
    sign = "+" if view.layer.is_signed else ""
    return tuple(f"{value:{sign}.{decimals}f}" for value in (view.scale, (view.scale + low) / 2, low))


def _paint_numbers(painter: QPainter, metrics: QFontMetrics, bar: QRect, view: LayerView) -> None:
    for number, share in zip(bar_numbers(view), (0.0, 0.5, 1.0), strict=True):
        y = bar.top() + round(share * bar.height())
        painter.drawLine(bar.right() + 1, y, bar.right() + 5, y)
        painter.drawText(bar.right() + 10, y + metrics.ascent() // 2 - 1, number)
    if view.layer.least > 0.0 and not view.layer.is_signed:
        y = bar.bottom() - round(view.layer.least * bar.height())
        painter.fillRect(QRect(bar.left(), y, bar.width(), bar.bottom() - y + 1), QColor(0, 0, 0, 200))


@cache
def _bar_image(table: str) -> QImage:
    colours = np.ascontiguousarray(colour_table(table)[::-1])
    return QImage(colours.data, 1, len(colours), 3, QImage.Format.Format_RGB888).copy()
