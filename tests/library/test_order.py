"""Lists of the library that can be stepped through."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrview.core.image import ImageRef
from cxrview.library.library import Library
from cxrview.library.records import Query, Sort
from tests.library.rows import put

OLDEST_FIRST = Query(sort=Sort.ADDED, is_descending=False)


def filled(library: Library) -> dict[str, int]:
    """Two studies of one patient with another patient's image between them."""
    return put(
        library,
        a={"patient_key": "id:1", "study_key": "s:1"},
        b={"patient_key": "id:2", "study_key": "s:9"},
        c={"patient_key": "id:1", "study_key": "s:2"},
        d={"patient_key": "id:1", "study_key": "s:1"},
    )


def test_a_list_gives_ids_refs_and_places_in_the_order_of_the_query(library: Library) -> None:
    ids = filled(library)
    order = library.order(OLDEST_FIRST)
    assert list(order.ids) == [ids[name] for name in "abcd"]
    assert [ref.path.stem for ref in order.refs] == list("abcd")
    assert [ref.path.stem for ref in order.refs[1:3]] == ["b", "c"]
    assert [order.places[ref] for ref in order.refs] == [0, 1, 2, 3]
    assert list(order.places) == list(order.refs)
    assert order.places.get(ImageRef(Path("/films/z.dcm")), -1) == -1
    assert (order.patients, order.groups) == (2, ())


def test_grouped_patients_and_studies_stand_where_their_first_image_stands(library: Library) -> None:
    filled(library)
    order = library.order(OLDEST_FIRST, is_grouped=True)
    assert [ref.path.stem for ref in order.refs] == ["a", "d", "c", "b"]
    assert [(group.start, group.stop, group.studies) for group in order.groups] == [(0, 3, (0, 2)), (3, 4, (3,))]
    assert order.patients == 2


@pytest.mark.parametrize("count", [1, 2, 80])
def test_a_list_can_be_limited_to_several_paths_however_many(library: Library, count: int) -> None:
    filled(library)
    names = ["/films/a.dcm", "/films/c.dcm", *(f"/elsewhere/{number}" for number in range(count))]
    assert [ref.path.stem for ref in library.order(Query(below=tuple(map(Path, names)), sort=Sort.NAME, is_descending=False)).refs] == [
        "a",
        "c",
    ]
    assert library.count(Query(below=(Path("/films"), *map(Path, names)))) == 4
    assert library.count(Query(below=(Path("/film"), *map(Path, names[2:])))) == 0


def test_a_list_by_patients_name_can_be_stepped_through(library: Library) -> None:
    put(library, a={"patient_key": "1", "patient_name": "Z"}, b={"patient_key": "2", "patient_name": "A"})
    order = library.order(Query(sort=Sort.PATIENT, is_descending=False))
    assert [ref.path.stem for ref in order.refs] == ["b", "a"]


def test_what_was_opened_last_comes_first(library: Library, tmp_path: Path) -> None:
    import datetime as dt

    from cxrview.library.index import index_paths

    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    for day, folder in enumerate((*folders, folders[0]), 1):
        index_paths(library, [folder], now=dt.datetime(2024, 1, day, tzinfo=dt.UTC))
    assert library.recent(5) == (folders[0], folders[1])
    assert library.recent(1) == (folders[0],)
