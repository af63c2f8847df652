"""Enhancements change gray levels and nothing else, and do what their publications say."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxrview.core.enhance import beasf, clahe, equalise, histogram_of, match_histogram
from cxrview.core.errors import UnsuitableImage
from cxrview.core.phantom import phantom

Gray = npt.NDArray[np.uint8]

SIDE = st.integers(16, 40)
PICTURE = arrays.arrays(np.uint8, st.tuples(SIDE, SIDE))
FLAT = tuple([1.0] * 256)


@pytest.fixture(scope="module")
def film() -> Gray:
    return phantom(3, size=(160, 180), bits=8).values


def slow_beasf(gray: Gray, gamma: float) -> list[int]:
    """Work BEASF out tone by tone from its description: cut at the mean, one logistic curve for each half.

    Each curve is centred at the tone where the half's cumulated histogram first exceeds one half, runs over five units in
    the width of the half, and is stretched so that the half is mapped onto itself.
    """
    tones = [int(tone) for tone in gray.ravel()]
    mean = math.floor(sum(tones) / len(tones))
    table = list(range(256))
    for low, high in ((mean, 255), (0, mean)):
        if low == high:
            return list(range(256))
        members = [tone for tone in tones if low <= tone <= high]
        median = next((t for t in range(low, high + 1) if sum(m <= t for m in members) > len(members) / 2), (low + high) // 2)
        curve = [1 / (1 + math.exp(-gamma * 5 * (t - median) / (high - low))) for t in range(low, high + 1)]
        for index, height in enumerate(curve):
            table[low + index] = round(low + (high - low) * (height - curve[0]) / (curve[-1] - curve[0]))
    return table


@settings(deadline=None)
@given(arrays.arrays(np.uint8, (9, 11)), st.floats(0.5, 4.0))
def test_beasf_agrees_with_the_slow_reference(gray: Gray, gamma: float) -> None:
    table = np.array(slow_beasf(gray, gamma))
    # Halves are rounded down or up as the last bit of a double falls.
    assert np.abs(beasf(gray, gamma=gamma).astype(int) - table[gray]).max() <= 1


@settings(deadline=None)
@given(PICTURE)
def test_beasf_keeps_the_order_of_tones_and_each_half_on_its_side(gray: Gray) -> None:
    made = beasf(gray)
    order = np.argsort(gray, axis=None, kind="stable")
    assert (np.diff(made.ravel()[order].astype(int)) >= 0).all()
    cut = int(gray.mean())
    assert made[gray <= cut].max(initial=0) <= cut
    assert made[gray > cut].min(initial=255) >= cut


def test_beasf_steepens_the_middle_of_each_half(film: Gray) -> None:
    ends = np.percentile(film, (10, 90))
    middle = film[(film > ends[0]) & (film < ends[1])]
    assert beasf(film, gamma=4.0)[(film > ends[0]) & (film < ends[1])].std() > middle.std()


@pytest.mark.parametrize("level", [0, 255])
def test_beasf_leaves_a_picture_without_two_halves_alone(level: int) -> None:
    gray = np.full((20, 20), level, np.uint8)
    assert np.array_equal(beasf(gray), gray)


def test_clahe_is_opencvs_with_the_given_clip_and_tiles(film: Gray) -> None:
    wanted = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(film)
    assert np.array_equal(clahe(film, clip=3.0, tiles=4), wanted)


def test_clahe_raises_local_contrast_and_more_with_a_higher_clip(film: Gray) -> None:
    def local_spread(gray: Gray) -> float:
        fine = gray.astype(np.float32)
        return float((fine - cv2.GaussianBlur(fine, (0, 0), 4)).std())

    assert local_spread(film) < local_spread(clahe(film, clip=1.5)) < local_spread(clahe(film, clip=4.0))


def test_equalising_a_ramp_of_all_tones_changes_nothing() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(32, 32)
    assert np.array_equal(equalise(ramp), ramp)


def test_equalising_spreads_crowded_tones_over_the_range() -> None:
    crowded = np.tile(np.arange(100, 132, dtype=np.uint8), (32, 1))
    made = equalise(crowded)
    assert (made.min(), made.max()) == (0, 255)
    assert np.ptp(np.diff(np.unique(made).astype(int))) <= 1


@settings(deadline=None)
@given(PICTURE)
def test_a_picture_matched_to_its_own_histogram_stays_as_it_is(gray: Gray) -> None:
    assert np.array_equal(match_histogram(gray, histogram_of([gray])), gray)


@settings(deadline=None)
@given(PICTURE)
def test_matching_keeps_the_order_of_tones(gray: Gray) -> None:
    made = match_histogram(gray, FLAT).ravel()[np.argsort(gray, axis=None, kind="stable")]
    assert (np.diff(made.astype(int)) >= 0).all()


def test_matching_undoes_a_change_of_brightness_and_contrast(film: Gray) -> None:
    changed = np.rint(film * 0.6 + 40).astype(np.uint8)
    restored = match_histogram(changed, histogram_of([film]))
    assert np.abs(restored.astype(int) - film).mean() < 1.5
    assert np.abs(changed.astype(int) - film).mean() > 15


@pytest.mark.parametrize("bad", [(), (1.0,) * 255, (0.0,) * 256])
def test_a_reference_that_is_no_histogram_is_refused(film: Gray, bad: tuple[float, ...]) -> None:
    with pytest.raises(UnsuitableImage, match="256 weights"):
        match_histogram(film, bad)


def test_the_mean_histogram_counts_every_picture_alike() -> None:
    black, white = np.zeros((4, 4), np.uint8), np.full((40, 40), 255, np.uint8)
    histogram = histogram_of([black, white])
    assert histogram[0] == histogram[255] == 0.5
    assert histogram.sum() == pytest.approx(1.0)
    assert histogram_of([]).sum() == 0.0


@pytest.mark.parametrize("step", [clahe, beasf, equalise, lambda gray: match_histogram(gray, FLAT)])
def test_every_enhancement_gives_gray_of_the_same_shape_and_leaves_its_input_alone(film: Gray, step: Callable[[Gray], Gray]) -> None:
    before = film.copy()
    made = step(film)
    assert made.dtype == np.uint8
    assert made.shape == film.shape
    assert np.array_equal(film, before)
