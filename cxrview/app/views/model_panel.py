"""What the model says: which model and engine, a bar per label, the heatmap layer, and the facts of the image."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QToolButton, QVBoxLayout, QWidget

from cxrview.app.state import (
    AppState,
    BrokenModel,
    LoadedPicture,
    Model,
    NoModel,
    OpeningModel,
    ReadyModel,
    Scoring,
    ScoringFailed,
    SearchingModels,
    heatmap_view,
)
from cxrview.app.theme import THEMES, icon
from cxrview.app.views.choice_box import ChoiceBox
from cxrview.app.views.finding_row import FindingRow, FindingShown
from cxrview.app.views.layer_controls import LayerControls
from cxrview.core.image import Fact
from cxrview.core.results import Analysis

BADGE = "For research and education, not for diagnosis"


class ModelPanel(QWidget):
    """The right side of the window."""

    model_chosen = Signal(object)
    """The person chose a model. Parameters: model (ModelEntry)."""
    add_model_requested = Signal()
    """The person wants to add a model folder."""
    map_chosen = Signal(str)
    """The person wants a label's heatmap. Parameters: label id, empty for the top label (str)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._rendered: AppState | None = None
        self._chooser = ChoiceBox("modelChooser", "Model", self)
        self._chooser.choice_made.connect(self.model_chosen)
        self._add, self._add_large = self._build_add(), self._build_add_large()
        self._engine, self._reason = make_label("engine", "muted"), make_label("modelReason", "error")
        self._rows: list[FindingRow] = []
        self._row_box = QVBoxLayout()
        self._status, self._failure = make_label("readingStatus", "muted"), make_label("readingFailure", "error")
        self.layer = LayerControls(self)
        self._facts = make_label("facts", "muted")
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the model, its answer, the layer and the facts."""
        before, self._rendered = self._rendered, state
        if before is None or before.theme != state.theme:
            self._add.setIcon(icon("add", state.theme))
        if before is None or (before.models, before.model) != (state.models, state.model):
            self._render_model(state)
        if before is None or (before.reading, before.layer, before.picture, before.model, before.theme) != (
            state.reading, state.layer, state.picture, state.model, state.theme,
        ):  # fmt: skip
            self._render_reading(state)
        if before is None or (before.picture, before.reading) != (state.picture, state.reading):
            self._render_facts(state)
        self.layer.render_state(state)

    def _render_model(self, state: AppState) -> None:
        entry = None if isinstance(state.model, NoModel | SearchingModels) else state.model.entry
        self._chooser.render_choices(tuple((f"{item.title}  {item.version}", item) for item in state.models), entry)
        self._chooser.setVisible(bool(state.models))
        self._add.setVisible(bool(state.models))
        self._add_large.setVisible(isinstance(state.model, NoModel))
        self._engine.setText(model_text(state.model))
        why = "\n".join(state.model.reasons) if isinstance(state.model, ReadyModel) else ""
        self._engine.setToolTip(why)
        self._reason.setVisible(isinstance(state.model, BrokenModel))
        if isinstance(state.model, BrokenModel):
            self._reason.setText(f"{state.model.reason} {state.model.hint}".strip())

    def _render_reading(self, state: AppState) -> None:
        shown = _findings_shown(state)
        while len(self._rows) < len(shown):
            row = FindingRow(self)
            row.map_chosen.connect(self.map_chosen)
            self._row_box.addWidget(row)
            self._rows.append(row)
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(shown))
            if number < len(shown):
                row.render_finding(shown[number], THEMES[state.theme])
        self._status.setText(reading_text(state))
        self._status.setVisible(bool(self._status.text()))
        self._failure.setVisible(isinstance(state.reading, ScoringFailed))
        if isinstance(state.reading, ScoringFailed):
            self._failure.setText(f"{state.reading.reason} {state.reading.hint}".strip())

    def _render_facts(self, state: AppState) -> None:
        self._facts.setText("\n".join(f"•  {fact.text}" for fact in facts_of(state)) or "No image.")

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

    def _build_layout(self) -> None:
        body = QWidget(self)
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(14, 12, 14, 14)
        column.setSpacing(8)
        chooser = QHBoxLayout()
        chooser.addWidget(self._chooser, 1)
        chooser.addWidget(self._add)
        _add_section(column, "Model", chooser, self._engine, self._reason, self._add_large)
        self._row_box.setSpacing(2)
        _add_section(column, "Findings", self._status, self._failure, self._row_box)
        _add_section(column, "Heatmap", self.layer)
        _add_section(column, "Image", self._facts)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        badge = make_label("badge", "badge")
        badge.setText(BADGE)
        layout.addWidget(badge)


def model_text(model: Model) -> str:
    """Say in one line what runs, or why nothing does."""
    match model:
        case NoModel():
            return model.reason
        case SearchingModels():
            return "Looking for models…"
        case OpeningModel():
            return f"Opening {model.entry.title}…"
        case ReadyModel():
            return f"Runs in {model.engine} on {model.device}"
        case BrokenModel():
            return "This model cannot run."


def reading_text(state: AppState) -> str:
    """Say why there are no findings, or nothing when there are."""
    if isinstance(state.reading, Analysis | ScoringFailed):
        return ""
    if isinstance(state.reading, Scoring):
        return "Scoring…"
    if isinstance(state.model, NoModel | BrokenModel):
        return "No scores without a model."
    return "Waiting for the model…" if isinstance(state.picture, LoadedPicture) else "No image is shown."


def facts_of(state: AppState) -> tuple[Fact, ...]:
    """Give the steps from file to picture, then those from picture to model, each once."""
    shown = state.picture.facts if isinstance(state.picture, LoadedPicture) else ()
    prepared = state.reading.facts if isinstance(state.reading, Analysis) and shown else ()
    return tuple(dict.fromkeys((*shown, *prepared)))


def _findings_shown(state: AppState) -> tuple[FindingShown, ...]:
    if not isinstance(state.reading, Analysis):
        return ()
    view = heatmap_view(state)
    mapped = view.finding.label.id if view.heatmap is not None and view.finding is not None else ""
    asked = state.layer.label_id
    return tuple(FindingShown(item, item.label.id == mapped, item.label.id == asked) for item in state.reading.findings)


def make_label(name: str, role: str) -> QLabel:
    """Make a label of plain text that wraps."""
    label = QLabel()
    label.setObjectName(name)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def _add_section(column: QVBoxLayout, title: str, *parts: QWidget | QHBoxLayout | QVBoxLayout) -> None:
    if column.count():
        line = QFrame()
        line.setProperty("role", "line")
        column.addSpacing(6)
        column.addWidget(line)
        column.addSpacing(4)
    heading = make_label("", "heading")
    heading.setText(title)
    column.addWidget(heading)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
