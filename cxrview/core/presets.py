"""Windows made for chest radiographs: rules on the picture's own histogram, so that they fit 8 to 16 bit and any exposure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Box
from cxrview.core.image import Pixels, VoiFunction, Window
from cxrview.core.voi import modality_table

Float64Array = npt.NDArray[np.float64]


class Preset(StrEnum):
    """What a window is to show well; the value is the name that people read."""

    AUTO = "auto"
    LUNG = "lung"
    MEDIASTINUM = "mediastinum"
    BONE = "bone"
    LINES = "lines and tubes"


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where a window begins, a quantile of the dark part of the chest (lungs), and ends, one of the bright part (all else)."""

    begin: float
    end: float


_RULES: Final = {
    # From the darkest lung to the brightest bone, letters and metal left out.
    Preset.AUTO: _Rule(0.02, 0.98),
    # The lungs' own range fills the grays; the mediastinum is nearly white.
    Preset.LUNG: _Rule(0.01, 0.35),
    # The lungs are nearly black; what lies behind the heart and the diaphragm shows.
    Preset.MEDIASTINUM: _Rule(0.5, 0.998),
    # Ribs stand out from the lungs as well as from the soft tissue behind them.
    Preset.BONE: _Rule(0.25, 0.85),
    # Steep over the middle of the chest, where tubes and catheters run.
    Preset.LINES: _Rule(0.6, 0.75),
}
_CENTRAL: Final = 0.12
"""Share of each side that is left out: collimator, arms, and air beside the patient lie there."""
_FLOOD: Final = 0.02
"""A single extreme value that fills more of the picture than this is a border or saturation, not anatomy."""
_SAMPLES: Final = 400_000
_BINS: Final = 256
_REGION_LOW, _REGION_HIGH = 0.02, 0.98
MIN_REGION_PX: Final = 4
"""A region smaller than this, on either side, is a slip of the hand."""


@dataclass(frozen=True, slots=True)
class FileChoice:
    """One VOI of the file: a lookup table, or a window, by its place among its like."""

    title: str
    index: int
    is_lut: bool


def preset_window(pixels: Pixels, preset: Preset) -> Window:
    """Give the window of a preset, in modality values."""
    values, counts = _brightness(pixels)
    dark, bright = _parts(values, counts)
    rule = _RULES[preset]
    return _window(pixels, _quantile(*dark, rule.begin), _quantile(*bright, rule.end), str(preset))


def region_window(pixels: Pixels, box: Box) -> Window | None:
    """Give the window that spreads the grays over a rectangle in image px; None when it holds too little picture."""
    rows = slice(max(0, round(box.top)), min(pixels.height, round(box.bottom)))
    columns = slice(max(0, round(box.left)), min(pixels.width, round(box.right)))
    if rows.stop - rows.start < MIN_REGION_PX or columns.stop - columns.start < MIN_REGION_PX:
        return None
    counts = _counts(pixels, rows, columns)
    if not counts.any():
        return None
    values, weights = _sorted_brightness(pixels, counts)
    low, high = (_quantile(values, weights, share) for share in (_REGION_LOW, _REGION_HIGH))
    return _window(pixels, low, high, "region")


def file_choices(pixels: Pixels) -> tuple[FileChoice, ...]:
    """List every VOI LUT and window of the file, in file order, with the names it gives them."""
    luts = (FileChoice(lut.name or f"VOI LUT {index + 1}", index, is_lut=True) for index, lut in enumerate(pixels.voi_luts))
    windows = (FileChoice(_window_title(window, index), index, is_lut=False) for index, window in enumerate(pixels.windows))
    return (*luts, *windows)


def with_voi_lut(pixels: Pixels, index: int) -> Pixels:
    """Put one of the file's VOI LUTs first, where it is used."""
    return pixels if index == 0 else replace(pixels, voi_luts=(pixels.voi_luts[index],))


def _window_title(window: Window, index: int) -> str:
    name = window.name or f"Window {index + 1}"
    return f"{name} ({window.width:g} / {window.center:g})"


def _window(pixels: Pixels, low: float, high: float, name: str) -> Window:
    """Turn a range of brightness into a window of modality values."""
    sign = -1.0 if pixels.is_inverted else 1.0
    return Window(sign * (low + high) / 2, max(high - low, 1.0), VoiFunction.LINEAR_EXACT, name)


def _brightness(pixels: Pixels) -> tuple[Float64Array, Float64Array]:
    """Give the brightness values that occur in the middle of the picture, rising, and how often; one value at least."""
    rows, columns = (slice(int(side * _CENTRAL), max(int(side * (1 - _CENTRAL)), int(side * _CENTRAL) + 1)) for side in pixels.values.shape)
    counts = _counts(pixels, rows, columns)
    if not counts.any():
        counts = np.bincount(pixels.values.ravel(), minlength=counts.size)
    return _without_floods(*_sorted_brightness(pixels, counts))


def _counts(pixels: Pixels, rows: slice, columns: slice) -> npt.NDArray[np.intp]:
    """Count each stored value in a part of the picture, without padding and what lies behind the shutter."""
    part = pixels.values[rows, columns]
    step = max(1, round((part.size / _SAMPLES) ** 0.5))
    sample = part[::step, ::step]
    seen = sample if pixels.shutter is None else sample[pixels.shutter[rows, columns][::step, ::step]]
    counts = np.bincount(seen.ravel(), minlength=256 if pixels.values.dtype == np.uint8 else 65536)
    if pixels.padding is not None:
        low, high = (min(max(edge - pixels.offset, 0), counts.size) for edge in pixels.padding)
        counts[low : high + 1] = 0
    return counts


def _sorted_brightness(pixels: Pixels, counts: npt.NDArray[np.intp]) -> tuple[Float64Array, Float64Array]:
    used = np.flatnonzero(counts)
    values = modality_table(pixels)[used].astype(np.float64) * (-1.0 if pixels.is_inverted else 1.0)
    order = np.argsort(values, kind="stable")
    return values[order], counts[used][order].astype(np.float64)


def _without_floods(values: Float64Array, counts: Float64Array) -> tuple[Float64Array, Float64Array]:
    total = counts.sum()
    first = int(values.size > 2 and counts[0] > _FLOOD * total)
    last = values.size - int(values.size > 2 and counts[-1] > _FLOOD * total)
    return values[first:last], counts[first:last]


def _parts(values: Float64Array, counts: Float64Array) -> tuple[tuple[Float64Array, Float64Array], tuple[Float64Array, Float64Array]]:
    """Split a histogram where Otsu would: the dark part, and the bright part."""
    low, high = _quantile(values, counts, 0.01), _quantile(values, counts, 0.99)
    edges = np.linspace(low, max(high, low + 1e-6), _BINS + 1)
    heights, _edges = np.histogram(values, bins=edges, weights=counts)
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(heights), np.cumsum(heights * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    split = edges[int(np.argmax(np.nan_to_num(spread))) + 1]
    place = min(max(int(np.searchsorted(values, split)), 1), max(values.size - 1, 1))
    dark = (values[:place], counts[:place])
    return dark, ((values[place:], counts[place:]) if place < values.size else dark)


def _quantile(values: Float64Array, counts: Float64Array, share: float) -> float:
    sums = np.cumsum(counts)
    return float(values[min(int(np.searchsorted(sums, share * sums[-1])), values.size - 1)])
