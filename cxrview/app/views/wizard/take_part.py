"""Which classes, views, sexes and places take part in a training, as lists to tick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from cxrview.app.views.labels import make_label
from cxrview.training.dataset import Choices
from cxrview.training.tally import KINDS, NOT_TOLD

TITLES = {"class": "Classes", "view": "Views", "sex": "Sex", "source": "Places"}
HEIGHT_PX, WIDTH_PX = 116, 230
VALUE = Qt.ItemDataRole.UserRole


class TakePart(QWidget):
    """A list for each kind of thing of which the images have several; what is not ticked takes no part."""

    choices_made = Signal(object)
    """Something else takes part. Parameters: choices (Choices)."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("takePart")
        self._choices = Choices()
        self._values: Mapping[str, tuple[tuple[str, int], ...]] = {}
        self._is_filling = False
        self._lists = {kind: QListWidget() for kind in KINDS}
        self._parts: dict[str, QWidget] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for kind, box in self._lists.items():
            box.setObjectName(f"takePart-{kind}")
            box.setAccessibleName(f"{TITLES[kind]} that take part")
            box.setFixedSize(WIDTH_PX, HEIGHT_PX)
            box.itemChanged.connect(lambda item, kind=kind: self._on_changed(kind, item))
            part = self._parts[kind] = QWidget()
            column = QVBoxLayout(part)
            column.setContentsMargins(0, 0, 8, 0)
            column.addWidget(make_label(f"takePartTitle-{kind}", "muted", TITLES[kind]))
            column.addWidget(box)
            row.addWidget(part)
        row.addStretch(1)

    def render_values(self, values: Mapping[str, tuple[tuple[str, int], ...]], choices: Choices) -> None:
        """Show what there is, and what of it takes part."""
        self._choices = choices
        is_new = values is not self._values
        self._values = values
        self.setVisible(any(len(found) > 1 for found in values.values()))
        self._is_filling = True  # Qt tells of items that we set as if a person had ticked them
        for kind, box in self._lists.items():
            found = values.get(kind, ())
            self._parts[kind].setVisible(len(found) > 1)
            if is_new:
                box.clear()
                for value, count in found:
                    item = QListWidgetItem(f"{value or NOT_TOLD}  ({count})", box)
                    item.setData(VALUE, value)
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            taken = _taken(kind, choices)
            for place in range(box.count()):
                is_on = taken is None or box.item(place).data(VALUE) in taken
                box.item(place).setCheckState(Qt.CheckState.Checked if is_on else Qt.CheckState.Unchecked)
        self._is_filling = False

    def _on_changed(self, kind: str, item: QListWidgetItem) -> None:
        if self._is_filling:
            return
        box = self._lists[kind]
        items = [box.item(place) for place in range(box.count())]
        chosen = tuple(str(each.data(VALUE)) for each in items if each.checkState() is Qt.CheckState.Checked)
        if not chosen:
            item.setCheckState(Qt.CheckState.Checked)  # without any there is nothing left
            return
        self.choices_made.emit(_changed(self._choices, kind, () if len(chosen) == len(items) else chosen))


def _taken(kind: str, choices: Choices) -> tuple[str, ...] | None:
    """Tell the values that take part; None for all."""
    return (choices.labels or None) if kind == "class" else choices.keep.get(kind)


def _changed(choices: Choices, kind: str, chosen: tuple[str, ...]) -> Choices:
    if kind == "class":
        return replace(choices, labels=chosen)
    others = {key: values for key, values in choices.keep.items() if key != kind}
    return replace(choices, keep={**others, kind: chosen} if chosen else others)
