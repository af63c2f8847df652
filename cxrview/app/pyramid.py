"""A picture at several sizes, so that a frame costs what is visible and not what is stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from cxrview.app.viewport import Viewport
from cxrview.core.image import StoredArray, read_only

SMALLEST_SIDE = 256
# From this zoom on a person wants to see the stored pixels themselves, not a blend of them.
NEAREST_ZOOM = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """A picture at stored depth, each level half the size of the one before, averaged by area.

    Attributes:
        levels: (rows, columns) uint8 or uint16; the first is the picture itself.
        shutters: where each level may be shown, uint8 0 or 1; empty when everything may.
    """

    levels: tuple[StoredArray, ...]
    shutters: tuple[npt.NDArray[np.uint8], ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, image px."""
        rows, columns = self.levels[0].shape
        return int(columns), int(rows)


@dataclass(frozen=True, slots=True, eq=False)
class VisiblePart:
    """What a view shows of a picture, at stored depth and at the resolution of the view.

    Attributes:
        values: (rows, columns), stored depth; its first pixel lies at (`left`, `top`) view px.
        shutter: uint8 0 or 1, same shape; None when everything may be shown.
    """

    values: StoredArray
    left: int
    top: int
    shutter: npt.NDArray[np.uint8] | None = None


def build_pyramid(values: StoredArray, shutter: npt.NDArray[np.bool_] | None = None) -> Pyramid:
    """Halve the picture until its longer side is small; takes about a fifth of a copy."""
    masks = () if shutter is None else _halvings(np.ascontiguousarray(shutter, np.uint8))
    return Pyramid(_halvings(values), tuple(mask.astype(np.uint8) for mask in masks))


def _halvings(values: StoredArray) -> tuple[StoredArray, ...]:
    import cv2

    levels = [values]
    while max(levels[-1].shape) > SMALLEST_SIDE:
        rows, columns = levels[-1].shape
        half = cv2.resize(levels[-1], (max(1, columns // 2), max(1, rows // 2)), interpolation=cv2.INTER_AREA)
        levels.append(_as_stored(half, values))
    return tuple(levels)


def _as_stored(array: npt.NDArray[np.generic], like: StoredArray) -> StoredArray:
    """Give what OpenCV made from a stored array, which has the same depth, its type back."""
    return read_only(array.astype(np.uint8, copy=False)) if like.dtype == np.uint8 else read_only(array.astype(np.uint16, copy=False))


def level_for(pyramid: Pyramid, zoom: float) -> int:
    """Give the smallest level that still has at least one pixel for each view pixel."""
    return min(len(pyramid.levels) - 1, max(0, math.floor(math.log2(1.0 / zoom)))) if zoom < 1.0 else 0


def visible_part(pyramid: Pyramid, viewport: Viewport, view_size: tuple[int, int]) -> VisiblePart | None:
    """Resample what lies in the view; None when the picture lies wholly outside it."""
    import cv2

    width, height = pyramid.size
    x0, y0 = viewport.to_view(0, 0, view_size)
    x1, y1 = viewport.to_view(width, height, view_size)
    left, top = max(0, round(min(x0, x1))), max(0, round(min(y0, y1)))
    right, bottom = min(view_size[0], round(max(x0, x1))), min(view_size[1], round(max(y0, y1)))
    if right <= left or bottom <= top:
        return None
    index = level_for(pyramid, viewport.zoom)
    target = (right - left, bottom - top)
    affine = _view_to_level(pyramid, index, viewport, (left, top), view_size)
    how = cv2.INTER_NEAREST if viewport.zoom >= NEAREST_ZOOM else cv2.INTER_LINEAR
    values = _warped(pyramid.levels[index], affine, target, how)
    shutter = _warped(pyramid.shutters[index], affine, target, cv2.INTER_NEAREST).astype(np.uint8) if pyramid.shutters else None
    return VisiblePart(values, left, top, shutter)


def _view_to_level(
    pyramid: Pyramid, index: int, viewport: Viewport, origin: tuple[int, int], view_size: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Map centres of target pixels to centres of level pixels, as OpenCV counts them (centre of the first at 0)."""
    width, height = pyramid.size
    rows, columns = pyramid.levels[index].shape
    scale_x, scale_y = columns / width, rows / height
    first_x, first_y = viewport.to_image(origin[0] + 0.5, origin[1] + 0.5, view_size)
    right_x, right_y = viewport.orientation.to_image(1.0 / viewport.zoom, 0.0)
    down_x, down_y = viewport.orientation.to_image(0.0, 1.0 / viewport.zoom)
    return np.array(
        [[scale_x * right_x, scale_x * down_x, first_x * scale_x - 0.5], [scale_y * right_y, scale_y * down_y, first_y * scale_y - 0.5]]
    )


def _warped(level: StoredArray, affine: npt.NDArray[np.float64], target: tuple[int, int], how: int) -> StoredArray:
    import cv2

    flags = how | cv2.WARP_INVERSE_MAP
    return _as_stored(cv2.warpAffine(level, affine, target, flags=flags, borderMode=cv2.BORDER_REPLICATE), level)


@cache
def has_wide_lut() -> bool:
    """Tell whether OpenCV looks 16-bit tables up, and in parallel: version 4 takes 8-bit input only."""
    import cv2

    return int(cv2.__version__.split(".")[0]) >= 5


def look_up(values: StoredArray, table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Replace each stored value by its gray; `table` has 256 entries for uint8 and 65536 for uint16."""
    import cv2

    if has_wide_lut() or values.dtype == np.uint8:
        return cv2.LUT(values, table).astype(np.uint8, copy=False)
    return np.take(table, values)
