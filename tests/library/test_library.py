"""What is kept about images: marks, notes, windows, annotations, results; and who belongs to whom."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.image import ImageRef, Pixels, VoiFunction, Window
from cxrview.library.index import write_entries
from cxrview.library.library import Library, open_library
from cxrview.library.records import Annotation, Query, Sort
from cxrview.library.results import parse_result, pixel_hash, result_document
from cxrview.library.search import path_of, stored_path
from tests.library.rows import entry, names, put, result


def test_a_row_tells_what_the_file_said(library: Library) -> None:
    ids = put(library, film={"patient_code": "7", "patient_name": "Doe^Jane", "taken": "20200102", "modality": "CR"})
    (image,) = library.images([ids["film"]])
    assert image.ref == ImageRef(Path("/films/film.dcm"))
    assert (image.patient_code, image.patient_name, image.taken, image.modality) == ("7", "Doe^Jane", "20200102", "CR")
    assert (image.is_read, image.is_starred, image.note, image.top_label, image.top_score) == (False, False, "", "", None)
    assert library.image_of(image.ref) == image


def test_rows_come_in_the_order_of_their_ids_without_the_ones_that_are_gone(library: Library) -> None:
    ids = put(library, a={}, b={}, c={})
    library.forget([ids["b"]])
    assert [image.id for image in library.images([ids["c"], ids["b"], ids["a"]])] == [ids["c"], ids["a"]]


def test_marks_and_notes_are_kept_when_the_file_is_indexed_again(library: Library) -> None:
    ids = put(library, film={})
    library.set_read([ids["film"]], is_read=True)
    library.set_starred([ids["film"]], is_starred=True)
    library.set_note(ids["film"], " nodule? ")
    library.set_annotation(ids["film"], Annotation(3, "{}"))
    assert put(library, film={"modality": "CR"}) == ids
    (image,) = library.images([ids["film"]])
    assert (image.modality, image.is_read, image.is_starred, image.note) == ("CR", True, True, "nodule?")
    assert library.annotation(ids["film"]) == Annotation(3, "{}")


def test_marks_can_be_taken_back(library: Library) -> None:
    ids = put(library, a={}, b={})
    library.set_read(list(ids.values()), is_read=True)
    library.set_read([ids["a"]], is_read=False)
    assert names(library, Query(is_read=True)) == ["b"]


def test_thousands_are_marked_at_once(library: Library) -> None:
    write_entries(library, [entry(f"{number}.dcm") for number in range(1300)])
    library.set_starred(library.find(Query()), is_starred=True)
    assert library.count(Query(is_starred=True)) == 1300


def test_the_window_of_an_image_is_remembered_and_forgotten(library: Library) -> None:
    ids = put(library, film={})
    window = Window(40.5, 400.0, VoiFunction.SIGMOID)
    assert library.window(ids["film"]) is None
    library.set_window(ids["film"], window)
    assert library.window(ids["film"]) == window
    library.set_window(ids["film"], None)
    assert library.window(ids["film"]) is None


def test_annotations_are_replaced_and_removed(library: Library) -> None:
    ids = put(library, film={})
    for version in (1, 2):
        library.set_annotation(ids["film"], Annotation(version, '{"arrows": []}'))
    assert library.annotation(ids["film"]) == Annotation(2, '{"arrows": []}')
    library.set_annotation(ids["film"], None)
    assert library.annotation(ids["film"]) is None


def test_what_is_kept_for_an_image_that_is_gone_is_dropped(library: Library) -> None:
    library.set_annotation(99, Annotation(1, "{}"))
    library.save_result(99, result(covid19=0.9))
    library.set_note(99, "x")
    assert library.annotation(99) is None
    assert library.count(Query(text="x")) == 0


def test_a_result_is_found_again_by_picture_and_model(library: Library) -> None:
    ids = put(library, film={})
    kept = result("pixels", "model", flags=("lateral", "child"), covid19=0.9, normal=0.05)
    library.save_result(ids["film"], kept)
    assert library.find_result("pixels", "model") == kept
    assert library.find_result("pixels", "other") is None
    (image,) = library.images([ids["film"]])
    assert (image.top_label, image.top_score, image.flags) == ("covid19", 0.9, ("lateral", "child"))


def test_an_image_is_listed_by_its_positive_finding_before_a_larger_number_under_its_threshold(library: Library) -> None:
    ids = put(library, film={})
    made = result(normal=0.6, tuberculosis=0.4)
    normal, ill = (replace(score, threshold=threshold) for score, threshold in zip(made.scores, (0.8, 0.3), strict=True))
    library.save_result(ids["film"], replace(made, scores=(normal, ill)))
    (image,) = library.images([ids["film"]])
    assert (image.top_label, image.top_score) == ("tuberculosis", 0.4)


def test_a_newer_result_of_the_same_model_replaces_the_older(library: Library) -> None:
    ids = put(library, film={})
    library.save_result(ids["film"], result(flags=("lateral",), covid19=0.9, normal=0.1))
    library.save_result(ids["film"], result(covid19=0.2))
    assert names(library, Query(model="m", label="normal")) == []
    assert names(library, Query(flag="lateral")) == []
    assert names(library, Query(model="m", label="covid19", greatest_score=0.3)) == ["film"]


def test_a_model_is_asked_for_its_own_word_and_never_given_another_ones(library: Library) -> None:
    ids = put(library, film={}, other={}, third={})
    library.save_result(ids["film"], result(model="a", flags=("lateral",), covid19=0.9))
    library.save_result(ids["film"], result(model="b", tb=0.3))
    library.save_result(ids["other"], result(model="b", flags=("child", "lateral"), tb=0.7))
    (film,) = library.images([ids["film"]], reader="a")
    assert (film.top_label, film.top_score, film.flags) == ("covid19", 0.9, ("lateral",))
    (other,) = library.images([ids["other"]], reader="a")
    assert (other.top_label, other.top_score, other.flags) == ("", None, ())
    assert names(library, Query(reader="b", sort=Sort.SCORE)) == ["other", "film", "third"]
    assert names(library, Query(reader="a", sort=Sort.SCORE))[0] == "film"
    assert names(library, Query(reader="a", label="tb")) == []
    assert names(library, Query(reader="b", label="tb", least_score=0.5)) == ["other"]
    assert names(library, Query(reader="b", flag="lateral")) == ["other"]
    assert names(library, Query(reader="b", flag="later")) == []
    assert (library.choices(reader="b").labels, library.choices(reader="b").flags) == (("tb",), ("child", "lateral"))
    assert library.choices(reader="nobody").labels == ()
    library.forget([ids["other"]])
    assert library.choices(reader="b").flags == ()


def test_results_of_two_models_stand_side_by_side(library: Library) -> None:
    ids = put(library, film={})
    library.save_result(ids["film"], result(model="a", covid19=0.9))
    library.save_result(ids["film"], result(model="b", covid19=0.1))
    assert names(library, Query(model="a", label="covid19", least_score=0.5)) == ["film"]
    assert names(library, Query(model="b", label="covid19", least_score=0.5)) == []
    assert library.choices().models == ("a", "b")


def test_a_result_survives_its_document() -> None:
    kept = result(flags=("child",), covid19=0.25, normal=0.75)
    assert parse_result(result_document(kept)) == kept


def pixels_of(values: list[list[int]], **changes: object) -> Pixels:
    return Pixels(np.array(values, np.uint16), 12, **changes)  # type: ignore[arg-type]


def test_the_hash_of_a_picture_changes_with_what_a_model_would_see() -> None:
    plain = pixels_of([[1, 2], [3, 4]])
    others = [
        pixels_of([[1, 2], [3, 5]]),
        pixels_of([[1, 2, 3, 4]]),
        pixels_of([[1, 2], [3, 4]], is_inverted=True),
        pixels_of([[1, 2], [3, 4]], windows=(Window(1, 2),)),
        pixels_of([[1, 2], [3, 4]], shutter=np.ones((2, 2), bool)),
    ]
    assert pixel_hash(plain) == pixel_hash(pixels_of([[1, 2], [3, 4]]))
    assert len({pixel_hash(each) for each in (plain, *others)}) == 6


def test_priors_are_the_other_images_of_the_patient_the_newest_first(library: Library) -> None:
    same = {"patient_key": "id:7"}
    ids = put(
        library,
        old={**same, "taken": "20100101", "study_key": "a"},
        now={**same, "taken": "20200101101500", "study_key": "b"},
        earlier_today={**same, "taken": "20200101080000", "study_key": "c"},
        undated={**same, "study_key": "d"},
        broken={**same, "reason": "It is cut short."},
        stranger={"patient_key": "id:8", "taken": "20150101"},
    )
    assert [image.ref.path.stem for image in library.priors(ids["now"])] == ["earlier_today", "old", "undated"]
    assert library.priors(ids["stranger"]) == ()


def test_patients_and_studies_count_their_images(library: Library) -> None:
    put(
        library,
        a={"patient_key": "1", "patient_code": "P1", "study_key": "x", "study_date": "20200101", "taken": "20200101", "modality": "CR"},
        b={"patient_key": "1", "patient_code": "P1", "study_key": "y", "study_date": "20210101", "taken": "20210101"},
        c={"patient_key": "1", "patient_code": "P1", "study_key": "y", "study_date": "20210101", "taken": "20210102"},
        d={"patient_key": "2", "patient_code": "P2", "study_key": "y", "taken": "20220101"},
    )
    patients = library.patients(Query())
    assert [(each.code, each.images, each.newest) for each in patients] == [("P2", 1, "20220101"), ("P1", 3, "20210102")]
    assert [(each.date, each.images) for each in library.studies(patients[1].id)] == [("20210101", 2), ("20200101", 1)]
    assert [(each.code, each.images) for each in library.patients(Query(modalities=("CR",)))] == [("P1", 1)]


def test_forgetting_leaves_no_empty_patient_and_no_words(library: Library) -> None:
    ids = put(library, a={"patient_key": "1", "patient_name": "Unusual"}, b={"patient_key": "2"})
    library.set_annotation(ids["a"], Annotation(1, "{}"))
    library.save_result(ids["a"], result(flags=("child",), covid19=0.9))
    assert library.forget([ids["a"], 12345]) == 1
    assert [patient.id for patient in library.patients(Query())] == [image.patient for image in library.images([ids["b"]])]
    assert names(library, Query(text="unusual")) == []
    assert library.annotation(ids["a"]) is None
    assert library.choices().flags == ()
    assert library.find_result("p", "m") is not None  # belongs to the picture, which may come back under another name


def test_choices_are_what_there_is(library: Library) -> None:
    ids = put(library, a={"modality": "CR"}, b={"modality": "DX"}, c={"modality": ""})
    library.save_result(ids["a"], result(flags=("child", "lateral"), covid19=0.9))
    found = library.choices()
    assert (found.modalities, found.labels, found.flags, found.models) == (("CR", "DX"), ("covid19",), ("child", "lateral"), ("m",))


def test_an_unreadable_image_is_listed_with_its_reason(library: Library) -> None:
    ids = put(library, good={}, bad={"reason": "It is cut short."})
    library.set_unreadable(ids["good"], "Too large.")
    assert {image.reason for image in library.images(library.find(Query(is_readable=False)))} == {"It is cut short.", "Too large."}
    library.set_unreadable(ids["good"], "")
    assert names(library, Query(is_readable=True)) == ["good"]


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    first = open_library(tmp_path / "l.sqlite3")
    ids = put(first, film={"taken": "20200102"})
    first.set_note(ids["film"], "kept")
    before = first.images([ids["film"]])
    first.close()
    second = open_library(tmp_path / "l.sqlite3")
    assert second.images(second.find(Query(text="kept"))) == before
    assert second.notice == ""
    second.close()


def test_the_index_lies_in_the_data_folder(tmp_path: Path) -> None:
    opened = open_library()
    assert opened.path == tmp_path / "basedir" / "data" / "library.sqlite3"
    opened.close()


def test_no_name_of_a_patient_reaches_the_log(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ids = put(library, film={"patient_name": "Secret^Name"})
        library.set_note(ids["film"], "Secret note")
        library.find(Query(text="secret", sort=Sort.PATIENT))
    assert "ecret" not in caplog.text


@given(st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")))
def test_a_path_of_any_bytes_comes_back(name: bytes) -> None:
    path = Path("/films") / name.decode("utf-8", "surrogateescape")
    stored_path(path).encode()
    assert path_of(stored_path(path)) == path
