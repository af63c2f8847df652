"""Where a probability counts as positive: thresholds chosen by sensitivity or specificity, on the curve that the package brings."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from cxrview.app.answers import finding_looked_at, worth_of
from cxrview.app.state import AppState, ReadyModel
from cxrview.app.theme import THEMES
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.operating_plot import CurveShown, OperatingPlot
from cxrview.core.operating import Aim
from cxrview.core.results import Finding

AIMS = (("Sensitivity at least", Aim.SENSITIVITY), ("Specificity at least", Aim.SPECIFICITY))
FIRST_PERCENT = 90.0


class _Percent(QDoubleSpinBox):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel around."""
        event.ignore()


class OperatingSection(QWidget):
    """Offers what the package's curves allow, and says in words what they do not."""

    label_aimed = Signal(str, object, float)
    """A label's threshold is to be chosen. Parameters: label id (str), by what (Aim), share wanted, 0 to 1 (float)."""
    all_aimed = Signal(object, float)
    """The thresholds of all labels are to be chosen. Parameters: by what (Aim), share wanted, 0 to 1 (float)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._aim = Aim.SENSITIVITY
        self._label_id = ""
        self._aims = ChoiceBox("operatingAim", "What thresholds are chosen by", self)
        self._aims.render_choices(AIMS, self._aim)
        self._aims.choice_made.connect(self._on_aim)
        self._percent = _Percent(self)
        self._percent.setObjectName("operatingShare")
        self._percent.setAccessibleName("Share wanted in percent")
        self._percent.setRange(0.0, 100.0)
        self._percent.setDecimals(0)
        self._percent.setSuffix(" %")
        self._percent.setValue(FIRST_PERCENT)
        self._percent.setMinimumWidth(84)
        self._one, self._all = self._link("setThreshold"), self._link("setThresholds")
        self._all.setText("Set for all labels")
        self._one.clicked.connect(lambda: self.label_aimed.emit(self._label_id, self._aim, self._share))
        self._all.clicked.connect(lambda: self.all_aimed.emit(self._aim, self._share))
        self.plot = OperatingPlot(self)
        self._text = make_label("operatingText", "muted")
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the curve of the label that is looked at."""
        finding = finding_looked_at(state)
        shown = _curve_of(state, finding) if finding is not None else None
        self._label_id = shown.label_id if shown is not None else ""
        for widget in (self._aims, self._percent, self._one, self._all, self.plot):
            widget.setVisible(shown is not None)
        if shown is not None:
            self.plot.render_curve(shown, THEMES[state.theme])
            self._one.setText(f"Set for {shown.name}")
        self._text.setText(operating_text(state, finding))

    @property
    def _share(self) -> float:
        return self._percent.value() / 100.0

    def _on_aim(self, aim: Aim) -> None:
        self._aim = aim
        self._aims.render_choices(AIMS, aim)

    def _link(self, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setProperty("role", "link")
        button.setToolTip("Move the threshold to where the package's curve reaches this share and loses least of the other")
        return button

    def _build_layout(self) -> None:
        grid = QGridLayout()
        grid.addWidget(self._aims, 0, 0)
        grid.addWidget(self._percent, 0, 1)
        grid.setColumnStretch(0, 1)
        links = QHBoxLayout()
        links.addWidget(self._one)
        links.addWidget(self._all)
        links.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(grid)
        layout.addLayout(links)
        layout.addWidget(self.plot)
        layout.addWidget(self._text)


def operating_text(state: AppState, finding: Finding | None) -> str:
    """Say what the threshold in use stands for, and on whose images, or why nothing else can be chosen."""
    if finding is None or not isinstance(state.model, ReadyModel):
        return "The operating point appears with the scores."
    name = finding.label.name
    own = state.model.thresholds.get(finding.label.id)
    worth, curve = worth_of(state, finding), state.model.curves.get(finding.label.id)
    if worth is not None and curve is not None:
        low = worth.lowest
        found, spared = ("", "") if low is None else (f" (lowest source {low.sensitivity:.2f})", f" (lowest source {low.specificity:.2f})")
        return (
            f"{name} from {finding.threshold:.3f} up: sensitivity {worth.sensitivity:.2f}{found}, "
            f"specificity {worth.specificity:.2f}{spared}.\nMean of the sources: {curve.cases}."
        )
    point = f" ({own.operating_point})" if own is not None and own.operating_point else ""
    return (
        f"{name}: the model package brings no operating curve, so a threshold cannot be chosen by sensitivity or specificity. "
        f"Only its own threshold is described{point}."
    )


def _curve_of(state: AppState, finding: Finding) -> CurveShown | None:
    if not isinstance(state.model, ReadyModel):
        return None
    label_id = finding.label.id
    curve, own = state.model.curves.get(label_id), state.model.thresholds.get(label_id)
    return None if curve is None else CurveShown(label_id, finding.label.name, curve, finding.threshold, own.probability if own else 0.5)
