"""Finding: filters, sorting and free text, and that lists of tens of thousands come from indices."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrview.core.image import ImageRef
from cxrview.library.index import Entry, write_entries
from cxrview.library.library import Library, open_library
from cxrview.library.records import Image, Query, Sort, View
from cxrview.library.search import ids_statement
from cxrview.library.words import match_of
from tests.library.rows import PLAIN, names, put, result


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(first_date="20200102"), {"b", "c"}),
        (Query(last_date="20200102"), {"a", "b"}),
        (Query(first_date="20200102", last_date="20200102"), {"b"}),
        (Query(views=(View.PA,)), {"a"}),
        (Query(views=(View.PA, View.LATERAL)), {"a", "b"}),
        (Query(modalities=("CR",)), {"b"}),
        (Query(label="covid19"), {"a"}),
        (Query(label="normal", model="m"), {"a", "b"}),
        (Query(label="normal", model="m", least_score=0.5), {"b"}),
        (Query(model="m"), {"a", "b"}),
        (Query(least_score=0.85), {"a"}),
        (Query(greatest_score=0.85), {"b"}),
        (Query(flag="child"), {"b"}),
        (Query(is_read=True), {"a"}),
        (Query(is_read=False), {"b", "c", "none"}),
        (Query(is_starred=True), {"b"}),
        (Query(is_starred=False), {"a", "c", "none"}),
        (Query(has_note=True), {"c"}),
        (Query(has_note=False), {"a", "b", "none"}),
        (Query(is_readable=False), {"none"}),
        (Query(is_readable=True), {"a", "b", "c"}),
        (Query(is_missing=True), set()),
        (Query(is_missing=False), {"a", "b", "c", "none"}),
        (Query(text="doe"), {"b"}),
        (Query(text="DOE ja"), {"b"}),
        (Query(text="nodule"), {"c"}),
        (Query(text="covid19"), {"a"}),
        (Query(text="child"), {"b"}),
        (Query(text="1.2.840.77.1"), {"c"}),
        (Query(text="1.2.840.77"), {"c"}),
        (Query(text="cut short"), {"none"}),
        (Query(text="nothing like it"), set()),
        (Query(text="  "), {"a", "b", "c", "none"}),
        (Query(folder=Path("/films")), {"a", "b", "c", "none"}),
        (Query(folder=Path("/films/a.dcm")), {"a"}),
        (Query(folder=Path("/film")), set()),
    ],
)
def test_each_filter_keeps_what_it_says(library: Library, query: Query, expected: set[str]) -> None:
    ids = put(
        library,
        a={"taken": "20200101", "view": View.PA},
        b={"taken": "20200102235959", "view": View.LATERAL, "modality": "CR", "patient_name": "Doe^Jané", "patient_key": "2"},
        c={"taken": "20200103", "view": View.AP, "sop_uid": "1.2.840.77.1"},
        none={"reason": "The file is cut short."},
    )
    library.save_result(ids["a"], result(covid19=0.9, normal=0.1))
    library.save_result(ids["b"], result(flags=("child",), covid19=0.2, normal=0.8))
    library.set_read([ids["a"]], is_read=True)
    library.set_starred([ids["b"]], is_starred=True)
    library.set_note(ids["c"], "A nodule?")
    assert set(names(library, query)) == expected
    assert library.count(query) == len(expected)


@pytest.mark.parametrize(
    ("sort", "ascending"),
    [
        (Sort.DATE, "cab"),
        (Sort.PATIENT, "bca"),
        (Sort.VIEW, "bac"),
        (Sort.MODALITY, "bac"),
        (Sort.LABEL, "cba"),
        (Sort.SCORE, "cab"),
        (Sort.FLAG, "bca"),
        (Sort.READ, "bca"),
        (Sort.STAR, "acb"),
        (Sort.NOTE, "abc"),
        (Sort.NAME, "abc"),
        (Sort.ADDED, "abc"),
    ],
)
def test_each_sort_goes_both_ways(library: Library, sort: Sort, ascending: str) -> None:
    ids = put(
        library,
        a={"taken": "20200102", "view": View.PA, "modality": "DX", "patient_key": "1", "patient_name": "Zoe"},
        b={"taken": "20200103", "view": View.AP, "modality": "CR", "patient_key": "2", "patient_name": "Ann"},
        c={"taken": "20200101", "view": View.LATERAL, "modality": "DX", "patient_key": "3", "patient_name": "Eve"},
    )
    library.save_result(ids["a"], result("1", flags=("child",), pneumonia=0.6))
    library.save_result(ids["b"], result("2", normal=0.7))
    library.set_read([ids["a"]], is_read=True)
    library.set_starred([ids["b"]], is_starred=True)
    library.set_note(ids["c"], "x")
    assert "".join(names(library, Query(sort=sort, is_descending=False))) == ascending
    assert "".join(names(library, Query(sort=sort, is_descending=True))) == ascending[::-1]


def test_scores_of_one_model_for_one_label_give_the_order(library: Library) -> None:
    ids = put(library, a={}, b={}, c={}, unscored={})
    for name, score in (("a", 0.3), ("b", 0.9), ("c", 0.5)):
        library.save_result(ids[name], result(name, covid19=score, normal=1 - score))
    assert names(library, Query(model="m", label="normal", sort=Sort.SCORE)) == ["a", "c", "b"]


def test_search_follows_a_changed_note(library: Library) -> None:
    ids = put(library, film={})
    library.set_note(ids["film"], "effusion")
    library.set_note(ids["film"], "pneumothorax")
    assert names(library, Query(text="effus")) == []
    assert names(library, Query(text="pneumoth")) == ["film"]


def test_only_positive_labels_are_words(library: Library) -> None:
    ids = put(library, film={})
    library.save_result(ids["film"], result(covid19=0.9, pneumonia=0.1))
    assert names(library, Query(text="covid19")) == ["film"]
    assert names(library, Query(text="pneumonia")) == []


@given(st.text(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_whatever_is_typed_is_a_search(library: Library, text: str) -> None:
    library.find(Query(text=text))
    library.count(Query(text=text))


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyzäöüé0123456789", min_size=1, max_size=8), min_size=1, max_size=4), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_the_beginning_of_any_word_of_a_note_finds_it(library: Library, words: list[str], data: st.DataObject) -> None:
    ids = put(library, film={})
    library.set_note(ids["film"], " ".join(words))
    word = data.draw(st.sampled_from(words))
    typed = word[: data.draw(st.integers(1, len(word)))].upper()
    assert names(library, Query(text=typed)) == ["film"]


def test_quotation_marks_and_operators_are_only_words() -> None:
    assert match_of('a"b OR * ( -') == '"a""b"* "OR"*'


images_of_all_kinds = st.lists(
    st.builds(
        lambda day, view, modality, patient: {
            "taken": day,
            "view": view,
            "modality": modality,
            "patient_key": patient,
            "patient_name": patient.upper(),
        },
        st.sampled_from(["", "20200101", "20200101120000", "20200315", "20210101"]),
        st.sampled_from(list(View)),
        st.sampled_from(["CR", "DX", ""]),
        st.sampled_from("abc"),
    ),
    max_size=12,
)
queries = st.builds(
    Query,
    first_date=st.sampled_from(["", "20200101", "20200201"]),
    last_date=st.sampled_from(["", "20200101", "20201231"]),
    views=st.sampled_from([(), (View.PA,), (View.AP, View.UNKNOWN)]),
    modalities=st.sampled_from([(), ("CR",), ("CR", "")]),
    is_read=st.sampled_from([None, True, False]),
    is_starred=st.sampled_from([None, True, False]),
    sort=st.sampled_from([Sort.DATE, Sort.VIEW, Sort.MODALITY, Sort.READ, Sort.STAR, Sort.NAME, Sort.ADDED]),
    is_descending=st.booleans(),
)
SORTED_BY = {
    Sort.DATE: lambda image: image.taken,
    Sort.VIEW: lambda image: str(image.view),
    Sort.MODALITY: lambda image: image.modality,
    Sort.READ: lambda image: image.is_read,
    Sort.STAR: lambda image: image.is_starred,
    Sort.NAME: lambda image: str(image.ref.path),
    Sort.ADDED: lambda image: image.id,
}


def is_wanted(image: Image, query: Query) -> bool:
    day = image.taken[:8]
    return (
        (not query.first_date or day >= query.first_date)
        and (not query.last_date or "" < day <= query.last_date)
        and (not query.views or image.view in query.views)
        and (not query.modalities or image.modality in query.modalities)
        and query.is_read in (None, image.is_read)
        and query.is_starred in (None, image.is_starred)
    )


@given(images_of_all_kinds, queries, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_any_query_finds_what_looking_at_every_image_finds(images: list[dict[str, object]], query: Query, chance: random.Random) -> None:
    with TemporaryDirectory() as folder:
        library = open_library(Path(folder) / "l.sqlite3")
        ids = list(put(library, **{f"f{number:02}": fields for number, fields in enumerate(images)}).values())
        library.set_read([each for each in ids if chance.random() < 0.5], is_read=True)
        library.set_starred([each for each in ids if chance.random() < 0.5], is_starred=True)
        everything = library.images(ids)
        expected = sorted((each for each in everything if is_wanted(each, query)), key=lambda each: (SORTED_BY[query.sort](each), each.id))
        found = library.find(query)
        assert [each.id for each in expected] == list(found if not query.is_descending else found[::-1])
        assert library.count(query) == len(expected)
        library.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """50,000 images of 20,000 patients."""
    library = open_library(tmp_path_factory.mktemp("large") / "l.sqlite3")
    chance = random.Random(0)
    entries = []
    for number in range(50_000):
        patient, day = chance.randrange(20_000), f"20{chance.randrange(10, 26)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        header = replace(
            PLAIN,
            patient_key=f"id:{patient}",
            patient_name=f"Name{patient}",
            study_key=day,
            taken=day,
            view=chance.choice(list(View)),
            modality=chance.choice(["CR", "DX"]),
        )
        entries.append(Entry(ImageRef(Path(f"/data/folder{number % 90}/{number}.dcm")), 1, 1, header))
    write_entries(library, entries)
    yield library
    library.close()


def plan(library: Library, query: Query) -> list[str]:
    statement = ids_statement(query)
    with library.database.reading() as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)]


@pytest.mark.parametrize(("sort", "is_descending"), list(product(Sort, (True, False))))
def test_every_order_of_50000_images_is_read_from_an_index(large: Library, sort: Sort, is_descending: bool) -> None:
    steps = plan(large, Query(sort=sort, is_descending=is_descending))
    assert not any("TEMP B-TREE" in step for step in steps), steps
    if sort is not Sort.ADDED:  # the table itself lies in that order
        assert all("INDEX" in step for step in steps), steps
    assert len(large.find(Query(sort=sort, is_descending=is_descending))) == 50_000


@pytest.mark.parametrize(
    "query",
    [
        Query(views=(View.PA,), modalities=("DX",)),
        Query(is_read=False),
        Query(is_starred=False),
        Query(is_missing=False),
        Query(text="name1"),
        Query(text="name1", views=(View.PA,), is_read=False),
        Query(first_date="20150101", last_date="20161231"),
    ],
)
def test_the_list_by_date_touches_no_row_whatever_the_filter(large: Library, query: Query) -> None:
    steps = [step for step in plan(large, query) if "image" in step]
    assert steps
    assert all("COVERING INDEX image_by_date" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in plan(large, query))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(is_starred=True), "image_by_star (is_starred=?)"),
        (Query(has_note=True), "image_by_note (has_note=?)"),
        (Query(is_missing=True), "image_by_presence (is_missing=?)"),
        (Query(is_readable=False), "image_by_readability (is_readable=?)"),
        (Query(patient=7), "image_by_patient (patient=?)"),
        (Query(study=7), "image_by_study (study=?)"),
        (Query(label="covid19", model="m"), "score_by_label (model=? AND label=?)"),
        (Query(label="covid19", model="m", least_score=0.5), "score_by_label (model=? AND label=? AND probability>?)"),
        (Query(flag="child"), "sqlite_autoindex_flag_1 (name=?)"),
        (Query(folder=Path("/data/folder7")), "sqlite_autoindex_image_1 (path>? AND path<?)"),
    ],
)
def test_a_rare_thing_is_looked_up_and_not_searched_for(large: Library, query: Query, index: str) -> None:
    steps = plan(large, query)
    assert any(index in step for step in steps), steps
    assert not any(step.startswith("SCAN image") for step in steps)


def test_a_page_comes_by_its_ids(large: Library) -> None:
    ids = large.find(Query())
    page = large.images(ids[30_000:30_100])
    assert [image.id for image in page] == list(ids[30_000:30_100])
    assert [image.taken for image in page] == sorted((image.taken for image in page), reverse=True)


def test_a_folder_is_not_its_namesake(large: Library) -> None:
    assert large.count(Query(folder=Path("/data/folder7"))) == sum(number % 90 == 7 for number in range(50_000))
