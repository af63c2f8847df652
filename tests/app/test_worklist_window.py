"""The worklist in the window: from the start page to a scored table, a row to its picture, blind reading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.main import Options, Program, build
from cxrview.app.state import LoadedPicture, ReadyModel
from cxrview.app.worklist import current_case
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.io.settings import Settings, save_settings

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def program(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Program]:
    save_settings(Settings(notice_accepted=True))
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: Choice(FakePredictor(package), ("it was asked for",)))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    made.window.show()
    made.begin(Options((), str(fake_package(tmp_path / "fake").folder)))
    qtbot.waitUntil(lambda: isinstance(made.store.state.model, ReadyModel), timeout=20_000)
    yield made
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_a_folder_is_scored_from_the_start_page(
    program: Program, phantom_folder: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args, **_options: str(phantom_folder))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, **_options: (str(tmp_path / "s.csv"), ""))
    button = program.window.start_page.findChild(QPushButton, "startScore")
    assert button is not None
    qtbot.mouseClick(button, LEFT)
    desk = program.worklist
    assert desk.panel is not None
    assert desk.store is not None
    told = desk.panel.findChild(QLabel, "worklistTold")
    assert told is not None
    qtbot.waitUntil(lambda: "4 images scored" in told.text(), timeout=60_000)
    assert "s.csv: 5 of 5 cases" in told.text()

    # A row shows its picture, and the network's answer only after a blind word.
    desk.panel.blindness_toggled.emit()
    desk.panel.step_requested.emit(1)
    case = current_case(desk.store.state)
    while case is not None and case.error:
        desk.panel.step_requested.emit(1)
        case = current_case(desk.store.state)
    assert case is not None
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture), timeout=20_000)
    assert program.store.state.is_blinded
    finding = desk.panel.findChild(QPushButton, "worklistFinding")
    assert finding is not None
    qtbot.mouseClick(finding, LEFT)
    assert not program.store.state.is_blinded
    qtbot.waitUntil(lambda: (tmp_path / "s.readings.jsonl").exists(), timeout=20_000)
