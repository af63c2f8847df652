"""An error that nobody foresaw leaves a report without private words, and the window stays."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from cxrview.app.crash import MAX_REPORTS, CrashReport, CrashReporter, report_text, write_report
from cxrview.app.views.crash_dialog import CrashDialog


@pytest.fixture
def reporter(tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrashReporter]:
    # pytest-qt and pytest watch these hooks too; here it is ours that is under test.
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    made = CrashReporter(tmp_path / "log")
    made.install()
    yield made
    made.remove()


def failure() -> ValueError:
    """Give an error with a trace and a cause, and a name in its message."""
    try:
        try:
            raise KeyError("Doe^Jane")
        except KeyError as cause:
            raise ValueError("no such patient: Doe^Jane") from cause
    except ValueError as error:
        return error


def test_a_report_says_where_and_what_but_no_message(tmp_path: Path) -> None:
    text = write_report(failure(), tmp_path).read_text(encoding="utf-8")
    assert "ValueError" in text
    assert "KeyError" in text
    assert "in failure" in text
    assert "PySide6" in text
    assert "Jane" not in text
    assert str(Path.home()) not in text


def test_old_reports_are_thrown_away(tmp_path: Path) -> None:
    for number in range(MAX_REPORTS + 5):
        (tmp_path / f"crash-2000-{number:03d}.txt").write_text("old")
    newest = write_report(failure(), tmp_path)
    assert len(list(tmp_path.glob("crash-*.txt"))) == MAX_REPORTS
    assert newest.is_file()


def test_the_process_hook_writes_a_report_and_says_one_sentence(reporter: CrashReporter, tmp_path: Path) -> None:
    heard: list[str] = []
    reporter.reported.connect(heard.append)
    error = failure()
    sys.excepthook(type(error), error, error.__traceback__)
    (report,) = (tmp_path / "log").iterdir()
    assert heard == [f"An unexpected error happened (ValueError). A report is in {report}."]


def test_an_error_in_a_thread_is_told_on_the_main_thread(reporter: CrashReporter, qtbot: QtBot) -> None:
    told_on: list[str] = []
    reporter.reported.connect(lambda _sentence: told_on.append(threading.current_thread().name))
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(told_on))
    assert told_on == [threading.main_thread().name]


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path, qapp: object) -> None:
    (tmp_path / "log").write_text("a file, not a folder")
    reporter, heard = CrashReporter(tmp_path / "log"), list[str]()
    reporter.reported.connect(heard.append)
    reporter.report(failure())
    assert heard == ["An unexpected error happened (ValueError); the report could not be written."]


def test_a_report_is_shown_once_however_often_the_error_comes_again(tmp_path: Path, qapp: object) -> None:
    reporter, said, shown = CrashReporter(tmp_path), list[str](), list[CrashReport]()
    reporter.reported.connect(said.append)
    reporter.described.connect(shown.append)
    for _time in range(3):
        reporter.report(failure())
    assert len(said) == 3
    (report,) = shown
    assert (report.kind, report.path is not None) == ("ValueError", True)
    assert report.path is not None
    assert report.path.read_text(encoding="utf-8") == report.text


def test_the_dialog_shows_the_report_and_gives_a_copy_of_it(tmp_path: Path, qtbot: QtBot) -> None:
    dialog = CrashDialog(CrashReport("ValueError", report_text(failure()), None))
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.isModal()
    text, copy = dialog.findChild(QPlainTextEdit, "crashReport"), dialog.findChild(QPushButton, "crashCopy")
    assert text is not None
    assert copy is not None
    assert "in failure" in text.toPlainText()
    assert "Jane" not in text.toPlainText()
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == text.toPlainText()
    assert dialog.findChild(QPushButton, "crashFolder") is None


def test_interrupting_is_not_a_crash(reporter: CrashReporter, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not (tmp_path / "log").exists()


def test_the_hooks_are_given_back(tmp_path: Path, qapp: object) -> None:
    before = (sys.excepthook, threading.excepthook)
    reporter = CrashReporter(tmp_path)
    reporter.install()
    assert sys.excepthook != before[0]
    reporter.remove()
    assert (sys.excepthook, threading.excepthook) == before


def test_a_report_names_places_in_the_program_not_on_the_disk() -> None:
    text = report_text(failure())
    assert "app/test_crash.py" in text
    assert str(Path(__file__).parent) not in text
