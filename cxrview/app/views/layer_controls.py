"""The layers: the list, and the controls of the selected one."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QMenu, QPushButton, QSlider, QToolButton, QVBoxLayout, QWidget

from cxrview.app.answers import findings_of, heat_words, layer_offered, layer_views, method_name
from cxrview.app.layers import MAX_LEAST, Layer, Layers, LayerStyle, signed
from cxrview.app.state import AppState, ReadyModel, RecalledAnalysis
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label
from cxrview.app.views.layer_list import LayerList
from cxrview.core.colour import TABLES
from cxrview.core.heatmap import GRAD_CAM
from cxrview.core.results import Analysis

CAVEAT = "A heatmap shows what moved the score. It is not a segmentation."
TOP_LABEL = ("Top label", "")
STYLES = (("Colour wash", LayerStyle.WASH), ("Contour lines", LayerStyle.CONTOURS))
TABLE_NOTES = {"jet": "Jet (draws edges that are not there)", "diverging": "Diverging (signed)"}
COLOURS = tuple((TABLE_NOTES.get(name, name.capitalize()), name) for name in TABLES)


class _Slider(QSlider):
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel around."""
        event.ignore()


class LayerControls(QWidget):
    """Shows the layers and says what the person wants of them."""

    toggle_requested = Signal()
    """All heatmaps and the lungs are to be shown or hidden."""
    opacity_chosen = Signal(float)
    """The person moved the slider. Parameters: opacity of the selected layer, 0 to 1 (float)."""
    label_chosen = Signal(object)
    """The person chose a label for the selected layer. Parameters: label id, empty for the top label (str)."""
    layers_chosen = Signal(object)
    """The person changed the layers. Parameters: layers (Layers)."""
    map_requested = Signal()
    """The selected layer's map is wanted, which takes runs of the model."""
    stop_requested = Signal()
    """Maps that are being made are not wanted any more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = AppState()
        self._toggle = QCheckBox("Show heatmaps and lungs", self)
        self._toggle.setObjectName("showHeatmap")
        self._toggle.setToolTip("Show or hide everything that comes from a model; measurements and notes stay")
        self._toggle.clicked.connect(self.toggle_requested)
        self.list = LayerList(self)
        self._add, self._remove = self._build_add(), self._build_remove()
        self._words, self._share = make_label("layerWords", "muted"), make_label("heatShare", "muted")
        self._make = QPushButton("Make this map", self)
        self._make.setObjectName("makeMap")
        self._make.clicked.connect(self.map_requested)
        self._stop = QPushButton("Stop", self)
        self._stop.setObjectName("stopMap")
        self._stop.setToolTip("Stop making this map")
        self._stop.clicked.connect(self.stop_requested)
        self._labels = self._chooser("heatmapLabel", "Label of the layer")
        self._methods = self._chooser("heatmapMethod", "Method of the layer")
        self._tables = self._chooser("heatmapColours", "Colours of the layer")
        self._styles = self._chooser("heatmapStyle", "Wash or contour lines")
        self._opacity, self._percent = self._slider("opacity", "Opacity of the layer", 100), self._number("opacityText")
        self._least, self._least_percent = (
            self._slider("least", "Hide under this share of the scale", round(100 * MAX_LEAST)),
            self._number("leastText"),
        )
        self._signed, self._common = QCheckBox("Evidence against, too", self), QCheckBox("One scale for all labels", self)
        self._connect()
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the layers of this state."""
        self._state = state
        views, layer = layer_views(state), state.layers.current
        self._toggle.setChecked(state.layers.is_visible)
        self.list.render_layers(state.layers, views)
        view = views[state.layers.selected]
        self._words.setText(view.words)
        self._words.setVisible(bool(view.words))
        self._share.setText(heat_words(state) if layer.is_map else "")
        self._share.setVisible(bool(self._share.text()))
        self._make.setVisible(view.is_missing)
        self._stop.setVisible(view.is_making)
        self._render_labels(state)
        methods = state.model.methods if isinstance(state.model, ReadyModel) else (GRAD_CAM,)
        offered = methods if layer.method in methods else (*methods, layer.method)
        self._methods.render_choices(tuple((method_name(name), name) for name in offered), layer.method)
        self._tables.render_choices(COLOURS, layer.table)
        self._styles.render_choices(STYLES, layer.style)
        _render_slider(self._opacity, self._percent, layer.opacity)
        _render_slider(self._least, self._least_percent, layer.least)
        self._signed.setChecked(layer.is_signed)
        self._common.setChecked(state.layers.has_common_scale)
        self._remove.setEnabled(state.layers.can_remove(state.layers.selected))
        for widget in self._of_maps:
            widget.setVisible(layer.is_map)

    def _render_labels(self, state: AppState) -> None:
        analysis = state.reading if isinstance(state.reading, Analysis) else None
        if analysis is not None:
            offered = tuple((finding.label.name, finding.label.id) for finding in analysis.findings)
            self._labels.render_choices((TOP_LABEL, *offered), state.layers.current.label_id)
        elif self._labels.count() == 0:
            self._labels.render_choices((TOP_LABEL,), "")
        has_maps = isinstance(analysis, RecalledAnalysis) or bool(analysis and analysis.heatmaps)
        self._labels.setEnabled(analysis is not None and (has_maps or state.layers.current.method != GRAD_CAM))
        self._add.setEnabled(bool(findings_of(state)))

    def _change(self, layer: Layer) -> None:
        self._choose(self._state.layers.with_current(layer))

    def _choose(self, layers: Layers) -> None:
        if layers != self._state.layers:
            self.layers_chosen.emit(layers)

    def _on_method(self, method: str) -> None:
        self._change(replace(self._state.layers.current, method=method))
        if method != GRAD_CAM:
            self.map_requested.emit()

    def _on_menu(self) -> None:
        """Offer a layer for each label, those under their threshold marked as such."""
        self._menu.clear()
        for finding in findings_of(self._state):
            under = "" if finding.is_positive else "  (under its threshold)"
            action = self._menu.addAction(f"{finding.label.name}  {finding.probability:.2f}{under}")
            action.triggered.connect(lambda _on=False, label_id=finding.label.id: self._on_added(label_id))

    def _on_added(self, label_id: str) -> None:
        self._choose(self._state.layers.added(layer_offered(self._state, label_id, GRAD_CAM)))

    def _connect(self) -> None:
        self._labels.choice_made.connect(self.label_chosen)
        self._methods.choice_made.connect(self._on_method)
        self._tables.choice_made.connect(lambda name: self._change(replace(self._state.layers.current, table=name)))
        self._styles.choice_made.connect(lambda style: self._change(replace(self._state.layers.current, style=style)))
        self._opacity.actionTriggered.connect(lambda _action: self.opacity_chosen.emit(self._opacity.sliderPosition() / 100))
        self._least.actionTriggered.connect(
            lambda _action: self._change(replace(self._state.layers.current, least=self._least.sliderPosition() / 100))
        )
        self._signed.setObjectName("signed")
        self._signed.setToolTip("Draw what speaks against the label as well, in a diverging colour table")
        self._signed.clicked.connect(lambda is_on: self._change(signed(self._state.layers.current, is_signed=is_on)))
        self._common.setObjectName("commonScale")
        self._common.setToolTip("The same colour means the same contribution for every label of an image")
        self._common.clicked.connect(lambda is_on: self._choose(self._state.layers.scaled(has_common_scale=is_on)))

    def _chooser(self, name: str, title: str) -> ChoiceBox:
        return ChoiceBox(name, title, self)

    def _number(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return label

    def _slider(self, name: str, title: str, highest: int) -> _Slider:
        slider = _Slider(Qt.Orientation.Horizontal, self)
        slider.setObjectName(name)
        slider.setAccessibleName(title)
        slider.setToolTip(title)
        slider.setRange(0, highest)
        slider.setPageStep(10)
        return slider

    def _build_add(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("addLayer")
        button.setText("Add layer")
        button.setProperty("role", "link")
        button.setToolTip("Lay one more heatmap on the picture")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(button)
        self._menu.setObjectName("addLayerMenu")
        self._menu.aboutToShow.connect(self._on_menu)
        button.setMenu(self._menu)
        return button

    def _build_remove(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("removeLayer")
        button.setText("Remove layer")
        button.setProperty("role", "link")
        button.setToolTip("Take the selected layer away")
        button.clicked.connect(lambda: self._choose(self._state.layers.removed(self._state.layers.selected)))
        return button

    def _build_layout(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self._add)
        buttons.addWidget(self._remove)
        buttons.addStretch(1)
        grid = QGridLayout()
        grid.setVerticalSpacing(8)
        self._of_maps: list[QWidget] = [self._signed, self._common]
        for row, (title, box) in enumerate(
            (("Label", self._labels), ("Method", self._methods), ("Colours", self._tables), ("Drawn as", self._styles))
        ):
            heading = QLabel(title, self)
            grid.addWidget(heading, row, 0)
            grid.addWidget(box, row, 1, 1, 2)
            self._of_maps += [heading, box]
        for row, (title, slider, number) in enumerate(
            (("Opacity", self._opacity, self._percent), ("Hide under", self._least, self._least_percent)), start=4
        ):
            heading = QLabel(title, self)
            grid.addWidget(heading, row, 0)
            grid.addWidget(slider, row, 1)
            grid.addWidget(number, row, 2)
            self._of_maps += [] if slider is self._opacity else [heading, slider, number]
        grid.setColumnMinimumWidth(2, self.fontMetrics().horizontalAdvance("100 %"))
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (self._toggle, self.list, buttons, self._words, self._share, self._make, self._stop, grid, self._signed, self._common):
            if isinstance(part, QWidget):
                layout.addWidget(part)
            else:
                layout.addLayout(part)
        layout.addWidget(make_label("caveat", "muted", CAVEAT))


def _render_slider(slider: QSlider, number: QLabel, share: float) -> None:
    percent = round(share * 100)
    if slider.value() != percent:
        slider.setValue(percent)
    number.setText(f"{percent} %")
