"""Keys that a person gives to commands, in the dialog, on the canvas and in the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QKeySequenceEdit, QLabel, QLineEdit, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.main import Program, build
from cxrview.app.own_keys import CANVAS_KEYS, canvas_keys, key_chosen, key_reset, keys_reset, keys_text
from cxrview.app.own_windows import OwnWindow
from cxrview.app.profiles import OHIF, Wheel, parse_keys
from cxrview.app.state import AppState
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.keys_dialog import mouse_rows
from cxrview.core.image import Window
from cxrview.io.settings import Settings, load_settings, save_settings

T = TypeVar("T", bound=QWidget)
NAMES = st.sampled_from(["invert", "fit", *CANVAS_KEYS])
KEYS = st.sampled_from(["", "I", "i", "Z", "Ctrl+Alt+1", "+", ",", "="])


@pytest.fixture
def program(qtbot: QtBot) -> Iterator[Program]:
    save_settings(Settings(notice_accepted=True))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    made.window.show()
    yield made
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def find(dialog: QWidget, kind: type[T], name: str) -> T:
    found = dialog.findChild(kind, name)
    assert found is not None
    return found


@given(st.lists(st.tuples(NAMES, KEYS), max_size=8))
def test_own_keys_are_never_shared_and_come_back_from_the_settings(choices: list[tuple[str, str]]) -> None:
    state = AppState()
    for name, keys in choices:
        state = key_chosen(state, name, keys)
    used = [keys.casefold() for keys in state.own_keys.values() if keys]
    assert len(used) == len(set(used))
    assert parse_keys(keys_text(state.own_keys)) == state.own_keys
    assert keys_reset(state).own_keys == {}


def test_a_kept_window_loses_the_keys_that_a_command_gets() -> None:
    state = replace(AppState(), own_windows=(OwnWindow(Window(50, 100, name="lines"), "Ctrl+Alt+1"),))
    assert key_chosen(state, "invert", "ctrl+alt+1").own_windows[0].keys == ""
    assert key_chosen(state, "invert", "").own_windows == state.own_windows
    assert key_chosen(state, "invert", ";") is state


def test_the_canvas_gives_a_key_up_to_who_has_it_and_takes_its_own() -> None:
    state = AppState()
    assert canvas_keys(state) == {key: name for name, key in CANVAS_KEYS.items()}
    assert "Z" not in canvas_keys(key_chosen(state, "invert", "z"))
    moved = key_chosen(state, "magnifier", "Y")
    assert (canvas_keys(moved)["Y"], "Z" in canvas_keys(moved)) == ("magnifier", False)
    assert canvas_keys(key_reset(moved, "magnifier")) == canvas_keys(state)
    assert canvas_keys(replace(state, profile=OHIF)) == canvas_keys(state)
    assert ("Hold Y", "magnifier") in mouse_rows(canvas_keys(moved), Wheel.ZOOM)
    assert not any(words == "magnifier" for _keys, words in mouse_rows(canvas_keys(key_chosen(state, "magnifier", "")), Wheel.ZOOM))


def test_the_page_of_keys_says_what_the_wheel_of_the_profile_does() -> None:
    assert ("Wheel, right drag, +, -", "zoom at the mouse") in mouse_rows(canvas_keys(AppState()), Wheel.ZOOM)
    stepping = mouse_rows(canvas_keys(AppState()), Wheel.STEP)
    assert ("Ctrl + wheel, right drag, +, -", "zoom at the mouse") in stepping
    assert ("Wheel", "previous and next image") in stepping


def test_keys_of_the_canvas_can_be_others(shown: AppState, qtbot: QtBot) -> None:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(416, 316)
    canvas.render_state(key_chosen(key_chosen(shown, "zoomIn", "W"), "magnifier", "Y"))
    before = canvas.viewport
    assert before is not None
    with qtbot.waitSignal(canvas.viewport_chosen) as zoomed:
        qtbot.keyClick(canvas, Qt.Key.Key_W)
    assert zoomed.args is not None
    assert zoomed.args[0].zoom > before.zoom
    plain = canvas.grab().toImage()
    qtbot.keyPress(canvas, Qt.Key.Key_Z)
    assert canvas.grab().toImage() == plain
    qtbot.keyPress(canvas, Qt.Key.Key_Y)
    assert canvas.grab().toImage() != plain
    qtbot.keyRelease(canvas, Qt.Key.Key_Y)
    assert canvas.grab().toImage() == plain


def test_a_command_gets_other_keys_in_the_dialog_and_has_them_the_next_time(program: Program, qtbot: QtBot) -> None:
    window, actions = program.window, program.window.actions_
    window.profile_menu.own_keys.trigger()
    dialog = window.own_keys_dialog
    assert dialog.isVisible()
    table, edit = find(dialog, QTableWidget, "ownKeysTable"), find(dialog, QKeySequenceEdit, "ownKeysEdit")
    search, words = find(dialog, QLineEdit, "ownKeysSearch"), find(dialog, QLabel, "ownKeysWords")
    assert table.rowCount() == len(window.profile_menu.names)
    qtbot.keyClicks(search, "window invert")
    (row,) = (row for row in range(table.rowCount()) if not table.isRowHidden(row))
    table.selectRow(row)
    assert edit.keySequence() == QKeySequence("I")
    edit.setKeySequence(QKeySequence("F"))
    assert "Fit to window" in words.text()
    qtbot.mouseClick(find(dialog, QPushButton, "ownKeysSet"), Qt.MouseButton.LeftButton)
    assert actions.invert.shortcut() == QKeySequence("F")
    assert actions.fit.shortcut().isEmpty()
    dialog.reject()
    assert load_settings().keys == "invert=F"

    window.show_own_keys()
    qtbot.mouseClick(find(dialog, QPushButton, "ownKeysNone"), Qt.MouseButton.LeftButton)
    assert actions.invert.shortcut().isEmpty()
    assert actions.fit.shortcut() == QKeySequence("F")
    qtbot.mouseClick(find(dialog, QPushButton, "ownKeysUsual"), Qt.MouseButton.LeftButton)
    assert actions.invert.shortcut() == QKeySequence("I")
    assert not find(dialog, QPushButton, "ownKeysAll").isEnabled()
    dialog.reject()
    assert load_settings().keys == ""
