"""The whole window, with real threads: from a folder to a score and its heatmap."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, QRect, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox, QPushButton, QTextBrowser
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.answers import selected_view
from cxrview.app.main import Options, Program, build, parse
from cxrview.app.marking import history_of
from cxrview.app.profiles import PROFILES
from cxrview.app.state import AskedEngine, Layout, LoadedPicture, ReadyModel, ThemeName, UnreadablePicture, notice_given
from cxrview.app.viewport import Orientation
from cxrview.app.views.crash_dialog import CrashDialog
from cxrview.app.views.keys_dialog import KeysDialog, commands_of
from cxrview.app.views.labels import BADGE
from cxrview.app.views.note_editor import NoteEditor
from cxrview.core.eye import Eye
from cxrview.core.marks import MarkKind
from cxrview.core.results import Analysis
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.packages import Package
from cxrview.io.phantom_files import PhantomKind, write_phantoms
from cxrview.io.places import places
from cxrview.io.settings import Settings, load_settings, save_settings


@pytest.fixture
def program(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Build the program with the fake engine, show it, and take it down."""
    save_settings(Settings(notice_accepted=True))
    monkeypatch.setattr(app_main, "open_predictor", lambda package, **_options: fake(package))
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    made.window.show()
    yield made
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def fake(package: Package) -> Choice:
    return Choice(FakePredictor(package), ("the fake engine was asked for",))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Four phantoms, DICOM and PNG, and a file that is cut short."""
    folder = tmp_path / "films"
    write_phantoms(folder, 4, 1, kind=PhantomKind.MIXED, size=(160, 160))
    cv2.imwrite(str(folder / "zz.png"), np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8))
    whole = (folder / "zz.png").read_bytes()
    (folder / "zz.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "fake")


def is_scored(program: Program) -> bool:
    return isinstance(program.store.state.reading, Analysis)


def test_a_folder_opens_is_scored_and_its_heatmap_is_seen(program: Program, films: Path, package: Package, qtbot: QtBot) -> None:
    assert program.window.windowTitle() == "cxrview"
    program.begin(Options((films,), str(package.folder)))
    qtbot.waitUntil(lambda: is_scored(program))
    window, state = program.window, program.store.state
    assert isinstance(state.model, ReadyModel)
    assert window.browser.list.model().rowCount() == 5
    assert window.windowTitle() == f"{state.listing.shown[0].path.name} – cxrview"
    top = max(state.reading.findings, key=lambda finding: finding.probability)  # type: ignore[union-attr]
    window.model_panel.map_chosen.emit(top.label.id)
    assert selected_view(program.store.state).heatmap is not None
    with_map = window.canvas.grab().toImage()
    window.actions_.heatmap.trigger()
    assert window.canvas.grab().toImage() != with_map
    window.actions_.heatmap.trigger()
    assert window.canvas.grab().toImage() == with_map


def test_keys_and_mouse_reach_the_state(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    window, canvas = program.window, program.window.canvas
    qtbot.keyClick(canvas, Qt.Key.Key_I)
    assert program.store.state.display.is_inverted
    qtbot.keyClick(canvas, Qt.Key.Key_1)
    viewport = program.store.state.display.viewport
    assert viewport is not None
    assert viewport.zoom == 1.0
    qtbot.keyClick(canvas, Qt.Key.Key_F)
    assert program.store.state.display.viewport is None
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    qtbot.mouseMove(canvas, QPoint(240, 190))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(240, 190))
    assert program.store.state.display.window is not None
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert program.store.state.display.window is None
    qtbot.keyClick(canvas, Qt.Key.Key_3)
    assert program.store.state.display.window is not None
    assert program.store.state.display.window.name == "lung"
    qtbot.keyClick(canvas, Qt.Key.Key_E)
    qtbot.keyClick(canvas, Qt.Key.Key_U)
    assert program.store.state.display.eye == Eye(has_clahe=True, has_unsharp=True)
    qtbot.keyClick(canvas, Qt.Key.Key_R)
    qtbot.keyClick(canvas, Qt.Key.Key_H)
    assert program.store.state.display.orientation == Orientation(3, is_mirrored=True)
    qtbot.keyClick(canvas, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(canvas, Qt.Key.Key_V)
    assert program.store.state.display.orientation == Orientation(0)
    qtbot.keyClick(canvas, Qt.Key.Key_M)
    assert not program.store.state.layers.is_visible
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    assert program.store.state.current == program.store.state.listing.shown[1]
    qtbot.mouseMove(canvas, QPoint(canvas.width() // 2, canvas.height() // 2))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    qtbot.mouseMove(canvas, QPoint(canvas.width() // 2 + 5, canvas.height() // 2))
    assert "stored value" in window.readout.text()


def test_typing_into_the_filter_is_no_shortcut(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    program.window.actions_.find.trigger()
    line = program.window.findChild(QLineEdit, "filter")
    assert line is not None
    qtbot.keyClicks(line, "h i1.png")
    assert program.store.state.browser.filters.text == "h i1.png"
    assert program.store.state.layers.is_visible
    assert not program.store.state.display.is_inverted


def test_scoring_all_fills_the_list_and_says_what_failed(program: Program, films: Path, package: Package, qtbot: QtBot) -> None:
    program.begin(Options((films,), str(package.folder)))
    qtbot.waitUntil(lambda: is_scored(program))
    button = program.window.findChild(QPushButton, "scoreAll")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: program.store.state.batch is None and len(program.store.state.outcomes.by_ref) == 5)
    assert program.store.state.outcomes.by_ref[program.store.state.listing.shown[4]].error
    assert "1 could not be" in program.store.state.notice
    assert program.window.notice_bar.isVisible()


def test_an_unreadable_file_is_told_and_the_next_one_still_opens(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    qtbot.keyClick(program.window.browser.list, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, UnreadablePicture))
    qtbot.keyClick(program.window.browser.list, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))


def test_what_is_dropped_is_opened(program: Program, films: Path, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(films / "phantom-0001.dcm")), QUrl("https://example.org/x.png")])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    program.begin(Options())
    program.window.dropEvent(event)
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    assert program.store.state.browser.scope.title == "phantom-0001.dcm"


def test_what_is_chosen_in_dialogs_is_opened_and_nothing_on_cancel(program: Program, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []
    program.window.paths_chosen.connect(heard.append)
    program.window.model_folder_chosen.connect(heard.append)
    answers = {"folder": str(films), "files": ([str(films / "zz.png")], "")}
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments, **_options: answers["folder"])
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_arguments, **_options: answers["files"])
    program.window.ask_for_folder()
    program.window.ask_for_files()
    program.window.ask_for_model_folder()
    assert heard == [(films,), (films / "zz.png",), films]
    answers.update(folder="", files=([], ""))
    program.window.ask_for_folder()
    program.window.ask_for_files()
    program.window.ask_for_model_folder()
    assert len(heard) == 3


def test_help_is_told_in_a_window_that_closes(program: Program) -> None:
    program.window.actions_.about.trigger()
    (box,) = program.window.findChildren(QMessageBox)
    assert box.text()
    box.reject()


def test_the_page_of_keys_has_every_key_of_the_menus(program: Program) -> None:
    program.window.actions_.keys.trigger()
    page = program.window.findChild(QTextBrowser, "keysText")
    assert page is not None
    text = page.toPlainText()
    commands = commands_of(program.window.menuBar())
    assert len(commands) > 30
    assert {command.name for command in commands if command.keys and command.name not in text} == set()
    assert "Left drag" in text
    program.window.findChildren(KeysDialog)[0].reject()


def test_no_key_has_two_meanings(program: Program) -> None:
    keys = [key.toString() for command in commands_of(program.window.menuBar()) for key in command.action.shortcuts()]
    assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)


def test_settings_hold_at_once_and_are_remembered(program: Program, films: Path, package: Package, qtbot: QtBot) -> None:
    window = program.window
    window.actions_.settings.trigger()
    dialog = window.settings_dialog
    assert dialog.isVisible()
    dialog.theme_chosen.emit(ThemeName.LIGHT)
    dialog.colours_chosen.emit("viridis")
    dialog.default_model_chosen.emit("fake")
    dialog.engine_chosen.emit(AskedEngine("onnx", "cpu"))
    dialog.auto_scoring_toggled.emit()
    dialog.names_toggled.emit()
    dialog.reject()
    state = program.store.state
    assert (state.layers.current.table, state.is_auto_scoring, state.is_hiding_names) == ("viridis", False, True)
    program.begin(Options((films,), str(package.folder)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture) and isinstance(program.store.state.model, ReadyModel))
    assert not is_scored(program)
    window.actions_.score_shown.trigger()
    qtbot.waitUntil(lambda: is_scored(program))
    program.remembering.keep()
    kept = load_settings()
    assert (kept.heatmap_colours, kept.model, kept.engine, kept.device) == ("viridis", "fake", "onnx", "cpu")
    assert (kept.auto_score, kept.names) == (False, "hide")


def test_the_palette_runs_a_command(program: Program, qtbot: QtBot) -> None:
    program.window.actions_.palette.trigger()
    line = program.window.findChild(QLineEdit, "paletteLine")
    assert line is not None
    qtbot.keyClicks(line, "hide names")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert program.store.state.is_hiding_names


def test_the_theme_changes_and_is_remembered_with_the_opacity(program: Program) -> None:
    program.window.actions_.light_theme.trigger()
    is_light = program.store.state.theme is ThemeName.LIGHT
    program.window.model_panel.layer.opacity_chosen.emit(0.31)
    program.remembering.keep()
    kept = load_settings()
    assert kept.heatmap_opacity == 0.31
    assert is_light
    assert kept.theme == ("light" if is_light else "dark")


def test_the_look_follows_the_system_until_one_is_chosen(program: Program) -> None:
    state = program.store.state
    assert state.is_theme_of_system
    other = ThemeName.LIGHT if state.theme is ThemeName.DARK else ThemeName.DARK
    program.window.system_theme_changed.emit(other)
    assert program.store.state.theme is other
    program.remembering.keep()
    assert load_settings().theme == "system"
    program.window.settings_dialog.theme_chosen.emit(other)
    program.window.system_theme_changed.emit(state.theme)
    assert program.store.state.theme is other
    program.remembering.keep()
    assert load_settings().theme == str(other)
    program.window.settings_dialog.theme_chosen.emit(None)
    assert program.store.state.theme is state.theme


def test_a_choice_that_is_taken_back_is_remembered_so(program: Program) -> None:
    for is_hiding in ("hide", "show"):
        program.window.settings_dialog.names_toggled.emit()
        program.window.settings_dialog.open()
        program.window.settings_dialog.reject()
        assert load_settings().names == is_hiding


def test_settings_that_cannot_be_written_are_said(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = places().config_dir / "settings.toml"
    settings.unlink()
    settings.mkdir()
    program.window.settings_dialog.cache_chosen.emit(1000)
    program.remembering.keep()
    assert "cannot be written" in program.store.state.notice
    assert program.store.state.cache_mb == 1000


def test_a_window_is_kept_found_by_its_key_and_there_again(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    window, store = program.window, program.store
    window.window_menu.manage.trigger()
    assert window.own_windows_dialog.isVisible()
    qtbot.keyClick(window.canvas, Qt.Key.Key_3)
    window.own_windows_dialog.save_requested.emit("my lungs", "I")
    window.own_windows_dialog.reject()
    kept = store.state.display.window
    assert kept is not None
    qtbot.keyClick(window.canvas, Qt.Key.Key_0)
    qtbot.keyClick(window.canvas, Qt.Key.Key_I)
    assert (store.state.display.window, store.state.display.is_inverted) == (kept, False)
    assert window.actions_.invert.shortcut().isEmpty()
    assert load_settings().windows.startswith("my lungs=")
    window.own_windows_dialog.delete_requested.emit("my lungs")
    assert window.actions_.invert.shortcut() == QKeySequence("I")


def test_places_and_sizes_are_kept_apart_and_may_be_deleted(program: Program, qtbot: QtBot) -> None:
    program.window.resize(700, 600)
    program.window.close()
    layout = places().config_dir / "window.ini"
    assert layout.is_file()
    assert load_settings() == Settings(notice_accepted=True)
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    widths = []
    for _time in range(2):
        again = build(application)
        widths.append(again.window.width())
        again.close()
        layout.unlink()
    assert widths[0] == 700
    assert widths[1] > 700


def test_settings_are_obeyed_and_wrong_ones_are_said(qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    save_settings(Settings(theme="light", heatmap_opacity=0.2))
    first = build(application)
    assert (first.store.state.theme, first.store.state.layers.current.opacity) == (ThemeName.LIGHT, 0.2)
    first.close()
    (places().config_dir / "settings.toml").write_text("colour = 3")
    second = build(application)
    assert "colour" in second.store.state.notice
    second.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_an_unforeseen_error_is_said_and_the_window_stays(program: Program) -> None:
    program.crashes.report(ZeroDivisionError())
    assert "ZeroDivisionError" in program.store.state.notice
    assert program.window.notice_bar.isVisible()
    (dialog,) = program.window.findChildren(CrashDialog)
    assert dialog.isVisible()
    program.crashes.report(ArithmeticError())
    assert program.window.findChildren(CrashDialog) == [dialog]
    dialog.reject()
    program.window.notice_bar.dismissed.emit()
    assert not program.window.notice_bar.isVisible()


def test_the_program_starts_and_ends_by_itself(films: Path, qtbot: QtBot) -> None:
    QTimer.singleShot(300, QApplication.closeAllWindows)
    assert app_main.main(["--", str(films)]) == 0
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_arguments_are_paths_and_a_model(tmp_path: Path) -> None:
    assert parse(["--model", "base", "--", str(tmp_path), "-x"]) == Options((tmp_path, Path("-x").absolute()), "base")
    assert parse([]) == Options()


def test_the_first_window_imports_nothing_heavy(tmp_path: Path) -> None:
    """Runtimes and readers come after the first paint; torch never."""
    heavy = ("torch", "onnxruntime", "openvino", "pydicom", "imagecodecs", "pyqtgraph", "sklearn", "pyarrow", "pandas", "scipy")
    script = f"""
