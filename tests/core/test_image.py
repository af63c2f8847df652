"""Names people see, and arrays that nobody can change behind another's back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxrview.core.image import ImageRef, Pixels, read_only


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (ImageRef(Path("film.dcm")), "film.dcm"),
        (ImageRef(Path("disc.zip"), member="a/film.dcm"), "disc.zip!a/film.dcm"),
        (ImageRef(Path("film.dcm"), frame=2), "film.dcm#3"),
        (ImageRef(Path("disc.zip"), member="film.dcm", frame=1), "disc.zip!film.dcm#2"),
    ],
)
def test_a_ref_names_file_member_and_frame_counted_from_one(ref: ImageRef, name: str) -> None:
    assert str(ref) == name


def test_refs_sort_by_file_then_member_then_frame() -> None:
    refs = [ImageRef(Path("b")), ImageRef(Path("a"), "z"), ImageRef(Path("a"), "y", 1), ImageRef(Path("a"), "y", 0)]
    assert [str(ref) for ref in sorted(refs)] == ["a!y", "a!y#2", "a!z", "b"]


def test_equal_refs_are_one_key() -> None:
    assert len({ImageRef(Path("a"), "m", 1), ImageRef(Path("a"), "m", 1)}) == 1


def test_read_only_keeps_a_contiguous_array_where_it_is() -> None:
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    kept = read_only(array)
    assert np.shares_memory(kept, array)
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 1


def test_read_only_copies_a_strided_array_and_leaves_the_original_writable() -> None:
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    kept = read_only(array.T)
    assert kept.flags.c_contiguous
    assert not np.shares_memory(kept, array)
    assert np.array_equal(kept, array.T)
    array[0, 0] = 9
    assert kept[0, 0] == 0


def test_width_counts_columns_and_height_rows() -> None:
    pixels = Pixels(values=read_only(np.zeros((3, 5), np.uint8)), bits=8)
    assert (pixels.width, pixels.height) == (5, 3)


def test_pixels_compare_by_identity_not_by_array() -> None:
    values = read_only(np.zeros((2, 2), np.uint8))
    first, second = Pixels(values=values, bits=8), Pixels(values=values, bits=8)
    assert first == first
    assert first != second
