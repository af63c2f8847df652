"""An image ref to what its file says of it, fast: a few kilobytes read, no pixels."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef
from cxrview.io.archive import read_member
from cxrview.io.attributes import PARSING_FAILURES
from cxrview.io.dicom import parse
from cxrview.io.limits import DEFAULT_LIMITS, LimitedReader, Limits
from cxrview.io.sniff import HEAD_BYTES, Kind, describe, sniff
from cxrview.library.names import place_of
from cxrview.library.records import Header, View
from cxrview.library.scan import KEYWORDS, TAGS, WORDS, NeedsMore, NotPlain, scan

FIRST_READ: Final = 1 << 13
LARGEST_READ: Final = 1 << 22
_CHARACTER_SETS: Final = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO 2022 IR 6": "ascii",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 166": "iso8859-11",
}
_LATERAL: Final = frozenset({"LL", "RL", "LLD", "RLD", "LLO", "RLO", "LATERAL", "LAT", "L"})
_NO_PICTURE: Final = "The file holds no picture."
_SEPARATOR: Final = b"\x1e"
"""A control character between values, so that all are decoded at once; no text of DICOM holds it."""
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,9}")
_DAMAGED: Final = "The header breaks the rules of its format."


def read_header(ref: ImageRef, *, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Read what the index keeps of a file; a file that cannot be read gives a header with the reason."""
    try:
        if ref.member:
            data = read_member(ref.path, ref.member, limits)
            return header_of(ref, data, io.BytesIO(data), is_whole=True, limits=limits)
        with io.FileIO(ref.path) as file:
            data = file.read(FIRST_READ) or b""
            return header_of(ref, data, file, is_whole=len(data) < FIRST_READ, limits=limits)
    except CxrError as error:
        return unreadable(ref, f"{error.message} {error.hint}".strip())
    except OSError as error:
        return unreadable(ref, f"{error.strerror or 'It cannot be read'}.")
    except PARSING_FAILURES:
        return unreadable(ref, _DAMAGED)


def unreadable(ref: ImageRef, reason: str) -> Header:
    """Make the header of a file of which only the name is known."""
    place = place_of(full_name(ref))
    return Header(
        patient_key=f"name:{place.patient_key}",
        study_key=f"name:{place.study_key}",
        view=place.view,
        patient_code=place.patient,
        study_description=place.study,
        reason=reason,
    )


def full_name(ref: ImageRef) -> str:
    """Give path and member as one path, as if the archive were a folder."""
    return f"{ref.path}/{ref.member}" if ref.member else str(ref.path)


def header_of(ref: ImageRef, head: bytes, file: io.FileIO | io.BytesIO, *, is_whole: bool, limits: Limits) -> Header:
    """Tell the header from the beginning of an open file, reading on where that does not suffice."""
    kind = sniff(head[:HEAD_BYTES])
    if kind is None or kind in (Kind.ZIP, Kind.DICOMDIR):
        what = describe(head[:HEAD_BYTES]) if kind is None else f"a {kind}"
        return unreadable(ref, f"The file is {what}, no picture that is read here.")
    if kind is not Kind.DICOM:
        return _raster_header(ref, kind)
    header = scanned_header(ref, head, file, is_whole=is_whole)
    return header if header is not None else parsed_header(ref, file, limits=limits)


def _raster_header(ref: ImageRef, kind: Kind) -> Header:
    place = place_of(full_name(ref))
    return Header(
        patient_key=f"name:{place.patient_key}",
        study_key=f"name:{place.study_key}",
        view=place.view,
        format=str(kind),
        patient_code=place.patient,
        study_description=place.study,
    )


def scanned_header(ref: ImageRef, head: bytes, file: io.FileIO | io.BytesIO, *, is_whole: bool) -> Header | None:
    """Take the header from the bytes alone; None when the full parser must look."""
    data = head
    while True:
        try:
            values = scan(data, is_whole=is_whole)
            character_set = values.get(TAGS["SpecificCharacterSet"], b"").decode("ascii").strip(" \0")
            return _header(ref, *_scanned_values(values, _CHARACTER_SETS[character_set]))
        except (NotPlain, UnicodeDecodeError, KeyError):
            return None
        except NeedsMore:
            wanted = min(len(data) * 16, LARGEST_READ)
            if len(data) >= LARGEST_READ:
                return None
            file.seek(0)
            data = file.read(wanted) or b""
            is_whole = len(data) < wanted


Text = Callable[[str], str]
Number = Callable[[str], int]


def _scanned_values(values: dict[int, bytes], encoding: str) -> tuple[Text, Number]:
    words = {keyword: values.pop(TAGS[keyword], b"") for keyword in WORDS}
    joined = _SEPARATOR.join(values.values())
    if b"\x1b" in joined or joined.count(_SEPARATOR) != max(len(values) - 1, 0):  # the first switches the character set
        raise NotPlain
    decoded = joined.decode(encoding).split(_SEPARATOR.decode())
    texts = {KEYWORDS[tag]: value.strip(" \0") for tag, value in zip(values, decoded, strict=False)}

    def text(keyword: str) -> str:
        return texts.get(keyword, "")

    def number(keyword: str) -> int:
        if keyword in words:
            if len(words[keyword]) not in (0, 2):
                raise NotPlain
            return int.from_bytes(words[keyword], "little")
        written = text(keyword)
        if written and not _WHOLE_NUMBER.fullmatch(written):
            raise NotPlain
        return int(written or 0)

    return text, number


