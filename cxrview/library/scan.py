"""The attributes of the index, taken straight from the bytes of a plain DICOM file; what is not plain is left to the full parser."""

from __future__ import annotations

import struct
from typing import Final

TAGS: Final = {
    "SpecificCharacterSet": 0x00080005,
    "SOPInstanceUID": 0x00080018,
    "StudyDate": 0x00080020,
    "AcquisitionDate": 0x00080022,
    "ContentDate": 0x00080023,
    "StudyTime": 0x00080030,
    "AcquisitionTime": 0x00080032,
    "ContentTime": 0x00080033,
    "AccessionNumber": 0x00080050,
    "Modality": 0x00080060,
    "Manufacturer": 0x00080070,
    "InstitutionName": 0x00080080,
    "StudyDescription": 0x00081030,
    "SeriesDescription": 0x0008103E,
    "ManufacturerModelName": 0x00081090,
    "PatientName": 0x00100010,
    "PatientID": 0x00100020,
    "IssuerOfPatientID": 0x00100021,
    "PatientBirthDate": 0x00100030,
    "PatientSex": 0x00100040,
    "PatientAge": 0x00101010,
    "BodyPartExamined": 0x00180015,
    "ViewPosition": 0x00185101,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "Laterality": 0x00200060,
    "ImageLaterality": 0x00200062,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "BitsStored": 0x00280101,
    "ViewCodeSequence": 0x00540220,
}
"""What the index wants to know, by keyword."""

WORDS: Final = ("Rows", "Columns", "BitsStored")
"""Attributes that are one unsigned 16-bit number."""

