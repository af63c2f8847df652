"""A combo box that tells of the person's choices only."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget


class ChoiceBox(QComboBox):
    """Shows named values, one of them in use."""

    choice_made = Signal(object)
    """The person chose a value. Parameters: value (object)."""

    def __init__(self, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(90)
        self._choices: tuple[tuple[str, object], ...] = ()
        self.activated.connect(self._on_activated)

    def render_choices(self, choices: Sequence[tuple[str, object]], chosen: object) -> None:
        """Offer these (text, value) pairs, with one of the values in use."""
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self.clear()
            self.addItems([text for text, _value in self._choices])
        place = next((index for index, (_text, value) in enumerate(self._choices) if value == chosen), -1)
        if self.currentIndex() != place:
            self.setCurrentIndex(place)
        self.setToolTip(self.currentText())

    def _on_activated(self, place: int) -> None:
        self.choice_made.emit(self._choices[place][1])

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel around; a choice is not changed by scrolling past."""
        event.ignore()
