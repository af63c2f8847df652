"""Paints heatmaps and the lungs' outline over a picture, and what has to be said of them in a corner of the canvas."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum, auto

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPainterPath, QPen, QPolygonF, QTransform

from cxrview.app.answers import LayerView, layer_views
from cxrview.app.layers import LayerKind, LayerStyle
from cxrview.app.state import AppState
from cxrview.app.theme import Colours
from cxrview.app.views.canvas_texts import paint_words, words_box, words_rect
from cxrview.app.views.colour_bar import bar_box, paint_bar
from cxrview.app.views.slide import Slide
from cxrview.app.wash import Contour, Wash, make_contours, make_wash, smoothed
from cxrview.core.frame import Frame
from cxrview.core.lungs import Lungs
from cxrview.core.results import Analysis, Heatmap

# At a text of this height; exports at full resolution have larger texts and broader lines.
CONTOUR_WIDTH_PX = 1.8
TEXT_HEIGHT_PX = 18.0
# The outline of the lungs: seen on dark and bright, and taken by no colour table.
LUNGS_COLOUR = "#6be3ff"
LUNGS_GROUND = "#001a22"


class Part(Enum):
    """Which layers: those under the marks of the person, or those over them."""

    BELOW = auto()
    ABOVE = auto()


# What layers may depend on: a window drag, which changes only how the picture is shown, does not work them out again.
FIELDS = tuple(item.name for item in fields(AppState) if item.name != "display")


@dataclass(frozen=True, slots=True)
class _Look:
    """What the colours of a map depend on; opacity is not among it."""

    heatmap: Heatmap
    scale: float
    table: str
    least: float
    style: LayerStyle
    is_signed: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Drawing:
    """A map in the painter's own terms: an image over `box`, or lines."""

    box: QRectF
    image: QImage
    paths: tuple[tuple[QColor, QPainterPath], ...] = ()


class LayerPainter:
    """Keeps the coloured heatmaps of the shown image; opacity and order compute nothing."""

    def __init__(self) -> None:
        self._state = AppState()
        self._views: dict[Part, tuple[LayerView, ...]] = dict.fromkeys(Part, ())
        self._selected = LayerView(AppState().layers.current)
        self._drawings: dict[_Look, _Drawing] = {}
        self._parts: tuple[object, ...] = ()
        self._outlines: tuple[Lungs | None, QPainterPath] = (None, QPainterPath())
        self._legend = Slide()

    def render_state(self, state: AppState) -> bool:
        """Take over the layers of the state; tell whether they look different now."""
        own = (state.reading, state.picture, state.layers, state.explanations, state.model, state.thresholds, state.shown_anyway)
        # Places side by side share a scale.
        others = (cell for index, cell in enumerate(state.grid.cells) if index != state.grid.active)
        parts = (*own, *(part for cell in others for part in (cell.reading, cell.explanations)))
        if len(parts) == len(self._parts) and all(part is before for part, before in zip(parts, self._parts, strict=True)):
            return False
        self._parts = parts
        if all(getattr(state, name) is getattr(self._state, name) for name in FIELDS):
            return False
        self._state = state
        before = (self._views, self._selected)
        views = layer_views(state)
        is_selected_shown = state.layers.is_visible and state.layers.current_map.is_visible
        self._selected = views[state.layers.map_place] if is_selected_shown else LayerView(state.layers.current_map)
        self._views = _parted(views) if state.layers.is_visible else dict.fromkeys(Part, ())
        if isinstance(state.reading, Analysis):
            frame, kept = state.reading.frame, self._drawings
            looks = [_look_of(view) for part in Part for view in self._views[part]]
            self._drawings = {look: kept.get(look) or _drawn(look, frame) for look in looks if look is not None}
        return before != (self._views, self._selected)

    def is_empty(self, part: Part) -> bool:
        """Tell whether there is nothing to paint on the picture."""
        return not any(view.heatmap is not None or view.lungs is not None for view in self._views[part])

    def paint(self, painter: QPainter, image_to_view: QTransform, image_size: tuple[int, int], part: Part) -> None:
        """Paint some layers; `image_to_view` maps image px to the painter's coordinates, `image_size` is (width, height)."""
        if self.is_empty(part):
            return
        painter.save()
        painter.setTransform(image_to_view, combine=True)
        painter.setClipRect(QRectF(0.0, 0.0, *image_size))
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        for view in self._views[part]:
            if view.lungs is not None:
                self._paint_lungs(painter, view, view.lungs)
            look = _look_of(view)
            if look is not None:
                painter.setOpacity(view.layer.opacity)
                _paint_drawing(painter, self._drawings[look])
        painter.restore()

    def _paint_lungs(self, painter: QPainter, view: LayerView, lungs: Lungs) -> None:
        if self._outlines[0] is not lungs:
            path = QPainterPath()
            for line in lungs.outlines:
                path.addPolygon(QPolygonF([QPointF(x, y) for x, y in smoothed(line.astype(np.float64)).tolist()]))
                path.closeSubpath()
            self._outlines = (lungs, path)
        painter.setOpacity(view.layer.opacity)
        growth = max(1.0, painter.fontMetrics().height() / TEXT_HEIGHT_PX)
        for colour, width in ((LUNGS_GROUND, 2.0 * CONTOUR_WIDTH_PX), (LUNGS_COLOUR, CONTOUR_WIDTH_PX)):
            pen = QPen(QColor(colour), width * growth)
            pen.setCosmetic(True)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.strokePath(self._outlines[1], pen)

    def legend_box(self, metrics: QFontMetrics, rect: QRect) -> QRect:
        """Give the room that the colour bar will take; none where there is no map."""
        return bar_box(metrics, rect, self._selected) if self._selected.heatmap is not None else QRect()

    def paint_legend(self, painter: QPainter, rect: QRect, colours: Colours, ratio: float) -> None:
        """Paint the selected layer's colour bar with its numbers, or words where it has no map, at the bottom right of `rect`."""
        selected, metrics = self._selected, painter.fontMetrics()

        def draw(onto: QPainter) -> None:
            if selected.heatmap is not None:
                paint_bar(onto, rect, colours, selected)
            paint_words(onto, words_rect(onto.fontMetrics(), rect), colours, selected.words)

        def box() -> QRect:
            words = words_box(metrics, words_rect(metrics, rect), selected.words)
            # One more all around, for the outlines.
            return self.legend_box(metrics, rect).united(words).adjusted(-1, -1, 1, 1)

        if selected.heatmap is not None or selected.words:
            self._legend.paint(painter, (selected, rect, colours), box, draw, ratio)


