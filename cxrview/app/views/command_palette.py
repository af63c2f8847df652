"""Every command by typing a few letters of its name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxrview.app.views.keys_dialog import Command

FIRST_SIZE = QSize(560, 420)
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class CommandPalette(QDialog):
    """Lists the commands that match; Return or a click runs one that can be used now."""

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("commandPalette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Commands")
        self._commands = tuple(commands)
        self._line = QLineEdit(self)
        self._line.setObjectName("paletteLine")
        self._line.setAccessibleName("Search commands")
        self._line.setPlaceholderText("Type a command")
        self._line.textEdited.connect(self._on_text)
        self._line.returnPressed.connect(self._run_current)
        self._line.installEventFilter(self)
        self._list = QListWidget(self)
        self._list.setObjectName("paletteList")
        self._list.setAccessibleName("Commands")
        self._list.itemClicked.connect(lambda _item: self._run_current())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self._line)
        layout.addWidget(self._list, 1)
        self.resize(FIRST_SIZE)
        self._on_text("")

    def _on_text(self, text: str) -> None:
        words = text.casefold().split()
        self._list.clear()
        for index, command in enumerate(self._commands):
            name = f"{command.menu} › {command.name}"
            if all(word in name.casefold() for word in words):
                item = QListWidgetItem(f"{name}    {command.keys}".rstrip())
                item.setData(Qt.ItemDataRole.UserRole, index)
                if not command.action.isEnabled():
                    item.setFlags(Qt.ItemFlag.NoItemFlags)
                self._list.addItem(item)
        usable = (row for row in range(self._list.count()) if self._list.item(row).flags() & Qt.ItemFlag.ItemIsEnabled)
        self._list.setCurrentRow(next(usable, -1))

    def _run_current(self) -> None:
        item = self._list.currentItem()
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            action = self._commands[item.data(Qt.ItemDataRole.UserRole)].action
            self.accept()
            action.trigger()

    # Called by Qt.

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the keys that move go from the line to the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in MOVES:
            self._list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)
