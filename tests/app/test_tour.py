"""The whole tour of a first session, on phantoms with real threads: from the notice to what is there again the next day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.answers import selected_view
from cxrview.app.browser import BrowserMode
from cxrview.app.layers import LayerStyle
from cxrview.app.main import Options, Program, build
from cxrview.app.marking import history_of
from cxrview.app.state import Layout, LoadedPicture, ReadyModel, ThemeName
from cxrview.app.views.note_editor import NoteEditor
from cxrview.core.marks import MarkKind
from cxrview.core.results import Analysis
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.io.phantom_files import PhantomKind, write_phantoms
from cxrview.io.places import places

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Six phantoms, DICOM and PNG, and a file that is none."""
    folder = tmp_path / "films"
    write_phantoms(folder, 6, 1, kind=PhantomKind.MIXED, size=(200, 200))
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Program]]:
    """Give a way to start the program, as often as a person does; what is still open at the end is closed."""
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: Choice(FakePredictor(package), ("asked for",)))
    programs: list[Program] = []

    def start() -> Program:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        programs.append(build(application))
        programs[-1].window.resize(1300, 900)
        programs[-1].window.show()
        return programs[-1]

    yield start
    programs[-1].close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def is_scored(program: Program) -> bool:
    state = program.store.state
    return isinstance(state.picture, LoadedPicture) and isinstance(state.reading, Analysis)


def drag(qtbot: QtBot, program: Program, first: QPoint, last: QPoint) -> None:
    qtbot.mousePress(program.window.canvas, LEFT, pos=first)
    qtbot.mouseMove(program.window.canvas, last)
    qtbot.mouseRelease(program.window.canvas, LEFT, pos=last)


