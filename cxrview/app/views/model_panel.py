"""What the model says: which model and engine, whether to believe it, a bar per label, the heatmap layers, and the facts of the image."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from cxrview.app.answers import bounds_of, findings_of, label_asked, selected_view, unknown_text
from cxrview.app.comparing import Pair, is_comparing, pairs_of
from cxrview.app.covering import changes_of
from cxrview.app.state import AppState, BrokenModel, LoadedPicture, NoModel, ReadyModel, Scoring, ScoringFailed
from cxrview.app.theme import THEMES
from cxrview.app.views.comparison_section import ComparisonSection
from cxrview.app.views.cover_section import CoverSection
from cxrview.app.views.engine_section import EngineSection
from cxrview.app.views.finding_row import FindingRow, FindingShown
from cxrview.app.views.labels import make_label
from cxrview.app.views.layer_controls import LayerControls
from cxrview.app.views.operating_section import OperatingSection
from cxrview.app.views.predictive_section import PredictiveSection
from cxrview.app.views.trust_section import TrustSection
from cxrview.core.image import Fact
from cxrview.core.results import Analysis, Finding


class ModelPanel(QWidget):
    """The right side of the window."""

    map_chosen = Signal(str)
    """The person wants a label's heatmap. Parameters: label id, empty for the top label (str)."""
    threshold_chosen = Signal(str, float)
    """The person moved a threshold. Parameters: label id (str), probability, 0 to 1 (float)."""
    thresholds_reset_requested = Signal()
    """The thresholds of the package are wanted back."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._rendered: AppState | None = None
        self._scroll = QScrollArea(self)
        # Made from top to bottom: Tab goes in the order of their making.
        self.engine, self.trust, self.comparison = EngineSection(self), TrustSection(self), ComparisonSection(self)
        self._reset = self._build_reset()
        self.cover, self.layer = CoverSection(self), LayerControls(self)
        self.operating, self.predictive = OperatingSection(self), PredictiveSection(self)
        self._rows: list[FindingRow] = []
        self._row_box = QVBoxLayout()
        self._status, self._failure = make_label("readingStatus", "muted"), make_label("readingFailure", "error")
        self._unknown, self._facts = make_label("unknown", "muted"), make_label("facts", "muted")
        self._build_layout()

    def render_state(self, state: AppState) -> None:
        """Show the model, its answer, the layers and the facts."""
        before, self._rendered = self._rendered, state
        # Qt hands the focus on when its widget is hidden, and would scroll to whoever gets it.
        bar = self._scroll.verticalScrollBar()
        place = bar.value()
        self.engine.render_state(state)
        if before is None or _answer_parts(before) != _answer_parts(state):
            self.trust.render_state(state)
            self.comparison.render_state(state)
            self._render_reading(state)
            self.cover.render_state(state)
            self.operating.render_state(state)
            self.predictive.render_state(state)
            self.layer.render_state(state)
            self._tell_heights()
        if before is None or (before.picture, before.reading) != (state.picture, state.reading):
            self._facts.setText("\n".join(f"•  {fact.text}" for fact in facts_of(state)) or "No image.")
        bar.setValue(place)

    def _tell_heights(self) -> None:
        """Tell the scroll area of sections whose height follows from their width: they do not do so by themselves."""
        for section in (self.engine, self.trust, self.comparison, self.cover, self.operating, self.predictive, self.layer):
            section.updateGeometry()

    def _render_reading(self, state: AppState) -> None:
        shown = _findings_shown(state)
        while len(self._rows) < len(shown):
            row = FindingRow(self)
            row.map_chosen.connect(self.map_chosen)
            row.threshold_chosen.connect(self.threshold_chosen)
            self._row_box.addWidget(row)
            QWidget.setTabOrder(self._rows[-1] if self._rows else self.comparison.chooser, row)
            self._rows.append(row)
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(shown))
            if number < len(shown):
                row.render_finding(shown[number], THEMES[state.theme])
        self._reset.setVisible(any(item.is_moved for item in shown))
        self._unknown.setText(unknown_text(state))
        self._unknown.setVisible(bool(self._unknown.text()))
        self._status.setText(reading_text(state))
        self._status.setVisible(bool(self._status.text()))
        self._failure.setVisible(isinstance(state.reading, ScoringFailed))
        if isinstance(state.reading, ScoringFailed):
            self._failure.setText(f"{state.reading.reason} {state.reading.hint}".strip())

    def _build_reset(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("resetThresholds")
        button.setText("Reset thresholds")
        button.setProperty("role", "link")
        button.setToolTip("Go back to the thresholds of the model package")
        button.clicked.connect(self.thresholds_reset_requested)
        return button

    def _build_layout(self) -> None:
        body = QWidget(self)
        body.setObjectName("panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(14, 12, 14, 14)
        column.setSpacing(8)
        _add_section(column, "Model", self.engine)
        self._row_box.setSpacing(2)
        _add_section(
            column, "Findings", self.trust, self.comparison, self._status, self._failure, self._row_box, self._unknown, self._reset
        )
        _add_section(column, "Would it still say so?", self.cover)
        _add_section(column, "Layers", self.layer)
        _add_section(column, "Operating point", self.operating)
        _add_section(column, "Predictive values", self.predictive)
        _add_section(column, "Image", self._facts)
        column.addStretch(1)
        scroll = self._scroll
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)


def _answer_parts(state: AppState) -> tuple[object, ...]:
    """Give what the shown answer depends on; the display for the eye is not among it."""
    return (
        state.reading, state.layers, state.explanations, state.picture, state.model, state.theme, state.thresholds,
        state.shown_anyway, state.prevalence, state.is_auto_scoring, state.cover, state.second, state.models, state.turned_polarity,
    )  # fmt: skip


def reading_text(state: AppState) -> str:
    """Say why there are no findings, or nothing when there are."""
    if isinstance(state.reading, Analysis | ScoringFailed):
        return ""
    if isinstance(state.reading, Scoring):
        return "Scoring…"
    if isinstance(state.model, NoModel | BrokenModel):
        return "No scores without a model."
    if not isinstance(state.picture, LoadedPicture):
        return "No image is shown."
    if isinstance(state.model, ReadyModel) and not state.is_auto_scoring:
        return "Not scored. Press S to score this image; the settings can do so for every image."
    return "Waiting for the model…"


def facts_of(state: AppState) -> tuple[Fact, ...]:
    """Give the steps from file to picture, then those from picture to model, each once."""
    shown = state.picture.facts if isinstance(state.picture, LoadedPicture) else ()
    prepared = state.reading.facts if isinstance(state.reading, Analysis) and shown else ()
    return tuple(dict.fromkeys((*shown, *prepared)))


def _findings_shown(state: AppState) -> tuple[FindingShown, ...]:
    view = selected_view(state)
    mapped = view.finding.label.id if view.heatmap is not None and view.finding is not None else ""
    after = {change.before.label.id: change.after for change in changes_of(state)}
    if is_comparing(state):
        return tuple(_paired(state, pair, mapped, after.get(pair.label_id)) for pair in pairs_of(state))
    return tuple(_shown(state, finding, finding.label.id == mapped, after.get(finding.label.id)) for finding in findings_of(state))


def _paired(state: AppState, pair: Pair, mapped: str, after: Finding | None) -> FindingShown:
    if pair.first is None:
        assert pair.second is not None
        return FindingShown(pair.second, is_mapped=False, is_asked=False, second=pair.second, is_comparing=True, is_second_only=True)
    return replace(_shown(state, pair.first, pair.label_id == mapped, after), second=pair.second, is_comparing=True)


def _shown(state: AppState, finding: Finding, is_mapped: bool, after: Finding | None) -> FindingShown:  # noqa: FBT001 - two callers, above
    own = state.model.thresholds.get(finding.label.id) if isinstance(state.model, ReadyModel) else None
    is_asked = not label_asked(state, finding.label.id)
    return FindingShown(
        finding,
        is_mapped,
        is_asked,
        own.operating_point if own else "",
        own.probability if own else None,
        after,
        bounds=bounds_of(state, finding),
    )


def _add_section(column: QVBoxLayout, title: str, *parts: QWidget | QHBoxLayout | QVBoxLayout) -> None:
    if column.count():
        line = QFrame()
        line.setProperty("role", "line")
        column.addSpacing(6)
        column.addWidget(line)
        column.addSpacing(4)
    column.addWidget(make_label("", "heading", title))
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
