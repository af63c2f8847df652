"""From folders of phantoms to a model in the panel, by clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QListWidget, QPushButton, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from cxrview.app.tasks import ThreadRunner
from cxrview.app.wizard import Page
from cxrview.app.wizard_wiring import Desk
from cxrview.engine.packages import find_package
from cxrview.io.places import places
from cxrview.training.compose import Plan, Route
from cxrview.training.dataset import Choices
from cxrview.training.status import RunState
from tests.training.intake import class_folders

SMALL = Plan(
    Route.RECIPE,
    changes=(
        "init=random",
        "architecture.name=cnn-pooled",
        "input.width=48",
        "input.height=48",
        "fit.epochs=2",
        "fit.freeze_epochs=0",
        "fit.batch=8",
        "fit.precision=float32",
    ),
)
CHILD_MS = 240_000


class Seat:
    """A person in front of the wizard."""

    def __init__(self, desk: Desk, qtbot: QtBot) -> None:
        assert desk.window is not None
        assert desk.store is not None
        self.desk, self.window, self.store, self._qtbot = desk, desk.window, desk.store, qtbot

    def click(self, name: str) -> None:
        button = self.window.findChild(QPushButton, name)
        assert button is not None
        assert button.isEnabled(), name
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def wait(self, condition: Callable[[], object], timeout: int = 30_000) -> None:
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=timeout)


@pytest.fixture
def seat(qtbot: QtBot) -> Iterator[Seat]:
    faults: list[BaseException] = []
    parent = QWidget()
    qtbot.addWidget(parent)
    runner = ThreadRunner(faults.append)
    published: list[str] = []
    desk = Desk(parent, runner, places().runs_dir, on_published=published.append, on_open=lambda _paths: None)
    desk.published = published  # type: ignore[attr-defined]
    desk.open()
    yield Seat(desk, qtbot)
    assert desk.runs is not None
    for child in desk.runs.children:  # a run is done a moment before its process is
        child.process.wait(60)
    desk.close()
    runner.close()
    assert not faults, faults


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
    assert seat.desk.published == ["w-rd-model-1"]  # type: ignore[attr-defined]
    assert find_package("w-rd-model-1").manifest.title == "Wärd model 1"


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
