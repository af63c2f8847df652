"""Raster files: patient, study and view from folder and file name."""

from __future__ import annotations

import pytest

from cxrview.library.names import place_of
from cxrview.library.records import View


@pytest.mark.parametrize(
    ("path", "patient", "study"),
    [
        ("/data/CheXpert/train/patient00123/study2/view1_frontal.jpg", "patient00123", "study2"),
        ("/data/mimic/p10/p10000032/s50414267/02aa804e.jpg", "p10000032", "s50414267"),
        ("/data/nih/00000013_005.png", "00000013", "nih"),
        ("/data/covid/000001-9-a.jpg", "000001", "covid"),
        ("/data/covid/set__000001-17.jpg", "set__000001", "covid"),
        ("/data/kermany/PNEUMONIA/person12_bacteria_3.jpeg", "person12", "PNEUMONIA"),
        ("/data/x/film.png", "film", "x"),
        ("/data/x/1.2.840.113.png", "1.2.840.113", "x"),
    ],
)
def test_patient_and_study_are_read_from_the_usual_names(path: str, patient: str, study: str) -> None:
    place = place_of(path)
    assert (place.patient, place.study) == (patient, study)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("/d/00000013_005.png", "/d/00000013_006.png", True),
        ("/d/00000013_005.png", "/e/00000013_005.png", False),
        ("/d/patient00001/study1/view1.jpg", "/d/patient00001/study2/view1.jpg", True),
        ("/train/patient00001/study1/view1.jpg", "/valid/patient00001/study1/view1.jpg", False),
        ("/normal/film1.png", "/normal/film2.png", False),
    ],
)
def test_a_false_prior_is_worse_than_a_missing_one(one: str, other: str, is_same: bool) -> None:
    assert (place_of(one).patient_key == place_of(other).patient_key) is is_same


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("000012_PA.png", View.PA),
        ("12-ap-supine.jpg", View.AP),
        ("x_lateral.png", View.LATERAL),
        ("pa_and_lateral.png", View.UNKNOWN),
        ("papa.png", View.UNKNOWN),
    ],
)
def test_a_word_of_the_name_tells_the_view(name: str, view: View) -> None:
    assert place_of(f"/d/{name}").view is view