import sys
from PySide6.QtWidgets import QApplication
from cxrview.app.answers import selected_view
from cxrview.app.main import build
application = QApplication([])
program = build(application)
program.window.show()
program.window.grab()
program.close()
print([name for name in {heavy!r} if name in sys.modules])
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[]"


def test_a_ruler_and_a_note_are_drawn_undone_and_deleted(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    window, canvas, left = program.window, program.window.canvas, Qt.MouseButton.LeftButton

    def marks() -> list[MarkKind]:
        return [mark.kind for mark in history_of(program.store.state).marks]

    qtbot.keyClick(canvas, Qt.Key.Key_D)
    assert window.mark_menu.tools[MarkKind.RULER].isChecked()
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, left, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(60, 30))
    qtbot.mouseRelease(canvas, left, pos=middle + QPoint(60, 30))
    assert marks() == [MarkKind.RULER]
    qtbot.keyClick(canvas, Qt.Key.Key_N)
    qtbot.mouseClick(canvas, left, pos=middle - QPoint(50, 50))
    editor = canvas.findChild(NoteEditor)
    assert editor is not None
    qtbot.keyClicks(editor, "  look here ")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert marks() == [MarkKind.RULER, MarkKind.TEXT]
    assert history_of(program.store.state).marks[1].text == "look here"
    window.mark_menu.delete.trigger()
    assert marks() == [MarkKind.RULER]
    window.mark_menu.undo.trigger()
    window.mark_menu.undo.trigger()
    assert marks() == [MarkKind.RULER]
    window.mark_menu.redo.trigger()
    assert marks() == [MarkKind.RULER, MarkKind.TEXT]
    qtbot.keyClick(canvas, Qt.Key.Key_N)
    qtbot.mouseClick(canvas, left, pos=middle)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert len(marks()) == 2
    canvas.mark_selected.emit(2)
    window.mark_menu.edit.trigger()
    assert editor.text() == "look here"
    qtbot.keyClicks(editor, "or there")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert history_of(program.store.state).marks[1].text == "or there"


