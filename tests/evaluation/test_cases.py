"""Cases carry what is known of them; folds keep patients whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.errors import DataError
from cxrview.evaluation.cases import Case, Split, group_folds, groups_of, indices, sources_of, truth_of

KNOWN = frozenset({"normal", "tuberculosis"})


def case(name, *positives, split=Split.TEST, source="shenzhen", known=KNOWN):
    return Case(Path(name), source, f"patient of {name}", frozenset(positives), known, split)


def test_a_case_positive_for_an_unknown_label_is_refused_by_name():
    with pytest.raises(DataError, match=r"b\.png: positive for covid19"):
        case("b.png", "covid19")


def test_truth_names_all_labels_or_says_there_is_none():
    assert case("a", "tuberculosis", "normal").truth == "normal+tuberculosis"
    assert case("a").truth == "no label"


def test_only_cases_with_known_truth_are_found():
    cases = [
        case("a", "normal"),
        case("b", "tuberculosis", split=Split.TRAIN),
        case("c", known=frozenset({"normal"})),
        case("d", "tuberculosis", source="elsewhere"),
    ]
    assert indices(cases, split=Split.TEST, label="tuberculosis").tolist() == [0, 3]
    assert indices(cases, split=Split.TEST, source="shenzhen").tolist() == [0, 2]
    assert truth_of(cases, "tuberculosis", [0, 1, 3]).tolist() == [False, True, True]
    assert groups_of(cases, [3]) == ("patient of d",)
    assert sources_of(cases, Split.TEST) == ("elsewhere", "shenzhen")


@given(patients=st.lists(st.integers(0, 15), min_size=1, max_size=60), seed=st.integers(0, 5))
def test_folds_never_split_a_patient(patients, seed):
    groups = [f"p{k}" for k in patients]
    fold = group_folds(groups, [k % 2 == 0 for k in patients], seed=seed)
    assert all(len({f for f, g in zip(fold.tolist(), groups, strict=True) if g == group}) == 1 for group in groups)
    assert fold.min() >= 0
    assert fold.max() < 5


def test_folds_share_patients_and_positives_evenly():
    groups = [f"p{k}" for k in range(50)]
    positives = np.arange(50) < 20
    fold = group_folds(groups, positives, folds=5, seed=4)
    assert np.bincount(fold).tolist() == [10] * 5
    assert np.bincount(fold, weights=positives).tolist() == [4] * 5
