"""Headers: the fast way tells exactly what the full parser tells, and what is unreadable says why."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxrview.core.image import ImageRef
from cxrview.io.sniff import Kind, sniff
from cxrview.library.headers import FIRST_READ, parsed_header, read_header, scanned_header, view_of
from cxrview.library.records import Header, View
from cxrview.library.scan import NeedsMore, NotPlain, scan
from tests.io.dicom_files import dataset, item, raw, write, write_bare

INSTALLED = Path(pydicom.__file__).parent / "data"
COLLECTION = Path(__file__).parents[2].parent / "shared" / "dicom"
SAMPLES = sorted(path for root in (INSTALLED, COLLECTION) for path in root.rglob("*") if path.is_file())
TAKEN_AS_IS = {
    "patient_code": "PatientID",
    "patient_sex": "PatientSex",
    "patient_age": "PatientAge",
    "study_uid": "StudyInstanceUID",
    "study_description": "StudyDescription",
    "accession": "AccessionNumber",
    "series_uid": "SeriesInstanceUID",
    "series_description": "SeriesDescription",
    "sop_uid": "SOPInstanceUID",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "institution": "InstitutionName",
    "rows": "Rows",
    "columns": "Columns",
    "bits": "BitsStored",
}


def is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(1024)) is Kind.DICOM


DICOM_SAMPLES = [path for path in SAMPLES if is_dicom(path)]


def fast(path: Path) -> Header | None:
    data = path.read_bytes()
    return scanned_header(ImageRef(path), data[:FIRST_READ], io.BytesIO(data), is_whole=len(data) < FIRST_READ)


@pytest.mark.parametrize("path", DICOM_SAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_fast_way_and_the_full_parser_agree_on_every_sample(path: Path) -> None:
    found = fast(path)
    if found is not None:
        assert found == parsed_header(ImageRef(path), io.BytesIO(path.read_bytes()))


def test_most_samples_in_little_endian_go_the_fast_way() -> None:
    """Not those without preamble, in big endian, deflated, with several character sets, or against the standard."""
    plain = [path for path in DICOM_SAMPLES if fast(path) is not None]
    assert len(plain) > 0.5 * len(DICOM_SAMPLES)


@pytest.mark.parametrize("path", DICOM_SAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_headers_agree_with_pydicom(path: Path) -> None:
    header = read_header(ImageRef(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        for field, keyword in TAKEN_AS_IS.items():
            value = theirs.get(keyword)
            if value is None or isinstance(value, bytes):
                value = 0 if field in ("rows", "columns", "bits") else ""
            ours = getattr(header, field)
            assert ours == (value if isinstance(ours, int) else str(value).strip(" \0")), keyword
        assert header.patient_name == str(theirs.get("PatientName", "") or "").strip(" \0")
        if path.name != "badVR.dcm":  # its number of frames is 1A
            assert header.frames == int(theirs.get("NumberOfFrames") or 1)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_way_of_writing_gives_the_same_header(tmp_path: Path, syntax: str) -> None:
    made = dataset(
        PatientID="7", PatientName="Doe^Jane", StudyDate="20200102", StudyTime="101112.5", ViewPosition="PA", StudyInstanceUID="1.9"
    )
    path = write(tmp_path, made, syntax=syntax)
    header = read_header(ImageRef(path))
    assert (header.patient_code, header.patient_name, header.taken, header.view) == ("7", "Doe^Jane", "20200102101112", View.PA)
    assert (header.rows, header.columns, header.bits, header.frames, header.reason) == (12, 10, 12, 1, "")


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    path = write_bare(tmp_path, dataset(PatientID="7"), is_implicit=True)
    assert read_header(ImageRef(path)).patient_code == "7"


def test_a_header_longer_than_the_first_read_is_read_to_its_end(tmp_path: Path) -> None:
    made = dataset(PatientID="7", ViewPosition="AP")
    made.add_new(0x00091001, "OB", b"\1" * (3 * FIRST_READ))
    path = write(tmp_path, made)
    assert fast(path) == read_header(ImageRef(path))
    assert read_header(ImageRef(path)).patient_code == "7"


def test_sequences_of_undefined_length_are_stepped_over(tmp_path: Path) -> None:
    inner = item(CodeValue="1", CodingSchemeDesignator="X", CodeMeaning="PatientID is not here")
    inner.ConceptCodeSequence = [item(CodeValue="2", CodeMeaning="deeper")]
    inner["ConceptCodeSequence"].is_undefined_length = True
    made = dataset(PatientID="7", ProcedureCodeSequence=[inner, inner])
    made["ProcedureCodeSequence"].is_undefined_length = True
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        path = write(tmp_path, made, syntax=syntax)
        assert fast(path) is not None
        assert read_header(ImageRef(path)).patient_code == "7"


@pytest.mark.parametrize(
    ("character_set", "name"), [("ISO_IR 100", "Müller^Jörg"), ("ISO_IR 192", "Ωμέγα^山田"), ("ISO_IR 144", "Люкceмбypг")]
)
def test_names_come_in_their_letters(tmp_path: Path, character_set: str, name: str) -> None:
    path = write(tmp_path, dataset(SpecificCharacterSet=character_set, PatientName=name))
    assert read_header(ImageRef(path)).patient_name == name
    assert fast(path) == read_header(ImageRef(path))


def test_the_view_is_taken_from_its_code_where_it_has_no_plain_name(tmp_path: Path) -> None:
    made = dataset(ViewCodeSequence=[item(CodeValue="R-10206", CodingSchemeDesignator="SRT", CodeMeaning="antero-posterior")])
    assert read_header(ImageRef(write(tmp_path, made))).view is View.AP


@pytest.mark.parametrize(
    ("stated", "view"),
    [
        ("PA", View.PA),
        ("postero-anterior", View.PA),
        ("AP", View.AP),
        ("LL", View.LATERAL),
        ("left lateral", View.LATERAL),
        ("OBLIQUE", View.UNKNOWN),
        ("", View.UNKNOWN),
    ],
)
def test_views_have_one_of_four_names(stated: str, view: View) -> None:
    assert view_of(stated) is view


@pytest.mark.parametrize(
    ("dates", "taken"),
    [
        ({"StudyDate": "20200102", "StudyTime": "0910"}, "20200102"),
        ({"StudyDate": "2020.01.02"}, "20200102"),
        ({"StudyDate": "20200102", "AcquisitionDate": "20200103", "AcquisitionTime": "235959"}, "20200103235959"),
        ({"StudyDate": "20201399"}, ""),
        ({"StudyDate": "yesterda"}, ""),
        ({}, ""),
    ],
)
def test_dates_are_real_or_empty(tmp_path: Path, dates: dict[str, str], taken: str) -> None:
    made = dataset()
    for keyword, value in dates.items():
        raw(made, keyword, "TM" if keyword.endswith("Time") else "DA", value.encode())
    assert read_header(ImageRef(write(tmp_path, made))).taken == taken


def keys_of(folder: Path, **attributes: str) -> str:
    return read_header(ImageRef(write(folder, dataset(**attributes)))).patient_key


def test_one_number_with_two_birthdays_is_two_patients(tmp_path: Path) -> None:
    one, other = ({"PatientID": "7", "PatientBirthDate": day} for day in ("19500101", "19600101"))
    assert keys_of(tmp_path, **one) == keys_of(tmp_path, **one, StudyInstanceUID="1.2")
    assert keys_of(tmp_path, **one) != keys_of(tmp_path, **other)
    assert keys_of(tmp_path, **one) != keys_of(tmp_path, **one, IssuerOfPatientID="elsewhere")


def test_without_number_and_name_a_study_is_a_patient_of_its_own(tmp_path: Path) -> None:
    assert keys_of(tmp_path, StudyInstanceUID="1.2") == keys_of(tmp_path, StudyInstanceUID="1.2")
    assert keys_of(tmp_path, StudyInstanceUID="1.2") != keys_of(tmp_path, StudyInstanceUID="1.3")


def test_an_archive_member_is_read(tmp_path: Path) -> None:
    film = write(tmp_path, dataset(PatientID="7"))
    archive = tmp_path / "disc.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(film, "a/film.dcm")
    assert read_header(ImageRef(archive, "a/film.dcm")).patient_code == "7"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"", "an empty file"),
        (b"\0" * 128 + b"DICM" + b"\xff" * 40, "picture"),
    ],
)
def test_an_unreadable_file_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(content)
    assert words in read_header(ImageRef(path)).reason


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert read_header(ImageRef(tmp_path / "gone.dcm")).reason == "No such file or directory."


def test_a_report_holds_no_picture() -> None:
    assert read_header(ImageRef(INSTALLED / "test_files" / "reportsi.dcm")).reason == "The file holds no picture."


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(0, 400), st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]))
def test_hostile_bytes_are_refused_and_never_break_the_scan(noise: bytes, at: int, syntax: str) -> None:
    start = bytes(128) + b"DICM" + b"\2\0\x10\0UI" + len(syntax).to_bytes(2, "little") + syntax.encode()
    body = b"\x08\0\x60\0CS\2\0DX" * 3
    data = start + body[: at % 31] + noise
    for is_whole in (True, False):
        try:
            scan(data, is_whole=is_whole)
        except NotPlain:
            pass
        except NeedsMore:
            assert not is_whole
