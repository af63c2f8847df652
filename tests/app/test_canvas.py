"""The canvas shows what the state says, and says what the mouse and the keys ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cxrview.app.browsing import search_started
from cxrview.app.looking import clahe_toggled, file_choice_chosen, unsharp_toggled
from cxrview.app.marking import mark_added, mark_selected, tool_chosen
from cxrview.app.profiles import PROFILES, Drag, Profile
from cxrview.app.pyramid import build_pyramid
from cxrview.app.state import (
    AppState,
    Display,
    LoadedPicture,
    UnreadablePicture,
    flipped_over,
    flipped_sideways,
    inversion_toggled,
    label_chosen,
    layer_toggled,
    opacity_chosen,
    picture_loaded,
    profile_chosen,
    reading_known,
    turned,
    viewport_chosen,
    window_chosen,
)
from cxrview.app.viewport import Viewport, fitted
from cxrview.app.views.canvas import Canvas
from cxrview.app.views.canvas_texts import Naming, top_lines
from cxrview.core.frame import Box
from cxrview.core.image import ImageInfo, ImageRef, Lut, Window, read_only
from cxrview.core.marks import Mark, MarkKind, Point
from cxrview.core.presets import FileChoice
from tests.app.samples import analysis_of, picture_of

SIZE = (416, 316)


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    made = Canvas()
    qtbot.addWidget(made)
    made.resize(*SIZE)
    return made


def look(canvas: Canvas) -> np.ndarray:
    """Give what is seen, (rows, columns, 3)."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def wheel(canvas: Canvas, at: QPoint, delta: int) -> None:
    """Turn the wheel over a point."""
    position = QPointF(at)
    event = QWheelEvent(
        position,
        canvas.mapToGlobal(position),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def move(canvas: Canvas, at: QPoint) -> None:
    """Move the mouse, no button down, to a point."""
    none, position = Qt.MouseButton.NoButton, QPointF(at)
    event = QMouseEvent(QEvent.Type.MouseMove, position, canvas.mapToGlobal(position), none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, event)


def test_the_picture_is_seen_through_its_window(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(shown)
    row = look(canvas)[158, 8:408, 0].astype(int)
    expected = np.clip((np.linspace(0, 4095, 400) - 0.5) / 4095 * 255, 0, 255)
    assert np.abs(row - expected).max() <= 2


def test_a_narrow_window_makes_black_and_white(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(window_chosen(shown, Window(2048.0, 2.0)))
    row = look(canvas)[158, 8:408, 0]
    assert row[:195].max() == 0
    assert row[205:].min() == 255


def test_inversion_and_polarity_cancel_out(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(shown)
    upright = look(canvas)[158, 8:408]
    assert isinstance(shown.picture, LoadedPicture)
    inverted = replace(shown.picture, pixels=replace(shown.picture.pixels, is_inverted=True))
    canvas.render_state(replace(shown, picture=inverted, display=Display(is_inverted=True)))
    np.testing.assert_array_equal(look(canvas)[158, 8:408], upright)
    canvas.render_state(replace(shown, picture=inverted))
    np.testing.assert_array_equal(look(canvas)[158, 8:408], 255 - upright)


def test_a_lookup_table_of_the_file_is_used_until_a_window_is_chosen(canvas: Canvas, shown: AppState) -> None:
    table = np.full(4096, 255, np.uint16)
    table.setflags(write=False)
    assert shown.current is not None
    lut = picture_of(shown.current, voi_luts=(Lut(0, 8, table),))
    canvas.render_state(replace(shown, picture=lut))
    assert look(canvas)[158, 20:400].min() == 255
    canvas.render_state(window_chosen(replace(shown, picture=lut), Window(2048.0, 2.0)))
    assert look(canvas)[158, 20:180].max() == 0


def test_behind_the_shutter_it_stays_black_even_inverted(canvas: Canvas, shown: AppState) -> None:
    shutter = np.ones((300, 400), bool)
    shutter[:, :200] = False
    assert shown.current is not None
    state = replace(shown, picture=picture_of(shown.current, shutter=shutter), display=Display(is_inverted=True))
    canvas.render_state(state)
    seen = look(canvas)[158, 8:408, 0]
    assert seen[:198].max() == 0
    assert seen[202] > 100


def test_dragging_left_asks_for_a_window(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(shown)
    chosen: list[Window] = []
    canvas.window_chosen.connect(chosen.append)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    qtbot.mouseMove(canvas, QPoint(260, 150))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(260, 150))
    qtbot.mouseMove(canvas, QPoint(300, 150))
    assert len(chosen) == 1
    assert chosen[0].width > 4096
    assert chosen[0].center == 2048


@pytest.mark.parametrize("has_space", [False, True])
def test_dragging_the_middle_button_or_with_space_pans(canvas: Canvas, shown: AppState, qtbot: QtBot, has_space: bool) -> None:
    canvas.render_state(shown)
    chosen: list[Viewport] = []
    canvas.viewport_chosen.connect(chosen.append)
    if has_space:
        qtbot.keyPress(canvas, Qt.Key.Key_Space)
    button = Qt.MouseButton.LeftButton if has_space else Qt.MouseButton.MiddleButton
    qtbot.mousePress(canvas, button, pos=QPoint(200, 150))
    qtbot.mouseMove(canvas, QPoint(220, 140))
    qtbot.mouseRelease(canvas, button, pos=QPoint(220, 140))
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert chosen == [Viewport(1.0, 180.0, 160.0)]


def test_dragging_the_right_button_zooms_where_it_began(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(shown)
    chosen: list[Viewport] = []
    canvas.viewport_chosen.connect(chosen.append)
    qtbot.mousePress(canvas, Qt.MouseButton.RightButton, pos=QPoint(100, 150))
    qtbot.mouseMove(canvas, QPoint(100, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.RightButton, pos=QPoint(100, 0))
    assert chosen[0].zoom == pytest.approx(2.0)
    assert chosen[0].to_view(92, 142, SIZE) == pytest.approx((100, 150))


def test_the_wheel_zooms_at_the_mouse(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(shown)
    chosen: list[Viewport] = []
    canvas.viewport_chosen.connect(chosen.append)
    wheel(canvas, QPoint(58, 58), 120)
    wheel(canvas, QPoint(58, 58), -120)
    assert [viewport.zoom for viewport in chosen] == pytest.approx([1.2, 1 / 1.2])
    assert chosen[0].to_view(50, 50, SIZE) == pytest.approx((58, 58))


def test_keys_step_and_zoom_and_a_double_click_fits(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(shown)
    steps: list[int] = []
    zooms: list[float] = []
    canvas.step_requested.connect(steps.append)
    canvas.viewport_chosen.connect(lambda viewport: zooms.append(viewport.zoom))
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_X):
        qtbot.keyClick(canvas, key)
    assert steps == [1, 1, -1, -1]
    assert zooms == pytest.approx([1.25, 0.8])
    with qtbot.waitSignal(canvas.fit_requested):
        qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    canvas.show_actual_size()
    assert zooms[-1] == 1.0


def test_the_read_out_tells_stored_and_modality_value_at_the_place(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    assert shown.current is not None
    picture = picture_of(shown.current, slope=2.0, offset=-100)
    canvas.render_state(replace(shown, picture=picture))
    heard: list[str] = []
    canvas.readout_changed.connect(heard.append)
    qtbot.mouseMove(canvas, QPoint(108, 58))
    stored = int(picture.pixels.values[50, 100]) - 100
    assert heard[-1].startswith(f"x 100  y 50   stored value {stored}   modality value {2 * stored}")
    canvas.render_state(shown)
    qtbot.mouseMove(canvas, QPoint(109, 58))
    assert "modality" not in heard[-1]
    qtbot.mouseMove(canvas, QPoint(2, 2))
    assert heard[-1] == ""


def test_a_heatmap_lies_where_its_frame_says_and_only_there(canvas: Canvas, scored: AppState) -> None:
    bare = layer_toggled(scored)
    canvas.render_state(bare)
    without = look(canvas).astype(int)
    canvas.render_state(opacity_chosen(scored, 1.0))
    changed = np.abs(look(canvas).astype(int) - without).max(axis=2)
    # The hot cell of the second label is row 2, column 4 of 8: image px 200 to 250 by 75 to 112.
    assert changed[8 + 94, 8 + 225] > 60
    assert changed[8 + 250, 8 + 60] == 0


def test_a_mirrored_frame_mirrors_the_map(canvas: Canvas, shown: AppState) -> None:
    assert shown.current is not None
    analysis = analysis_of()
    state = reading_known(shown, shown.current, replace(analysis, frame=analysis.frame.mirrored()))
    canvas.render_state(layer_toggled(state))
    without = look(canvas).astype(int)
    canvas.render_state(opacity_chosen(state, 1.0))
    changed = np.abs(look(canvas).astype(int) - without).max(axis=2)
    assert changed[8 + 94, 8 + 400 - 225] > 60
    assert changed[8 + 94, 8 + 260] < 10


def test_all_labels_share_one_colour_scale(canvas: Canvas, scored: AppState) -> None:
    """The first label's peak is a fifth of the highest: it must look weaker, not be stretched."""
    canvas.render_state(layer_toggled(scored))
    without = look(canvas).astype(int)
    strength = {}
    for label, column in (("normal", 125), ("pneumonia", 325)):
        canvas.render_state(opacity_chosen(label_chosen(scored, label), 1.0))
        strength[label] = np.abs(look(canvas).astype(int) - without).max(axis=2)[8 + 94, 8 + column]
    assert strength["pneumonia"] > 1.5 * strength["normal"]


def test_changing_the_opacity_makes_no_new_map(canvas: Canvas, scored: AppState, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas.render_state(scored)
    faint = look(canvas)

    def refuse(*_arguments: object) -> None:
        raise AssertionError("a map was coloured again")

    monkeypatch.setattr("cxrview.app.views.layer_painter.make_wash", refuse)
    canvas.render_state(opacity_chosen(scored, 1.0))
    assert (look(canvas) != faint).any()


def test_a_drag_resamples_nothing(canvas: Canvas, shown: AppState, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas.render_state(shown)
    before = look(canvas)

    def refuse(*_arguments: object) -> None:
        raise AssertionError("the picture was resampled")

    monkeypatch.setattr("cxrview.app.views.picture_painter.visible_part", refuse)
    canvas.render_state(window_chosen(shown, Window(1000.0, 500.0)))
    assert (look(canvas) != before).any()


@pytest.mark.parametrize("what", ["empty", "searching", "loading", "unreadable"])
def test_where_there_is_no_picture_there_are_words(canvas: Canvas, opened: AppState, what: str, qtbot: QtBot) -> None:
    ref = ImageRef(opened.listing.shown[0].path)
    states = {
        "empty": AppState(),
        "searching": search_started(AppState(), "folder"),
        "loading": opened,
        "unreadable": picture_loaded(opened, UnreadablePicture(ref, "The file is cut short.", "Copy it again.")),
    }
    canvas.render_state(states[what])
    assert (look(canvas).max() > 100) == (what != "empty")
    assert canvas.viewport is None
    canvas.show_actual_size()
    canvas.zoom_by(2.0)
    wheel(canvas, QPoint(50, 50), 120)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    qtbot.mouseMove(canvas, QPoint(60, 60))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))


def test_words_replace_a_map_that_is_not_shown(canvas: Canvas, shown: AppState) -> None:
    assert shown.current is not None
    canvas.render_state(shown)
    plain = look(canvas)
    flat = analysis_of(heat=lambda _number: np.zeros((8, 8)))
    canvas.render_state(reading_known(shown, shown.current, flat))
    seen = look(canvas)
    assert (seen != plain)[-120:, -200:].any()
    np.testing.assert_array_equal(seen[60:200, 60:200], plain[60:200, 60:200])


def test_a_fitted_picture_stays_fitted_when_the_window_grows(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(shown)
    canvas.resize(816, 616)
    assert canvas.viewport == fitted((400, 300), (816, 616))
    canvas.render_state(viewport_chosen(shown, Viewport(3.0, 1.0, 2.0)))
    assert canvas.viewport == Viewport(3.0, 1.0, 2.0)


def test_a_fresh_canvas_looks_like_one_that_lived_through_the_session(canvas: Canvas, scored: AppState, qtbot: QtBot) -> None:
    for state in (AppState(), opacity_chosen(scored, 0.1), window_chosen(scored, Window(100.0, 20.0)), layer_toggled(scored), scored):
        canvas.render_state(state)
        look(canvas)
    fresh = Canvas()
    qtbot.addWidget(fresh)
    fresh.resize(*SIZE)
    fresh.render_state(scored)
    np.testing.assert_array_equal(look(fresh), look(canvas))


def test_a_picture_and_its_heatmap_turn_and_flip_together(canvas: Canvas, scored: AppState) -> None:
    """The hot cell of the second label lies at image px 225, 94 of 400 by 300."""
    canvas.resize(416, 416)
    for transition, x, y in (
        (lambda state: turned(state, 1), 300 - 94, 225),
        (flipped_sideways, 400 - 225, 94),
        (flipped_over, 225, 300 - 94),
    ):
        state = opacity_chosen(transition(scored), 1.0)
        canvas.render_state(layer_toggled(state))
        without = look(canvas).astype(int)
        canvas.render_state(state)
        changed = np.abs(look(canvas).astype(int) - without).max(axis=2)
        width, height = (300, 400) if state.display.orientation.is_sideways else (400, 300)
        left, top = (416 - width) // 2, (416 - height) // 2
        assert changed[top + y, left + x] > 60
        assert changed[top + height - y, left + width - x] < 15


def test_the_wheel_keeps_the_point_under_the_mouse_when_turned_and_mirrored(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(flipped_sideways(turned(shown, 1)))
    assert canvas.viewport is not None
    under = canvas.viewport.to_image(120, 90, SIZE)
    chosen: list[Viewport] = []
    canvas.viewport_chosen.connect(chosen.append)
    wheel(canvas, QPoint(120, 90), 120)
    assert chosen[0].to_view(*under, SIZE) == pytest.approx((120, 90))


def test_the_read_out_follows_turns_and_flips(canvas: Canvas, shown: AppState) -> None:
    canvas.resize(416, 416)
    canvas.render_state(flipped_sideways(shown))
    heard: list[str] = []
    canvas.readout_changed.connect(heard.append)
    move(canvas, QPoint(8 + 100, 58 + 50))
    assert heard[-1].startswith("x 299  y 50 ")
    canvas.render_state(turned(shown, 1))
    move(canvas, QPoint(58 + 20, 8 + 30))
    assert heard[-1].startswith("x 30  y 279 ")


def test_a_warning_stays_while_the_picture_is_mirrored(canvas: Canvas, shown: AppState) -> None:
    canvas.resize(416, 416)

    def has_warning() -> bool:
        warning = np.array([0xF3, 0xB5, 0x62])
        return bool((np.abs(look(canvas).astype(int) - warning).max(axis=2) == 0).sum() > 500)

    for state, is_expected in ((shown, False), (turned(shown, 2), False), (flipped_over(shown), True), (flipped_sideways(shown), True)):
        canvas.render_state(state)
        assert has_warning() is is_expected


def test_dragging_with_control_asks_for_the_window_of_a_rectangle(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(shown)
    regions: list[Box] = []
    windows: list[Window] = []
    canvas.region_chosen.connect(regions.append)
    canvas.window_chosen.connect(windows.append)
    before = look(canvas)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, QPoint(208, 158))
    qtbot.mouseMove(canvas, QPoint(108, 58))
    assert (look(canvas)[58, 120:200] != before[58, 120:200]).any()
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(108, 58))
    assert regions == [Box(100.0, 50.0, 200.0, 150.0)]
    assert not windows
    np.testing.assert_array_equal(look(canvas), before)


def test_helps_for_the_eye_are_seen_and_do_not_wander_when_panning(canvas: Canvas, shown: AppState) -> None:
    assert shown.current is not None
    noise = np.random.default_rng(0).integers(1500, 2500, (300, 400)).astype(np.uint16)
    picture = replace(picture_of(shown.current), pyramid=build_pyramid(noise))
    state = viewport_chosen(replace(shown, picture=picture), Viewport(1.0, 200.0, 150.0))
    canvas.render_state(state)
    plain = look(canvas)
    evened = unsharp_toggled(clahe_toggled(state))
    canvas.render_state(evened)
    seen = look(canvas)
    assert seen[100:200, 100:200].std() > 1.5 * plain[100:200, 100:200].std()
    canvas.render_state(viewport_chosen(evened, Viewport(1.0, 210.0, 150.0)))
    np.testing.assert_array_equal(look(canvas)[100:200, 90:190], seen[100:200, 100:200])
    canvas.render_state(window_chosen(evened, Window(2000.0, 100.0)))
    assert (look(canvas) != seen).any()
    canvas.render_state(state)
    np.testing.assert_array_equal(look(canvas), plain)


def test_another_table_of_the_file_is_seen(canvas: Canvas, shown: AppState) -> None:
    assert shown.current is not None
    luts = tuple(Lut(0, 8, read_only(np.full(4096, gray, np.uint16))) for gray in (0, 255))
    state = replace(shown, picture=picture_of(shown.current, voi_luts=luts))
    canvas.render_state(state)
    assert look(canvas)[158, 20:400].max() == 0
    canvas.render_state(file_choice_chosen(state, FileChoice("", 1, is_lut=True)))
    assert look(canvas)[158, 20:400].min() == 255


def send(canvas: Canvas, kind: QEvent.Type, at: tuple[float, float]) -> None:
    """Press, move or release the left button at a point."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind is QEvent.Type.MouseMove else left
    held = none if kind is QEvent.Type.MouseButtonRelease else left
    position = QPointF(*at)
    event = QMouseEvent(kind, position, canvas.mapToGlobal(position), button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, event)


def drag(canvas: Canvas, first: tuple[float, float], last: tuple[float, float]) -> None:
    """Drag with the left button."""
    for kind, at in ((QEvent.Type.MouseButtonPress, first), (QEvent.Type.MouseMove, last), (QEvent.Type.MouseButtonRelease, last)):
        send(canvas, kind, at)


def test_a_tool_draws_where_the_image_is_however_it_lies(canvas: Canvas, shown: AppState) -> None:
    drawn: list[Mark] = []
    windows: list[Window] = []
    canvas.mark_drawn.connect(drawn.append)
    canvas.window_chosen.connect(windows.append)
    canvas.render_state(tool_chosen(flipped_sideways(shown), MarkKind.RULER))
    drag(canvas, (8 + 100, 58), (8 + 150, 108))
    assert drawn == [Mark(drawn[0].number, MarkKind.RULER, (Point(300.0, 50.0), Point(250.0, 100.0)))]
    assert not windows
    drag(canvas, (108, 58), (109, 58))
    assert len(drawn) == 1


def test_a_mark_is_seen_taken_hold_of_and_moved(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(shown)
    plain = look(canvas).astype(int)
    state = mark_added(shown, Mark(0, MarkKind.RULER, (Point(100, 100), Point(200, 100))))
    canvas.render_state(mark_selected(state, 0))
    assert np.abs(look(canvas).astype(int) - plain)[108, 150].max() > 60
    chosen: list[int] = []
    changed: list[Mark] = []
    windows: list[Window] = []
    canvas.mark_selected.connect(chosen.append)
    canvas.mark_changed.connect(changed.append)
    canvas.window_chosen.connect(windows.append)
    drag(canvas, (158, 108), (168, 128))
    assert chosen == [1]
    assert changed[0].points == (Point(110, 120), Point(210, 120))
    assert not windows
    canvas.render_state(mark_selected(state, 1))
    drag(canvas, (208, 108), (208, 208))
    assert changed[1].points == (Point(100, 100), Point(200, 200))
    drag(canvas, (300, 250), (320, 250))
    assert chosen == [1, 0]
    assert len(windows) == 1


def test_escape_lays_the_tool_down(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(tool_chosen(shown, MarkKind.ANGLE))
    drag(canvas, (50, 50), (100, 100))
    with qtbot.waitSignal(canvas.tool_dropped):
        qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    drawn: list[Mark] = []
    canvas.mark_drawn.connect(drawn.append)
    canvas.render_state(shown)
    plain = look(canvas)
    send(canvas, QEvent.Type.MouseMove, (200, 200))
    np.testing.assert_array_equal(look(canvas), plain)
    assert not drawn


@pytest.mark.parametrize("kind", list(MarkKind))
def test_every_kind_of_mark_is_painted_with_its_words(canvas: Canvas, shown: AppState, kind: MarkKind) -> None:
    canvas.render_state(shown)
    plain = look(canvas).astype(int)
    points = (Point(100, 100), Point(200, 120), Point(120, 200), Point(220, 220))
    canvas.render_state(mark_added(shown, Mark(0, kind, points[: kind.points], "a note" if kind.has_text else "")))
    changed = np.abs(look(canvas).astype(int) - plain).max(axis=2) > 30
    assert changed[100:115, 100:116].any()
    assert changed.sum() > 150


def test_the_active_place_is_framed_and_a_touch_is_told(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    canvas.render_state(shown)
    plain = look(canvas)
    canvas.set_marked(is_marked=True)
    assert (look(canvas)[0] != plain[0]).all(axis=0).any()
    np.testing.assert_array_equal(look(canvas)[4:-4, 4:-4], plain[4:-4, 4:-4])
    with qtbot.waitSignal(canvas.touched):
        qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    with qtbot.waitSignal(canvas.touched):
        wheel(canvas, QPoint(50, 50), 120)


def test_the_read_out_tells_the_gray_that_is_seen(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(inversion_toggled(shown))
    gray = int(look(canvas)[108, 158, 0])
    heard: list[str] = []
    canvas.readout_changed.connect(heard.append)
    move(canvas, QPoint(158, 108))
    assert heard[-1].endswith(f"shown as {gray} of 255")


def test_the_magnifier_enlarges_what_is_under_the_mouse_while_its_key_is_held(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    assert shown.current is not None
    values = np.zeros((300, 400), np.uint16)
    values[100:104, 200:204] = 4095
    picture = replace(picture_of(shown.current), pyramid=build_pyramid(values))
    canvas.render_state(replace(shown, picture=picture))
    plain = look(canvas)
    move(canvas, QPoint(8 + 202, 8 + 102))
    np.testing.assert_array_equal(look(canvas), plain)
    qtbot.keyPress(canvas, Qt.Key.Key_Z)
    bright = look(canvas)[60:160, 160:260].min(axis=2) > 128
    assert 80 <= bright.sum() <= 130
    qtbot.keyRelease(canvas, Qt.Key.Key_Z)
    np.testing.assert_array_equal(look(canvas), plain)


def test_layers_that_are_laid_on_again_look_as_when_they_were_drawn(canvas: Canvas, scored: AppState) -> None:
    canvas.render_state(opacity_chosen(scored, 0.7))
    first = look(canvas)
    np.testing.assert_array_equal(look(canvas), first)
    np.testing.assert_array_equal(look(canvas), first)
    canvas.render_state(opacity_chosen(scored, 0.2))
    assert (look(canvas) != first).any()


def test_the_wheel_steps_by_notches_where_the_profile_says_so(canvas: Canvas, shown: AppState) -> None:
    canvas.render_state(profile_chosen(shown, PROFILES["ohif"]))
    steps: list[int] = []
    zooms: list[Viewport] = []
    canvas.step_requested.connect(steps.append)
    canvas.viewport_chosen.connect(zooms.append)
    for delta in (-120, 60, 60, -40, -240):
        wheel(canvas, QPoint(58, 58), delta)
    assert steps == [1, -1, 2]
    assert not zooms


def test_a_profile_decides_what_the_buttons_drag(canvas: Canvas, shown: AppState, qtbot: QtBot) -> None:
    swapped = Profile("swapped", "swapped", left=Drag.PAN, middle=Drag.WINDOW)
    canvas.render_state(profile_chosen(shown, swapped))
    windows: list[Window] = []
    viewports: list[Viewport] = []
    canvas.window_chosen.connect(windows.append)
    canvas.viewport_chosen.connect(viewports.append)
    drag(canvas, (200, 150), (220, 140))
    assert viewports == [Viewport(1.0, 180.0, 160.0)]
    assert not windows


def test_words_of_a_mark_do_not_lie_below_the_colour_bar(canvas: Canvas, scored: AppState) -> None:
    ruler = Mark(0, MarkKind.RULER, (Point(200, 250), Point(330, 250)))
    canvas.render_state(mark_added(label_chosen(scored, "tb"), ruler))
    canvas.grab()
    legend = canvas._layers.legend_box(canvas.fontMetrics(), canvas.rect())
    assert legend.contains(canvas.rect().bottomRight() - QPoint(30, 30))
    on_words = [QPointF(x, y) for x in range(legend.left(), legend.right()) for y in range(legend.top(), legend.bottom(), 4)]
    assert not any(canvas._mark_painter.label_at(place) for place in on_words)


def test_the_colour_bar_leaves_a_small_place_its_picture(scored: AppState, qtbot: QtBot) -> None:
    heights = []
    for side in (900, 400):
        made = Canvas()
        qtbot.addWidget(made)
        made.resize(side, side)
        made.render_state(label_chosen(scored, "tb"))
        made.grab()
        heights.append(made._layers.legend_box(made.fontMetrics(), made.rect()).height())
    assert heights[1] < 0.7 * heights[0]


@pytest.mark.parametrize(
    ("height", "lines"), [(600, ("a.png", "Doe, Jane", "DX  ·  PA  ·  400 × 300  ·  12 bit")), (300, ("a.png  ·  Doe, Jane",))]
)
def test_a_small_place_names_image_and_patient_in_one_line(shown: AppState, height: int, lines: tuple[str, ...]) -> None:
    assert isinstance(shown.picture, LoadedPicture)
    pixels = replace(shown.picture.pixels, info=ImageInfo(modality="DX", view="PA"))
    picture = replace(shown.picture, pixels=pixels)
    assert top_lines(Naming("a.png", "Doe, Jane"), picture, QRect(0, 0, 400, height)) == lines
    assert top_lines(Naming(), picture, QRect(0, 0, 400, 300)) == ()
