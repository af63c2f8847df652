"""What a file is, told by its first bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import PurePath

HEAD_BYTES = 1024
"""How much of a file `sniff` and `describe` want to see."""


class Kind(StrEnum):
    """A kind of file that may hold pictures."""

    DICOM = "DICOM"
    DICOMDIR = "DICOMDIR"
    PNG = "PNG"
    JPEG = "JPEG"
    TIFF = "TIFF"
    BMP = "BMP"
    WEBP = "WebP"
    JPEG_2000 = "JPEG 2000"
    ZIP = "ZIP"


_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"II+\0", Kind.TIFF),
    (b"MM\0+", Kind.TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind.JPEG_2000),
    (b"\xff\x4f\xff\x51", Kind.JPEG_2000),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
)

_IMAGE_SUFFIXES = frozenset(
    (
        *(".dcm", ".dicom", ".dic", ".ima"),
        *(".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"),
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jls"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpx", ".jpf", ".jph", ".jhc"),
    )
)

_MEDIA_DIRECTORY_UID = b"1.2.840.10008.1.3.10"
_PREAMBLE = 128

_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"PK", "a ZIP archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "a database"),
)


def sniff(head: bytes) -> Kind | None:
    """Tell the kind of file from its first `HEAD_BYTES` bytes; None when they show no kind that is read here.

    DICOM is recognised with its preamble, without it, and without file meta information, in either byte order.
    """
    if head[_PREAMBLE : _PREAMBLE + 4] == b"DICM":  # before the others: the preamble may be a TIFF header
        return Kind.DICOMDIR if _MEDIA_DIRECTORY_UID in head[:512] else Kind.DICOM
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head[:2] == b"BM" and len(head) >= 26 and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124):
        return Kind.BMP
    return Kind.DICOM if _is_bare_dataset(head) else None


def has_image_name(name: str) -> bool:
    """Tell whether the suffix says picture or DICOM."""
    return PurePath(name).suffix.lower() in _IMAGE_SUFFIXES


def describe(head: bytes) -> str:
    """Say in words what a file is that is not read here."""
    if not head:
        return "an empty file"
    for magic, name in _STRANGERS:
        if head.startswith(magic):
            return name
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<"):
        return "an XML document"
    if not head.strip(b"\0"):
        return "empty space (zero bytes)"
    is_text = not set(head) & set(range(9)) and b"\x7f" not in head
    return "text" if is_text else "data of an unknown kind"


_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT_VRS = frozenset(
    (
        *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"),
        *(b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
    )
)
_FIRST_GROUPS = (0x0002, 0x0008)
_PLAUSIBLE_LENGTH = 1 << 16
_UNDEFINED_LENGTH = 0xFFFFFFFF
_CONVINCING_ELEMENTS = 3


def _is_bare_dataset(head: bytes) -> bool:
    """Tell whether the bytes begin like DICOM elements: known groups, rising tags, plausible lengths."""
    if len(head) < 16:
        return False
    return any(_begins_with_elements(head, order) for order in ("<", ">"))


def _begins_with_elements(head: bytes, order: str) -> bool:
    tags = list(islice(_tags(head, order), _CONVINCING_ELEMENTS))
    return len(tags) == _CONVINCING_ELEMENTS and tags[0] >> 16 in _FIRST_GROUPS and tags == sorted(set(tags))


def _tags(head: bytes, order: str) -> Iterator[int]:
    """Yield the tags at the start of a data set, as far as it looks like one."""
    position = 0
    while position + 12 <= len(head):
        group, element = struct.unpack_from(f"{order}HH", head, position)
        vr = head[position + 4 : position + 6]
        if vr in _SHORT_VRS:
            (length,) = struct.unpack_from(f"{order}H", head, position + 6)
            position += 8
        elif vr in _LONG_VRS:
            (length,) = struct.unpack_from(f"{order}L", head, position + 8)
            position += 12
        elif order == "<":
            (length,) = struct.unpack_from("<L", head, position + 4)
            position += 8
        else:
            return
        if length > _PLAUSIBLE_LENGTH and length != _UNDEFINED_LENGTH:
            return
        yield group << 16 | element
        position += 0 if length == _UNDEFINED_LENGTH else length
