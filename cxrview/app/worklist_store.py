"""The one place where the state of the worklist lives; main thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from PySide6.QtCore import QObject, Signal

from cxrview.app.worklist import Worklist

P = ParamSpec("P")


class WorklistStore(QObject):
    """Holds the state and tells when it is another; a change made while listeners are being told is told after them."""

    changed = Signal(object)
    """The state is another. Parameters: state (Worklist)."""

    def __init__(self, state: Worklist, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._told = state
        self._is_telling = False

    @property
    def state(self) -> Worklist:
        """The state as it is now."""
        return self._state

    def apply(self, transition: Callable[Concatenate[Worklist, P], Worklist], *args: P.args, **kwargs: P.kwargs) -> None:
        """Move to the state that the transition gives."""
        self._state = transition(self._state, *args, **kwargs)
        if not self._is_telling:
            self._tell()

    def _tell(self) -> None:
        self._is_telling = True
        try:
            while self._told is not self._state:
                self._told = self._state
                self.changed.emit(self._told)
        finally:
            self._is_telling = False