def test_four_places_are_filled_read_and_scored_one_after_the_other(program: Program, films: Path, package: Package, qtbot: QtBot) -> None:
    program.begin(Options((films,), str(package.folder)))
    qtbot.waitUntil(lambda: is_scored(program))
    window, store = program.window, program.store
    window.layout_menu.layouts_[Layout.FOUR].trigger()
    qtbot.waitUntil(lambda: all(isinstance(cell.picture, LoadedPicture) for cell in store.state.grid.cells[1:]))
    canvases = window.cells.canvases
    assert [canvas.isVisible() for canvas in canvases] == [True] * 4
    first = store.state.current
    qtbot.mouseClick(canvases[2], Qt.MouseButton.LeftButton, pos=canvases[2].rect().center())
    assert window.canvas is canvases[2]
    assert store.state.current == store.state.listing.shown[2]
    qtbot.waitUntil(lambda: is_scored(program))
    before = canvases[0].grab().toImage()
    qtbot.keyClick(canvases[2], Qt.Key.Key_I)
    assert canvases[0].grab().toImage() != before
    window.layout_menu.link.trigger()
    before = canvases[0].grab().toImage()
    qtbot.keyClick(canvases[2], Qt.Key.Key_I)
    assert canvases[0].grab().toImage() == before
    window.layout_menu.layouts_[Layout.ONE].trigger()
    assert store.state.current == store.state.listing.shown[2]
    assert [canvas.isVisible() for canvas in canvases] == [True, False, False, False]
    window.layout_menu.layouts_[Layout.SIDE_BY_SIDE].trigger()
    assert first not in [cell.current for cell in store.state.grid.cells]


