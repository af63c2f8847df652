"""What is seen on the canvas as a picture of its own, with the notice and the model's identity below it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QWidget

from cxrview.app.answers import findings_of, is_withheld
from cxrview.app.state import AppState, Grid, LoadedPicture, MarkBook
from cxrview.app.viewport import Viewport
from cxrview.app.views.canvas import Canvas
from cxrview.core.results import Analysis

NOTICE = "For research and education, not for diagnosis"
# A text is readable on a picture of any size when it is this part of its shorter side, but not smaller than on the screen.
TEXT_PART = 1 / 75
PADDING_PX = 10


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a picture leaves the program.

    Attributes:
        is_full: at the resolution of the image, whole; else as large as on the screen, the part that is seen there.
        has_overlay: with heatmaps and marks.
        has_texts: with what stands in the corners; the warning of a mirrored picture always stays.
        has_names: with the names of patient and file.
    """

    is_full: bool = False
    has_overlay: bool = True
    has_texts: bool = True
    has_names: bool = False


def can_export(state: AppState) -> bool:
    """Tell whether there is a picture to export."""
    return isinstance(state.picture, LoadedPicture)


def export_picture(state: AppState, options: ExportOptions, screen: QWidget) -> QImage:
    """Paint the shown picture; `screen` is the canvas it is seen on. The notice and the model's identity are always below."""
    assert isinstance(state.picture, LoadedPicture)
    canvas = Canvas(has_texts=options.has_texts)
    try:
        ratio = canvas.devicePixelRatioF()
        size, shown = _shown(state, options, screen)
        font = QFont(canvas.font())
        if options.is_full:
            font.setPixelSize(max(QFontMetrics(font).height(), round(min(size.width(), size.height()) * TEXT_PART / ratio)))
        canvas.setFont(font)
        canvas.setMinimumSize(QSize(1, 1))
        canvas.resize(QSize(round(size.width() / ratio), round(size.height() / ratio)))
        canvas.render_state(shown)
        picture = canvas.grab().toImage()
        picture.setDevicePixelRatio(1.0)
        font.setPixelSize(round(QFontMetrics(font).height() * 0.8 * ratio))
    finally:
        canvas.deleteLater()
    return _with_caption(picture, caption_lines(state), font)


def caption_lines(state: AppState) -> tuple[str, ...]:
    """Give what stands below every export: the notice, and which model said what, or that none did."""
    return (NOTICE, model_line(state))


def model_line(state: AppState) -> str:
    """Name the model that read the picture, what ran it, and what it found."""
    analysis = state.reading
    if not isinstance(analysis, Analysis):
        return "No model has read this picture."
    who = f"{analysis.model_id} {analysis.model_version} ({analysis.model_sha256[:12]}), {analysis.engine} on {analysis.device}"
    if is_withheld(state):
        return f"{who}: scores withheld"
    return f"{who}: " + ", ".join(f"{finding.label.name} {finding.probability:.2f}" for finding in findings_of(state))


def _shown(state: AppState, options: ExportOptions, screen: QWidget) -> tuple[QSize, AppState]:
    """Give the size in px, and the state that a canvas of that size is to show."""
    picture = state.picture
    assert isinstance(picture, LoadedPicture)
    shown = replace(state, grid=Grid(), tool=None, searching="", is_hiding_names=not options.has_names)
    shown = replace(shown, selected=None)
    if not options.has_overlay:
        shown = replace(shown, layers=replace(state.layers, is_visible=False), marks=MarkBook())
    if not options.is_full:
        ratio = screen.devicePixelRatioF()
        return QSize(round(screen.width() * ratio), round(screen.height() * ratio)), shown
    width, height = picture.pyramid.size
    orientation = state.display.orientation
    size = QSize(height, width) if orientation.is_sideways else QSize(width, height)
    whole = Viewport(1.0, width / 2, height / 2, orientation)
    return size, replace(shown, display=replace(state.display, viewport=whole))


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
