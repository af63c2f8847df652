"""The menu of mouse and key profiles; gives the actions of all menus the keys of the profile in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from cxrview.app.own_keys import CANVAS_KEYS
from cxrview.app.profiles import PROFILES, Profile, keys_of
from cxrview.app.state import AppState

PORTABLE = QKeySequence.SequenceFormat.PortableText


class ProfileMenu(QMenu):
    """Offers profiles, checks the one in use, and binds keys."""

    profile_chosen = Signal(object)
    """Parameters: profile (Profile)."""
    own_keys_requested = Signal()
    """The person wants other keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("&Mouse and keys", parent)
        self.setObjectName("profileMenu")
        self.profiles = {name: self._build_profile(profile) for name, profile in PROFILES.items()}
        self.addSeparator()
        self.own_keys = self._build_own_keys()
        self._actions: dict[str, QAction] = {}
        self._usual: dict[str, str] = {}
        self._bound: tuple[Profile, Mapping[str, str]] | None = None

    def take(self, bar: QMenuBar) -> None:
        """Bind the actions of these menus from now on; the keys that they have now are the usual ones."""
        self._actions = {action.objectName(): action for action in _below(bar.actions()) if action.objectName()}
        self._usual = {name: action.shortcut().toString(PORTABLE) for name, action in self._actions.items()} | CANVAS_KEYS

    @property
    def names(self) -> tuple[str, ...]:
        """The object names of all actions that can have keys, and the names of the canvas's own keys."""
        return tuple(self._usual)

    @property
    def usual(self) -> Mapping[str, str]:
        """The keys that all of these have where neither profile nor person says otherwise."""
        return self._usual

    def strangers(self, own: Mapping[str, str]) -> tuple[str, ...]:
        """Give the names among one's own keys that no action has."""
        return tuple(sorted(set(own) - set(self._usual)))

    def render_state(self, state: AppState) -> None:
        """Bind keys as this state says."""
        for name, action in self.profiles.items():
            action.setChecked(name == state.profile.name)
        # Keys that a person gave to a kept window are taken from whoever had them; the menu of windows binds them.
        taken = {own.action_name: own.keys for own in state.own_windows if own.keys}
        wanted = (state.profile, taken | dict(state.own_keys))
        if wanted != self._bound:
            self._bound = wanted
            usual = self._usual | dict.fromkeys(taken, "")
            for name, keys in keys_of(*wanted, usual).items():
                if name in self._actions:
                    self._bind(self._actions[name], keys)

    def _bind(self, action: QAction, keys: str) -> None:
        sequence = QKeySequence(keys)
        if sequence != action.shortcut():
            action.setShortcut(sequence)
            plain = action.text().replace("&", "").rstrip("…")
            native = sequence.toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{plain} ({native})" if native else plain)

    def _build_profile(self, profile: Profile) -> QAction:
        action = QAction(profile.title[0].upper() + profile.title[1:] if profile.name != "default" else profile.title, self)
        action.setObjectName(f"profile{profile.name.title()}")
        action.setCheckable(True)
        action.triggered.connect(partial(self._tell, profile))
        self.addAction(action)
        return action

    def _build_own_keys(self) -> QAction:
        action = QAction("&Keys of your own…", self)
        action.setObjectName("ownKeys")
        action.triggered.connect(lambda: self.own_keys_requested.emit())
        self.addAction(action)
        return action

    def _tell(self, profile: Profile, *_checked: object) -> None:
        self.profile_chosen.emit(profile)


def _below(actions: Iterable[QAction]) -> Iterator[QAction]:
    for action in actions:
        menu = action.menu()
        if isinstance(menu, QMenu):
            yield from _below(menu.actions())
        elif not action.isSeparator():
            yield action
