"""Texts of notes are written where the notes stand on the picture."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from cxrview.app.marking import history_of, mark_added, mark_changed, mark_selected, tool_chosen
from cxrview.app.state import AppState, image_chosen, picture_loaded
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.note_editor import NoteEditor
from cxrview.core.marks import Mark, MarkKind, Point
from tests.app.samples import picture_of

LEFT = Qt.MouseButton.LeftButton
NOTE = Mark(0, MarkKind.TEXT, (Point(100, 100),), "a rather long note")


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    """A canvas in a window, as large as the picture and its margins."""
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(416, 316)
    with qtbot.waitExposed(made):
        made.show()
    return made


def editor_of(canvas: Canvas) -> NoteEditor:
    found = canvas.findChild(NoteEditor)
    assert found is not None
    return found


def test_a_new_note_is_written_where_it_was_placed(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(tool_chosen(shown, MarkKind.TEXT))
    drawn: list[Mark] = []
    canvas.mark_drawn.connect(drawn.append)
    qtbot.mouseClick(canvas, LEFT, pos=QPoint(58, 158))
    editor = editor_of(canvas)
    assert editor.isVisible()
    assert abs(editor.geometry().center().y() - 158) <= 2
    assert 58 < editor.x() < 80
    qtbot.keyClicks(editor, "left base")
    assert drawn == []
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert [(mark.text, mark.points) for mark in drawn] == [("left base", (Point(50.0, 150.0),))]
    assert not editor.isVisible()
    assert canvas.hasFocus()


def test_escape_and_an_empty_text_make_no_note_but_an_arrow_may_have_none(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    drawn: list[Mark] = []
    canvas.mark_drawn.connect(drawn.append)
    editor = editor_of(canvas)
    canvas.render_state(tool_chosen(shown, MarkKind.TEXT))
    qtbot.mouseClick(canvas, LEFT, pos=QPoint(58, 158))
    qtbot.keyClicks(editor, "x")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    qtbot.mouseClick(canvas, LEFT, pos=QPoint(58, 158))
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert drawn == []
    canvas.render_state(tool_chosen(shown, MarkKind.ARROW))
    qtbot.mousePress(canvas, LEFT, pos=QPoint(58, 158))
    qtbot.mouseRelease(canvas, LEFT, pos=QPoint(158, 208))
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert [mark.kind for mark in drawn] == [MarkKind.ARROW]


def test_a_double_click_on_its_words_edits_a_note_and_elsewhere_fits(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(mark_added(shown, NOTE))
    canvas.grab()
    changed: list[Mark] = []
    canvas.mark_changed.connect(changed.append)
    on_words = QPoint(108 + 60, 108)
    with qtbot.assertNotEmitted(canvas.fit_requested):
        qtbot.mouseDClick(canvas, LEFT, pos=on_words)
    editor = editor_of(canvas)
    assert editor.text() == NOTE.text
    qtbot.keyClicks(editor, "short")
    canvas.setFocus()
    assert [(mark.number, mark.text) for mark in changed] == [(1, "short")]
    with qtbot.waitSignal(canvas.fit_requested):
        qtbot.mouseDClick(canvas, LEFT, pos=QPoint(300, 280))


def test_words_can_be_taken_hold_of_and_moved(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(mark_added(shown, NOTE))
    canvas.grab()
    changed: list[Mark] = []
    canvas.mark_changed.connect(changed.append)
    qtbot.mousePress(canvas, LEFT, pos=QPoint(168, 108))
    qtbot.mouseMove(canvas, QPoint(178, 138))
    qtbot.mouseRelease(canvas, LEFT, pos=QPoint(178, 138))
    assert [mark.points for mark in changed] == [(Point(110.0, 130.0),)]


def test_a_note_without_text_goes_and_can_come_back(shown: AppState) -> None:
    state = mark_added(shown, NOTE)
    note = history_of(state).marks[0]
    gone = mark_changed(state, Mark(note.number, note.kind, note.points, ""))
    assert history_of(gone).marks == ()
    assert history_of(gone).back().marks == (note,)


def test_only_a_selected_note_is_edited_by_key(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    ruler = Mark(0, MarkKind.RULER, (Point(10, 10), Point(60, 10)))
    state = mark_added(mark_added(shown, NOTE), ruler)
    canvas.render_state(mark_selected(state, 2))
    canvas.edit_note()
    assert not editor_of(canvas).isVisible()
    canvas.render_state(mark_selected(state, 1))
    canvas.edit_note()
    assert editor_of(canvas).isVisible()


def test_another_image_ends_the_writing(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    state = mark_selected(mark_added(shown, NOTE), 1)
    canvas.render_state(state)
    canvas.edit_note()
    second = image_chosen(state, state.listing.shown[1])
    with qtbot.assertNotEmitted(canvas.mark_changed):
        canvas.render_state(picture_loaded(second, picture_of(state.listing.shown[1])))
    assert not editor_of(canvas).isVisible()
