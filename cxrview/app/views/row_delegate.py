"""Paints rows and tiles of the study browser."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from cxrview.app.outline import Node, NodeKind
from cxrview.app.row_texts import RowText, Tone
from cxrview.app.state import AppState
from cxrview.app.theme import THEMES, Colours
from cxrview.app.views.browser_models import NODE_ROLE, TEXT_ROLE, THUMBNAIL_ROLE, Index

PADDING_PX = 6
INDENT_PX = 16
CHEVRON_PX = 14
SIGN_PX = 11
BAR_PX = 3
TILE_PX = 128
MARGIN_PX = 4
STAR = ((0.0, -1.0), (0.29, -0.4), (0.95, -0.31), (0.47, 0.15), (0.59, 0.81), (0.0, 0.5), (-0.59, 0.81), (-0.47, 0.15), (-0.95, -0.31),
        (-0.29, -0.4))  # fmt: skip


class BrowserDelegate(QStyledItemDelegate):
    """Two lines of text with signs for star and note; unread ones are bold, missing ones faint."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colours: Colours = THEMES[AppState().theme]

    def paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        """Paint what says that an item is chosen or under the mouse."""
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(self.colours.selected))
            painter.fillRect(QRect(option.rect.left(), option.rect.top(), BAR_PX, option.rect.height()), QColor(self.colours.accent))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, QColor(self.colours.raised))

    def paint_lines(self, painter: QPainter, option: QStyleOptionViewItem, box: QRect, text: RowText, elide: Qt.TextElideMode) -> None:
        """Paint title and detail, the signs at the right of the title."""
        line = option.fontMetrics.lineSpacing()
        title = QRect(box.left(), box.top(), box.width(), line)
        right = self._paint_signs(painter, title, text)
        title.setRight(right - 4 if right < title.right() else right)
        font = QFont(option.font)
        font.setWeight(QFont.Weight.DemiBold if text.is_unread else QFont.Weight.Normal)
        colour = self.colours.muted if text.is_faint else self.colours.text
        _paint_text(painter, font, title, text.title, colour, elide)
        tone = {Tone.POSITIVE: self.colours.positive, Tone.ERROR: self.colours.error}.get(text.tone, self.colours.muted)
        detail = QRect(box.left(), box.top() + line, box.width(), line)
        _paint_text(painter, option.font, detail, text.detail, tone, Qt.TextElideMode.ElideRight)

    def _paint_signs(self, painter: QPainter, title: QRect, text: RowText) -> int:
        """Paint star and note, and give where the title must end."""
        right = title.right()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = title.center().y()
        if text.is_starred:
            radius = SIGN_PX / 2
            centre = QPointF(right - radius, middle + 1)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self.colours.positive))
            painter.drawPolygon(QPolygonF([QPointF(centre.x() + x * radius, centre.y() + y * radius) for x, y in STAR]))
            right -= SIGN_PX + 5
        if text.has_note:
            painter.setPen(QPen(QColor(self.colours.muted), 1.4))
            for offset, width in ((-3, SIGN_PX), (0, SIGN_PX), (3, SIGN_PX - 4)):
                painter.drawLine(QPoint(right - SIGN_PX, middle + offset), QPoint(right - SIGN_PX + width, middle + offset))
            right -= SIGN_PX + 5
        return right


class RowDelegate(BrowserDelegate):
    """Paints a row of the list by patient."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Two lines high."""
        return QSize(120, 2 * option.fontMetrics.lineSpacing() + 2 * PADDING_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        node, text = index.data(NODE_ROLE), index.data(TEXT_ROLE)
        if not isinstance(node, Node) or not isinstance(text, RowText):
            return
        painter.save()
        self.paint_ground(painter, option)
        area = option.rect.adjusted(PADDING_PX + BAR_PX, PADDING_PX, -PADDING_PX - 4, -PADDING_PX)
        if node.kind is NodeKind.PATIENT:
            self._paint_chevron(painter, area, option.fontMetrics, is_open=node.is_unfolded)
        words = area.adjusted(CHEVRON_PX + node.depth * INDENT_PX, 0, 0, 0)
        elide = Qt.TextElideMode.ElideMiddle if node.is_image else Qt.TextElideMode.ElideRight
        self.paint_lines(painter, option, words, text, elide)
        painter.restore()

    def _paint_chevron(self, painter: QPainter, area: QRect, metrics: QFontMetrics, *, is_open: bool) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self.colours.muted), 1.6))
        x, y = area.left() + 4, area.top() + metrics.lineSpacing() / 2
        points = [(-3, -1.5), (0, 2), (3, -1.5)] if is_open else [(-1.5, -3), (2, 0), (-1.5, 3)]
        painter.drawPolyline([QPointF(x + right, y + down) for right, down in points])


class TileDelegate(BrowserDelegate):
    """Paints a thumbnail with two lines below."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.width = TILE_PX

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Give a square and two lines."""
        return QSize(self.width, self.width + 2 * option.fontMetrics.lineSpacing() + PADDING_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one tile."""
        text = index.data(TEXT_ROLE)
        if not isinstance(text, RowText):
            return
        painter.save()
        self.paint_ground(painter, option)
        area = option.rect.adjusted(BAR_PX + MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX)
        frame = QRect(area.left(), area.top(), area.width(), self.width - 2 * MARGIN_PX)
        painter.fillRect(frame, QColor(self.colours.canvas))
        self._paint_picture(painter, frame, index.data(THUMBNAIL_ROLE), text)
        lines = QRect(area.left(), frame.bottom() + MARGIN_PX, area.width(), area.bottom() - frame.bottom())
        self.paint_lines(painter, option, lines, text, Qt.TextElideMode.ElideMiddle)
        painter.restore()

    def _paint_picture(self, painter: QPainter, frame: QRect, picture: object, text: RowText) -> None:
        if not isinstance(picture, QImage):
            words = "file not found" if text.is_faint else "cannot be read" if text.tone is Tone.ERROR else ""
            painter.setPen(QColor(self.colours.canvas_text))
            painter.drawText(frame, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), words)
            return
        size = QSize(picture.width(), picture.height()).scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRectF(0, 0, size.width(), size.height())
        target.moveCenter(QRectF(frame).center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(0.35 if text.is_faint else 1.0)
        painter.drawImage(target, picture)
        painter.setOpacity(1.0)


def _paint_text(painter: QPainter, font: QFont, box: QRect, text: str, colour: str, elide: Qt.TextElideMode) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetrics(font).elidedText(text, elide, box.width())
    painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)
