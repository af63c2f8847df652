from __future__ import annotations

from pathlib import Path

import pytest

from cxrview.core.errors import DataError
from cxrview.training.patients import PatientKey, PatientRule, patient_of, preview_pattern
from cxrview.training.sources import Entry


def _entry(name: str, *, source: str = "ward", patient: str = "") -> Entry:
    return Entry(Path("/data") / name, frozenset({"clear"}), source, name, patient=patient)


def test_a_pattern_finds_the_patient_in_file_names() -> None:
    entries = [_entry("clear/0017_003.png"), _entry("clear/0017_004.png"), _entry("ill/0018_001.png"), _entry("ill/strange.png")]
    preview = preview_pattern(entries, "{patient}_*")
    assert (preview.fitting, preview.total, preview.patients) == (3, 4, 2)
    assert ("ill/strange.png", "") in preview.samples
    rule = PatientRule(PatientKey.PATTERN, "{patient}_*")
    assert patient_of(entries[0], "", rule) == patient_of(entries[1], "", rule) != patient_of(entries[2], "", rule)
    assert patient_of(entries[3], "", rule) == ""


def test_a_pattern_may_go_through_folders() -> None:
    preview = preview_pattern([_entry("clear/p1/a.png"), _entry("clear/p1/b.png")], "*/{patient}/*")
    assert [patient for _name, patient in preview.samples] == ["p1", "p1"]


def test_a_pattern_without_a_patient_is_refused() -> None:
    with pytest.raises(DataError, match="must hold"):
        preview_pattern([_entry("a.png")], "*_*")


def test_the_table_wins_over_the_header_and_ids_are_not_written_down() -> None:
    entry = _entry("a.dcm", patient="Jane Doe")
    key = patient_of(entry, "12345", PatientRule())
    assert key.startswith("p-")
    assert "Doe" not in key
    assert key != patient_of(_entry("a.dcm"), "12345", PatientRule())
    assert patient_of(entry, "12345", PatientRule(PatientKey.NONE)) == ""


def test_the_id_of_a_header_is_one_patient_in_all_folders() -> None:
    rule = PatientRule()
    assert patient_of(_entry("a.dcm"), "MRN-7", rule) == patient_of(_entry("b.dcm", source="other folder"), "MRN-7", rule) != ""
    assert patient_of(_entry("a.dcm"), "MRN-7", rule) != patient_of(_entry("b.dcm"), "MRN-8", rule)


def test_the_same_number_in_two_hospitals_is_two_patients() -> None:
    rule = PatientRule()
    assert patient_of(_entry("a.png", patient="1"), "", rule) != patient_of(_entry("a.png", source="other", patient="1"), "", rule)
