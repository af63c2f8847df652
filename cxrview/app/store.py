"""The one place where the state of the window lives; main thread only."""

from __future__ import annotations

from PySide6.QtCore import QObject

from cxrview.app.holder import Holder
from cxrview.app.state import AppState, differs


class Store(Holder[AppState]):
    """Holds what the window shows."""

    def __init__(self, state: AppState, parent: QObject | None = None) -> None:
        super().__init__(state, differs, parent)
