"""The menu of layouts: how many pictures are shown, and whether they go together."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from cxrview.app.state import AppState, Layout, NoPicture

LAYOUT_TEXTS = {
    Layout.ONE: ("One picture", "Ctrl+1"),
    Layout.SIDE_BY_SIDE: ("Two side by side", "Ctrl+2"),
    Layout.STACKED: ("Two, one above the other", "Ctrl+3"),
    Layout.FOUR: ("Four", "Ctrl+4"),
}


class LayoutMenu(QMenu):
    """Offers layouts and checks the one in use."""

    layout_chosen = Signal(object)
    """Parameters: layout (Layout)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("&Layout", parent)
        self.setObjectName("layoutMenu")
        self.layouts_ = {layout: self._build_layout(layout) for layout in Layout}
        self.addSeparator()
        self.link = self._build("linkPlaces", "&Link zoom, pan and window", "L")

    def render_state(self, state: AppState) -> None:
        """Check the layout of this state."""
        is_any = not (isinstance(state.picture, NoPicture) and not state.grid.cells)
        for layout, action in self.layouts_.items():
            action.setEnabled(is_any)
            action.setChecked(state.grid.layout is layout)
        self.link.setEnabled(state.grid.layout is not Layout.ONE)
        self.link.setChecked(state.grid.is_linked)

    def _build_layout(self, layout: Layout) -> QAction:
        text, key = LAYOUT_TEXTS[layout]
        action = self._build(f"layout{layout.name.title().replace('_', '')}", f"{text} ({layout})", key)
        action.triggered.connect(partial(self._tell, layout))
        return action

    def _build(self, name: str, text: str, key: str) -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        action.setCheckable(True)
        action.setShortcut(QKeySequence(key))
        self.addAction(action)
        return action

    def _tell(self, layout: Layout, *_checked: object) -> None:
        self.layout_chosen.emit(layout)
