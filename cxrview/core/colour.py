"""Colours for heatmaps: perceptual tables, a diverging one for signed maps, and the overlay that is written to a file.

Magma, inferno, viridis (S. van der Walt, N. Smith) and cividis (Nuñez, Anderton, Renslow 2018) are in the public domain (CC0); they
are taken from OpenCV. The diverging table is made here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Frame
from cxrview.core.heatmap import to_image_px
from cxrview.core.results import FloatArray

ByteArray = npt.NDArray[np.uint8]

SEQUENTIAL = ("inferno", "magma", "viridis", "cividis")
DIVERGING = "diverging"
GREEN_RED = "green-red"  # as LIME is usually drawn; the colour-blind read the diverging table better
RAINBOW = "jet"  # not perceptual: it draws edges that the map does not have; on request only
TABLES = (*SEQUENTIAL, DIVERGING, GREEN_RED, RAINBOW)
OPAQUE_FROM = 0.5  # of the scale; what is below fades out, so that a little evidence does not veil the picture
FLAT_TEXT = "flat map, nothing to show"

# Ends and middle of the diverging table in Oklab: blue speaks against, red speaks for, light gray is nothing.
_AGAINST = (0.45, -0.03, -0.20)
_NEUTRAL = (0.90, 0.0, 0.0)
_FOR = (0.45, 0.17, 0.10)
# Ends of the green and red table in Oklab: red speaks against, green speaks for.
_RED, _GREEN = (0.50, 0.17, 0.09), (0.55, -0.13, 0.09)


def colour_table(name: str) -> ByteArray:
    """Give the table of a colour map, (256, 3) uint8 RGB, low to high.

    Raises:
        KeyError: no table of that name; `TABLES` lists them.
    """
    if name in (DIVERGING, GREEN_RED):
        return _diverging(*((_AGAINST, _FOR) if name == DIVERGING else (_RED, _GREEN)))
    if name not in TABLES:
        raise KeyError(name)
    import cv2

    ramp = np.arange(256, dtype=np.uint8)[:, None]
    table = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name.upper()}"))[:, 0, ::-1]
    return np.ascontiguousarray(table, dtype=np.uint8)


def colourise(values: FloatArray, *, scale: float, table: str = "inferno", is_signed: bool = False) -> ByteArray:
    """Colour a map (h, w) as RGBA (h, w, 4) uint8; alpha grows with the value, so that what is near nothing stays clear.

    `scale` is the value (in logits) of the last colour, the same for all maps of an image; signed maps run from -scale to
    scale, others from 0. NaN is clear.
    """
    share = np.nan_to_num(values / scale if scale > 0.0 else np.zeros_like(values), nan=0.0, posinf=1.0, neginf=-1.0)
    share = np.clip(share, -1.0 if is_signed else 0.0, 1.0)
    index = np.rint((share + 1.0) * 127.5 if is_signed else share * 255.0).astype(np.uint8)
    alpha = np.rint(np.minimum(np.abs(share) / OPAQUE_FROM, 1.0) * 255.0).astype(np.uint8)
    return np.dstack((colour_table(table)[index], alpha))


def overlay(
    gray: ByteArray,
    values: FloatArray,
    frame: Frame,
    *,
    scale: float,
    table: str | None = None,
    is_signed: bool = False,
    opacity: float = 0.6,
    title: str = "",
    has_bar: bool = True,
) -> ByteArray:
    """Draw a heatmap (h, w) smoothly over an 8-bit picture (H, W) of the image, with a colour bar with numbers; (H, W, 3) uint8 RGB.

    A map whose cells all lie within 1e-6 is not drawn; the picture says so in words instead. `scale` is in logits; 0 stands for
    the map's own peak.
    """
    canvas = np.repeat(gray[:, :, None], 3, axis=2)
    lines = [title] if title else []
    if not bool(np.isfinite(values).all()) or float(np.ptp(values)) < 1e-6:
        return _with_text(canvas, [*lines, FLAT_TEXT])
    name = table or (DIVERGING if is_signed else SEQUENTIAL[0])
    peak = scale if scale > 0.0 else float(np.abs(values).max())
    painted = colourise(to_image_px(values, frame), scale=peak, table=name, is_signed=is_signed)
    alpha = painted[:, :, 3:].astype(np.float32) * np.float32(opacity / 255.0)
    mixed = canvas + (painted[:, :, :3].astype(np.float32) - canvas) * alpha
    canvas = np.rint(mixed).astype(np.uint8)
    if has_bar:
        canvas = _with_bar(canvas, colour_table(name), low=-peak if is_signed else 0.0, high=peak)
    return _with_text(canvas, lines)


def _diverging(against: tuple[float, float, float], speaking_for: tuple[float, float, float]) -> ByteArray:
    share = np.linspace(-1.0, 1.0, 256)[:, None]
    end = np.where(share < 0.0, np.array(against), np.array(speaking_for))
    return _oklab_to_rgb(np.array(_NEUTRAL) + np.abs(share) * (end - np.array(_NEUTRAL)))


def _oklab_to_rgb(lab: npt.NDArray[np.float64]) -> ByteArray:
    """Convert (n, 3) Oklab (Ottosson 2020) to sRGB uint8."""
    to_cone = np.array([[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]])
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ to_cone.T) ** 3 @ to_linear.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1.0 / 2.4) - 0.055)
    rgb: ByteArray = np.rint(encoded * 255.0).astype(np.uint8)
    return rgb


def _text_scale(canvas: ByteArray) -> float:
    return max(int(min(canvas.shape[:2])) / 900.0, 0.3)


def _with_bar(canvas: ByteArray, table: ByteArray, *, low: float, high: float) -> ByteArray:
    height, width = canvas.shape[:2]
    top, bottom = height // 4, height - height // 4
    bar_width = max(width // 50, 4)
    right = width - max(width // 60, 3)
    rows = np.linspace(255.0, 0.0, bottom - top).round().astype(np.intp)
    result = canvas.copy()
    result[top:bottom, right - bar_width : right] = table[rows][:, None, :]
    for value, row in ((high, top), ((low + high) / 2.0, (top + bottom) // 2), (low, bottom - 1)):
        _write(result, f"{value:+.2f}" if low < 0.0 else f"{value:.2f}", right - bar_width - 4, row, is_right=True)
    _write(result, "logit", right, bottom + int(40 * _text_scale(canvas)), is_right=True)
    return result


def _with_text(canvas: ByteArray, lines: list[str]) -> ByteArray:
    result = canvas.copy()
    step = int(45 * _text_scale(canvas))
    for number, line in enumerate(lines, start=1):
        _write(result, line, step // 3, number * step, is_right=False)
    return result


def _write(canvas: ByteArray, text: str, x: int, y: int, *, is_right: bool) -> None:
    """Write white on black, in place; `x` is the left end, or the right one; `y` the middle of the line."""
    import cv2

    size = _text_scale(canvas)
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    left, base = (x - width if is_right else x), y + height // 2
    cv2.rectangle(canvas, (left - 2, base - height - 2), (left + width + 2, base + below), (0, 0, 0), cv2.FILLED)
    cv2.putText(canvas, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1, cv2.LINE_AA)
