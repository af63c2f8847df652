"""What the mouse does, and every key, from the one table of actions that the menus show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QMenu, QMenuBar, QTextBrowser, QVBoxLayout, QWidget

from cxrview.app.own_keys import CANVAS_TITLES
from cxrview.app.profiles import Wheel
from cxrview.app.views.close_box import close_box
from cxrview.app.views.own_keys_dialog import KeyRow

FIRST_SIZE = QSize(680, 680)
KEYS_WIDTH_PX = 230
OTHERS_TEXT = "Other keys for any command: File › Settings › Keys of your own."


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """An action of the menus: where it stands, and what it is called."""

    menu: str
    action: QAction

    @property
    def name(self) -> str:
        """Its words, without what marks a key in a menu."""
        return plain(self.action.text())

    @property
    def keys(self) -> str:
        """Its keys as people read them; empty when it has none."""
        return ", ".join(each.toString(QKeySequence.SequenceFormat.NativeText) for each in self.action.shortcuts())


def commands_of(bar: QMenuBar) -> tuple[Command, ...]:
    """Give every action of the menus, submenus too, in their order."""
    return tuple(command for action in bar.actions() for command in _below(action))


def key_rows(bar: QMenuBar, usual: Mapping[str, str]) -> tuple[KeyRow, ...]:
    """Give every command that can have keys, in the order of the menus, and the canvas's own keys after them."""
    named = ((command.action.objectName(), f"{command.menu} › {command.name}") for command in commands_of(bar))
    return tuple(KeyRow(name, title, usual[name]) for name, title in (*named, *CANVAS_TITLES.items()) if name in usual)


def plain(text: str) -> str:
    """Take the marks of menu keys out of a text."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")


def _below(action: QAction, path: str = "") -> list[Command]:
    menu = action.menu()
    if not isinstance(menu, QMenu):
        return [] if action.isSeparator() or not action.text() else [Command(path, action)]
    title = f"{path} › {plain(menu.title())}" if path else plain(menu.title())
    return [command for each in menu.actions() for command in _below(each, title)]


def mouse_rows(canvas: Mapping[str, str], wheel: Wheel) -> tuple[tuple[str, str], ...]:
    """Say what mouse and arrows do; `canvas` has the names of the canvas's own keys by their keys."""
    keys = {name: key for key, name in canvas.items()}
    is_stepping = wheel is Wheel.STEP
    zoom = ("Ctrl + wheel" if is_stepping else "Wheel", "right drag", *(keys[name] for name in ("zoomIn", "zoomOut") if name in keys))
    rows = (
        ("Left drag", "window (sideways) and level (up and down); with a tool, measure"),
        ("Ctrl + left drag", "window from a rectangle"),
        ("Middle drag" + (f", {keys['hand']} + left drag" if "hand" in keys else ""), "pan"),
        (", ".join(zoom), "zoom at the mouse"),
        ("Wheel", "previous and next image") if is_stepping else None,
        ("Double click", "fit to window"),
        (f"Hold {keys.get('magnifier', '')}", "magnifier") if "magnifier" in keys else None,
        ("Drag the mark on a bar", "move the threshold (Ctrl with the left and right arrows)"),
        ("Drag a row of the layers", "reorder heatmaps (Alt with the up and down arrows)"),
        ("Arrow keys, Page Up, Page Down", "previous and next image"),
        ("Tab", "next place of the layout"),
    )
    return tuple(row for row in rows if row is not None)


def keys_page(commands: Sequence[Command], canvas: Mapping[str, str], wheel: Wheel = Wheel.ZOOM) -> str:
    """Write the page: the mouse first, then the keys menu by menu."""
    groups: dict[str, list[tuple[str, str]]] = {"Mouse and arrows": list(mouse_rows(canvas, wheel))}
    for command in commands:
        if command.keys:
            groups.setdefault(command.menu, []).append((command.keys, command.name))
    parts = [f"<p>{escape(OTHERS_TEXT)}</p>"]
    for title, rows in groups.items():
        cells = "".join(f'<tr><td width="{KEYS_WIDTH_PX}"><b>{escape(keys)}</b></td><td>{escape(words)}</td></tr>' for keys, words in rows)
        parts.append(f'<h4>{escape(title)}</h4><table cellspacing="0" cellpadding="4">{cells}</table>')
    return "".join(parts)


class KeysDialog(QDialog):
    """Shows the page."""

    def __init__(self, commands: Sequence[Command], canvas: Mapping[str, str], wheel: Wheel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keysDialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Mouse and keys")
        text = QTextBrowser(self)
        text.setObjectName("keysText")
        text.setAccessibleName("Mouse and keys")
        text.setHtml(keys_page(commands, canvas, wheel))
        layout = QVBoxLayout(self)
        layout.addWidget(text, 1)
        layout.addWidget(close_box(self))
        self.resize(FIRST_SIZE)
