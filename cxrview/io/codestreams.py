"""The headers of JPEG, JPEG-LS and JPEG 2000 streams, read before anything is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from cxrview.core.errors import UnreadableImage


class Family(StrEnum):
    """A way of compressing, named as people know it."""

    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"


@dataclass(frozen=True, slots=True)
class Codestream:
    """What a compressed stream says of itself.

    Attributes:
        precision: bits of one sample.
        is_signed: JPEG 2000 alone can say so.
        is_lossless: made to give back what went in, unless parts of the stream were dropped; unknown counts as lossy.
        is_rgb: True or False where the stream tells its colour space, None where it does not.
        is_complete: the end marker is there.
        exif: the EXIF block, empty when none.
    """

    family: Family
    width: int
    height: int
    components: int
    precision: int
    is_signed: bool = False
    is_lossless: bool = False
    is_rgb: bool | None = None
    is_complete: bool = True
    exif: bytes = b""


_START_OF_SCAN = 0xDA
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_LOSSLESS_FRAMES = (0xC3, 0xC7, 0xCB, 0xCF)
_JPEG_LS_FRAME = 0xF7
_STANDALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}
_END = b"\xff\xd9"
_J2K_START = b"\xff\x4f\xff\x51"


def read_codestream(data: bytes) -> Codestream:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 stream (bare, or wrapped as JP2)."""
    try:
        if data[:2] == b"\xff\xd8":
            return _read_jpeg(data)
        start = data.find(_J2K_START, 0, 1 << 16)
        if start >= 0:
            return _read_jpeg_2000(data, start)
    except (struct.error, IndexError) as error:
        raise UnreadableImage("The header of the compressed picture is cut short.", hint="Copy the file again.") from error
    raise UnreadableImage("The compressed picture is no JPEG, JPEG-LS or JPEG 2000 stream.", hint="The file is damaged; copy it again.")


def _read_jpeg(data: bytes) -> Codestream:
    frame = b""
    frame_marker = 0
    position = 2
    exif = b""
    has_jfif = False
    adobe_transform: int | None = None
    predictor_or_near = 0
    while True:
        marker, position = _next_marker(data, position)
        if marker in _STANDALONE_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        body = data[position + 2 : position + length]
        position += max(length, 2)
        if marker == _START_OF_SCAN:
            predictor_or_near = body[-3]
            break
        if marker in _FRAME_MARKERS:
            frame, frame_marker = body, marker
        elif marker == 0xE0 and body.startswith(b"JFIF"):
            has_jfif = True
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            exif = body[6:]
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            adobe_transform = body[11]
    precision, height, width, components = struct.unpack_from(">BHHB", frame)
    family = _jpeg_family(frame_marker)
    return Codestream(
        family=family,
        width=width,
        height=height,
        components=components,
        precision=precision,
        is_lossless=family is Family.JPEG_LOSSLESS or (family is Family.JPEG_LS and predictor_or_near == 0),
        is_rgb=_is_rgb_jpeg(frame[6 : 6 + 3 * components : 3], has_jfif=has_jfif, adobe_transform=adobe_transform),
        is_complete=data.rfind(_END) >= position,
        exif=exif,
    )


def _next_marker(data: bytes, position: int) -> tuple[int, int]:
    """Give the next marker and the position after it, skipping fill bytes."""
    position = data.index(b"\xff", position) if b"\xff" in data[position : position + 64] else len(data)
    while data[position] == 0xFF:
        position += 1
    return data[position], position + 1


def _jpeg_family(frame_marker: int) -> Family:
    if frame_marker == _JPEG_LS_FRAME:
        return Family.JPEG_LS
    return Family.JPEG_LOSSLESS if frame_marker in _LOSSLESS_FRAMES else Family.JPEG


def _is_rgb_jpeg(component_ids: bytes, *, has_jfif: bool, adobe_transform: int | None) -> bool | None:
    if component_ids in (b"RGB", b"rgb"):
        return True
    if adobe_transform is not None:
        return adobe_transform == 0
    return False if has_jfif else None


def _read_jpeg_2000(data: bytes, start: int) -> Codestream:
    grid = _read_grid(data, start)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    style = data.find(b"\xff\x52", start, start + 4096)
    has_style = style >= 0
    return Codestream(
        family=Family.HTJ2K if grid.capabilities & 0x4000 else Family.JPEG_2000,
        width=grid.right - grid.left,
        height=grid.bottom - grid.top,
        components=components,
        precision=(depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80),
        is_lossless=has_style and data[style + 13] == 1,
        is_rgb=True if has_style and data[style + 8] == 1 else None,
        is_complete=data.rfind(_END) > start,
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    """The reference grid of a JPEG 2000 stream (ISO 15444-1 A.5.1), in the order of the file."""

    capabilities: int
    right: int
    bottom: int
    left: int
    top: int
    tile_width: int
    tile_height: int
    tile_left: int
    tile_top: int


_MOST_TILES = 65535
_LARGEST_COORDINATE = 1 << 31


def _read_grid(data: bytes, start: int) -> _Grid:
    """Read the grid and refuse one that breaks the standard: decoders would walk over billions of empty tiles."""
    grid = _Grid(*struct.unpack_from(">H8L", data, start + 6))
    is_in_order = (
        grid.tile_left <= grid.left < grid.right < _LARGEST_COORDINATE and grid.tile_top <= grid.top < grid.bottom < _LARGEST_COORDINATE
    )
    has_first_tile = grid.tile_left + grid.tile_width > grid.left and grid.tile_top + grid.tile_height > grid.top
    if not is_in_order or not has_first_tile:
        raise UnreadableImage("The JPEG 2000 stream has a size or tiles that make no sense.", hint="The file is damaged; copy it again.")
    tiles_across = -(-(grid.right - grid.tile_left) // grid.tile_width)
    tiles_down = -(-(grid.bottom - grid.tile_top) // grid.tile_height)
    if tiles_across * tiles_down > _MOST_TILES:
        raise UnreadableImage("The JPEG 2000 stream has more tiles than the standard allows.", hint="The file is damaged; copy it again.")
    return grid
