"""The one place where the state of the training wizard lives; main thread only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec

from PySide6.QtCore import QObject, Signal

from cxrview.app.wizard import Wizard, differs

P = ParamSpec("P")


class WizardStore(QObject):
    """Holds the state and tells when it differs; a change made while listeners are being told is told after them."""

    changed = Signal(object)
    """The state differs. Parameters: state (Wizard)."""

    def __init__(self, state: Wizard, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._told = state
        self._is_telling = False

    @property
    def state(self) -> Wizard:
        """The state as it is now."""
        return self._state

    def apply(self, transition: Callable[Concatenate[Wizard, P], Wizard], *args: P.args, **kwargs: P.kwargs) -> None:
        """Move to the state that the transition gives."""
        self._state = transition(self._state, *args, **kwargs)
        if not self._is_telling:
            self._tell()

    def put(self, **values: Any) -> None:  # Any: fields of many kinds; `replace` checks their names
        """Put values into fields."""
        self.apply(lambda state: replace(state, **values))

    def _tell(self) -> None:
        self._is_telling = True
        try:
            while differs(self._told, self._state):
                self._told = self._state
                self.changed.emit(self._told)
        finally:
            self._is_telling = False
