"""Changes of a picture keep to the recipe's bounds, move the mask along, and follow the generator alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrview.training.augment import augmented
from cxrview.training.recipe import AugmentRecipe

NOTHING = AugmentRecipe(0, 0, 1, 1, 0, 0, 0)
EVERYTHING = AugmentRecipe(stretch=0.2, gamma=0.3, noise=5, blur_px=1, erase=0.5, flip=0.5)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def film() -> np.ndarray:
    return random(9).integers(0, 256, (3, 48, 40), dtype=np.uint8)


def test_shape_and_depth_stay_the_picture_changes_and_the_same_seed_gives_the_same(film: np.ndarray) -> None:
    before = film.copy()
    changed = augmented(film, EVERYTHING, random(1))
    assert (changed.shape, changed.dtype) == (film.shape, np.uint8)
    assert (changed != film).mean() > 0.5
    np.testing.assert_array_equal(film, before)
    np.testing.assert_array_equal(changed, augmented(film, EVERYTHING, random(1)))
    assert not np.array_equal(changed, augmented(film, EVERYTHING, random(2)))
    np.testing.assert_array_equal(augmented(film, NOTHING, random()), film)


def test_the_planes_of_a_picture_are_changed_alike() -> None:
    gray = np.repeat(random(3).integers(0, 256, (1, 32, 32), dtype=np.uint8), 3, axis=0)
    first, *others = augmented(gray, replace(EVERYTHING, noise=0.0), random(4))
    for other in others:
        np.testing.assert_array_equal(first, other)


def centre_of(spot: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(spot > 128)
    return float(columns.mean()), float(rows.mean())


def test_a_spot_moves_by_what_the_recipe_allows_and_no_farther() -> None:
    spot = np.zeros((1, 101, 101), np.uint8)
    spot[:, 45:56, 75:86] = 255  # 30 px to the right of the middle
    turned = [centre_of(augmented(spot, replace(NOTHING, rotate_deg=20.0), random(seed))[0]) for seed in range(60)]
    angles = [np.degrees(np.arctan2(y - 50, x - 50)) for x, y in turned]
    assert -20.5 <= min(angles) < -12 < 12 < max(angles) <= 20.5
    assert [np.hypot(x - 50, y - 50) for x, y in turned] == pytest.approx([30.0] * 60, abs=0.6)
    moved = [centre_of(augmented(spot, replace(NOTHING, translate=0.1), random(seed))[0]) for seed in range(60)]
    assert 69.4 <= min(x for x, _ in moved) < 74 < 86 < max(x for x, _ in moved) <= 90.6
    zoomed = [centre_of(augmented(spot, replace(NOTHING, scale_low=0.8, scale_high=1.2), random(seed))[0])[0] - 50 for seed in range(60)]
    assert 30 * 0.78 <= min(zoomed) < 27 < 33 < max(zoomed) <= 30 * 1.22
    wide = [(augmented(spot, replace(NOTHING, stretch=0.4), random(seed))[0] > 128) for seed in range(60)]
    ratios = [float(np.ptp(np.nonzero(each)[1]) + 1) / (np.ptp(np.nonzero(each)[0]) + 1) for each in wide]
    assert np.exp(-0.4) - 0.15 <= min(ratios) < 0.85 < 1.15 < max(ratios) <= np.exp(0.4) + 0.2


def test_gray_levels_change_by_what_the_recipe_allows_and_no_farther() -> None:
    even = np.full((1, 16, 16), 100, np.uint8)
    levels = [int(augmented(even, replace(NOTHING, brightness=0.2), random(seed))[0, 0, 0]) for seed in range(60)]
    assert 79 <= min(levels) < 90 < 110 < max(levels) <= 121
    assert (augmented(even, replace(NOTHING, contrast=0.5), random(1)) == 100).all()  # contrast is about the mean
    halves = np.repeat(np.uint8([[[60] * 8 + [140] * 8]]), 16, axis=1)
    spans = [int(np.ptp(augmented(halves, replace(NOTHING, contrast=0.5), random(seed)))) for seed in range(60)]
    assert 38 <= min(spans) < 60 < 100 < max(spans) <= 122
    curved = [int(augmented(even, replace(NOTHING, gamma=0.5), random(seed))[0, 0, 0]) for seed in range(60)]
    assert 255 * (100 / 255) ** 1.5 - 1 <= min(curved) < 85 < 115 < max(curved) <= 255 * (100 / 255) ** (1 / 1.5) + 1
    noisy = [float(augmented(np.full((1, 64, 64), 100, np.uint8), replace(NOTHING, noise=8.0), random(seed)).std()) for seed in range(60)]
    assert 5 < max(noisy) <= 8.5


def test_a_mask_moves_with_the_picture_and_keeps_its_levels() -> None:
    picture = np.zeros((1, 64, 64), np.uint8)
    picture[:, 20:44, 12:30] = 255
    moving = replace(NOTHING, rotate_deg=20, translate=0.1, scale_low=0.8, scale_high=1.2, stretch=0.1, flip=0.5)
    for seed in range(8):
        image, mask = augmented(picture, moving, random(seed), mask=picture[0])
        np.testing.assert_array_equal(image, mask)
    image, mask = augmented(picture, replace(moving, brightness=0.5, noise=9.0), random(3), mask=picture[0])
    assert set(np.unique(mask)) >= {0, 255}
    assert not np.array_equal(image, mask)
