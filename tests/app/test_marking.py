"""The transitions of measurements and notes, and the hand that draws them."""

from __future__ import annotations

import pytest

from cxrview.app.marking import (
    history_of,
    mark_added,
    mark_changed,
    mark_removed,
    mark_selected,
    marks_redone,
    marks_undone,
    selected_mark,
    tool_chosen,
    tool_dropped,
)
from cxrview.app.state import AppState, image_chosen, picture_loaded
from cxrview.app.views.mark_hand import DRAFT_NUMBER, MarkHand
from cxrview.core.marks import Grip, Mark, MarkKind, Point, moved
from tests.app.samples import picture_of

RULER = Mark(DRAFT_NUMBER, MarkKind.RULER, (Point(10, 10), Point(50, 10)))


def numbers(state: AppState) -> list[int]:
    return [mark.number for mark in history_of(state).marks]


def test_a_tool_is_taken_laid_down_and_gone_after_its_mark(shown: AppState) -> None:
    ready = tool_chosen(shown, MarkKind.RULER)
    assert ready.tool is MarkKind.RULER
    assert tool_chosen(ready, MarkKind.RULER).tool is None
    assert tool_chosen(ready, MarkKind.ANGLE).tool is MarkKind.ANGLE
    assert tool_dropped(ready).tool is None
    drawn = mark_added(ready, RULER)
    assert drawn.tool is None
    assert numbers(drawn) == [1]
    assert selected_mark(drawn) == history_of(drawn).marks[0]


def test_changes_can_be_undone_and_redone(shown: AppState) -> None:
    drawn = mark_added(mark_added(shown, RULER), RULER)
    changed = mark_changed(drawn, moved(history_of(drawn).marks[0], -1, 5, 5))
    assert history_of(changed).marks[0].points[0] == Point(15, 15)
    assert history_of(marks_undone(changed)).marks == history_of(drawn).marks
    assert history_of(marks_redone(marks_undone(changed))).marks == history_of(changed).marks
    assert marks_undone(shown) is shown


def test_deleting_takes_the_selected_mark_only(shown: AppState) -> None:
    drawn = mark_selected(mark_added(mark_added(shown, RULER), RULER), 1)
    fewer = mark_removed(drawn)
    assert numbers(fewer) == [2]
    assert selected_mark(fewer) is None
    assert mark_removed(fewer) is fewer
    assert selected_mark(mark_selected(drawn, 0)) is None
    assert selected_mark(marks_undone(marks_undone(drawn))) is None


def test_each_image_has_marks_of_its_own(shown: AppState) -> None:
    second = shown.listing.shown[1]
    drawn = mark_added(shown, RULER)
    other = picture_loaded(image_chosen(drawn, second), picture_of(second))
    assert numbers(other) == []
    assert selected_mark(other) is None
    assert numbers(image_chosen(mark_added(other, RULER), shown.listing.shown[0])) == [1]


def test_nothing_is_drawn_without_a_picture(opened: AppState) -> None:
    assert tool_chosen(opened, MarkKind.RULER) is opened
    assert mark_added(opened, RULER) is opened
    assert history_of(AppState()).marks == ()
    assert mark_selected(AppState(), 3).selected is None


@pytest.mark.parametrize("kind", [MarkKind.RULER, MarkKind.RECTANGLE, MarkKind.ELLIPSE, MarkKind.ARROW])
def test_two_points_are_one_drag(kind: MarkKind) -> None:
    hand = MarkHand()
    hand.press(kind, Point(1, 2))
    hand.move(Point(9, 9))
    assert hand.draft == Mark(DRAFT_NUMBER, kind, (Point(1, 2), Point(9, 9)))
    assert hand.release(Point(20, 30), 4) == Mark(DRAFT_NUMBER, kind, (Point(1, 2), Point(20, 30)))
    assert hand.draft is None


def test_an_angle_is_a_drag_and_a_click() -> None:
    hand = MarkHand()
    hand.press(MarkKind.ANGLE, Point(0, 0))
    assert hand.release(Point(20, 0), 4) is None
    hand.move(Point(20, 30))
    assert hand.draft is not None
    assert hand.draft.points == (Point(0, 0), Point(20, 0), Point(20, 30))
    hand.press(MarkKind.ANGLE, Point(21, 0))
    assert hand.release(Point(21, 0), 4) is None
    hand.press(MarkKind.ANGLE, Point(20, 40))
    angle = hand.release(Point(20, 40), 4)
    assert angle is not None
    assert angle.points == (Point(0, 0), Point(20, 0), Point(20, 40))


def test_a_cardiothoracic_ratio_is_two_drags_and_a_slip_does_no_harm() -> None:
    hand = MarkHand()
    hand.press(MarkKind.CARDIOTHORACIC, Point(0, 0))
    assert hand.release(Point(20, 0), 4) is None
    hand.move(Point(99, 99))
    hand.press(MarkKind.CARDIOTHORACIC, Point(0, 50))
    assert hand.release(Point(1, 50), 4) is None
    hand.press(MarkKind.CARDIOTHORACIC, Point(-10, 50))
    hand.move(Point(5, 50))
    ratio = hand.release(Point(40, 50), 4)
    assert ratio is not None
    assert ratio.points == (Point(0, 0), Point(20, 0), Point(-10, 50), Point(40, 50))


def test_a_slip_draws_nothing_and_a_note_needs_only_a_click() -> None:
    hand = MarkHand()
    hand.press(MarkKind.RULER, Point(5, 5))
    assert hand.release(Point(6, 5), 4) is None
    assert hand.draft is None
    hand.press(MarkKind.TEXT, Point(5, 5))
    assert hand.release(Point(6, 5), 4) == Mark(DRAFT_NUMBER, MarkKind.TEXT, (Point(6, 5),))
    assert hand.release(Point(6, 5), 4) is None


def test_a_held_mark_moves_with_the_hand_and_tells_only_when_it_moved() -> None:
    hand = MarkHand()
    mark = Mark(3, MarkKind.RULER, (Point(0, 0), Point(10, 0)))
    hand.take(mark, Grip(3, 1), Point(11, 1))
    assert hand.is_moving
    hand.move(Point(16, 6))
    assert hand.draft == Mark(3, MarkKind.RULER, (Point(0, 0), Point(15, 5)))
    assert hand.release(Point(21, 1), 4) == Mark(3, MarkKind.RULER, (Point(0, 0), Point(20, 0)))
    hand.take(mark, Grip(3), Point(5, 0))
    assert hand.release(Point(5, 0), 4) is None
    hand.take(mark, Grip(3), Point(5, 0))
    hand.drop()
    assert hand.draft is None
