"""A line chart as a picture of its own (SVG), for what a run leaves in its report folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 66, 18, 30, 52
COLOURS = ("#0b6fb8", "#c4540a", "#2c8a4b", "#8455b3")
TICKS = 5
STYLE = "font-family:sans-serif;font-size:12px;fill:#333"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: points from left to right, and what it is called."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]


def line_chart(lines: Sequence[Line], *, title: str, x_title: str, y_title: str, is_log: bool = False, mark: float | None = None) -> str:
    """Draw lines over one x axis, logarithmic if asked; points that are not finite are left out.

    Args:
        lines: at least one finite point among them.
        title: above the chart.
        x_title: below it.
        y_title: beside it.
        is_log: the x axis in powers of ten.
        mark: an x to draw an upright line at.
    """
    drawn = [Line(line.name, *_finite(line)) for line in lines]
    xs = [_place(x, is_log=is_log) for line in drawn for x in line.xs]
    ys = [y for line in drawn for y in line.ys]
    x_low, x_high = _ends(xs)
    y_low, y_high = _ends(ys)

    def px(x: float) -> float:
        return round(LEFT + (_place(x, is_log=is_log) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT), 1)

    def py(y: float) -> float:
        return round(HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM), 1)

    parts = [f'<text x="{LEFT}" y="18" style="{STYLE};font-weight:bold">{escape(title)}</text>']
    for number in range(TICKS + 1):
        y = y_low + (y_high - y_low) * number / TICKS
        x = x_low + (x_high - x_low) * number / TICKS
        at = 10**x if is_log else x
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py(y)}" y2="{py(y)}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{py(y) + 4}" text-anchor="end" style="{STYLE}">{y:.3g}</text>')
        parts.append(f'<text x="{px(at)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" style="{STYLE}">{at:.3g}</text>')
    if mark is not None:
        parts.append(f'<line x1="{px(mark)}" x2="{px(mark)}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#888" stroke-dasharray="4 3"/>')
    for number, line in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{px(x)},{py(y)}" for x, y in zip(line.xs, line.ys, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts.append(f'<text x="{WIDTH - RIGHT - 4}" y="{TOP + 14 + 16 * number}" text-anchor="end" fill="{colour}" '
                     f'style="font-family:sans-serif;font-size:12px">{escape(line.name)}</text>')  # fmt: skip
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle" style="{STYLE}">{escape(x_title)}</text>')
    parts.append(f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle" style="{STYLE}">{escape(y_title)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
    return f'{head}<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'


def _finite(line: Line) -> tuple[tuple[float, ...], tuple[float, ...]]:
    kept = [(x, y) for x, y in zip(line.xs, line.ys, strict=True) if math.isfinite(x) and math.isfinite(y)]
    return tuple(x for x, _ in kept), tuple(y for _, y in kept)


def _place(x: float, *, is_log: bool) -> float:
    return math.log10(x) if is_log else x


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
