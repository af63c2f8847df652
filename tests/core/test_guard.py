"""The likeness to training images is a p-value that holds for hospitals that were not learned from."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.core.guard import Guard, fit_guard, in_distribution


def hospital(seed: int, count: int, shift: float) -> np.ndarray:
    """Features of one source: its own mean, the same spread."""
    random = np.random.default_rng(seed)
    centre = np.random.default_rng(1000 + seed).normal(0.0, shift, 24)
    return (centre + random.normal(0.0, 1.0, (count, 24))).astype(np.float32)


def refused(guard: Guard, features: np.ndarray, below: float) -> float:
    """Share of images with a p-value below."""
    return float(np.mean([in_distribution(guard, row[:, None, None]) < below for row in features]))


def test_films_of_an_unseen_hospital_are_refused_about_as_often_as_stated() -> None:
    names = [f"h{number}" for number in range(8)]
    learned = np.concatenate([hospital(number, 120, 0.8) for number in range(8)])
    held_out = np.concatenate([hospital(number, 200, 0.8)[120:] for number in range(8)])
    sources = ([name for name in names for _ in range(120)], [name for name in names for _ in range(80)])
    unseen = np.concatenate([hospital(number, 100, 0.8) for number in range(20, 30)])
    plain, across = fit_guard(learned, held_out), fit_guard(learned, held_out, sources=sources)
    assert refused(across, unseen, 0.05) <= 0.10
    assert refused(plain, unseen, 0.05) > refused(across, unseen, 0.05)
    assert refused(across, unseen + 12.0, 0.05) == 1.0  # what is no chest lies much farther out


def test_one_source_is_calibrated_on_its_own_held_out_images() -> None:
    features = hospital(1, 300, 0.0)
    alone = fit_guard(features[:200], features[200:], sources=(["a"] * 200, ["a"] * 100))
    plain = fit_guard(features[:200], features[200:])
    np.testing.assert_array_equal(alone.distances, plain.distances)
    assert refused(plain, hospital(2, 400, 0.0), 0.05) == pytest.approx(0.05, abs=0.04)
