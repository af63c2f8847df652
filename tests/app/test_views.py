"""Views render a state, and say what a click asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractSlider,
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot

from cxrview.app.answers import threshold_chosen
from cxrview.app.browsing import search_started
from cxrview.app.state import (
    AppState,
    Batch,
    BrokenModel,
    ModelEntry,
    NoModel,
    ScoringFailed,
    ThemeName,
    label_chosen,
    layer_toggled,
    model_chosen,
    model_opened,
    models_listed,
    notice_given,
    opacity_chosen,
    reading_known,
    scoring_started,
)
from cxrview.app.views.actions import Actions
from cxrview.app.views.finding_row import FindingRow
from cxrview.app.views.model_panel import ModelPanel
from cxrview.app.views.notice_bar import LINE_PX, NoticeBar
from cxrview.app.views.start_page import StartPage
from tests.app.samples import ENTRY, analysis_of


@pytest.fixture
def model_panel(qtbot: QtBot) -> ModelPanel:
    made = ModelPanel()
    qtbot.addWidget(made)
    made.resize(310, 900)
    made.show()
    return made


def text_of(widget: QWidget, name: str) -> str:
    """Give the text of a label found by name; empty when it is hidden."""
    label = widget.findChild(QLabel, name)
    assert label is not None
    return label.text() if label.isVisibleTo(widget) else ""


def part(widget: QWidget, kind: type, name: str) -> QWidget:
    """Give the part with this name."""
    found = widget.findChild(kind, name)
    assert found is not None
    return found  # type: ignore[no-any-return]


def test_the_panel_shows_what_really_runs_and_a_row_per_label(model_panel: ModelPanel, scored: AppState) -> None:
    model_panel.render_state(scored)
    assert text_of(model_panel, "engine") == "Runs in ONNX Runtime on the processor"
    assert part(model_panel, QLabel, "engine").toolTip() == "•  asked for auto"
    rows = [row for row in model_panel.findChildren(FindingRow) if row.isVisibleTo(model_panel)]
    assert [row.accessibleName() for row in rows] == [
        "Normal: 0.10, under its threshold",
        "Tuberculosis: 0.70, positive",
        "Pneumonia: 0.20, under its threshold",
    ]
    assert "Raw logit +0.800" in rows[1].toolTip()
    assert "not a segmentation" in text_of(model_panel, "caveat")
    assert text_of(model_panel, "facts") == "•  a ramp"
    assert text_of(model_panel, "readingStatus") == ""


def test_a_click_on_a_row_asks_for_its_map_and_a_second_one_for_the_top_label(
    model_panel: ModelPanel, scored: AppState, qtbot: QtBot
) -> None:
    chosen: list[str] = []
    model_panel.map_chosen.connect(chosen.append)
    model_panel.render_state(scored)
    row = part(model_panel, FindingRow, "finding-pneumonia")
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    model_panel.render_state(label_chosen(scored, "pneumonia"))
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Space)
    assert chosen == ["pneumonia", ""]


def test_a_positive_label_is_painted_differently(model_panel: ModelPanel, scored: AppState, qtbot: QtBot) -> None:
    model_panel.render_state(scored)
    colours = {
        name: {part(model_panel, FindingRow, name).grab().toImage().pixelColor(14, y).name() for y in range(10, 40)}
        for name in ("finding-tb", "finding-pneumonia")
    }
    assert "#f3b562" in colours["finding-tb"]
    assert "#f3b562" not in colours["finding-pneumonia"]


def test_a_normal_over_its_threshold_is_nothing_to_point_at(model_panel: ModelPanel, scored: AppState) -> None:
    model_panel.render_state(threshold_chosen(scored, "normal", 0.05))
    row = part(model_panel, FindingRow, "finding-normal")
    assert row.accessibleName() == "Normal: 0.10, above its threshold"
    assert "#f3b562" not in {row.grab().toImage().pixelColor(14, y).name() for y in range(10, 40)}


def test_the_chooser_tells_only_what_the_person_chose(model_panel: ModelPanel, shown: AppState, qtbot: QtBot) -> None:
    other = ModelEntry("other", "Other", "2.0", Path("other"))
    chosen: list[ModelEntry] = []
    model_panel.engine.model_chosen.connect(chosen.append)
    model_panel.render_state(models_listed(shown, (ENTRY, other)))
    box = part(model_panel, QComboBox, "modelChooser")
    assert isinstance(box, QComboBox)
    assert box.currentText() == "Base model"
    assert chosen == []
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert chosen == [other]


def test_the_chooser_tells_two_versions_of_a_model_apart(model_panel: ModelPanel, shown: AppState) -> None:
    newer = ModelEntry("base-2", ENTRY.title, "2.0", Path("newer"))
    model_panel.render_state(models_listed(shown, (ENTRY, newer)))
    box = part(model_panel, QComboBox, "modelChooser")
    assert isinstance(box, QComboBox)
    assert [box.itemText(place) for place in range(box.count())] == ["Base model  1.0", "Base model  2.0"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (models_listed(AppState(), ()), "No scores without a model."),
        (AppState(), "No image is shown."),
    ],
)
def test_why_there_are_no_findings_is_said(model_panel: ModelPanel, state: AppState, status: str) -> None:
    model_panel.render_state(state)
    assert text_of(model_panel, "readingStatus") == status
    assert text_of(model_panel, "facts") == "No image."


def test_waiting_scoring_and_failing_are_said(model_panel: ModelPanel, shown: AppState) -> None:
    assert shown.current is not None
    model_panel.render_state(shown)
    assert text_of(model_panel, "readingStatus") == "Waiting for the model…"
    model_panel.render_state(scoring_started(shown))
    assert text_of(model_panel, "readingStatus") == "Scoring…"
    model_panel.render_state(reading_known(shown, shown.current, ScoringFailed("The device is gone.", "Choose the CPU.")))
    assert text_of(model_panel, "readingFailure") == "The device is gone. Choose the CPU."
    model_panel.render_state(reading_known(shown, shown.current, analysis_of()))
    assert text_of(model_panel, "readingFailure") == ""


def test_without_a_model_the_panel_says_what_to_do_and_offers_it(model_panel: ModelPanel, qtbot: QtBot) -> None:
    model_panel.render_state(models_listed(AppState(), ()))
    assert text_of(model_panel, "engine") == NoModel().reason
    with qtbot.waitSignal(model_panel.engine.add_model_requested):
        qtbot.mouseClick(part(model_panel, QPushButton, "addModelLarge"), Qt.MouseButton.LeftButton)


def test_opening_and_broken_models_are_told_in_words(model_panel: ModelPanel) -> None:
    opening = model_chosen(models_listed(AppState(), (ENTRY,)), ENTRY)
    model_panel.render_state(opening)
    assert text_of(model_panel, "engine") == "Opening Base model…"
    model_panel.render_state(model_opened(opening, BrokenModel(ENTRY, "A hash is wrong.", "Add it again.")))
    assert text_of(model_panel, "engine") == "This model cannot run."
    assert text_of(model_panel, "modelReason") == "A hash is wrong. Add it again."


def test_layer_controls_show_the_layer_and_speak_for_the_person(model_panel: ModelPanel, scored: AppState, qtbot: QtBot) -> None:
    layer = model_panel.layer
    heard: list[object] = []
    layer.toggle_requested.connect(lambda: heard.append("toggle"))
    layer.opacity_chosen.connect(heard.append)
    layer.label_chosen.connect(heard.append)
    model_panel.render_state(opacity_chosen(layer_toggled(scored), 0.4))
    slider, box, check = part(layer, QSlider, "opacity"), part(layer, QComboBox, "heatmapLabel"), part(layer, QCheckBox, "showHeatmap")
    assert isinstance(slider, QSlider)
    assert isinstance(box, QComboBox)
    assert isinstance(check, QCheckBox)
    assert (slider.value(), check.isChecked(), box.currentText()) == (40, False, "Top label")
    assert [box.itemText(index) for index in range(box.count())] == ["Top label", "Normal", "Tuberculosis", "Pneumonia"]
    assert heard == []
    qtbot.mouseClick(check, Qt.MouseButton.LeftButton, pos=QPoint(8, check.height() // 2))
    slider.triggerAction(QAbstractSlider.SliderAction.SliderPageStepAdd)
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert heard == ["toggle", 0.5, "normal"]


def test_without_heatmaps_there_is_no_label_to_choose(model_panel: ModelPanel, shown: AppState) -> None:
    assert shown.current is not None
    model_panel.render_state(shown)
    assert not part(model_panel, QComboBox, "heatmapLabel").isEnabled()
    model_panel.render_state(reading_known(shown, shown.current, analysis_of(has_heatmaps=False)))
    assert not part(model_panel, QComboBox, "heatmapLabel").isEnabled()


def test_a_fresh_panel_looks_like_one_that_lived_through_the_session(model_panel: ModelPanel, scored: AppState, qtbot: QtBot) -> None:
    for state in (AppState(), models_listed(AppState(), ()), label_chosen(scored, "tb"), scoring_started(scored), scored):
        model_panel.render_state(state)
    fresh = ModelPanel()
    qtbot.addWidget(fresh)
    fresh.resize(310, 900)
    fresh.show()
    fresh.render_state(scored)
    for made in (model_panel, fresh):
        made.trust.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        made.trust.setFocus()
    qtbot.waitUntil(lambda: fresh.grab().toImage() == model_panel.grab().toImage())


def test_the_start_page_offers_its_ways_to_begin(qtbot: QtBot) -> None:
    page = StartPage()
    qtbot.addWidget(page)
    page.render_state(models_listed(AppState(), ()))
    names = {
        "startFolder": page.open_folder_requested,
        "startFiles": page.open_files_requested,
        "startPhantoms": page.phantoms_requested,
        "startScore": page.score_requested,
        "startTrain": page.train_requested,
        "startAddModel": page.add_model_requested,
    }
    for name, signal in names.items():
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(part(page, QPushButton, name), Qt.MouseButton.LeftButton)
    assert text_of(page, "startStatus") == NoModel().reason
    page.render_state(search_started(AppState(), "films"))
    assert text_of(page, "startStatus") == "Looking for radiographs in films…"


def test_the_start_page_may_be_low_for_what_stands_below_it(qtbot: QtBot) -> None:
    page = StartPage()
    qtbot.addWidget(page)
    page.render_state(models_listed(AppState(), ()))
    assert page.minimumSizeHint().height() < 150
    assert page.minimumSizeHint().width() > 400  # nothing of it is cut off at the sides


def test_a_notice_stays_until_it_is_dismissed(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1000, 600)
    bar = NoticeBar(window, QWidget(window))
    bar.render_state(AppState())
    assert bar.isHidden()
    bar.render_state(notice_given(AppState(), "The disk is full."))
    assert not bar.isHidden()
    assert text_of(bar, "notice") == "The disk is full."
    assert (bar.height(), bar.geometry().bottom()) == (LINE_PX, 599)
    with qtbot.waitSignal(bar.dismissed):
        qtbot.mouseClick(part(bar, QWidget, "noticeClose"), Qt.MouseButton.LeftButton)


def test_a_long_notice_is_read_to_its_end_in_a_narrow_window(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(700, 400)
    bar = NoticeBar(window, QWidget(window))
    bar.render_state(notice_given(AppState(), "The model cannot be used, and here is why. " * 6))
    text = bar.findChild(QLabel, "notice")
    assert text is not None
    window.grab()
    assert window.rect().contains(bar.geometry())
    assert text.height() >= text.heightForWidth(text.width()) > 2 * text.fontMetrics().height()


def test_actions_can_be_used_only_where_they_mean_something(scored: AppState, qapp: object) -> None:
    actions = Actions()
    actions.render_state(AppState())
    assert not any(action.isEnabled() for action in (actions.fit, actions.invert, actions.previous, actions.next, actions.score_all))
    actions.render_state(scored)
    assert all(action.isEnabled() for action in (actions.fit, actions.invert, actions.next, actions.score_all))
    assert not actions.previous.isEnabled()
    assert not actions.cancel_batch.isEnabled()
    actions.render_state(replace(scored, batch=Batch(0, 3), theme=ThemeName.LIGHT))
    assert actions.cancel_batch.isEnabled()
    assert not actions.score_all.isEnabled()
    assert actions.light_theme.isChecked()
    actions.deleteLater()
