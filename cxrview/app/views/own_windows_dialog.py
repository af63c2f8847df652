"""Asks under which names and keys windows are kept."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cxrview.app.looking import shown_window
from cxrview.app.own_windows import MAX_NAME, OwnWindow, name_problem
from cxrview.app.state import AppState
from cxrview.app.views.close_box import close_box
from cxrview.app.views.labels import make_label

PORTABLE = QKeySequence.SequenceFormat.PortableText
EMPTY_TEXT = "No window is kept yet. Window a picture as you like it, give the window a name, and save it."


class OwnWindowsDialog(QDialog):
    """Shows the kept windows and says what is wanted of them."""

    save_requested = Signal(str, str)
    """The shown window is to be kept. Parameters: name (str), keys (str)."""
    change_requested = Signal(str, str, str)
    """A kept window is to be called otherwise. Parameters: present name (str), name (str), keys (str)."""
    delete_requested = Signal(str)
    """A window is to be kept no longer. Parameters: name (str)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ownWindowsDialog")
        self.setWindowTitle("Windows of your own")
        self._state = AppState()
        self._windows: tuple[OwnWindow, ...] = ()
        self._list = QListWidget(self)
        self._list.setObjectName("ownWindowList")
        self._list.setAccessibleName("Kept windows")
        self._list.currentRowChanged.connect(self._on_row)
        self._name, self._keys = QLineEdit(self), QKeySequenceEdit(self)
        self._name.setObjectName("ownWindowName")
        self._name.setAccessibleName("Name of the window")
        self._name.setMaxLength(MAX_NAME)
        self._name.textEdited.connect(self._show_what_can_be_done)
        self._keys.setObjectName("ownWindowKeys")
        self._keys.setAccessibleName("Keys of the window")
        self._keys.setMaximumSequenceLength(1)
        self._keys.setClearButtonEnabled(True)
        self._words = make_label("ownWindowWords", "muted")
        self._shown = make_label("ownWindowShown", "muted")
        self._save = self._button("ownWindowSave", "&Save the shown window", self._on_save)
        self._change = self._button("ownWindowChange", "&Change name and keys", self._on_change)
        self._delete = self._button("ownWindowDelete", "&Delete", self._on_delete)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the kept windows of this state."""
        self._state = state
        if state.own_windows != self._windows:
            self._windows = state.own_windows
            self._list.clear()
            self._list.addItems([_row_text(own) for own in state.own_windows])
            place = next((row for row, own in enumerate(state.own_windows) if own.name == self._name.text().strip()), -1)
            self._list.setCurrentRow(place)
        window = shown_window(state)
        self._shown.setText("" if window is None else f"Shown now: level {window.center:g}, width {window.width:g}")
        self._show_what_can_be_done()

    @property
    def _chosen(self) -> OwnWindow | None:
        row = self._list.currentRow()
        return self._windows[row] if 0 <= row < len(self._windows) else None

    def _show_what_can_be_done(self) -> None:
        name, chosen = self._name.text().strip(), self._chosen
        names = [own.name for own in self._windows]
        problem = name_problem(name, names)
        self._save.setEnabled(not problem and shown_window(self._state) is not None)
        others = [other for other in names if chosen is None or other != chosen.name]
        self._change.setEnabled(chosen is not None and not name_problem(name, others))
        self._delete.setEnabled(chosen is not None)
        is_other = name and not (chosen is not None and name == chosen.name)
        self._words.setText(f"{problem[0].upper()}{problem[1:]}" if problem and is_other else EMPTY_TEXT if not names else "")

    def _on_row(self, _row: int) -> None:
        chosen = self._chosen
        if chosen is not None:
            self._name.setText(chosen.name)
            self._keys.setKeySequence(QKeySequence(chosen.keys))
        self._show_what_can_be_done()

    def _on_save(self) -> None:
        self.save_requested.emit(self._name.text().strip(), self._keys.keySequence().toString(PORTABLE))

    def _on_change(self) -> None:
        chosen = self._chosen
        if chosen is not None:
            self.change_requested.emit(chosen.name, self._name.text().strip(), self._keys.keySequence().toString(PORTABLE))

    def _on_delete(self) -> None:
        chosen = self._chosen
        if chosen is not None:
            self._name.clear()
            self._keys.clear()
            self.delete_requested.emit(chosen.name)

    def _button(self, name: str, text: str, slot: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(slot)
        return button

    def _build_layout(self) -> None:
        grid = QGridLayout()
        grid.setVerticalSpacing(8)
        grid.setHorizontalSpacing(12)
        for row, (text, box) in enumerate((("&Name", self._name), ("&Keys", self._keys))):
            label = QLabel(text, self)
            label.setBuddy(box)
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
        buttons = QHBoxLayout()
        for button in (self._save, self._change, self._delete):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.setSpacing(10)
        layout.addWidget(self._list, 1)
        layout.addWidget(self._words)
        layout.addLayout(grid)
        layout.addWidget(self._shown)
        layout.addLayout(buttons)
        layout.addWidget(close_box(self), 0, Qt.AlignmentFlag.AlignRight)
        self.setMinimumSize(520, 420)


def _row_text(own: OwnWindow) -> str:
    keys = QKeySequence(own.keys).toString(QKeySequence.SequenceFormat.NativeText)
    numbers = f"level {own.window.center:g}, width {own.window.width:g}"
    return "   ".join(text for text in (own.name, numbers, keys) if text)
