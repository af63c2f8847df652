"""Baselines see the border or three numbers, and nothing of the patient they are tested on."""

from __future__ import annotations

import numpy as np
import pytest

from cxrview.core.errors import DataError
from cxrview.core.scores import sigmoid
from cxrview.evaluation.baselines import border_features, cross_fit, fit_and_score, shortcut_features, three_numbers
from cxrview.evaluation.logistic import fit_logistic
from cxrview.evaluation.metrics import auroc


def image(rng, width=60, height=50):
    return rng.integers(0, 256, (height, width), dtype=np.uint8)


def test_the_border_tells_nothing_of_the_inside():
    rng = np.random.default_rng(0)
    gray = image(rng)
    other = gray.copy()
    other[4:-4, 4:-4] = 0
    np.testing.assert_array_equal(border_features(gray), border_features(other))


@pytest.mark.parametrize(("row", "column"), [(0, 30), (-1, 30), (25, 0), (25, -1), (3, 30), (25, 3)])
def test_every_side_and_depth_of_the_border_is_seen(row, column):
    gray = np.zeros((50, 60), np.uint8)
    gray[row, column] = 255
    assert border_features(gray).sum() > 0


def test_border_features_have_one_length_for_all_sizes():
    rng = np.random.default_rng(0)
    lengths = {border_features(image(rng, width, height)).size for width, height in [(8, 8), (60, 50), (640, 31)]}
    assert lengths == {4 * 4 * 32}
    with pytest.raises(DataError, match="no border"):
        border_features(image(rng, 7, 20))


def test_three_numbers_are_mean_deviation_and_aspect():
    gray = np.array([[0, 255], [0, 255], [0, 255], [0, 255]], np.uint8)
    assert three_numbers(gray).tolist() == pytest.approx([0.5, 0.5, 0.5])
    assert three_numbers(gray, 1.25)[2] == 1.25


def test_features_are_taken_from_a_stream_of_images():
    rng = np.random.default_rng(0)
    border, numbers = shortcut_features((image(rng, 40 + k, 50) for k in range(5)), aspects=[1, 2, 3, 4, 5])
    assert border.values.shape == (5, 512)
    assert numbers.values[:, 2].tolist() == [1, 2, 3, 4, 5]
    assert shortcut_features(iter(())) == ()


def test_logistic_regression_agrees_with_sklearn():
    sklearn = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    features = rng.normal(size=(120, 7))
    truth = rng.random(120) < sigmoid(features[:, 0] * 2 - 1)
    own = fit_logistic(features, truth.astype(float), ridge=0.5)
    reference = sklearn.LogisticRegression(C=2.0, tol=1e-10, max_iter=1000).fit(features, truth)
    np.testing.assert_allclose(own.weights, reference.coef_[0], atol=1e-4)
    assert own.bias == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_separable_classes_still_give_finite_weights():
    features = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    model = fit_logistic(features, np.array([0.0, 0.0, 1.0, 1.0]), ridge=1e-3)
    assert np.isfinite(model.weights).all()
    assert auroc(model.logits(features), [False, False, True, True]) == 1.0


def test_a_regression_finds_what_the_border_gives_away():
    rng = np.random.default_rng(2)
    truth = rng.random(160) < 0.5
    grays = [image(rng) for _ in truth]
    for gray, is_positive in zip(grays, truth, strict=True):
        gray[:4] = gray[:4] // 2 + (100 if is_positive else 0)
    border, _ = shortcut_features(grays)
    assert auroc(fit_and_score(border.values[:80], truth[:80], border.values[80:]), truth[80:]) > 0.95
    assert auroc(cross_fit(border.values, truth, [str(k) for k in range(160)]), truth) > 0.95


def test_cross_fitting_learns_nothing_from_other_images_of_the_patient():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(60), 4)
    truth = (rng.random(60) < 0.5)[patients]
    fingerprint = rng.normal(size=(60, 200))[patients]
    scores = cross_fit(fingerprint, truth, [f"p{k}" for k in patients])
    leaking = cross_fit(fingerprint, truth, [str(k) for k in range(240)])
    assert auroc(leaking, truth) > 0.8
    assert auroc(scores, truth) < 0.65


def test_a_baseline_without_both_classes_is_refused():
    with pytest.raises(DataError, match="positives and negatives"):
        fit_and_score(np.zeros((3, 2)), [True, True, True], np.zeros((1, 2)))
