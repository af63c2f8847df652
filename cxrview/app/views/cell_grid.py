"""The pictures of a layout, row by row, the active one marked, and below them the frames of its file."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from cxrview.app.cells import cell_states
from cxrview.app.state import AppState, Layout
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.frame_bar import FrameBar

GAP_PX = 3


class CellGrid(QWidget):
    """Shows as many canvases as the layout has places."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cellGrid")
        self.canvases = tuple(Canvas(self) for _place in range(Layout.FOUR.cells))
        for number, canvas in enumerate(self.canvases[1:], start=2):
            canvas.setObjectName(f"canvas{number}")
            canvas.setAccessibleName(f"Radiograph {number}")
            canvas.hide()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP_PX)
        self._grid.addWidget(self.canvases[0], 0, 0)
        self.frame_bar = FrameBar(self)
        self._grid.addWidget(self.frame_bar, Layout.FOUR.rows, 0, 1, Layout.FOUR.columns)
        self._layout, self._active = Layout.ONE, 0

    @property
    def active(self) -> Canvas:
        """The canvas that list, scores and tools act on."""
        return self.canvases[self._active]

    def render_state(self, state: AppState) -> None:
        """Show every place of this state."""
        self._place(state.grid.layout)
        self._active = state.grid.active
        states = cell_states(state)
        for index, (canvas, cell) in enumerate(zip(self.canvases, states, strict=False)):
            canvas.set_marked(is_marked=len(states) > 1 and index == self._active)
            canvas.render_state(cell)
        self.frame_bar.render_state(state)

    def _place(self, layout: Layout) -> None:
        if layout is self._layout:
            return
        self._layout = layout
        for index, canvas in enumerate(self.canvases):
            self._grid.removeWidget(canvas)
            if index < layout.cells:
                self._grid.addWidget(canvas, index // layout.columns, index % layout.columns)
            canvas.setVisible(index < layout.cells)