def test_the_badge_stays_when_the_panels_are_folded_away(program: Program, films: Path, qtbot: QtBot) -> None:
    assert not program.window.badge.isVisible()
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    for panel in (program.window.browser, program.window.model_panel):
        panel.hide()
    assert program.window.badge.isVisible()
    assert program.window.badge.text() == BADGE


def test_a_sentence_covers_no_picture_and_no_words_of_four_places(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    program.window.resize(1360, 860)
    program.window.layout_menu.layouts_[Layout.FOUR].trigger()
    program.store.apply(notice_given, "117 of 294 images were scored, and 3 could not be read.")
    notice = program.window.notice_bar
    taken = QRect(notice.mapToGlobal(QPoint(0, 0)), notice.size())
    assert taken.height() >= 20
    for widget in (*program.window.cells.canvases, program.window.browser, program.window.model_panel, program.window.badge):
        assert not QRect(widget.mapToGlobal(QPoint(0, 0)), widget.size()).intersects(taken)
    program.window.resize(1100, 700)
    assert program.window.rect().contains(notice.geometry())


def test_the_notice_comes_first_is_logged_and_does_not_come_again(qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    first = build(application)
    first.window.show()
    assert first.window.notice_page.isVisible()
    button = first.window.findChild(QPushButton, "acceptNotice")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not first.window.notice_page.isVisible()
    assert first.window.start_page.isVisible()
    first.close()
    assert "notice-accepted" in (places().log_dir / "audit.jsonl").read_text(encoding="utf-8")
    again = build(application)
    again.window.show()
    assert again.window.start_page.isVisible()
    again.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_nothing_else_can_be_used_before_the_notice_is_accepted(films: Path, package: Package, qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    window, store = made.window, made.store
    with qtbot.waitExposed(window):
        window.show()
    made.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(store.state.picture, LoadedPicture))
    control = Qt.KeyboardModifier.ControlModifier
    for key, modifier in ((Qt.Key.Key_H, control), (Qt.Key.Key_K, control), (Qt.Key.Key_I, Qt.KeyboardModifier.NoModifier)):
        qtbot.keyClick(window.notice_page, key, modifier)
    assert (store.state.is_hiding_names, store.state.display.is_inverted) == (False, False)
    assert window.findChild(QLineEdit, "paletteLine") is None
    assert not window.menuBar().isEnabled()
    assert not window.canvas.isVisible()
    assert not window.acceptDrops()
    qtbot.keyClick(window.notice_page.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: store.state.is_notice_accepted)
    qtbot.keyClick(window.canvas, Qt.Key.Key_H, control)
    assert store.state.is_hiding_names
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_each_frame_of_a_file_is_shown_and_scored(program: Program, tmp_path: Path, package: Package, qtbot: QtBot) -> None:
    pages = [np.full((90, 90), 40 * page, np.uint8) + np.arange(90, dtype=np.uint8) for page in range(4)]
    assert cv2.imwritemulti(str(tmp_path / "run.tif"), pages)
    program.begin(Options((tmp_path / "run.tif",), str(package.folder)))
    qtbot.waitUntil(lambda: is_scored(program))
    window, store = program.window, program.store
    assert window.cells.frame_bar.isVisible()
    first = store.state.reading
    qtbot.keyClick(window.canvas, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: is_scored(program) and isinstance(store.state.picture, LoadedPicture))
    assert store.state.reading is not first
    assert isinstance(store.state.picture, LoadedPicture)
    assert store.state.picture.pixels.values[0, 0] == 40
    assert "run.tif #2" in window.windowTitle()
    qtbot.keyClick(window.canvas, Qt.Key.Key_Comma)
    assert store.state.current is not None
    assert store.state.current.frame == 0


def test_hidden_names_leave_the_title_and_stay_hidden(program: Program, films: Path, qtbot: QtBot) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    with_name = program.window.canvas.grab().toImage()
    program.window.actions_.hide_names.trigger()
    assert program.window.windowTitle() == "Image 1 – cxrview"
    assert program.window.canvas.grab().toImage() != with_name
    program.window.actions_.tags.trigger()
    qtbot.waitUntil(lambda: bool(program.store.state.tags.rows))
    assert program.window.tag_dialog.isVisible()
    program.window.tag_dialog.close()
    assert not program.store.state.tags.is_open
    program.remembering.keep()
    assert load_settings().names == "hide"


def test_the_shown_picture_is_saved_and_copied(
    program: Program, films: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.begin(Options((films,)))
    qtbot.waitUntil(lambda: isinstance(program.store.state.picture, LoadedPicture))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_arguments, **_options: (str(tmp_path / "shown"), "JPEG (*.jpg *.jpeg)"))
    program.window.actions_.export.trigger()
    save = program.window.findChild(QPushButton, "exportSave")
    assert save is not None
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved as" in program.store.state.notice)
    assert cv2.imread(str(tmp_path / "shown.jpg")) is not None
    program.window.actions_.copy.trigger()
    assert not QApplication.clipboard().image().isNull()
    assert "clipboard" in program.store.state.notice


def test_the_window_takes_the_whole_screen_and_gives_it_back(program: Program) -> None:
    program.window.actions_.full_screen.trigger()
    assert program.window.isFullScreen()
    program.window.actions_.full_screen.trigger()
    assert not program.window.isFullScreen()


def test_a_profile_and_keys_of_ones_own_are_bound_and_remembered(program: Program) -> None:
    window = program.window
    for profile in PROFILES.values():
        assert window.profile_menu.strangers(profile.keys) == ()
    window.profile_menu.profiles["weasis"].trigger()
    assert window.actions_.flip_sideways.shortcut() == QKeySequence("Alt+F")
    assert window.actions_.actual_size.shortcut().isEmpty()
    assert "Alt+F" in window.actions_.flip_sideways.toolTip()
    program.remembering.keep()
    assert load_settings().profile == "weasis"
    window.profile_menu.profiles["default"].trigger()
    assert window.actions_.flip_sideways.shortcut() == QKeySequence("H")


def test_keys_in_the_settings_are_obeyed_and_wrong_ones_are_said(qtbot: QtBot) -> None:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    save_settings(Settings(keys="invert=Shift+I; nonsense=X"))
    first = build(application)
    assert first.window.actions_.invert.shortcut() == QKeySequence("Shift+I")
    assert "nonsense" in first.store.state.notice
    first.close()
    save_settings(Settings(keys="invert"))
    second = build(application)
    assert "keys" in second.store.state.notice
    second.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_every_action_that_can_have_keys_is_in_the_guide(program: Program) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "window.md").read_text(encoding="utf-8")
    assert [name for name in program.window.profile_menu.names if f"`{name}`" not in guide] == []
