"""The rows of the study browser for Qt, straight from the state; nothing is made per row."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QImage

from cxrview.app.browser import Browser, Listing
from cxrview.app.outline import Node, NodeKind, Outline
from cxrview.app.row_texts import RowText, row_text, spoken_text, tile_text, tip_text
from cxrview.app.state import AppState
from cxrview.core.image import ImageRef
from cxrview.library.records import Image

NODE_ROLE = Qt.ItemDataRole.UserRole
TEXT_ROLE = Qt.ItemDataRole.UserRole + 1
THUMBNAIL_ROLE = Qt.ItemDataRole.UserRole + 2
Index = QModelIndex | QPersistentModelIndex


class BrowserModel(QAbstractListModel):
    """What list and grid have in common: a row stands for one or more places of the listing."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = AppState()
        self.listing = Listing()
        self._count = 0  # Qt asks for it at each row of a new layout

    def node_at(self, row: int) -> Node:
        """Give what a row stands for."""
        raise NotImplementedError

    def row_of(self, ref: ImageRef | None) -> int:
        """Give the row of an image; -1 when the list does not hold it."""
        raise NotImplementedError

    def row_text(self, _node: Node, _image: Image | None) -> RowText:
        """Give the words of a row."""
        raise NotImplementedError

    def image_at(self, row: int) -> Image | None:
        """Give what was fetched of the first image of a row."""
        place = self.node_at(row).place
        return self.state.browser.rows.by_id.get(self.listing.ids[place])

    def ref_at(self, row: int) -> ImageRef:
        """Give the first image of a row."""
        return self.listing.shown[self.node_at(row).place]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give a row's node, words or tip."""
        if not index.isValid() or index.row() >= self.rowCount():
            return None
        node = self.node_at(index.row())
        if role == NODE_ROLE:
            return node
        if role == TEXT_ROLE:
            return self.row_text(node, self.image_at(index.row()))
        if role == Qt.ItemDataRole.DisplayRole:
            return self.row_text(node, self.image_at(index.row())).title
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return spoken_text(node, self.row_text(node, self.image_at(index.row())))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip_text(self.state, self.image_at(index.row())) if node.is_image else None
        return None


class PatientModel(BrowserModel):
    """Patients, their studies and images."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._browser = Browser()
        self._outline = Outline(Listing())

    def render_state(self, state: AppState) -> bool:
        """Take the state, and tell whether rows were put in or taken out."""
        is_other = state.listing is not self.listing or state.browser.unfolded != self._browser.unfolded
        self.state, self._browser = state, state.browser
        if is_other:
            self.beginResetModel()
            self.listing = state.listing
            self._outline = Outline(self.listing, state.browser.unfolded)
            self._count = len(self._outline)
            self.endResetModel()
        return is_other

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the rows."""
        return 0 if parent.isValid() else self._count

    def node_at(self, row: int) -> Node:
        """Give what a row stands for."""
        return self._outline[row]

    def row_of(self, ref: ImageRef | None) -> int:
        """Give the row of an image, or of its patient who is folded."""
        return self._outline.row_of(self.listing.place_of(ref))

    def row_text(self, _node: Node, image: Image | None) -> RowText:
        """Give the words of a row."""
        return row_text(self.state, _node, image)


class PictureModel(BrowserModel):
    """Images in the order of the list, with small pictures."""

    def render_state(self, state: AppState) -> bool:
        """Take the state, and tell whether tiles were put in or taken out."""
        is_other = state.listing is not self.listing
        self.state = state
        if is_other:
            self.beginResetModel()
            self.listing = state.listing
            self._count = len(self.listing.ids)
            self.endResetModel()
        return is_other

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - the signature is Qt's
        """Count the images."""
        return 0 if parent.isValid() else self._count

    def node_at(self, row: int) -> Node:
        """Give what a tile stands for."""
        return Node(NodeKind.LONE_IMAGE, row, 1, 0, 0)

    def row_of(self, ref: ImageRef | None) -> int:
        """Give the place of an image."""
        return self.listing.place_of(ref)

    def row_text(self, _node: Node, image: Image | None) -> RowText:
        """Give the words below a tile."""
        return tile_text(self.state, image)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Give the small picture as well."""
        if role != THUMBNAIL_ROLE:
            return super().data(index, role)
        gray = self.state.browser.thumbnails.by_id.get(self.listing.ids[index.row()])
        if gray is None:
            return None
        rows, columns = gray.shape
        return QImage(gray.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
