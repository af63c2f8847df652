"""Asks which keys a person wants for which command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cxrview.app.own_keys import SEPARATOR
from cxrview.app.profiles import keys_of
from cxrview.app.state import AppState
from cxrview.app.views.close_box import close_box
from cxrview.app.views.labels import make_label

FIRST_SIZE = QSize(620, 620)
PORTABLE, NATIVE = QKeySequence.SequenceFormat.PortableText, QKeySequence.SequenceFormat.NativeText
KEYS_WIDTH_PX = 150
WORDS = "Choose a command, then press its new keys. The profile's keys hold for all others."


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A command: its name in the settings, what a person reads, and its usual keys."""

    name: str
    title: str
    usual: str


class OwnKeysDialog(QDialog):
    """Shows every command with its keys and says what is wanted of them."""

    key_chosen = Signal(str, str)
    """Other keys are wanted. Parameters: name of the command (str), keys, empty for none (str)."""
    key_reset = Signal(str)
    """The keys of the profile are wanted again. Parameters: name of the command (str)."""
    all_reset = Signal()
    """The keys of the profile are wanted again for every command."""

    def __init__(self, rows: tuple[KeyRow, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ownKeysDialog")
        self.setWindowTitle("Keys of your own")
        self._rows = rows
        self._keys: Mapping[str, str] = {}
        self._own: Mapping[str, str] = {}
        self._search = QLineEdit(self)
        self._search.setObjectName("ownKeysSearch")
        self._search.setAccessibleName("Search commands")
        self._search.setPlaceholderText("Search a command or its keys")
        self._search.setClearButtonEnabled(True)
        self._search.textChanged.connect(lambda _text: self._narrow())
        self._items = [QTableWidgetItem() for _row in rows]
        self._table = self._build_table()
        self._edit = QKeySequenceEdit(self)
        self._edit.setObjectName("ownKeysEdit")
        self._edit.setAccessibleName("New keys of the command")
        self._edit.setMaximumSequenceLength(1)
        self._edit.setClearButtonEnabled(True)
        self._edit.keySequenceChanged.connect(lambda _keys: self._tell())
        self._words = make_label("ownKeysWords", "muted", WORDS)
        self._set = self._button("ownKeysSet", "&Use these keys", self._on_set)
        self._none = self._button("ownKeysNone", "&No keys", self._on_none)
        self._usual = self._button("ownKeysUsual", "As in the &profile", self._on_usual)
        self._all = self._button("ownKeysAll", "&All as in the profile", self.all_reset)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the keys of this state."""
        windows = {own.action_name: own.keys for own in state.own_windows if own.keys}
        usual = {row.name: row.usual for row in self._rows} | dict.fromkeys(windows, "")
        self._keys, self._own = keys_of(state.profile, windows | dict(state.own_keys), usual), state.own_keys
        for number, row in enumerate(self._rows):
            text = QKeySequence(self._keys[row.name]).toString(NATIVE)
            item = self._items[number]
            if item.text() != text:
                item.setText(text)
            font = item.font()
            if font.bold() != (row.name in self._own):
                font.setBold(row.name in self._own)
                item.setFont(font)
        self._tell()

    @property
    def _chosen(self) -> KeyRow | None:
        row = self._table.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) and not self._table.isRowHidden(row) else None

    def _narrow(self) -> None:
        wanted = self._search.text().casefold().split()
        for number, row in enumerate(self._rows):
            text = f"{row.title} {self._items[number].text()}".casefold()
            self._table.setRowHidden(number, not all(word in text for word in wanted))
        self._tell()

    def _tell(self) -> None:
        """Say who would lose these keys, and offer what can be done."""
        chosen, wanted = self._chosen, self._edit.keySequence().toString(PORTABLE)
        holder = next((row for row in self._rows if wanted and self._keys.get(row.name, "").casefold() == wanted.casefold()), None)
        is_lost = holder is not None and chosen is not None and holder.name != chosen.name
        is_possible = SEPARATOR not in wanted
        self._set.setEnabled(chosen is not None and bool(wanted) and is_possible)
        self._none.setEnabled(chosen is not None and bool(self._keys.get(chosen.name)))
        self._usual.setEnabled(chosen is not None and chosen.name in self._own)
        self._all.setEnabled(bool(self._own))
        lost = f"“{holder.title}” has these keys now and would lose them." if is_lost and holder is not None else ""
        self._words.setText(lost or (WORDS if is_possible else "These keys cannot be kept; choose others."))

    def _on_row(self) -> None:
        chosen = self._chosen
        if chosen is not None:
            self._edit.setKeySequence(QKeySequence(self._keys.get(chosen.name, "")))
        self._tell()

    def _on_set(self) -> None:
        if self._chosen is not None:
            self.key_chosen.emit(self._chosen.name, self._edit.keySequence().toString(PORTABLE))

    def _on_none(self) -> None:
        if self._chosen is not None:
            self._edit.clear()
            self.key_chosen.emit(self._chosen.name, "")

    def _on_usual(self) -> None:
        if self._chosen is not None:
            self.key_reset.emit(self._chosen.name)
            self._on_row()

    def _button(self, name: str, text: str, slot: object) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(slot)
        return button

    def _build_table(self) -> QTableWidget:
        table = QTableWidget(len(self._rows), 2, self)
        table.setObjectName("ownKeysTable")
        table.setAccessibleName("Commands and their keys")
        table.setHorizontalHeaderLabels(["Command", "Keys"])
        table.verticalHeader().hide()
        # Qt calls the corner of every table alike.
        for corner in table.findChildren(QAbstractButton):
            corner.setObjectName("ownKeysCorner")
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setColumnWidth(1, KEYS_WIDTH_PX)
        for number, row in enumerate(self._rows):
            table.setItem(number, 0, QTableWidgetItem(row.title))
            table.setItem(number, 1, self._items[number])
        table.itemSelectionChanged.connect(self._on_row)
        return table

    def _build_layout(self) -> None:
        keys = QHBoxLayout()
        label = QLabel("Ne&w keys", self)
        label.setBuddy(self._edit)
        keys.addWidget(label)
        keys.addWidget(self._edit, 1)
        keys.addWidget(self._set)
        buttons = QHBoxLayout()
        for button in (self._none, self._usual, self._all):
            buttons.addWidget(button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.setSpacing(10)
        layout.addWidget(self._search)
        layout.addWidget(self._table, 1)
        layout.addLayout(keys)
        layout.addWidget(self._words)
        layout.addLayout(buttons)
        layout.addWidget(close_box(self), 0, Qt.AlignmentFlag.AlignRight)
        self.resize(FIRST_SIZE)
