"""From stored values to what the eye sees: modality LUT, then VOI (LUT or window), then polarity, each one lookup table."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from cxrview.core.image import Fact, Lut, Pixels, VoiFunction, Window, read_only

Float32Table = npt.NDArray[np.float32]
Float64Table = npt.NDArray[np.float64]
Uint8Table = npt.NDArray[np.uint8]

AUTO_LOW, AUTO_HIGH = 0.005, 0.995
"""Fractions of the picture left black and white by the automatic window: enough to ignore markers, dead pixels and burned-in letters."""

_AUTO_SAMPLES: Final = 500_000
"""Pixels looked at for the automatic window: percentiles of a radiograph move by less than a gray level between this and all of them."""

_LUT_LOW, _LUT_HIGH = 0.1, 0.9
"""Where a line through a VOI LUT is fitted: curves are straight between these fractions of their range, and bent outside."""


def modality_table(pixels: Pixels) -> Float32Table:
    """Give the modality value of every possible `pixels.values`: length 256 or 65536.

    DICOM PS3.3 C.11.1: the Modality LUT wins over slope and intercept.
    """
    stored = np.arange(_entries(pixels), dtype=np.float64) + pixels.offset
    if pixels.modality_lut is not None:
        return read_only(_through_lut(stored, pixels.modality_lut).astype(np.float32))
    return read_only((stored * pixels.slope + pixels.intercept).astype(np.float32))


def file_window(pixels: Pixels) -> Window | None:
    """Give the first window of the file, or one equivalent to its first VOI LUT, in modality values; None when it has neither."""
    if pixels.voi_luts:
        return _window_of_lut(pixels.voi_luts[0])
    return pixels.windows[0] if pixels.windows else None


def auto_window(pixels: Pixels) -> Window:
    """Give the window, in modality values, that shows all but the extreme half percents of the picture.

    Pixels outside the shutter and padding do not count.
    """
    counts = np.bincount(_sampled_values(pixels), minlength=_entries(pixels))
    if pixels.padding is not None:
        low, high = (min(max(edge - pixels.offset, 0), counts.size) for edge in pixels.padding)
        if counts[:low].any() or counts[high + 1 :].any():
            counts[low : high + 1] = 0
    used = np.flatnonzero(counts)
    modality = modality_table(pixels)[used]
    order = np.argsort(modality, kind="stable")
    share = np.cumsum(counts[used][order])
    low_at, high_at = np.searchsorted(share, [AUTO_LOW * share[-1], AUTO_HIGH * share[-1]])
    darkest, brightest = float(modality[order][low_at]), float(modality[order][high_at])
    return Window((darkest + brightest) / 2, max(brightest - darkest, 1.0), VoiFunction.LINEAR_EXACT, "auto")


def display_table(
    pixels: Pixels, window: Window | None = None, *, is_inverted: bool = False, modality: Float32Table | None = None
) -> Uint8Table:
    """Give the gray level (0 black, 255 white) of every possible `pixels.values`: length 256 or 65536.

    Without a window the file's own VOI is used (its first VOI LUT, else its first window), else the automatic window.
    Polarity comes last (DICOM PS3.4 N.2): first the file's, then the user's `is_inverted`. Who makes many tables of one picture hands
    over its `modality_table`.
    """
    values = (modality_table(pixels) if modality is None else modality).astype(np.float64)
    if window is None and pixels.voi_luts:
        shown = _through_lut(values, pixels.voi_luts[0]) / (2 ** pixels.voi_luts[0].bits - 1)
    else:
        shown = _through_window(values, window or file_window(pixels) or auto_window(pixels))
    # In place, for a window drag makes one of these in each frame; the cast floors, for nothing is below zero.
    np.clip(shown, 0.0, 1.0, out=shown)
    shown *= 255
    shown += 0.5
    levels = shown.astype(np.uint8)
    if pixels.is_inverted != is_inverted:
        np.subtract(255, levels, out=levels)
    return read_only(levels)


def display_facts(pixels: Pixels, window: Window | None = None) -> tuple[Fact, ...]:
    """Tell the display steps in their order; the file's polarity stands with the other findings in `pixels.facts`."""
    return (*_modality_facts(pixels), _voi_fact(pixels, window))


