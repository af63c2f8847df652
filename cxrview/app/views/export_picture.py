"""What is seen in one place or in all of them as a picture of its own, with the notice and the model's identity below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QWidget

from cxrview.app.answers import findings_of, is_withheld
from cxrview.app.cells import cell_states
from cxrview.app.state import AppState, Grid, LoadedPicture, MarkBook
from cxrview.app.viewport import Viewport
from cxrview.app.views.canvas import Canvas
from cxrview.core.results import Analysis

NOTICE = "For research and education, not for diagnosis"
# A text is readable on a picture of any size when it is this part of its shorter side, but not smaller than on the screen.
TEXT_PART = 1 / 75
PADDING_PX = 10
GAP_PX = 6
# Of one place in a layout at full resolution; larger than any detector, smaller than what a painter refuses.
MAX_TILE_PX = 8000


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a picture leaves the program.

    Attributes:
        is_full: at the resolution of the image, whole; else as large as on the screen, the part that is seen there.
        has_overlay: with heatmaps and marks.
        has_texts: with what stands in the corners; the warning of a mirrored picture always stays.
        has_names: with the names of patient and file; while names are hidden in the window they stay hidden.
        has_layout: all places of the layout, else the active one.
    """

    is_full: bool = False
    has_overlay: bool = True
    has_texts: bool = True
    has_names: bool = False
    has_layout: bool = False


def can_export(state: AppState) -> bool:
    """Tell whether there is a picture to export."""
    return isinstance(state.picture, LoadedPicture)


def export_picture(state: AppState, options: ExportOptions, screens: Sequence[QWidget]) -> QImage:
    """Paint what is wanted; `screens` are the canvases that the places are seen on. Notice and model identity are always below."""
    picture = export_bare(state, options, screens)
    font = QFont(screens[0].font())
    font.setPixelSize(_caption_px(font, picture, screens[0], is_full=options.is_full))
    return _with_caption(picture, caption_lines(state, has_layout=options.has_layout), font)


def export_bare(state: AppState, options: ExportOptions, screens: Sequence[QWidget]) -> QImage:
    """Paint what is wanted without a caption, for pages that have one of their own."""
    states = cell_states(state)
    if not options.has_layout or len(states) == 1:
        screen = screens[state.grid.active] if len(states) > 1 else screens[0]
        return _painted(state, options, _size_of(state, screen, is_full=options.is_full), screen)
    tile = _tile_of(states, screens, is_full=options.is_full)
    columns, rows = state.grid.layout.columns, state.grid.layout.rows
    made = QImage(columns * (tile.width() + GAP_PX) - GAP_PX, rows * (tile.height() + GAP_PX) - GAP_PX, QImage.Format.Format_RGB32)
    made.fill(QColor("black"))
    painter = QPainter(made)
    for index, (cell, screen) in enumerate(zip(states, screens, strict=False)):
        left, top = index % columns * (tile.width() + GAP_PX), index // columns * (tile.height() + GAP_PX)
        painter.drawImage(left, top, _painted(cell, options, tile, screen))
    painter.end()
    return made


def caption_lines(state: AppState, *, has_layout: bool = False) -> tuple[str, ...]:
    """Give what stands below every export: the notice, and which model said what, or that none did, for each place."""
    states = cell_states(state) if has_layout else (state,)
    if len(states) == 1:
        return (NOTICE, model_line(state))
    shown = ((number, cell) for number, cell in enumerate(states, start=1) if isinstance(cell.picture, LoadedPicture))
    return (NOTICE, *(f"Picture {number}: {model_line(cell)}" for number, cell in shown))


def model_line(state: AppState) -> str:
    """Name the model that read the picture, what ran it, and what it found."""
    analysis = state.reading
    if not isinstance(analysis, Analysis):
        return "No model has read this picture."
    who = model_identity(analysis)
    if is_withheld(state):
        return f"{who}: scores withheld"
    return f"{who}: " + ", ".join(f"{finding.label.name} {finding.probability:.2f}" for finding in findings_of(state))


def model_identity(analysis: Analysis) -> str:
    """Name a model so that it can be found again, and what ran it."""
    return f"{analysis.model_id} {analysis.model_version} ({analysis.model_sha256[:12]}), {analysis.engine} on {analysis.device}"


