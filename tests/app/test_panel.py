"""The panel at the right: badges, refusals, thresholds that can be dragged, layers, choosers, the card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QAbstractSlider, QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QPushButton, QTextBrowser, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.answers import layer_views, override_chosen, threshold_chosen
from cxrview.app.layers import Layer, Layers, LayerStyle
from cxrview.app.state import (
    AppState,
    AskedEngine,
    ReadyModel,
    label_chosen,
    layers_chosen,
    reading_known,
)
from cxrview.app.views.card_dialog import CardDialog
from cxrview.app.views.colour_bar import bar_numbers
from cxrview.app.views.finding_row import FindingRow
from cxrview.app.views.layer_list import LayerList
from cxrview.app.views.model_panel import ModelPanel
from cxrview.core.conformal import ConformalRule
from cxrview.core.flags import FLAG_MEANINGS, Flag, flag_words
from cxrview.core.gate import VIEW_AP
from cxrview.core.image import ImageInfo
from cxrview.core.lungs import lungs_of
from cxrview.core.manifest import Threshold
from tests.app.samples import LABELS, analysis_of, picture_of


@pytest.fixture
def panel(qtbot: QtBot) -> ModelPanel:
    made = ModelPanel()
    qtbot.addWidget(made)
    made.resize(310, 1300)
    made.show()
    return made


@pytest.fixture
def ready(scored: AppState) -> AppState:
    """The model in use tells its thresholds and methods."""
    assert isinstance(scored.model, ReadyModel)
    own = {label.id: Threshold(0.5, "sensitivity 0.90, specificity 0.80 on 200 cases") for label in LABELS}
    return replace(scored, model=replace(scored.model, thresholds=own, methods=("gradcam", "occlusion"), card="# Card"))


def find(widget: QWidget, kind: type, name: str):  # type: ignore[no-untyped-def]
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


def badges(panel: ModelPanel) -> dict[str, str]:
    labels = panel.trust.findChildren(QLabel)
    return {label.objectName(): label.text() for label in labels if label.objectName().startswith("badge-") and label.isVisibleTo(panel)}


def lateral(ready: AppState, p: float | None = None) -> AppState:
    assert ready.current is not None
    picture = picture_of(ready.current, info=ImageInfo(view="LL", patient_age="005Y"))
    return reading_known(replace(ready, picture=picture), ready.current, replace(analysis_of(), in_distribution=p))


def test_the_view_badge_tells_what_the_gate_is_sure_of_and_where_the_file_says_otherwise(panel: ModelPanel, ready: AppState) -> None:
    assert ready.current is not None
    analysis, nothing = analysis_of(), np.full((8, 8), -9.0, np.float32)
    seen = replace(ready, reading=replace(analysis, lungs=replace(lungs_of(nothing, analysis.frame), noticed=(VIEW_AP,))))
    panel.render_state(seen)
    assert badges(panel)["badge-view"] == "looks AP"
    panel.render_state(replace(seen, picture=picture_of(ready.current, info=ImageInfo(view="PA"))))
    assert badges(panel)["badge-view"] == "view PA, looks AP"
    panel.render_state(replace(seen, picture=picture_of(ready.current, info=ImageInfo(view="AP"))))
    assert badges(panel)["badge-view"] == "view AP"


def test_badges_say_likeness_view_and_flags_with_their_reasons(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(ready)
    assert badges(panel) == {"badge-likeness": "likeness unknown", "badge-view": "view unknown"}
    panel.render_state(lateral(ready, 0.03))
    assert badges(panel) == {
        "badge-likeness": "unusual",
        "badge-view": "view LL",
        "badge-lateral": "lateral",
        "badge-child": "child",
    }
    assert "younger than 16" in find(panel, QLabel, "badge-child").toolTip()


@pytest.mark.parametrize("flag", list(Flag))
def test_every_flag_has_words_for_a_person_and_a_reason(flag: Flag) -> None:
    assert "_" not in flag_words(flag)
    assert len(flag_words(flag)) <= 34
    assert FLAG_MEANINGS[flag]


def test_what_is_no_chest_film_is_called_so_and_not_by_the_word_of_the_table(panel: ModelPanel, ready: AppState) -> None:
    assert ready.current is not None
    other = replace(analysis_of(), flags=(Flag.LOOKS_NOT_CHEST, Flag.HEAT_OUTSIDE_LUNGS))
    panel.render_state(reading_known(ready, ready.current, other))
    assert badges(panel)["badge-looks_not_chest"] == "not a chest radiograph"
    assert badges(panel)["badge-heat_outside_lungs"] == "under 10% of the heat in the lungs"


def test_a_refusal_hides_the_scores_until_a_person_wants_them(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    state = lateral(ready)
    panel.render_state(state)
    assert not any(row.isVisibleTo(panel) for row in panel.findChildren(FindingRow))
    assert find(panel, QLabel, "refusal").text() == "The scores are withheld: the file says that this is a lateral or oblique view."
    button = find(panel, QPushButton, "showAnyway")
    with qtbot.waitSignal(panel.trust.override_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    panel.render_state(override_chosen(state))
    assert sum(row.isVisibleTo(panel) for row in panel.findChildren(FindingRow)) == 3
    assert find(panel, QLabel, "refusal").text().startswith("Shown anyway, although the file says")
    assert not button.isVisibleTo(panel)


def test_the_threshold_mark_is_dragged_and_a_click_on_it_is_still_a_click(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    row = find(panel, FindingRow, "finding-tb")
    moved: list[tuple[str, float]] = []
    clicked: list[str] = []
    panel.threshold_chosen.connect(lambda label, value: moved.append((label, value)))
    panel.map_chosen.connect(clicked.append)
    mark = QPoint(row.width() // 2, row.height() - 14)
    qtbot.mousePress(row, Qt.MouseButton.LeftButton, pos=mark)
    qtbot.mouseMove(row, QPoint(row.width() * 3 // 4, mark.y()))
    qtbot.mouseMove(row, QPoint(row.width() + 50, mark.y()))
    qtbot.mouseRelease(row, Qt.MouseButton.LeftButton, pos=QPoint(row.width() * 3 // 4, mark.y()))
    assert [label for label, _value in moved] == ["tb", "tb"]
    assert moved[0][1] == pytest.approx(0.75, abs=0.03)
    assert moved[1][1] == 1.0
    assert clicked == []
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton, pos=mark)
    assert clicked == ["tb"]
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert moved[-1] == ("tb", 0.51)


def test_where_the_model_does_not_know_the_panel_says_so(panel: ModelPanel, ready: AppState) -> None:
    assert isinstance(ready.model, ReadyModel)
    sure, unsure = ConformalRule(0.05, 0.02, 0.9, 60, 90), ConformalRule(0.15, 0.8, 0.9, 60, 90)
    known = replace(ready, model=replace(ready.model, bounds={"tb": unsure, "pneumonia": unsure, "normal": sure}))
    panel.render_state(ready)
    words, row = find(panel, QLabel, "unknown"), find(panel, FindingRow, "finding-tb")
    assert not words.isVisibleTo(panel)
    plain = row.grab().toImage()

    panel.render_state(known)
    assert words.isVisibleTo(panel)
    assert words.text().startswith("Tuberculosis, Pneumonia: don't know.")
    assert "90%" in words.text()
    assert "positive, don't know" in row.accessibleName()
    assert "it is “don't know” from 0.15 to 0.80" in row.toolTip()
    assert "With “don't know” for an answer: positive" in find(panel, FindingRow, "finding-normal").toolTip()
    assert row.grab().toImage() != plain

    # The person's threshold calls it otherwise; what the model knows stays what it was.
    panel.render_state(threshold_chosen(known, "tb", 0.9))
    assert "under its threshold, don't know" in row.accessibleName()
    panel.render_state(lateral(known))
    assert not words.isVisibleTo(panel)


def test_a_moved_threshold_is_told_and_can_be_reset(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    reset = find(panel, QToolButton, "resetThresholds")
    assert not reset.isVisibleTo(panel)
    assert "sensitivity 0.90" in find(panel, FindingRow, "finding-tb").toolTip()
    panel.render_state(threshold_chosen(ready, "tb", 0.8))
    assert "Threshold 0.800, moved; of the package 0.500" in find(panel, FindingRow, "finding-tb").toolTip()
    with qtbot.waitSignal(panel.thresholds_reset_requested):
        qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)


def test_predictive_values_follow_the_prevalence_and_are_never_invented(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    text = find(panel, QLabel, "predictiveValues")
    # Of 1,000 with 100 ill: 90 found, 180 called ill wrongly; 720 rightly well, 10 missed.
    assert text.text().startswith("Tuberculosis: PPV 0.33, NPV 0.99")
    heard: list[float] = []
    panel.predictive.prevalence_chosen.connect(heard.append)
    panel.render_state(replace(ready, prevalence=0.5))
    assert heard == []
    assert "PPV 0.82, NPV 0.89" in text.text()
    find(panel, QDoubleSpinBox, "prevalence").setValue(20.0)
    assert heard == [0.2]
    panel.render_state(threshold_chosen(ready, "tb", 0.8))
    assert "the threshold was moved" in text.text()
    assert isinstance(ready.model, ReadyModel)
    half = {label.id: Threshold(0.5, "at least 0.90 specificity on the negatives") for label in LABELS}
    panel.render_state(replace(ready, model=replace(ready.model, thresholds=half)))
    assert "states only the specificity (at least 0.90)" in text.text()
    panel.render_state(replace(ready, model=replace(ready.model, thresholds={})))
    assert "neither sensitivity nor specificity" in text.text()
    panel.render_state(lateral(ready))
    assert text.text() == "PPV and NPV appear with the scores."


def test_engine_and_device_are_chosen_and_reasons_are_one_click_away(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    panel.render_state(ready)
    heard: list[AskedEngine] = []
    panel.engine.engine_chosen.connect(heard.append)
    for name in ("engineChooser", "deviceChooser"):
        box = find(panel, QComboBox, name)
        box.setFocus()
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert heard == [AskedEngine("onnx", "auto"), AskedEngine("auto", "cpu")]
    reasons = find(panel, QLabel, "engineReasons")
    assert not reasons.isVisibleTo(panel)
    qtbot.mouseClick(find(panel, QToolButton, "whyEngine"), Qt.MouseButton.LeftButton)
    assert reasons.isVisibleTo(panel)
    assert reasons.text() == "•  asked for auto"
    with qtbot.waitSignal(panel.engine.card_requested):
        qtbot.mouseClick(find(panel, QToolButton, "modelCard"), Qt.MouseButton.LeftButton)


def test_the_card_is_read_only_and_opens_no_link(qtbot: QtBot) -> None:
    dialog = CardDialog("Base 1.0", "# Base\n\nSee [the paper](https://example.org).")
    qtbot.addWidget(dialog)
    text = find(dialog, QTextBrowser, "cardText")
    assert text.isReadOnly()
    assert not text.openLinks()
    assert "the paper" in text.toPlainText()


def test_the_list_shows_the_topmost_layer_first_and_says_what_the_person_wants(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    state = layers_chosen(ready, Layers((Layer(), Layer("normal"), Layer("pneumonia", is_visible=False))))
    heard: list[Layers] = []
    panel.layer.list.layers_chosen.connect(heard.append)
    panel.render_state(state)
    rows = find(panel, LayerList, "layerList")
    assert [rows.item(row).text() for row in range(rows.count())] == [
        "Pneumonia  ·  Grad-CAM",
        "Normal  ·  Grad-CAM",
        "Top label: Tuberculosis  ·  Grad-CAM",
    ]
    assert heard == []
    rows.item(0).setCheckState(Qt.CheckState.Checked)
    assert heard.pop().items[2].is_visible
    panel.render_state(state)
    rows.setCurrentRow(1)
    assert heard.pop().selected == 1
    panel.render_state(layers_chosen(state, state.layers.choose(1)))
    rows.setFocus()
    qtbot.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [layer.label_id for layer in heard.pop().items] == ["", "pneumonia", "normal"]
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    assert [layer.label_id for layer in heard.pop().items] == ["", "pneumonia"]
    assert heard == []


def test_controls_change_the_selected_layer_only(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    state = layers_chosen(ready, Layers((Layer(), Layer("normal")), selected=1))
    panel.render_state(state)
    heard: list[Layers] = []
    wanted: list[int] = []
    panel.layer.layers_chosen.connect(heard.append)
    panel.layer.map_requested.connect(lambda: wanted.append(1))
    for name, key in (("heatmapMethod", Qt.Key.Key_Down), ("heatmapColours", Qt.Key.Key_Down), ("heatmapStyle", Qt.Key.Key_Down)):
        box = find(panel, QComboBox, name)
        box.setFocus()
        qtbot.keyClick(box, key)
        panel.render_state(state)
    find(panel, QAbstractSlider, "least").triggerAction(QAbstractSlider.SliderAction.SliderPageStepAdd)
    for name in ("signed", "commonScale"):
        check = find(panel, QCheckBox, name)
        qtbot.mouseClick(check, Qt.MouseButton.LeftButton, pos=QPoint(8, check.height() // 2))
    method, table, style, least, signed, scale = heard
    assert all(layers.items[0] == Layer() for layers in heard)
    assert method.current.method == "occlusion"
    assert wanted == [1]
    assert table.current.table == "magma"
    assert style.current.style is LayerStyle.CONTOURS
    assert least.current.least == 0.1
    assert (signed.current.is_signed, signed.current.table) == (True, "diverging")
    assert not scale.has_common_scale


def test_labels_under_their_threshold_are_offered_as_layers(panel: ModelPanel, ready: AppState) -> None:
    panel.render_state(ready)
    menu = panel.layer.findChild(QWidget, "addLayerMenu")
    assert menu is not None
    heard: list[Layers] = []
    panel.layer.layers_chosen.connect(heard.append)
    menu.aboutToShow.emit()  # type: ignore[attr-defined]
    texts = [action.text() for action in menu.actions()]
    assert texts == ["Normal  0.10  (under its threshold)", "Tuberculosis  0.70", "Pneumonia  0.20  (under its threshold)"]
    menu.actions()[2].trigger()
    assert [layer.label_id for layer in heard[0].items] == ["", "pneumonia"]


def test_a_map_that_is_missing_is_offered(panel: ModelPanel, ready: AppState, qtbot: QtBot) -> None:
    button = find(panel, QPushButton, "makeMap")
    panel.render_state(ready)
    assert not button.isVisibleTo(panel)
    panel.render_state(layers_chosen(ready, ready.layers.with_current(Layer("tb", "occlusion"))))
    assert find(panel, QLabel, "layerWords").text() == "Occlusion is not made yet for this image."
    with qtbot.waitSignal(panel.layer.map_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_numbers_beside_the_bar_fit_the_scale(ready: AppState) -> None:
    (view,) = layer_views(label_chosen(ready, "tb"))
    assert bar_numbers(view) == ("2.50", "1.25", "0.00")
    signed = replace(view, layer=replace(view.layer, is_signed=True), scale=0.004)
    assert bar_numbers(signed) == ("+0.0040", "+0.0000", "-0.0040")


def test_a_drop_is_a_wish_and_moves_nothing_by_itself(panel: ModelPanel, ready: AppState) -> None:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QDropEvent

    state = layers_chosen(ready, Layers((Layer(), Layer("normal"), Layer("pneumonia")), selected=2))
    panel.render_state(state)
    rows = find(panel, LayerList, "layerList")
    heard: list[Layers] = []
    rows.layers_chosen.connect(heard.append)
    place = QPointF(rows.visualItemRect(rows.item(2)).center())
    event = QDropEvent(place, Qt.DropAction.MoveAction, QMimeData(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    rows.dropEvent(event)
    assert [layer.label_id for layer in heard[0].items] == ["pneumonia", "", "normal"]
    assert heard[0].current.label_id == "pneumonia"
    assert rows.count() == 3
