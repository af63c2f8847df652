"""What a positive answer is worth among the person's own patients: predictive values at a prevalence."""

from __future__ import annotations

import math

from PySide6.QtCore import Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QWidget

from cxrview.app.answers import finding_looked_at, worth_of
from cxrview.app.state import AppState, ReadyModel
from cxrview.app.views.labels import make_label
from cxrview.core.operating import Worth
from cxrview.core.ppv import OperatingPoint, operating_point, predictive_values
from cxrview.core.results import Finding


class _Percent(QDoubleSpinBox):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel around."""
        event.ignore()


class PredictiveSection(QWidget):
    """Asks for a prevalence; says PPV and NPV, or why they cannot be worked out."""

    prevalence_chosen = Signal(float)
    """The person set the prevalence. Parameters: share of patients, 0 to 1 (float)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._percent = _Percent(self)
        self._percent.setObjectName("prevalence")
        self._percent.setAccessibleName("Prevalence in percent")
        self._percent.setRange(0.0, 100.0)
        self._percent.setDecimals(1)
        self._percent.setSuffix(" %")
        self._percent.setMinimumWidth(96)
        self._percent.setKeyboardTracking(False)
        self._percent.valueChanged.connect(self._on_value)
        self._shown = 0.0
        self._text = make_label("predictiveValues", "muted")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(8)
        grid.addWidget(QLabel("Prevalence", self), 0, 0)
        grid.addWidget(self._percent, 0, 1)
        grid.addWidget(self._text, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)

    def render_state(self, state: AppState) -> None:
        """Show the prevalence, and what follows from it for the label that is looked at."""
        self._shown = round(100.0 * state.prevalence, 1)
        if self._percent.value() != self._shown:
            self._percent.setValue(self._shown)
        self._text.setText(predictive_text(state))

    def _on_value(self, percent: float) -> None:
        # Qt tells of typing and of setting alike; what is only shown is no choice.
        if percent != self._shown:
            self.prevalence_chosen.emit(percent / 100.0)


def predictive_text(state: AppState) -> str:
    """Say PPV and NPV of the label that is looked at, or why there are none."""
    finding = finding_looked_at(state)
    if finding is None or not isinstance(state.model, ReadyModel):
        return "PPV and NPV appear with the scores."
    worth = worth_of(state, finding)
    if worth is not None:
        words = _values_text(finding.label.name, worth.sensitivity, worth.specificity, state.prevalence, "the package's curve")
        return words if worth.lowest is None else f"{words} {_lowest_text(worth.lowest, state.prevalence)}"
    return _text_of(finding, state.model, state)


def _text_of(finding: Finding, model: ReadyModel, state: AppState) -> str:
    name = finding.label.name
    own = model.thresholds.get(finding.label.id)
    if own is not None and finding.threshold != own.probability:
        return f"{name}: the threshold was moved, and how often it is right there is not known. Reset it for PPV and NPV."
    point = operating_point(own.operating_point) if own is not None else OperatingPoint()
    if point.sensitivity is None or point.specificity is None:
        known = [
            f"{word} (at least {value:.2f})"
            for word, value in (("sensitivity", point.sensitivity), ("specificity", point.specificity))
            if value is not None
        ]
        what = f"only the {known[0]}" if known else "neither sensitivity nor specificity"
        return f"{name}: the model package states {what} at its threshold, so PPV and NPV cannot be worked out."
    return _values_text(name, point.sensitivity, point.specificity, state.prevalence, "the model package")


def _values_text(name: str, sensitivity: float, specificity: float, prevalence: float, source: str) -> str:
    values = predictive_values(sensitivity, specificity, prevalence)
    worth = f"sensitivity {sensitivity:.2f} and specificity {specificity:.2f} of {source}"
    return f"{name}: PPV {_share(values.positive)}, NPV {_share(values.negative)} at {worth}."


def _lowest_text(worth: Worth, prevalence: float) -> str:
    values = predictive_values(worth.sensitivity, worth.specificity, prevalence)
    return f"Where both are lowest: PPV {_share(values.positive)}, NPV {_share(values.negative)}."


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
