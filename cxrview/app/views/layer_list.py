"""The list of layers, topmost first; rows are shown or hidden with a check box and dragged into another order."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDropEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from cxrview.app.answers import LayerView, method_name
from cxrview.app.layers import LayerKind, Layers

MAX_ROWS_SHOWN = 6
ROW_ROOM_PX = 8
NOTHING_SHOWN = "  ·  nothing shown"


class LayerList(QListWidget):
    """Shows the layers and says what the person wants of them; it moves nothing by itself."""

    layers_chosen = Signal(object)
    """The person chose, showed, hid, moved or removed a layer. Parameters: layers (Layers)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("layerList")
        self.setAccessibleName("Layers, topmost first")
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setToolTip("Topmost first. Drag to reorder; the box shows or hides a layer")
        self._layers = Layers()
        self._texts: tuple[str, ...] = ()
        self.itemChanged.connect(self._on_item_changed)
        self.currentRowChanged.connect(self._on_row_changed)

    def render_layers(self, layers: Layers, views: tuple[LayerView, ...]) -> None:
        """Show these layers."""
        texts = tuple(row_text(view) for view in reversed(views))
        if (layers, texts) == (self._layers, self._texts) and self.count():
            return
        # Set before the rows, so that what Qt tells while they are filled is known not to be the person's doing.
        self._layers, self._texts = layers, texts
        while self.count() > len(texts):
            self.takeItem(self.count() - 1)
        while self.count() < len(texts):
            self.addItem(QListWidgetItem())
        for row, text in enumerate(texts):
            self._render_row(row, text)
        if self.currentRow() != self._row_of(layers.selected):
            self.setCurrentRow(self._row_of(layers.selected))
        row_height = max(self.sizeHintForRow(0), self.fontMetrics().lineSpacing() + ROW_ROOM_PX)
        self.setFixedHeight(min(MAX_ROWS_SHOWN, len(texts)) * row_height + 2 * self.frameWidth() + 2)

    def _render_row(self, row: int, text: str) -> None:
        item, layer = self.item(row), self._layers.items[self._row_of(row)]
        shown = Qt.CheckState.Checked if layer.is_visible else Qt.CheckState.Unchecked
        # First of all: Qt tells of every change, and a box that is not as the state says would be taken for the person's wish.
        if item.data(Qt.ItemDataRole.CheckStateRole) is None or item.checkState() != shown:
            item.setCheckState(shown)
        item.setFlags(
            Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsDragEnabled
        )
        if item.text() != text:
            item.setText(text)

    def _row_of(self, place: int) -> int:
        """Give the row of a position, and the position of a row: the list runs from top to bottom."""
        return len(self._layers.items) - 1 - place

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        place = self._row_of(self.row(item))
        if not 0 <= place < len(self._layers.items):
            return
        layer, is_visible = self._layers.items[place], item.checkState() == Qt.CheckState.Checked
        if item.data(Qt.ItemDataRole.CheckStateRole) is not None and layer.is_visible != is_visible:
            self.layers_chosen.emit(self._layers.with_layer(place, replace(layer, is_visible=is_visible)))

    def _on_row_changed(self, row: int) -> None:
        place = self._row_of(row)
        if row >= 0 and self.count() == len(self._layers.items) and place != self._layers.selected:
            self.layers_chosen.emit(self._layers.choose(place))

    def _move(self, row: int, target_row: int) -> None:
        if row != target_row:
            self.layers_chosen.emit(self._layers.moved(self._row_of(row), self._row_of(target_row)))

    # Called by Qt.

    def dropEvent(self, event: QDropEvent) -> None:
        """Say where the dragged layer is wanted; the state moves it."""
        row, target = self.currentRow(), self.indexAt(event.position().toPoint()).row()
        # Qt would remove the row it believes it has moved.
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if row >= 0:
            self._move(row, self.count() - 1 if target < 0 else target)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove with Delete, move with Alt and the arrows."""
        row = self.currentRow()
        if event.key() == Qt.Key.Key_Delete and row >= 0:
            self.layers_chosen.emit(self._layers.removed(self._row_of(row)))
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and row >= 0:
            step = -1 if event.key() == Qt.Key.Key_Up else 1
            self._move(row, min(self.count() - 1, max(0, row + step)))
        else:
            super().keyPressEvent(event)


OTHER_NAMES = {LayerKind.LUNGS: "Lung outline", LayerKind.MARKS: "Measurements and notes"}


def row_text(view: LayerView) -> str:
    """Name a layer: its label and its method, or that it shows nothing."""
    if not view.layer.is_map:
        return f"{OTHER_NAMES[view.layer.kind]}{NOTHING_SHOWN if view.words and view.layer.is_visible else ''}"
    label = "Top label" if not view.layer.label_id else view.finding.label.name if view.finding is not None else view.layer.label_id
    if not view.layer.label_id and view.finding is not None:
        label = f"Top label: {view.finding.label.name}"
    # A row has room for a label and one thing more; the method stands with the layer's controls.
    is_shown = view.heatmap is not None or not view.words
    return f"{label}  ·  {method_name(view.layer.method)}" if is_shown else f"{label}{NOTHING_SHOWN}"
