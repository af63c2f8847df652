"""A measurement says what it is worth."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.image import Pixels, Spacing, SpacingKind, read_only
from cxrview.core.marks import Mark, MarkKind, Point
from cxrview.core.measure import angle_degrees, cardiothoracic_ratio, length_text, mark_lines, statistics

RAMP = Pixels(read_only(np.tile(np.arange(100, dtype=np.uint16), (80, 1))), 12, slope=2.0, intercept=-10.0)
KNOWN = [kind for kind in SpacingKind if kind is not SpacingKind.UNKNOWN]
UNKNOWN = Spacing()


@pytest.mark.parametrize("kind", KNOWN)
def test_a_length_always_says_what_it_is(kind: SpacingKind) -> None:
    assert length_text(Point(0, 0), Point(30, 40), Spacing(0.2, 0.2, kind)) == f"10.0 mm {kind}"
    assert length_text(Point(0, 0), Point(30, 40), Spacing(0.0, 0.0, kind)) == "50 px, unknown spacing"


@given(st.sampled_from(SpacingKind), st.floats(0, 3), st.floats(0, 3), st.floats(-500, 500), st.floats(-500, 500))
def test_no_length_is_ever_bare_millimetres(kind: SpacingKind, row_mm: float, column_mm: float, x: float, y: float) -> None:
    text = length_text(Point(0, 0), Point(x, y), Spacing(row_mm, column_mm, kind))
    assert not re.search(r"mm\s*$", text)
    assert ("mm" in text) == (kind is not SpacingKind.UNKNOWN and row_mm > 0 and column_mm > 0)
    assert str(kind) in text or "unknown spacing" in text


def test_a_number_that_nobody_vouches_for_gives_pixels() -> None:
    assert length_text(Point(0, 0), Point(3, 4), Spacing(0.5, 0.5, SpacingKind.UNKNOWN)) == "5 px, unknown spacing"


def test_rectangular_pixels_are_allowed_for() -> None:
    wide = Spacing(0.1, 0.3, SpacingKind.CALIBRATED)
    assert length_text(Point(0, 0), Point(10, 0), wide) == "3.0 mm calibrated"
    assert length_text(Point(0, 0), Point(0, 10), wide) == "1.0 mm calibrated"
    assert angle_degrees(Point(1, 0), Point(0, 0), Point(1, 3), wide) == pytest.approx(45)
    assert cardiothoracic_ratio((Point(0, 0), Point(0, 30), Point(0, 0), Point(20, 0)), wide) == pytest.approx(0.5)


@pytest.mark.parametrize(("last", "degrees"), [((10, 0), 0), ((10, 10), 45), ((0, 10), 90), ((0, -10), 90), ((-10, 0), 180)])
def test_an_angle_is_between_its_legs(last: tuple[float, float], degrees: float) -> None:
    assert angle_degrees(Point(5, 0), Point(0, 0), Point(*last), UNKNOWN) == pytest.approx(degrees)


def test_statistics_are_in_modality_values_of_the_pixels_inside() -> None:
    found = statistics(Mark(1, MarkKind.RECTANGLE, (Point(30, 5), Point(10, 25))), RAMP)
    inside = 2.0 * np.arange(10, 30) - 10
    assert found.count == 400
    assert found.mean == pytest.approx(inside.mean())
    assert found.deviation == pytest.approx(inside.std())
    assert (found.least, found.greatest) == (inside.min(), inside.max())


def test_an_ellipse_holds_less_than_its_box_and_no_corner() -> None:
    values = np.zeros((80, 100), np.uint16)
    values[10, 10] = 500
    pixels = replace(RAMP, values=read_only(values))
    box = (Point(10, 10), Point(50, 40))
    found = statistics(Mark(1, MarkKind.ELLIPSE, box), pixels)
    assert found.count == pytest.approx(np.pi * 20 * 15, rel=0.01)
    assert found.greatest == -10
    assert statistics(Mark(1, MarkKind.RECTANGLE, box), pixels).greatest == 990


def test_what_lies_outside_the_picture_or_is_padding_does_not_count() -> None:
    corner = Mark(1, MarkKind.RECTANGLE, (Point(-20, -20), Point(10, 10)))
    assert statistics(corner, RAMP).count == 100
    assert statistics(corner, replace(RAMP, padding=(0, 4))).count == 50
    for mark in (Mark(1, MarkKind.RECTANGLE, (Point(-20, -20), Point(-5, 10))), Mark(1, MarkKind.ELLIPSE, (Point(5, 5), Point(5, 5)))):
        assert mark_lines(mark, RAMP) == ("no pixel inside",)
    assert mark_lines(corner, replace(RAMP, padding=(0, 200))) == ("no pixel inside",)


def test_each_kind_says_what_it_measures() -> None:
    p = (Point(0, 0), Point(30, 0), Point(30, 10), Point(90, 10))
    assert mark_lines(Mark(1, MarkKind.RULER, p[:2]), RAMP) == ("30 px, unknown spacing",)
    assert mark_lines(Mark(1, MarkKind.ANGLE, p[:3]), RAMP) == ("90.0°",)
    assert mark_lines(Mark(1, MarkKind.CARDIOTHORACIC, p), RAMP)[0] == "Cardiothoracic ratio 0.50"
    assert mark_lines(Mark(1, MarkKind.CARDIOTHORACIC, (*p[:2], p[2], p[2])), RAMP)[0] == "Cardiothoracic ratio –"
    assert mark_lines(Mark(1, MarkKind.RECTANGLE, (p[0], p[2])), RAMP) == ("mean 19.0  SD 17.3", "min -10  max 48", "300 px")
    assert mark_lines(Mark(1, MarkKind.TEXT, p[:1], "one\ntwo"), RAMP) == ("one", "two")
    assert mark_lines(Mark(1, MarkKind.ARROW, p[:2]), RAMP) == ()


@pytest.mark.parametrize("kind", [MarkKind.ANGLE, MarkKind.CARDIOTHORACIC])
def test_an_unfinished_mark_tells_its_first_length(kind: MarkKind) -> None:
    assert mark_lines(Mark(1, kind, (Point(0, 0), Point(30, 40))), RAMP) == ("50 px, unknown spacing",)
