"""From folders of phantoms to a model in the panel, by clicks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QListWidget, QMessageBox, QPushButton, QTableWidget

from cxrview.app.wizard import Page
from cxrview.engine.packages import find_package
from cxrview.io.places import program_command
from cxrview.training.control import Wish, read_wish
from cxrview.training.dataset import Choices
from cxrview.training.status import RunState
from tests.app.wizard.seat import CHILD_MS, SMALL, Seat
from tests.training.intake import class_folders


def test_from_folders_to_a_published_model(seat: Seat, tmp_path: Path) -> None:
    state = lambda: seat.store.state  # noqa: E731
    ward = class_folders(tmp_path / "ward", 48)
    seat.window.data.choices_made.emit(Choices(distance=-1, val_fraction=0.25))
    seat.window.data.place_added.emit(ward)
    seat.wait(lambda: state().sources)
    seat.click("scan")
    seat.wait(lambda: state().data_set is not None)
    seat.click("wizardNext")
    seat.wait(lambda: state().confounding is not None)
    assert state().page is Page.SPLIT
    seat.click("wizardNext")
    seat.wait(lambda: state().look is not None)
    seat.click("wizardNext")
    assert state().page is Page.MODEL
    seat.window.model.plan_chosen.emit(SMALL)
    assert state().plan_problem == ""
    title = seat.window.findChild(QLineEdit, "modelTitle")
    assert title is not None
    title.setText("Wärd model 1")
    seat.click("startTraining")
    seat.wait(lambda: state().page is Page.TRAIN)
    seat.wait(lambda: state().runs[0].state in (RunState.DONE, RunState.FAILED, RunState.CUT_OFF), CHILD_MS)
    run = state().runs[0]
    assert run.state is RunState.DONE, run.message + run.log
    assert [figures.epoch for figures in run.epochs] == [1, 2]
    assert len(seat.window.train.losses.lines) == 2
    seat.click("wizardNext")
    seat.wait(lambda: state().verdict is not None)
    assert state().looks == 1
    verdict = state().verdict
    assert verdict is not None
    assert sum(len(cell.members) for cell in verdict.cells) == sum(case.split == "test" for case in verdict.scored.cases)
    _open_a_cell(seat, verdict)
    seat.click("wizardNext")
    seat.click("publish")
    seat.wait(lambda: state().published or state().notice)
    assert state().published == "w-rd-model-1"
    assert seat.published == ["w-rd-model-1"]
    assert find_package("w-rd-model-1").manifest.title == "Wärd model 1"
    _train_again(run.folder, tmp_path / "again")
    seat.window.judge.elsewhere_chosen.emit(class_folders(tmp_path / "other hospital", 20, first_seed=200))
    seat.wait(lambda: state().external is not None or state().notice)
    assert state().external is not None
    assert (run.folder / "elsewhere" / "other hospital" / "report.html").is_file()
    seat.window.judge.corrections_wanted.emit(tmp_path / "corrections.csv")
    seat.wait(lambda: (tmp_path / "corrections.csv").is_file())
    assert len((tmp_path / "corrections.csv").read_text().splitlines()) == 2


def _train_again(run: Path, other: Path) -> None:
    """What the wizard wrote, given to `cxrview train`, is the same run."""
    words = ["train", str(run / "images.csv"), "-o", str(other), "--recipe", str(run / "wizard.toml"), "--quiet"]
    subprocess.run([*program_command(), *words], check=True, stdout=subprocess.DEVNULL)
    first, second = (json.loads((folder / "plan.json").read_text())["split_sha256"] for folder in (run, other))
    assert first == second
    assert (run / "report" / "scores.csv").read_text() == (other / "report" / "scores.csv").read_text()


def _open_a_cell(seat: Seat, verdict: object) -> None:
    table = seat.window.findChild(QTableWidget, "confusionTable")
    assert table is not None
    row, column = next(
        (row, column)
        for row in range(table.rowCount())
        for column in range(1, table.columnCount())
        if (item := table.item(row, column)) is not None and item.text() != "0"
    )
    table.cellClicked.emit(row, column)
    seat.wait(lambda: seat.window.findChild(QListWidget, "sheetList") is not None)
    sheet = seat.window.findChild(QListWidget, "sheetList")
    assert sheet is not None
    item = table.item(row, column)
    assert item is not None
    assert sheet.count() == int(item.text())
    sheet.item(0).setCheckState(Qt.CheckState.Checked)
    assert len(seat.store.state.marked) == 1
    sheet.window().close()


def test_a_training_outlives_its_window_and_is_found_again(seat: Seat, tmp_path: Path) -> None:
    seat.window.data.choices_made.emit(Choices(distance=-1, val_fraction=0.25))
    seat.window.data.place_added.emit(class_folders(tmp_path / "ward", 32))
    seat.wait(lambda: seat.store.state.sources)
    seat.click("scan")
    seat.wait(lambda: seat.store.state.data_set is not None)
    seat.window.model.plan_chosen.emit(SMALL)
    for _ in range(2):  # the second one waits
        seat.window.model.start_requested.emit()
        seat.wait(lambda: seat.store.state.page is Page.TRAIN)
    seat.wait(lambda: len(seat.store.state.runs) == 2)
    seat.wait(lambda: seat.store.state.busy_run is not None)
    busy = seat.store.state.busy_run
    assert busy is not None
    seat.window.close()
    box = seat.window.findChild(QMessageBox, "keepTraining")
    assert box is not None
    keep = next(button for button in box.findChildren(QPushButton) if "Keep" in button.text())
    keep.click()
    assert not seat.window.isVisible()
    again = seat.another()
    again.wait(lambda: again.store.state.busy_run is not None)
    assert again.store.state.busy_run is not None
    assert again.store.state.busy_run.folder == busy.folder
    again.window.close()
    box = again.window.findChild(QMessageBox, "keepTraining")
    assert box is not None
    next(button for button in box.findChildren(QPushButton) if "Stop" in button.text()).click()
    again.wait(lambda: read_wish(busy.folder) is Wish.STOP)
    again.wait(lambda: all(run.state is RunState.DONE for run in again.store.state.runs), CHILD_MS)
