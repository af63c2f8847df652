"""The list by patient as rows: folded and unfolded, forwards and backwards."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cxrview.app.browser import Listing, listing_of
from cxrview.app.outline import NodeKind, Outline
from cxrview.library.order import Key, order_of

PATIENTS = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), max_size=6)
"""For each patient, how many images each study has."""


def listing(patients: list[list[int]]) -> Listing:
    """Make a grouped list; the patients are numbered from 1."""
    keys: list[Key] = []
    for patient, studies in enumerate(patients, 1):
        for study, images in enumerate(studies):
            keys += [(len(keys) + 1 + at, patient, 10 * patient + study, f"/f/{len(keys) + at}.dcm", "", 0) for at in range(images)]
    return listing_of(order_of(keys, is_grouped=True))


def test_a_folded_patient_is_one_row_and_an_unfolded_one_shows_studies_and_images() -> None:
    made = listing([[1], [2, 1], [1]])
    assert [node.kind for node in Outline(made)] == [NodeKind.LONE_IMAGE, NodeKind.PATIENT, NodeKind.LONE_IMAGE]
    rows = Outline(made, {2})
    kinds = [node.kind for node in rows]
    image, study = NodeKind.IMAGE, NodeKind.STUDY
    assert kinds == [NodeKind.LONE_IMAGE, NodeKind.PATIENT, study, image, image, study, image, NodeKind.LONE_IMAGE]
    assert [(node.place, node.images) for node in rows] == [(0, 1), (1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (3, 1), (4, 1)]
    assert (rows[1].studies, rows[1].is_unfolded, rows[0].number, rows[7].number) == (2, True, 1, 3)


@given(PATIENTS, st.sets(st.integers(1, 6)))
def test_every_image_is_found_in_its_row_or_in_its_patients(patients: list[list[int]], unfolded: set[int]) -> None:
    made = listing(patients)
    rows = Outline(made, unfolded)
    nodes = [rows[row] for row in range(len(rows))]
    for place in range(len(made.ids)):
        node = nodes[rows.row_of(place)]
        assert place in node.places
        assert node.is_image or node.patient not in unfolded
    assert rows.row_of(len(made.ids)) == -1
    assert rows.row_of(-1) == -1


@given(PATIENTS)
def test_unfolding_everybody_shows_each_image_once_in_the_order_of_the_list(patients: list[list[int]]) -> None:
    made = listing(patients)
    rows = Outline(made, set(range(1, 7)))
    assert [node.place for node in (rows[row] for row in range(len(rows))) if node.is_image] == list(range(len(made.ids)))
