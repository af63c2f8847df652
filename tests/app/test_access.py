"""Every control has a name for scripts and one for screen readers, and is reached by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QSlider,
    QTextEdit,
    QToolBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from cxrview.app import main as app_main
from cxrview.app.main import Options, Program, build
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.export_dialog import ExportDialog
from cxrview.core.results import Analysis
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.io.phantom_files import PhantomKind, write_phantoms
from cxrview.io.settings import Settings, save_settings

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QTextEdit,
    Canvas,
)
# What Qt builds inside its own controls, and what stands in the menus too.
INNER = (QComboBox, QAbstractSpinBox, QLineEdit, QKeySequenceEdit, QToolBar, QHeaderView)


@pytest.fixture
def program(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Program]:
    """The program with a scored phantom on the canvas."""
    save_settings(Settings(notice_accepted=True))
    monkeypatch.setattr(
        app_main, "open_predictor", lambda package, **_options: Choice(FakePredictor(package), ("the fake engine was asked for",))
    )
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    made = build(application)
    made.window.resize(1400, 1200)
    with qtbot.waitExposed(made.window):
        made.window.show()
    made.window.activateWindow()
    write_phantoms(tmp_path / "films", 3, 1, kind=PhantomKind.MIXED, size=(96, 96))
    made.begin(Options((tmp_path / "films",), str(fake_package(tmp_path / "fake").folder)))
    qtbot.waitUntil(lambda: isinstance(made.store.state.reading, Analysis), timeout=20_000)
    yield made
    made.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def ancestors(widget: QWidget) -> Iterator[QWidget]:
    above = widget.parentWidget()
    while above is not None:
        yield above
        above = above.parentWidget()


def controls(root: QWidget) -> list[QWidget]:
    """Give the controls that we built, hidden ones too."""
    found = (widget for widget in root.findChildren(QWidget) if isinstance(widget, CONTROLS) and not isinstance(widget, QHeaderView))
    return [widget for widget in found if not any(isinstance(above, INNER) for above in ancestors(widget))]


def spoken_name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return (widget.accessibleName() or text).strip()


def problems(root: QWidget) -> list[str]:
    unnamed = (widget for widget in controls(root) if not widget.objectName())
    nameless = [f"{type(widget).__name__} {spoken_name(widget)!r} has no objectName" for widget in unnamed]
    # A control that is hidden because it has nothing to say yet gets its words when it is shown.
    shown = (widget for widget in controls(root) if not widget.isHidden())
    return [*nameless, *(f"{widget.objectName()} has no accessible name" for widget in shown if not spoken_name(widget))]


def test_every_control_of_the_window_has_both_names(program: Program) -> None:
    assert problems(program.window) == []


def test_every_dialog_has_both_names_for_each_control(program: Program, qtbot: QtBot) -> None:
    window = program.window
    dialogs: list[QDialog] = [ExportDialog(window, has_layout=True)]
    for action in ("keys", "palette", "settings", "about"):
        getattr(window.actions_, action).trigger()
    window.window_menu.manage.trigger()
    window.show_card(program.store.state)
    dialogs += [dialog for dialog in window.findChildren(QDialog) if dialog not in dialogs]
    found = {dialog.objectName() or type(dialog).__name__: problems(dialog) for dialog in dialogs}
    assert len(found) >= 7
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    for dialog in dialogs:
        dialog.reject()
        if not dialog.isHidden() or isinstance(dialog, ExportDialog):
            dialog.deleteLater()


def test_no_two_controls_share_a_name(program: Program) -> None:
    names = [widget.objectName() for widget in controls(program.window) if widget.objectName()]
    # One editor in each canvas, told apart by it.
    assert {name for name in names if names.count(name) > 1} - {"noteEditor"} == set()


def is_reached_by_arrows(widget: QWidget) -> bool:
    """Among buttons of which one is down, Tab stops at that one and arrows lead to the others."""
    return isinstance(widget, QAbstractButton) and (widget.group() is not None or widget.autoExclusive())


def test_tab_reaches_every_control_that_can_be_used(program: Program, qtbot: QtBot) -> None:
    window = program.window
    window.canvas.setFocus()
    reached: list[QWidget] = []
    for _press in range(200):
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused in reached:
            break
        reached.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    usable = [widget for widget in controls(window) if widget.isVisible() and widget.isEnabled() and widget.window() is window]
    inside = {id(above) for widget in reached for above in (widget, *ancestors(widget))}
    missed = [widget.objectName() for widget in usable if id(widget) not in inside and not is_reached_by_arrows(widget)]
    assert missed == []


def menu_actions(menu: QWidget) -> Iterator[QAction]:
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            yield from menu_actions(below)
        else:
            yield action


def test_what_the_tool_bar_offers_is_in_the_menus_too(program: Program) -> None:
    in_menus = set(menu_actions(program.window.menuBar()))
    bar = program.window.findChild(QToolBar, "toolBar")
    assert bar is not None
    assert [action.text() for action in bar.actions() if not action.isSeparator() and action not in in_menus] == []
