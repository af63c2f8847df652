"""Directories of TIFF files and of EXIF blocks, read without decoding anything."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cxrview.core.errors import UnreadableImage
from cxrview.io.limits import Limits, check_frames

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGER_TYPES = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 13: "L", 16: "Q", 17: "q", 18: "Q"}
_MOST_VALUES = 4096
"""Values read of one entry: colour maps are longer, but only bits and sizes are wanted here."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One page: its integer entries by tag number, its texts by tag number."""

    integers: dict[int, tuple[int, ...]]
    texts: dict[int, str]

    def first(self, tag: int, default: int) -> int:
        """Give the first integer of an entry."""
        return next(iter(self.integers.get(tag, ())), default)


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    is_big: bool
    start: int


def read_directories(data: bytes, limits: Limits) -> tuple[Directory, ...]:
    """Read the chain of pages of a TIFF file or EXIF block."""
    try:
        layout = _layout(data)
        directories: list[Directory] = []
        seen: set[int] = set()
        position = layout.start
        while position and position not in seen:
            seen.add(position)
            directory, position = _directory(data, position, layout)
            directories.append(directory)
            check_frames(len(directories), limits)
    except (struct.error, OverflowError) as error:
        raise UnreadableImage("The TIFF file is cut short.", hint="Copy the file again.") from error
    return tuple(directories)


def _layout(data: bytes) -> _Layout:
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    if version == 43:
        return _Layout(order, is_big=True, start=struct.unpack_from(f"{order}Q", data, 8)[0])
    return _Layout(order, is_big=False, start=struct.unpack_from(f"{order}L", data, 4)[0])


def _directory(data: bytes, position: int, layout: _Layout) -> tuple[Directory, int]:
    """Read one page and the position of the next, 0 after the last."""
    count_format, pointer = (f"{layout.order}Q", f"{layout.order}Q") if layout.is_big else (f"{layout.order}H", f"{layout.order}L")
    (count,) = struct.unpack_from(count_format, data, position)
    position += struct.calcsize(count_format)
    size = 20 if layout.is_big else 12
    integers: dict[int, tuple[int, ...]] = {}
    texts: dict[int, str] = {}
    for entry in range(position, position + min(count, _MOST_VALUES) * size, size):
        tag, kind = struct.unpack_from(f"{layout.order}HH", data, entry)
        (values,) = struct.unpack_from(pointer, data, entry + 4)
        inline = entry + 4 + struct.calcsize(pointer)
        length = _TYPE_SIZES.get(kind, 0) * values
        if length > struct.calcsize(pointer):
            (inline,) = struct.unpack_from(pointer, data, inline)
        if kind in _INTEGER_TYPES:
            wanted = min(values, _MOST_VALUES, max(len(data) - inline, 0) // _TYPE_SIZES[kind])
            integers[tag] = struct.unpack_from(f"{layout.order}{wanted}{_INTEGER_TYPES[kind]}", data, inline)
        elif kind == 2:
            texts[tag] = data[inline : inline + min(length, _MOST_VALUES)].split(b"\0")[0].decode("utf-8", "replace")
    (following,) = struct.unpack_from(pointer, data, position + count * size) if count <= _MOST_VALUES else (0,)
    return Directory(integers, texts), following