def _parted(views: tuple[LayerView, ...]) -> dict[Part, tuple[LayerView, ...]]:
    """Part what is visible where the marks lie; what has no marks above it lies below them."""
    kinds = [view.layer.kind for view in views]
    place = kinds.index(LayerKind.MARKS) if LayerKind.MARKS in kinds else len(kinds)
    shown = [(number, view) for number, view in enumerate(views) if view.layer.is_visible and number != place]
    return {
        Part.BELOW: tuple(view for number, view in shown if number < place),
        Part.ABOVE: tuple(view for number, view in shown if number > place),
    }


def _look_of(view: LayerView) -> _Look | None:
    if view.heatmap is None:
        return None
    layer = view.layer
    return _Look(view.heatmap, view.scale, layer.table, layer.least, layer.style, layer.is_signed)


def _drawn(look: _Look, frame: Frame) -> _Drawing:
    box = frame.model_box_in_image()
    rect = QRectF(box.left, box.top, box.width, box.height)
    if look.style is LayerStyle.WASH:
        wash = make_wash(look.heatmap, frame, look.scale, table=look.table, least=look.least, is_signed=look.is_signed)
        return _Drawing(rect, _image_of(wash))
    contours = make_contours(look.heatmap, frame, look.scale, table=look.table, least=look.least, is_signed=look.is_signed)
    return _Drawing(rect, QImage(), tuple((QColor(*contour.colour), _path_of(contour)) for contour in contours))


def _paint_drawing(painter: QPainter, drawing: _Drawing) -> None:
    if not drawing.image.isNull():
        painter.drawImage(drawing.box, drawing.image)
    for colour, path in drawing.paths:
        pen = QPen(colour, CONTOUR_WIDTH_PX * max(1.0, painter.fontMetrics().height() / TEXT_HEIGHT_PX))
        pen.setCosmetic(True)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(path, pen)


def _image_of(wash: Wash) -> QImage:
    """Give a wash as an image of its own in the format that the painter needs no conversion for."""
    rows, columns = wash.rgba.shape[:2]
    image = QImage(wash.rgba.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888_Premultiplied)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _path_of(contour: Contour) -> QPainterPath:
    path = QPainterPath()
    for line in contour.lines:
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in line]))
        path.closeSubpath()
    return path
