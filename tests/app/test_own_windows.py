"""Windows that a person keeps: under names, with keys, in the settings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QKeySequenceEdit, QLineEdit, QListWidget, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.cells import layout_chosen, linked
from cxrview.app.looking import own_window_chosen, shown_window, window_forgotten, window_kept, window_renamed
from cxrview.app.own_windows import OwnWindow, name_problem, parse_windows, windows_text
from cxrview.app.state import AppState, Layout, picture_loaded, window_chosen
from cxrview.app.views.own_windows_dialog import OwnWindowsDialog
from cxrview.app.views.window_menu import WindowMenu
from cxrview.core.errors import SettingsError
from cxrview.core.image import VoiFunction, Window
from tests.app.samples import picture_of

TUBES = OwnWindow(Window(1200.5, 400.0, VoiFunction.SIGMOID, "tubes"), "Ctrl+Alt+1")
RIBS = OwnWindow(Window(-3.0, 0.25, VoiFunction.LINEAR, "ribs & spine"))


def test_windows_come_back_from_the_settings_as_they_went() -> None:
    assert parse_windows(windows_text((TUBES, RIBS))) == (TUBES, RIBS)
    assert parse_windows(" a = 10 / 20 ; ") == (OwnWindow(Window(10.0, 20.0, name="a")),)
    assert parse_windows("a=1/2/LINEAR/Ctrl+/")[0].keys == "Ctrl+/"
    assert (parse_windows(""), windows_text(())) == ((), "")


@pytest.mark.parametrize("text", ["a", "a=1", "a=x/2", "a=1/0", "a=1/nan", "a=1/2/CURVE", "=1/2", "a=1/2; a=3/4", "lung=1/2"])
def test_what_is_no_window_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="windows"):
        parse_windows(text)


def test_names_that_cannot_be_kept_say_why() -> None:
    assert name_problem("tubes", []) == ""
    assert "already" in name_problem("tubes", ["tubes"])
    assert all(name_problem(name, []) for name in ("", "  ", "a;b", "a=b", "lung", "x" * 41, "a\nb"))


def test_the_shown_window_is_kept_and_shown_under_its_name(shown: AppState) -> None:
    state = window_kept(window_chosen(shown, Window(7.0, 9.0)), "mine", "F7")
    assert state.own_windows == (OwnWindow(Window(7.0, 9.0, name="mine"), "F7"),)
    assert state.display.window == Window(7.0, 9.0, name="mine")
    assert window_kept(state, "mine", "") is state
    assert window_kept(AppState(), "mine", "").own_windows == ()
    assert shown_window(AppState()) is None
    other = own_window_chosen(window_chosen(state, Window(1.0, 1.0)), "mine")
    assert other.display.window == Window(7.0, 9.0, name="mine")
    assert own_window_chosen(state, "nobody") is state


def test_a_window_is_renamed_and_takes_keys_from_another(shown: AppState) -> None:
    state = window_kept(window_kept(shown, "first", "F7"), "second", "F8")
    changed = window_renamed(state, "second", "third", "F7")
    assert [(own.name, own.keys) for own in changed.own_windows] == [("first", ""), ("third", "F7")]
    assert changed.display.window is not None
    assert changed.display.window.name == "third"
    assert window_renamed(state, "second", "first", "") is state
    gone = window_forgotten(changed, "third")
    assert [own.name for own in gone.own_windows] == ["first"]
    assert gone.display == changed.display


def test_a_kept_window_is_the_same_in_linked_places(shown: AppState) -> None:
    state = layout_chosen(replace(shown, own_windows=(TUBES,)), Layout.SIDE_BY_SIDE)
    other = state.grid.cells[1].current
    assert other is not None
    state = picture_loaded(state, replace(picture_of(other), window=Window(9.0, 9.0)))
    linked_state = linked(own_window_chosen)(state, "tubes")
    assert linked_state.grid.cells[1].display.window == TUBES.window


def test_the_menu_offers_kept_windows_with_their_keys(shown: AppState, qtbot: QtBot) -> None:
    menu = WindowMenu()
    qtbot.addWidget(menu)
    menu.addAction(menu.manage)
    state = own_window_chosen(replace(shown, own_windows=(TUBES, RIBS)), "tubes")
    menu.render_state(state)
    offered = [action for action in menu.actions() if action is not menu.manage]
    assert [(action.text(), action.shortcut().toString(), action.isChecked()) for action in offered] == [
        ("tubes", "Ctrl+Alt+1", True),
        ("ribs && spine", "", False),
    ]
    with qtbot.waitSignal(menu.own_window_chosen) as heard:
        offered[1].trigger()
    assert heard.args == ["ribs & spine"]
    menu.render_state(replace(state, own_windows=()))
    assert menu.actions() == [menu.manage]


def part(dialog: OwnWindowsDialog, kind: type[QWidget], name: str) -> QWidget:
    found = dialog.findChild(kind, name)
    assert found is not None
    return found


def test_the_dialog_saves_changes_and_deletes(shown: AppState, qtbot: QtBot) -> None:
    dialog = OwnWindowsDialog()
    qtbot.addWidget(dialog)
    heard: list[tuple[str, ...]] = []
    dialog.save_requested.connect(lambda *words: heard.append(("save", *words)))
    dialog.change_requested.connect(lambda *words: heard.append(("change", *words)))
    dialog.delete_requested.connect(lambda *words: heard.append(("delete", *words)))
    dialog.render_state(shown)
    dialog.show()
    name, keys = part(dialog, QLineEdit, "ownWindowName"), part(dialog, QKeySequenceEdit, "ownWindowKeys")
    save, change, delete = (part(dialog, QPushButton, f"ownWindow{what}") for what in ("Save", "Change", "Delete"))
    assert [button.isEnabled() for button in (save, change, delete)] == [False, False, False]
    qtbot.keyClicks(name, "tubes")
    qtbot.keyClick(keys, Qt.Key.Key_F7)
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    dialog.render_state(replace(shown, own_windows=(OwnWindow(Window(1.0, 2.0, name="tubes"), "F7"), RIBS)))
    rows = part(dialog, QListWidget, "ownWindowList")
    assert isinstance(rows, QListWidget)
    assert rows.count() == 2
    assert not save.isEnabled()
    rows.setCurrentRow(1)
    assert isinstance(name, QLineEdit)
    assert name.text() == "ribs & spine"
    qtbot.keyClicks(name, "!")
    assert [button.isEnabled() for button in (save, change, delete)] == [True, True, True]
    qtbot.mouseClick(change, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(delete, Qt.MouseButton.LeftButton)
    assert heard == [("save", "tubes", "F7"), ("change", "ribs & spine", "ribs & spine!", ""), ("delete", "ribs & spine")]
    assert isinstance(keys, QKeySequenceEdit)
    assert keys.keySequence() == QKeySequence()
