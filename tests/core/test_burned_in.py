"""What was written into a picture goes; the chest below it stays."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from cxrview.core.burned_in import find_marks, without_marks
from cxrview.core.phantom import phantom

Gray = npt.NDArray[np.uint8]
SIZE = (320, 320)


@pytest.fixture(scope="module")
def bare() -> Gray:
    """Scaled so that no anatomy is as bright as lead."""
    return (phantom(7, size=SIZE, bits=8).values * 0.85).astype(np.uint8)


def written(gray: Gray, text: str, at: tuple[int, int], tone: int) -> tuple[Gray, npt.NDArray[np.bool_]]:
    drawn = gray.copy()
    cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, tone, 2, cv2.LINE_AA)
    return drawn, drawn != gray


@pytest.mark.parametrize(("text", "at", "tone"), [("L", (290, 40), 255), ("AP 12:30", (6, 312), 255), ("2020", (130, 250), 0)])
def test_letters_and_dates_are_found_and_filled(bare: Gray, text: str, at: tuple[int, int], tone: int) -> None:
    drawn, is_text = written(bare, text, at, tone)
    if tone == 0:
        drawn = np.where(is_text, np.minimum(drawn, bare), bare).astype(np.uint8)
    cleaned = without_marks(drawn).astype(int)
    before = np.abs(drawn.astype(int) - bare)[is_text].mean()
    after = np.abs(cleaned - bare)[is_text].mean()
    assert before > 40
    assert after < 0.35 * before


def test_a_chest_without_writing_is_hardly_touched(bare: Gray) -> None:
    assert find_marks(bare).mean() < 0.002


def test_what_is_far_from_the_writing_stays_as_it_is(bare: Gray) -> None:
    drawn, _ = written(bare, "R", (10, 40), 255)
    assert np.array_equal(without_marks(drawn)[80:, 60:], drawn[80:, 60:])


def test_a_page_of_writing_is_left_alone() -> None:
    page = np.full(SIZE, 120, np.uint8)
    for row in range(12, 320, 14):
        cv2.putText(page, "chest radiograph report", (4, row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
    assert not find_marks(page).any()
    assert np.array_equal(without_marks(page), page)
