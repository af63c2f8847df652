"""Parsing of DICOM files; the one place that knows pydicom."""

from __future__ import annotations

import io
import logging
import re
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import NotAnImage, UnreadableImage
from cxrview.core.image import StoredArray
from cxrview.io.attributes import PARSING_FAILURES, Attributes
from cxrview.io.codecs import inflate
from cxrview.io.limits import LimitedReader, Limits

_DAMAGED = "The file is damaged or cut short; copy it again or ask for it to be sent again."
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PIXEL_DATA = 0x7FE00010
_FLOAT_PIXEL_DATA = (0x7FE00008, 0x7FE00009)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_LONG_TEXT = 200


@dataclass(frozen=True, slots=True)
class Tag:
    """One DICOM attribute (or EXIF entry) as people read it; `path` leads through sequences: `(0028,3010)[0].(0028,3006)`."""

    path: str
    keyword: str
    vr: str
    value: str


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixel data lie: `start` is the first byte of the value; `length` is None when they are encapsulated in fragments."""

    start: int
    length: int | None
    vr: str
    is_float: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A DICOM file parsed up to its pixel data.

    Attributes:
        file: the file, or the inflated data set; `element` counts in it.
        attributes: the main data set.
        syntax: transfer syntax UID, empty when the file names none.
        is_big_endian: byte order of native pixel data.
        element: the pixel data; None when there are none.
        remarks: how often the file departs from the standard.
    """

    file: LimitedReader
    attributes: Attributes
    syntax: str
    is_big_endian: bool
    element: PixelElement | None
    remarks: int


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A picture listed in a DICOMDIR: the parts of its path below the folder of the DICOMDIR."""

    parts: tuple[str, ...]


def parse(file: LimitedReader, limits: Limits) -> Parsed:
    """Parse everything before the pixel data."""
    head = file.peek(2048)[:2048]
    syntax, dataset_start = _file_meta(head)
    if syntax == _DEFLATED:
        file.seek(dataset_start)
        file = LimitedReader(io.BytesIO(inflate(file.read(), limits)), limits)
    with _listening() as remarks:
        dataset = _read_dataset(file)
        is_implicit, is_little_endian = dataset.original_encoding
        element = _pixel_element(file, is_implicit=bool(is_implicit), order="<" if is_little_endian is not False else ">")
        stated = syntax or str(getattr(dataset.file_meta, "TransferSyntaxUID", "") or "")
    is_big_endian = is_little_endian is False
    return Parsed(file, Attributes((dataset,), is_big_endian), stated, is_big_endian, element, len(remarks))


def _file_meta(head: bytes) -> tuple[str, int]:
    """Find the transfer syntax and the start of the data set, as far as the head shows them."""
    position = 132 if head[128:132] == b"DICM" else 0
    syntax = ""
    while head[position : position + 2] == b"\x02\x00" and position + 12 <= len(head):
        element = head[position + 2 : position + 4]
        is_long = head[position + 4 : position + 6] in (b"OB", b"UN", b"UT", b"OW")
        start = position + (12 if is_long else 8)
        length = int.from_bytes(head[position + 8 : start] if is_long else head[position + 6 : start], "little")
        if element == b"\x10\x00":
            syntax = head[start : start + length].decode("ascii", "replace").strip(" \0")
        position = start + length
    return syntax, position


def _read_dataset(file: LimitedReader) -> Any:  # pydicom's FileDataset; Attributes narrows it
    pydicom = _pydicom()
    try:
        return pydicom.dcmread(file, stop_before_pixels=True, force=True)
    except MemoryError as error:
        raise UnreadableImage("There is not enough memory to parse the DICOM file.", hint="Close other programs.") from error
    except (*PARSING_FAILURES, pydicom.errors.InvalidDicomError) as error:
        raise UnreadableImage("The DICOM file cannot be parsed.", hint=_DAMAGED) from error


def _pixel_element(file: LimitedReader, *, is_implicit: bool, order: str) -> PixelElement | None:
    """Read the head of the element at which parsing stopped."""
    head = file.read(12)
    if len(head) < 8:
        return None
    group, number = struct.unpack_from(f"{order}HH", head)
    tag = group << 16 | number
    if tag != _PIXEL_DATA and tag not in _FLOAT_PIXEL_DATA:
        return None
    vr = "" if is_implicit else head[4:6].decode("ascii", "replace")
    if vr in ("OB", "OW", "UN", "OF", "OD", "OL", "OV"):
        if len(head) < 12:
            return None
        (length,) = struct.unpack_from(f"{order}L", head, 8)
    else:
        (length,) = struct.unpack_from(f"{order}L", head, 4)
        file.seek(-4 if len(head) == 12 else -(len(head) - 8), io.SEEK_CUR)
        vr = "OW"
    return PixelElement(file.tell(), None if length == _UNDEFINED_LENGTH else length, vr, tag in _FLOAT_PIXEL_DATA)


def native_bytes(parsed: Parsed, *, start: int, count: int) -> npt.NDArray[np.uint8]:
    """Read bytes of uncompressed pixel data, counted from their start; refuse when the file has fewer."""
    element = parsed.element
    if element is None or element.length is None:
        raise UnreadableImage("The pixel data are not stored as they are declared.", hint=_DAMAGED)
    available = min(element.length, parsed.file.size - element.start) - start
    if available < count:
        raise UnreadableImage(f"The pixel data are cut short: {max(available, 0):,} of {count:,} bytes of this frame.", hint=_DAMAGED)
    data = np.empty(count, dtype=np.uint8)
    parsed.file.seek(element.start + start)
    parsed.file.readinto(data.data)
    return data


def encapsulated_frame(parsed: Parsed, frame: int, *, frames: int) -> bytes:
    """Read the compressed stream of one frame."""
    from pydicom.encaps import get_frame

    element = parsed.element
    if element is None:
        raise UnreadableImage("The file holds no pixel data.", hint=_DAMAGED)
    offsets, lengths = parsed.attributes.value("ExtendedOffsetTable"), parsed.attributes.value("ExtendedOffsetTableLengths")
    extended = (offsets, lengths) if isinstance(offsets, bytes) and isinstance(lengths, bytes) else None
    parsed.file.seek(element.start)
    try:
        with _listening():
            return get_frame(parsed.file, frame, number_of_frames=frames, extended_offsets=extended)
    except PARSING_FAILURES as error:
        raise UnreadableImage(f"The compressed data of frame {frame + 1} cannot be found in the file.", hint=_DAMAGED) from error


def palette_colours(attributes: Attributes, entries: int) -> StoredArray:
    """Give the colour of every index, (entries, 3), through the palette of the file (plain or segmented)."""
    from pydicom.pixels.processing import apply_color_lut

    try:
        with _listening():
            colours = np.asarray(apply_color_lut(np.arange(entries, dtype=np.uint16), attributes.datasets[-1]))
    except PARSING_FAILURES as error:
        raise UnreadableImage("The colour palette of the file cannot be read.", hint=_DAMAGED) from error
    return colours.astype(np.uint8) if colours.dtype.itemsize == 1 else colours.astype(np.uint16)


def uid_name(uid: str) -> str:
    """Give the name of a UID in the standard, or the UID itself; empty for an empty one."""
    _pydicom()
    from pydicom.uid import UID

    return str(UID(uid).name) if uid else ""


def read_dicom_tags(file: LimitedReader, limits: Limits) -> tuple[Tag, ...]:
    """List the attributes of the file, those in sequences too, without the pixel data."""
    dataset = parse(file, limits).attributes.datasets[0]
    with _listening():
        return (*_tags(dataset.file_meta, ""), *_tags(dataset, ""))


def _tags(dataset: Any, prefix: str) -> Iterator[Tag]:
    for tag in sorted(dataset.keys()):
        path = f"{prefix}({tag.group:04X},{tag.element:04X})"
        try:
            element = dataset[tag]
            keyword, vr, value = str(element.keyword or element.name), str(element.VR), element.value
            text = _tag_text(vr, value)
        except PARSING_FAILURES:
            yield Tag(path, "", "UN", "cannot be read")
            continue
        yield Tag(path, keyword, vr, text)
        if vr == "SQ" and path.count(".") < 16:
            for index, item in enumerate(value):
                yield from _tags(item, f"{path}[{index}].")


def _tag_text(vr: str, value: Any) -> str:
    if vr == "SQ":
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = "\\".join(str(part) for part in value) if isinstance(value, list | tuple) or hasattr(value, "append") else str(value)
    return text if value is not None and len(text) <= _LONG_TEXT else text[:_LONG_TEXT] + "…" if value is not None else ""


def read_directory(file: LimitedReader, limits: Limits) -> tuple[DirectoryEntry, ...]:
    """List the pictures that a DICOMDIR names, in its order."""
    attributes = parse(file, limits).attributes
    if not attributes.has("DirectoryRecordSequence"):
        raise NotAnImage("The DICOMDIR lists no files.", hint="Open the folder itself instead.")
    with _listening():
        records = attributes.items("DirectoryRecordSequence")
        return tuple(
            DirectoryEntry(parts)
            for record in records
            if record.text("DirectoryRecordType") == "IMAGE" and (parts := record.texts("ReferencedFileID"))
        )


_SILENCED = ("ignore", None, Warning, re.compile(r"(pydicom|cxrview\.io)\b"), 0)
_listeners = threading.local()


class _Collector(logging.Handler):
    """Counts pydicom's remarks for the thread that is reading; their text may hold names of patients and goes nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = getattr(_listeners, "heard", None)
        if heard is not None:
            heard.append(record.levelno)


@contextmanager
def _listening() -> Iterator[list[int]]:
    """Count what pydicom has to remark while the block runs, and keep it from the user."""
    _pydicom()
    if _SILENCED not in warnings.filters:
        warnings.filterwarnings("ignore", module=_SILENCED[3].pattern)
    outer = getattr(_listeners, "heard", None)
    heard: list[int] = []
    _listeners.heard = heard
    try:
        yield heard
    finally:
        _listeners.heard = outer


@cache
def _pydicom() -> ModuleType:
    import pydicom
    import pydicom.errors

    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.convert_wrong_length_to_UN = True  # a remark instead of an exception that stands outside the usual ones
    logger = logging.getLogger("pydicom")
    logger.addHandler(_Collector())
    logger.propagate = False
    return pydicom
