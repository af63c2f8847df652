"""Draw the plots of a report as inline SVG; colours are classes of the page's style, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from cxrview.evaluation.curves import Band
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.report import EvaluationReport
from cxrview.evaluation.within_source import HISTOGRAM_BINS, ContrastResult, Curve

# Classes of the page's style: the network, then the baselines in their order.
SERIES = ("s0", "s1", "s2")
SIZE = 320
MARGIN = 46
LABEL_WIDTH = 340
ROW_HEIGHT = 54
STEP = 14
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
FOREST_WIDTH = 980


@dataclass(frozen=True, slots=True)
class _Axes:
    """A unit square of a plot inside its margins; x to the right, y upwards, both 0 to 1."""

    x_title: str
    y_title: str

    def x(self, value: float) -> float:
        return round(MARGIN + value * (SIZE - MARGIN - 12), 2)

    def y(self, value: float) -> float:
        return round(SIZE - MARGIN - value * (SIZE - MARGIN - 12), 2)

    def draw(self) -> str:
        levels = "".join(
            _line(self.x(0), self.y(t), self.x(1), self.y(t), "grid") + _text(self.x(0) - 5, self.y(t) + 4, f"{t:g}", "end") for t in TICKS
        )
        return self.draw_along_x() + levels

    def draw_along_x(self) -> str:
        columns = "".join(
            _line(self.x(t), self.y(0), self.x(t), self.y(1), "grid") + _text(self.x(t), self.y(0) + 14, f"{t:g}", "middle") for t in TICKS
        )
        beside = (
            f'<text class="title" transform="translate(11 {self.y(0.5)}) rotate(-90)" text-anchor="middle">{escape(self.y_title)}</text>'
        )
        return columns + _text(self.x(0.5), SIZE - 6, self.x_title, "middle", "title") + beside


def forest_plot(report: EvaluationReport) -> str:
    """Draw the AUROC of the network and of its baselines with their intervals, a row for each contrast."""
    height = 34 + ROW_HEIGHT * len(report.contrasts) + 22
    floor = min([0.4, *(end for r in report.contrasts for i in _intervals(r) for end in (i.value, i.low) if not math.isnan(end))])
    floor = math.floor(floor * 10) / 10

    def x(value: float) -> float:
        return round(LABEL_WIDTH + (value - floor) / (1 - floor) * (FOREST_WIDTH - LABEL_WIDTH - 24), 2)

    ticks = [floor + k / 10 for k in range(round((1 - floor) * 10) + 1)]
    parts = [_text(0, height - 8, "AUROC; 0.5 is chance", "start", "title")]
    parts += [
        _line(x(t), 20, x(t), height - 24, "chance" if math.isclose(t, 0.5) else "grid") + _text(x(t), height - 8, f"{t:.1f}", "middle")
        for t in ticks
    ]
    for k, result in enumerate(report.contrasts):
        top = 34 + k * ROW_HEIGHT
        contrast = result.contrast
        parts.append(_text(0, top + 10, f"{contrast.label} against {contrast.against}", "start", "strong"))
        counts = f"{result.auroc.positives} / {result.auroc.n - result.auroc.positives} images, {result.auroc.groups} patients"
        parts.append(_text(0, top + 26, f"{contrast.source} ({contrast.split.value}), {counts}", "start"))
        parts.extend(_whisker(x, top + 4 + s * STEP, i, c) for s, (i, c) in enumerate(zip(_intervals(result), SERIES, strict=False)))
    return _svg(FOREST_WIDTH, height, "AUROC with 95 percent intervals, network and baselines, for each contrast", parts)


def roc_plot(result: ContrastResult) -> str:
    """Draw the ROC curves of the network and of its baselines."""
    axes = _Axes("1 − specificity", "Sensitivity")
    curves = [result.roc, *(baseline.roc for baseline in result.baselines)]
    chance = _line(axes.x(0), axes.y(0), axes.x(1), axes.y(1), "chance")
    lines = [_curve(axes, curve, name) for curve, name in reversed(list(zip(curves, SERIES, strict=False)))]
    return _svg(SIZE, SIZE, f"ROC curve, AUROC {result.auroc}", [axes.draw(), chance, _band(axes, result.roc_band), *lines])


def precision_plot(result: ContrastResult) -> str:
    """Draw precision over recall, with the precision of guessing."""
    axes = _Axes("Sensitivity (recall)", "Precision")
    curve = result.precision_recall
    guess = _line(axes.x(0), axes.y(curve.prevalence), axes.x(1), axes.y(curve.prevalence), "chance")
    points = " ".join(f"{axes.x(x)},{axes.y(y)}" for x, y in zip(curve.recalls, curve.precisions, strict=True))
    line = f'<polyline class="curve s0" points="{points}"/>'
    label = f"Precision over recall, average precision {result.average_precision}"
    return _svg(SIZE, SIZE, label, [axes.draw(), guess, _band(axes, result.precision_band), line])


def calibration_plot(result: ContrastResult) -> str:
    """Draw observed frequency over promised probability, with Wilson intervals; the area of a dot tells its cases."""
    axes = _Axes("Probability promised", "Share that was positive")
    parts = [axes.draw(), _line(axes.x(0), axes.y(0), axes.x(1), axes.y(1), "chance")]
    for group in result.calibration:
        x = axes.x(group.mean_probability)
        radius = 2.5 + 6 * math.sqrt(group.fraction.n / max(1, result.auroc.n))
        title = f"promised {group.mean_probability:.3f}, came {group.fraction}, {group.fraction.n} images"
        parts.append(_line(x, axes.y(group.fraction.low), x, axes.y(group.fraction.high), "whisker s0"))
        parts.append(
            f'<circle class="dot s0" cx="{x}" cy="{axes.y(group.fraction.value)}" r="{radius:.1f}"><title>{title}</title></circle>'
        )
    return _svg(SIZE, SIZE, f"Calibration, expected error {result.calibration_error:.3f}", parts)


def distribution_plot(result: ContrastResult) -> str:
    """Draw the probabilities of positives upwards and of negatives downwards, as shares of their class, with the threshold."""
    axes = _Axes("Probability", "Share of the class")
    ups, downs = _shares(result.positive_histogram), _shares(result.negative_histogram)
    scale = 0.42 / max([*ups, *downs, 1e-9])
    bars = [*_bars(axes, ups, scale, "up"), *_bars(axes, downs, -scale, "down")]
    cut = axes.x(min(1.0, result.threshold.probability))
    marks = _line(axes.x(0), axes.y(0.5), axes.x(1), axes.y(0.5), "axis") + _line(cut, axes.y(0), cut, axes.y(1), "cut")
    names = _text(axes.x(0.5), axes.y(0.955), f"{result.contrast.label} ↑", "middle", "strong")
    names += _text(axes.x(0.5), axes.y(0.01), f"{result.contrast.against} ↓", "middle", "strong")
    label = f"Distribution of probabilities, threshold {result.threshold.probability:.3f}"
    return _svg(SIZE, SIZE, label, [axes.draw_along_x(), *bars, marks, names])


def _bars(axes: _Axes, shares: Sequence[float], scale: float, name: str) -> list[str]:
    width = round((axes.x(1) - axes.x(0)) / HISTOGRAM_BINS - 1, 2)
    ends = [(k, axes.y(0.5 + share * scale)) for k, share in enumerate(shares) if share]
    middle = axes.y(0.5)
    return [
        f'<rect class="bar {name}" x="{axes.x(k / HISTOGRAM_BINS) + 0.5:.2f}" y="{min(end, middle):.2f}" '
        f'width="{width}" height="{abs(end - middle):.2f}"/>'
        for k, end in ends
    ]


def _shares(counts: Sequence[int]) -> list[float]:
    total = max(1, sum(counts))
    return [count / total for count in counts]


def _band(axes: _Axes, band: Band) -> str:
    if not band.at:
        return ""
    there = [f"{axes.x(x)},{axes.y(y)}" for x, y in zip(band.at, band.high, strict=True)]
    back = [f"{axes.x(x)},{axes.y(y)}" for x, y in zip(reversed(band.at), reversed(band.low), strict=True)]
    return f'<polygon class="band" points="{" ".join([*there, *back])}"/>'


def _curve(axes: _Axes, curve: Curve, name: str) -> str:
    points = " ".join(f"{axes.x(x)},{axes.y(y)}" for x, y in zip(curve.false_positive_rates, curve.sensitivities, strict=True))
    return f'<polyline class="curve {name}" points="{points}"/>'


def _whisker(x: Callable[[float], float], y: float, interval: Interval, name: str) -> str:
    if math.isnan(interval.value):
        return ""
    bar = "" if math.isnan(interval.low) else _line(x(interval.low), y, x(interval.high), y, f"whisker {name}")
    return f'<g><title>{interval}</title>{bar}<circle class="dot {name}" cx="{x(interval.value)}" cy="{y}" r="4.5"/></g>'


def _intervals(result: ContrastResult) -> list[Interval]:
    return [result.auroc, *(baseline.auroc for baseline in result.baselines)]


def _line(x1: float, y1: float, x2: float, y2: float, name: str) -> str:
    return f'<line class="{name}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _text(x: float, y: float, words: str, anchor: str, name: str = "tick") -> str:
    return f'<text class="{name}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(width: int, height: int, label: str, parts: Iterable[str]) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
