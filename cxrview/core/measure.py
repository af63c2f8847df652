"""What marks measure on a picture, and what a length on a projection is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrview.core.image import Pixels, Spacing, SpacingKind
from cxrview.core.marks import Mark, MarkKind, Point, length_px
from cxrview.core.voi import modality_table


@dataclass(frozen=True, slots=True)
class Statistics:
    """Modality values inside an outline; `count` pixels, none when it holds no pixel centre."""

    count: int
    mean: float = math.nan
    deviation: float = math.nan
    least: float = math.nan
    greatest: float = math.nan


def length_text(first: Point, last: Point, spacing: Spacing) -> str:
    """Give a distance with what it is worth; millimetres only where the file says what they mean."""
    if not _has_scale(spacing):
        return f"{length_px(first, last):.0f} px, {SpacingKind.UNKNOWN}"
    return f"{_length(first, last, spacing):.1f} mm {spacing.kind}"


def angle_degrees(first: Point, vertex: Point, last: Point, spacing: Spacing) -> float:
    """Give the angle at the vertex, 0 to 180 degrees; rectangular pixels are allowed for."""
    ax, ay = _step(vertex, first, spacing)
    bx, by = _step(vertex, last, spacing)
    return math.degrees(math.atan2(abs(ax * by - ay * bx), ax * bx + ay * by))


def cardiothoracic_ratio(points: Sequence[Point], spacing: Spacing) -> float:
    """Give the heart's width over the thorax's; not a number when the thorax has none."""
    thorax = _length(points[2], points[3], spacing)
    return _length(points[0], points[1], spacing) / thorax if thorax > 0 else math.nan


def statistics(mark: Mark, pixels: Pixels) -> Statistics:
    """Take the modality values of all pixels whose centre lies inside a rectangle or an ellipse, without padding."""
    left, right = sorted(point.x for point in mark.points)
    top, bottom = sorted(point.y for point in mark.points)
    x0, x1 = max(0, math.ceil(left - 0.5)), min(pixels.width, math.ceil(right - 0.5))
    y0, y1 = max(0, math.ceil(top - 0.5)), min(pixels.height, math.ceil(bottom - 0.5))
    if x1 <= x0 or y1 <= y0:
        return Statistics(0)
    inside = pixels.values[y0:y1, x0:x1]
    if mark.kind is MarkKind.ELLIPSE:
        rows = (np.arange(y0, y1)[:, None] + 0.5 - (top + bottom) / 2) / max((bottom - top) / 2, 1e-9)
        columns = (np.arange(x0, x1)[None, :] + 0.5 - (left + right) / 2) / max((right - left) / 2, 1e-9)
        inside = inside[rows**2 + columns**2 <= 1.0]
    counts = np.bincount(inside.ravel(), minlength=256 if pixels.values.dtype == np.uint8 else 65536)
    if pixels.padding is not None:
        low, high = (min(max(edge - pixels.offset, 0), counts.size) for edge in pixels.padding)
        counts[low : high + 1] = 0
    used = np.flatnonzero(counts)
    if not used.size:
        return Statistics(0)
    values, weights = modality_table(pixels)[used].astype(np.float64), counts[used]
    mean = float(np.average(values, weights=weights))
    deviation = math.sqrt(float(np.average((values - mean) ** 2, weights=weights)))
    return Statistics(int(weights.sum()), mean, deviation, float(values.min()), float(values.max()))


def mark_lines(mark: Mark, pixels: Pixels) -> tuple[str, ...]:
    """Say what a mark measures, in lines for people; notes give their text, an unfinished mark its first length."""
    points, spacing = mark.points, pixels.spacing
    if mark.kind in (MarkKind.RECTANGLE, MarkKind.ELLIPSE):
        return _statistics_lines(mark, pixels)
    if mark.kind.has_text:
        return tuple(mark.text.splitlines())
    if mark.kind is MarkKind.RULER or len(points) < mark.kind.points:
        return (length_text(points[0], points[1], spacing),)
    if mark.kind is MarkKind.ANGLE:
        return (f"{angle_degrees(points[0], points[1], points[2], spacing):.1f}°",)
    ratio = cardiothoracic_ratio(points, spacing)
    return (
        f"Cardiothoracic ratio {'–' if math.isnan(ratio) else f'{ratio:.2f}'}",
        f"heart {length_text(points[0], points[1], spacing)}",
        f"thorax {length_text(points[2], points[3], spacing)}",
    )


def _statistics_lines(mark: Mark, pixels: Pixels) -> tuple[str, ...]:
    found = statistics(mark, pixels)
    if not found.count:
        return ("no pixel inside",)
    return (
        f"mean {found.mean:.1f}  SD {found.deviation:.1f}",
        f"min {found.least:g}  max {found.greatest:g}",
        f"{found.count:,} px",
    )


def _has_scale(spacing: Spacing) -> bool:
    return spacing.kind is not SpacingKind.UNKNOWN and spacing.row_mm > 0 and spacing.column_mm > 0


def _step(first: Point, last: Point, spacing: Spacing) -> tuple[float, float]:
    """Give the way between two points, in mm where a spacing is known (whatever it means), else in px."""
    has_numbers = spacing.row_mm > 0 and spacing.column_mm > 0
    scale_x, scale_y = (spacing.column_mm, spacing.row_mm) if has_numbers else (1.0, 1.0)
    return (last.x - first.x) * scale_x, (last.y - first.y) * scale_y


def _length(first: Point, last: Point, spacing: Spacing) -> float:
    return math.hypot(*_step(first, last, spacing))
