"""Removed places are filled as the equations say, and a map of another picture loses by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cxrview.core.results import Heatmap
from cxrview.engine.explain import explain
from cxrview.engine.onnx import OnnxPredictor
from cxrview.evaluation.explanations import logit_of
from cxrview.evaluation.readings import prepared
from cxrview.evaluation.road import KERNEL, imputed, remove_and_debias
from tests.evaluation import films


def by_elimination(plane: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Solve the equations of the paper as they stand there, all at once."""
    rows, columns = plane.shape
    matrix, right = np.eye(plane.size), np.where(mask, 0.0, plane).reshape(-1)
    for row, column in np.argwhere(mask):
        place = row * columns + column
        matrix[place, place] = 0.0
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                weight = KERNEL[down + 1, across + 1]
                if weight and 0 <= row + down < rows and 0 <= column + across < columns:
                    matrix[place, place] += weight
                    matrix[place, (row + down) * columns + column + across] -= weight
    return np.linalg.solve(matrix, right).reshape(plane.shape)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_filling_solves_the_equations_of_the_paper_and_leaves_the_rest_alone(part):
    rng = np.random.default_rng(int(part * 10))
    picture = rng.normal(size=(2, 24, 17)).astype(np.float32)
    mask = rng.random((24, 17)) < part
    made = imputed(picture, mask, rng, noise=0.0)
    for plane, filled in zip(picture, made, strict=True):
        np.testing.assert_allclose(filled, by_elimination(plane.astype(np.float64), mask), atol=5e-3)
        np.testing.assert_array_equal(filled[~mask], plane[~mask])


def test_noise_is_added_where_something_was_removed_and_nowhere_else():
    picture = np.random.default_rng(1).normal(size=(1, 32, 32)).astype(np.float32)
    mask = np.zeros((32, 32), np.bool_)
    mask[8:24, 8:24] = True
    one, two = (imputed(picture, mask, np.random.default_rng(seed), noise=0.1) for seed in (1, 2))
    assert 0.05 < np.abs(one - two)[0][mask].mean() < 0.2
    np.testing.assert_array_equal(one[0][~mask], two[0][~mask])


def test_a_wrong_map_is_told_from_a_true_one(networks):
    package = networks.honest
    predictor = OnnxPredictor(package, threads=1, cache_dir=None)
    answer = logit_of(predictor, 0)
    gains: dict[str, list[float]] = {"true": [], "upside down": [], "chance": []}
    for seed in range(1, 13, 2):
        film = films.film(seed, is_sick=True, is_marked=False)
        made = prepared(film.pixels, films.SPEC, film.lungs)
        (true,) = explain(made, package, predictor, method="occlusion")
        chance = np.random.default_rng(seed).permutation(true.values.reshape(-1)).reshape(true.values.shape)
        for name, values in (("true", true.values), ("upside down", -true.values), ("chance", chance)):
            gains[name].append(remove_and_debias(made, replace(true, values=values), answer).gain)
    predictor.close()
    assert min(gains["true"]) > 0.0
    assert np.mean(gains["true"]) > 3 * abs(np.mean(gains["chance"]))
    assert max(gains["upside down"]) < 0.0


def test_a_network_that_answers_the_same_to_everything_has_nothing_in_its_maps(networks):
    film = films.film(1, is_sick=True, is_marked=False)
    made = prepared(film.pixels, films.SPEC, film.lungs)
    flat = Heatmap(networks.honest.manifest.labels[0], np.zeros((8, 8), np.float32), method="Grad-CAM", target="logit")
    assert remove_and_debias(made, flat, lambda batch: np.full(len(batch), 2.0)).gain == 0.0
