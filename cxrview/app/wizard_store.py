"""The one place where the state of the training wizard lives; main thread only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject

from cxrview.app.holder import Holder
from cxrview.app.wizard import Wizard, differs


class WizardStore(Holder[Wizard]):
    """Holds what the wizard shows."""

    def __init__(self, state: Wizard, parent: QObject | None = None) -> None:
        super().__init__(state, differs, parent)

    def put(self, **values: Any) -> None:  # Any: fields of many kinds; `replace` checks their names
        """Put values into fields."""
        self.apply(lambda state: replace(state, **values))
