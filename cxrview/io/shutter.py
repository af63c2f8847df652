"""Display shutters (DICOM PS3.3 C.7.6.11 and C.7.6.15) as masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangular shutter; the edges are rows and columns, from 1, that are still shown."""

    left: int
    right: int
    upper: int
    lower: int


@dataclass(frozen=True, slots=True)
class Circle:
    """A circular shutter; centre and radius in pixels, the centre counted from 1."""

    row: int
    column: int
    radius: int


@dataclass(frozen=True, slots=True)
class Polygon:
    """A polygonal shutter; vertices (row, column) counted from 1."""

    vertices: tuple[tuple[int, int], ...]


Shape = Rectangle | Circle | Polygon


def shutter_mask(shapes: tuple[Shape, ...], *, rows: int, columns: int) -> Mask:
    """Give True where every shape lets the picture through; (rows, columns)."""
    mask = np.ones((rows, columns), dtype=np.bool_)
    for shape in shapes:
        mask &= _mask_of(shape, rows, columns)
    return mask


def _mask_of(shape: Shape, rows: int, columns: int) -> Mask:
    match shape:
        case Rectangle():
            mask = np.zeros((rows, columns), dtype=np.bool_)
            mask[max(shape.upper - 1, 0) : max(shape.lower, 0), max(shape.left - 1, 0) : max(shape.right, 0)] = True
            return mask
        case Circle():
            y = np.arange(1, rows + 1, dtype=np.int64)[:, None] - shape.row
            x = np.arange(1, columns + 1, dtype=np.int64)[None, :] - shape.column
            return np.asarray(x * x + y * y <= shape.radius * shape.radius)
        case Polygon():
            canvas = np.zeros((rows, columns), dtype=np.uint8)
            reach = 1 << 24  # OpenCV draws with 32-bit coordinates
            points = [(min(max(column - 1, -reach), reach), min(max(row - 1, -reach), reach)) for row, column in shape.vertices]
            cv2.fillPoly(canvas, [np.array(points, dtype=np.int32)], 1)
            return canvas.astype(np.bool_)
