"""The panel's tools as a person uses them: operating point, covering, a second model, layers that are no heatmaps, swapped polarity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QAbstractSlider, QComboBox, QDoubleSpinBox, QLabel, QPushButton, QScrollArea, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.answers import threshold_chosen
from cxrview.app.comparing import second_chosen, second_known, second_opened
from cxrview.app.covering import cover_toggled, covered_known, spot_covered
from cxrview.app.layers import Layer, LayerKind, Layers, window_layers
from cxrview.app.marking import last_step_undone, mark_added, tool_chosen
from cxrview.app.polarity import polarity_turned
from cxrview.app.state import (
    AppState,
    Display,
    ModelEntry,
    NotScored,
    ReadyModel,
    ThemeName,
    layers_chosen,
    reading_known,
)
from cxrview.app.viewport import Viewport
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.finding_row import FindingRow
from cxrview.app.views.layer_list import LayerList
from cxrview.app.views.model_panel import ModelPanel
from cxrview.app.views.operating_plot import OperatingPlot
from cxrview.core.lungs import lungs_of
from cxrview.core.manifest import Label, OperatingCurve, Threshold
from cxrview.core.marks import Mark, MarkKind, Point
from cxrview.core.operating import Aim
from cxrview.core.results import Finding
from tests.app.samples import LABELS, analysis_of

OTHER = ModelEntry("other", "Other model", "2.0", Path("models/other"))
CURVE = OperatingCurve(
    (0.1, 0.4, 0.5, 0.8),
    (0.95, 0.9, 0.8, 0.5),
    (0.3, 0.7, 0.8, 0.99),
    40,
    60,
    "val split",
    (0.9, 0.8, 0.7, 0.2),
    (0.2, 0.5, 0.6, 0.9),
)


@pytest.fixture
def panel(qtbot: QtBot) -> ModelPanel:
    made = ModelPanel()
    qtbot.addWidget(made)
    made.resize(310, 1700)
    made.show()
    return made


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.show()
    return made


@pytest.fixture
def ready(scored: AppState) -> AppState:
    """The model in use tells its thresholds; tuberculosis has an operating curve."""
    assert isinstance(scored.model, ReadyModel)
    own = {label.id: Threshold(0.5, "at least 0.80 specificity on the negatives") for label in LABELS}
    model = replace(scored.model, thresholds=own, curves={"tb": CURVE})
    return replace(scored, model=model, models=(scored.model.entry, OTHER))


def find(widget: QWidget, kind: type, name: str):  # type: ignore[no-untyped-def]
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


# Operating point.


def test_an_operating_point_is_chosen_by_share_for_one_label_or_for_all(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    text = find(panel, QLabel, "operatingText")
    assert text.text() == (
        "Tuberculosis from 0.500 up: sensitivity 0.80 (lowest source 0.70), specificity 0.80 (lowest source 0.60).\n"
        "Mean of the sources: val split."
    )
    heard: list[tuple[object, ...]] = []
    panel.operating.label_aimed.connect(lambda *each: heard.append(each))
    panel.operating.all_aimed.connect(lambda *each: heard.append(each))
    qtbot.mouseClick(find(panel, QToolButton, "setThreshold"), Qt.MouseButton.LeftButton)
    box = find(panel, QComboBox, "operatingAim")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    find(panel, QDoubleSpinBox, "operatingShare").setValue(75)
    qtbot.mouseClick(find(panel, QToolButton, "setThresholds"), Qt.MouseButton.LeftButton)
    assert heard == [("tb", Aim.SENSITIVITY, 0.9), (Aim.SPECIFICITY, 0.75)]


def test_a_label_without_a_curve_is_told_so_in_words(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(layers_chosen(ready, ready.layers.with_current(Layer("normal"))))
    assert not find(panel, OperatingPlot, "operatingPlot").isVisibleTo(panel)
    assert not find(panel, QToolButton, "setThreshold").isVisibleTo(panel)
    text = find(panel, QLabel, "operatingText").text()
    assert text.startswith("Normal: the model package brings no operating curve")
    assert "at least 0.80 specificity on the negatives" in text


def test_predictive_values_follow_a_moved_threshold_where_there_is_a_curve(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(threshold_chosen(ready, "tb", 0.8))
    # Of 1,000 with 100 ill: 50 found, 9 called ill wrongly; 891 rightly well, 50 missed. At the lowest: 20, 90; 810, 80.
    text = find(panel, QLabel, "predictiveValues").text()
    assert text == (
        "Tuberculosis: PPV 0.85, NPV 0.95 at sensitivity 0.50 and specificity 0.99 of the package's curve. "
        "Where both are lowest: PPV 0.18, NPV 0.91."
    )


def test_a_point_of_the_curve_is_chosen_with_the_mouse_or_with_keys(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    plot = find(panel, OperatingPlot, "operatingPlot")
    heard: list[tuple[str, float]] = []
    plot.threshold_chosen.connect(lambda label, value: heard.append((label, value)))
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(plot.width() - 10, 8))
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(30, plot.height() // 2))
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert heard == [("tb", 0.1), ("tb", 0.8), ("tb", 0.8), ("tb", 0.4)]
    assert "sensitivity 0.80, specificity 0.80 in use" in plot.accessibleName()


# Covering.


def test_covering_is_taken_sized_undone_and_cleared_from_the_panel(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    assert not find(panel, QToolButton, "uncoverAll").isVisibleTo(panel)
    heard: list[object] = []
    panel.cover.tool_requested.connect(lambda: heard.append("tool"))
    panel.cover.size_chosen.connect(heard.append)
    panel.cover.undo_requested.connect(lambda: heard.append("undo"))
    panel.cover.clear_requested.connect(lambda: heard.append("clear"))
    qtbot.mouseClick(find(panel, QPushButton, "coverSpot"), Qt.MouseButton.LeftButton)
    find(panel, QAbstractSlider, "coverSize").triggerAction(QAbstractSlider.SliderAction.SliderPageStepAdd)
    panel.render_state(spot_covered(cover_toggled(ready), 50.0, 60.0))
    assert find(panel, QPushButton, "coverSpot").isChecked()
    assert find(panel, QLabel, "coverWords").text() == "Scoring the covered picture…"
    qtbot.mouseClick(find(panel, QToolButton, "uncoverLast"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find(panel, QToolButton, "uncoverAll"), Qt.MouseButton.LeftButton)
    assert heard == ["tool", 0.2, "undo", "clear"]


def covered(ready: AppState) -> AppState:
    state = spot_covered(ready, 50.0, 60.0)
    return covered_known(state, state.cover.spots, analysis_of((0.3, 0.45, 0.2), has_heatmaps=False))


def test_what_covering_changed_stands_in_the_rows_and_in_a_sentence(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(covered(ready))
    row = find(panel, FindingRow, "finding-tb")
    assert row.accessibleName() == "Tuberculosis: 0.70, positive, 0.45 when covered"
    assert "With the spots covered 0.450" in row.toolTip()
    assert find(panel, QLabel, "coverWords").text() == (
        "Without the spot Tuberculosis goes from 0.70 to 0.45; Tuberculosis crosses its threshold."
    )


def test_an_answer_for_other_spots_is_not_taken(ready: AppState) -> None:
    state = spot_covered(ready, 50.0, 60.0)
    later = spot_covered(state, 10.0, 10.0)
    assert covered_known(later, state.cover.spots, analysis_of()).cover.reading is later.cover.reading


def test_a_click_with_the_tool_covers_the_place_under_the_mouse(canvas: Canvas, ready: AppState, qtbot: QtBot) -> None:
    state = cover_toggled(replace(ready, display=Display(viewport=Viewport(1.0, 200.0, 150.0))))
    canvas.render_state(state)
    heard: list[tuple[float, float]] = []
    sizes: list[float] = []
    canvas.spot_covered.connect(lambda x, y: heard.append((x, y)))
    canvas.cover_resized.connect(sizes.append)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, 90))
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_BracketRight)
    assert heard == [(120.0, 90.0)]
    assert sizes == [pytest.approx(0.15 * 1.25)]
    with qtbot.waitSignal(canvas.tool_dropped):
        qtbot.keyClick(canvas, Qt.Key.Key_Escape)


def test_without_the_tool_a_click_covers_nothing(canvas: Canvas, ready: AppState, qtbot: QtBot) -> None:
    canvas.render_state(ready)
    heard: list[float] = []
    canvas.spot_covered.connect(lambda x, _y: heard.append(x))
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(120, 90))
    assert heard == []


def test_a_covered_spot_is_seen_as_a_gray_disc(canvas: Canvas, ready: AppState) -> None:
    state = replace(ready, display=Display(viewport=Viewport(1.0, 200.0, 150.0)), layers=ready.layers.toggled())
    canvas.render_state(state)
    before = canvas.grab().toImage().pixelColor(350, 150).red()
    canvas.render_state(spot_covered(state, 350.0, 150.0))
    after = canvas.grab().toImage().pixelColor(350, 150).red()
    assert before > 200
    assert 110 < after < 160


def test_taking_a_mark_tool_lays_the_cover_tool_down_and_back(ready: AppState) -> None:
    state = tool_chosen(cover_toggled(ready), MarkKind.RULER)
    assert (state.tool, state.cover.is_on) == (MarkKind.RULER, False)
    back = cover_toggled(state)
    assert (back.tool, back.cover.is_on) == (None, True)


def test_undo_uncovers_while_the_tool_is_in_the_hand_and_else_undoes_marks(ready: AppState) -> None:
    marked = mark_added(ready, Mark(0, MarkKind.RULER, (Point(1, 1), Point(50, 50))))
    state = spot_covered(cover_toggled(marked), 50.0, 60.0)
    assert last_step_undone(state).cover.spots == ()
    assert last_step_undone(state).marks is state.marks
    assert last_step_undone(cover_toggled(state)).marks is not state.marks


# Two models.


def compared(ready: AppState) -> AppState:
    """The other model knows tuberculosis, which it does not see, and a mass."""
    assert ready.current is not None
    findings = (Finding(LABELS[1], -1.0, 0.3, 0.5), Finding(Label("mass", "Mass"), 1.0, 0.8, 0.5))
    other = replace(analysis_of(), model_id="other", findings=findings, heatmaps=())
    opened = second_opened(second_chosen(ready, OTHER), ReadyModel(OTHER, "fake", "cpu"))
    return second_known(opened, ready.current, other)


def test_both_models_stand_in_each_row_and_disagreement_is_said(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(compared(ready))
    rows = [row.accessibleName() for row in panel.findChildren(FindingRow) if row.isVisibleTo(panel)]
    assert rows == [
        "Normal: 0.10, under its threshold",
        "Tuberculosis: 0.70, positive, second model 0.30, which disagrees",
        "Pneumonia: 0.20, under its threshold",
        "Mass: second model 0.80",
    ]
    assert find(panel, QLabel, "comparisonWords").text() == "They disagree on Tuberculosis."
    assert find(panel, QWidget, "comparisonLegend").accessibleName() == "Base model; Other model"


def test_a_second_model_is_chosen_among_the_others_only(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    box = find(panel, QComboBox, "secondChooser")
    assert [box.itemText(place) for place in range(box.count())] == ["No other model", "Other model"]
    heard: list[object] = []
    panel.comparison.second_chosen.connect(heard.append)
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    panel.render_state(compared(ready))
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert heard == [OTHER, None]


def test_a_row_of_the_second_model_alone_has_no_map_to_click_for(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(compared(ready))
    heard: list[str] = []
    panel.map_chosen.connect(heard.append)
    qtbot.mouseClick(find(panel, FindingRow, "finding-mass"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find(panel, FindingRow, "finding-normal"), Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    assert heard == ["normal"]


@pytest.mark.parametrize("theme", list(ThemeName))
def test_rows_of_two_models_look_alike_in_a_fresh_panel(panel: ModelPanel, ready: AppState, theme: ThemeName, qtbot: QtBot) -> None:
    state = replace(compared(ready), theme=theme)
    panel.render_state(ready)
    panel.render_state(state)
    fresh = ModelPanel()
    qtbot.addWidget(fresh)
    fresh.resize(panel.size())
    fresh.show()
    fresh.render_state(state)
    pictures = [find(each, FindingRow, "finding-tb").grab().toImage() for each in (panel, fresh)]
    assert pictures[0] == pictures[1]


# Layers that are no heatmaps.


def with_lungs(ready: AppState) -> AppState:
    """Two blocks are the lungs; their outline is shown."""
    assert isinstance(ready.model, ReadyModel)
    assert ready.current is not None
    logits = np.full((64, 64), -9.0, np.float32)
    logits[10:50, 8:26] = logits[10:50, 38:56] = 9.0
    analysis = analysis_of(has_heatmaps=False)
    state = replace(ready, model=replace(ready.model, has_lungs=True), layers=window_layers(Layer()))
    state = reading_known(state, ready.current, replace(analysis, lungs=lungs_of(logits, analysis.frame)))
    return layers_chosen(state, state.layers.with_layer(1, replace(state.layers.items[1], is_visible=True)).choose(1))


def test_lungs_and_marks_are_layers_with_opacity_alone(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(with_lungs(ready))
    rows = find(panel, LayerList, "layerList")
    assert [rows.item(row).text() for row in range(rows.count())] == [
        "Measurements and notes",
        "Lung outline",
        "Top label: Tuberculosis  ·  nothing shown",
    ]
    shown = {
        name: find(panel, QWidget, name).isVisibleTo(panel) for name in ("opacity", "heatmapLabel", "heatmapMethod", "least", "signed")
    }
    assert shown == {"opacity": True, "heatmapLabel": False, "heatmapMethod": False, "least": False, "signed": False}
    assert not find(panel, QToolButton, "removeLayer").isEnabled()


def test_the_outline_of_the_lungs_is_drawn_over_the_picture(canvas: Canvas, ready: AppState) -> None:
    state = replace(with_lungs(ready), display=Display(viewport=Viewport(1.0, 200.0, 150.0)))
    canvas.render_state(layers_chosen(state, state.layers.toggled()))
    before = canvas.grab().toImage()
    canvas.render_state(state)
    after = canvas.grab().toImage()
    # Columns 8 to 25 of 64 over 400 px: the left lung's left side lies at px 50 to 56.
    changed = [x for x in range(30, 80) if before.pixelColor(x, 140) != after.pixelColor(x, 140)]
    assert changed
    assert 48 <= min(changed) <= max(changed) <= 60


def test_hidden_marks_are_not_drawn_and_cannot_be_taken(canvas: Canvas, ready: AppState, qtbot: QtBot) -> None:
    ruler = mark_added(ready, Mark(0, MarkKind.RULER, (Point(100, 100), Point(300, 100))))
    state = replace(
        ruler, display=Display(viewport=Viewport(1.0, 200.0, 150.0)), selected=None, layers=window_layers(Layer(is_visible=False))
    )
    canvas.render_state(state)
    shown = canvas.grab().toImage()
    hidden = layers_chosen(state, state.layers.with_layer(2, Layer(is_visible=False, kind=LayerKind.MARKS)))
    canvas.render_state(hidden)
    assert canvas.grab().toImage() != shown
    heard: list[int] = []
    canvas.mark_selected.connect(heard.append)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 100))
    assert heard == []
    assert tool_chosen(hidden, MarkKind.ANGLE).layers.marks_opacity > 0.0


def test_a_heatmap_can_be_dragged_over_the_marks(panel: ModelPanel, canvas: Canvas, ready: AppState) -> None:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QDropEvent

    marked = mark_added(ready, Mark(0, MarkKind.RECTANGLE, (Point(60, 60), Point(200, 200))))
    state = replace(marked, layers=window_layers(Layer("tb", opacity=1.0)), display=Display(viewport=Viewport(1.0, 200.0, 150.0)))
    panel.render_state(state)
    rows = find(panel, LayerList, "layerList")
    heard: list[Layers] = []
    rows.layers_chosen.connect(heard.append)
    place = QPointF(rows.visualItemRect(rows.item(0)).center())
    rows.dropEvent(QDropEvent(place, Qt.DropAction.MoveAction, QMimeData(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))
    (layers,) = heard
    assert [item.kind for item in layers.items] == [LayerKind.LUNGS, LayerKind.MARKS, LayerKind.HEATMAP]
    canvas.render_state(state)
    below = canvas.grab().toImage()
    canvas.render_state(layers_chosen(state, layers))
    assert canvas.grab().toImage() != below


# A file that is wrong about what is bright.


def test_swapping_is_offered_where_it_is_suspected_and_swapping_back_afterwards(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    assert ready.current is not None
    panel.render_state(ready)
    button = find(panel, QPushButton, "turnPolarityButton")
    assert not button.isVisibleTo(panel)
    panel.render_state(reading_known(ready, ready.current, replace(analysis_of(), flags=("maybe_inverted",))))
    assert button.text() == "Swap them and score again"
    with qtbot.waitSignal(panel.trust.polarity_turn_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.render_state(polarity_turned(ready))
    assert button.isVisibleTo(panel)
    assert button.text() == "Swap them back"


def test_the_share_of_the_heat_in_the_lungs_is_said(panel: ModelPanel, ready: AppState) -> None:
    assert ready.current is not None
    logits = np.full((64, 64), -9.0, np.float32)
    logits[10:50, 8:26] = logits[10:50, 38:56] = 9.0

    def heat(_number: int) -> np.ndarray:
        values = np.zeros((8, 8))
        # Three parts in the left lung, one in the corner.
        values[3, 2], values[0, 0] = 3.0, 1.0
        return values

    analysis = analysis_of(heat=heat)
    state = reading_known(ready, ready.current, replace(analysis, lungs=lungs_of(logits, analysis.frame)))
    panel.render_state(state)
    assert find(panel, QLabel, "heatShare").text() == "75 % of this heat lies in the lungs."
    panel.render_state(ready)
    assert not find(panel, QLabel, "heatShare").isVisibleTo(panel)


# Focus.


def test_tab_goes_down_the_panel(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(ready)
    first = find(panel, QComboBox, "modelChooser")
    names: list[str] = []
    widget = first
    while widget is not None and widget.objectName() not in names[1:]:
        if widget.isVisibleTo(panel) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.objectName():
            names.append(widget.objectName())
        widget = widget.nextInFocusChain()
        if widget is first:
            break
    order = [name for name in names if not name.startswith("qt_")]
    wanted = ["secondChooser", "finding-normal", "finding-tb", "finding-pneumonia", "coverSpot", "layerList", "operatingAim", "prevalence"]
    assert [name for name in order if name in wanted] == wanted


def test_an_answer_that_comes_does_not_scroll_the_panel(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    assert ready.current is not None
    panel.resize(310, 500)
    panel.render_state(ready)
    row = find(panel, FindingRow, "finding-tb")
    panel.activateWindow()
    row.setFocus()
    bar = panel.findChildren(QScrollArea)[0].verticalScrollBar()
    bar.setValue(60)
    panel.render_state(replace(ready, reading=NotScored()))
    panel.render_state(ready)
    assert bar.value() == 60
