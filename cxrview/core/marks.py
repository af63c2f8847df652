"""Marks that a person draws on a picture: their shapes, taking hold of them, a way back, and plain documents to keep them in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

from cxrview.core.errors import BrokenMarks

FORMAT: Final = 1
"""Of the documents that marks are kept in."""


class MarkKind(StrEnum):
    """What a mark is."""

    RULER = "ruler"
    ANGLE = "angle"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    ARROW = "arrow"
    TEXT = "text"
    CARDIOTHORACIC = "cardiothoracic"

    @property
    def points(self) -> int:
        """How many points make it."""
        return _POINTS[self]

    @property
    def has_text(self) -> bool:
        """Tell whether a person writes its text."""
        return self in (MarkKind.ARROW, MarkKind.TEXT)


_POINTS: Final = {
    MarkKind.RULER: 2,
    MarkKind.ANGLE: 3,
    MarkKind.RECTANGLE: 2,
    MarkKind.ELLIPSE: 2,
    MarkKind.ARROW: 2,
    MarkKind.TEXT: 1,
    MarkKind.CARDIOTHORACIC: 4,
}


@dataclass(frozen=True, slots=True)
class Point:
    """A place in image px, (0, 0) at the outer corner of the first pixel."""

    x: float
    y: float

    def moved(self, dx: float, dy: float) -> Point:
        """Give the place this far away."""
        return Point(self.x + dx, self.y + dy)


@dataclass(frozen=True, slots=True)
class Mark:
    """One measurement or note.

    Attributes:
        number: from 1, its own within the picture.
        points: ends of a ruler; angle at the second of three; corners of a rectangle or of the box around an ellipse; tip and
            tail of an arrow; where a text begins; of a cardiothoracic ratio the heart's width, then the thorax's.
        text: what the person wrote.
    """

    number: int
    kind: MarkKind
    points: tuple[Point, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Grip:
    """What a hand takes hold of: a mark, and one of its points, or -1 for all of it."""

    number: int
    point: int = -1


# Taking hold of marks.


def length_px(first: Point, last: Point) -> float:
    """Give a distance in image px."""
    return math.hypot(last.x - first.x, last.y - first.y)


def grip_at(marks: Sequence[Mark], place: Point, reach_px: float) -> Grip | None:
    """Give what lies within reach of a place, points before lines, the last drawn first; reach is in image px."""
    for mark in reversed(marks):
        for index, point in enumerate(mark.points):
            if length_px(point, place) <= reach_px:
                return Grip(mark.number, index)
    for mark in reversed(marks):
        if any(_distance(place, first, last) <= reach_px for first, last in outline(mark)):
            return Grip(mark.number)
    return None


def moved(mark: Mark, point: int, dx: float, dy: float) -> Mark:
    """Move one point of a mark, or all of it with -1, by a way in image px."""
    points = tuple(each.moved(dx, dy) if point in (-1, index) else each for index, each in enumerate(mark.points))
    return replace(mark, points=points)


def outline(mark: Mark) -> tuple[tuple[Point, Point], ...]:
    """Give the straight lines that a mark is drawn with; an ellipse as a polygon."""
    points = mark.points
    if mark.kind is MarkKind.RECTANGLE:
        (x0, y0), (x1, y1) = ((point.x, point.y) for point in points)
        corners = (Point(x0, y0), Point(x1, y0), Point(x1, y1), Point(x0, y1))
        return tuple(zip(corners, (*corners[1:], corners[0]), strict=True))
    if mark.kind is MarkKind.ELLIPSE:
        return _ellipse(points[0], points[1])
    if mark.kind is MarkKind.CARDIOTHORACIC:
        return tuple((points[index], points[index + 1]) for index in range(0, len(points) - 1, 2))
    return tuple(pairwise(points))


def _ellipse(first: Point, last: Point) -> tuple[tuple[Point, Point], ...]:
    x, y = (first.x + last.x) / 2, (first.y + last.y) / 2
    wide, high = abs(last.x - first.x) / 2, abs(last.y - first.y) / 2
    angles = [math.tau * step / _SIDES for step in range(_SIDES + 1)]
    ring = [Point(x + wide * math.cos(angle), y + high * math.sin(angle)) for angle in angles]
    return tuple(pairwise(ring))


_SIDES: Final = 48


def _distance(place: Point, first: Point, last: Point) -> float:
    dx, dy = last.x - first.x, last.y - first.y
    squared = dx * dx + dy * dy
    share = 0.0 if squared == 0 else min(1.0, max(0.0, ((place.x - first.x) * dx + (place.y - first.y) * dy) / squared))
    return length_px(place, first.moved(share * dx, share * dy))


# Changing marks, with a way back.

KEPT_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class History:
    """The marks of a picture, what they were before each change, and what was undone; the newest step last in each."""

    marks: tuple[Mark, ...] = ()
    past: tuple[tuple[Mark, ...], ...] = ()
    undone: tuple[tuple[Mark, ...], ...] = ()

    def changed(self, marks: tuple[Mark, ...]) -> History:
        """Go to other marks; what was undone is gone."""
        return self if marks == self.marks else History(marks, (*self.past, self.marks)[-KEPT_STEPS:])

    def added(self, mark: Mark) -> History:
        """Add a mark under a number of its own."""
        number = max((each.number for each in self.marks), default=0) + 1
        return self.changed((*self.marks, replace(mark, number=number)))

    def replaced(self, mark: Mark) -> History:
        """Put a mark in the place of the one with its number."""
        return self.changed(tuple(mark if each.number == mark.number else each for each in self.marks))

    def removed(self, number: int) -> History:
        """Take a mark away."""
        return self.changed(tuple(each for each in self.marks if each.number != number))

    def back(self) -> History:
        """Undo the last change, if there is one."""
        return History(self.past[-1], self.past[:-1], (*self.undone, self.marks)) if self.past else self

    def forth(self) -> History:
        """Do again what was undone last, if anything was."""
        return History(self.undone[-1], (*self.past, self.marks), self.undone[:-1]) if self.undone else self


# Marks as plain documents, for JSON.


def marks_document(marks: Sequence[Mark]) -> dict[str, object]:
    """Give marks as a document of plain lists, texts and numbers."""
    return {"format": FORMAT, "marks": [_mark_document(mark) for mark in marks]}


def _mark_document(mark: Mark) -> dict[str, object]:
    points = [[round(point.x, 3), round(point.y, 3)] for point in mark.points]
    return {"number": mark.number, "kind": str(mark.kind), "points": points, "text": mark.text}


def parse_marks(document: object) -> tuple[Mark, ...]:
    """Read marks from a document.

    Raises:
        BrokenMarks: naming what is wrong in it.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise BrokenMarks(f"marks are not in format {FORMAT}.")
    entries = document.get("marks")
    if not isinstance(entries, list):
        raise BrokenMarks("`marks` must be a list.")
    marks = tuple(_parse_mark(entry) for entry in entries)
    if len({mark.number for mark in marks}) != len(marks):
        raise BrokenMarks("two marks have the same number.")
    return marks


def _parse_mark(entry: object) -> Mark:
    if not isinstance(entry, Mapping) or set(entry) != {"number", "kind", "points", "text"}:
        raise BrokenMarks("a mark must have number, kind, points and text.")
    number, kind, text = entry["number"], entry["kind"], entry["text"]
    if type(number) is not int or number < 1:
        raise BrokenMarks(f"the number of a mark must be a whole number from 1, not {number!r}.")
    if kind not in tuple(MarkKind) or not isinstance(text, str):
        raise BrokenMarks(f"there is no mark of kind {kind!r}.")
    points = _parse_points(entry["points"])
    if len(points) != MarkKind(kind).points:
        raise BrokenMarks(f"a mark of kind {kind} has {MarkKind(kind).points} points, not {len(points)}.")
    return Mark(number, MarkKind(kind), points, text)


def _parse_points(entries: object) -> tuple[Point, ...]:
    if not isinstance(entries, list) or not all(_is_pair(entry) for entry in entries):
        raise BrokenMarks("points must be pairs of finite numbers.")
    return tuple(Point(float(x), float(y)) for x, y in entries)


def _is_pair(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) != 2:
        return False
    return all(isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in entry)
