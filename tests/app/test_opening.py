"""What asks the window to open something."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cxrview.app.opening import AskedBySystem


def test_a_file_that_the_system_wants_opened_is_told_and_other_events_pass(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> None:
    asked = AskedBySystem(qapp)
    told: list[Path] = []
    asked.path_asked.connect(told.append)
    try:
        QCoreApplication.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "film.dcm"))))
        QCoreApplication.sendEvent(qapp, QEvent(QEvent.Type.User))
    finally:
        qapp.removeEventFilter(asked)
        asked.deleteLater()
    assert told == [tmp_path / "film.dcm"]
