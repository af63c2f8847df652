"""Palette, page of keys and settings show what there is, and say what the person wants."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QListWidget, QMainWindow
from pytestqt.qtbot import QtBot

from cxrview.app.layers import Layer, signed
from cxrview.app.state import AppState, AskedEngine, ThemeName, auto_scoring_toggled, colours_chosen, default_model_chosen, layers_chosen
from cxrview.app.views.command_palette import CommandPalette
from cxrview.app.views.keys_dialog import commands_of, keys_page, plain
from cxrview.app.views.settings_dialog import SettingsDialog


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    """A window with two menus, one of them with a submenu, and one command that cannot be used."""
    made = QMainWindow()
    qtbot.addWidget(made)
    file = made.menuBar().addMenu("&File")
    file.addAction("&Open…").setShortcut(QKeySequence("Ctrl+O"))
    file.addSeparator()
    file.addAction("&Never").setEnabled(False)
    deeper = made.menuBar().addMenu("&View").addMenu("&Colours")
    deeper.addAction("Black && white")
    return made


def test_commands_are_those_of_the_menus_with_submenus(window: QMainWindow) -> None:
    commands = commands_of(window.menuBar())
    assert [(each.menu, each.name, each.keys) for each in commands] == [
        ("File", "Open", "Ctrl+O"),
        ("File", "Never", ""),
        ("View › Colours", "Black & white", ""),
    ]
    page = keys_page(commands, {})
    assert "Ctrl+O" in page
    assert "Black" not in page
    assert plain("A && &b…") == "A & b"


def test_the_palette_finds_by_words_and_runs_what_can_be_used(window: QMainWindow, qtbot: QtBot) -> None:
    ran: list[str] = []
    commands = commands_of(window.menuBar())
    for command in commands:
        command.action.triggered.connect(lambda _on=False, command=command: ran.append(command.name))
    palette = CommandPalette(commands)
    qtbot.addWidget(palette)
    palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    palette.show()
    line, rows = palette.findChild(QLineEdit, "paletteLine"), palette.findChild(QListWidget, "paletteList")
    assert line is not None
    assert rows is not None
    assert rows.count() == 3
    qtbot.keyClick(line, Qt.Key.Key_Down)
    assert rows.currentRow() == 2
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert ran == ["Black & white"]
    palette.show()
    qtbot.keyClicks(line, "never")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert palette.isVisible()
    line.clear()
    qtbot.keyClicks(line, "open FILE")
    assert rows.count() == 1
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualItemRect(rows.item(0)).center())
    assert ran == ["Black & white", "Open"]


def test_settings_show_the_state_and_say_what_is_wanted(shown: AppState, qtbot: QtBot) -> None:
    dialog = SettingsDialog()
    qtbot.addWidget(dialog)
    heard: list[object] = []
    for signal in (dialog.theme_chosen, dialog.colours_chosen, dialog.default_model_chosen, dialog.engine_chosen):
        signal.connect(heard.append)
    dialog.auto_scoring_toggled.connect(lambda: heard.append("auto"))
    dialog.names_toggled.connect(lambda: heard.append("names"))
    dialog.profile_chosen.connect(lambda profile: heard.append(profile.name))
    dialog.cache_chosen.connect(heard.append)
    state = replace(shown, is_hiding_names=True, asked=AskedEngine("onnx", "cpu"))
    dialog.render_state(state)
    dialog.show()
    texts = {box.objectName(): box.currentText() for box in dialog.findChildren(QComboBox)}
    assert texts == {
        "settingsTheme": "Dark",
        "settingsProfile": "cxrview",
        "settingsCache": "600 MB",
        "settingsColours": "Inferno",
        "settingsAnswers": "64 MB",
        "settingsModel": "The first one installed",
        "settingsEngine": "ONNX Runtime",
        "settingsDevice": "Processor (CPU)",
    }
    checks = {box.objectName(): box for box in dialog.findChildren(QCheckBox)}
    assert (checks["settingsAutoScore"].isChecked(), checks["settingsHideNames"].isChecked()) == (True, True)
    assert heard == []
    for box in dialog.findChildren(QComboBox):
        box.setFocus()
        qtbot.keyClick(box, Qt.Key.Key_Down)
    for check in checks.values():
        qtbot.mouseClick(check, Qt.MouseButton.LeftButton, pos=QPoint(8, check.height() // 2))
    engines = [AskedEngine("openvino", "cpu"), AskedEngine("onnx", "cuda")]
    assert heard == [ThemeName.LIGHT, "ohif", "magma", "base", *engines, 1000, "auto", "names"]
    dialog.render_state(replace(state, is_theme_of_system=True, cache_mb=123))
    texts = {box.objectName(): box.currentText() for box in dialog.findChildren(QComboBox)}
    assert (texts["settingsTheme"], texts["settingsCache"]) == ("As the system", "123 MB")


def test_wishes_are_transitions(scored: AppState) -> None:
    assert not auto_scoring_toggled(scored).is_auto_scoring
    assert default_model_chosen(scored, "base").default_model == "base"
    two = layers_chosen(scored, scored.layers.added(signed(Layer("tb"), is_signed=True)))
    assert [layer.table for layer in colours_chosen(two, "cividis").layers.items] == ["cividis", "diverging"]
