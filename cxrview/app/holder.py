"""Holds a state and tells when it differs; the stores of the window, the wizard and the worklist are made of it. Main thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, TypeVar

from PySide6.QtCore import QObject, Signal

P = ParamSpec("P")
S = TypeVar("S")


class Holder(QObject, Generic[S]):
    """Holds the state and tells when it differs.

    A change made while listeners are being told is told after them, so that nobody hears of an older state last.
    """

    changed = Signal(object)
    """The state differs. Parameters: state."""

    def __init__(self, state: S, differs: Callable[[S, S], bool], parent: QObject | None = None) -> None:
        """Begin with `state`; `differs` tells whether two states show anything differently."""
        super().__init__(parent)
        self._state = state
        self._told = state
        self._differs = differs
        self._is_telling = False

    @property
    def state(self) -> S:
        """The state as it is now."""
        return self._state

    def apply(self, transition: Callable[Concatenate[S, P], S], *args: P.args, **kwargs: P.kwargs) -> None:
        """Move to the state that the transition gives."""
        self._state = transition(self._state, *args, **kwargs)
        if not self._is_telling:
            self._tell()

    def bound(self, transition: Callable[Concatenate[S, P], S]) -> Callable[P, None]:
        """Give a slot that applies the transition to what a signal carries."""

        def slot(*args: P.args, **kwargs: P.kwargs) -> None:
            self.apply(transition, *args, **kwargs)

        return slot

    def _tell(self) -> None:
        self._is_telling = True
        try:
            while self._differs(self._told, self._state):
                self._told = self._state
                self.changed.emit(self._told)
        finally:
            self._is_telling = False
