"""The menu of windows offers what the picture has, and checks what is in use."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from cxrview.app.looking import preset_chosen
from cxrview.app.state import AppState, window_chosen
from cxrview.app.views.window_menu import WindowMenu
from cxrview.core.image import Window
from cxrview.core.presets import FileChoice, Preset
from tests.app.samples import picture_of


@pytest.fixture
def menu(qtbot: QtBot) -> WindowMenu:
    made = WindowMenu()
    qtbot.addWidget(made)
    return made


def test_presets_can_be_chosen_once_there_is_a_picture(menu: WindowMenu, opened: AppState, shown: AppState) -> None:
    heard: list[Preset] = []
    menu.preset_chosen.connect(heard.append)
    menu.render_state(opened)
    menu.presets[Preset.LUNG].trigger()
    assert not heard
    menu.render_state(shown)
    menu.presets[Preset.LUNG].trigger()
    assert heard == [Preset.LUNG]
    menu.render_state(preset_chosen(shown, Preset.BONE))
    assert [preset for preset, action in menu.presets.items() if action.isChecked()] == [Preset.BONE]
    menu.render_state(window_chosen(shown, Window(5.0, 5.0)))
    assert not any(action.isChecked() for action in menu.presets.values())


def test_the_windows_of_the_file_are_listed_and_the_used_one_is_checked(menu: WindowMenu, shown: AppState) -> None:
    assert shown.current is not None
    menu.render_state(replace(shown, picture=picture_of(shown.current, windows=())))
    assert not menu.from_file.menuAction().isEnabled()
    windows = (Window(40.0, 400.0, name="R & D"), Window(10.0, 20.0))
    state = replace(shown, picture=picture_of(shown.current, windows=windows))
    menu.render_state(state)
    heard: list[FileChoice] = []
    menu.file_choice_chosen.connect(heard.append)
    actions = menu.from_file.actions()
    assert [action.text() for action in actions] == ["R && D (400 / 40)", "Window 2 (20 / 10)"]
    assert [action.isChecked() for action in actions] == [True, False]
    actions[1].trigger()
    assert heard == [FileChoice("Window 2 (20 / 10)", 1, is_lut=False)]
    menu.render_state(window_chosen(state, windows[1]))
    assert [action.isChecked() for action in actions] == [False, True]
