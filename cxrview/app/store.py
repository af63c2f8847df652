"""The one place where the state of the window lives; main thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from PySide6.QtCore import QObject, Signal

from cxrview.app.state import AppState, differs

P = ParamSpec("P")


class Store(QObject):
    """Holds the state and tells when it differs.

    A change made while listeners are being told is told after them, so that nobody hears of an older state last.
    """

    changed = Signal(object)
    """The state differs. Parameters: state (AppState)."""

    def __init__(self, state: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._told = state
        self._is_telling = False

    @property
    def state(self) -> AppState:
        """The state as it is now."""
        return self._state

    def apply(self, transition: Callable[Concatenate[AppState, P], AppState], *args: P.args, **kwargs: P.kwargs) -> None:
        """Move to the state that the transition gives."""
        self._state = transition(self._state, *args, **kwargs)
        if not self._is_telling:
            self._tell()

    def bound(self, transition: Callable[Concatenate[AppState, P], AppState]) -> Callable[P, None]:
        """Give a slot that applies the transition to what a signal carries."""

        def slot(*args: P.args, **kwargs: P.kwargs) -> None:
            self.apply(transition, *args, **kwargs)

        return slot

    def _tell(self) -> None:
        self._is_telling = True
        try:
            while differs(self._told, self._state):
                self._told = self._state
                self.changed.emit(self._told)
        finally:
            self._is_telling = False