def _modality_facts(pixels: Pixels) -> tuple[Fact, ...]:
    if pixels.modality_lut is not None:
        return (Fact("modality", f"modality LUT of {pixels.modality_lut.table.size} entries"),)
    if (pixels.slope, pixels.intercept) != (1.0, 0.0):
        return (Fact("modality", f"rescaled by {pixels.slope:g}, {pixels.intercept:+g}"),)
    return ()


def _voi_fact(pixels: Pixels, window: Window | None) -> Fact:
    if window is not None:
        return Fact("window", f"window {_window_text(window)}")
    if pixels.voi_luts:
        name = f" ({pixels.voi_luts[0].name})" if pixels.voi_luts[0].name else ""
        return Fact("window", f"VOI LUT from file{name}{_choice_text(len(pixels.voi_luts))}")
    if pixels.windows:
        return Fact("window", f"window {_window_text(pixels.windows[0])} from file{_choice_text(len(pixels.windows))}")
    return Fact("window", f"window {_window_text(auto_window(pixels))} from the picture's own gray levels")


def _window_text(window: Window) -> str:
    shape = "" if window.function is not VoiFunction.SIGMOID else " sigmoid"
    return f"{window.center:g}/{window.width:g}{shape}"


def _choice_text(count: int) -> str:
    return f", first of {count}" if count > 1 else ""


def _entries(pixels: Pixels) -> int:
    return 256 if pixels.values.dtype == np.uint8 else 65536


def _sampled_values(pixels: Pixels) -> npt.NDArray[np.uint8 | np.uint16]:
    step = max(1, round((pixels.values.size / _AUTO_SAMPLES) ** 0.5))
    sample = pixels.values[::step, ::step]
    if pixels.shutter is not None:
        shown = sample[pixels.shutter[::step, ::step]]
        if shown.size:
            return shown
    return sample.ravel()


def _through_lut(inputs: Float64Table, lut: Lut) -> Float64Table:
    index = np.clip(np.rint(inputs) - lut.first, 0, lut.table.size - 1).astype(np.intp)
    return np.asarray(lut.table[index], dtype=np.float64)


def _through_window(inputs: Float64Table, window: Window) -> Float64Table:
    """Map modality values to 0..1 by the formulas of DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if window.function is VoiFunction.SIGMOID:
        exponent = np.clip(-4 * (inputs - window.center) / window.width, -700, 700)
        return np.asarray(1 / (1 + np.exp(exponent)))
    if window.function is VoiFunction.LINEAR_EXACT:
        return _ramp(inputs, window.center, window.width)
    return _ramp(inputs, window.center - 0.5, max(window.width - 1, 0.0))


def _ramp(inputs: Float64Table, center: float, width: float) -> Float64Table:
    if width <= 0:
        return (inputs > center).astype(np.float64)
    shown = inputs - center
    shown /= width
    shown += 0.5
    return shown


def _window_of_lut(lut: Lut) -> Window:
    table = lut.table.astype(np.int64)
    bottom, top = int(table.min()), int(table.max())
    rising = table if table[-1] >= table[0] else table[::-1]
    low, high = bottom + _LUT_LOW * (top - bottom), bottom + _LUT_HIGH * (top - bottom)
    first, last = int(np.argmax(rising >= low)), int(np.argmax(rising >= high))
    if last <= first:
        return Window(lut.first + (table.size - 1) / 2, max(table.size - 1.0, 1.0), VoiFunction.LINEAR_EXACT, lut.name)
    slope = (int(rising[last]) - int(rising[first])) / (last - first)
    start = first - (int(rising[first]) - bottom) / slope
    width = (top - bottom) / slope
    center = start + width / 2 if rising is table else table.size - 1 - (start + width / 2)
    return Window(lut.first + center, max(width, 1.0), VoiFunction.LINEAR_EXACT, lut.name)
