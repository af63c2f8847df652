"""What may tell who a patient is counts as telling; what a reader needs does not."""

from __future__ import annotations

import pytest

from cxrview.core.patient_tags import tells_who


@pytest.mark.parametrize(
    ("path", "keyword", "vr"),
    [
        ("(0010,0010)", "PatientName", "PN"),
        ("(0010,0030)", "PatientBirthDate", "DA"),
        ("(0008,0050)", "AccessionNumber", "SH"),
        ("(0008,0080)", "InstitutionName", "LO"),
        ("(0008,1010)", "StationName", "SH"),
        ("(0020,000D)", "StudyInstanceUID", "UI"),
        ("(0020,4000)", "ImageComments", "LT"),
        ("(0040,0275)[0].(0032,1032)", "RequestingPhysician", "PN"),
        ("(0009,1001)", "", "LO"),
        ("(0018,9999)", "", "UN"),
        ("013B", "Artist", "text"),
    ],
)
def test_names_identifiers_places_and_the_unknown_are_hidden(path: str, keyword: str, vr: str) -> None:
    assert tells_who(path, keyword, vr)


@pytest.mark.parametrize(
    ("path", "keyword", "vr"),
    [
        ("(0010,0040)", "PatientSex", "CS"),
        ("(0010,1010)", "PatientAge", "AS"),
        ("(0018,5101)", "ViewPosition", "CS"),
        ("(0028,0004)", "PhotometricInterpretation", "CS"),
        ("(0028,3010)[0].(0028,3006)", "LUTData", "OW"),
        ("(0008,0060)", "Modality", "CS"),
    ],
)
def test_what_describes_the_picture_stays(path: str, keyword: str, vr: str) -> None:
    assert not tells_who(path, keyword, vr)
