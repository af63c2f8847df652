"""The menu of measurements and notes: tools to draw with, undo, redo, delete; and what each tool waits for."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from cxrview.app.marking import history_of, selected_mark
from cxrview.app.state import AppState, LoadedPicture
from cxrview.core.marks import MarkKind

TOOL_TEXTS = {
    MarkKind.RULER: ("&Ruler", "D"),
    MarkKind.ANGLE: ("&Angle", "A"),
    MarkKind.RECTANGLE: ("Rectangle with &statistics", "B"),
    MarkKind.ELLIPSE: ("&Ellipse with statistics", "O"),
    MarkKind.CARDIOTHORACIC: ("&Cardiothoracic ratio", "C"),
    MarkKind.ARROW: ("Arro&w with a note", "P"),
    MarkKind.TEXT: ("&Note", "N"),
}


class MarkMenu(QMenu):
    """Offers tools and checks the one in the hand."""

    tool_chosen = Signal(object)
    """Parameters: what the next left drag draws (MarkKind)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("&Measure", parent)
        self.setObjectName("markMenu")
        self.tools = {kind: self._build_tool(kind) for kind in MarkKind}
        self.addSeparator()
        self.undo = self._build("undo", "&Undo", QKeySequence("Ctrl+Z"))
        self.redo = self._build("redo", "Re&do", QKeySequence("Ctrl+Shift+Z"))
        self.edit = self._build("editNote", "&Edit the selected note", QKeySequence("F2"))
        self.delete = self._build("deleteMark", "De&lete the selected mark", QKeySequence("Del"))

    def render_state(self, state: AppState) -> None:
        """Enable what can be done with the marks of this state."""
        has_picture = isinstance(state.picture, LoadedPicture)
        for kind, action in self.tools.items():
            action.setEnabled(has_picture)
            action.setChecked(state.tool is kind)
        history = history_of(state)
        can_uncover = state.cover.is_on and bool(state.cover.spots)
        self.undo.setEnabled(has_picture and (bool(history.past) or can_uncover))
        self.redo.setEnabled(has_picture and bool(history.undone))
        selected = selected_mark(state) if has_picture else None
        self.delete.setEnabled(selected is not None)
        self.edit.setEnabled(selected is not None and selected.kind.has_text)

    def _build_tool(self, kind: MarkKind) -> QAction:
        text, key = TOOL_TEXTS[kind]
        action = self._build(f"{kind}Tool", text, QKeySequence(key))
        action.setCheckable(True)
        action.triggered.connect(partial(self._tell, kind))
        return action

    def _build(self, name: str, text: str, keys: QKeySequence) -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        action.setShortcut(keys)
        self.addAction(action)
        return action

    def _tell(self, kind: MarkKind, *_checked: object) -> None:
        self.tool_chosen.emit(kind)
