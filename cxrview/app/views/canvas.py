"""The radiograph: window and level, pan and zoom by mouse and key, the heatmap on top, and texts in the corners."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum, auto
from typing import cast

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from cxrview.app.marking import history_of, selected_mark
from cxrview.app.own_keys import canvas_keys
from cxrview.app.privacy import patient_text, searching_text, shown_name
from cxrview.app.profiles import DEFAULT, Drag, Wheel
from cxrview.app.state import (
    AppState,
    Display,
    LoadedPicture,
    LoadingPicture,
    NoPicture,
    Picture,
    UnreadablePicture,
)
from cxrview.app.theme import THEMES
from cxrview.app.viewport import Viewport, actual_size, dragged_window, fitted, panned, zoomed
from cxrview.app.views.canvas_texts import (
    MIRRORED_TEXT,
    Naming,
    paint_bottom,
    paint_hint,
    paint_message,
    paint_region,
    paint_top,
    paint_warning,
    top_box,
    top_lines,
)
from cxrview.app.views.cover_hand import SPOT_FACTORS, CoverHand
from cxrview.app.views.layer_painter import LayerPainter, Part
from cxrview.app.views.layer_sheet import LayerSheet
from cxrview.app.views.lens import Lens
from cxrview.app.views.mark_hand import DRAFT_NUMBER, MarkHand
from cxrview.app.views.mark_painter import MarkPainter
from cxrview.app.views.note_editor import NoteEditor
from cxrview.app.views.picture_painter import PicturePainter
from cxrview.app.views.slide import Slide
from cxrview.app.views.stack import paint_stack
from cxrview.core.frame import Box
from cxrview.core.marks import Grip, Mark, MarkKind, Point, grip_at
from cxrview.core.voi import modality_table

WHEEL_FACTOR = 1.2
# What Qt calls one notch of a wheel.
WHEEL_NOTCH = 120
KEY_FACTOR = 1.25
ZOOM_FACTORS = {"zoomIn": KEY_FACTOR, "zoomOut": 1.0 / KEY_FACTOR}
# A right drag of this many view px doubles the zoom.
ZOOM_DRAG_PX = 150.0
STEP_KEYS = {
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageDown: 1,
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageUp: -1,
}


# How near to a mark, px on the screen, the mouse takes hold of it; and what is too short to be meant.
GRIP_PX = 7.0
SLIP_PX = 4.0


# Width of the frame around the active canvas.
FRAME_PX = 2
EMPTY_WORDS = "Choose an image in the list to see it here."


class _Drag(Enum):
    WINDOW = auto()
    REGION = auto()
    PAN = auto()
    ZOOM = auto()


DRAGS = {Drag.WINDOW: _Drag.WINDOW, Drag.PAN: _Drag.PAN, Drag.ZOOM: _Drag.ZOOM}


class Canvas(QWidget):
    """Paints one picture and says what the mouse and the keys ask for."""

    touched = Signal()
    """The person turned to this canvas."""
    window_chosen = Signal(object)
    """The person dragged the window. Parameters: window (Window)."""
    region_chosen = Signal(object)
    """The window is to fit a rectangle. Parameters: box in image px (Box)."""
    mark_drawn = Signal(object)
    """The person drew something and wrote its text, if it has one. Parameters: mark, its number not yet given (Mark)."""
    mark_changed = Signal(object)
    """The person moved a mark or wrote its text anew. Parameters: mark (Mark)."""
    mark_selected = Signal(int)
    """The person took hold of a mark, or of none. Parameters: its number, 0 for none (int)."""
    spot_covered = Signal(float, float)
    """A spot is to be hidden from the model. Parameters: x, y of its centre in image px (float)."""
    cover_resized = Signal(float)
    """The next covered spot is to have another size. Parameters: diameter as a share of the shorter side (float)."""
    tool_dropped = Signal()
    """The person wants no tool any more."""
    viewport_chosen = Signal(object)
    """The person panned or zoomed. Parameters: viewport (Viewport)."""
    fit_requested = Signal()
    """The whole picture is wanted."""
    step_requested = Signal(int)
    """Another image is wanted. Parameters: step down the list (int)."""
    readout_changed = Signal(str)
    """The mouse is over other pixels. Parameters: text, empty outside the picture (str)."""

    def __init__(self, parent: QWidget | None = None, *, has_texts: bool = True) -> None:
        """Leave out what stands in the corners without `has_texts`; the warning of a mirrored picture stays."""
        super().__init__(parent)
        self._has_texts = has_texts
        self.setObjectName("canvas")
        self.setAccessibleName("Radiograph")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        # Letters on a picture are smoothed in gray: what is kept as an image and what is painted directly look the same.
        font = QFont()
        font.setStyleStrategy(QFont.StyleStrategy.NoSubpixelAntialias)
        self.setFont(font)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(240, 200))
        self._picture: Picture = NoPicture()
        self._display = Display()
        self._layers, self._sheets = LayerPainter(), {part: LayerSheet(part) for part in Part}
        self._cover, self._marks_opacity = CoverHand(), 1.0
        self._words = ""
        self._naming, self._top = Naming(), Slide()
        self._colours = THEMES[AppState().theme]
        self._painter = PicturePainter()
        self._mark_painter, self._hand = MarkPainter(), MarkHand()
        self._marks: tuple[Mark, ...] = ()
        self._selected = 0
        self._tool: MarkKind | None = None
        self._is_marked = False
        self._profile = DEFAULT
        self._key_source: tuple[object, ...] = ()
        self._key_names: dict[str, str] = {}
        self._wheel_left = 0
        self._lens = Lens()
        self._notes = NoteEditor(self)
        self._notes.written.connect(self._on_written)
        self._drag: _Drag | None = None
        self._drag_at = QPointF()
        self._drag_anchor = (0.0, 0.0)
        self._drag_begun = QPointF()
        self._mouse_at = QPointF()
        self._is_space_down = False
        self._modality: tuple[LoadedPicture, npt.NDArray[np.float32]] | None = None

    def render_state(self, state: AppState) -> None:
        """Show the picture, its display and its heatmap layer."""
        words = searching_text(state) or (EMPTY_WORDS if state.grid.cells else "")
        naming = Naming(shown_name(state, state.current) if state.current else "", patient_text(state))
        before = (self._picture, self._display, self._words, self._colours, self._naming)
        if state.picture is not self._picture:
            self._hand.drop()
            self._notes.drop()
        self._profile = state.profile
        self._render_keys(state)
        self._picture, self._display, self._words, self._colours = state.picture, state.display, words, THEMES[state.theme]
        self._naming = naming
        is_changed = self._render_marks(state)
        is_changed = self._cover.render_state(state) or is_changed
        if self._layers.render_state(state):
            for sheet in self._sheets.values():
                sheet.forget()
            is_changed = True
        if is_changed or before != (self._picture, self._display, self._words, self._colours, self._naming):
            self.update()

    def _render_keys(self, state: AppState) -> None:
        source = (state.profile, state.own_keys, state.own_windows)
        if source != self._key_source:
            self._key_source = source
            self._key_names = {key.casefold(): name for key, name in canvas_keys(state).items()}

    def set_marked(self, *, is_marked: bool) -> None:
        """Draw a frame around the canvas that is active among several."""
        if is_marked != self._is_marked:
            self._is_marked = is_marked
            self.update()

    def _render_marks(self, state: AppState) -> bool:
        """Take over marks, selection and tool; tell whether they look different now."""
        before = (self._marks, self._selected, self._tool, self._marks_opacity)
        self._marks_opacity = state.layers.marks_opacity
        selected = selected_mark(state)
        if state.tool is not self._tool:
            self._hand.drop()
        self._marks, self._tool = history_of(state).marks if self._marks_opacity > 0.0 else (), state.tool
        self._selected = selected.number if selected else 0
        return before != (self._marks, self._selected, self._tool, self._marks_opacity)

    @property
    def viewport(self) -> Viewport | None:
        """The viewport in use, device px; None without a picture."""
        if not isinstance(self._picture, LoadedPicture):
            return None
        return self._display.viewport or fitted(self._picture.pyramid.size, self._view_size(), self._display.orientation)

    def show_actual_size(self) -> None:
        """Ask for one image pixel on one device pixel."""
        if self.viewport is not None:
            self.viewport_chosen.emit(actual_size(self.viewport))

    def zoom_by(self, factor: float) -> None:
        """Ask for a zoom around the middle."""
        if self.viewport is not None:
            self.viewport_chosen.emit(zoomed(self.viewport, factor, (self.viewport.center_x, self.viewport.center_y)))

    def _view_size(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def _to_image(self, position: QPointF) -> tuple[float, float]:
        assert self.viewport is not None
        ratio = self.devicePixelRatioF()
        return self.viewport.to_image(position.x() * ratio, position.y() * ratio, self._view_size())

    def _drag_window(self, picture: LoadedPicture, dx: float, dy: float) -> None:
        window = self._display.window or picture.window
        is_inverted = picture.pixels.is_inverted != self._display.is_inverted
        self.window_chosen.emit(dragged_window(window, dx, dy, is_inverted=is_inverted))

    def _drag_on(self, picture: LoadedPicture, position: QPointF) -> None:
        assert self.viewport is not None
        moved = position - self._drag_at
        self._drag_at = position
        ratio = self.devicePixelRatioF()
        if self._drag is _Drag.WINDOW:
            self._drag_window(picture, moved.x(), moved.y())
        elif self._drag is _Drag.REGION:
            self.update()
        elif self._drag is _Drag.PAN:
            self.viewport_chosen.emit(panned(self.viewport, moved.x() * ratio, moved.y() * ratio, picture.pyramid.size))
        elif self._drag is _Drag.ZOOM:
            self.viewport_chosen.emit(zoomed(self.viewport, 2.0 ** (-moved.y() / ZOOM_DRAG_PX), self._drag_anchor))

    def _place(self, position: QPointF) -> Point:
        return Point(*self._to_image(position))

    def _reach_px(self, seen_px: float) -> float:
        """Give a distance on the screen as image px."""
        assert self.viewport is not None
        return seen_px * self.devicePixelRatioF() / self.viewport.zoom

    def _press_cover(self, event: QMouseEvent) -> bool:
        """Ask for a spot to be hidden from the model, when the cover tool is in the hand; tell whether it is."""
        if not self._cover.cover.is_on or self._is_space_down or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        x, y = self._to_image(event.position())
        assert isinstance(self._picture, LoadedPicture)
        if 0.0 <= x <= self._picture.pixels.width and 0.0 <= y <= self._picture.pixels.height:
            self.spot_covered.emit(x, y)
        return True

    def _press_mark(self, event: QMouseEvent) -> bool:
        """Draw with the tool, or take hold of the mark below the mouse; tell whether there was anything to do."""
        if self._is_space_down or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        place = self._place(event.position())
        if self._tool is not None:
            self._hand.press(self._tool, place)
            return True
        grip = self._grip_at(event.position())
        if grip is not None:
            self._hand.take(next(mark for mark in self._marks if mark.number == grip.number), grip, place)
        if self._selected != (grip.number if grip else 0):
            self.mark_selected.emit(grip.number if grip else 0)
        return grip is not None

    def _release_mark(self, event: QMouseEvent) -> None:
        is_moving = self._hand.is_moving
        mark = self._hand.release(self._place(event.position()), self._reach_px(SLIP_PX))
        if mark is not None and mark.kind.has_text and not is_moving:
            self._write_at(mark)
        elif mark is not None:
            (self.mark_changed if is_moving else self.mark_drawn).emit(mark)
        self.update()

    def _grip_at(self, position: QPointF) -> Grip | None:
        """Give the mark at a place in the view, by its lines and points, else by its words."""
        grip = grip_at(self._marks, self._place(position), self._reach_px(GRIP_PX))
        number = self._mark_painter.label_at(position)
        return grip if grip is not None or not number else Grip(number)

    def edit_note(self) -> None:
        """Let the person write the text of the selected mark anew, if it has one."""
        mark = next((mark for mark in self._marks if mark.number == self._selected), None)
        if mark is not None and mark.kind.has_text:
            self._write_at(mark)

    def _write_at(self, mark: Mark) -> None:
        assert self.viewport is not None
        ratio = self.devicePixelRatioF()
        point = mark.points[-1]
        x, y = self.viewport.to_view(point.x, point.y, self._view_size())
        self._notes.begin(mark, QPoint(round(x / ratio), round(y / ratio)))
        self.update()

    def _on_written(self, mark: Mark) -> None:
        if mark.number != DRAFT_NUMBER:
            self.mark_changed.emit(mark)
        elif mark.text or mark.kind is not MarkKind.TEXT:
            self.mark_drawn.emit(mark)
        self.update()

    def _box(self, first: QPointF, last: QPointF) -> Box:
        """Give the rectangle of the image, image px, between two corners seen in the view."""
        (x0, y0), (x1, y1) = self._to_image(first), self._to_image(last)
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def _readout(self, position: QPointF) -> str:
        if not isinstance(self._picture, LoadedPicture):
            return ""
        pixels = self._picture.pixels
        # A mouse position names the corner of a screen pixel; its middle lies in one image pixel however the picture is turned.
        middle = 0.5 / self.devicePixelRatioF()
        x, y = (int(np.floor(value)) for value in self._to_image(position + QPointF(middle, middle)))
        if not (0 <= x < pixels.width and 0 <= y < pixels.height):
            return ""
        value = int(pixels.values[y, x])
        stored = value + pixels.offset
        if self._modality is None or self._modality[0] is not self._picture:
            self._modality = (self._picture, modality_table(pixels))
        modality = float(self._modality[1][value])
        changed = "" if modality == stored else f"   modality value {modality:g}"
        ratio = self.devicePixelRatioF()
        gray = self._painter.gray_at(int(position.x() * ratio), int(position.y() * ratio))
        shown = "" if gray is None else f"   shown as {gray} of 255"
        return f"x {x}  y {y}   stored value {stored}{changed}{shown}"

    # Painting.

    def _image_to_view(self, viewport: Viewport) -> QTransform:
        """Give the map from image px to the coordinates of this widget."""
        ratio = self.devicePixelRatioF()
        x, y = viewport.to_view(0.0, 0.0, self._view_size())
        right_x, right_y = viewport.orientation.to_view(viewport.zoom, 0.0)
        down_x, down_y = viewport.orientation.to_view(0.0, viewport.zoom)
        return QTransform(right_x / ratio, right_y / ratio, down_x / ratio, down_y / ratio, x / ratio, y / ratio)

    def _paint_loaded(self, painter: QPainter, picture: LoadedPicture) -> None:
        viewport = self.viewport
        assert viewport is not None
        ratio = self.devicePixelRatioF()
        covered = self._painter.prepare(picture, self._display, viewport, self._view_size(), ratio)
        margins = QRegion(self.rect()).subtracted(QRegion(covered))
        for margin in cast("Iterable[QRect]", margins):  # PySide6's stubs leave the iterator out
            painter.fillRect(margin, QColor(self._colours.canvas))
        to_view, size = self._image_to_view(viewport), picture.pyramid.size
        below = self._sheets[Part.BELOW].placed(self._layers, to_view, size, self.rect(), ratio)
        paint_stack(painter, [placed for placed in (self._painter.placed(ratio), below) if placed], ratio)
        if below is None:
            self._layers.paint(painter, to_view, size, Part.BELOW)
        if self._marks_opacity > 0.0:
            painter.setOpacity(self._marks_opacity)
            self._paint_marks(painter, picture, viewport)
            painter.setOpacity(1.0)
        above = self._sheets[Part.ABOVE].placed(self._layers, to_view, size, self.rect(), ratio)
        if above is None:
            self._layers.paint(painter, to_view, size, Part.ABOVE)
        else:
            paint_stack(painter, [above], ratio)
        self._cover.paint(painter, to_view)
        if self._drag is _Drag.REGION:
            paint_region(painter, QRectF(self._drag_begun, self._drag_at).normalized(), self._colours)
        if self._has_texts:
            self._layers.paint_legend(painter, self.rect(), self._colours, ratio)
            self._paint_corners(painter, picture, viewport)
        if self._lens.is_on:
            place = self._place(self._mouse_at)
            self._lens.paint(painter, picture, self._display, viewport, self._mouse_at, place, self.devicePixelRatioF())
        if self._tool is not None:
            paint_hint(painter, self.rect(), self._colours, self._tool)
        self._cover.paint_hint(painter, self.rect(), self._colours)
        if viewport.orientation.is_mirrored:
            paint_warning(painter, self.rect(), self._colours, MIRRORED_TEXT)

    def _paint_corners(self, painter: QPainter, picture: LoadedPicture, viewport: Viewport) -> None:
        rect, colours, lines = self.rect(), self._colours, top_lines(self._naming, picture, self.rect())
        metrics = painter.fontMetrics()
        paint_bottom(painter, rect, colours, picture, self._display, viewport.zoom)
        if not lines:
            return
        self._top.paint(
            painter,
            (lines, rect, colours),
            lambda: top_box(metrics, rect, lines),
            lambda onto: paint_top(onto, rect, colours, lines),
            self.devicePixelRatioF(),
        )

    def _paint_marks(self, painter: QPainter, picture: LoadedPicture, viewport: Viewport) -> None:
        ratio, size = self.devicePixelRatioF(), self._view_size()

        def to_view(point: Point) -> QPointF:
            x, y = viewport.to_view(point.x, point.y, size)
            return QPointF(x / ratio, y / ratio)

        # What is being written is read in the editor, not beneath it.
        draft = self._hand.draft or (replace(self._notes.mark, text="") if self._notes.mark else None)
        marks = (*(mark for mark in self._marks if draft is None or mark.number != draft.number), *((draft,) if draft else ()))
        selected = draft.number if draft else self._selected
        has_bar = bool(marks) and self._has_texts
        taken = self._layers.legend_box(painter.fontMetrics(), self.rect()) if has_bar else QRect()
        self._mark_painter.paint(painter, self.rect(), taken, self._colours, marks, selected, picture.pixels, to_view)

    def _paint_text(self, painter: QPainter) -> None:
        if isinstance(self._picture, UnreadablePicture):
            title = f"{self._naming.image} cannot be shown"
            paint_message(painter, self.rect(), self._colours, title, f"{self._picture.reason} {self._picture.hint}".strip())
        elif isinstance(self._picture, LoadingPicture):
            paint_message(painter, self.rect(), self._colours, f"Reading {self._naming.image}…", "")
        else:
            paint_message(painter, self.rect(), self._colours, self._words, "")

    # Called by Qt.

    def sizeHint(self) -> QSize:
        """Ask for room."""
        return QSize(800, 700)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, or words where there is none."""
        painter = QPainter(self)
        if isinstance(self._picture, LoadedPicture):
            self._paint_loaded(painter, self._picture)
        else:
            painter.fillRect(event.rect(), QColor(self._colours.canvas))
            self._paint_text(painter)
        if self._is_marked:
            painter.setPen(QPen(QColor(self._colours.accent), 2 * FRAME_PX))
            painter.drawRect(self.rect())
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint anew at the new size."""
        self.update()
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag."""
        self.touched.emit()
        if not isinstance(self._picture, LoadedPicture) or self._drag is not None:
            return
        button = event.button()
        if button == Qt.MouseButton.LeftButton and self._press_cover(event):
            return
        if button == Qt.MouseButton.LeftButton and self._press_mark(event):
            self.update()
            return
        if button == Qt.MouseButton.LeftButton:
            has_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            self._drag = _Drag.PAN if self._is_space_down else _Drag.REGION if has_control else DRAGS[self._profile.left]
        elif button == Qt.MouseButton.MiddleButton:
            self._drag = DRAGS[self._profile.middle]
        elif button == Qt.MouseButton.RightButton:
            self._drag = DRAGS[self._profile.right]
        self._drag_at = self._drag_begun = event.position()
        self._drag_anchor = self._to_image(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Carry a drag on, and tell what is under the mouse."""
        self._mouse_at = event.position()
        if self.viewport is not None and self._cover.hover(self._to_image(event.position())):
            self.update()
        if self._lens.is_on:
            self.update()
        if self._drag is not None and isinstance(self._picture, LoadedPicture):
            self._drag_on(self._picture, event.position())
        elif self._hand.draft is not None:
            self._hand.move(self._place(event.position()))
            self.update()
        self.readout_changed.emit(self._readout(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag, and ask for the window of a region that was drawn."""
        if self._drag is None and self._hand.draft is not None and event.button() == Qt.MouseButton.LeftButton:
            self._release_mark(event)
        if self._drag is _Drag.REGION and isinstance(self._picture, LoadedPicture):
            self.region_chosen.emit(self._box(self._drag_begun, event.position()))
            self.update()
        self._drag = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Let the person edit a note, else show the whole picture."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        grip = self._grip_at(event.position()) if isinstance(self._picture, LoadedPicture) else None
        mark = next((mark for mark in self._marks if grip is not None and mark.number == grip.number), None)
        if mark is None:
            self.fit_requested.emit()
        elif mark.kind.has_text:
            self._hand.drop()
            self._write_at(mark)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the mouse."""
        self._notes.finish()
        self.touched.emit()
        if self._profile.wheel is Wheel.STEP and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._step_by_wheel(event.angleDelta().y())
        elif self.viewport is not None and event.angleDelta().y():
            factor = WHEEL_FACTOR ** (event.angleDelta().y() / 120.0)
            self.viewport_chosen.emit(zoomed(self.viewport, factor, self._to_image(event.position())))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step through the list, zoom, and remember that Space turns the left drag into panning."""
        key = Qt.Key(event.key())
        name = self._name_of(event)
        if name in ZOOM_FACTORS:
            self.zoom_by(ZOOM_FACTORS[name])
        elif name in SPOT_FACTORS and self._cover.cover.is_on:
            self.cover_resized.emit(self._cover.cover.share * SPOT_FACTORS[name])
        elif name == "magnifier":
            self._set_lens(is_on=True)
        elif name == "hand":
            self._set_space(is_down=True)
        elif key in STEP_KEYS:
            self.step_requested.emit(STEP_KEYS[key])
        elif key == Qt.Key.Key_Equal:
            self.zoom_by(KEY_FACTOR)
        elif key == Qt.Key.Key_Escape:
            self._hand.drop()
            self.tool_dropped.emit()
            self.update()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Give the left drag back to the window."""
        name = self._name_of(event)
        if name == "hand" and not event.isAutoRepeat():
            self._set_space(is_down=False)
        elif name == "magnifier" and not event.isAutoRepeat():
            self._set_lens(is_on=False)
        else:
            super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Become the active canvas by Tab, too."""
        self.touched.emit()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Put the magnifier away: its key may be let go elsewhere."""
        self._set_lens(is_on=False)
        super().focusOutEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """There is nothing under the mouse."""
        if self._cover.hover(None):
            self.update()
        self.readout_changed.emit("")
        super().leaveEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Forget a Space that was let go elsewhere."""
        self._set_space(is_down=False)
        super().enterEvent(event)

    def _name_of(self, event: QKeyEvent) -> str:
        """Give what a key of the canvas is for; empty when it is none of them."""
        return self._key_names.get(QKeySequence(event.key()).toString(QKeySequence.SequenceFormat.PortableText).casefold(), "")

    def _set_lens(self, *, is_on: bool) -> None:
        self._lens.is_on = is_on
        self.update()

    def _step_by_wheel(self, delta: int) -> None:
        """Ask for one image per notch, however finely the wheel tells of it."""
        turned = self._wheel_left + delta
        notches = int(turned / WHEEL_NOTCH)
        self._wheel_left = turned - notches * WHEEL_NOTCH
        if notches:
            self.step_requested.emit(-notches)

    def _set_space(self, *, is_down: bool) -> None:
        self._is_space_down = is_down
        self.setCursor(Qt.CursorShape.OpenHandCursor if is_down else Qt.CursorShape.CrossCursor)