def test_the_tour(started: Callable[[], Program], films: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    package = str(fake_package(tmp_path / "fake").folder)
    program = started()
    window, store = program.window, program.store
    program.begin(Options((), package))

    # The notice, once; then the start page.
    button = window.findChild(QPushButton, "acceptNotice")
    assert button is not None
    qtbot.mouseClick(button, LEFT)
    assert window.start_page.isVisible()

    # A folder is listed, read and scored.
    window.paths_chosen.emit((films,))
    qtbot.waitUntil(lambda: is_scored(program) and store.state.browser.indexing is None, timeout=20_000)
    assert isinstance(store.state.model, ReadyModel)
    assert len(store.state.listing.shown) == 6
    window.browser.mode_chosen.emit(BrowserMode.PICTURES)
    assert window.browser.grid.isVisible()
    window.browser.mode_chosen.emit(BrowserMode.PATIENTS)

    # Looking: window, preset, zoom, the way back.
    canvas = window.canvas
    middle = canvas.rect().center()
    drag(qtbot, program, middle, middle + QPoint(40, -20))
    assert store.state.display.window is not None
    qtbot.keyClick(canvas, Qt.Key.Key_3)
    assert store.state.display.window.name == "lung"
    window.own_windows_dialog.save_requested.emit("tour", "Ctrl+Alt+9")
    canvas.zoom_by(2.0)
    assert store.state.display.viewport is not None
    qtbot.keyClick(canvas, Qt.Key.Key_F)
    assert store.state.display.viewport is None

    # Measuring and writing.
    qtbot.keyClick(canvas, Qt.Key.Key_D)
    drag(qtbot, program, middle, middle + QPoint(80, 40))
    qtbot.keyClick(canvas, Qt.Key.Key_N)
    qtbot.mouseClick(canvas, LEFT, pos=middle - QPoint(90, 90))
    editor = canvas.findChild(NoteEditor)
    assert editor is not None
    qtbot.keyClicks(editor, "look here")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert [mark.kind for mark in history_of(store.state).marks] == [MarkKind.RULER, MarkKind.TEXT]
    marked = store.state.current

    # Two layers, of two labels, one of them as lines.
    analysis = store.state.reading
    assert isinstance(analysis, Analysis)
    first, second = (finding.label.id for finding in analysis.findings[:2])
    window.model_panel.map_chosen.emit(first)
    plain = canvas.grab().toImage()
    layers = store.state.layers
    window.model_panel.layer.layers_chosen.emit(layers.added(type(layers.current_map)(label_id=second, style=LayerStyle.CONTOURS)))
    assert selected_view(store.state).heatmap is not None
    assert canvas.grab().toImage() != plain

    # Thresholds move findings without a run.
    window.model_panel.threshold_chosen.emit(first, 0.01)
    assert store.state.thresholds == {first: 0.01}
    assert store.state.reading is analysis

    # Four pictures, and a page of them.
    qtbot.keyClick(canvas, Qt.Key.Key_4, CONTROL)
    assert store.state.grid.layout is Layout.FOUR
    qtbot.waitUntil(lambda: all(isinstance(cell.picture, LoadedPicture) for cell in store.state.grid.cells[1:]), timeout=20_000)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_o: (str(tmp_path / "page.pdf"), "PDF page (*.pdf)"))
    window.actions_.export.trigger()
    save = window.findChild(QPushButton, "exportSave")
    assert save is not None
    qtbot.mouseClick(save, LEFT)
    qtbot.waitUntil(lambda: (tmp_path / "page.pdf").is_file(), timeout=20_000)
    qtbot.keyClick(window.canvas, Qt.Key.Key_1, CONTROL)

    # Attributes, palette, looks, privacy.
    window.actions_.tags.trigger()
    qtbot.waitUntil(lambda: bool(store.state.tags.rows), timeout=20_000)
    window.tag_dialog.close()
    window.actions_.palette.trigger()
    line = window.findChild(QLineEdit, "paletteLine")
    assert line is not None
    qtbot.keyClicks(line, "hide names")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert store.state.is_hiding_names
    assert films.name not in window.windowTitle()
    window.settings_dialog.theme_chosen.emit(ThemeName.LIGHT)
    light = window.grab().toImage()
    window.settings_dialog.theme_chosen.emit(ThemeName.DARK)
    assert window.grab().toImage() != light

    # Everything is scored, and what came out stands in the list.
    program.controllers.scoring.score_all()
    qtbot.waitUntil(lambda: store.state.batch is None, timeout=30_000)

    # The next day: no notice, the same wishes, the same marks.
    program.remembering.keep()
    program.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    again = started()
    again.begin(Options((films,), package))
    qtbot.waitUntil(lambda: is_scored(again) and again.store.state.browser.indexing is None, timeout=20_000)
    assert again.store.state.is_notice_accepted
    assert again.store.state.is_hiding_names
    assert [own.name for own in again.store.state.own_windows] == ["tour"]
    assert marked is not None
    again.window.browser.image_chosen.emit(marked)
    qtbot.waitUntil(lambda: len(history_of(again.store.state).marks) == 2, timeout=20_000)
    log = (places().log_dir / "audit.jsonl").read_text(encoding="utf-8")
    assert [log.count(event) for event in ("notice-accepted", '"export"')] == [1, 1]
    assert "result-shown" in log
    assert not any(name in log for name in (films.name, "phantom", "Phantom"))


def test_each_corrupt_file_of_a_folder_is_one_sentence_and_stops_nothing(
    started: Callable[[], Program], films: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    whole = (films / "phantom-0001.dcm").read_bytes()
    (films / "a-cut.dcm").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(films / "b-cut.png"), np.zeros((64, 64), np.uint8))
    (films / "b-cut.png").write_bytes((films / "b-cut.png").read_bytes()[:60])
    program = started()
    program.window.notice_page.accepted.emit()
    program.begin(Options((films,), str(fake_package(tmp_path / "fake").folder)))
    store = program.store
    qtbot.waitUntil(lambda: bool(store.state.listing.shown) and store.state.browser.indexing is None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(store.state.model, ReadyModel), timeout=20_000)
    program.controllers.scoring.score_all()
    qtbot.waitUntil(lambda: store.state.batch is None, timeout=30_000)
    readable = [ref for ref in store.state.listing.shown if "cut" not in ref.path.name]
    assert len(readable) == 6
    for ref in readable:
        program.window.browser.image_chosen.emit(ref)
        qtbot.waitUntil(lambda ref=ref: isinstance(store.state.picture, LoadedPicture) and store.state.picture.ref == ref, timeout=20_000)