def parsed_header(ref: ImageRef, file: io.FileIO | io.BytesIO, *, limits: Limits = DEFAULT_LIMITS) -> Header:
    """Take the header from the full parser.

    Raises:
        UnreadableImage: the file cannot be parsed.
    """
    file.seek(0)
    copy = io.BytesIO(file.getvalue()) if isinstance(file, io.BytesIO) else io.FileIO(ref.path)
    with LimitedReader(copy, limits) as reader:
        attributes = parse(reader, limits).attributes
        codes = () if attributes.text("ViewPosition") else attributes.items("ViewCodeSequence")
        view = codes[0].text("CodeMeaning") if codes else ""
        return _header(ref, attributes.text, lambda keyword: attributes.integer(keyword) or 0, view)


def _header(ref: ImageRef, text: Text, number: Number, view_meaning: str = "") -> Header:
    study_date, (patient_key, study_key) = _date(text("StudyDate")), _keys(ref, text)
    rows, columns = number("Rows"), number("Columns")
    maker = text("Manufacturer")
    model = text("ManufacturerModelName")
    return Header(
        patient_key=patient_key,
        study_key=study_key,
        view=view_of(text("ViewPosition") or view_meaning),
        format=str(Kind.DICOM),
        patient_code=text("PatientID"),
        patient_name=text("PatientName").rstrip("="),
        patient_sex=text("PatientSex"),
        patient_age=text("PatientAge"),
        birth_date=_date(text("PatientBirthDate")),
        study_uid=text("StudyInstanceUID"),
        study_date=study_date,
        study_description=text("StudyDescription"),
        accession=text("AccessionNumber"),
        series_uid=text("SeriesInstanceUID"),
        series_description=text("SeriesDescription"),
        sop_uid=text("SOPInstanceUID"),
        taken=_taken(text),
        modality=text("Modality"),
        body_part=text("BodyPartExamined"),
        laterality=text("ImageLaterality") or text("Laterality"),
        manufacturer=f"{maker} {model}".strip(),
        institution=text("InstitutionName"),
        rows=rows,
        columns=columns,
        bits=number("BitsStored"),
        frames=max(number("NumberOfFrames"), 1),
        reason="" if rows > 0 and columns > 0 else _NO_PICTURE,
    )


def _keys(ref: ImageRef, text: Text) -> tuple[str, str]:
    """Give the keys of patient and study.

    A Patient ID counts together with its issuer and the date of birth: two hospitals may give two people the same number. Without an ID,
    name and date of birth; without a name, the study is a patient of its own.
    """
    code, birth, study = text("PatientID"), _date(text("PatientBirthDate")), text("StudyInstanceUID")
    study_key = f"dicom:{study}" if study else f"file:{full_name(ref)}"
    if code:
        return "\n".join(("id:" + code, text("IssuerOfPatientID"), birth)), study_key
    name = text("PatientName")
    return ("\n".join(("named:" + name.casefold(), birth)) if name.strip("^ ") else study_key), study_key


@lru_cache(maxsize=256)
def view_of(stated: str) -> View:
    """Tell the view from a DICOM View Position, or from the meaning of a view code."""
    word = stated.strip().upper()
    if word in _LATERAL or "LATERAL" in word:
        return View.LATERAL
    letters = re.sub("[^A-Z]", "", word)
    if letters.startswith(("POSTEROANTERIOR", "POSTEROANTER")) or letters == "PA":
        return View.PA
    return View.AP if letters.startswith(("ANTEROPOSTERIOR", "ANTEROPOSTER")) or letters == "AP" else View.UNKNOWN


def _taken(text: Text) -> str:
    """Give when the picture was taken: the first pair of date and time that the file knows."""
    for event in ("Acquisition", "Study", "Content"):
        date = _date(text(f"{event}Date"))
        if date:
            return date + _time(text(f"{event}Time"))
    return ""


@lru_cache(maxsize=4096)
def _date(stated: str) -> str:
    """Give a date as `YYYYMMDD`, empty when it is none; the dots of old files are dropped."""
    digits = stated.replace(".", "").replace("-", "").strip()
    if len(digits) != 8 or not digits.isascii() or not digits.isdigit():
        return ""
    try:
        dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return ""
    return digits


def _time(stated: str) -> str:
    digits = stated.replace(":", "").strip()[:6]
    return digits if len(digits) == 6 and digits.isascii() and digits.isdigit() else ""


def fingerprint(path: Path) -> tuple[int, int]:
    """Give size and time of change (ns) of a file; they tell whether it must be read again.

    Raises:
        OSError: it is not there, or may not be looked at.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns
