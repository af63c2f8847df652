"""What each page shows and asks for; nothing is trained here."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QMessageBox,
    QTableWidget,
    QWidget,
)

from cxrview.app.views.wizard.judge_page import (
    audit_rows,
    scale_picture,
    silent_templates,
    template_pictures,
    unmeasured,
    verdict_words,
)
from cxrview.app.wizard import Page, Wizard, can_open, page_opened, why_not
from cxrview.core.colour import colour_table
from cxrview.training.compose import Plan, Route
from cxrview.training.control import Wish, read_wish
from cxrview.training.dataset import Choices
from cxrview.training.patients import PatientKey, PatientRule
from cxrview.training.scan import Problem
from cxrview.training.status import RunState, write_job
from cxrview.training.supervise import ALIVE_NAME
from tests.app.wizard.seat import Seat
from tests.training.intake import class_folders, draw
from tests.training.textures import texture

PLAIN = Choices(distance=-1, val_fraction=0.25)


def _text(seat: Seat, name: str) -> str:
    label = seat.window.findChild(QLabel, name)
    assert label is not None
    return label.text()


def _table(seat: Seat, name: str) -> list[list[str]]:
    table = seat.window.findChild(QTableWidget, name)
    assert table is not None
    return [
        [item.text() if (item := table.item(row, column)) is not None else "" for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def _scanned(seat: Seat, *places: Path, choices: Choices = PLAIN) -> None:
    seat.window.data.choices_made.emit(choices)
    for place in places:
        seat.window.data.place_added.emit(place)
    seat.click("scan")


def test_pages_open_in_their_order_and_say_why_not_yet(still: Seat) -> None:
    state = still.store.state
    assert [page for page in Page if can_open(state, page)] == [Page.DATA]
    assert all(why_not(state, page) for page in Page if page is not Page.DATA)
    still.click("wizardNext")
    assert still.store.state.page is Page.DATA
    assert "look through them first" in _text(still, "wizardNotice")


def _is_in_a_menu(widget: QWidget | None) -> bool:
    """Tell whether a control belongs to the plot library's own menu, which is never shown."""
    while widget is not None and not isinstance(widget, QMenu):
        widget = widget.parentWidget()
    return widget is not None