def _size_of(state: AppState, screen: QWidget, *, is_full: bool) -> QSize:
    """Give the size of one place, px: that of the image, as it lies, or that on the screen."""
    if not is_full or not isinstance(state.picture, LoadedPicture):
        ratio = screen.devicePixelRatioF()
        return QSize(round(screen.width() * ratio), round(screen.height() * ratio))
    width, height = state.picture.pyramid.size
    return QSize(height, width) if state.display.orientation.is_sideways else QSize(width, height)


def _tile_of(states: Sequence[AppState], screens: Sequence[QWidget], *, is_full: bool) -> QSize:
    """Give the size of every place of a layout: that of the largest."""
    tile = QSize(1, 1)
    for cell, screen in zip(states, screens, strict=False):
        if isinstance(cell.picture, LoadedPicture) or not is_full:
            tile = tile.expandedTo(_size_of(cell, screen, is_full=is_full))
    return tile.boundedTo(QSize(MAX_TILE_PX, MAX_TILE_PX))


def _painted(state: AppState, options: ExportOptions, size: QSize, screen: QWidget) -> QImage:
    """Paint one place at a size in px, without a caption."""
    canvas = Canvas(has_texts=options.has_texts)
    try:
        ratio = canvas.devicePixelRatioF()
        font = QFont(screen.font())
        if options.is_full:
            font.setPixelSize(max(QFontMetrics(font).height(), round(min(size.width(), size.height()) * TEXT_PART / ratio)))
        canvas.setFont(font)
        canvas.setMinimumSize(QSize(1, 1))
        canvas.resize(QSize(round(size.width() / ratio), round(size.height() / ratio)))
        canvas.render_state(_shown(state, options, size))
        picture = canvas.grab().toImage()
        picture.setDevicePixelRatio(1.0)
        return picture
    finally:
        canvas.deleteLater()


def _shown(state: AppState, options: ExportOptions, size: QSize) -> AppState:
    """Give the state that a canvas of this size is to show."""
    is_hiding = state.is_hiding_names or not options.has_names
    shown = replace(state, grid=Grid(), tool=None, searching="", selected=None, is_hiding_names=is_hiding)
    if not options.has_overlay:
        shown = replace(shown, layers=replace(state.layers, is_visible=False), marks=MarkBook())
    if not options.is_full or not isinstance(state.picture, LoadedPicture):
        return shown
    width, height = state.picture.pyramid.size
    orientation = state.display.orientation
    lying = QSize(height, width) if orientation.is_sideways else QSize(width, height)
    zoom = min(size.width() / lying.width(), size.height() / lying.height())
    return replace(shown, display=replace(state.display, viewport=Viewport(zoom, width / 2, height / 2, orientation)))


def _caption_px(font: QFont, picture: QImage, screen: QWidget, *, is_full: bool) -> int:
    """Give the height of the caption's letters, px: a little smaller than the texts in the picture."""
    height = QFontMetrics(font).height()
    if is_full:
        height = max(height, round(min(picture.width(), picture.height()) * TEXT_PART))
    return max(1, round(height * 0.8 * (1.0 if is_full else screen.devicePixelRatioF())))


def _with_caption(picture: QImage, lines: tuple[str, ...], font: QFont) -> QImage:
    """Put lines of white text on black below a picture; long ones go on in the next line."""
    flags = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft)
    text, metrics = "\n".join(lines), QFontMetrics(font)
    room = metrics.boundingRect(QRect(0, 0, max(1, picture.width() - 2 * PADDING_PX), 100_000), flags, text)
    made = QImage(picture.width(), picture.height() + room.height() + 2 * PADDING_PX, QImage.Format.Format_RGB32)
    made.fill(QColor("black"))
    painter = QPainter(made)
    painter.drawImage(0, 0, picture)
    painter.setFont(font)
    painter.setPen(QColor("white"))
    painter.drawText(QRect(PADDING_PX, picture.height() + PADDING_PX, picture.width() - 2 * PADDING_PX, room.height()), flags, text)
    painter.end()
    made.setText("Description", text)
    return made
