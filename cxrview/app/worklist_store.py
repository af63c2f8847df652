"""The one place where the state of the worklist lives; main thread only."""

from __future__ import annotations

from PySide6.QtCore import QObject

from cxrview.app.holder import Holder
from cxrview.app.worklist import Worklist


class WorklistStore(Holder[Worklist]):
    """Holds what the worklist shows; tables are large, so two states are told apart by identity."""

    def __init__(self, state: Worklist, parent: QObject | None = None) -> None:
        super().__init__(state, lambda told, now: told is not now, parent)