def test_every_control_has_a_name_and_an_accessible_name(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    for page in (Page.SPLIT, Page.LOOK, Page.MODEL):
        still.window.page_chosen.emit(page)
    kinds = (QAbstractButton, QComboBox, QLineEdit, QListWidget, QTableWidget, QAbstractSpinBox, QAbstractSlider)
    nameless = [
        f"{type(widget).__name__} {widget.objectName()!r}"
        for kind in kinds
        for widget in still.window.findChildren(kind)
        if widget.objectName() and not widget.objectName().startswith("qt_") and not widget.accessibleName() and not _is_in_a_menu(widget)
    ]
    assert nameless == []


def test_the_data_page_counts_and_opens_what_it_counted(still: Seat, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "ward", 24)
    (root / "clear" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    _scanned(still, root)
    assert _text(still, "scanSummary").startswith("25 images, 24 of them readable, in 1 place. 24 take part.")
    assert _table(still, "countTable") == [["clear", "view not told", "13"], ["opacity", "view not told", "12"]]
    still.click(f"show-{Problem.UNREADABLE.name}")
    sheet = still.window.findChild(QListWidget, "sheetList")
    assert sheet is not None
    assert sheet.count() == 1
    assert "broken.png" in sheet.item(0).text()
    sheet.itemActivated.emit(sheet.item(0))
    assert still.opened == [root / "clear" / "broken.png"]
    sheet.window().close()
    still.window.findChild(QTableWidget, "countTable").cellClicked.emit(1, 2)
    assert _shown_sheet(still) == 12


def test_the_numbers_of_the_split_and_of_the_balance_open_their_images_too(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    for page, name in ((Page.SPLIT, "splitTable"), (Page.LOOK, "balanceTable")):
        still.window.page_chosen.emit(page)
        table = still.window.findChild(QTableWidget, name)
        assert table is not None
        item = table.item(0, 1)
        assert item is not None
        table.cellActivated.emit(0, 1)
        assert _shown_sheet(still) == int(item.text()) > 0


def _shown_sheet(seat: Seat) -> int:
    """Tell how many images the open sheet shows, and close it."""
    sheet = next(each for each in seat.window.findChildren(QListWidget, "sheetList") if each.isVisible())
    count = sheet.count()
    sheet.window().close()
    return count


def test_an_image_that_is_ticked_in_a_sheet_takes_no_part(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    table = still.window.findChild(QTableWidget, "countTable")
    assert table is not None
    table.cellClicked.emit(0, 2)
    sheet = still.window.findChild(QListWidget, "sheetList")
    assert sheet is not None
    sheet.item(3).setCheckState(Qt.CheckState.Checked)
    assert still.store.state.data_set is not None
    assert len(still.store.state.data_set.examples) == 23
    assert still.store.state.data_set.left_out == {"left out by hand": 1}
    sheet.item(3).setCheckState(Qt.CheckState.Unchecked)
    assert len(still.store.state.data_set.examples) == 24
    sheet.window().close()


def test_views_sexes_places_and_classes_can_be_left_out(still: Seat, tmp_path: Path) -> None:
    rows = ["file,label,patient,view,sex"]
    for number in range(48):
        draw(tmp_path / f"{number}.png", number)
        rows.append(f"{number}.png,{('a', 'b', 'c')[number % 3]},{number},{('PA', 'AP')[number // 3 % 2]},{'MF'[number // 6 % 2]}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    _scanned(still, tmp_path / "t.csv")
    taking_part = lambda: len(still.store.state.data_set.examples) if still.store.state.data_set else 0  # noqa: E731
    assert taking_part() == 48
    _tick(still, "view", "AP", Qt.CheckState.Unchecked)
    assert taking_part() == 24
    _tick(still, "class", "c", Qt.CheckState.Unchecked)
    assert taking_part() == 16
    assert still.store.state.data_set is not None
    assert still.store.state.data_set.labels == ("a", "b")
    _tick(still, "view", "PA", Qt.CheckState.Unchecked)  # the last one stays
    assert still.store.state.choices.keep == {"view": ("PA",)}
    _tick(still, "view", "AP", Qt.CheckState.Checked)
    assert still.store.state.choices.keep == {}
    places = still.window.findChild(QListWidget, "takePart-source")
    assert places is not None
    assert not places.isVisibleTo(still.window.data)


def _tick(seat: Seat, kind: str, value: str, state: Qt.CheckState) -> None:
    box = seat.window.findChild(QListWidget, f"takePart-{kind}")
    assert box is not None
    next(box.item(place) for place in range(box.count()) if box.item(place).text().startswith(value)).setCheckState(state)


def test_the_split_page_says_how_often_its_test_was_looked_at(still: Seat, tmp_path: Path) -> None:
    from cxrview.training.looks import note_look, test_hash

    _scanned(still, class_folders(tmp_path / "ward", 24))
    still.click("wizardNext")
    assert "never opened" in _text(still, "testLooks")
    state = still.store.state
    assert state.data_set is not None
    assert state.scan is not None
    tested = [row for row, each in zip(state.data_set.rows, state.data_set.examples, strict=True) if each.split == "test"]
    note_look(test_hash([state.scan.seen[row].sha256 for row in tested]))
    still.window.split.choices_made.emit(replace(state.choices, patients=PatientRule(PatientKey.NONE)))
    assert "opened once before" in _text(still, "testLooks")


def test_leaving_a_problem_in_changes_what_takes_part(still: Seat, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "ward", 24)
    draw(root / "clear" / "icon.png", 90, side=64)
    _scanned(still, root)
    assert still.store.state.data_set is not None
    assert len(still.store.state.data_set.examples) == 24
    box = still.window.findChild(QAbstractButton, f"leaveOut-{Problem.SMALL.name}")
    assert box is not None
    box.click()
    assert still.store.state.data_set is not None
    assert len(still.store.state.data_set.examples) == 25


def test_the_columns_of_a_table_can_be_chosen_and_wrong_ones_are_told(still: Seat, tmp_path: Path) -> None:
    rows = ["Bild,Befund,Fall"]
    for number in range(16):
        draw(tmp_path / f"{number}.png", number)
        rows.append(f"{number}.png,{('gesund', 'krank')[number % 2]},{number}")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    _scanned(still, tmp_path / "t.csv")
    assert "It is not said" in still.store.state.notice
    form = still.window.data.form
    box = form.findChild(QComboBox, "column-image")
    assert box is not None
    box.setCurrentText("Bild")
    box.activated.emit(box.currentIndex())
    labels = form.findChild(QListWidget, "column-labels")
    assert labels is not None
    labels.item(1).setCheckState(Qt.CheckState.Checked)
    assert _table(still, "sheetPreview")[0] == ["0.png", "gesund", "0"]
    still.click("scan")
    assert still.store.state.data_set is not None
    assert still.store.state.data_set.labels == ("gesund", "krank")


def test_a_leaking_split_is_listed_refused_and_used_with_a_written_reason(still: Seat, tmp_path: Path) -> None:
    for number in range(48):
        draw(tmp_path / ("train", "val", "test")[number % 3] / ("a", "b")[number // 3 % 2] / f"p{number}_1.png", number)
    draw(tmp_path / "test" / "a" / "p0_2.png", 99)
    _scanned(still, tmp_path, choices=replace(PLAIN, patients=PatientRule(PatientKey.PATTERN, "{patient}_*")))
    still.click("wizardNext")
    assert "1 patients or pictures stand on both sides" in _text(still, "leakWords")
    assert _table(still, "leakTable") == [["test and train", "p0_1.png, p0_2.png"]] or "p0_2.png" in _table(still, "leakTable")[0][1]
    assert "It fits 49 of 49 names and finds 48 patients." in _text(still, "patternWords")
    still.window.page_chosen.emit(Page.MODEL)
    assert still.store.state.page is Page.SPLIT
    assert "leaks" in still.store.state.notice
    line = still.window.findChild(QLineEdit, "leakOverride")
    assert line is not None
    line.setText("To compare with the published figures")
    line.editingFinished.emit()
    still.window.page_chosen.emit(Page.MODEL)
    assert still.store.state.page is Page.MODEL


def test_class_and_source_being_one_is_said_on_the_split_page(still: Seat, tmp_path: Path) -> None:
    for number in range(48):
        source, label = (("north", "ill"), ("south", "well"))[number % 2]
        texture(tmp_path / source / label / f"{number}.png", number, border=60 if number % 2 else 190)
    _scanned(still, tmp_path / "north", tmp_path / "south")
    still.click("wizardNext")
    words = _text(still, "probeWords")
    assert words.startswith("Class and source are the same thing here")
    assert "The class of an image can be told easily from its border alone" in words


def test_the_look_page_shows_the_image_as_the_network_sees_it_and_follows_the_sliders(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    still.window.page_chosen.emit(Page.LOOK)
    first = still.store.state.preview
    assert first is not None
    assert still.store.state.look is not None
    assert [line.name for line in still.window.look.histograms.lines] == ["clear", "opacity"]
    slider = still.window.findChild(QAbstractSlider, "augment-rotate_deg")
    assert slider is not None
    slider.setValue(25)
    slider.sliderReleased.emit()
    assert "augment.rotate_deg=25" in still.store.state.plan.changes
    assert still.store.state.preview is not first
    still.click("anotherPreview")
    assert still.store.state.preview is not None
    assert still.store.state.preview.path != first.path


def test_a_wrong_field_is_told_and_nothing_can_be_started(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    still.window.page_chosen.emit(Page.MODEL)
    table = still.window.findChild(QTableWidget, "recipeFields")
    assert table is not None
    row = next(row for row in range(table.rowCount()) if table.item(row, 0).text() == "fit.epochs")
    table.item(row, 1).setText("many")
    assert "epochs" in _text(still, "planProblem")
    start = still.window.findChild(QAbstractButton, "startTraining")
    assert start is not None
    assert not start.isEnabled()
    table.item(row, 1).setText("3")
    assert still.store.state.plan.changes == ("fit.epochs=3",)
    assert start.isEnabled()


def test_too_little_and_too_plain_data_are_told_in_a_sentence(still: Seat, tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / "three" / ("a", "b")[number % 2] / f"{number}.png", number)
    _scanned(still, tmp_path / "three")
    assert "'a' has 2 images" in _text(still, "scanSummary")
    still.window.data.source_removed.emit(0)
    draw(tmp_path / "one" / "only" / "1.png", 1)
    _scanned(still, tmp_path / "one")
    assert "one class only" in _text(still, "scanSummary")


def test_a_folder_that_is_gone_is_told(still: Seat, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "ward", 6)
    still.window.data.place_added.emit(root)
    root.rename(tmp_path / "moved")
    still.click("scan")
    assert "not there any more" in still.store.state.notice
    assert still.store.state.scanning is None


def test_changing_a_source_forgets_what_was_seen(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    (source,) = still.store.state.sources
    still.window.data.source_changed.emit(0, replace(source, name="Ward 7"))
    assert still.store.state.scan is None
    assert still.store.state.data_set is None


def test_runs_are_listed_with_what_became_of_them(still: Seat, tmp_path: Path) -> None:
    from cxrview.io.places import places
    from cxrview.training.events import EventLog

    run = places().runs_dir / "one"
    write_job(run, title="One", data=tmp_path / "images.csv", recipe=tmp_path / "wizard.toml")
    log = EventLog(run / "events.jsonl")
    log.write("started", pid=1, resumed=False)
    for epoch in (1, 2, 2):
        log.write("epoch", epoch=epoch, epochs=5, seconds=2.0, train_loss=1.0, val_loss=1.0, monitor=0.5 + epoch / 10, auroc={"x": 0.7})
    log.write("failed", message="The disk is full. Free some space, then resume.")
    assert still.desk.runs is not None
    still.desk.runs.refresh()
    (status,) = still.store.state.runs
    assert status.state is RunState.FAILED
    assert [figures.epoch for figures in status.epochs] == [1, 2]
    still.window.page_chosen.emit(Page.TRAIN)
    assert "disk is full" in _text(still, "runMessage")
    go_on = still.window.findChild(QAbstractButton, "goOnRun")
    assert go_on is not None
    assert go_on.isEnabled()
    still.click("removeRun")
    box = still.window.findChild(QMessageBox, "removeRunQuestion")
    assert box is not None
    assert run.exists()
    next(button for button in box.findChildren(QAbstractButton) if "Delete" in button.text()).click()
    assert still.store.state.runs == ()
    assert not run.exists()


def test_the_examples_and_the_range_test_of_a_run_are_shown(still: Seat, tmp_path: Path) -> None:
    from cxrview.io.places import places
    from cxrview.training.glimpse import Glimpse, write_glimpse

    run = places().runs_dir / "one"
    write_job(run, title="One", data=tmp_path / "images.csv", recipe=tmp_path / "wizard.toml")
    assert still.desk.runs is not None
    still.desk.runs.refresh()
    still.window.page_chosen.emit(Page.TRAIN)
    heading = still.window.findChild(QLabel, "glimpseHeading")
    assert heading is not None
    assert not heading.isVisibleTo(still.window.train)
    words = ("is clear\ncalled opacity 0.61", "is opacity\ncalled opacity 0.92")
    write_glimpse(run, Glimpse(3, np.full((2, 8, 8, 3), 90, np.uint8), words))
    (run / "report").mkdir()
    (run / "report" / "range-test.csv").write_text("learning_rate,smoothed_loss\n1e-05,0.9\n1e-03,0.5\n1e-01,2.0\n")
    (run / "report" / "range-test.json").write_text('{"suggestion": 0.001}')
    still.desk.runs.refresh()
    assert heading.isVisibleTo(still.window.train)
    assert "after epoch 3" in _text(still, "glimpseWords")
    shown = [label.text() for label in still.window.train.findChildren(QLabel, "caption")]
    assert tuple(shown[-2:]) == words
    assert [line.name for line in still.window.train.rates.lines] == ["loss", "steepest at 0.001"]
    learning = still.store.state.learning
    still.desk.runs.refresh()
    assert still.store.state.learning is learning  # nothing new is not read again


def test_a_published_recipe_says_what_of_its_data_is_not_taken(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    still.window.page_chosen.emit(Page.MODEL)
    still.window.model.plan_chosen.emit(Plan(Route.RECIPE, recipe="covid-multilabel"))
    words = _text(still, "planWords")
    assert "Saride" in words
    assert "Not taken from the recipe: the classes COVID-19, SARS" in words
    assert "only images whose view is PA" in words
    still.window.model.plan_chosen.emit(Plan(Route.RECIPE, recipe="covid-cxnet-hierarchical"))
    assert "a class called normal, at least two others" in _text(still, "planProblem")
    start = still.window.findChild(QAbstractButton, "startTraining")
    assert start is not None
    assert not start.isEnabled()


def test_the_range_test_can_be_asked_for(still: Seat, tmp_path: Path) -> None:
    _scanned(still, class_folders(tmp_path / "ward", 24))
    still.window.page_chosen.emit(Page.MODEL)
    box = still.window.findChild(QComboBox, "rateChoice")
    assert box is not None
    assert box.currentIndex() == 0
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert still.store.state.plan.changes == ("range_test.steps=60", "range_test.decides=true")
    assert box.currentIndex() == 2
    assert still.store.state.plan_problem == ""


def test_the_main_window_asks_before_it_closes_while_a_training_is_under_way(still: Seat, tmp_path: Path) -> None:
    from cxrview.io.places import places
    from cxrview.training.events import EventLog

    run = places().runs_dir / "one"
    write_job(run, title="One", data=tmp_path / "images.csv", recipe=tmp_path / "wizard.toml")
    EventLog(run / "events.jsonl").write("started", pid=os.getppid(), resumed=False)
    (run / ALIVE_NAME).write_text(str(os.getppid()))
    assert still.desk.runs is not None
    still.desk.runs.refresh()
    assert still.store.state.busy_run is not None
    still.parent.show()
    still.parent.close()
    assert still.parent.isVisible()
    box = still.parent.findChild(QMessageBox, "keepTraining")
    assert box is not None
    next(button for button in box.findChildren(QAbstractButton) if "Stop" in button.text()).click()
    assert not still.parent.isVisible()
    assert read_wish(run) is Wish.STOP


def test_the_audit_of_a_report_is_laid_out_with_what_was_not_measured() -> None:
    interval = {"value": 0.9, "low": 0.8, "high": 0.95}
    contrast = {"source": "ward", "split": "test", "label": "ill", "against": "well"}
    report = {
        "verdict": {"headline": "Do not trust this network.", "can": [], "cannot": ["ill: the border does as well."], "careful": []},
        "audits": {
            "shortcuts": {
                "changes": [{"contrast": contrast, "change": "lungs blanked", "whole": interval, "changed": interval, "level": "failed"}],
                "heat": [{"source": "ward", "label": "ill", "inside": interval, "even": 0.31, "level": "passed"}],
                "unmeasured": ["No letters were found."],
            },
            "templates": [
                {"label": "ill", "source": "ward", "images": 9, "mean": [[0.0, 1.0], [2.0, -1.0]]},
                {"label": "well", "source": "ward", "images": 8, "mean": [[-1.0, 0.0], [-2.0, -1.0]]},
            ],
        },
    }
    assert verdict_words(report)[0] == "Do not trust this network."
    assert "  •  ill: the border does as well." in verdict_words(report)
    rows = audit_rows(report)
    assert rows[0][0] == "lungs blanked"
    assert rows[0][-1] == "failed"
    assert rows[1][2] == "0.900 (0.800 to 0.950); an even map would have 0.31"
    assert len(rows) == 2
    assert unmeasured(report) == ["No letters were found."]
    assert silent_templates(report) == ["well in ward"]
    ((words, picture, most),) = template_pictures(report)
    assert "9 images" in words
    assert most == 2.0
    table = colour_table("inferno")
    assert picture.tolist() == [[table[0].tolist(), table[128].tolist()], [table[255].tolist(), table[0].tolist()]]
    assert scale_picture(50)[0, 0].tolist() == table[255].tolist()
    assert audit_rows({}) == template_pictures({}) == unmeasured({}) == silent_templates({}) == []


def test_transitions_never_lead_to_a_page_without_content() -> None:
    state = Wizard()
    for page in Page:
        assert page_opened(state, page).page is Page.DATA


@pytest.mark.parametrize("page", list(Page))
def test_a_fresh_page_shows_an_empty_state(still: Seat, page: Page) -> None:
    still.window.pages[page].render_state(Wizard())  # type: ignore[attr-defined]
