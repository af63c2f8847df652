"""The heatmap layer: shown or not, of which label, how opaque."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QSlider, QWidget

from cxrview.app.state import AppState
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.core.results import Analysis

CAVEAT = "A heatmap shows what moved the score. It is not a segmentation."
TOP_LABEL = ("Top label", "")


class _Slider(QSlider):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel around."""
        event.ignore()


class LayerControls(QWidget):
    """Shows the layer and says what the person wants of it."""

    toggle_requested = Signal()
    """The heatmap is to be shown or hidden."""
    opacity_chosen = Signal(float)
    """The person moved the slider. Parameters: opacity, 0 to 1 (float)."""
    label_chosen = Signal(object)
    """The person chose a label. Parameters: label id, empty for the top label (str)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._toggle = QCheckBox("Show heatmap", self)
        self._toggle.setObjectName("showHeatmap")
        self._toggle.setToolTip("Show or hide the heatmap (M)")
        self._toggle.clicked.connect(self.toggle_requested)
        self._labels = ChoiceBox("heatmapLabel", "Label of the heatmap", self)
        self._labels.choice_made.connect(self.label_chosen)
        self._slider = self._build_slider()
        self._percent = QLabel(self)
        self._percent.setObjectName("opacityText")
        self._percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._caveat = QLabel(CAVEAT, self)
        self._caveat.setObjectName("caveat")
        self._caveat.setProperty("role", "muted")
        self._caveat.setWordWrap(True)
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the layer of this state."""
        analysis = state.reading if isinstance(state.reading, Analysis) else None
        if analysis is not None:
            offered = tuple((finding.label.name, finding.label.id) for finding in analysis.findings)
            self._labels.render_choices((TOP_LABEL, *offered), state.layer.label_id)
        elif self._labels.count() == 0:
            self._labels.render_choices((TOP_LABEL,), "")
        has_maps = analysis is not None and bool(analysis.heatmaps)
        self._labels.setEnabled(has_maps)
        self._toggle.setChecked(state.layer.is_visible)
        percent = round(state.layer.opacity * 100)
        if self._slider.value() != percent:
            self._slider.setValue(percent)
        self._percent.setText(f"{percent} %")

    def _on_slider_action(self, _action: int) -> None:
        self.opacity_chosen.emit(self._slider.sliderPosition() / 100)

    def _build_slider(self) -> _Slider:
        slider = _Slider(Qt.Orientation.Horizontal, self)
        slider.setObjectName("opacity")
        slider.setAccessibleName("Opacity of the heatmap")
        slider.setRange(0, 100)
        slider.setPageStep(10)
        slider.actionTriggered.connect(self._on_slider_action)
        return slider

    def _build_layout(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(8)
        grid.addWidget(self._toggle, 0, 0, 1, 3)
        grid.addWidget(QLabel("Label", self), 1, 0)
        grid.addWidget(self._labels, 1, 1, 1, 2)
        grid.addWidget(QLabel("Opacity", self), 2, 0)
        grid.addWidget(self._slider, 2, 1)
        grid.addWidget(self._percent, 2, 2)
        grid.addWidget(self._caveat, 3, 0, 1, 3)
        grid.setColumnMinimumWidth(2, self.fontMetrics().horizontalAdvance("100 %"))
        grid.setColumnStretch(1, 1)
