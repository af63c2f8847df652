"""The frames of one file: each is shown, windowed, marked and scored for itself."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSlider
from pytestqt.qtbot import QtBot

from cxrview.app.cells import cell_activated, layout_chosen
from cxrview.app.frames import frame_chosen, frame_count, frame_stepped
from cxrview.app.marking import history_of, mark_added
from cxrview.app.privacy import names_toggled, shown_name
from cxrview.app.state import (
    AppState,
    Layout,
    LoadedPicture,
    LoadingPicture,
    NotScored,
    image_stepped,
    neighbours,
    picture_loaded,
    viewport_chosen,
    window_chosen,
)
from cxrview.app.viewport import Viewport
from cxrview.app.views.frame_bar import FrameBar
from cxrview.core.image import Window
from cxrview.core.marks import Mark, MarkKind, Point
from tests.app.samples import picture_of


def with_frames(state: AppState, count: int = 3) -> AppState:
    """The second listed image is chosen and holds this many frames."""
    second = image_stepped(state, 1)
    assert second.current is not None
    return picture_loaded(second, picture_of(second.current, frames=count))


def loaded(state: AppState) -> AppState:
    assert state.current is not None
    return picture_loaded(state, picture_of(state.current, frames=frame_count(state)))


def test_a_frame_is_read_and_scored_anew_and_keeps_zoom_and_window(scored: AppState) -> None:
    window = Window(100.0, 50.0)
    state = window_chosen(viewport_chosen(with_frames(scored), Viewport(2.0, 50.0, 60.0)), window)
    second = frame_stepped(state, 1)
    assert second.current is not None
    assert (second.current.frame, second.picture) == (1, LoadingPicture(second.current, 3))
    assert isinstance(second.reading, NotScored)
    assert (second.display.window, second.display.viewport) == (window, Viewport(2.0, 50.0, 60.0))
    assert isinstance(loaded(second).picture, LoadedPicture)


def test_the_window_of_one_frame_is_that_of_all_and_remembered_with_the_file(scored: AppState) -> None:
    first = window_chosen(with_frames(scored), Window(1.0, 10.0))
    second = window_chosen(loaded(frame_chosen(first, 1)), Window(2.0, 20.0))
    assert frame_chosen(second, 0).display.window == Window(2.0, 20.0)
    away = image_stepped(second, 1)
    assert image_stepped(away, -1).display.window == Window(2.0, 20.0)


def test_frames_stop_at_the_ends_and_single_ones_have_none(scored: AppState) -> None:
    state = with_frames(scored)
    assert frame_stepped(state, -1) is state
    last = loaded(frame_chosen(state, 99))
    assert last.current is not None
    assert last.current.frame == 2
    assert frame_stepped(last, 1) is last
    assert frame_stepped(scored, 1) is scored
    empty = AppState()
    assert frame_stepped(empty, 1) is empty
    assert frame_chosen(empty, 1) is empty
    assert (frame_count(scored), frame_count(empty)) == (1, 1)


def test_the_list_stays_where_the_file_is(scored: AppState) -> None:
    state = loaded(frame_chosen(with_frames(scored), 1))
    assert state.listing.place_of(state.current) == 1
    assert image_stepped(state, 1).current == state.listing.shown[2]
    assert state.current is not None
    assert neighbours(state)[:3] == (replace(state.current, frame=2), replace(state.current, frame=0), state.listing.shown[2])
    assert shown_name(state, state.current) == "image-01.png #2"
    assert shown_name(names_toggled(state), state.current) == "Image 2 #2"


def test_marks_belong_to_a_frame(scored: AppState) -> None:
    ruler = Mark(0, MarkKind.RULER, (Point(0, 0), Point(9, 9)))
    state = loaded(frame_chosen(mark_added(with_frames(scored), ruler), 1))
    assert history_of(state).marks == ()
    assert len(history_of(frame_chosen(state, 0)).marks) == 1


def test_a_frame_that_is_waited_for_arrives_in_a_parked_place(scored: AppState) -> None:
    waiting = frame_chosen(layout_chosen(with_frames(scored), Layout.SIDE_BY_SIDE), 2)
    parked = cell_activated(waiting, 1)
    assert waiting.current is not None
    filled = picture_loaded(parked, picture_of(waiting.current, frames=3))
    assert isinstance(filled.grid.cells[0].picture, LoadedPicture)


def test_the_bar_shows_the_frame_and_asks_for_others_by_key(scored: AppState, qtbot: QtBot) -> None:
    bar = FrameBar()
    qtbot.addWidget(bar)
    bar.render_state(scored)
    assert not bar.isVisibleTo(None)
    state = with_frames(scored)
    bar.render_state(state)
    slider = bar.findChild(QSlider, "frameSlider")
    assert slider is not None
    with qtbot.waitSignal(bar.frame_chosen) as heard:
        qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert heard.args == [1]
    bar.render_state(frame_chosen(state, 2))
    assert slider.value() == 2
