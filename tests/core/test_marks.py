"""Marks can be taken hold of, changed with a way back, and kept as plain documents."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.errors import BrokenMarks
from cxrview.core.marks import KEPT_STEPS, Grip, History, Mark, MarkKind, Point, grip_at, marks_document, moved, outline, parse_marks

numbers = st.floats(-1e4, 1e4)
points = st.builds(Point, numbers, numbers)
marks = st.sampled_from(MarkKind).flatmap(
    lambda kind: st.builds(
        Mark,
        st.just(1),
        st.just(kind),
        st.lists(points, min_size=kind.points, max_size=kind.points).map(tuple),
        st.text('aé\n"µ', max_size=9),
    )
)
RULER = Mark(1, MarkKind.RULER, (Point(10, 10), Point(50, 10)))
ANGLE = Mark(2, MarkKind.ANGLE, (Point(10, 30), Point(30, 30), Point(30, 60)))


@given(st.lists(marks, max_size=5))
def test_marks_survive_a_document(drawn: list[Mark]) -> None:
    kept = tuple(replace(mark, number=number + 1) for number, mark in enumerate(drawn))
    read = parse_marks(json.loads(json.dumps(marks_document(kept))))
    for before, after in zip(kept, read, strict=True):
        assert (before.number, before.kind, before.text) == (after.number, after.kind, after.text)
        for first, last in zip(before.points, after.points, strict=True):
            assert math.hypot(first.x - last.x, first.y - last.y) < 0.002


GOOD = marks_document((RULER,))["marks"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "format 1"),
        ({"format": 2, "marks": []}, "format 1"),
        ({"format": 1, "marks": 3}, "list"),
        ({"format": 1, "marks": [3]}, "must have"),
        ({"format": 1, "marks": [GOOD | {"colour": "red"}]}, "must have"),
        ({"format": 1, "marks": [GOOD | {"number": 0}]}, "whole number"),
        ({"format": 1, "marks": [GOOD | {"number": True}]}, "whole number"),
        ({"format": 1, "marks": [GOOD | {"kind": "circle"}]}, "circle"),
        ({"format": 1, "marks": [GOOD | {"text": 5}]}, "kind"),
        ({"format": 1, "marks": [GOOD | {"points": "abc"}]}, "pairs"),
        ({"format": 1, "marks": [GOOD | {"points": [[1, 2], [1]]}]}, "pairs"),
        ({"format": 1, "marks": [GOOD | {"points": [[1, 2], [1, float("nan")]]}]}, "finite"),
        ({"format": 1, "marks": [GOOD | {"points": [[1, 2]]}]}, "2 points, not 1"),
        ({"format": 1, "marks": [GOOD, GOOD]}, "same number"),
    ],
)
def test_a_broken_document_is_refused_with_its_reason(document: object, words: str) -> None:
    with pytest.raises(BrokenMarks, match=words):
        parse_marks(document)


def test_points_are_taken_before_lines_and_nothing_out_of_reach() -> None:
    drawn = (RULER, ANGLE)
    assert grip_at(drawn, Point(12, 11), 4) == Grip(1, 0)
    assert grip_at(drawn, Point(30, 12), 4) == Grip(1)
    assert grip_at(drawn, Point(31, 45), 4) == Grip(2)
    assert grip_at(drawn, Point(31, 29), 4) == Grip(2, 1)
    assert grip_at(drawn, Point(80, 80), 4) is None


@pytest.mark.parametrize(
    ("kind", "place"),
    [(MarkKind.RECTANGLE, Point(100, 40)), (MarkKind.ELLIPSE, Point(100, 30)), (MarkKind.ELLIPSE, Point(50, 60))],
)
def test_an_outline_is_taken_where_it_is_drawn_and_not_inside(kind: MarkKind, place: Point) -> None:
    mark = Mark(1, kind, (Point(0, 0), Point(100, 60)))
    assert grip_at((mark,), place, 2) == Grip(1)
    assert grip_at((mark,), Point(50, 30), 2) is None


def test_moving_moves_one_point_or_all() -> None:
    assert moved(RULER, 1, 5, -5).points == (Point(10, 10), Point(55, 5))
    assert moved(RULER, -1, 5, -5).points == (Point(15, 5), Point(55, 5))


def test_each_mark_is_drawn_from_the_points_it_has() -> None:
    ratio = Mark(1, MarkKind.CARDIOTHORACIC, (Point(0, 0), Point(1, 0), Point(0, 5), Point(9, 5)))
    assert outline(ratio) == ((Point(0, 0), Point(1, 0)), (Point(0, 5), Point(9, 5)))
    assert outline(replace(ratio, points=ratio.points[:2])) == ((Point(0, 0), Point(1, 0)),)
    assert outline(Mark(1, MarkKind.TEXT, (Point(3, 3),))) == ()


def test_every_change_can_be_taken_back_and_done_again() -> None:
    empty = History()
    one = empty.added(RULER)
    two = one.added(replace(ANGLE, number=77))
    assert [mark.number for mark in two.marks] == [1, 2]
    longer = two.replaced(moved(RULER, 1, 9, 0))
    fewer = longer.removed(2)
    assert fewer.back() == replace(longer, undone=(fewer.marks,))
    assert fewer.back().back().back().back().marks == ()
    assert fewer.back().back().forth().forth() == fewer
    assert fewer.back().added(ANGLE).undone == ()
    assert empty.back() is empty
    assert one.forth() is one
    assert one.replaced(RULER) is one


def test_the_way_back_has_an_end() -> None:
    history = History()
    for _time in range(KEPT_STEPS + 30):
        history = history.added(RULER)
    assert len(history.past) == KEPT_STEPS
