"""Paints the gray picture of a canvas, repeating in each frame only what changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from cxrview.app.pyramid import Pyramid, VisiblePart, level_for, look_up, visible_part
from cxrview.app.state import Display, LoadedPicture
from cxrview.app.viewport import Viewport
from cxrview.app.views.stack import Placed
from cxrview.core.eye import Eye, for_the_eye
from cxrview.core.image import Pixels, Window, read_only
from cxrview.core.presets import with_voi_lut
from cxrview.core.voi import Float32Table, display_table, modality_table

Gray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Tones:
    """What decides which gray a stored value gets."""

    window: Window | None
    lut: int
    is_inverted: bool
    eye: Eye


@dataclass(frozen=True, slots=True, eq=False)
class _Painted:
    """What was painted last, with what it depends on."""

    picture: LoadedPicture
    viewport: Viewport
    view_size: tuple[int, int]
    tones: _Tones
    part: VisiblePart | None
    gray: Gray | None


@dataclass(frozen=True, slots=True, eq=False)
class _EyePicture:
    """The picture as grays at one level, evened out or sharpened as a whole, so that panning does not change it."""

    picture: LoadedPicture
    level: int
    tones: _Tones
    pyramid: Pyramid


class PicturePainter:
    """Keeps the resampled part of the picture between frames: a window drag looks up what is visible, no more."""

    def __init__(self) -> None:
        self._painted: _Painted | None = None
        self._eye: _EyePicture | None = None
        self._modality: tuple[Pixels, Float32Table] | None = None

    def prepare(self, picture: LoadedPicture, display: Display, viewport: Viewport, view_size: tuple[int, int], ratio: float) -> QRect:
        """Work out what `placed` will give, and tell the whole pixels of the painter that it surely covers.

        `view_size` is (width, height) in device px, `ratio` device px per unit of the painter.
        """
        self._painted = self._prepared(picture, viewport, view_size, _tones_of(picture, display))
        part, gray = self._painted.part, self._painted.gray
        if part is None or gray is None or ratio != round(ratio):
            return QRect()
        whole = round(ratio)
        left, top = -(-part.left // whole), -(-part.top // whole)
        right, bottom = (part.left + gray.shape[1]) // whole, (part.top + gray.shape[0]) // whole
        return QRect(left, top, right - left, bottom - top)

    def placed(self, ratio: float) -> Placed | None:
        """Give what was prepared last as an image in its place; `ratio` is device px per unit of the painter."""
        part, gray = (self._painted.part, self._painted.gray) if self._painted else (None, None)
        if part is None or gray is None:
            return None
        rows, columns = gray.shape
        image = QImage(gray.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        image.setDevicePixelRatio(ratio)
        return Placed(image, part.left, part.top)

    def gray_at(self, x: int, y: int) -> int | None:
        """Give the gray that was painted last at a device px; None where there is no picture."""
        part, gray = (self._painted.part, self._painted.gray) if self._painted else (None, None)
        if part is None or gray is None or not (0 <= y - part.top < gray.shape[0] and 0 <= x - part.left < gray.shape[1]):
            return None
        return int(gray[y - part.top, x - part.left])

    def _prepared(self, picture: LoadedPicture, viewport: Viewport, view_size: tuple[int, int], tones: _Tones) -> _Painted:
        last = self._painted
        is_same_part = last is not None and last.picture is picture and (last.viewport, last.view_size) == (viewport, view_size)
        if last is not None and is_same_part and last.tones == tones:
            return last
        if not tones.eye.is_plain:
            part = visible_part(self._eye_pyramid(picture, tones, viewport), viewport, view_size)
            return _Painted(picture, viewport, view_size, tones, part, None if part is None else _shuttered(part, part.values))
        can_keep = last is not None and is_same_part and last.tones.eye.is_plain
        part = last.part if last is not None and can_keep else visible_part(picture.pyramid, viewport, view_size)
        gray = None if part is None else _shuttered(part, look_up(part.values, self._table(picture, tones)))
        return _Painted(picture, viewport, view_size, tones, part, gray)

    def _table(self, picture: LoadedPicture, tones: _Tones) -> Gray:
        if self._modality is None or self._modality[0] is not picture.pixels:
            self._modality = (picture.pixels, modality_table(picture.pixels))
        pixels = with_voi_lut(picture.pixels, tones.lut) if tones.window is None else picture.pixels
        return display_table(pixels, tones.window, is_inverted=tones.is_inverted, modality=self._modality[1])

    def _eye_pyramid(self, picture: LoadedPicture, tones: _Tones, viewport: Viewport) -> Pyramid:
        level = level_for(picture.pyramid, viewport.zoom)
        last = self._eye
        if last is None or last.picture is not picture or (last.level, last.tones) != (level, tones):
            levels = picture.pyramid.levels
            gray = read_only(for_the_eye(look_up(levels[level], self._table(picture, tones)), tones.eye))
            last = _EyePicture(picture, level, tones, replace(picture.pyramid, levels=(*levels[:level], gray, *levels[level + 1 :])))
        self._eye = last
        return last.pyramid


def _tones_of(picture: LoadedPicture, display: Display) -> _Tones:
    """Take the chosen window, else the file's lookup table (no window), else the picture's first window."""
    file_window = None if picture.pixels.voi_luts else picture.window
    return _Tones(display.window or file_window, display.lut, display.is_inverted, display.eye)


def _shuttered(part: VisiblePart, gray: npt.NDArray[np.generic]) -> Gray:
    shown = gray.astype(np.uint8, copy=False)
    return np.ascontiguousarray(shown if part.shutter is None else shown * part.shutter)
