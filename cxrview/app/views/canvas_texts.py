"""What stands on the canvas besides the picture: corner texts, the colour bar, sentences."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen

from cxrview.app.state import Display, LoadedPicture
from cxrview.app.theme import Colours
from cxrview.core.marks import MarkKind

MARGIN_PX = 12
PADDING_PX = 8
# Dark enough under the texts for a contrast of 4.5 even on white film.
GROUND_ALPHA = 175
# Narrower than this, texts at the bottom left and right would lie on each other.
NARROW_PX = 720
# In a place lower than this, as in a layout of four, texts and colour bar would hide too much of the picture.
SMALL_PX = 480
MIRRORED_TEXT = "Mirrored: left and right are swapped, side markers read the wrong way"


TOOL_HINTS = {
    MarkKind.RULER: "Ruler: drag from end to end",
    MarkKind.ANGLE: "Angle: drag to the vertex, then click at the other end",
    MarkKind.RECTANGLE: "Rectangle: drag from corner to corner",
    MarkKind.ELLIPSE: "Ellipse: drag from corner to corner",
    MarkKind.ARROW: "Arrow: drag from its tip to its tail",
    MarkKind.TEXT: "Note: click where it belongs",
    MarkKind.CARDIOTHORACIC: "Cardiothoracic ratio: drag across the heart, then across the thorax",
}


@dataclass(frozen=True, slots=True)
class Naming:
    """What the shown picture is called: the image, and whose it is; without names when names are hidden."""

    image: str = ""
    patient: str = ""


def top_lines(naming: Naming, picture: LoadedPicture, rect: QRect) -> tuple[str, ...]:
    """Say what the picture is; in a small place only which one and whose, in a line, for side markers stand in the corners, too."""
    pixels = picture.pixels
    depth = "" if "bit" in pixels.info.format else f"{pixels.bits} bit"
    facts = (pixels.info.modality, pixels.info.view, f"{pixels.width} × {pixels.height}", pixels.info.format, depth)
    frame = f", frame {picture.ref.frame + 1} of {pixels.frames}" if pixels.frames > 1 else ""
    who = tuple(text for text in (naming.image + frame, naming.patient) if text)
    if rect.height() < SMALL_PX:
        return ("  ·  ".join(who),) if who else ()
    return (*who, "  ·  ".join(text for text in facts if text))


def top_box(metrics: QFontMetrics, rect: QRect, lines: tuple[str, ...]) -> QRect:
    """Give the room that texts take at the top left."""
    return _lines_box(metrics, _shown_lines(metrics, rect, lines), rect.left() + MARGIN_PX, rect.top() + MARGIN_PX)


def paint_top(painter: QPainter, rect: QRect, colours: Colours, lines: tuple[str, ...]) -> None:
    """Write what the picture is, at the top left."""
    shown = _shown_lines(painter.fontMetrics(), rect, lines)
    _paint_lines(painter, colours, shown, top_box(painter.fontMetrics(), rect, lines))


def paint_bottom(painter: QPainter, rect: QRect, colours: Colours, picture: LoadedPicture, display: Display, zoom: float) -> None:
    """Write how the picture is shown, at the bottom left."""
    metrics = painter.fontMetrics()
    shown = _shown_lines(metrics, rect, (window_text(picture, display), f"Zoom {zoom:.0%}{orientation_text(display)}"))
    box = _lines_box(metrics, shown, rect.left() + MARGIN_PX, 0)
    box.moveTop(rect.bottom() - MARGIN_PX - box.height())
    _paint_lines(painter, colours, shown, box)


def window_text(picture: LoadedPicture, display: Display) -> str:
    """Say which window is used, and whether the eye sees it inverted."""
    window = display.window or picture.window
    parts = (
        f"Window {window.width:.0f}  Level {window.center:.0f}{_source(picture, display)}",
        "inverted" if display.is_inverted else "",
        "CLAHE" if display.eye.has_clahe else "",
        "sharpened" if display.eye.has_unsharp else "",
    )
    return "  ·  ".join(part for part in parts if part)


def orientation_text(display: Display) -> str:
    """Say how the picture lies; empty when it lies as it is stored."""
    turns = ("", "turned 90° clockwise", "turned 180°", "turned 90° anticlockwise")[display.orientation.quarter_turns]
    texts = ("mirrored" if display.orientation.is_mirrored else "", turns)
    return "".join(f"  ·  {text}" for text in texts if text)


def paint_warning(painter: QPainter, rect: QRect, colours: Colours, text: str) -> None:
    """Write a sentence that must not be missed, at the top in the middle."""
    metrics = painter.fontMetrics()
    limit = max(80, rect.width() - 4 * MARGIN_PX)
    room = metrics.boundingRect(QRect(0, 0, limit, 10_000), int(Qt.TextFlag.TextWordWrap), text).size()
    top = _below_corners(painter, rect) + PADDING_PX
    box = QRect(rect.center().x() - room.width() // 2, top, room.width(), room.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.warning_ground))
    painter.drawRoundedRect(QRectF(box.adjusted(-PADDING_PX, -PADDING_PX // 2, PADDING_PX, PADDING_PX // 2)), 5, 5)
    painter.setPen(QColor(colours.warning_text))
    painter.drawText(box, int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter), text)
    painter.restore()


def paint_hint(painter: QPainter, rect: QRect, colours: Colours, tool: MarkKind) -> None:
    """Say near the top, in the middle and below the warning, what the tool in the hand waits for."""
    paint_hint_text(painter, rect, colours, f"{TOOL_HINTS[tool]}  ·  Esc: no tool")


def paint_hint_text(painter: QPainter, rect: QRect, colours: Colours, text: str) -> None:
    """Say a sentence at that place."""
    metrics = painter.fontMetrics()
    flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
    limit = max(80, rect.width() - 4 * MARGIN_PX)
    room = metrics.boundingRect(QRect(0, 0, limit, 10_000), flags, text).size()
    width, height = room.width() + 2 * PADDING_PX, room.height() + PADDING_PX
    top = _below_corners(painter, rect) + 2 * metrics.lineSpacing() + 3 * PADDING_PX
    box = QRect(rect.center().x() - width // 2, top, width, height)
    paint_ground(painter, box)
    painter.setPen(QColor(colours.canvas_text))
    painter.drawText(box.adjusted(PADDING_PX, 0, -PADDING_PX, 0), flags, text)


def _below_corners(painter: QPainter, rect: QRect) -> int:
    """Give the first free row below the top corner texts, which are up to three lines high and may be as wide as the canvas."""
    return rect.top() + MARGIN_PX + 3 * painter.fontMetrics().lineSpacing() + PADDING_PX + MARGIN_PX // 2


def words_rect(metrics: QFontMetrics, rect: QRect) -> QRect:
    """Give the room for words at the bottom right: where the canvas is narrow, above the texts at the bottom left."""
    if rect.width() >= NARROW_PX:
        return rect
    return rect.adjusted(0, 0, 0, -(2 * metrics.lineSpacing() + PADDING_PX + MARGIN_PX // 2))


def paint_region(painter: QPainter, rect: QRectF, colours: Colours) -> None:
    """Draw the rectangle that is being dragged."""
    painter.save()
    for colour, width in ((colours.canvas, 3.0), (colours.canvas_text, 1.0)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawRect(rect)
    painter.restore()


def _source(picture: LoadedPicture, display: Display) -> str:
    if display.window is not None:
        return f" ({display.window.name})" if display.window.name else ""
    if picture.pixels.voi_luts:
        number = f" {display.lut + 1}" if len(picture.pixels.voi_luts) > 1 else ""
        return f" (VOI LUT{number} from file)"
    return " (from file)" if picture.pixels.windows else " (auto)"


def paint_words(painter: QPainter, rect: QRect, colours: Colours, words: str) -> None:
    """Write one sentence at the bottom right, where the colour bar would be."""
    if not words:
        return
    text = _words_box(painter.fontMetrics(), rect, words)
    paint_ground(painter, text.adjusted(-PADDING_PX, -PADDING_PX, PADDING_PX, PADDING_PX))
    painter.setPen(QColor(colours.canvas_text))
    painter.drawText(text, int(Qt.TextFlag.TextWordWrap), words)


def words_box(metrics: QFontMetrics, rect: QRect, words: str) -> QRect:
    """Give the room that a sentence at the bottom right takes; none without one."""
    return _words_box(metrics, rect, words).adjusted(-PADDING_PX, -PADDING_PX, PADDING_PX, PADDING_PX) if words else QRect()


def _words_box(metrics: QFontMetrics, rect: QRect, words: str) -> QRect:
    limit = max(120, min(360, rect.width() // 2))
    size = metrics.boundingRect(QRect(0, 0, limit, 10_000), int(Qt.TextFlag.TextWordWrap), words).size()
    right, bottom = rect.right() - MARGIN_PX - PADDING_PX, rect.bottom() - MARGIN_PX - PADDING_PX
    return QRect(right - size.width(), bottom - size.height(), size.width(), size.height())


def paint_message(painter: QPainter, rect: QRect, colours: Colours, title: str, text: str) -> None:
    """Write a title and a sentence in the middle of an empty canvas."""
    painter.setPen(QColor(colours.canvas_text))
    room = rect.adjusted(rect.width() // 8, 0, -rect.width() // 8, 0)
    flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
    title_font = QFont(painter.font())
    title_font.setPointSizeF(title_font.pointSizeF() * 1.25)
    title_height = QFontMetrics(title_font).boundingRect(room, flags, title).height()
    text_height = painter.fontMetrics().boundingRect(room, flags, text).height() if text else 0
    top = rect.center().y() - (title_height + text_height + PADDING_PX) // 2
    painter.save()
    painter.setFont(title_font)
    painter.drawText(QRect(room.left(), top, room.width(), title_height), flags, title)
    painter.restore()
    painter.drawText(QRect(room.left(), top + title_height + PADDING_PX, room.width(), text_height + 4), flags, text)


def _shown_lines(metrics: QFontMetrics, rect: QRect, lines: tuple[str, ...]) -> tuple[str, ...]:
    limit = max(80, rect.width() - 4 * MARGIN_PX)
    return tuple(metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, limit) for line in lines)


def _lines_box(metrics: QFontMetrics, lines: tuple[str, ...], left: int, top: int) -> QRect:
    width = max(metrics.horizontalAdvance(line) for line in lines) + 2 * PADDING_PX
    return QRect(left, top, width, len(lines) * metrics.lineSpacing() + PADDING_PX)


def _paint_lines(painter: QPainter, colours: Colours, lines: tuple[str, ...], box: QRect) -> None:
    metrics = painter.fontMetrics()
    paint_ground(painter, box)
    painter.setPen(QColor(colours.canvas_text))
    for number, line in enumerate(lines):
        y = box.top() + PADDING_PX // 2 + metrics.ascent() + number * metrics.lineSpacing()
        painter.drawText(box.left() + PADDING_PX, y, line)


def paint_ground(painter: QPainter, box: QRect) -> None:
    """Darken the picture under texts."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, GROUND_ALPHA))
    painter.drawRoundedRect(QRectF(box), 5, 5)
    painter.restore()