_VRS: Final = {
    **dict.fromkeys(("StudyDate", "AcquisitionDate", "ContentDate", "PatientBirthDate"), b"DA"),
    **dict.fromkeys(("StudyTime", "AcquisitionTime", "ContentTime"), b"TM"),
    **dict.fromkeys(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"), b"UI"),
    **dict.fromkeys(("SpecificCharacterSet", "Modality", "PatientSex", "BodyPartExamined"), b"CS"),
    **dict.fromkeys(("ViewPosition", "Laterality", "ImageLaterality"), b"CS"),
    **dict.fromkeys(("Manufacturer", "InstitutionName", "StudyDescription", "SeriesDescription"), b"LO"),
    **dict.fromkeys(("ManufacturerModelName", "PatientID", "IssuerOfPatientID"), b"LO"),
    **dict.fromkeys(WORDS, b"US"),
    "AccessionNumber": b"SH",
    "PatientName": b"PN",
    "PatientAge": b"AS",
    "NumberOfFrames": b"IS",
    "ViewCodeSequence": b"SQ",
}


def _number(vr: bytes) -> int:
    """Give a VR as the number that stands in its place in the file: numbers are found faster in a set than bytes."""
    return int.from_bytes(vr, "little")


KEYWORDS: Final = {tag: keyword for keyword, tag in TAGS.items()}
"""What the index wants to know, by tag."""
_VR_OF: Final = {tag: _number(_VRS[keyword]) for keyword, tag in TAGS.items()}
_LAST: Final = max(tag for tag in _VR_OF if tag >> 16 <= 0x0028)
_VIEW_POSITION: Final = TAGS["ViewPosition"]
_VIEW_CODES: Final = TAGS["ViewCodeSequence"]

_IMPLICIT: Final = b"1.2.840.10008.1.2"
_NOT_PLAIN_SYNTAXES: Final = (b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99", b"1.2.840.113619.5.2")
_SEQUENCE: Final = _number(b"SQ")
_LONG_VRS: Final = frozenset(map(_number, (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")))
_SHORT_VRS: Final = frozenset(
    _number(vr)
    for vr in (
        *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"),
        *(b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
    )
)
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST: Final = 16
_LONGEST_VALUE: Final = 1024
_EXPLICIT_HEAD = struct.Struct("<HHHH")
_IMPLICIT_HEAD = struct.Struct("<HHL")
_LENGTH = struct.Struct("<L")


class NeedsMore(Exception):
    """The header goes on behind the bytes that were given."""


class NotPlain(Exception):
    """The bytes depart from what is read here; the full parser decides."""


def scan(data: bytes, *, is_whole: bool) -> dict[int, bytes]:
    """Give the raw values of the wanted attributes, by tag.

    Plain is: preamble, file meta information, explicit or implicit little endian, tags in rising order, the VRs of the standard.

    Args:
        data: the beginning of a file.
        is_whole: it is the whole file.

    Raises:
        NeedsMore: more of the file is needed.
        NotPlain: the file, or the character set of a name in it, is for the full parser.
    """
    try:
        syntax, start = _file_meta(data)
        if syntax in _NOT_PLAIN_SYNTAXES or not syntax:
            raise NotPlain
        return _implicit_values(data, start) if syntax == _IMPLICIT else _explicit_values(data, start)
    except struct.error as error:
        raise (NotPlain if is_whole else NeedsMore) from error
    except NeedsMore as error:
        if is_whole:
            raise NotPlain from error
        raise


def _file_meta(data: bytes) -> tuple[bytes, int]:
    """Give the transfer syntax and the start of the data set."""
    if data[128:132] != b"DICM":
        raise NotPlain
    position, syntax = 132, b""
    while True:
        group, element, vr, length = _EXPLICIT_HEAD.unpack_from(data, position)
        if group != 0x0002:
            return syntax, position
        position += 8
        if vr in _LONG_VRS:
            (length,) = _LENGTH.unpack_from(data, position)
            position += 4
        elif vr not in _SHORT_VRS:
            raise NotPlain
        if element == 0x0010:
            syntax = data[position : position + length].rstrip(b" \0")
        position += length


def _explicit_values(data: bytes, position: int) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    unpack, previous, wanted = _EXPLICIT_HEAD.unpack_from, 0, _VR_OF
    while True:
        group, element, vr, length = unpack(data, position)
        tag = group << 16 | element
        if tag > _LAST and _is_behind(tag, values):
            return values
        position += 8
        if vr in _LONG_VRS:
            (length,) = _LENGTH.unpack_from(data, position)
            position += 4
        elif vr not in _SHORT_VRS:
            raise NotPlain
        if tag <= previous:
            raise NotPlain
        previous = tag
        if tag in wanted:
            if vr != wanted[tag] or tag == _VIEW_CODES:
                raise NotPlain
            if length > _LONGEST_VALUE:
                raise NotPlain
            if position + length > len(data):
                raise NeedsMore
            values[tag] = data[position : position + length]
        if length == _UNDEFINED:
            if vr != _SEQUENCE:
                raise NotPlain
            position = _behind_sequence(data, position, depth=0, is_implicit=False)
        else:
            position += length


def _implicit_values(data: bytes, position: int) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    unpack, previous, wanted = _IMPLICIT_HEAD.unpack_from, 0, _VR_OF
    while True:
        group, element, length = unpack(data, position)
        tag = group << 16 | element
        if tag > _LAST and _is_behind(tag, values):
            return values
        if tag <= previous or (not previous and tag >> 16 != 0x0008):
            raise NotPlain
        previous = tag
        position += 8
        if tag in wanted:
            if tag == _VIEW_CODES:
                raise NotPlain
            if length > _LONGEST_VALUE:
                raise NotPlain
            if position + length > len(data):
                raise NeedsMore
            values[tag] = data[position : position + length]
        if length == _UNDEFINED:
            position = _behind_sequence(data, position, depth=0, is_implicit=True)
        else:
            position += length


def _is_behind(tag: int, values: dict[int, bytes]) -> bool:
    """Tell whether nothing that is wanted can follow the last plain attribute; the codes of the view are, where its name is empty."""
    return tag > _VIEW_CODES or bool(values.get(_VIEW_POSITION, b"").strip(b" \0"))


def _behind_sequence(data: bytes, position: int, *, depth: int, is_implicit: bool) -> int:
    """Give the position behind a sequence of undefined length."""
    if depth > _DEEPEST:
        raise NotPlain
    while True:
        group, element, length = _IMPLICIT_HEAD.unpack_from(data, position)
        tag = group << 16 | element
        position += 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise NotPlain
        position = _behind_item(data, position, depth=depth, is_implicit=is_implicit) if length == _UNDEFINED else position + length


def _behind_item(data: bytes, position: int, *, depth: int, is_implicit: bool) -> int:
    """Give the position behind an item of undefined length."""
    while True:
        group, element, length = _IMPLICIT_HEAD.unpack_from(data, position)
        if group << 16 | element == _ITEM_END:
            return position + 8
        position += 8
        if not is_implicit:
            vr = length & 0xFFFF
            if vr in _LONG_VRS:
                (length,) = _LENGTH.unpack_from(data, position)
                position += 4
            elif vr in _SHORT_VRS:
                length >>= 16
            else:
                raise NotPlain
            if length == _UNDEFINED and vr != _SEQUENCE:
                raise NotPlain
        position = _behind_sequence(data, position, depth=depth + 1, is_implicit=is_implicit) if length == _UNDEFINED else position + length
