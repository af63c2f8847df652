"""The study browser in the whole window, with real threads: from a folder to a prior, a score, a table and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QListView, QMessageBox, QToolButton
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.browser import BrowserMode
from cxrview.app.browsing import current_row
from cxrview.app.main import Options, Program, build
from cxrview.app.state import Layout, LoadedPicture, NoPicture, ReadyModel
from cxrview.app.views.export_dialog import ExportDialog
from cxrview.app.views.problem_dialog import ProblemDialog
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.io.settings import Settings, save_settings


@pytest.fixture
def program(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    save_settings(Settings(notice_accepted=True))
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: Choice(FakePredictor(package), ("asked for a test",)))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    made.window.show()
    yield made
    made.close()


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A patient with two studies, another with one, and a broken file."""
    made = tmp_path / "films"
    for number, name in enumerate(("p001/s1/a.png", "p001/s2/b.png", "p002/s1/c.png", "p003/s1/zz.png")):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(made / name), np.random.default_rng(number).integers(0, 255, (120, 100)).astype(np.uint8))
    whole = (made / "p003" / "s1" / "zz.png").read_bytes()
    (made / "p003" / "s1" / "zz.png").write_bytes(whole[: len(whole) // 2])
    return made


def names(program: Program) -> list[str]:
    return [ref.path.stem for ref in program.store.state.listing.shown]


def is_idle(program: Program) -> bool:
    state = program.store.state
    return isinstance(state.picture, LoadedPicture) and not state.searching and current_row(state) is not None


def test_a_folder_is_browsed_from_the_start_page_to_its_table(
    program: Program, films: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, store = program.window, program.store
    program.begin(Options((films,), str(fake_package(tmp_path / "fake").folder)))
    qtbot.waitUntil(lambda: is_idle(program) and isinstance(store.state.model, ReadyModel), timeout=20_000)
    assert names(program) == ["a", "b", "c", "zz"]
    assert window.browser.list.rows.rowCount() == 7

    window.study_menu.star.trigger()
    qtbot.waitUntil(lambda: window.study_menu.star.isChecked())
    window.study_menu.prior.trigger()
    qtbot.waitUntil(lambda: store.state.grid.layout is Layout.SIDE_BY_SIDE and isinstance(store.state.grid.cells[1].picture, LoadedPicture))
    window.layout_menu.layouts_[Layout.ONE].trigger()

    line = window.findChild(QLineEdit, "filter")
    assert line is not None
    window.actions_.find.trigger()
    qtbot.keyClicks(line, "p002")
    qtbot.waitUntil(lambda: names(program) == ["c"])
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(names(program)) == 4)

    window.study_menu.pictures.trigger()
    assert store.state.browser.mode is BrowserMode.PICTURES
    qtbot.waitUntil(lambda: len(store.state.browser.thumbnails.by_id) == 4, timeout=20_000)
    assert [thumbnail is None for thumbnail in store.state.browser.thumbnails.by_id.values()].count(True) == 1
    grid = window.findChild(QListView, "pictureGrid")
    assert grid is not None
    assert grid.isVisible()

    ref = store.state.listing.shown[2]
    window.browser.menu.score_requested.emit((ref,))
    qtbot.waitUntil(lambda: store.state.batch is None and ref in store.state.outcomes.by_ref, timeout=20_000)
    library = program.shelf.library
    assert library is not None

    def is_saved() -> bool:
        row = library.image_of(ref)
        return row is not None and row.top_score is not None

    qtbot.waitUntil(is_saved)
    window.browser.menu.export_requested.emit(ref)
    qtbot.waitUntil(lambda: bool(window.findChildren(ExportDialog)))
    assert store.state.current == ref
    window.findChildren(ExportDialog)[0].reject()

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments, **_options: (str(tmp_path / "list"), "CSV (*.csv)"))
    window.study_menu.save.trigger()
    qtbot.waitUntil(lambda: (tmp_path / "list.csv").is_file())
    assert (tmp_path / "list.csv").read_text(encoding="utf-8-sig").count("\n") == 5


def test_what_was_opened_is_offered_the_next_time_and_can_be_forgotten(program: Program, films: Path, qtbot: QtBot) -> None:
    window, store = program.window, program.store
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: is_idle(program) and bool(store.state.browser.stock.recent), timeout=20_000)
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    again = build(application)
    again.window.show()
    again.begin(Options())
    qtbot.waitUntil(lambda: bool(again.store.state.browser.stock.recent))
    assert isinstance(again.store.state.picture, NoPicture)
    button = again.window.findChild(QToolButton, "startRecent1")
    assert button is not None
    assert button.text() == "films"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: isinstance(again.store.state.picture, LoadedPicture), timeout=20_000)
    again.close()

    window.browser.menu.fill(store.state, (2, 3))
    next(action for action in window.browser.menu.actions() if action.objectName() == "menuForget").trigger()
    (box,) = window.findChildren(QMessageBox)
    next(button for button in box.buttons() if button.text() == "Forget").click()
    qtbot.waitUntil(lambda: names(program) == ["a", "b"])
    assert (films / "p002" / "s1" / "c.png").is_file()


def test_a_broken_file_is_counted_once_it_was_looked_at_and_told_with_its_reason(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: is_idle(program), timeout=20_000)
    qtbot.keyClick(program.window.browser.list, Qt.Key.Key_End)

    qtbot.waitUntil(lambda: program.store.state.browser.stock.unreadable == 1)
    link = program.window.findChild(QToolButton, "showProblems")
    assert link is not None
    assert link.isVisible()
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(program.window.findChildren(ProblemDialog)))
    program.window.findChildren(ProblemDialog)[0].reject()
