"""Flags: raised by what the file says, silent where it says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.core.flags import FLAG_MEANINGS, Flag, flags_of
from cxrview.core.image import ImageInfo, Pixels, Window, read_only

WINDOW = (Window(128, 256),)


def pixels(size: int = 512, windows: tuple[Window, ...] = WINDOW, **info: str) -> Pixels:
    return Pixels(values=read_only(np.zeros((size, size), np.uint8)), bits=8, windows=windows, info=ImageInfo(**info))


def test_a_file_that_says_nothing_raises_no_flag() -> None:
    assert flags_of(pixels(windows=())) == ()


def test_an_ordinary_chest_film_raises_no_flag() -> None:
    assert flags_of(pixels(format="DICOM", modality="DX", view="PA", body_part="CHEST", patient_age="054Y")) == ()


@pytest.mark.parametrize(
    ("info", "flag"),
    [
        ({"view": "LL"}, Flag.LATERAL),
        ({"view": "lateral"}, Flag.LATERAL),
        ({"body_part": "HAND"}, Flag.NOT_CHEST),
        ({"modality": "CT"}, Flag.NOT_RADIOGRAPH),
        ({"patient_age": "015Y"}, Flag.CHILD),
        ({"patient_age": "011M"}, Flag.CHILD),
    ],
)
def test_what_the_file_says_raises_its_flag(info: dict[str, str], flag: Flag) -> None:
    assert flags_of(pixels(**info)) == (flag,)


@pytest.mark.parametrize("age", ["016Y", "", "unknown", "Y", "200M"])
def test_grown_up_or_unknown_age_is_no_child(age: str) -> None:
    assert flags_of(pixels(patient_age=age)) == ()


def test_a_thumbnail_is_very_small() -> None:
    assert flags_of(pixels(size=127)) == (Flag.VERY_SMALL,)
    assert flags_of(pixels(size=128)) == ()


def test_only_dicom_misses_a_window() -> None:
    assert flags_of(pixels(windows=(), format="DICOM, JPEG 2000")) == (Flag.NO_WINDOW,)
    assert flags_of(pixels(windows=(), format="PNG")) == ()


def test_every_flag_has_a_meaning() -> None:
    assert set(FLAG_MEANINGS) == set(Flag)
