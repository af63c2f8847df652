"""The menu of gray windows: presets for radiographs, the person's own, and every window that the file itself carries."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from cxrview.app.own_windows import OwnWindow
from cxrview.app.state import AppState, Display, LoadedPicture, Picture
from cxrview.core.presets import FileChoice, Preset, file_choices

PRESET_KEYS = {Preset.AUTO: "2", Preset.LUNG: "3", Preset.MEDIASTINUM: "4", Preset.BONE: "5", Preset.LINES: "6"}


class WindowMenu(QMenu):
    """Offers windows and checks the one in use."""

    preset_chosen = Signal(object)
    """Parameters: preset (Preset)."""
    own_window_chosen = Signal(str)
    """Parameters: name of a window that the person keeps (str)."""
    file_choice_chosen = Signal(object)
    """Parameters: one of the file's own windows or lookup tables (FileChoice)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("&Window", parent)
        self.setObjectName("windowMenu")
        self._group = QActionGroup(self)
        self._group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        self.presets = {preset: self._build_preset(preset) for preset in Preset}
        self.from_file = QMenu("As in the &file", self)
        self.from_file.setObjectName("fileWindows")
        self.manage = QAction("Windows of your &own…", self)
        self.manage.setObjectName("ownWindows")
        self._own: tuple[OwnWindow, ...] = ()
        self._own_actions: tuple[QAction, ...] = ()
        self._picture: Picture | None = None
        self._choices: tuple[tuple[QAction, FileChoice], ...] = ()

    def render_state(self, state: AppState) -> None:
        """Offer what the picture of this state has."""
        is_loaded = isinstance(state.picture, LoadedPicture)
        name = state.display.window.name if is_loaded and state.display.window else ""
        for preset, action in self.presets.items():
            action.setEnabled(is_loaded)
            action.setChecked(name == preset)
        if state.own_windows != self._own:
            self._build_own(state.own_windows)
        for own, action in zip(self._own, self._own_actions, strict=True):
            action.setEnabled(is_loaded)
            action.setChecked(name == own.name)
        if state.picture is not self._picture:
            self._picture = state.picture
            self._build_choices(state.picture)
        for action, choice in self._choices:
            action.setChecked(isinstance(state.picture, LoadedPicture) and _is_used(choice, state.picture, state.display))

    def _build_preset(self, preset: Preset) -> QAction:
        words = str(preset)
        action = QAction(words[0].upper() + words[1:], self)
        action.setObjectName(f"preset{preset.name.title()}")
        action.setCheckable(True)
        action.setShortcut(QKeySequence(PRESET_KEYS[preset]))
        action.triggered.connect(partial(self._tell_preset, preset))
        self._group.addAction(action)
        return action

    def _build_own(self, windows: tuple[OwnWindow, ...]) -> None:
        """Put the kept windows before the entry that manages them."""
        for action in self._own_actions:
            self.removeAction(action)
            action.deleteLater()
        self._own = windows
        self._own_actions = tuple(map(self._build_own_action, windows))
        self.insertActions(self.manage, list(self._own_actions))

    def _build_own_action(self, own: OwnWindow) -> QAction:
        action = QAction(own.name.replace("&", "&&"), self)
        action.setObjectName(own.action_name)
        action.setCheckable(True)
        action.setShortcut(QKeySequence(own.keys))
        action.triggered.connect(partial(self._tell_own, own.name))
        return action

    def _build_choices(self, picture: Picture) -> None:
        for action, _choice in self._choices:
            action.deleteLater()
        self.from_file.clear()
        choices = file_choices(picture.pixels) if isinstance(picture, LoadedPicture) else ()
        self._choices = tuple((self._build_choice(choice), choice) for choice in choices)
        self.from_file.menuAction().setEnabled(bool(choices))

    def _build_choice(self, choice: FileChoice) -> QAction:
        action = QAction(choice.title.replace("&", "&&"), self.from_file)
        action.setCheckable(True)
        action.triggered.connect(partial(self._tell, choice))
        self.from_file.addAction(action)
        return action

    def _tell_preset(self, preset: Preset, *_checked: object) -> None:
        self.preset_chosen.emit(preset)

    def _tell_own(self, name: str, *_checked: object) -> None:
        self.own_window_chosen.emit(name)

    def _tell(self, choice: FileChoice, *_checked: object) -> None:
        self.file_choice_chosen.emit(choice)


def _is_used(choice: FileChoice, picture: LoadedPicture, display: Display) -> bool:
    if choice.is_lut:
        return display.window is None and display.lut == choice.index
    is_default = display.window is None and not picture.pixels.voi_luts and choice.index == 0
    return is_default or display.window == picture.pixels.windows[choice.index]
