"""Which model is used and what runs it: choosers, what really runs, and why."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from cxrview.app.model_texts import model_text
from cxrview.app.state import (
    AppState,
    AskedEngine,
    BrokenModel,
    Model,
    NoModel,
    ReadyModel,
    SearchingModels,
)
from cxrview.app.theme import icon
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.labels import make_label

ENGINES = (("Any engine", "auto"), ("ONNX Runtime", "onnx"), ("OpenVINO", "openvino"), ("PyTorch", "torch"))
DEVICES = (("Any device", "auto"), ("Processor (CPU)", "cpu"), ("NVIDIA GPU (CUDA)", "cuda"))


class EngineSection(QWidget):
    """Shows the model in use and lets the person choose model, engine and device."""

    model_chosen = Signal(object)
    """The person chose a model. Parameters: model (ModelEntry)."""
    engine_chosen = Signal(object)
    """The person chose an engine or a device. Parameters: both (AskedEngine)."""
    add_model_requested = Signal()
    """The person wants to add a model folder."""
    card_requested = Signal()
    """The person wants to read the model card."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rendered: AppState | None = None
        self._asked = AskedEngine()
        self._chooser = ChoiceBox("modelChooser", "Model", self)
        self._chooser.choice_made.connect(self.model_chosen)
        self._add, self._add_large = self._build_add(), self._build_add_large()
        self._engines, self._devices = ChoiceBox("engineChooser", "Engine", self), ChoiceBox("deviceChooser", "Device", self)
        self._engines.choice_made.connect(lambda name: self.engine_chosen.emit(AskedEngine(name, self._asked.device)))
        self._devices.choice_made.connect(lambda name: self.engine_chosen.emit(AskedEngine(self._asked.engine, name)))
        self._engine, self._reason = make_label("engine", "muted"), make_label("modelReason", "error")
        self._why = make_label("engineReasons", "muted")
        self._why.hide()
        self._card, self._why_button = self._build_card(), self._build_why_button()
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the models, the one in use, and what runs it."""
        before, self._rendered = self._rendered, state
        if before is None or before.theme != state.theme:
            self._add.setIcon(icon("add", state.theme))
        if before is not None and (before.models, before.model, before.asked) == (state.models, state.model, state.asked):
            return
        entry = None if isinstance(state.model, NoModel | SearchingModels) else state.model.entry
        self._asked = state.asked
        titles = [item.title for item in state.models]
        # The version is told where it tells models apart; the title alone fits into the panel.
        named = ((f"{item.title}  {item.version}" if titles.count(item.title) > 1 else item.title, item) for item in state.models)
        self._chooser.render_choices(tuple(named), entry)
        self._engines.render_choices(ENGINES, state.asked.engine)
        self._devices.render_choices(DEVICES, state.asked.device)
        for box in (self._chooser, self._engines, self._devices):
            box.setVisible(bool(state.models))
        self._add.setVisible(bool(state.models))
        self._add_large.setVisible(isinstance(state.model, NoModel))
        self._engine.setText(model_text(state.model))
        self._render_reasons(state.model)

    def _render_reasons(self, model: Model) -> None:
        reasons = "\n".join(f"•  {reason}" for reason in model.reasons) if isinstance(model, ReadyModel) else ""
        self._engine.setToolTip(reasons)
        self._why.setText(reasons)
        self._why_button.setVisible(bool(reasons))
        self._why.setVisible(bool(reasons) and self._why_button.isChecked())
        self._card.setVisible(isinstance(model, ReadyModel) and bool(model.card))
        self._reason.setVisible(isinstance(model, BrokenModel))
        if isinstance(model, BrokenModel):
            self._reason.setText(f"{model.reason} {model.hint}".strip())

    def _build_add(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("addModel")
        button.setAccessibleName("Add model folder")
        button.setToolTip("Add model folder…")
        button.clicked.connect(self.add_model_requested)
        return button

    def _build_add_large(self) -> QPushButton:
        button = QPushButton("Add model folder…", self)
        button.setObjectName("addModelLarge")
        button.clicked.connect(self.add_model_requested)
        return button

    def _build_card(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("modelCard")
        button.setText("Model card…")
        button.setProperty("role", "link")
        button.setToolTip("Read what the model was trained on, how well it does and where it fails")
        button.clicked.connect(self.card_requested)
        return button

    def _build_why_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("whyEngine")
        button.setText("Why this engine?")
        button.setProperty("role", "link")
        button.setCheckable(True)
        button.setToolTip("Say why this engine runs and the others do not")
        button.clicked.connect(lambda is_on: self._why.setVisible(is_on))
        return button

    def _build_layout(self) -> None:
        chooser = QHBoxLayout()
        chooser.addWidget(self._chooser, 1)
        chooser.addWidget(self._add)
        asked = QGridLayout()
        asked.addWidget(self._engines, 0, 0)
        asked.addWidget(self._devices, 0, 1)
        asked.setColumnStretch(0, 1)
        asked.setColumnStretch(1, 1)
        links = QHBoxLayout()
        links.addWidget(self._why_button)
        links.addWidget(self._card)
        links.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(chooser)
        layout.addLayout(asked)
        layout.addWidget(self._engine)
        layout.addWidget(self._reason)
        layout.addLayout(links)
        layout.addWidget(self._why)
        layout.addWidget(self._add_large)
